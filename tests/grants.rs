//! Who may speak, and until when: abilities, `auth`, expiry, signing in later (rules A3, A5, A6, A7).
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
use dormouse_core::contract::{Ability, Channel, Contract, Event, Json, Presence};
use serde_json::{Value, json};
use support::{BEGIN, Client, FIRST_LIFE, Joiner, Rooms, World, in_channel, in_room, publish, say, seqs};

fn auth(id: &str, joiner: &Joiner) -> Value {
    json!({"type": "auth", "id": id, "token": joiner.token()})
}

fn ack(id: &str) -> Value {
    json!({"type": "ack", "id": id})
}

fn bye(code: u16, reason: &str) -> Value {
    json!({"type": "bye", "code": code, "reason": reason})
}

fn may(user: &str, can: &[&str]) -> Joiner {
    Joiner::user(user).can(can)
}

/// The codes of the refusals among what was told.
fn codes(frames: &[Value]) -> Vec<&str> {
    frames.iter().filter_map(|frame| frame["code"].as_str()).collect()
}

/// The names on a list of members, by connection.
fn users(members: &Value) -> Vec<&str> {
    members.as_array().unwrap().iter().map(|member| member["user"].as_str().unwrap_or("nobody")).collect()
}

/// What the client was told of the presence of others since it was last asked.
fn presence(world: &mut World, client: Client) -> Vec<Value> {
    world.received(client).into_iter().filter(|frame| frame["type"] == "presence").collect()
}

// --- A3 ------------------------------------------------------------------------------------------------------

#[test]
fn a3_who_may_join_hears_and_who_may_not_is_turned_away() {
    in_room(|world| {
        let hears = world.joined(&may("ann", &["join"]));
        let deaf = world.join(&may("bob", &["publish", "presence", "history", "meter", "unmetered"]));
        assert_eq!(world.receives(deaf), bye(4003, "forbidden"));
        assert_eq!(world.socket(deaf).hung_up, Some(4003));
        world.post(&may("cat", &["publish"]), json!({"event": "say", "data": 1}));
        assert_eq!(seqs(&world.received(hears)), [1]);
        world.refute_received(deaf);
    });
}

#[test]
fn a3_each_event_needs_publish_or_its_own_name_and_a_reserved_one_its_reservation() {
    in_room(|world| {
        for (can, sayable) in [
            (vec!["join"], vec![]),
            (vec!["join", "publish"], vec!["say", "wave"]),
            (vec!["join", "publish:say"], vec!["say"]),
            (vec!["join", "publish:decree"], vec!["edict"]),
            (vec!["join", "publish:edict", "history", "presence", "meter"], vec![]),
        ] {
            let client = world.joined(&may("ann", &can));
            for event in ["say", "wave", "edict"] {
                let answer = world.told(client, publish(event, &format!("{event}{}", can.len()), 1))[0].clone();
                match sayable.contains(&event) {
                    true => assert_ne!(answer["type"], "error", "{can:?} may say {event}"),
                    false => assert_eq!(answer["code"], "forbidden", "{can:?} may not say {event}"),
                }
            }
            world.leave(client);
            // Ids are known again for ten minutes.
            world.advance(600_001);
        }
    });
}

#[test]
fn a3_what_was_kept_is_read_with_history_alone() {
    in_room(|world| {
        world.keep(1);
        let reads = world.joined(&may("ann", &["join", "history"]));
        let blind = world.joined(&may("bob", &["join", "publish", "presence", "meter"]));
        assert_eq!(
            seqs(world.told(reads, json!({"type": "history", "id": "h"}))[0]["messages"].as_array().unwrap()),
            [1]
        );
        world.refuses(blind, json!({"type": "history", "id": "h"}), "forbidden");
    });
}

#[test]
fn a3_the_counters_are_read_with_meter_alone() {
    in_room(|world| {
        let (status, answer) = world.get(&may("ops", &["meter"]), HttpOperation::Meter);
        assert_eq!(status, 200);
        assert!(answer["frames_in"].is_u64(), "{answer}");
        let (status, answer) = world.get(&Joiner::user("ann"), HttpOperation::Meter);
        assert_eq!((status, &answer["error"]["code"]), (403, &json!("forbidden")));
    });
}

