//! Who leaves, who comes back, and who was never gone (rule P3).

use serde_json::{Value, json};

use crate::support::{Joiner, Rooms, World, in_channel_both_ways, in_room, in_room_both_ways, say, seqs};
use crate::{count, member, members, show, showing, told};

#[test]
fn p3_a_clean_close_leaves_at_once() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.leave(bob);
        assert_eq!(world.receives(ann), told("leave", &[member(world, bob, "bob")]));
        assert_eq!(dormouse_core::storage::Storage::rows_written(&world.storage), 0, "no row for it");
    });
}

#[test]
fn p3_a_broken_connection_leaves_after_10_s_and_not_before() {
    in_room_both_ways(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.pause();
        world.cut(bob);
        world.advance(9_999);
        world.refute_received(ann);
        assert_eq!(members(world)["members"].as_array().unwrap().len(), 2);
        world.advance(1);
        assert_eq!(world.receives(ann), told("leave", &[member(world, bob, "bob")]));
        assert_eq!(members(world)["members"].as_array().unwrap().len(), 1);
    });
}

#[test]
fn p3_who_comes_back_within_10_s_was_never_gone() {
    in_room_both_ways(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.told(bob, show("here"));
        world.received(ann);
        world.pause();
        world.cut(bob);
        world.advance(9_999);
        let back = world.join(&Joiner::user("bob").connection(&world.connection(bob)));
        world.drain();
        assert_eq!(world.connection(back), world.connection(bob));
        let all = [member(world, ann, "ann"), showing(world, bob, "bob", "here")];
        assert_eq!(world.welcome(back)["members"], json!(all));
        world.advance(60_000);
        world.refute_received(ann);
        assert_eq!(members(world)["members"], json!(all));
        world.told(back, say("1", 1));
        assert_eq!(world.receives(ann)["from"]["connection"], json!(world.connection(bob)));
        world.leave(back);
        assert_eq!(world.receives(ann), told("leave", &[showing(world, bob, "bob", "here")]));
    });
}

#[test]
fn p3_who_comes_back_too_late_is_new() {
    in_room_both_ways(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.cut(bob);
        world.advance(10_000);
        world.received(ann);
        let back = world.joined(&Joiner::user("bob").connection(&world.connection(bob)));
        assert_ne!(world.connection(back), world.connection(bob));
    });
}

#[test]
fn p3_another_users_or_an_unknown_connection_is_passed_over() {
    in_room_both_ways(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        let live = world.connection(ann);
        world.cut(bob);
        for name in
            [live, world.connection(bob), "c99".to_owned(), String::new(), "no name".to_owned(), "x".repeat(9_999)]
        {
            let cat = world.joined(&Joiner::user("cat").connection(&name));
            assert_ne!(world.connection(cat), name);
            world.leave(cat);
            world.drain();
        }
        assert!(world.is_connected(ann));
        assert_eq!(world.socket(ann).hung_up, None);
        world.received(ann);
        world.advance(10_000);
        assert_eq!(world.receives(ann), told("leave", &[member(world, bob, "bob")]));
    });
}

#[test]
fn p3_without_a_user_no_connection_is_taken_over_and_none_has_a_grace() {
    in_channel_both_ways("open:a", |world| {
        let seer = |world: &mut World| world.joined(&Joiner::user("seer"));
        let guest = world.joined(&Joiner::anonymous());
        let ann = seer(world);
        let other = world.joined(&Joiner::anonymous().connection(&world.connection(guest)));
        assert_ne!(world.connection(other), world.connection(guest));
        assert_eq!(world.socket(guest).hung_up, None);
        world.cut(ann);
        let other = world.joined(&Joiner::anonymous().connection(&world.connection(ann)));
        assert_ne!(world.connection(other), world.connection(ann));
    });
    let granted = Joiner::anonymous();
    let mut world = World::new("public:a");
    let guest = world.joined(&granted);
    let ann = world.joined(&Joiner::user("ann"));
    world.advance(1_000);
    world.received(ann);
    world.cut(guest);
    world.advance(1_000);
    assert_eq!(world.receives(ann), count(1), "gone at once: nobody can say it is the same again");
}

#[test]
fn p3_naming_a_live_connection_replaces_it_and_nobody_hears_of_it() {
    in_room_both_ways(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.told(bob, show("here"));
        world.received(ann);
        world.pause();
        let back = world.join(&Joiner::user("bob").connection(&world.connection(bob)));
        world.drain();
        assert_eq!(world.connection(back), world.connection(bob));
        assert_eq!(world.welcome(back)["members"][1], showing(world, bob, "bob", "here"));
        assert_eq!(world.received(bob), [json!({"type": "bye", "code": 4010, "reason": "replaced"})]);
        world.refute_received(ann);
        assert_eq!(seqs(&world.told(ann, say("1", 1))), [1]);
        world.refute_received(bob);
        assert_eq!(seqs(&world.received(back)), [1]);
        world.pause();
        assert_eq!((world.socket(bob).hung_up, world.socket(back).hung_up), (Some(4010), None));
        world.cut(bob);
        world.pause();
        world.refute_received(ann);
        world.leave(back);
        assert_eq!(world.receives(ann), told("leave", &[showing(world, bob, "bob", "here")]));
    });
}

