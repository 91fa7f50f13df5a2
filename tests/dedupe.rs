//! Publishing again: the same id is never heard twice (rule D7).
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

use serde_json::{Value, json};
use support::{Joiner, Rooms, World, in_channel, in_room, publish, say, seqs, unmetered};

fn duplicate(id: &str, seq: u64) -> Value {
    json!({"type": "ack", "id": id, "seq": seq, "duplicate": true})
}

#[test]
fn d7_the_same_id_again_is_answered_with_the_first_seq_and_nobody_hears_it() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.told(ann, say("1", json!({})));
        world.received(bob);
        for _ in 0..3 {
            world.pause();
            assert_eq!(world.told(ann, say("1", json!({}))), [duplicate("1", 1)]);
        }
        world.refute_received(bob);
    });
}

#[test]
fn d7_over_reconnects_other_connections_and_http_it_is_the_same_user() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let tab = world.joined(&Joiner::user("ann"));
        world.told(ann, say("1", 1));
        world.received(tab);
        assert_eq!(world.told(tab, say("1", 1)), [duplicate("1", 1)]);
        world.leave(ann);
        world.pause();
        let back = world.joined(&Joiner::user("ann"));
        assert_eq!(world.told(back, say("1", 1)), [duplicate("1", 1)]);
        assert_eq!(
            world.post(&Joiner::user("ann"), json!({"id": "1", "event": "say", "data": 1})),
            (200, duplicate("1", 1))
        );
        assert_eq!(world.post(&Joiner::user("ann"), json!({"id": "h", "event": "say", "data": 1})).1["seq"], 2);
        world.received(back);
        assert_eq!(world.told(back, say("h", 1)), [duplicate("h", 2)]);
    });
}

#[test]
fn d7_another_user_may_use_the_same_id() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.told(ann, say("1", 1));
        world.pause();
        assert_eq!(seqs(&world.told(bob, say("1", 1))), [2]);
    });
}

#[test]
fn d7_who_is_anonymous_is_known_by_its_connection() {
    in_channel("open:a", |world| {
        let one = world.joined(&Joiner::anonymous());
        let two = world.joined(&Joiner::anonymous());
        world.told(one, say("1", 1));
        world.pause();
        assert_eq!(world.told(one, say("1", 1)), [duplicate("1", 1)]);
        assert_eq!(seqs(&world.told(two, say("1", 1))), [2]);
        for seq in [3, 4] {
            let (_, answer) = world.post(&Joiner::anonymous(), json!({"id": "1", "event": "say", "data": 1}));
            assert_eq!(
                answer,
                json!({"type": "ack", "id": "1", "seq": seq}),
                "requests without a token cannot be told apart"
            );
        }
    });
}

#[test]
fn d7_in_one_array_and_before_the_flush_it_is_known_too() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.pause();
        let told = world.told(ann, json!([say("1", 1), say("1", 1), say("2", 2), say("1", 1)]));
        assert_eq!(seqs(&told), [1, 2]);
        assert_eq!(told.iter().filter(|frame| **frame == duplicate("1", 1)).count(), 2);
        assert_eq!(seqs(&world.received(bob)), [1, 2]);
        let body = json!([{"id": "p", "event": "say", "data": 1}, {"id": "p", "event": "say", "data": 1}]);
        assert_eq!(
            world.post(&Joiner::user("cat"), body),
            (200, json!([{"type": "ack", "id": "p", "seq": 3}, duplicate("p", 3)]))
        );
    });
}

#[test]
fn d7_over_a_crash_it_is_known_from_the_rows() {
    let mut world = World::room();
    let ann = world.joined(&Joiner::user("ann"));
    world.told(ann, json!([say("1", 1), say("2", 2)]));
    world.crash();
    let back = world.joined(&Joiner::user("ann"));
    assert_eq!(world.told(back, say("2", 2)), [duplicate("2", 2)]);
    assert_eq!(world.told(back, say("1", 1)), [duplicate("1", 1)]);
}

#[test]
fn d7_the_same_id_with_another_event_or_data_is_a_conflict() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.told(ann, say("1", json!({"a": 1})));
        world.pause();
        for frame in [
            say("1", json!({"a": 2})),
            publish("small", "1", json!({"a": 1})),
            publish("wave", "1", json!({"a": 1})),
            publish("nod", "1", 7),
        ] {
            assert_eq!(world.refuses(ann, frame, "conflict")["id"], "1");
        }
        let (status, answer) = world.post(&Joiner::user("ann"), json!({"id": "1", "event": "say", "data": 3}));
        assert_eq!((status, &answer["error"]["code"]), (409, &json!("conflict")));
        assert_eq!(world.told(ann, say("1", json!({"a": 1}))), [duplicate("1", 1)]);
    });
}

