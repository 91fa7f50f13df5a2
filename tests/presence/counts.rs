//! When the list becomes a number, and when it comes back (rules P4, E2).

use dormouse_core::channel::HttpOperation;
use dormouse_core::limits::Limits;
use serde_json::json;

use crate::support::{Joiner, World, in_app, in_channel_both_ways, in_room_both_ways, say, seqs, unmetered};
use crate::{count, member, members, show, showing, told};

fn small(world: &mut World) {
    (world.limits.presence_list, world.limits.presence_list_back) = (3, 2);
}

#[test]
fn p4_the_bounds_are_200_members_64_kib_and_150() {
    let limits = Limits::default();
    assert_eq!((limits.presence_list, limits.presence_bytes, limits.presence_list_back), (200, 65_536, 150));
    assert_eq!(limits.count_every_ms, 1_000);
}

#[test]
fn p4_above_the_bound_members_are_counted_and_at_it_they_are_listed() {
    in_room_both_ways(|world| {
        small(world);
        let ann = world.joined(&Joiner::user("ann"));
        world.joined(&Joiner::user("bob"));
        let cat = world.joined(&Joiner::user("cat"));
        assert_eq!(world.welcome(cat)["members"].as_array().unwrap().len(), 3);
        world.received(ann);
        let dan = world.join(&Joiner::user("dan"));
        world.drain();
        assert_eq!((&world.welcome(dan)["count"], world.welcome(dan).get("members")), (&json!(4), None));
        assert_eq!(world.receives(ann), count(4));
        assert_eq!(members(world), json!({"count": 4}));
        world.pause();
        let eve = world.joined(&Joiner::user("eve"));
        assert_eq!((&world.welcome(eve)["count"], world.welcome(eve).get("members")), (&json!(5), None));
    });
}

#[test]
fn p4_a_count_is_told_at_most_once_a_second_and_only_when_it_changed() {
    in_room_both_ways(|world| {
        small(world);
        let ann = world.joined(&Joiner::user("ann"));
        let clients: Vec<_> = ["b", "c", "d"].iter().map(|user| world.joined(&Joiner::user(user))).collect();
        world.pause();
        let eve = world.join(&Joiner::user("eve"));
        world.drain_now();
        assert_eq!(world.receives(ann), count(5), "after a pause at once");
        world.leave(eve);
        world.advance(500);
        world.join(&Joiner::user("fay"));
        world.join(&Joiner::user("gus"));
        world.advance(499);
        world.refute_received(ann);
        world.advance(1);
        assert_eq!(world.receives(ann), count(6));
        world.advance(5_000);
        world.refute_received(ann);
        world.told(clients[0], show("new data"));
        world.advance(5_000);
        world.refute_received(ann);
        assert_eq!(world.timer(), None);
    });
}

#[test]
fn p4_who_was_told_a_number_that_did_not_last_is_told_the_one_that_did() {
    in_room_both_ways(|world| {
        small(world);
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        for user in ["c", "d", "e"] {
            world.joined(&Joiner::user(user));
        }
        world.drain();
        world.pause();
        world.leave(bob);
        world.drain_now();
        world.received(ann);
        // 4 were told just now.
        let fay = world.join(&Joiner::user("fay"));
        assert_eq!(world.welcome(fay)["count"], 5);
        world.leave(ann);
        world.advance(1_000);
        assert_eq!(world.received(fay).last().unwrap(), &count(4));
    });
}

#[test]
fn p4_when_few_are_left_the_list_comes_back_once() {
    in_room_both_ways(|world| {
        small(world);
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        let cat = world.joined(&Joiner::user("cat"));
        let dan = world.joined(&Joiner::user("dan"));
        world.pause();
        world.received(ann);
        world.leave(dan);
        world.drain();
        assert_eq!(world.receives(ann), count(3), "not yet: it does not flicker at the bound");
        world.pause();
        world.leave(cat);
        world.drain();
        assert_eq!(world.receives(ann), told("members", &[member(world, ann, "ann"), member(world, bob, "bob")]));
        world.pause();
        world.told(bob, show(1));
        assert_eq!(world.receives(ann), told("update", &[showing(world, bob, "bob", 1)]));
    });
}

#[test]
fn p4_a_list_of_many_bytes_is_counted_too_and_comes_back_at_three_quarters() {
    in_room_both_ways(|world| {
        world.limits.presence_bytes = 3_000;
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        let cat = world.joined(&Joiner::user("cat"));
        world.told(ann, show("x".repeat(1_000)));
        world.told(bob, show("x".repeat(1_000)));
        world.pause();
        world.received(ann);
        world.told(cat, show("x".repeat(1_000)));
        assert_eq!(world.receives(ann), count(3));
        world.pause();
        world.told(cat, show("x".repeat(700)));
        world.pause();
        world.refute_received(ann);
        world.told(cat, show("x"));
        assert_eq!(world.receives(ann)["members"].as_array().unwrap().len(), 3);
    });
}

#[test]
fn p4_whether_it_is_a_list_depends_on_what_it_was_also_after_sleep() {
    in_room_both_ways(|world| {
        small(world);
        world.limits.grace_ms = 60_000;
        let clients: Vec<_> = ["a", "b", "c", "d"].iter().map(|user| world.joined(&Joiner::user(user))).collect();
        world.leave(clients[0]);
        world.pause();
        // Three: a list on the way up, a number on the way down.
        let back = world.joined(&Joiner::user("b").connection(&world.connection(clients[1])));
        assert_eq!(world.welcome(back)["count"], 3);
        world.pause();
        // All break: nobody is left to whom it ever was a number.
        for client in [back, clients[2], clients[3]] {
            world.cut(client);
        }
        world.pause();
        let b = world.joined(&Joiner::user("b").connection(&world.connection(clients[1])));
        assert_eq!(world.welcome(b)["members"].as_array().map(Vec::len), Some(3));
    });
}

#[test]
fn p4_a_channel_that_only_counts_says_a_number_to_everyone() {
    in_channel_both_ways("open:a", |_| {});
    in_app("public:a", |world| {
        let guest = world.joined(&Joiner::anonymous());
        assert_eq!((&world.welcome(guest)["count"], world.welcome(guest).get("members")), (&json!(1), None));
        let ann = world.joined(&Joiner::user("ann"));
        assert_eq!(world.welcome(ann)["count"], 2);
        world.pause();
        let told = world.socket(guest).frames.last().unwrap().clone();
        assert_eq!(told, count(2));
        assert_eq!(world.get(&Joiner::user("zoe"), HttpOperation::Members), (200, json!({"count": 2})));
    });
}

#[test]
fn p4_a_number_that_is_due_while_a_crowd_talks_waits_for_the_batch() {
    in_room_both_ways(|world| {
        small(world);
        world.limits.flush_cost_us_per_member = 500_000;
        let ann = world.joined(&unmetered("ann"));
        for user in ["b", "c", "d"] {
            world.joined(&Joiner::user(user));
        }
        world.pause();
        let eve = world.join(&Joiner::user("eve"));
        world.advance(800);
        world.send(ann, say("1", 1));
        world.send(ann, say("2", 2));
        world.send(ann, say("3", 3));
        world.leave(eve);
        world.advance(10);
        world.send(ann, say("4", 4));
        world.drain();
        assert_eq!(seqs(&world.received(ann)), [1, 2, 3, 4]);
        assert_eq!(members(world), json!({"count": 4}));
        let last = world.socket(ann).frames.iter().rfind(|frame| frame["count"].is_u64()).unwrap().clone();
        assert_eq!(last, count(4));
    });
}
