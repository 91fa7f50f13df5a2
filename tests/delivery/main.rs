//! Delivery: one order, on disk before it is told, one epoch a life, conditional publishes (rules D1 to D3, D5, D8).
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

mod conditional;
mod epoch;
mod order;

use serde_json::{Value, json};
use support::say;

/// A conditional publish.
fn if_seq(id: &str, seq: u64) -> Value {
    let mut frame = say(id, id);
    frame["if_seq"] = json!(seq);
    frame
}