#[test]
fn a3_welcome_tells_what_one_may_do_sorted() {
    in_room(|world| {
        let ann = world.joined(&may("ann", &["publish:b", "join", "history", "publish:a", "fly"]));
        assert_eq!(world.welcome(ann)["can"], json!(["history", "join", "publish:a", "publish:b"]));
    });
}

#[test]
fn a3_without_a_token_one_has_what_the_contract_grants_to_anyone_and_no_more() {
    in_channel("open:a", |world| {
        let guest = world.joined(&Joiner::anonymous());
        assert_eq!(world.welcome(guest)["can"], json!(["history", "join", "publish"]));
        assert_eq!(world.welcome(guest)["user"], Value::Null);
        assert_eq!(seqs(&world.told(guest, say("1", 1))), [1]);
        // One without a grant is asked to sign in, one with a grant is told it does not suffice.
        world.refuses(guest, publish("edict", "2", 1), "unauthenticated");
        let ann = world.joined(&may("ann", &[]));
        assert_eq!(world.welcome(ann)["can"], json!(["history", "join", "publish"]));
        world.refuses(ann, publish("edict", "2", 1), "forbidden");
    });
}

/// `room:*` as it was, and as a later release has it.
fn release(grants: &[Ability], entry: Channel) -> Contract {
    let channel = entry.grants(grants.to_vec()).event::<Json>("say", Event::kept());
    Contract::new().channel("room:*", channel.presence::<Json>(Presence::list()))
}

#[test]
fn a3_rights_are_those_of_the_contract_of_today_for_older_connections_too() {
    let mut world = World::under(release(&[], Channel::with_token()), "room:a", support::Sleep::Never);
    let ann = world.joined(&may("ann", &["join"]));
    let bob = world.joined(&may("bob", &["join", "presence"]));
    world.refuses(ann, say("1", 1), "forbidden");
    world.pause();
    world.redeploy(release(&[Ability::Publish], Channel::with_token()));
    assert_eq!(seqs(&world.told(ann, say("1", 1))), [1]);
    world.pause();
    world.received(bob);
    world.redeploy(release(&[], Channel::with_token()));
    world.refuses(ann, say("2", 2), "forbidden");
    world.refute_received(bob);
}

#[test]
fn a3_one_whom_the_contract_of_today_does_not_let_in_any_more_hears_nothing() {
    let open = || release(&[Ability::Publish], Channel::for_anyone());
    let mut world = World::under(open(), "room:a", support::Sleep::Never);
    let guest = world.joined(&Joiner::anonymous());
    let ann = world.joined(&may("ann", &[]));
    let bob = world.joined(&may("bob", &["join"]));
    world.pause();
    world.redeploy(release(&[Ability::Publish], Channel::with_token()));
    assert_eq!(seqs(&world.told(bob, say("1", 1))), [1]);
    assert_eq!(world.received(guest), [bye(4300, "token_expired")]);
    assert_eq!(world.received(ann), [bye(4003, "forbidden")]);
    world.advance(5_000);
    assert_eq!((world.socket(guest).hung_up, world.socket(ann).hung_up), (Some(4300), Some(4003)));
    assert_eq!(world.socket(bob).hung_up, None);
}

// --- A5 ------------------------------------------------------------------------------------------------------

#[test]
fn a5_auth_widens_and_narrows_at_once() {
    in_room(|world| {
        let ann = world.joined(&may("ann", &["join"]));
        world.refuses(ann, say("1", 1), "forbidden");
        let told = world.told(ann, json!([auth("a", &may("ann", &["join", "publish"])), say("2", 2)]));
        assert_eq!(told[0], ack("a"));
        assert_eq!(seqs(&told), [1]);
        let told = world.told(ann, json!([auth("b", &may("ann", &["join"])), say("3", 3)]));
        assert_eq!(told[0], ack("b"));
        assert_eq!(codes(&told), ["forbidden"]);
    });
}

#[test]
fn a5_after_a_bad_or_expired_token_the_old_grant_stays() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        for token in ["forged".to_owned(), Joiner::user("ann").expires(BEGIN).token(), String::new()] {
            let error = world.refuses(ann, json!({"type": "auth", "id": "a", "token": token}), "unauthenticated");
            assert_eq!(error["id"], "a");
            world.pause();
        }
        assert_eq!(seqs(&world.told(ann, say("1", 1))), [1]);
    });
}

