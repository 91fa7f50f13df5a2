//! Refusals, I-JSON, rates, and those who are silent or slow (section R of the protocol).
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

use dormouse_core::channel::{HttpOperation, Unreadable};
use dormouse_core::storage::StorageError;
use serde_json::{Value, json};
use support::room::contract;
use support::{Client, Joiner, Rooms, Sleep, World, in_channel, in_room, publish, say, seqs, unmetered};

/// A frame that is refused by its shape and costs no rate.
fn bad() -> Value {
    json!({"type": "publish", "id": "bad"})
}

/// Sends so many frames that are refused, and answers everything told.
fn err(world: &mut World, client: Client, count: usize) -> Vec<Value> {
    (0..count).flat_map(|_| world.told(client, bad())).collect()
}

#[test]
fn r2_internal_carries_an_id_that_the_log_has_too_and_nothing_of_the_inside() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        world.storage.fail_next_write(StorageError::Failed("disk 7 of rack B is on fire".to_owned()));
        let refusal = world.refuses(ann, say("1", "hello"), "internal");
        let message = refusal["message"].as_str().unwrap();
        assert!(!message.contains("fire") && !message.contains("hello"), "{message}");
        let incident = message.split_whitespace().last().unwrap().trim_end_matches('.');
        let logged: Vec<_> = world.logs().iter().filter_map(|line| line.detail.as_deref()).collect();
        assert!(
            logged.iter().any(|detail| detail.contains(incident) && detail.contains("on fire")),
            "{incident}: {logged:?}"
        );
    });
}

#[test]
fn r2_two_incidents_have_two_ids() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let incident = |world: &mut World, id: &str| {
            world.storage.fail_next_write(StorageError::Failed("broken".to_owned()));
            world.refuses(ann, say(id, 1), "internal")["message"].clone()
        };
        let first = incident(world, "1");
        let second = incident(world, "2");
        world.pause();
        let third = incident(world, "3");
        assert!(first != second && second != third && first != third);
    });
}

#[test]
fn r4_a_frame_of_65536_bytes_is_read_and_one_more_is_too_large() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        let padded = |bytes: usize| {
            let bare = say("1", "").to_string().len();
            say("1", "x".repeat(bytes - bare)).to_string()
        };
        world.send_text(ann, &padded(65_537));
        assert_eq!(world.assert_refused(ann, "too_large").get("id"), None);
        world.send_text(ann, &padded(65_536));
        assert_eq!(seqs(&world.received(ann)), [1]);
    });
}

#[test]
fn r4_a_greater_frame_carries_greater_data_where_the_contract_says_nothing_smaller() {
    in_room(|world| {
        (world.limits.frame_bytes, world.limits.replay_bytes) = (200_000, 262_144);
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        assert_eq!(seqs(&world.told(ann, say("1", "x".repeat(190_000)))), [1]);
        world.refuses(ann, say("2", "x".repeat(200_000)), "too_large");
        world.refuses(ann, publish("small", "3", "x".repeat(1_023)), "too_large");
    });
}

#[test]
fn r4_bytes_are_counted_not_characters() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        world.send(ann, say("1", "ü".repeat(32_768)));
        world.assert_refused(ann, "too_large");
        world.send(ann, say("1", "ü".repeat(32_000)));
        assert_eq!(seqs(&world.received(ann)), [1]);
    });
}

#[test]
fn r4_a_frame_refused_uncopied_is_too_large_and_the_socket_stays() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        world.send_unreadable(ann, Unreadable::TooLarge { closes: false });
        world.assert_refused(ann, "too_large");
        assert_eq!(world.socket(ann).hung_up, None);
        assert_eq!(seqs(&world.told(ann, say("1", 1))), [1]);
    });
}

#[test]
fn r4_a_frame_of_more_than_a_mebibyte_closes_with_1009() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.pause();
        world.send_unreadable(ann, Unreadable::TooLarge { closes: true });
        world.assert_refused(ann, "too_large");
        assert_eq!(world.socket(ann).hung_up, Some(1009));
        world.send(ann, say("1", 1));
        world.settle();
        assert_eq!(seqs(&world.received(bob)), Vec::<u64>::new());
    });
}

