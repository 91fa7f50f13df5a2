//! What both ends of Dormouse's wire share: names, codes, what a client may ask ([`request`]), what it is told
//! ([`frame`]), and what may be JSON ([`ijson`], [`text`]). The rules are those of PROTOCOL.md, by their ids.

pub mod error;
mod fields;
pub mod frame;
pub mod ijson;
pub mod keys;
pub mod multiplex;
pub mod name;
pub mod request;
pub mod text;
mod whole_numbers;

/// The sub-protocol this service speaks (rule E6).
pub const SUBPROTOCOL: &str = "dormouse.v1";

/// The examples of README.md, tried with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
