//! Who is here: the list, its changes, who comes back, and when it becomes a number (rules P1 to P4, E2).
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

use dormouse_core::channel::HttpOperation;
use dormouse_core::limits::Limits;
use serde_json::{Value, json};
use support::{Client, Joiner, Rooms, World, in_app, in_channel, in_room, say, seqs, unmetered};

fn show(data: impl Into<Value>) -> Value {
    json!({"type": "presence", "id": "p", "data": data.into()})
}

/// The member as it is on the list, showing nothing of itself.
fn member(world: &World, client: Client, user: &str) -> Value {
    json!({"user": user, "connection": world.connection(client)})
}

fn showing(world: &World, client: Client, user: &str, data: impl Into<Value>) -> Value {
    json!({"user": user, "connection": world.connection(client), "data": data.into()})
}

fn told(kind: &str, members: &[Value]) -> Value {
    json!({"type": "presence", kind: members})
}

fn count(count: u64) -> Value {
    json!({"type": "presence", "count": count})
}

fn members(world: &mut World) -> Value {
    world.settle();
    world.get(&Joiner::user("zoe"), HttpOperation::Members).1
}

// --- P1 ------------------------------------------------------------------------------------------------------

#[test]
fn p1_joining_with_the_ability_enters_and_the_grants_info_is_shown() {
    in_room(|world| {
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
    in_room(|world| {
        let blind = world.joined(&Joiner::user("ann").can(&["join", "publish"]));
        let bob = world.joined(&Joiner::user("bob"));
        assert!(world.welcome(blind).get("members").is_none());
        assert_eq!(world.welcome(bob)["members"], json!([member(world, bob, "bob")]));
        world.refute_received(blind);
        world.refuses(blind, show(1), "forbidden");
        world.leave(blind);
        world.settle();
        world.refute_received(bob);
    });
}

#[test]
fn p1_presence_sets_and_changes_data() {
    in_room(|world| {
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
    in_room(|world| {
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
    in_room(|world| {
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
        world.settle();
        world.refute_received(bob);
    });
}

#[test]
fn p1_on_a_channel_without_presence_nobody_is_shown() {
    in_channel("dark:a", |world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.joined(&Joiner::user("bob"));
        assert!(world.welcome(ann).get("members").is_none());
        world.refute_received(ann);
        world.refuses(ann, show(1), "forbidden");
        assert_eq!(world.get(&Joiner::user("zoe"), HttpOperation::Members).0, 404);
    });
}

// --- P2 ------------------------------------------------------------------------------------------------------

#[test]
fn p2_each_change_comes_to_the_others_once() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.join(&Joiner::user("bob"));
        world.settle();
        assert_eq!(world.receives(ann), told("join", &[member(world, bob, "bob")]));
        assert_eq!(world.receives(bob)["members"], json!([member(world, ann, "ann"), member(world, bob, "bob")]));
        world.told(bob, show(1));
        assert_eq!(world.receives(ann), told("update", &[showing(world, bob, "bob", 1)]));
        world.leave(bob);
        world.settle();
        assert_eq!(world.receives(ann), told("leave", &[showing(world, bob, "bob", 1)]));
    });
}

#[test]
fn p2_changes_that_fall_together_travel_in_one_frame() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        let cat = world.joined(&Joiner::user("cat"));
        world.received(ann);
        world.told(ann, say("1", 1));
        world.send(ann, json!({"type": "publish", "event": "nod", "data": 1}));
        world.settle();
        world.received(ann);
        world.send(ann, json!({"type": "publish", "event": "nod", "data": 1}));
        let dan = world.join(&Joiner::user("dan"));
        world.send(bob, show(1));
        world.leave(cat);
        world.settle();
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
    in_room(|world| {
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
        world.settle();
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
    in_room(|world| {
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
        world.settle();
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
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.send(ann, say("1", 1));
        world.received(ann);
        let guest = world.join(&Joiner::user("guest"));
        world.leave(guest);
        world.settle();
        world.refute_received(ann);
    });
}

// --- P3 ------------------------------------------------------------------------------------------------------

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
    in_room(|world| {
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
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.told(bob, show("here"));
        world.received(ann);
        world.pause();
        world.cut(bob);
        world.advance(9_999);
        let back = world.join(&Joiner::user("bob").connection(&world.connection(bob)));
        world.settle();
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
    in_room(|world| {
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
    in_room(|world| {
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
            world.settle();
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
    in_channel("open:a", |world| {
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
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.told(bob, show("here"));
        world.received(ann);
        world.pause();
        let back = world.join(&Joiner::user("bob").connection(&world.connection(bob)));
        world.settle();
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
        in_room(|world| {
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
        in_room(|world| {
            let ann = world.joined(&Joiner::user("ann"));
            let bob = world.joined(&Joiner::user("bob"));
            world.pause();
            if broken {
                world.cut(bob);
            }
            let name = world.connection(bob);
            let back = world.join(&Joiner::user("bob").can(&["join"]).connection(&name));
            world.settle();
            assert_eq!(world.connection(back), name);
            assert_eq!(world.receives(ann), told("leave", &[member(world, bob, "bob")]));
            assert_eq!(members(world)["members"], json!([member(world, ann, "ann")]));
        });
    }
}

#[test]
fn p3_who_comes_back_with_other_info_is_updated() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.cut(bob);
        world.join(&Joiner::user("bob").info(json!({"n": 1})).connection(&world.connection(bob)));
        world.settle();
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
    in_room(|world| {
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
    world.settle();
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

// --- P4 ------------------------------------------------------------------------------------------------------

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
    in_room(|world| {
        small(world);
        let ann = world.joined(&Joiner::user("ann"));
        world.joined(&Joiner::user("bob"));
        let cat = world.joined(&Joiner::user("cat"));
        assert_eq!(world.welcome(cat)["members"].as_array().unwrap().len(), 3);
        world.received(ann);
        let dan = world.join(&Joiner::user("dan"));
        world.settle();
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
    in_room(|world| {
        small(world);
        let ann = world.joined(&Joiner::user("ann"));
        let clients: Vec<_> = ["b", "c", "d"].iter().map(|user| world.joined(&Joiner::user(user))).collect();
        world.pause();
        let eve = world.join(&Joiner::user("eve"));
        world.settle_now();
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
    in_room(|world| {
        small(world);
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        for user in ["c", "d", "e"] {
            world.joined(&Joiner::user(user));
        }
        world.settle();
        world.pause();
        world.leave(bob);
        world.settle_now();
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
    in_room(|world| {
        small(world);
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        let cat = world.joined(&Joiner::user("cat"));
        let dan = world.joined(&Joiner::user("dan"));
        world.pause();
        world.received(ann);
        world.leave(dan);
        world.settle();
        assert_eq!(world.receives(ann), count(3), "not yet: it does not flicker at the bound");
        world.pause();
        world.leave(cat);
        world.settle();
        assert_eq!(world.receives(ann), told("members", &[member(world, ann, "ann"), member(world, bob, "bob")]));
        world.pause();
        world.told(bob, show(1));
        assert_eq!(world.receives(ann), told("update", &[showing(world, bob, "bob", 1)]));
    });
}

#[test]
fn p4_a_list_of_many_bytes_is_counted_too_and_comes_back_at_three_quarters() {
    in_room(|world| {
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
    in_room(|world| {
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
    in_channel("open:a", |_| {});
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
    in_room(|world| {
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
        world.settle();
        assert_eq!(seqs(&world.received(ann)), [1, 2, 3, 4]);
        assert_eq!(members(world), json!({"count": 4}));
        let last = world.socket(ann).frames.iter().rfind(|frame| frame["count"].is_u64()).unwrap().clone();
        assert_eq!(last, count(4));
    });
}