#[test]
fn r4_text_with_lone_surrogates_is_a_bad_frame() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        world.send_unreadable(ann, Unreadable::NotUnicode);
        world.assert_refused(ann, "bad_frame");
        world.send_text(ann, r#"{"type":"publish","id":"1","event":"say","data":"\ud800"}"#);
        world.assert_refused(ann, "bad_frame");
        world.send_text(ann, r#"{"type":"publish","id":"1","event":"say","data":"\ud83d\ude00"}"#);
        assert_eq!(world.receives(ann)["data"], "😀");
    });
}

#[test]
fn r4_64_deep_is_read_and_65_deep_is_a_bad_frame() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        // The frame itself is the first level, and an array of frames would be one more.
        let nested = |levels: usize| {
            let (open, close) = ("[".repeat(levels), "]".repeat(levels));
            format!(r#"{{"type":"publish","id":"{levels}","event":"say","data":{open}{close}}}"#)
        };
        world.send_text(ann, &nested(64));
        world.assert_refused(ann, "bad_frame");
        world.send_text(ann, &format!("[{}]", nested(63)));
        world.assert_refused(ann, "bad_frame");
        world.send_text(ann, &nested(63));
        assert_eq!(seqs(&world.received(ann)), [1]);
    });
}

#[test]
fn r4_the_twentieth_refusal_in_a_row_is_told_then_bye_and_the_rest_is_dropped() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        assert_eq!(err(world, ann, 18).len(), 18);
        world.pause();
        let told = world.told(ann, json!([bad(), bad(), say("1", 1), bad()]));
        let types: Vec<_> = told.iter().map(|frame| frame["type"].as_str().unwrap()).collect();
        assert_eq!(types, ["error", "error", "bye"]);
        assert_eq!(told[2], json!({"type": "bye", "code": 4101, "reason": "too_many_refusals"}));
        assert_eq!(world.socket(ann).hung_up, Some(4101));
        assert_eq!(seqs(&world.received(bob)), Vec::<u64>::new());
    });
}

#[test]
fn r4_a_twentieth_refusal_that_names_a_seq_is_told_too() {
    in_room(|world| {
        let ann = world.joined(&unmetered("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.pause();
        let late = |number: usize| {
            let mut frame = say(&number.to_string(), number);
            frame["if_seq"] = json!(999);
            frame
        };
        let frames = [say("first", 0)].into_iter().chain((1..=25).map(late)).collect::<Vec<_>>();
        let told = world.told(ann, json!(frames));
        assert_eq!(seqs(&told), [1]);
        let refused: Vec<_> =
            told.iter().filter(|frame| frame["code"] == "conflict").map(|frame| frame["id"].clone()).collect();
        assert_eq!(refused, (1..=20).map(|number| json!(number.to_string())).collect::<Vec<_>>());
        assert_eq!(told.last().unwrap()["code"], 4101);
        assert_eq!(seqs(&world.received(bob)), [1]);
    });
}

#[test]
fn r4_an_accepted_request_ends_the_row_and_a_ping_does_not() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        for accepted in [
            say("1", 1),
            say("1", 1),
            json!({"type": "presence", "data": 1}),
            json!({"type": "history"}),
            json!({"type": "resume"}),
            json!({"type": "auth", "token": Joiner::user("ann").token()}),
        ] {
            assert_eq!(err(world, ann, 19).len(), 19);
            world.ping(ann);
            world.pause();
            world.told(ann, accepted);
        }
        assert_eq!(world.socket(ann).hung_up, None);
        err(world, ann, 19);
        world.ping(ann);
        world.send(ann, json!([]));
        err(world, ann, 1);
        assert_eq!(world.socket(ann).hung_up, Some(4101));
    });
}

#[test]
fn r4_refusals_of_one_do_not_count_for_another() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let other = world.joined(&Joiner::user("ann"));
        world.pause();
        err(world, ann, 19);
        err(world, other, 19);
        assert_eq!((world.socket(ann).hung_up, world.socket(other).hung_up), (None, None));
    });
}

