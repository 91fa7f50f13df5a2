//! The core, with two fake sockets: accept, reserve, flush, row, replay.
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

mod support;

use serde_json::json;
use support::{Joiner, World};

#[test]
fn d1_two_sockets_hear_one_kept_message_with_one_seq() {
    let mut world = World::new("chat:lobby");
    let ann = world.joined(&Joiner::user("ann"));
    let bob = world.joined(&Joiner::user("bob"));
    world.send(ann, json!({"type": "publish", "id": "1", "event": "say", "data": {"text": "hello"}}));
    let heard = world.receives(bob);
    assert_eq!(heard["seq"], 1);
    assert_eq!(heard["data"], json!({"text": "hello"}));
    assert_eq!(heard["from"], json!({"user": "ann", "connection": "c1"}));
    assert_eq!(world.receives(ann), heard);
}

#[test]
fn d4_one_who_comes_back_is_told_exactly_what_it_missed() {
    let mut world = World::new("chat:lobby");
    let ann = world.join("ann");
    let epoch = world.received(ann)[0]["epoch"].as_str().unwrap().to_owned();
    for number in 1..=5 {
        world.send(ann, json!({"type": "publish", "event": "say", "data": {"text": format!("{number}")}}));
    }
    world.drain();
    let bob = world.join(&Joiner::user("bob").after(&epoch, 2));
    let frames = world.received(bob);
    assert_eq!(frames[0]["resume"], "recovered");
    assert_eq!(frames[0]["seq"], 5);
    let seqs: Vec<_> = frames[1..].iter().filter_map(|frame| frame["seq"].as_u64()).collect();
    assert_eq!(seqs, [3, 4, 5]);
}