#[test]
fn p3_who_had_left_the_list_stays_off_it_when_it_comes_back() {
    for broken in [true, false] {
        in_room_both_ways(|world| {
            let ann = world.joined(&Joiner::user("ann"));
            let bob = world.joined(&Joiner::user("bob"));
            world.told(bob, show(Value::Null));
            world.received(ann);
            world.pause();
            if broken {
                world.cut(bob);
            }
            let back = world.joined(&Joiner::user("bob").connection(&world.connection(bob)));
            assert_eq!(world.connection(back), world.connection(bob));
            world.advance(60_000);
            assert_eq!(members(world)["members"], json!([member(world, ann, "ann")]));
            let told_of = world.socket(ann).frames.iter().filter(|frame| frame["type"] == "presence").count();
            assert_eq!(told_of, 2, "its first join and its leave");
            world.told(back, show("here"));
            assert_eq!(world.receives(ann), told("join", &[showing(world, bob, "bob", "here")]));
        });
    }
}

#[test]
fn p3_who_comes_back_without_the_ability_leaves_the_list() {
    for broken in [true, false] {
        in_room_both_ways(|world| {
            let ann = world.joined(&Joiner::user("ann"));
            let bob = world.joined(&Joiner::user("bob"));
            world.pause();
            if broken {
                world.cut(bob);
            }
            let name = world.connection(bob);
            let back = world.join(&Joiner::user("bob").can(&["join"]).connection(&name));
            world.drain();
            assert_eq!(world.connection(back), name);
            assert_eq!(world.receives(ann), told("leave", &[member(world, bob, "bob")]));
            assert_eq!(members(world)["members"], json!([member(world, ann, "ann")]));
        });
    }
}

#[test]
fn p3_who_comes_back_with_other_info_is_updated() {
    in_room_both_ways(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.cut(bob);
        world.join(&Joiner::user("bob").info(json!({"n": 1})).connection(&world.connection(bob)));
        world.drain();
        let now = json!({"user": "bob", "connection": world.connection(bob), "info": {"n": 1}});
        assert_eq!(world.receives(ann), told("update", &[now]));
    });
}

#[test]
fn p3_a_grace_outlives_a_crash() {
    let mut world = World::room();
    let ann = world.joined(&Joiner::user("ann"));
    let bob = world.joined(&Joiner::user("bob"));
    world.told(bob, show("here"));
    world.cut(bob);
    world.advance(2_000);
    world.crash();
    let cat = world.joined(&Joiner::user("cat"));
    assert_eq!(world.welcome(cat)["members"][0], showing(&world, bob, "bob", "here"));
    assert_eq!(world.welcome(cat)["members"].as_array().unwrap().len(), 2, "ann broke with the process, unseen");
    world.advance(7_999);
    world.refute_received(cat);
    world.advance(1);
    assert_eq!(world.receives(cat), told("leave", &[showing(&world, bob, "bob", "here")]));
    assert!(!world.is_connected(ann));
}

#[test]
fn p3_replacing_needs_no_free_connection_and_a_user_has_its_20_all_the_same() {
    in_room_both_ways(|world| {
        world.limits.connections_per_user = 2;
        let first = world.joined(&Joiner::user("ann"));
        world.joined(&Joiner::user("ann"));
        let third = world.join(&Joiner::user("ann"));
        assert_eq!(world.receives(third)["code"], 4100);
        let back = world.join(&Joiner::user("ann").connection(&world.connection(first)));
        assert_eq!(world.received(back)[0]["type"], "welcome");
    });
}

#[test]
fn p3_a_departure_that_cannot_be_written_or_taken_back_is_no_grace() {
    let mut world = World::room();
    let ann = world.joined(&Joiner::user("ann"));
    let bob = world.joined(&Joiner::user("bob"));
    world.trouble.write = Some(0);
    world.cut(bob);
    world.drain();
    assert_eq!(world.receives(ann), told("leave", &[member(&world, bob, "bob")]));
    let cat = world.joined(&Joiner::user("cat"));
    world.cut(cat);
    world.trouble.write = Some(0);
    let back = world.joined(&Joiner::user("cat").connection(&world.connection(cat)));
    assert_ne!(world.connection(back), world.connection(cat));
    world.received(ann);
    world.advance(10_000);
    assert_eq!(world.receives(ann), told("leave", &[member(&world, cat, "cat")]));
}