#[test]
fn r5_an_events_rate_is_its_own_and_retry_after_says_when_the_next_would_pass() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        for number in 0..30 {
            world.send(ann, say(&number.to_string(), number));
        }
        assert_eq!(seqs(&world.received(ann)).len(), 1);
        world.send(ann, say("31", 31));
        let refusal = world.assert_refused(ann, "rate_limited");
        assert_eq!(refusal["retry_after"], 100);
        world.send(ann, publish("note", "n", json!({"text": "x"})));
        world.advance(99);
        world.received(ann);
        assert_eq!(world.refuses(ann, say("31", 31), "rate_limited")["retry_after"], 1);
        world.advance(1);
        assert_eq!(seqs(&world.told(ann, say("31", 31))).len(), 1);
    });
}

#[test]
fn r5_a_rate_without_a_burst_has_a_burst_of_one_second() {
    in_channel("air:a", |world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        let told = world.told(ann, json!((1..=6).map(|id| publish("wave", &id.to_string(), id)).collect::<Vec<_>>()));
        assert_eq!(told.iter().filter(|frame| frame["type"] == "message").count(), 5);
        assert_eq!(world.answers_to(ann, "6")[0]["code"], "rate_limited");
    });
}

#[test]
fn r5_a_user_pays_for_all_its_connections_and_http_and_another_user_does_not() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let tab = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.pause();
        assert_eq!(seqs(&world.told(ann, publish("rare", "1", 1))), [1]);
        world.refuses(tab, publish("rare", "2", 2), "rate_limited");
        let (status, refusal) = world.post(&Joiner::user("ann"), json!({"event": "rare", "data": 3}));
        assert_eq!((status, &refusal["error"]["code"]), (429, &json!("rate_limited")));
        assert!(refusal["error"]["retry_after"].as_u64().unwrap() > 1_900);
        assert_eq!(seqs(&world.told(bob, publish("rare", "1", 1))), [2]);
    });
}

#[test]
fn r5_who_is_anonymous_pays_per_connection() {
    in_channel("open:a", |world| {
        let one = world.joined(&Joiner::anonymous());
        let two = world.joined(&Joiner::anonymous());
        world.pause();
        assert_eq!(seqs(&world.told(one, publish("rare", "1", 1))), [1]);
        world.refuses(one, publish("rare", "2", 2), "rate_limited");
        assert_eq!(seqs(&world.told(two, publish("rare", "1", 1))), [2]);
    });
}

#[test]
fn r5_everything_but_publishes_shares_the_general_rate() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let tab = world.joined(&Joiner::user("ann"));
        world.pause();
        for number in 0..20 {
            world.send(ann, json!({"type": "presence", "data": number}));
            world.send(tab, json!({"type": "history"}));
        }
        world.received(ann);
        world.send(ann, json!({"type": "resume", "id": "r"}));
        assert_eq!(world.assert_refused(ann, "rate_limited")["retry_after"], 50);
        world.send(ann, say("1", 1));
        assert_eq!(world.answers_to(ann, "1").len(), 0, "it waits for the flush");
        world.settle();
        assert_eq!(world.answers_to(ann, "1")[0]["seq"], 1);
    });
}

#[test]
fn r5_all_frames_together_have_a_hard_rate_of_200_a_second_at_least() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        let many = |event: &str| {
            json!((0..100).map(|number| publish(event, &format!("{event}{number}"), number)).collect::<Vec<_>>())
        };
        world.send(ann, many("wave"));
        world.send(ann, many("nod"));
        world.send(ann, json!({"type": "history", "id": "h"}));
        world.send(ann, say("s", 1));
        world.settle();
        let refused = world.socket(ann).frames.iter().filter(|frame| frame["code"] == "rate_limited").count();
        assert_eq!(refused, 2);
        let told = world.received(ann);
        let errors = told.iter().filter(|frame| frame["type"] == "error");
        let last: Vec<_> = errors.map(|frame| (&frame["retry_after"], frame.get("id"))).collect();
        assert_eq!(last, [(&json!(5), None), (&json!(5), None)], "refused unread, so without their ids");
    });
}

