//! Events that the code judges (rules C1, C2, C4, C8).

use crate::support::{Joiner, in_app};
use serde_json::json;

#[test]
fn c1_what_the_code_lets_pass_is_said_as_it_came() {
    in_app("demo:a", |world| {
        let (ann, bob) = (world.joined("ann"), world.joined("bob"));
        world.publish(ann, "say", json!({"text": "hello"}));
        let heard = world.receives(bob);
        assert_eq!(
            (&heard["seq"], &heard["data"], &heard["from"]["user"]),
            (&json!(1), &json!({"text": "hello"}), &json!("ann"))
        );
        assert_eq!(world.receives(ann)["data"], json!({"text": "hello"}));
    });
}

#[test]
fn c1_what_the_code_puts_in_its_place_is_said_by_the_same_member_and_kept() {
    in_app("demo:a", |world| {
        let (ann, bob) = (world.joined("ann"), world.joined("bob"));
        let id = world.publish(ann, "say", json!({"text": "buy spam"}));
        let heard = world.receives(ann);
        assert_eq!(
            (&heard["id"], &heard["data"], &heard["from"]["user"]),
            (&json!(id), &json!({"text": "…"}), &json!("ann"))
        );
        assert_eq!(world.receives(bob)["data"], json!({"text": "…"}));
        world.send(bob, json!({"type": "history", "id": "h"}));
        assert_eq!(world.receives(bob)["messages"][0]["data"], json!({"text": "…"}));
    });
}

#[test]
fn c4_a_refusal_of_the_code_has_its_reason_and_nobody_hears_of_what_was_said() {
    in_app("demo:a", |world| {
        let (ann, bob) = (world.joined("ann"), world.joined("bob"));
        world.publish(ann, "say", json!({"text": "spam"}));
        world.received(bob);
        let id = world.publish(ann, "say", json!({"text": "hello"}));
        let refused = world.received(ann).pop().unwrap();
        assert_eq!(
            refused,
            json!({"type": "error", "id": id, "code": "refused", "reason": "muted",
                   "message": "You are muted for a minute after sending spam."})
        );
        world.refute_received(bob);
        // It is over when it is over.
        world.advance(60_000);
        world.publish(ann, "say", json!({"text": "sorry"}));
        assert_eq!(world.receives(bob)["data"], json!({"text": "sorry"}));
    });
}

#[test]
fn c4_what_the_code_refuses_again_and_again_ends_no_connection() {
    in_app("demo:a", |world| {
        let ann = world.joined("ann");
        world.publish(ann, "say", json!({"text": "spam"}));
        for _ in 0..40 {
            world.publish(ann, "say", json!({"text": "hello"}));
            world.advance(200);
        }
        assert!(world.is_connected(ann));
    });
}

#[test]
fn c1_an_id_that_comes_again_is_not_judged_again() {
    in_app("demo:a", |world| {
        let ann = world.joined("ann");
        let id = world.publish(ann, "say", json!({"text": "spam"}));
        world.received(ann);
        // Judged again it would be refused: its user is muted by now.
        let again = json!({"type": "publish", "id": id, "event": "say", "data": {"text": "spam"}});
        assert_eq!(world.told(ann, again), [json!({"type": "ack", "id": id, "seq": 1, "duplicate": true})]);
    });
}

#[test]
fn c2_what_a_turn_changed_survives_sleep_and_death() {
    in_app("demo:a", |world| {
        let ann = world.joined("ann");
        world.publish(ann, "say", json!({"text": "spam"}));
        world.crash();
        let ann = world.joined("ann");
        world.publish(ann, "say", json!({"text": "hello"}));
        world.assert_refused(ann, "refused");
    });
}

#[test]
fn c2_a_turn_that_cannot_be_written_has_not_happened() {
    in_app("demo:a", |world| {
        let (ann, bob) = (world.joined("ann"), world.joined("bob"));
        world.trouble.write = Some(0);
        world.publish(ann, "say", json!({"text": "spam"}));
        world.assert_refused(ann, "internal");
        world.refute_received(bob);
        // Nobody was muted by it.
        world.publish(ann, "say", json!({"text": "hello"}));
        let heard = world.receives(bob);
        assert_eq!((&heard["seq"], &heard["data"]), (&json!(1), &json!({"text": "hello"})));
    });
}

#[test]
fn c8_what_is_left_to_the_service_is_said_with_its_name_alone() {
    in_app("demo:a", |world| {
        let ann = world.joined("ann");
        world.publish(ann, "rolled", json!({"by": "ann", "n": 6}));
        world.assert_refused(ann, "forbidden");
        let umpire = world.joined(&Joiner::user("umpire").can(&["join", "publish:rolled"]));
        world.publish(umpire, "rolled", json!({"by": "ann", "n": 6}));
        assert_eq!(world.receives(ann)["from"]["user"], "umpire");
    });
}

#[test]
fn c5_a_fresh_joiner_is_shown_the_state_and_one_that_missed_nothing_is_not() {
    in_app("demo:a", |world| {
        let ann = world.joined("ann");
        assert_eq!(world.welcome(ann)["snapshot"], json!({"count": 0, "muted": []}));
        world.publish(ann, "say", json!({"text": "spam"}));
        let bob = world.joined("bob");
        assert_eq!(
            (&world.welcome(bob)["snapshot"], &world.welcome(bob)["seq"]),
            (&json!({"count": 0, "muted": ["ann"]}), &json!(1))
        );
        let (epoch, seq) = world.position(ann).unwrap();
        world.cut(ann);
        let back = world.joined(&Joiner::user("ann").after(&epoch, seq));
        assert_eq!((&world.welcome(back)["resume"], world.welcome(back).get("snapshot")), (&json!("recovered"), None));
        let lost = world.joined(&Joiner::user("ann").after("another", 7));
        assert_eq!(
            (&world.welcome(lost)["resume"], &world.welcome(lost)["snapshot"]["muted"]),
            (&json!("lost"), &json!(["ann"]))
        );
    });
}