#[test]
fn d7_data_written_another_way_is_other_data() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.told(ann, say("1", json!({"a": 1})));
        world.pause();
        world.send_text(ann, r#"{"type":"publish","id":"1","event":"say","data":{"a": 1}}"#);
        world.assert_refused(ann, "conflict");
        world.send_text(ann, r#"{ "data" : {"a":1} , "echo":false, "event":"say", "id":"\u0031", "type":"publish" }"#);
        world.drain();
        assert_eq!(world.receives(ann), duplicate("1", 1));
    });
}

#[test]
fn d7_ids_of_what_is_not_kept_are_not_remembered() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.told(ann, publish("wave", "1", 1));
        world.pause();
        assert_eq!(world.told(ann, publish("wave", "1", 1))[0]["type"], "message");
        assert_eq!(seqs(&world.told(ann, say("1", 1))), [1]);
    });
}

#[test]
fn d7_the_window_holds_the_last_thousand_and_not_the_one_before() {
    for (later, known) in [(999, true), (1_000, false)] {
        in_room(|world| {
            let ann = world.joined(&unmetered("ann"));
            let bob = world.joined(&unmetered("bob"));
            world.told(ann, say("1", 1));
            for start in (0..later).step_by(100) {
                let frames: Vec<_> =
                    (start..later.min(start + 100)).map(|number| say(&format!("b{number}"), number)).collect();
                world.told(bob, json!(frames));
            }
            world.pause();
            let told = world.told(ann, say("1", 1));
            let told = told.last().unwrap();
            assert_eq!(told.get("duplicate").is_some(), known, "{told}");
        });
    }
}

#[test]
fn d7_the_window_holds_ten_minutes_and_not_a_moment_more() {
    for (pause, known) in [(600_000, true), (600_001, false)] {
        in_room(|world| {
            let ann = world.joined(&Joiner::user("ann"));
            world.send(ann, say("1", 1));
            world.advance(pause);
            let told = world.told(ann, say("1", 1));
            let told = told.last().unwrap();
            assert_eq!(told.get("duplicate").is_some(), known, "{told}");
        });
    }
}

#[test]
fn d7_a_write_that_fails_takes_no_id_of_an_earlier_message_back() {
    in_room(|world| {
        world.limits.dedupe_count = 8;
        let ann = world.joined(&unmetered("ann"));
        let frames: Vec<Value> = (1..=8).map(|id| say(&id.to_string(), id)).collect();
        world.told(ann, frames.into());
        // The second of these finds the first of all as the ninth before it, if what is only reserved were counted.
        world.storage.set_full(true);
        world.told(ann, json!([say("9", 9), say("1", 1)]));
        world.storage.set_full(false);
        assert_eq!(world.told(ann, say("1", 1)), [duplicate("1", 1)]);
    });
}

#[test]
fn d7_what_is_only_reserved_is_known_whatever_the_clock_says() {
    let mut world = World::room();
    let ann = world.joined(&unmetered("ann"));
    world.send(ann, say("1", 1));
    world.send(ann, say("2", 2));
    world.set_clock(world.now() + 700_000);
    world.send(ann, say("2", 2));
    world.drain();
    let told = world.received(ann);
    assert_eq!((seqs(&told), told.last()), (vec![1, 2], Some(&duplicate("2", 2))));
}

#[test]
fn d7_a_message_out_of_the_bounds_of_history_is_still_known() {
    in_channel("brief:a", |world| {
        let ann = world.joined(&unmetered("ann"));
        world.told(ann, say("1", 1));
        world.keep(50);
        world.pause();
        world.received(ann);
        let told = world.told(ann, say("1", 1));
        assert_eq!(told, [duplicate("1", 1)]);
        assert_eq!(
            seqs(
                world.told(ann, json!({"type": "history", "id": "h", "limit": 100}))[0]["messages"].as_array().unwrap()
            )
            .len(),
            5
        );
    });
}

#[test]
fn d7_without_an_id_every_publish_is_a_new_one() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        let frame = json!({"type": "publish", "event": "say", "data": 1});
        assert_eq!(seqs(&world.told(ann, json!([frame, frame]))), [1, 2]);
    });
}
