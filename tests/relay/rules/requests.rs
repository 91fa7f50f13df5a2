//! What is asked on a connection of many channels (rules M3, F1, R4, R5).

use dormouse_core::channel::Unreadable;
use serde_json::{Value, json};

use super::bench::{BEGIN, Bench, inside, join, kinds, said, say};
use crate::node::claims;

#[test]
fn m3_a_request_names_a_channel_that_is_joined() {
    let mut bench = Bench::new();
    let ann = bench.joins("ann", &["room:a"]);
    let without = json!({"type": "publish", "event": "say", "id": "1", "data": 1});
    assert_eq!(bench.refuses(ann, without, "bad_frame")["id"], "1");
    for channel in ["room:b", "nowhere", "", "a b"] {
        assert_eq!(bench.refuses(ann, say(channel, "2"), "not_found")["id"], "2");
    }
    let mut wrong = say("room:a", "3");
    wrong["channel"] = json!(7);
    assert_eq!(bench.refuses(ann, wrong, "bad_frame")["id"], "3");
    let heard = inside(&bench.asks(ann, say("room:a", "4")), "room:a");
    assert_eq!((kinds(&heard), &heard[0]["id"], &heard[0]["seq"]), (vec!["message"], &json!("4"), &json!(1)));
}

#[test]
fn m3_an_array_over_several_channels_is_judged_in_its_order() {
    let mut bench = Bench::new();
    let ann = bench.joins("ann", &["room:a", "room:b"]);
    let frames = [say("room:a", "1"), say("room:b", "2"), say("room:c", "3"), say("room:a", "4"), say("room:b", "5")];
    let heard = bench.asks(ann, json!(frames));
    let ids = |channel| inside(&heard, channel).iter().map(|frame| frame["id"].clone()).collect::<Vec<_>>();
    assert_eq!((ids("room:a"), ids("room:b")), (vec![json!("1"), json!("4")], vec![json!("2"), json!("5")]));
    assert_eq!((&heard[0]["code"], &heard[0]["id"]), (&json!("not_found"), &json!("3")));
    let leaves =
        json!([{"type": "leave", "channel": "room:a"}, say("room:a", "6"), join("room:a"), say("room:a", "7")]);
    let heard = bench.asks(ann, leaves);
    assert_eq!((&heard[0]["code"], &heard[0]["id"]), (&json!("not_found"), &json!("6")));
    let frames = said(&heard, "room:a");
    assert_eq!((kinds(&frames), &frames[1]["id"]), (vec!["welcome", "message"], &json!("7")));
}

#[test]
fn m3_an_unknown_type_is_refused_inside_its_channel_as_to_a_direct_member() {
    let mut bench = Bench::new();
    let ann = bench.joins("ann", &["room:a"]);
    let heard = bench.asks(ann, json!({"type": "dance", "id": "1", "channel": "room:a"}));
    assert_eq!(inside(&heard, "room:a")[0]["code"], "unknown_type");
    bench.refuses(ann, json!({"type": "dance", "id": "1"}), "bad_frame");
}

#[test]
fn m3_auth_without_a_channel_is_for_all() {
    let mut bench = Bench::new();
    let ann = bench.joins("ann", &["room:a", "room:b"]);
    let token = format!("ann@{}", BEGIN + 60_000);
    let heard = bench.asks(ann, json!({"type": "auth", "id": "t", "token": token}));
    assert_eq!(heard, [json!({"type": "ack", "id": "t"})]);
    let heard = bench.asks(ann, join("room:c"));
    assert_eq!(inside(&heard, "room:c")[0]["expires"], BEGIN + 60_000);
    // Each channel has it too.
    let bob = bench.joins("bob", &["room:a", "room:b", "room:c"]);
    bench.pass(70_000);
    bench.asks(bob, json!([say("room:a", "1"), say("room:b", "2"), say("room:c", "3")]));
    let heard = bench.heard(ann);
    for channel in ["room:a", "room:b", "room:c"] {
        let frames = inside(&heard, channel);
        assert_eq!((kinds(&frames), &frames[0]["code"]), (vec!["bye"], &json!(4300)), "{channel}");
    }
}

