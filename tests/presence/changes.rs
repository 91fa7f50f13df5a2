//! What the others are told of it (rule P2).

use serde_json::{Value, json};

use crate::support::{Joiner, in_room_both_ways, say};
use crate::{member, show, showing, told};

#[test]
fn p2_each_change_comes_to_the_others_once() {
    in_room_both_ways(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.join(&Joiner::user("bob"));
        world.drain();
        assert_eq!(world.receives(ann), told("join", &[member(world, bob, "bob")]));
        assert_eq!(world.receives(bob)["members"], json!([member(world, ann, "ann"), member(world, bob, "bob")]));
        world.told(bob, show(1));
        assert_eq!(world.receives(ann), told("update", &[showing(world, bob, "bob", 1)]));
        world.leave(bob);
        world.drain();
        assert_eq!(world.receives(ann), told("leave", &[showing(world, bob, "bob", 1)]));
    });
}

#[test]
fn p2_changes_that_fall_together_travel_in_one_frame() {
    in_room_both_ways(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        let cat = world.joined(&Joiner::user("cat"));
        world.received(ann);
        world.told(ann, say("1", 1));
        world.send(ann, json!({"type": "publish", "event": "nod", "data": 1}));
        world.drain();
        world.received(ann);
        world.send(ann, json!({"type": "publish", "event": "nod", "data": 1}));
        let dan = world.join(&Joiner::user("dan"));
        world.send(bob, show(1));
        world.leave(cat);
        world.drain();
        let frames = world.received(ann);
        let changes: Vec<_> = frames.iter().filter(|frame| frame["type"] == "presence").collect();
        assert_eq!(
            changes,
            [&json!({"type": "presence", "join": [member(world, dan, "dan")],
                "update": [showing(world, bob, "bob", 1)], "leave": [member(world, cat, "cat")]})]
        );
    });
}

#[test]
fn p2_arrivals_come_before_the_batchs_messages_and_leaves_after_them() {
    in_room_both_ways(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.received(ann);
        world.told(ann, say("0", 0));
        world.send(ann, say("1", 1));
        world.received(ann);
        world.send(bob, say("2", 2));
        world.leave(bob);
        let cat = world.join(&Joiner::user("cat"));
        world.send(cat, say("3", 3));
        world.drain();
        let frames = world.received(ann);
        let of = |frame: &Value| frame["seq"].as_u64().map_or_else(|| frame.clone(), Value::from);
        let order: Vec<_> = frames.iter().map(of).collect();
        assert_eq!(
            order,
            [
                told("join", &[member(world, cat, "cat")]),
                json!(3),
                json!(4),
                told("leave", &[member(world, bob, "bob")])
            ]
        );
    });
}

#[test]
fn p2_who_was_welcomed_between_two_changes_hears_of_the_second() {
    in_room_both_ways(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.told(bob, show("old"));
        world.received(ann);
        // The batch stays open while a batch window runs.
        world.send(ann, say("1", 1));
        let guest = world.join(&Joiner::user("guest"));
        world.send(bob, show("new"));
        let cat = world.join(&Joiner::user("cat"));
        let names = |welcome: &Value| welcome["members"].as_array().unwrap().len();
        assert_eq!(names(&world.welcome(cat)), 4);
        world.leave(guest);
        world.send(bob, show("old"));
        world.drain();
        let frames = world.received(cat);
        let last = |kind: &str| frames.iter().rev().find_map(|frame| frame[kind].as_array().cloned()).unwrap();
        assert_eq!(last("leave"), [member(world, guest, "guest")]);
        assert_eq!(last("update"), [showing(world, bob, "bob", "old")]);
        let seen = world.received(ann);
        assert!(seen.iter().any(|frame| frame["join"].to_string().contains("guest")), "{seen:?}");
    });
}

#[test]
fn p2_who_came_and_went_unseen_is_not_told_of() {
    in_room_both_ways(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.send(ann, say("1", 1));
        world.received(ann);
        let guest = world.join(&Joiner::user("guest"));
        world.leave(guest);
        world.drain();
        world.refute_received(ann);
    });
}
