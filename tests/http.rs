//! The same channel over HTTP, by the same rules, limits and codes (rule E2).
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
use serde_json::{Value, json};
use support::{Joiner, Rooms, World, in_channel, in_room, say, seqs, unmetered};

fn code(answer: &Value) -> &str {
    answer["error"]["code"].as_str().unwrap_or_default()
}

#[test]
fn e2_messages_are_ascending_and_more_is_in_the_direction_of_paging() {
    in_room(|world| {
        world.keep(10);
        world.pause();
        let reader = unmetered("ann");
        for (after, before, limit, expected, more) in [
            (None, None, Some("3"), vec![8, 9, 10], true),
            (None, None, Some("10"), (1..=10).collect(), false),
            (None, Some("8"), Some("3"), vec![5, 6, 7], true),
            (None, Some("4"), Some("3"), vec![1, 2, 3], false),
            (None, Some("1"), None, vec![], false),
            (None, Some("0"), None, vec![], false),
            (None, Some("99"), Some("1"), vec![10], true),
            (Some("0"), None, Some("3"), vec![1, 2, 3], true),
            (Some("7"), None, Some("3"), vec![8, 9, 10], false),
            (Some("6"), None, Some("3"), vec![7, 8, 9], true),
            (Some("10"), None, None, vec![], false),
            (Some("99"), None, None, vec![], false),
        ] {
            let (status, answer) = world.messages(&reader, after, before, limit);
            assert_eq!(status, 200, "{answer}");
            assert_eq!(
                seqs(answer["messages"].as_array().unwrap()),
                expected,
                "after {after:?} before {before:?} limit {limit:?}"
            );
            assert_eq!(answer["more"], more, "after {after:?} before {before:?} limit {limit:?}");
        }
    });
}

#[test]
fn e2_a_page_is_50_where_none_is_given_and_100_at_most() {
    in_room(|world| {
        let ann = world.joined(&unmetered("ann"));
        for start in [0, 100] {
            world.told(ann, json!((start..start + 75).map(|id| say(&id.to_string(), id)).collect::<Vec<_>>()));
        }
        world.pause();
        for (limit, count) in
            [(None, 50), (Some("1"), 1), (Some("100"), 100), (Some("101"), 100), (Some("1000000"), 100)]
        {
            let (_, answer) = world.messages(&unmetered("bob"), None, None, limit);
            assert_eq!((answer["messages"].as_array().unwrap().len(), &answer["more"]), (count, &json!(true)));
        }
        let told = world.told(ann, json!({"type": "history", "id": "h"}));
        assert_eq!(told[0]["messages"].as_array().unwrap().len(), 50);
    });
}

#[test]
fn e2_a_query_that_cannot_be_is_a_bad_frame() {
    in_room(|world| {
        world.keep(3);
        for (after, before, limit) in [
            (Some("1"), Some("3"), None),
            (None, None, Some("0")),
            (None, None, Some("-1")),
            (None, None, Some("")),
            (Some("x"), None, None),
            (Some("+1"), None, None),
            (None, Some("1.5"), None),
            (None, Some("18446744073709551616"), None),
        ] {
            let (status, answer) = world.messages(&unmetered("ann"), after, before, limit);
            assert_eq!((status, code(&answer)), (400, "bad_frame"), "{after:?} {before:?} {limit:?}");
        }
    });
}

#[test]
fn e2_reading_messages_needs_history_and_not_join() {
    in_room(|world| {
        world.keep(1);
        let (status, _) = world.messages(&Joiner::user("ann").can(&["history"]), None, None, None);
        assert_eq!(status, 200);
        let (status, answer) = world.messages(&Joiner::user("bob").can(&["join", "publish"]), None, None, None);
        assert_eq!((status, code(&answer)), (403, "forbidden"));
        let (status, answer) = world.messages(&Joiner::anonymous(), None, None, None);
        assert_eq!((status, code(&answer)), (401, "unauthenticated"));
    });
    in_channel("open:a", |world| {
        let (status, answer) = world.messages(&Joiner::anonymous(), None, None, None);
        assert_eq!((status, answer), (200, json!({"messages": [], "more": false})));
    });
}

#[test]
fn e2_members_are_told_to_who_has_presence() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann").info(json!({"name": "Ann"})));
        world.told(ann, json!({"type": "presence", "data": {"mood": "good"}}));
        world.pause();
        let member = json!({"user": "ann", "connection": world.connection(ann), "info": {"name": "Ann"}, "data": {"mood": "good"}});
        assert_eq!(
            world.get(&Joiner::user("bob").can(&["presence"]), HttpOperation::Members),
            (200, json!({"members": [member]}))
        );
        let (status, answer) = world.get(&Joiner::user("bob").can(&["join"]), HttpOperation::Members);
        assert_eq!((status, code(&answer)), (403, "forbidden"));
        let (status, answer) = world.get(&Joiner::anonymous(), HttpOperation::Members);
        assert_eq!((status, code(&answer)), (401, "unauthenticated"));
    });
    in_channel("dark:a", |world| {
        let (status, answer) = world.get(&Joiner::user("bob"), HttpOperation::Members);
        assert_eq!((status, code(&answer)), (404, "not_found"));
    });
}

