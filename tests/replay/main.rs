//! Coming back: what is replayed, what is behind, what is lost, and what reading back costs (rules D4, D6, D10).
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

mod costs;
mod nothing;
mod positions;

use serde_json::{Value, json};
use support::{Client, Joiner, Rooms, World, say, unmetered};

const KIB: usize = 1_024;

/// Joins with a position as it would stand in the query.
fn at(user: &str, epoch: Option<&str>, after: Option<&str>) -> Joiner {
    let own = |text: Option<&str>| text.map(str::to_owned);
    Joiner { epoch: own(epoch), after: own(after), ..Joiner::user(user) }
}

fn resume(id: &str, epoch: &str, after: impl Into<Value>) -> Value {
    json!({"type": "resume", "id": id, "epoch": epoch, "after": after.into()})
}

/// A room in which so many messages were kept, each in a row of its own, and the client that looked on.
fn kept(world: &mut World, count: usize) -> Client {
    let ann = world.joined(&Joiner::user("ann"));
    world.keep(count);
    world.pause();
    world.received(ann);
    ann
}

/// Keeps messages of this many bytes of data, at the same moment after the first.
fn keep_large(world: &mut World, user: &str, count: usize, bytes: usize) {
    let talker = world.joined(&unmetered(user));
    for number in 0..count {
        world.send(talker, say(&format!("{user}{number}"), "x".repeat(bytes)));
    }
    world.drain();
    world.leave(talker);
}
