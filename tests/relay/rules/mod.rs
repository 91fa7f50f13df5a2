//! The rules of a connection of many channels, a sentence each (rules M1 to M6, R4, R6, H3).

mod bench;
mod ends;
mod hello;
mod joins;
mod requests;
mod sleep;
mod troubles;
