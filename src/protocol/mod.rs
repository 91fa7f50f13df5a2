//! The wire: what a client may ask ([`request`]), what it is told ([`frame`]), and what may be JSON ([`ijson`]).

pub mod frame;
pub mod ijson;
pub mod request;

/// The sub-protocol this service speaks (rule E6).
pub const SUBPROTOCOL: &str = "dormouse.v1";
