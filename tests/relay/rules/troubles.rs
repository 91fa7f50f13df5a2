//! Disks that are full, and calls that nobody can read (rules M5, R8).

use dormouse_core::storage::StorageError;
use serde_json::{Value, json};

use super::bench::{Bench, inside, join, kinds, said, say};

#[test]
fn m5_a_channel_whose_disk_is_full_tells_who_joins_when_to_come_again() {
    let mut bench = Bench::new();
    let ann = bench.joins("ann", &["room:a", "room:b"]);
    bench.channel("room:a").storage.set_full(true);
    let bob = bench.connects("bob");
    let heard = bench.asks(bob, json!([join("room:a"), join("room:b")]));
    let of = inside(&heard, "room:a");
    let bye = of.iter().find(|frame| frame["type"] == "bye").unwrap();
    assert_eq!((&bye["code"], &bye["retry_after"]), (&json!(4100), &json!(10_000)));
    assert_eq!(inside(&heard, "room:b")[0]["type"], "welcome");
    bench.heard(ann);
    bench.refuses_inside(ann, "room:a");
    bench.channel("room:a").storage.set_full(false);
    assert_eq!(inside(&bench.asks(bob, join("room:a")), "room:a")[0]["type"], "welcome");
    bench.sleep();
    let heard = bench.asks(ann, say("room:a", "2"));
    assert_eq!(kinds(&said(&heard, "room:a")), ["message"]);
    assert_eq!(kinds(&said(&bench.heard(bob), "room:a")), ["message"]);
}

#[test]
fn m5_a_relay_whose_disk_is_full_tells_who_joins_when_to_come_again() {
    let mut bench = Bench::new();
    let ann = bench.joins("ann", &["room:a"]);
    bench.relay().storage.set_full(true);
    let bob = bench.connects("bob");
    for _ in 0..2 {
        let heard = bench.asks(bob, json!([join("room:b"), join("room:a")]));
        let bye = json!({"type": "bye", "code": 4100, "reason": "over_capacity", "retry_after": 10_000});
        assert_eq!(inside(&heard, "room:b"), [bye]);
        bench.asks(bob, json!({"type": "leave", "channel": "room:a"}));
    }
    assert!(!bench.errors.is_empty(), "it is logged");
    assert_eq!(bench.asks(bob, say("room:b", "1"))[0]["code"], "not_found");
    bench.sleep();
    assert_eq!(kinds(&said(&bench.asks(ann, say("room:a", "1")), "room:a")), ["message"], "who is in stays in");
    bench.relay().storage.set_full(false);
    assert_eq!(inside(&bench.asks(bob, join("room:b")), "room:b")[0]["type"], "welcome");
    bench.sleep();
    assert_eq!(kinds(&said(&bench.asks(bob, say("room:b", "1")), "room:b")), ["message"]);
    assert_eq!(bench.present("room:b"), ["bob"]);
}

#[test]
fn m5_a_relay_that_wakes_and_cannot_read_its_disk_tells_its_connections_to_come_back() {
    let mut bench = Bench::new();
    let ann = bench.joins("ann", &["room:a"]);
    let idle = bench.connects("idle");
    bench.sleep();
    bench.relay().storage.fail_next_read(StorageError::Failed("broken".to_owned()));
    bench.sends(idle, "7");
    let heard = bench.heard(ann);
    assert_eq!((kinds(&heard), &heard[0]["code"], bench.closed(ann)), (vec!["bye"], &json!(4200), Some(4200)));
    bench.closes(ann, true);
    let (again, bob) = (bench.joins("ann", &["room:a"]), bench.joins("bob", &["room:a"]));
    bench.asks(bob, say("room:a", "1"));
    assert_eq!(kinds(&said(&bench.heard(again), "room:a")), ["message"]);
    bench.pass(15_000);
    assert_eq!(bench.present("room:a"), ["ann", "bob"], "who was there before is gone");
}

#[test]
fn m5_a_call_that_nobody_can_read_changes_nothing() {
    let mut bench = Bench::new();
    let ann = bench.joins("ann", &["room:a"]);
    let bodies = ["", "{", "7", r#"{"v":2,"relay":"/0","life":1,"from":"x","owes":0,"open":1,"at":1,"got":0}"#];
    for body in bodies {
        assert_eq!((bench.call("room:a", body), bench.call("/0", body)), (String::new(), String::new()));
    }
    assert!(bench.heard(ann).is_empty());
    assert_eq!(kinds(&said(&bench.asks(ann, say("room:a", "1")), "room:a")), ["message"]);
}

#[test]
fn m5_a_call_of_a_link_that_nobody_knows_is_told_that_it_is_over() {
    let mut bench = Bench::new();
    bench.joins("ann", &["room:a"]);
    let body = r#"{"v":1,"life":77,"from":"x","owes":0,"open":1,"at":1,"got":0}"#;
    let answer: Value = serde_json::from_str(&bench.call("/0", body)).unwrap();
    assert_eq!((&answer["over"], &answer["life"]), (&json!(true), &json!(77)));
    let known: Value = serde_json::from_str(&bench.call("/0", &body.replace("77", "1"))).unwrap();
    assert_eq!(known["life"], 1);
}

impl Bench {
    /// A publish that the channel refuses.
    fn refuses_inside(&mut self, client: usize, channel: &str) {
        let heard = self.asks(client, say(channel, "1"));
        assert_eq!(inside(&heard, channel)[0]["code"], "over_capacity", "{heard:?}");
    }
}
