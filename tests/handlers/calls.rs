//! Requests that are answered (rule C3).

use crate::support::{Joiner, in_app};
use serde_json::json;

#[test]
fn c3_a_call_is_answered_once_and_what_it_says_is_heard_by_all() {
    in_app("demo:a", |world| {
        let (ann, bob) = (world.joined("ann"), world.joined("bob"));
        let id = world.ask(ann, "roll", json!({"sides": 6}));
        let [heard, reply] = <[_; 2]>::try_from(world.received(ann)).unwrap();
        assert_eq!((&heard["type"], &heard["event"], &heard["seq"]), (&json!("message"), &json!("rolled"), &json!(1)));
        assert_eq!(heard["from"], json!({"user": null, "service": true}));
        assert_eq!(reply, json!({"type": "result", "id": id, "data": heard["data"]}));
        assert!((1..=6).contains(&reply["data"]["n"].as_u64().unwrap()) && reply["data"]["by"] == "ann");
        assert_eq!(world.receives(bob)["data"], heard["data"]);
    });
}

#[test]
fn c3_a_call_that_is_unknown_unfit_or_without_the_right_is_refused() {
    in_app("demo:a", |world| {
        let ann = world.joined("ann");
        world.ask(ann, "fly", json!({}));
        world.assert_refused(ann, "not_found");
        world.ask(ann, "roll", json!({"sides": 1}));
        world.assert_refused(ann, "invalid_data");
        world.send(ann, json!({"type": "call", "name": "roll", "data": {"sides": 6}}));
        world.assert_refused(ann, "bad_frame");
        let bob = world.joined(&Joiner::user("bob").can(&["join", "publish"]));
        world.ask(bob, "roll", json!({"sides": 6}));
        world.assert_refused(bob, "forbidden");
        let eve = world.joined(&Joiner::user("eve").can(&["join", "call:roll"]));
        world.ask(eve, "count", json!({}));
        world.assert_refused(eve, "forbidden");
        world.ask(eve, "roll", json!({"sides": 6}));
        assert_eq!(world.received(eve).last().unwrap()["type"], "result");
    });
}

#[test]
fn c3_a_remembered_call_that_comes_again_gets_its_reply_again_and_does_not_run_twice() {
    in_app("demo:a", |world| {
        let ann = world.joined("ann");
        world.ask_as(ann, "one", "count", json!({}));
        assert_eq!(world.receives(ann), json!({"type": "result", "id": "one", "data": {"count": 1}}));
        world.ask_as(ann, "one", "count", json!({}));
        assert_eq!(
            world.receives(ann),
            json!({"type": "result", "id": "one", "data": {"count": 1}, "duplicate": true})
        );
        // Over a death and over HTTP too: it is the same user's.
        world.crash();
        let joiner = Joiner::user("ann");
        assert_eq!(world.post_call(&joiner, "count", Some("one"), json!({})), (200, json!({"count": 1})));
        assert_eq!(world.post_call(&joiner, "count", Some("two"), json!({})), (200, json!({"count": 2})));
        // What another says under the same id is its own.
        assert_eq!(world.post_call(&Joiner::user("bob"), "count", Some("one"), json!({})), (200, json!({"count": 3})));
    });
}

#[test]
fn c3_a_reply_that_could_not_be_written_is_not_told_and_is_asked_for_again() {
    in_app("demo:a", |world| {
        let ann = world.joined("ann");
        world.trouble.write = Some(0);
        world.ask_as(ann, "one", "count", json!({}));
        world.assert_refused(ann, "internal");
        world.ask_as(ann, "one", "count", json!({}));
        assert_eq!(world.receives(ann), json!({"type": "result", "id": "one", "data": {"count": 1}}));
    });
}

#[test]
fn c3_an_id_is_known_for_as_long_as_it_is_said_to_be() {
    in_app("demo:a", |world| {
        let ann = world.joined("ann");
        world.ask_as(ann, "one", "count", json!({}));
        world.advance(600_000);
        world.ask_as(ann, "one", "count", json!({}));
        assert_eq!(world.received(ann).last().unwrap()["data"], json!({"count": 1}));
        world.advance(1);
        world.ask_as(ann, "one", "count", json!({}));
        assert_eq!(world.received(ann).last().unwrap()["data"], json!({"count": 2}));
    });
}

#[test]
fn c4_over_http_a_call_is_answered_by_its_reply_or_by_its_refusal() {
    in_app("demo:a", |world| {
        let ann = Joiner::user("ann");
        let (status, body) = world.post_call(&ann, "roll", None, json!({"sides": 2}));
        assert_eq!((status, &body["by"]), (200, &json!("ann")));
        let (status, body) = world.post_call(&ann, "roll", None, json!({"sides": 0}));
        assert_eq!((status, &body["error"]["code"]), (422, &json!("invalid_data")));
        let (status, body) = world.post_call(&Joiner::anonymous(), "roll", None, json!({"sides": 2}));
        assert_eq!((status, &body["error"]["code"]), (401, &json!("unauthenticated")));
    });
}
