//! Timers (rule C6).

use crate::support::{Joiner, in_app};
use serde_json::json;

#[test]
fn c6_a_timer_fires_once_at_its_time_in_sleep_too_and_after_everybody_has_left() {
    in_app("demo:a", |world| {
        let ann = world.joined("ann");
        world.ask(ann, "remind", json!({"after_ms": 100_000, "text": "tea"}));
        world.received(ann);
        world.advance(99_999);
        world.refute_received(ann);
        world.advance(1);
        world.drain();
        assert_eq!(world.receives(ann)["data"], json!({"by": "ann", "text": "tea"}));
        world.advance(1_000_000);
        world.refute_received(ann);

        world.ask(ann, "remind", json!({"after_ms": 1_000_000, "text": "later"}));
        world.leave(ann);
        world.advance(2_000_000);
        let bob = world.joined("bob");
        world.send(bob, json!({"type": "history", "id": "h"}));
        let page = world.receives(bob);
        let texts: Vec<_> = page["messages"].as_array().unwrap().iter().map(|it| it["data"]["text"].clone()).collect();
        assert_eq!(texts, ["tea", "later"]);
    });
}

#[test]
fn c6_a_timer_that_is_set_again_replaces_the_one_before() {
    in_app("demo:a", |world| {
        let ann = world.joined("ann");
        world.ask(ann, "remind", json!({"after_ms": 1_000, "text": "early"}));
        world.ask(ann, "remind", json!({"after_ms": 60_000, "text": "late"}));
        world.received(ann);
        world.advance(59_000);
        world.refute_received(ann);
        world.advance(1_000);
        world.drain();
        assert_eq!(world.receives(ann)["data"]["text"], "late");
    });
}

#[test]
fn c6_a_timer_set_over_http_wakes_a_channel_that_nobody_has_joined() {
    in_app("demo:a", |world| {
        world.post_call(&Joiner::user("ann"), "remind", None, json!({"after_ms": 5_000, "text": "tea"}));
        world.advance(30_000);
        let bob = world.joined("bob");
        assert_eq!(world.welcome(bob)["seq"], 1);
    });
}

#[test]
fn c6_a_firing_that_cannot_be_written_is_tried_again() {
    in_app("demo:a", |world| {
        let ann = world.joined("ann");
        world.ask(ann, "remind", json!({"after_ms": 1_000, "text": "tea"}));
        world.received(ann);
        world.trouble.write = Some(0);
        world.advance(60_000);
        world.drain();
        assert_eq!(world.receives(ann)["data"]["text"], "tea");
    });
}