#[test]
fn m3_auth_of_another_user_is_refused_and_changes_nothing() {
    let mut bench = Bench::new();
    let ann = bench.joins("ann", &["room:a"]);
    let soon = format!("bob@{}", BEGIN + 60_000);
    bench.refuses(ann, json!({"type": "auth", "id": "t", "token": soon}), "forbidden");
    bench.refuses(ann, json!({"type": "auth", "id": "t"}), "bad_frame");
    bench.pass(2_000);
    bench.refuses(ann, json!({"type": "auth", "id": "t", "token": ""}), "unauthenticated");
    bench.pass(70_000);
    assert_eq!(bench.closed(ann), None);
    let heard = bench.asks(ann, json!([join("room:b"), say("room:a", "1")]));
    assert_eq!(inside(&heard, "room:b")[0]["user"], "ann");
    assert_eq!(kinds(&said(&heard, "room:a")), ["message"]);
}

#[test]
fn m3_auth_with_a_channel_is_for_that_one_and_answered_inside_it() {
    let mut bench = Bench::new();
    let ann = bench.joins("ann", &["room:a", "room:b"]);
    let auth = |token: &str| json!({"type": "auth", "id": "t", "channel": "room:a", "token": token});
    let heard = bench.asks(ann, auth(&format!("ann@{}", BEGIN + 60_000)));
    assert_eq!((kinds(&heard), inside(&heard, "room:a")), (vec!["in"], vec![json!({"type": "ack", "id": "t"})]));
    let heard = bench.asks(ann, auth("bob"));
    assert_eq!(inside(&heard, "room:a")[0]["code"], "forbidden");
    bench.pass(70_000);
    let heard = bench.asks(ann, json!([say("room:a", "1"), say("room:b", "2")]));
    assert_eq!((&inside(&heard, "room:a")[0]["code"], kinds(&said(&heard, "room:b"))), (&json!(4300), vec!["message"]));
    assert_eq!(bench.closed(ann), None);
}

#[test]
fn m3_auth_without_a_channel_leaves_one_that_was_joined_with_a_token_of_its_own() {
    for sleeps in [false, true] {
        let mut bench = Bench::new();
        let ann = bench.joins("ann", &["room:a"]);
        let own = json!({"type": "join", "channel": "room:b", "token": format!("ann@{}", BEGIN + 60_000)});
        assert_eq!(inside(&bench.asks(ann, own), "room:b")[0]["type"], "welcome");
        if sleeps {
            bench.sleep();
        }
        bench.asks(ann, json!({"type": "auth", "id": "t", "token": "ann"}));
        bench.pass(70_000);
        let heard = bench.asks(ann, json!([say("room:a", "1"), say("room:b", "2")]));
        assert_eq!(kinds(&said(&heard, "room:a")), ["message"], "{heard:?}");
        assert_eq!(said(&heard, "room:b")[0]["code"], 4300, "its own token has expired, and was not replaced");
    }
}

#[test]
fn m3_one_without_a_token_signs_in_by_auth() {
    let mut bench = Bench::new();
    let anyone = bench.connects_with(None);
    bench.heard(anyone);
    assert_eq!(
        bench.asks(anyone, json!({"type": "auth", "id": "t", "token": "ann"})),
        [json!({"type": "ack", "id": "t"})]
    );
    let heard = bench.asks(anyone, join("room:a"));
    assert_eq!(inside(&heard, "room:a")[0]["user"], "ann");
    bench.refuses(anyone, json!({"type": "auth", "id": "t", "token": "bob"}), "forbidden");
}

#[test]
fn r5_a_connection_sends_4000_frames_at_once_and_2000_a_second() {
    let mut bench = Bench::new();
    let ann = bench.joins("ann", &["room:a"]);
    bench.pass(5_000);
    let hint = json!({"type": "publish", "channel": "room:a", "event": "hint", "data": 1, "echo": false});
    let many = Value::from(vec![hint; 100]);
    for _ in 0..40 {
        bench.sends(ann, &many.to_string());
    }
    assert!(bench.heard(ann).is_empty());
    bench.sends(ann, &say("room:a", "1").to_string());
    let heard = bench.heard(ann);
    assert_eq!((&heard[0]["code"], &heard[0]["id"]), (&json!("rate_limited"), &json!("1")));
    bench.pass(1);
    assert_eq!(kinds(&said(&bench.asks(ann, say("room:a", "1")), "room:a")), ["message"]);
}