#[test]
fn e2_one_publish_is_answered_by_its_ack_and_heard_without_a_connection() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        let poster = Joiner::user("bob").can(&["publish"]);
        let body = json!({"id": "1", "event": "say", "data": {"a": 1}});
        assert_eq!(world.post(&poster, body), (200, json!({"type": "ack", "id": "1", "seq": 1})));
        let heard = world.receives(ann);
        assert_eq!((&heard["from"], &heard["id"], &heard["seq"]), (&json!({"user": "bob"}), &json!("1"), &json!(1)));
        world.pause();
        let body = json!({"type": "publish", "event": "wave", "data": 1});
        assert_eq!(world.post(&poster, body), (200, json!({"type": "ack"})));
        assert_eq!(world.receives(ann).get("id"), None);
    });
}

#[test]
fn e2_a_post_reaches_every_connection_of_its_own_user_too() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        world.post(&Joiner::user("ann"), json!({"event": "say", "data": 1, "echo": false}));
        assert_eq!(seqs(&world.received(ann)), [1]);
        let (_, answer) =
            world.post(&Joiner::user("ann"), json!({"event": "wave", "data": 1, "to": {"users": ["ann"]}}));
        assert_eq!(answer, json!({"type": "ack", "delivered": 1}));
        assert_eq!(world.receives(ann)["event"], "wave");
    });
}

#[test]
fn e2_posting_needs_publish_and_not_join() {
    in_room(|world| {
        let body = json!({"event": "say", "data": 1});
        let (status, answer) = world.post(&Joiner::user("ann").can(&["join", "history"]), body.clone());
        assert_eq!((status, code(&answer)), (403, "forbidden"));
        let (status, _) = world.post(&Joiner::user("ann").can(&["publish:say"]), body.clone());
        assert_eq!(status, 200);
        let (status, answer) = world.post(&Joiner::anonymous(), body);
        assert_eq!((status, code(&answer)), (401, "unauthenticated"));
    });
    in_channel("door:a", |world| {
        let (status, answer) = world.post(&Joiner::anonymous(), json!({"event": "say", "data": 1}));
        assert_eq!((status, code(&answer)), (401, "unauthenticated"));
    });
    in_channel("open:a", |world| {
        let (status, answer) = world.post(&Joiner::anonymous(), json!({"event": "say", "data": 1}));
        assert_eq!((status, answer), (200, json!({"type": "ack", "seq": 1})));
    });
}

#[test]
fn e2_a_refused_publish_is_an_error_with_its_status() {
    in_room(|world| {
        let ann = Joiner::user("ann");
        world.post(&ann, json!({"id": "used", "event": "say", "data": 0}));
        world.pause();
        for (body, status, told) in [
            (json!({"event": "sing", "data": 1}), 404, "unknown_event"),
            (json!({"event": "edict", "data": 1}), 403, "forbidden"),
            (json!({"event": "note", "data": {"text": 1}}), 422, "invalid_data"),
            (json!({"event": "small", "data": "x".repeat(2_000)}), 413, "too_large"),
            (json!({"event": "wave", "data": 1, "if_seq": 0}), 409, "not_kept"),
            (json!({"event": "say", "data": 1, "id": "used"}), 409, "conflict"),
            (json!({"event": "say", "data": 1, "if_seq": 7}), 409, "conflict"),
            (json!({"event": "say"}), 400, "bad_frame"),
            (json!({"event": "say", "data": 1, "id": ""}), 400, "bad_frame"),
            (json!({"type": "dance", "event": "say", "data": 1}), 400, "unknown_type"),
            (json!({"type": "auth", "token": "good.{}"}), 400, "unknown_type"),
            (json!("say"), 400, "bad_frame"),
            (json!(null), 400, "bad_frame"),
        ] {
            let (told_status, answer) = world.post(&ann, body.clone());
            assert_eq!((told_status, code(&answer)), (status, told), "{body}");
            assert!(!answer["error"]["message"].as_str().unwrap().is_empty());
        }
        let (status, answer) = world.post_text(&ann, "{");
        assert_eq!((status, code(&answer)), (400, "bad_frame"));
        let (status, answer) = world.post_text(&ann, &json!({"event": "say", "data": "x".repeat(65_536)}).to_string());
        assert_eq!((status, code(&answer)), (413, "too_large"));
    });
}