#[test]
fn a5_a_token_of_another_user_is_forbidden_and_the_old_grant_stays() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.refuses(ann, auth("a", &Joiner::user("bob")), "forbidden");
        let told = world.told(ann, say("1", 1));
        assert_eq!(told[0]["from"]["user"], "ann");
    });
}

#[test]
fn a5_who_is_anonymous_may_become_any_user_once() {
    in_channel("open:a", |world| {
        let guest = world.joined(&Joiner::anonymous());
        assert_eq!(world.told(guest, say("1", 1))[0]["from"]["user"], Value::Null);
        assert_eq!(world.told(guest, auth("a", &Joiner::user("ann")))[0], ack("a"));
        world.pause();
        let told = world.told(guest, say("2", 2));
        assert_eq!(told[0]["from"], json!({"user": "ann", "connection": world.connection(guest)}));
        world.refuses(guest, auth("b", &Joiner::user("bob")), "forbidden");
    });
}

#[test]
fn a5_a_user_whose_connections_are_used_up_cannot_be_become() {
    in_channel("open:a", |world| {
        world.limits.connections_per_user = 2;
        world.joined(&Joiner::user("ann"));
        let first = world.joined(&Joiner::anonymous());
        let second = world.joined(&Joiner::anonymous());
        assert_eq!(world.told(first, auth("a", &Joiner::user("ann")))[0], ack("a"));
        world.refuses(second, auth("a", &Joiner::user("ann")), "over_capacity");
        // One who is that user already takes up no more.
        assert_eq!(world.told(first, auth("b", &Joiner::user("ann")))[0], ack("b"));
    });
}

#[test]
fn a5_a_grant_that_loses_join_is_acked_then_told_bye_and_hears_nothing() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.received(ann);
        let told = world.told(ann, json!([auth("a", &may("ann", &["publish"])), say("1", 1)]));
        assert_eq!(told, [ack("a"), bye(4003, "forbidden")]);
        assert_eq!(world.socket(ann).hung_up, Some(4003), "at once, since `bye` answers its own frame");
        assert_eq!(presence(world, bob), [json!({"type": "presence", "leave": [{"user": "ann", "connection": "c1"}]})]);
        world.told(bob, say("2", 2));
        world.refute_received(ann);
        let kept_join = world.joined(&Joiner::user("cat"));
        assert_eq!(world.told(kept_join, auth("a", &may("cat", &["join"]))), [ack("a")]);
        assert_eq!(world.socket(kept_join).hung_up, None);
    });
}

#[test]
fn a5_changed_info_is_told_as_an_update_and_unchanged_info_is_not() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann").info(json!({"name": "Ann"})));
        let bob = world.joined(&Joiner::user("bob"));
        world.told(ann, auth("a", &Joiner::user("ann").info(json!({"name": "Anna"}))));
        let member = json!({"user": "ann", "connection": world.connection(ann), "info": {"name": "Anna"}});
        assert_eq!(presence(world, bob), [json!({"type": "presence", "update": [member]})]);
        world.pause();
        world.told(ann, auth("b", &Joiner::user("ann").info(json!({"name": "Anna"}))));
        assert_eq!(presence(world, bob), Vec::<Value>::new());
    });
}

#[test]
fn a5_who_gains_presence_is_told_the_list_and_who_loses_it_is_neither_shown_nor_told() {
    in_room(|world| {
        let ann = world.joined(&may("ann", &["join"]));
        let bob = world.joined(&Joiner::user("bob"));
        assert_eq!(world.welcome(ann)["members"], Value::Null);
        assert_eq!(users(&world.welcome(bob)["members"]), ["bob"]);
        world.pause();
        let told = world.told(ann, auth("a", &may("ann", &["join", "presence"])));
        assert_eq!(told[0], ack("a"));
        assert_eq!(users(&told[1]["members"]), ["ann", "bob"]);
        let ann_is = json!({"user": "ann", "connection": world.connection(ann)});
        assert_eq!(presence(world, bob), [json!({"type": "presence", "join": [ann_is]})]);
        world.pause();
        assert_eq!(world.told(ann, auth("b", &may("ann", &["join"]))), [ack("b")]);
        assert_eq!(presence(world, bob), [json!({"type": "presence", "leave": [ann_is]})]);
        world.joined(&Joiner::user("cat"));
        world.refute_received(ann);
    });
}

