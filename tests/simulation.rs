//! The reference client against the World.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::json;
use support::client::{Again, Reference, Told};
use support::{Joiner, World};

#[test]
fn d6_a_client_that_sees_a_gap_resumes_and_goes_on_in_order() {
    let mut world = World::of("chat:lobby");
    let ann = world.join_as("ann");
    let bob = world.join_as("bob");
    let mut client = Reference::new("bob");
    for text in world.socket(bob).texts.clone() {
        client.hear(&text, world.now);
    }
    for number in 1..=3 {
        world.send(ann, json!({"type": "publish", "event": "say", "data": {"text": format!("{number}")}}));
        world.settle();
    }
    let texts = world.socket(bob).texts[1..].to_vec();
    let messages: Vec<_> = texts.iter().filter(|text| text.contains("message")).collect();
    client.hear(messages[0], world.now);
    client.hear(messages[2], world.now);
    let asks = client.speak(world.now);
    assert_eq!(asks.len(), 1);
    world.send_text(bob, &asks[0]);
    client.hear(world.socket(bob).texts.last().unwrap(), world.now);
    let seqs = client.told.iter().filter_map(|told| match told {
        Told::Message { message, .. } => message["seq"].as_u64(),
        _ => None,
    });
    assert_eq!(seqs.collect::<Vec<_>>(), [1, 2, 3]);
    assert!(client.faults.is_empty(), "{:?}", client.faults);
    client.publish(json!({"event": "say", "data": {"text": "x"}}), Again::Always);
}