#[test]
fn e2_an_array_is_answered_by_acks_and_errors_in_its_order() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        let body = json!([
            {"id": "1", "event": "say", "data": 1},
            {"id": "2", "event": "sing", "data": 2},
            {"id": "1", "event": "say", "data": 1},
            {"event": "wave", "data": 3},
            7,
            {"id": "4", "event": "say", "data": 4, "if_seq": 9},
            {"id": "5", "event": "say", "data": 5, "if_seq": 1},
        ]);
        let (status, answer) = world.post(&Joiner::user("bob"), body);
        let answers = answer.as_array().unwrap();
        assert_eq!((status, answers.len()), (200, 7));
        assert_eq!(answers[0], json!({"type": "ack", "id": "1", "seq": 1}));
        assert_eq!(
            (&answers[1]["type"], &answers[1]["id"], &answers[1]["code"]),
            (&json!("error"), &json!("2"), &json!("unknown_event"))
        );
        assert_eq!(answers[2], json!({"type": "ack", "id": "1", "seq": 1, "duplicate": true}));
        assert_eq!(answers[3], json!({"type": "ack"}));
        assert_eq!((&answers[4]["code"], answers[4].get("id")), (&json!("bad_frame"), None));
        assert_eq!((&answers[5]["code"], &answers[5]["seq"]), (&json!("conflict"), &json!(1)));
        assert_eq!(answers[6], json!({"type": "ack", "id": "5", "seq": 2}));
        assert_eq!(seqs(&world.received(ann)), [1, 2]);
    });
}

#[test]
fn e2_an_array_has_a_hundred_publishes_at_most_and_may_have_none() {
    in_room(|world| {
        let many =
            |count: usize| json!((0..count).map(|number| json!({"event": "say", "data": number})).collect::<Vec<_>>());
        let (status, answer) = world.post(&unmetered("ann"), many(101));
        assert_eq!((status, code(&answer)), (413, "too_large"));
        assert_eq!(world.storage.rows().count(), 0);
        let (status, answer) = world.post(&unmetered("ann"), many(100));
        assert_eq!((status, answer.as_array().unwrap().len()), (200, 100));
        assert_eq!(world.post(&unmetered("ann"), json!([])), (200, json!([])));
    });
}

#[test]
fn e2_posts_pay_by_the_same_rates_and_one_limited_limits_the_rest_of_its_array() {
    in_room(|world| {
        let ann = Joiner::user("ann");
        let body = json!([{"event": "rare", "data": 1}, {"event": "rare", "data": 2}, {"event": "say", "data": 3}]);
        let (status, answer) = world.post(&ann, body);
        let codes: Vec<_> = answer.as_array().unwrap().iter().map(|answer| answer["code"].as_str()).collect();
        assert_eq!((status, codes), (200, vec![None, Some("rate_limited"), Some("rate_limited")]));
        let (status, answer) = world.post(&ann, json!({"event": "rare", "data": 1}));
        assert_eq!((status, code(&answer)), (429, "rate_limited"));
        assert!(answer["error"]["retry_after"].as_u64().unwrap() > 0);
    });
}

#[test]
fn e2_reading_pays_by_the_general_rate() {
    in_room(|world| {
        let ann = Joiner::user("ann");
        let statuses: Vec<_> = (0..41).map(|_| world.messages(&ann, None, None, None).0).collect();
        assert_eq!((statuses[..40].iter().all(|status| *status == 200), statuses[40]), (true, 429));
        assert_eq!(world.get(&ann, HttpOperation::Members).0, 429);
        assert_eq!(world.get(&Joiner::user("bob"), HttpOperation::Members).0, 200);
    });
}

#[test]
fn a6_a_grant_that_expired_on_the_way_asks_for_nothing() {
    in_room(|world| {
        world.keep(1);
        let ann = unmetered("ann").expires(world.now());
        let (status, answer) = world.messages(&ann, None, None, None);
        assert_eq!((status, code(&answer)), (401, "unauthenticated"));
        assert_eq!(world.get(&ann, HttpOperation::Members).0, 401);
        assert_eq!(world.post(&ann, json!({"event": "say", "data": 1})).0, 401);
        let ann = unmetered("ann").expires(world.now() + 1);
        assert_eq!(world.messages(&ann, None, None, None).0, 200);
    });
}

#[test]
fn f7_over_http_shape_comes_before_who_asks_and_that_before_rates() {
    in_room(|world| {
        let nobody = Joiner::anonymous();
        for _ in 0..50 {
            assert_eq!(world.messages(&nobody, None, None, None).0, 401);
        }
        assert_eq!(world.messages(&nobody, Some("1"), Some("2"), None).0, 400);
        assert_eq!(world.post_text(&nobody, "{").0, 400);
        assert_eq!(world.post(&nobody, json!({"event": "say"})).0, 400);
        assert_eq!(world.post(&nobody, json!({"event": "sing", "data": 1})).0, 401);
    });
}

#[test]
fn h1_posts_and_pages_read_the_same_asleep_or_not() {
    in_room(|world: &mut World| {
        for round in 0..10 {
            world.post(&Joiner::user("ann"), json!([{"id": format!("{round}"), "event": "say", "data": round}, {"id": "0", "event": "say", "data": 0}]));
            world.pause();
            world.messages(&Joiner::user("ann"), None, None, Some("2"));
            world.get(&Joiner::user("ann"), HttpOperation::Members);
        }
    });
}