#[test]
fn a5_who_left_the_list_stays_off_it_when_its_grant_is_replaced() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.told(ann, json!({"type": "presence", "data": null}));
        world.received(bob);
        world.pause();
        world.told(ann, auth("a", &Joiner::user("ann").info(json!({"n": 1}))));
        world.refute_received(bob);
    });
}

#[test]
fn a5_once_a_second_in_bursts_of_three() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        for id in ["1", "2", "3"] {
            assert_eq!(world.told(ann, auth(id, &Joiner::user("ann"))), [ack(id)]);
        }
        let error = world.refuses(ann, auth("4", &Joiner::user("ann")), "rate_limited");
        let wait = error["retry_after"].as_u64().unwrap();
        assert!((900..=1_000).contains(&wait), "{wait}");
        world.advance(wait - 1);
        world.refuses(ann, auth("5", &Joiner::user("ann")), "rate_limited");
        world.advance(1);
        assert_eq!(world.told(ann, auth("6", &Joiner::user("ann"))), [ack("6")]);
        world.refuses(ann, auth("7", &Joiner::user("ann")), "rate_limited");
    });
}

// --- A6 ------------------------------------------------------------------------------------------------------

#[test]
fn a6_an_expired_grant_says_nothing_and_is_told_bye_for_its_frame() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann").expires(BEGIN + 60_000));
        let bob = world.joined(&Joiner::user("bob"));
        world.advance(59_999);
        assert_eq!(seqs(&world.told(ann, say("1", 1))), [1]);
        world.settle();
        world.advance(BEGIN + 60_000 - world.now());
        world.received(bob);
        assert_eq!(world.told(ann, json!([say("2", 2), say("3", 3)])), [bye(4300, "token_expired")]);
        assert_eq!(world.socket(ann).hung_up, Some(4300), "in its own turn");
        assert_eq!(seqs(&world.received(bob)), Vec::<u64>::new());
    });
}

#[test]
fn a6_an_expired_grant_hears_nothing_and_is_told_bye_before_what_is_told() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann").expires(BEGIN + 60_000));
        let bob = world.joined(&Joiner::user("bob"));
        world.advance(59_990);
        world.told(bob, say("1", 1));
        assert_eq!(seqs(&world.received(ann)), [1]);
        world.advance(BEGIN + 60_000 - world.now());
        let told = world.told(bob, say("2", 2));
        assert_eq!(
            told[1],
            json!({"type": "presence", "leave": [{"user": "ann", "connection": world.connection(ann)}]})
        );
        assert_eq!(world.received(ann), [bye(4300, "token_expired")]);
        world.advance(1_000);
        assert_eq!(presence(world, bob).len(), 0, "its leave came with the message");
        world.told(bob, say("3", 3));
        world.advance(5_000);
        world.refute_received(ann);
        assert_eq!(world.socket(ann).hung_up, Some(4300));
    });
}

#[test]
fn a6_a_new_token_before_the_end_moves_the_end() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann").expires(BEGIN + 60_000));
        let bob = world.joined(&Joiner::user("bob"));
        world.advance(50_000);
        assert_eq!(world.told(ann, auth("a", &Joiner::user("ann").expires(BEGIN + 90_000))), [ack("a")]);
        world.advance(30_000);
        world.told(bob, say("1", 1));
        assert_eq!(seqs(&world.received(ann)), [1]);
        world.advance(10_000);
        world.told(bob, say("2", 2));
        assert_eq!(world.received(ann), [bye(4300, "token_expired")]);
    });
}

#[test]
fn a6_inside_an_array_a_grant_that_ends_ends_the_rest() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let told =
            world.told(ann, json!([say("1", 1), auth("a", &may("ann", &["publish"])), say("2", 2), say("3", 3)]));
        assert_eq!(seqs(&told), [1]);
        assert_eq!(told.last().unwrap(), &bye(4003, "forbidden"));
        assert_eq!(world.storage.rows().count(), 1);
    });
}

