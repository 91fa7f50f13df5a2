//! Rules C1 to C8: the application's own code in a channel, played in memory, asleep wherever the platform could.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    missing_docs,
    reason = "an application's code as its owner writes it"
)]

#[path = "../support/mod.rs"]
mod support;

mod alarms;
mod board;
mod calls;
mod failing;
mod guests;
mod jobs;
mod judged;
mod proof;
mod releases;
mod replies;
mod rows;
mod snapshots;
mod ticks;
mod timers;

use dormouse_core::contract::Application as _;
use dormouse_core::testing::{World, assert_same_asleep_in};

/// Plays a script on a board, awake all the time and asleep wherever the platform could, and compares what was told.
#[track_caller]
fn on_board(script: impl Fn(&mut World<board::Board>)) {
    assert_same_asleep_in(|sleep| World::under(board::Board::contract(), "board:a", sleep), script);
}
