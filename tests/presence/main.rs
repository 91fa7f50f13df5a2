//! Who is here: the list, its changes, who comes back, and when it becomes a number (rules P1 to P4, E2).
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

mod changes;
mod counts;
mod graces;
mod members;

use dormouse_core::channel::HttpOperation;
use serde_json::{Value, json};
use support::{Client, Joiner, World};

fn show(data: impl Into<Value>) -> Value {
    json!({"type": "presence", "id": "p", "data": data.into()})
}

/// The member as it is on the list, showing nothing of itself.
fn member(world: &World, client: Client, user: &str) -> Value {
    json!({"user": user, "connection": world.connection(client)})
}

fn showing(world: &World, client: Client, user: &str, data: impl Into<Value>) -> Value {
    json!({"user": user, "connection": world.connection(client), "data": data.into()})
}

fn told(kind: &str, members: &[Value]) -> Value {
    json!({"type": "presence", kind: members})
}

fn count(count: u64) -> Value {
    json!({"type": "presence", "count": count})
}

fn members(world: &mut World) -> Value {
    world.drain();
    world.get(&Joiner::user("zoe"), HttpOperation::Members).1
}