#[test]
fn a6_a_token_that_expired_on_the_way_does_not_join() {
    in_room(|world| {
        let late = world.join(&Joiner::user("ann").expires(BEGIN));
        assert_eq!(world.receives(late), bye(4300, "token_expired"));
        assert_eq!(world.socket(late).hung_up, Some(4300));
        let early = world.join(&Joiner::user("ann").expires(BEGIN + 1));
        assert_eq!(world.received(early)[0]["type"], "welcome");
    });
}

#[test]
fn a6_whoever_asks_for_the_members_finds_the_expired_gone() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann").expires(BEGIN + 60_000));
        world.advance(59_999);
        let (_, answer) = world.get(&Joiner::user("zoe"), HttpOperation::Members);
        assert_eq!(users(&answer["members"]), ["ann"]);
        world.advance(1);
        let (_, answer) = world.get(&Joiner::user("zoe"), HttpOperation::Members);
        assert_eq!(users(&answer["members"]), Vec::<&str>::new());
        assert_eq!(world.received(ann), [bye(4300, "token_expired")]);
    });
}

#[test]
fn a6_a_directed_message_does_not_reach_an_expired_grant() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann").expires(BEGIN + 60_000));
        let bob = world.joined(&Joiner::user("bob"));
        let to_ann =
            |id: &str| json!({"type": "publish", "id": id, "event": "wave", "data": 1, "to": {"users": ["ann"]}});
        world.advance(59_000);
        assert_eq!(world.told(bob, to_ann("1"))[0]["delivered"], 1);
        world.received(ann);
        world.advance(1_000);
        let told = world.told(bob, to_ann("2"));
        assert_eq!(told.iter().find(|frame| frame["id"] == "2").unwrap()["delivered"], 0);
        assert_eq!(world.received(ann), [bye(4300, "token_expired")]);
    });
}

// --- A7 ------------------------------------------------------------------------------------------------------

#[test]
fn a7_who_joins_first_is_told_nothing_but_that_it_is_connected() {
    in_channel("door:a", |world| {
        world.keep(2);
        let ann = world.joined(&Joiner::user("ann"));
        let guest = world.join(&Joiner::anonymous());
        let welcome = world.receives(guest);
        assert_eq!(
            (&welcome["type"], &welcome["user"], &welcome["can"]),
            (&json!("welcome"), &Value::Null, &json!([]))
        );
        for field in ["epoch", "seq", "first", "resume", "members", "count", "expires"] {
            assert!(welcome.get(field).is_none(), "{field}: {welcome}");
        }
        world.told(ann, say("1", 1));
        world.joined(&Joiner::user("bob"));
        world.refute_received(guest);
        assert_eq!(presence(world, ann), Vec::<Value>::new(), "the guest is not shown");
    });
}

#[test]
fn a7_before_signing_in_everything_but_auth_is_unauthenticated() {
    in_channel("door:a", |world| {
        let guest = world.joined(&Joiner::anonymous());
        for frame in [
            say("1", 1),
            json!({"type": "presence", "id": "1", "data": 1}),
            json!({"type": "history", "id": "1"}),
            json!({"type": "resume", "id": "1", "epoch": FIRST_LIFE, "after": 0}),
        ] {
            world.refuses(guest, frame, "unauthenticated");
        }
        world.refuses(guest, json!({"type": "dance", "id": "1"}), "unknown_type");
        world.refuses(guest, json!({"type": "auth", "id": "1", "token": "forged"}), "unauthenticated");
        assert_eq!(world.told(guest, auth("1", &Joiner::user("ann")))[0], ack("1"));
        assert_eq!(seqs(&world.told(guest, say("1", 1))), [1]);
    });
}

