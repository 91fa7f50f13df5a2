//! What a connection is after its relay has slept, or has lost its memory (rules H1, H3, M5).

use dormouse_core::storage::{Commit, RECORD_FORMAT, Record, RecordKind, Storage};
use dormouse_protocol::name::UserId;
use serde_json::{Value, json};

use super::bench::{Bench, inside, join, kinds, said, say};
use crate::node::claims;

#[test]
fn h1_a_connection_is_in_its_channels_after_sleep() {
    let mut bench = Bench::new();
    let ann = bench.joins("ann", &["room:a", "room:b"]);
    let bob = bench.joins("bob", &["room:a"]);
    bench.sleep();
    assert_eq!(kinds(&said(&bench.asks(bob, say("room:a", "1")), "room:a")), ["message"]);
    assert_eq!(kinds(&said(&bench.heard(ann), "room:a")), ["message"]);
    assert_eq!(kinds(&said(&bench.asks(ann, say("room:b", "1")), "room:b")), ["message"]);
    bench.refuses(bob, say("room:b", "1"), "not_found");
}

#[test]
fn h1_a_connection_has_its_user_after_sleep() {
    let mut bench = Bench::new();
    let ann = bench.joins("ann", &["room:a"]);
    bench.sleep();
    bench.refuses(ann, json!({"type": "auth", "id": "t", "token": "bob"}), "forbidden");
    assert_eq!(inside(&bench.asks(ann, join("room:b")), "room:b")[0]["user"], "ann");
}

#[test]
fn m6_where_both_have_slept_a_member_is_told_where_the_channel_was_and_else_nothing_of_it() {
    for both in [true, false] {
        let mut bench = Bench::new();
        let (ann, bob) = (bench.joins("ann", &["room:a"]), bench.joins("bob", &["room:a"]));
        let first = bench.asks(bob, say("room:a", "1"));
        assert_eq!(said(&first, "room:a")[0]["seq"], 1);
        bench.heard(ann);
        match both {
            true => bench.sleep(),
            false => {
                bench.pass(6_000);
                bench.channel("room:a").memory = None;
            }
        }
        bench.asks(bob, say("room:a", "2"));
        let heard = bench.heard(ann);
        let told: Vec<_> = heard.iter().filter(|frame| frame["type"] == "at").collect();
        assert_eq!(told.len(), usize::from(both), "{heard:?}");
        if let [at] = *told {
            assert_eq!((&at["channel"], &at["seq"]), (&json!("room:a"), &json!(1)));
            assert_eq!(heard[0], *at, "before what is new");
        }
        assert_eq!(said(&heard, "room:a")[0]["seq"], 2);
    }
}

#[test]
fn m5_a_relay_that_has_lost_its_memory_tells_its_members_to_come_back() {
    let mut bench = Bench::new();
    let ann = bench.joins("ann", &["room:a", "room:b"]);
    let bob = bench.connects("bob");
    bench.heard(bob);
    bench.sleep();
    bench.relay().unclean = true;
    bench.sends(bob, &join("room:a").to_string());
    for (client, heard) in [(ann, bench.heard(ann)), (bob, bench.heard(bob))] {
        assert_eq!((kinds(&heard), &heard[0]["code"]), (vec!["bye"], &json!(4200)), "{heard:?}");
        assert_eq!(bench.closed(client), Some(4200));
    }
    bench.joins("ann", &["room:a", "room:b"]);
    assert_eq!(bench.present("room:a").len(), 2, "what it was before has its grace");
    bench.pass(15_000);
    assert_eq!(bench.present("room:a"), ["ann"]);
}

#[test]
fn m5_an_attachment_that_nobody_can_read_ends_its_connection_to_come_back() {
    let mut bench = Bench::new();
    let ann = bench.joins("ann", &["room:a"]);
    let bob = bench.joins("bob", &["room:a"]);
    bench.sleep();
    bench.socket(ann).attachment = "from tomorrow".to_owned();
    bench.asks(bob, say("room:a", "1"));
    let heard = bench.heard(ann);
    assert_eq!((kinds(&heard), &heard[0]["code"], bench.closed(ann)), (vec!["bye"], &json!(4200), Some(4200)));
    assert_eq!(bench.closed(bob), None);
}

#[test]
fn h3_the_largest_attachment_fits() {
    let mut bench = Bench::new();
    // As after a thousand million links.
    let lives = Record {
        kind: RecordKind::State,
        key: "lives".to_owned(),
        due: None,
        format: RECORD_FORMAT,
        data: "1000000000".to_owned(),
    };
    bench.relay().storage.commit(&Commit { put: &[lives], ..Commit::default() }).unwrap();
    // Letters that are not of Latin-1 take the most room in an attachment for each byte of a token.
    let mut largest = claims("ann");
    largest.user = UserId::parse(&"ж".repeat(128)).unwrap();
    largest.token_id = Some("ж".repeat(64));
    largest.info = Some(format!("{{\"i\":\"{}\"}}", "ж".repeat(508)).into());
    largest.roles = (0..32).map(|each| format!("{each:02}{}", "ж".repeat(31))).collect();
    largest.can[0].1.extend((0..10).map(|each| format!("publish:{each:02}{}", "e".repeat(62))));
    let token: usize =
        largest.roles.iter().chain(&largest.can[0].1).map(String::len).sum::<usize>() + 256 + 128 + 1_024;
    assert!(token > 4_100, "{token} bytes of claims");
    let ann = bench.connects_with(Some(largest));
    for first in [0, 100] {
        let name = |each| format!("room:{each:03}{}", "x".repeat(120));
        let joins: Vec<Value> = (first..first + 100).map(|each| join(&name(each))).collect();
        let heard = bench.asks(ann, Value::from(joins));
        assert_eq!(inside(&heard, &name(first + 99))[0]["type"], "welcome");
    }
    let bytes = bench.socket(ann).attachment.len();
    assert!(bytes > 11_000, "that was not the largest: {bytes}");
}
