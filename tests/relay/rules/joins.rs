//! Joining and leaving (rule M2).

use serde_json::{Value, json};

use super::bench::{BEGIN, Bench, inside, join, kinds, said, say};
use crate::node::claims;

#[test]
fn m2_a_join_is_answered_by_the_welcome_of_the_channel() {
    let mut bench = Bench::new();
    let ann = bench.connects("ann");
    let heard = bench.asks(ann, join("room:a"));
    assert_eq!(heard[0]["type"], "in");
    let welcome = &inside(&heard, "room:a")[0];
    assert_eq!((&welcome["type"], &welcome["user"]), (&json!("welcome"), &json!("ann")));
    assert_ne!(welcome["connection"], "c0", "the channel has a connection of its own");
}

#[test]
fn m2_many_joins_in_one_array_are_answered_each() {
    let mut bench = Bench::new();
    let ann = bench.connects("ann");
    let heard = bench.asks(ann, json!([join("room:a"), join("room:b"), join("nowhere"), join("room:c")]));
    let first = |channel| inside(&heard, channel)[0]["type"].clone();
    assert_eq!(["room:a", "room:b", "nowhere", "room:c"].map(first), ["welcome", "welcome", "bye", "welcome"]);
}

#[test]
fn m2_a_channel_that_no_pattern_fits_is_over_inside_its_in() {
    let mut bench = Bench::new();
    let ann = bench.joins("ann", &["room:a"]);
    let heard = bench.asks(ann, join("nowhere:a"));
    assert_eq!(kinds(&heard), ["in"]);
    let bye = &inside(&heard, "nowhere:a")[0];
    assert_eq!((&bye["type"], &bye["code"]), (&json!("bye"), &json!(4001)));
    assert_eq!(bench.closed(ann), None);
    assert_eq!(kinds(&said(&bench.asks(ann, say("room:a", "1")), "room:a")), ["message"]);
}

#[test]
fn m2_a_name_that_is_none_is_refused_and_not_told_again() {
    let mut bench = Bench::new();
    let ann = bench.connects("ann");
    for name in ["", "a b", "room:", "\"<", &"x".repeat(129)] {
        let refusal = bench.refuses(ann, json!({"type": "join", "id": "j", "channel": name}), "not_found");
        assert_eq!(refusal["id"], "j");
    }
    assert_eq!(kinds(&bench.asks(ann, join("room:a"))), ["in"]);
}

#[test]
fn m2_who_has_joined_a_channel_cannot_join_it_again_until_it_has_left() {
    let mut bench = Bench::new();
    let ann = bench.joins("ann", &["room:a"]);
    bench.refuses(ann, json!({"type": "join", "id": "j", "channel": "room:a"}), "conflict");
    bench.asks(ann, json!({"type": "leave", "channel": "room:a"}));
    let heard = bench.asks(ann, join("room:a"));
    assert_eq!(inside(&heard, "room:a")[0]["type"], "welcome");
}

#[test]
fn m2_a_connection_carries_200_channels_and_no_more() {
    let mut bench = Bench::new();
    let ann = bench.connects("ann");
    for first in [0, 100] {
        let joins: Vec<Value> = (first..first + 100).map(|each| join(&format!("room:{each}"))).collect();
        let heard = bench.asks(ann, Value::from(joins));
        assert!((first..first + 100).all(|each| inside(&heard, &format!("room:{each}"))[0]["type"] == "welcome"));
    }
    bench.pass(1_000);
    let refusal = bench.refuses(ann, json!({"type": "join", "id": "j", "channel": "room:more"}), "over_capacity");
    assert_eq!(refusal["id"], "j");
    bench.asks(ann, json!({"type": "leave", "channel": "room:7"}));
    let heard = bench.asks(ann, join("room:more"));
    assert_eq!(inside(&heard, "room:more")[0]["type"], "welcome");
}

#[test]
fn m2_a_token_for_one_channel_is_the_same_users() {
    let mut bench = Bench::new();
    let ann = bench.connects("ann");
    let with = |channel: &str, token: &str| json!({"type": "join", "channel": channel, "token": token});
    let expires = BEGIN + 60_000;
    let heard = bench.asks(ann, with("room:a", &format!("ann@{expires}")));
    assert_eq!(inside(&heard, "room:a")[0]["expires"], json!(expires));
    let heard = bench.asks(ann, with("room:b", "bob"));
    assert_eq!((kinds(&heard), &inside(&heard, "room:b")[0]["code"]), (vec!["in"], &json!(4003)));
    assert_eq!(bench.closed(ann), None);
    assert!(bench.present("room:b").is_empty());
}

