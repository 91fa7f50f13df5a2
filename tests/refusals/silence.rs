//! Who is silent, and who is slow (rule R6).

use dormouse_core::channel::HttpOperation;
use serde_json::json;

use crate::support::{Joiner, Rooms, World, in_room, say, seqs, unmetered};

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
    world.drain();
    assert!(world.received(slow).iter().any(|frame| frame["code"] == 4102));
}
