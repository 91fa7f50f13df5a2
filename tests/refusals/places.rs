//! How many connections a user and members a channel may have (rule R5).

use serde_json::json;

use crate::support::room::contract;
use crate::support::{Joiner, Sleep, World, in_room, say};

#[test]
fn r5_a_user_has_20_connections_and_the_21st_is_turned_away() {
    in_room(|world| {
        let first = world.joined(&Joiner::user("ann"));
        for _ in 1..20 {
            world.joined(&Joiner::user("ann"));
        }
        world.pause();
        let refused = world.join("ann");
        let bye = world.receives(refused);
        assert_eq!((&bye["type"], &bye["code"]), (&json!("bye"), &json!(4100)));
        assert!(bye["retry_after"].as_u64().unwrap() > 0);
        assert_eq!(world.socket(refused).hung_up, Some(4100));
        world.leave(refused);
        let bob = world.joined(&Joiner::user("bob"));
        assert_eq!(world.welcome(bob)["user"], "bob");
        world.leave(first);
        let again = world.join("ann");
        assert_eq!(world.welcome(again)["user"], "ann");
    });
}

#[test]
fn r5_one_turned_away_was_never_a_member() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        let refused = world.join(&Joiner::user("bob").can(&["publish"]));
        assert_eq!(world.receives(refused), json!({"type": "bye", "code": 4003, "reason": "forbidden"}));
        assert_eq!(world.socket(refused).hung_up, Some(4003));
        world.send(refused, say("1", 1));
        world.leave(refused);
        world.drain();
        world.refute_received(ann);
    });
}

fn crowded(channel: &str, sleep: Sleep) -> World {
    let mut world = World::under(contract(), channel, sleep);
    world.limits.members = 4;
    world
}

#[test]
fn r5_a_channel_has_so_many_members_and_half_may_be_anonymous() {
    let mut world = crowded("open:a", Sleep::Always);
    let one = world.joined(&Joiner::anonymous());
    world.joined(&Joiner::anonymous());
    world.pause();
    let third = world.join(&Joiner::anonymous());
    assert_eq!(world.receives(third)["code"], 4100);
    world.leave(third);
    world.joined(&Joiner::user("ann").can(&["join"]));
    let fourth = world.joined(&Joiner::user("bob").can(&["join"]));
    assert_eq!(world.welcome(fourth)["type"], "welcome");
    let fifth = world.join(&Joiner::user("cat").can(&["join"]));
    assert_eq!(world.receives(fifth)["code"], 4100);
    world.leave(fifth);
    world.leave(one);
    let again = world.join(&Joiner::user("cat").can(&["join"]));
    assert_eq!(world.receives(again)["type"], "welcome");
}