#[test]
fn m2_a_bad_token_for_one_channel_ends_that_join_alone() {
    let mut bench = Bench::new();
    let ann = bench.joins("ann", &["room:a"]);
    for (token, code) in [("", 4009), ("ann@1", 4300)] {
        let heard = bench.asks(ann, json!({"type": "join", "channel": "room:b", "token": token}));
        let bye = inside(&heard, "room:b");
        assert_eq!((kinds(&bye), &bye[0]["code"]), (vec!["bye"], &json!(code)));
    }
    assert_eq!(bench.closed(ann), None);
    let heard = bench.asks(ann, json!([join("room:b"), say("room:a", "1")]));
    assert_eq!(inside(&heard, "room:b")[0]["type"], "welcome");
    assert_eq!(kinds(&said(&heard, "room:a")), ["message"]);
}

#[test]
fn m2_without_a_token_one_joins_where_the_contract_has_anyone() {
    let mut bench = Bench::new();
    let anyone = bench.connects_with(None);
    bench.heard(anyone);
    let heard = bench.asks(anyone, json!([join("open:a"), join("room:a")]));
    assert_eq!(inside(&heard, "open:a")[0]["type"], "welcome");
    let refused = inside(&heard, "room:a");
    assert_eq!((kinds(&refused), &refused[0]["code"]), (vec!["bye"], &json!(4300)));
    let heard = bench.asks(anyone, json!({"type": "join", "channel": "room:a", "token": "ann"}));
    assert_eq!(inside(&heard, "room:a")[0]["user"], "ann");
}

#[test]
fn m2_who_comes_back_is_told_what_it_missed_as_a_direct_member() {
    let mut bench = Bench::new();
    let (ann, bob) = (bench.joins("ann", &["room:a"]), bench.connects("bob"));
    let heard = bench.asks(bob, join("room:a"));
    let welcome = inside(&heard, "room:a").remove(0);
    bench.closes(bob, false);
    bench.asks(ann, json!([say("room:a", "1"), say("room:a", "2")]));
    let bob = bench.connects("bob");
    let mut back = join("room:a");
    (back["epoch"], back["after"], back["connection"]) =
        (welcome["epoch"].clone(), json!(0), welcome["connection"].clone());
    let frames = inside(&bench.asks(bob, back), "room:a");
    assert_eq!((kinds(&frames), &frames[0]["resume"]), (vec!["welcome", "message", "message"], &json!("recovered")));
    assert_eq!(frames[0]["connection"], welcome["connection"]);
    let fresh = bench.connects_with(Some(claims("cat")));
    let frames = inside(&bench.asks(fresh, join("room:a")), "room:a");
    assert_eq!((kinds(&frames), &frames[0]["seq"]), (vec!["welcome"], &json!(2)));
}

#[test]
fn m2_after_the_ack_of_leave_nothing_of_that_channel_is_heard() {
    let mut bench = Bench::new();
    let ann = bench.joins("ann", &["room:a", "room:b"]);
    let bob = bench.joins("bob", &["room:a", "room:b"]);
    let leave = json!([{"type": "leave", "id": "l", "channel": "room:a"}, say("room:b", "1")]);
    let heard = bench.asks(bob, leave);
    assert_eq!(heard[0], json!({"type": "ack", "id": "l"}));
    assert_eq!((heard.len(), kinds(&said(&heard, "room:b"))), (2, vec!["message"]));
    let heard = bench.asks(ann, json!([say("room:a", "2"), say("room:b", "3")]));
    assert_eq!(kinds(&said(&heard, "room:a")), ["message"]);
    let heard = bench.heard(bob);
    assert!(heard.iter().all(|frame| frame["channel"] == "room:b"), "{heard:?}");
    assert_eq!(kinds(&said(&heard, "room:b")), ["message"]);
    assert_eq!(bench.present("room:a"), ["ann"]);
    bench.refuses(bob, json!({"type": "leave", "id": "l", "channel": "room:a"}), "not_found");
}

#[test]
fn m2_a_leave_without_an_id_is_not_answered() {
    let mut bench = Bench::new();
    let ann = bench.joins("ann", &["room:a"]);
    assert!(bench.asks(ann, json!({"type": "leave", "channel": "room:a"})).is_empty());
    bench.refuses(ann, say("room:a", "1"), "not_found");
}
