//! How a channel ends on a connection, and how the connection does (rules M4, A6, R6, R7).

use serde_json::json;

use super::bench::{BEGIN, Bench, inside, join, kinds, said, say};
use crate::node::claims;

#[test]
fn m4_a_bye_of_one_channel_leaves_the_others() {
    let mut bench = Bench::new();
    let ann = bench.joins("ann", &["room:a", "room:b"]);
    let bob = bench.joins("bob", &["room:a"]);
    // Twenty refusals in a row of one channel are that channel's.
    let bad = json!({"type": "publish", "channel": "room:a", "event": "nothing", "data": 1});
    for _ in 0..20 {
        bench.asks(ann, bad.clone());
    }
    assert_eq!(bench.closed(ann), None);
    bench.refuses(ann, say("room:a", "1"), "not_found");
    let heard = bench.asks(ann, say("room:b", "1"));
    assert_eq!(kinds(&said(&heard, "room:b")), ["message"]);
    assert_eq!(kinds(&said(&bench.asks(bob, say("room:a", "1")), "room:a")).last(), Some(&"message"));
    assert!(bench.heard(ann).is_empty(), "nothing of it comes any more");
    assert_eq!(inside(&bench.asks(ann, join("room:a")), "room:a")[0]["type"], "welcome");
}

#[test]
fn a6_a_connection_whose_token_has_expired_is_not_heard_any_more() {
    let mut bench = Bench::new();
    let mut short = claims("ann");
    short.expires = BEGIN + 60_000;
    let ann = bench.connects_with(Some(short));
    bench.asks(ann, join("room:a"));
    bench.pass(50_000);
    assert_eq!(kinds(&said(&bench.asks(ann, say("room:a", "1")), "room:a")), ["message"]);
    bench.pass(20_000);
    let heard = bench.asks(ann, join("room:b"));
    assert_eq!((kinds(&heard), &heard[0]["code"], bench.closed(ann)), (vec!["bye"], &json!(4300), Some(4300)));
    assert!(bench.present("room:b").is_empty());
    assert_eq!(bench.present("room:a"), ["ann"], "it may come back with another token");
    bench.pass(15_000);
    assert!(bench.present("room:a").is_empty());
}

#[test]
fn r6_a_connection_that_pinged_and_then_fell_silent_is_let_go() {
    let mut bench = Bench::new();
    let ann = bench.joins("ann", &["room:a"]);
    let bob = bench.joins("bob", &["room:a"]);
    let cat = bench.joins("cat", &["room:a"]);
    for client in [ann, bob] {
        bench.socket(client).pinged = Some(BEGIN);
    }
    // One that is heard is not silent, and of one that never pinged nothing is known.
    bench.pass(80_000);
    bench.asks(bob, say("room:a", "1"));
    bench.pass(60_000);
    assert_eq!([ann, bob, cat].map(|client| bench.closed(client)), [Some(4201), None, None]);
    assert_eq!(kinds(&bench.heard(ann)).last(), Some(&"bye"));
    bench.pass(15_000);
    assert_eq!(bench.present("room:a"), ["bob", "cat"]);
}

#[test]
fn r6_a_connection_that_does_not_read_is_let_go_and_leaves_its_channels() {
    let mut bench = Bench::new();
    (bench.relay().limits.unsent_bytes, bench.relay().limits.unsent_total_bytes) = (100_000, 10_000_000);
    let [ann, bob] = ["ann", "bob"].map(|user| bench.joins(user, &["room:a"]));
    bench.socket(bob).unsent = 100_001;
    bench.socket(ann).unsent = 100_000;
    let mut large = say("room:a", "1");
    large["data"] = json!("x".repeat(60_000));
    bench.asks(ann, large);
    assert_eq!([ann, bob].map(|client| bench.closed(client)), [None, Some(4102)]);
    assert_eq!(bench.present("room:a"), ["ann"], "it has left");
}

#[test]
fn r7_where_all_unsent_is_too_much_those_go_who_have_most_of_it() {
    let mut bench = Bench::new();
    (bench.relay().limits.unsent_bytes, bench.relay().limits.unsent_total_bytes) = (100_000, 150_000);
    let [ann, bob, cat] = ["ann", "bob", "cat"].map(|user| bench.joins(user, &["room:a"]));
    for (client, unsent) in [(ann, 50_000), (bob, 90_000), (cat, 60_000)] {
        bench.socket(client).unsent = unsent;
    }
    let mut large = say("room:a", "1");
    large["data"] = json!("x".repeat(60_000));
    bench.asks(ann, large);
    assert_eq!([ann, bob, cat].map(|client| bench.closed(client)), [None, Some(4102), None]);
}

#[test]
fn m4_a_connection_that_ends_leaves_its_channels_and_one_that_breaks_has_its_grace() {
    let mut bench = Bench::new();
    let [ann, bob] = ["ann", "bob"].map(|user| bench.joins(user, &["room:a"]));
    bench.closes(ann, true);
    assert_eq!(bench.present("room:a"), ["bob"]);
    bench.closes(bob, false);
    assert_eq!(bench.present("room:a"), ["bob"]);
    bench.pass(15_000);
    assert!(bench.present("room:a").is_empty());
}
