//! Dormouse's machines: plain synchronous Rust, no clock, randomness, socket or `async`; time and names come in as
//! arguments, effects go out as values. What a machine may not name is not among this crate's dependencies.

pub mod batch;
pub mod channel;
pub mod clock;
pub mod contract;
pub mod deadlines;
pub mod disconnect_graces;
pub mod effect;
pub mod grant;
pub mod hibernated_session;
pub mod hibernated_sessions;
pub mod history;
pub mod limits;
pub mod pattern;
pub mod places;
pub mod presence;
pub mod rate;
pub mod roster;
pub mod session;
pub mod setting;
pub mod small_map;
pub mod sorted_vec_map;
pub mod steps;
pub mod storage;

/// The examples of README.md, tried with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