#[test]
fn r5_a_frame_costs_one_of_the_hard_rate_before_it_is_parsed_and_a_refusal_ten() {
    let accepted = |frame: &str, most: usize| {
        let mut world = World::room_that(Sleep::Never);
        let ann = world.joined(&Joiner::user("ann"));
        world.limits.refusals_in_a_row = 1_000;
        world.crash();
        let ann = if world.is_connected(ann) { ann } else { world.joined(&Joiner::user("ann")) };
        let mut taken = 0;
        while taken <= most {
            world.send_text(ann, frame);
            if world.received(ann).iter().any(|told| told["code"] == "rate_limited") {
                return taken;
            }
            taken += 1;
        }
        taken
    };
    assert_eq!(accepted("[]", 1_000), 200);
    assert_eq!(accepted("x", 1_000), 20);
    assert_eq!(accepted(r#"{"type":"publish","event":"no","data":1}"#, 1_000), 20);
    assert_eq!(accepted(&"x".repeat(65_537), 1_000), 20);
}

#[test]
fn r5_who_sends_empty_frames_without_end_is_told_to_go() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        for _ in 0..219 {
            world.send_text(ann, "[]");
        }
        assert_eq!(world.socket(ann).hung_up, None);
        world.send_text(ann, "[]");
        assert_eq!(world.socket(ann).hung_up, Some(4101));
        assert_eq!(seqs(&world.told(bob, say("1", 1))), [1]);
    });
}

#[test]
fn r5_who_is_unmetered_has_no_rates_but_sizes_hold() {
    in_room(|world| {
        let ann = world.joined(&unmetered("ann"));
        world.pause();
        for number in 0..300 {
            world.send(ann, publish("rare", &number.to_string(), number));
            world.send(ann, json!({"type": "presence", "data": number}));
        }
        world.settle();
        let told = world.received(ann);
        assert_eq!(seqs(&told).len(), 300);
        assert!(told.iter().all(|frame| frame["type"] != "error"));
        world.refuses(ann, publish("small", "s", "x".repeat(1_023)), "too_large");
        assert_eq!(seqs(&world.told(ann, publish("small", "s", "x".repeat(1_022)))), [301]);
    });
}

#[test]
fn r5_of_an_array_refused_by_rate_one_refusal_counts() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        world.told(ann, publish("rare", "0", 0));
        for _ in 0..19 {
            let told =
                world.told(ann, json!((1..=10).map(|id| publish("rare", &id.to_string(), id)).collect::<Vec<_>>()));
            assert_eq!(told.iter().filter(|frame| frame["code"] == "rate_limited").count(), 10);
        }
        assert_eq!(world.socket(ann).hung_up, None);
        world.told(ann, json!([publish("rare", "1", 1), publish("rare", "2", 2)]));
        assert_eq!(world.socket(ann).hung_up, Some(4101));
    });
}

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
        world.settle();
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

#[test]
fn r6_who_pinged_and_was_silent_for_90_s_is_gone_when_someone_joins() {
    in_room(|world| {
        let silent = world.joined(&Joiner::user("ann"));
        let plain = world.joined(&Joiner::user("bob"));
        world.ping(silent);
        world.advance(90_000);
        world.joined(&Joiner::user("cat"));
        assert_eq!(world.socket(silent).frames.last().unwrap()["type"], "presence", "not a moment too soon");
        world.advance(60_000);
        world.joined(&Joiner::user("dan"));
        let last = world.socket(silent).frames.last().unwrap().clone();
        assert_eq!(last, json!({"type": "bye", "code": 4201, "reason": "silent_too_long"}));
        assert_ne!(world.socket(plain).frames.last().unwrap()["type"], "bye");
        world.advance(10_000);
        assert_eq!(world.socket(silent).hung_up, Some(4201));
        assert_eq!(world.socket(plain).hung_up, None);
    });
}

#[test]
fn r6_silence_is_counted_from_the_last_ping_to_the_millisecond() {
    for (pause, gone) in [(90_000, false), (90_001, true)] {
        in_room(|world| {
            let ann = world.joined(&Joiner::user("ann"));
            world.ping(ann);
            world.advance(pause);
            world.joined(&Joiner::user("bob"));
            let last = world.socket(ann).frames.last().unwrap()["type"].clone();
            assert_eq!(last == "bye", gone, "after {pause} ms");
        });
    }
}

