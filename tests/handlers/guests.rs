//! Who comes, goes, is told alone, and is thrown out (rules C1, C2).

use super::board::{HERE, KICK, Key, Names, Nothing, TELL};
use super::on_board;
use crate::support::Joiner;
use serde_json::{Value, json};

fn gone(frames: &[Value]) -> Vec<Value> {
    let gone = frames.iter().filter(|frame| frame["event"] == "gone");
    gone.map(|frame| frame["data"]["names"][0].clone()).collect()
}

#[test]
fn c1_the_code_hears_of_one_who_leaves_in_order_at_once_and_of_one_cut_off_after_its_grace() {
    on_board(|world| {
        let (ann, bob, eve) = (world.joined("ann"), world.joined("bob"), world.joined("eve"));
        world.leave(bob);
        world.drain();
        assert_eq!(gone(&world.received(ann)), ["bob"]);
        world.cut(eve);
        world.drain();
        assert_eq!(gone(&world.received(ann)), Vec::<Value>::new());
        world.advance(60_000);
        world.drain();
        assert_eq!(gone(&world.received(ann)), ["eve"]);
    });
}

#[test]
fn c1_the_code_hears_nothing_of_one_who_is_back_within_its_grace() {
    on_board(|world| {
        let (ann, bob) = (world.joined("ann"), world.joined("bob"));
        let connection = world.connection(bob);
        world.cut(bob);
        let back = world.joined(&Joiner { connection: Some(connection.clone()), ..Joiner::user("bob") });
        assert_eq!(world.connection(back), connection);
        world.advance(120_000);
        world.drain();
        assert_eq!(gone(&world.received(ann)), Vec::<Value>::new());
    });
}

#[test]
fn c1_one_who_may_not_be_seen_is_gone_after_its_grace_too() {
    on_board(|world| {
        let ann = world.joined("ann");
        let unseen = world.joined(&Joiner::user("bob").can(&["join"]));
        world.cut(unseen);
        world.advance(120_000);
        world.drain();
        assert_eq!(gone(&world.received(ann)), ["bob"]);
    });
}

#[test]
fn c2_whom_the_code_throws_out_is_told_so_after_what_was_said_before_and_is_gone() {
    on_board(|world| {
        let (ann, bob) = (world.joined("ann"), world.joined("bob"));
        world.send(
            ann,
            json!([
                {"type": "publish", "event": "pin", "data": {"text": "first"}},
                {"type": "call", "id": "k", "name": "kick", "data": {"key": "bob"}}
            ]),
        );
        world.drain();
        let heard = world.received(bob);
        let kinds: Vec<_> = heard.iter().map(|frame| frame["type"].clone()).collect();
        assert_eq!((kinds, &heard.last().unwrap()["code"]), (vec![json!("message"), json!("bye")], &json!(4008)));
        assert_eq!(gone(&world.received(ann)), ["bob"]);
        // Also one who throws out itself: its reply comes first.
        world.call(ann, KICK, &Key { key: "ann".into() }).unwrap();
        assert_eq!(world.received(ann).last().unwrap()["code"], 4008);
    });
}

#[test]
fn c2_who_is_thrown_out_hears_and_says_nothing_of_what_comes_after() {
    on_board(|world| {
        let (ann, bob) = (world.joined("ann"), world.joined("bob"));
        let kick_bob = json!({"type": "call", "id": "k", "name": "kick", "data": {"key": "bob"}});
        let pin = |text: &str| json!({"type": "publish", "event": "pin", "data": {"text": text}});
        world.send(ann, json!([pin("before"), kick_bob, pin("after")]));
        world.drain();
        let heard: Vec<_> = world.received(bob).iter().map(|frame| frame["data"]["text"].clone()).collect();
        assert_eq!(heard, [json!("before"), Value::Null], "the last is `bye`");
        let bob = world.joined("bob");
        world.send(bob, json!([kick_bob, pin("mine")]));
        world.drain();
        assert_eq!(world.received(bob).iter().map(|frame| &frame["type"]).collect::<Vec<_>>(), ["result", "bye"]);
        assert!(world.received(ann).iter().all(|frame| frame["event"] != "pin"));
    });
}

#[test]
fn c2_who_is_thrown_out_may_join_again_at_once() {
    on_board(|world| {
        let (ann, bob) = (world.joined("ann"), world.joined("bob"));
        // It is told at once, and what comes at the same time waits for the next batch.
        world.send(ann, json!({"type": "publish", "event": "pin", "data": {"text": "first"}}));
        world.send(ann, json!({"type": "call", "id": "k", "name": "kick", "data": {"key": "bob"}}));
        let again = world.join("bob");
        world.drain();
        assert_eq!(world.received(bob).last().unwrap()["code"], 4008);
        assert!(world.received(again).iter().all(|frame| frame["type"] != "bye"));
    });
}

#[test]
fn c2_nobody_is_thrown_out_by_a_turn_that_cannot_be_written() {
    on_board(|world| {
        let (ann, bob) = (world.joined("ann"), world.joined("bob"));
        world.trouble.write = Some(0);
        world.send(
            ann,
            json!([
                {"type": "publish", "id": "p", "event": "pin", "data": {"text": "first"}},
                {"type": "call", "id": "k", "name": "kick", "data": {"key": "bob"}}
            ]),
        );
        world.drain();
        assert_eq!(world.received(ann).iter().map(|frame| &frame["code"]).collect::<Vec<_>>(), ["internal"; 2]);
        world.refute_received(bob);
        assert!(world.is_connected(bob));
    });
}

#[test]
fn c1_the_code_tells_some_alone_and_knows_who_is_here() {
    on_board(|world| {
        let (ann, bob) = (world.joined("ann"), world.joined("bob"));
        world.call(ann, TELL, &Key { key: "bob".into() }).unwrap();
        let told = world.receives(bob);
        assert_eq!((&told["event"], &told["data"]["text"], told.get("seq")), (&json!("note"), &json!("for you"), None));
        assert_eq!(world.received(ann).len(), 1, "her reply alone");
        let Names { names } = world.call(ann, HERE, &Nothing {}).unwrap();
        assert_eq!(names, ["ann", "bob"]);
    });
}

#[test]
fn c1_the_code_hears_nothing_of_one_whose_connection_is_taken_over_by_its_next() {
    on_board(|world| {
        let (ann, bob) = (world.joined("ann"), world.joined("bob"));
        // Its way broke unseen, so the old connection is open still.
        let next = Joiner { connection: Some(world.connection(bob)), ..Joiner::user("bob") };
        let back = world.joined(&next);
        assert_eq!(gone(&world.received(ann)), Vec::<Value>::new());
        world.leave(back);
        world.drain();
        assert_eq!(gone(&world.received(ann)), ["bob"]);
    });
}

#[test]
fn c1_however_many_are_gone_at_once_the_code_hears_of_each() {
    on_board(|world| {
        let ann = world.joined("ann");
        let others: Vec<_> = (0..200).map(|nth| world.joined(format!("user-{nth}").as_str())).collect();
        others.into_iter().for_each(|client| world.cut(client));
        world.advance(120_000);
        world.drain();
        assert_eq!(gone(&world.received(ann)).len(), 200);
    });
}
