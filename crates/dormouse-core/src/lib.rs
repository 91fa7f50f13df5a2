//! Dormouse's machines: plain synchronous Rust, no clock, randomness, socket or `async`; time and names come in as
//! arguments, effects go out as values. What a machine may not name is not among this crate's dependencies.

pub mod channel;
mod clock;
mod context;
pub mod contract;
mod deadlines;
mod edge;
pub mod effect;
pub mod grant;
mod hub;
pub mod limits;
pub mod member_map;
mod meter;
pub mod pattern;
pub mod rate;
pub mod setting;
pub mod steps;
pub mod storage;

pub use edge::{hibernated_session, session};
pub use hub::history;

/// The examples of README.md, tried with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Another name of the standard map, for the one file that is yet to say the map's own.
mod small_map {
    pub(crate) use std::collections::BTreeMap as SmallMap;
}
