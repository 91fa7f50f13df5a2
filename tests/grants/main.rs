//! Who may speak, and until when: abilities, `auth`, expiry, signing in later (rules A3, A5, A6, A7).
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

mod auth;
mod expiry;
mod rights;
mod sign_in;

use serde_json::{Value, json};
use support::{Client, Joiner, World};

fn auth(id: &str, joiner: &Joiner) -> Value {
    json!({"type": "auth", "id": id, "token": joiner.token()})
}

fn ack(id: &str) -> Value {
    json!({"type": "ack", "id": id})
}

fn bye(code: u16, reason: &str) -> Value {
    json!({"type": "bye", "code": code, "reason": reason})
}

fn may(user: &str, can: &[&str]) -> Joiner {
    Joiner::user(user).can(can)
}

/// The names on a list of members, by connection.
fn users(members: &Value) -> Vec<&str> {
    members.as_array().unwrap().iter().map(|member| member["user"].as_str().unwrap_or("nobody")).collect()
}

/// What the client was told of the presence of others since it was last asked.
fn presence(world: &mut World, client: Client) -> Vec<Value> {
    world.received(client).into_iter().filter(|frame| frame["type"] == "presence").collect()
}
