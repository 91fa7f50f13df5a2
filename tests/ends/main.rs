//! How things end: connections, graces, deadlines, and the life of a history (rules R3, R5, A7, P3, D3, D9, H2).
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::unreachable,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test fails by panicking"
)]

#[path = "../support/mod.rs"]
mod support;

mod abandonment;
mod bounds;
mod byes;
mod retired;
mod trouble;

use dormouse_core::contract::{Channel, Contract, Event, HistoryBounds, Json, Presence};
use serde_json::{Value, json};
use support::{Sleep, World, assert_same_asleep_in};

const DAY: u64 = 24 * 3_600_000;

fn bye(code: u16, reason: &str) -> Value {
    json!({"type": "bye", "code": code, "reason": reason})
}

fn rows(world: &World) -> usize {
    world.storage.rows().count()
}

fn bounded(bounds: HistoryBounds, sleep: Sleep) -> World {
    let channel = Channel::with_token().event::<Json>("say", Event::kept().rate(100)).history(bounds);
    let contract = Contract::new().channel("room:*", channel.presence::<Json>(Presence::list()));
    World::under(contract, "room:a", sleep)
}

/// Plays a script under these bounds, asleep and awake.
fn within(bounds: HistoryBounds, script: impl Fn(&mut World)) {
    assert_same_asleep_in(|sleep| bounded(bounds, sleep), script);
}

/// Whether any text of a message is on disk, or any id.
fn on_disk(world: &World) -> (usize, usize) {
    let texts = world.storage.rows().filter(|row| !row.text().is_empty()).count();
    (texts, world.storage.rows().filter(|row| !row.ids().is_empty()).count())
}
