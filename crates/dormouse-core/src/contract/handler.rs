//! The application's own code on a channel (rules C1 to C6): plain synchronous functions that the contract names beside
//! what may be said.
//!
//! A handler gets the channel's [`State`], the [`Turn`] and what was said or asked. It judges an event
//! ([`Verdict`]), answers a [`Call`], or is told that somebody came or went or that a [`Timer`] has fired. What it
//! says, sets and starts goes with the turn: it is written together, or nothing of it happened.

mod binding_call;
mod encoded;
mod http_call;
mod job;
mod named;
mod outcome;
mod random;
mod refused;
pub(super) mod registry;
mod rows;
mod state;
mod surroundings;
mod turn;
mod verdict;
mod who;

pub use binding_call::BindingCall;
pub use http_call::HttpCall;
pub(crate) use job::Tried;
pub use job::{ANSWER_BYTES_MAX, JobAnswer, JobFailed, JobRequest, Outside};
pub use named::{Call, Job, Names, Rows, Said, Timer};
pub(crate) use outcome::{Outcome, Saying, Started};
pub use refused::{Anonymous, Never, Reasons, Refused};
#[cfg(test)]
pub(crate) use registry::SNAPSHOT_BYTES_MAX;
pub(crate) use registry::{Handlers, JobCode, Judge, Reply, Snapshot, Told};
#[cfg(test)]
pub(crate) use state::STATE_BYTES_MAX;
pub use state::State;
pub(crate) use state::{Cell, StateType};
pub(crate) use surroundings::Around;
pub use surroundings::Surroundings;
pub use turn::{To, Turn};
pub use verdict::Verdict;
pub use who::Who;