#[test]
fn a7_the_ack_is_followed_by_a_full_welcome_and_the_replay_that_was_asked_for() {
    in_channel("door:a", |world| {
        world.limits.sign_in_ms = 60_000;
        world.keep(3);
        let ann = world.joined(&Joiner::user("ann"));
        let epoch = world.epoch(ann);
        let later = Joiner { epoch: Some(epoch.clone()), after: Some("1".to_owned()), ..Joiner::anonymous() };
        let guest = world.joined(&later);
        world.pause();
        world.received(ann);
        world.send(guest, auth("a", &Joiner::user("bob")));
        let told = world.received(guest);
        assert_eq!(told[0], ack("a"));
        assert_eq!(
            (&told[1]["type"], &told[1]["user"], &told[1]["resume"]),
            (&json!("welcome"), &json!("bob"), &json!("recovered"))
        );
        assert_eq!((&told[1]["epoch"], &told[1]["seq"]), (&json!(epoch), &json!(3)));
        assert_eq!(users(&told[1]["members"]), ["ann", "bob"]);
        assert_eq!(seqs(&told[2..4]), [2, 3]);
        assert_eq!(world.socket(guest).texts[1..].len(), 2, "the ack, then welcome and replay: one turn");
        world.settle();
        assert_eq!(presence(world, ann).len(), 1);
    });
}

#[test]
fn a7_a_position_that_is_none_is_lost_and_no_position_is_fresh() {
    in_channel("door:a", |world| {
        world.limits.sign_in_ms = 60_000;
        world.keep(1);
        for (epoch, after, resume) in [
            (None, None, "fresh"),
            (Some("x".repeat(20_000)), None, "fresh"),
            (Some("x".repeat(20_000)), Some("0".to_owned()), "lost"),
            (Some(FIRST_LIFE.to_owned()), Some("0".repeat(20_000)), "recovered"),
            (Some(FIRST_LIFE.to_owned()), Some("9".repeat(20_000)), "lost"),
            (Some(FIRST_LIFE.to_owned()), Some("-1".to_owned()), "lost"),
            (None, Some("0".to_owned()), "lost"),
        ] {
            let guest = world.joined(&Joiner { epoch, after, ..Joiner::anonymous() });
            world.pause();
            let told = world.told(guest, auth("a", &Joiner::user("ann")));
            assert_eq!(told[1]["resume"], resume);
            world.leave(guest);
            world.pause();
        }
    });
}

#[test]
fn a7_who_has_not_signed_in_within_10_s_is_closed() {
    in_channel("door:a", |world| {
        let late = world.joined(&Joiner::anonymous());
        let timely = world.joined(&Joiner::anonymous());
        world.advance(9_999);
        assert_eq!(world.told(timely, auth("a", &Joiner::user("ann")))[0], ack("a"));
        world.refute_received(late);
        world.advance(1);
        assert_eq!(world.received(late), [bye(4300, "token_expired")]);
        assert_eq!(world.socket(late).hung_up, None, "the client has 2 s to close it");
        world.advance(2_000);
        assert_eq!(world.socket(late).hung_up, Some(4300));
        world.advance(60_000);
        assert_eq!(world.socket(timely).hung_up, None);
    });
}

#[test]
fn a7_a_grant_without_join_is_acked_and_told_bye() {
    in_channel("door:a", |world| {
        let guest = world.joined(&Joiner::anonymous());
        let told = world.told(guest, auth("a", &may("ann", &["publish"])));
        assert_eq!(told, [ack("a"), bye(4003, "forbidden")]);
        assert_eq!(world.socket(guest).hung_up, Some(4003));
    });
}

#[test]
fn a7_a_channel_has_so_many_who_have_not_signed_in_yet() {
    in_channel("door:a", |world| {
        world.limits.unsigned_members = 2;
        let first = world.joined(&Joiner::anonymous());
        world.joined(&Joiner::anonymous());
        let third = world.join(&Joiner::anonymous());
        assert_eq!(world.receives(third)["code"], 4100);
        assert_eq!(world.socket(third).hung_up, Some(4100));
        assert_eq!(world.told(first, auth("a", &Joiner::user("ann")))[0], ack("a"));
        let again = world.join(&Joiner::anonymous());
        assert_eq!(world.received(again)[0]["type"], "welcome");
        assert_eq!(dormouse_core::limits::Limits::default().unsigned_members, 100);
    });
}

#[test]
fn a7_with_a_token_one_joins_at_once() {
    in_channel("door:a", |world| {
        let ann = world.joined(&Joiner::user("ann"));
        assert_eq!((&world.welcome(ann)["user"], &world.welcome(ann)["resume"]), (&json!("ann"), &json!("fresh")));
        let refused = world.join(&may("bob", &["publish"]));
        assert_eq!(world.receives(refused)["code"], 4003);
    });
}
