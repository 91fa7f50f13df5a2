//! The world around one channel: sockets, a clock, a disk, all in memory and without a moment's waiting.
#![allow(dead_code, reason = "each test file uses what it needs of it")]

pub mod app;
pub mod client;
pub mod demo;
pub mod relayed;
pub mod room;
pub mod script;
pub mod world;

#[allow(unused_imports, reason = "each test file uses what it needs of it")]
pub use dormouse_core::testing::{BEGIN, Client, Doom, Joiner, Sleep, answers, assert_same_asleep_in, v8_bytes};
#[allow(unused_imports, reason = "each test file uses what it needs of it")]
pub use room::{
    Rooms, in_app, in_channel, in_channel_both_ways, in_room, in_room_both_ways, publish, say, seqs, unmetered,
};
#[allow(unused_imports, reason = "each test file uses what it needs of it")]
pub use world::{FIRST_LIFE, World};
