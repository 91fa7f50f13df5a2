//! The world around one channel: sockets, a clock, a disk, all in memory and without a moment's waiting.
#![allow(dead_code, reason = "each test file uses what it needs of it")]

pub mod client;
pub mod room;
pub mod script;
pub mod trouble;
pub mod world;

#[allow(unused_imports, reason = "each test file uses what it needs of it")]
pub use room::{in_channel, in_room, publish, say, seqs, unmetered};
#[allow(unused_imports, reason = "each test file uses what it needs of it")]
pub use world::{Client, Joiner, Sleep, World, both};