#[test]
fn r5_a_connection_joins_200_times_at_once_and_20_times_a_second() {
    let mut bench = Bench::new();
    let ann = bench.connects("ann");
    for _ in 0..200 {
        bench.sends(ann, &join("room:a").to_string());
        bench.sends(ann, &json!({"type": "leave", "channel": "room:a"}).to_string());
    }
    bench.heard(ann);
    bench.sends(ann, &join("room:a").to_string());
    let heard = bench.heard(ann);
    assert_eq!((heard.len(), &heard[0]["code"]), (1, &json!("rate_limited")));
    bench.pass(50);
    assert_eq!(inside(&bench.asks(ann, join("room:a")), "room:a")[0]["type"], "welcome");
}

#[test]
fn r5_a_connection_replaces_its_token_3_times_at_once_and_once_a_second() {
    let mut bench = Bench::new();
    let ann = bench.connects("ann");
    let auth = json!({"type": "auth", "id": "t", "token": "ann"}).to_string();
    for _ in 0..4 {
        bench.sends(ann, &auth);
    }
    let heard = bench.heard(ann);
    assert_eq!((kinds(&heard), &heard[3]["code"]), (vec!["ack", "ack", "ack", "error"], &json!("rate_limited")));
    bench.pass(1_000);
    bench.sends(ann, &auth);
    assert_eq!(kinds(&bench.heard(ann)), ["ack"]);
}

#[test]
fn r4_twenty_refusals_in_a_row_end_the_connection() {
    let mut bench = Bench::new();
    let ann = bench.joins("ann", &["room:a"]);
    for _ in 0..19 {
        bench.refuses(ann, say("room:b", "1"), "not_found");
    }
    bench.asks(ann, say("room:a", "1"));
    for _ in 0..19 {
        bench.refuses(ann, say("room:b", "1"), "not_found");
    }
    assert_eq!(bench.closed(ann), None);
    let heard = bench.asks(ann, json!([say("room:b", "1"), say("room:a", "2")]));
    assert_eq!((kinds(&heard), &heard[1]["code"], bench.closed(ann)), (vec!["error", "bye"], &json!(4101), Some(4101)));
    assert_eq!(bench.present("room:a"), [""; 0], "it has left");
}

#[test]
fn f1_frames_are_text_and_json_and_not_too_large() {
    let mut bench = Bench::new();
    let ann = bench.joins("ann", &["room:a"]);
    for (what, code) in [
        (Unreadable::Binary, "bad_frame"),
        (Unreadable::NotUnicode, "bad_frame"),
        (Unreadable::TooLarge { closes: false }, "too_large"),
    ] {
        bench.sends_unreadable(ann, what);
        let heard = bench.heard(ann);
        assert_eq!((heard.len(), &heard[0]["code"], bench.closed(ann)), (1, &json!(code), None));
    }
    for text in ["", "{", "7", "[7]", "null", r#"{"type":"join","type":"join","channel":"room:b"}"#] {
        bench.sends(ann, text);
        assert_eq!(bench.heard(ann)[0]["code"], "bad_frame", "{text}");
    }
    let mut large = say("room:a", "1");
    large["data"] = json!("x".repeat(65_536));
    bench.refuses(ann, large.clone(), "too_large");
    bench.refuses(ann, Value::from(vec![say("room:a", "1"); 101]), "too_large");
    large["data"] = json!("x".repeat(50_000));
    assert_eq!(kinds(&said(&bench.asks(ann, large), "room:a")), ["message"]);
    let hundred = bench.asks(ann, Value::from(vec![say("room:b", "1"); 15]));
    assert_eq!(hundred.len(), 15, "each is looked at");
}

#[test]
fn f1_a_frame_far_too_large_closes_the_socket_and_leaves_its_channels() {
    let mut bench = Bench::new();
    let ann = bench.joins("ann", &["room:a"]);
    assert_eq!(bench.present("room:a"), ["ann"]);
    bench.heard(ann);
    bench.sends_unreadable(ann, Unreadable::TooLarge { closes: true });
    assert_eq!((bench.heard(ann)[0]["code"].clone(), bench.closed(ann)), (json!("too_large"), Some(1009)));
    assert!(bench.present("room:a").is_empty());
    let bob = bench.connects_with(Some(claims("bob")));
    assert_eq!(bench.closed(bob), None);
}
