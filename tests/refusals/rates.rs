//! How much one may say and ask (rule R5).

use serde_json::json;

use crate::support::{Joiner, Rooms, Sleep, World, in_channel, in_room, publish, say, seqs, unmetered};

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
        world.drain();
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
        world.drain();
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
        world.drain();
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
