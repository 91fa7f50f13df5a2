//! The application's own code on a channel (rules C1 to C6): plain synchronous functions that the contract names beside
//! what may be said.
//!
//! A handler gets the channel's [`State`], the [`Turn`] and what was said or asked. It judges an event
//! ([`Verdict`]), answers a [`Call`], or is told that somebody came or went or that a [`Timer`] has fired. What it
//! says, sets and starts goes with the turn: it is written together, or nothing of it happened.

mod chance;
mod named;
mod outcome;
mod refused;
pub(super) mod registry;
mod state;
mod turn;
mod verdict;
mod who;

pub use chance::Chance;
pub use named::{Call, Names, Said, Timer};
pub(crate) use outcome::{Outcome, Saying, TimerChange};
pub use refused::{Anonymous, Never, Reasons, Refused};
pub(crate) use registry::{Handlers, Judge, Reply, Snapshot, Told};
pub use state::State;
pub(crate) use state::{Cell, StateType};
pub use turn::{To, Turn};
pub use verdict::Verdict;
pub use who::Who;