#[test]
fn r6_a_frame_or_a_later_ping_counts_as_a_sign_of_life() {
    in_room(|world| {
        let pings = world.joined(&Joiner::user("ann"));
        let talks = world.joined(&Joiner::user("bob"));
        world.ping(pings);
        world.ping(talks);
        for _ in 0..5 {
            world.advance(30_000);
            world.ping(pings);
            world.send(talks, json!({"type": "history"}));
        }
        world.advance(80_000);
        world.joined(&Joiner::user("cat"));
        for client in [pings, talks] {
            assert_ne!(world.socket(client).frames.last().unwrap()["type"], "bye");
        }
    });
}

#[test]
fn r6_whoever_asks_for_the_members_finds_the_silent_gone() {
    in_room(|world| {
        let silent = world.joined(&Joiner::user("ann"));
        world.ping(silent);
        world.advance(100_000);
        let asker = Joiner::user("zoe");
        let (status, answer) = world.get(&asker, HttpOperation::Members);
        assert_eq!((status, answer), (200, json!({"members": []})));
        assert_eq!(world.socket(silent).frames.last().unwrap()["code"], 4201);
    });
}

#[test]
fn r6_the_silent_are_looked_for_at_most_once_a_minute_asleep_or_not() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let asker = Joiner::user("zoe");
        world.ping(ann);
        world.advance(80_000);
        world.get(&asker, HttpOperation::Members);
        world.advance(30_000);
        let (_, answer) = world.get(&asker, HttpOperation::Members);
        assert_eq!(answer["members"].as_array().unwrap().len(), 1, "looked for 30 s ago");
        world.advance(30_000);
        let (_, answer) = world.get(&asker, HttpOperation::Members);
        assert_eq!(answer["members"], json!([]));
    });
}

#[test]
fn r6_when_they_were_looked_for_outlives_whoever_carried_it_through_sleep() {
    in_room(|world| {
        let carries = world.joined(&Joiner::user("bob"));
        let ann = world.joined(&Joiner::user("ann"));
        let asker = Joiner::user("zoe");
        world.ping(ann);
        world.advance(80_000);
        world.get(&asker, HttpOperation::Members);
        world.leave(carries);
        world.advance(30_000);
        let (_, answer) = world.get(&asker, HttpOperation::Members);
        assert_eq!(answer["members"].as_array().unwrap().len(), 1, "looked for 30 s ago");
    });
}

#[test]
fn r6_who_has_more_than_a_mebibyte_unsent_is_too_slow() {
    in_room(|world| {
        let slow = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.pause();
        world.socket_mut(slow).unsent = 1_048_576;
        world.told(bob, say("1", 1));
        assert_eq!(seqs(&world.received(slow)), [1]);
        world.pause();
        world.socket_mut(slow).unsent = 1_048_577;
        world.told(bob, say("2", 2));
        let told = world.received(slow);
        assert_eq!(
            told.iter().find(|frame| frame["type"] == "bye").unwrap(),
            &json!({"type": "bye", "code": 4102, "reason": "too_slow"})
        );
        assert_eq!(seqs(&world.told(bob, say("3", 3))), [3]);
        world.refute_received(slow);
        world.advance(5_000);
        assert_eq!(world.socket(slow).hung_up, Some(4102));
    });
}

#[test]
fn r6_the_others_hear_at_once_that_a_slow_one_left() {
    in_room(|world| {
        let slow = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.pause();
        world.received(bob);
        world.socket_mut(slow).unsent = 1_048_577;
        // Told to it alone: there is no batch that its leave could join.
        world.send(slow, json!({"type": "nonsense", "id": "1"}));
        assert!(world.received(slow).iter().any(|frame| frame["code"] == 4102));
        assert_eq!(world.received(bob)[0]["leave"][0]["user"], "ann");
    });
}

#[test]
fn r6_the_slow_are_found_within_a_quarter_of_the_bound_in_a_crowd_that_never_pauses() {
    let mut world = World::room();
    let slow = world.joined(&Joiner::user("ann"));
    let bob = world.joined(&unmetered("bob"));
    world.told(bob, say("0", 0));
    world.socket_mut(slow).unsent = 2_000_000;
    let text = "x".repeat(60_000);
    for number in 1..=6 {
        world.send(bob, say(&number.to_string(), text.clone()));
    }
    world.settle();
    assert!(world.received(slow).iter().any(|frame| frame["code"] == 4102));
}
