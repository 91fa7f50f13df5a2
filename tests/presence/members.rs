//! Who is on the list, and what is shown of whom (rule P1).

use dormouse_core::channel::HttpOperation;
use serde_json::{Value, json};

use crate::support::{Joiner, in_channel_both_ways, in_room_both_ways, say, seqs};
use crate::{member, members, show, showing, told};

#[test]
fn p1_joining_with_the_ability_enters_and_the_grants_info_is_shown() {
    in_room_both_ways(|world| {
        let bob = world.joined(&Joiner::user("bob"));
        let ann = world.joined(&Joiner::user("ann").info(json!({"name": "Ann"})));
        let shown = json!({"user": "ann", "connection": world.connection(ann), "info": {"name": "Ann"}});
        let all = json!([member(world, bob, "bob"), shown]);
        assert_eq!(world.welcome(ann)["members"], all);
        assert_eq!(members(world), json!({"members": all}));
    });
}

#[test]
fn p1_without_the_ability_one_neither_sees_nor_is_seen() {
    in_room_both_ways(|world| {
        let blind = world.joined(&Joiner::user("ann").can(&["join", "publish"]));
        let bob = world.joined(&Joiner::user("bob"));
        assert!(world.welcome(blind).get("members").is_none());
        assert_eq!(world.welcome(bob)["members"], json!([member(world, bob, "bob")]));
        world.refute_received(blind);
        world.refuses(blind, show(1), "forbidden");
        world.leave(blind);
        world.drain();
        world.refute_received(bob);
    });
}

#[test]
fn p1_presence_sets_and_changes_data() {
    in_room_both_ways(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        for data in [json!({"typing": true}), json!("away"), json!(0), json!([])] {
            let answered = world.told(ann, show(data.clone()));
            assert_eq!(answered[0], json!({"type": "ack", "id": "p"}));
            assert_eq!(world.receives(bob), told("update", &[showing(world, ann, "ann", data.clone())]));
            world.pause();
        }
        world.told(ann, show(json!([])));
        world.refute_received(bob);
    });
}

#[test]
fn p1_data_has_at_most_a_kibibyte() {
    in_room_both_ways(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.refuses(ann, show("x".repeat(1_023)), "too_large");
        world.refute_received(bob);
        assert_eq!(world.told(ann, show("x".repeat(1_022)))[0]["type"], "ack");
        assert_eq!(world.received(bob).len(), 1);
    });
}

#[test]
fn p1_null_leaves_the_list_while_staying_connected_and_data_enters_it_again() {
    in_room_both_ways(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.told(ann, show("here"));
        let shown = showing(world, ann, "ann", "here");
        world.received(bob);
        world.pause();
        assert_eq!(world.told(ann, show(Value::Null)), [json!({"type": "ack", "id": "p"}), told("leave", &[shown])]);
        assert_eq!(world.received(bob).len(), 1);
        assert_eq!(members(world)["members"], json!([member(world, bob, "bob")]));
        assert_eq!(seqs(&world.told(bob, say("1", 1))), [1]);
        assert_eq!(seqs(&world.received(ann)), [1], "it hears on");
        world.pause();
        world.told(ann, show(Value::Null));
        world.refute_received(bob);
        world.told(ann, show("back"));
        assert_eq!(world.receives(bob), told("join", &[showing(world, ann, "ann", "back")]));
        world.told(ann, show(Value::Null));
        world.received(bob);
        world.leave(ann);
        world.drain();
        world.refute_received(bob);
    });
}

#[test]
fn p1_on_a_channel_without_presence_nobody_is_shown() {
    in_channel_both_ways("dark:a", |world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.joined(&Joiner::user("bob"));
        assert!(world.welcome(ann).get("members").is_none());
        world.refute_received(ann);
        world.refuses(ann, show(1), "forbidden");
        assert_eq!(world.get(&Joiner::user("zoe"), HttpOperation::Members).0, 404);
    });
}
