//! What the log says of requests that are refused: why, and to whom, and never more of it than a line a second (rule R2).

use serde_json::json;

use crate::support::{Client, Joiner, World, in_room, publish, say};
use dormouse_core::effect::Level;
use dormouse_core::grant::{Flaw, TokenError};
use dormouse_core::testing::{HttpOperation, LogLine};

/// The lines about refusals.
fn refused(world: &World) -> Vec<LogLine> {
    let lines = world.logs().iter().filter(|line| line.event == "refused").cloned();
    lines.inspect(|line| assert_eq!((line.level, line.channel.as_deref()), (Level::Warn, Some("room:a")))).collect()
}

#[track_caller]
fn told(world: &World, code: &str, detail: &str) -> LogLine {
    let line = refused(world).pop().expect("a refusal is in the log");
    assert_eq!((line.code, line.detail.as_deref()), (Some(code), Some(detail)));
    line
}

#[test]
fn r2_a_refusal_is_in_the_log_with_who_asked_what_was_needed_and_which_limit() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann").can(&["join", "history"]));
        world.refuses(ann, say("1", "hello"), "forbidden");
        let line = told(world, "forbidden", "needs `publish`; the token and the contract grant history, join");
        assert_eq!(line.user.map(|user| user.to_string()).as_deref(), Some("ann"));
        assert_eq!(line.connection.unwrap().as_str(), world.connection(ann));
        world.refuses(ann, json!({"type": "presence", "id": "2", "data": {}}), "forbidden");
        told(world, "forbidden", "needs `presence`; the token and the contract grant history, join");

        let bob = world.joined(&Joiner::user("bob"));
        world.refuses(bob, publish("shout", "1", 1), "unknown_event");
        told(world, "unknown_event", "the channel has no event `shout`");
        world.told(bob, publish("rare", "2", 1));
        world.refuses(bob, publish("rare", "3", 1), "rate_limited");
        told(world, "rate_limited", "the event `rare` may be said 0.5 a second, 1 at once");

        let cat = Joiner::user("cat").can(&["publish"]);
        assert_eq!(world.get(&cat, HttpOperation::Members).0, 403);
        let line = told(world, "forbidden", "needs `presence`; the token and the contract grant publish");
        assert_eq!(line.user.map(|user| user.to_string()).as_deref(), Some("cat"));
        assert_eq!(world.post(&cat, json!({"event": "shout", "data": 1})).0, 404);
        told(world, "unknown_event", "the channel has no event `shout`");
    });
}

#[test]
fn r2_a_token_that_is_refused_by_auth_is_in_the_log_with_its_exact_flaw_and_told_no_more_than_a_hint() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        for (id, (token, flaw, hint)) in [
            ("forged", Flaw::Signature, TokenError::Invalid),
            ("good.forged", Flaw::Claims, TokenError::Invalid),
            (r#"good.{"user":""}"#, Flaw::Subject, TokenError::Invalid),
            (r#"good.{"user":"ann","expires":1}"#, Flaw::Expired, TokenError::Expired),
        ]
        .into_iter()
        .enumerate()
        {
            world.advance(1_000);
            let answer = world.told(ann, json!({"type": "auth", "id": id.to_string(), "token": token}));
            let line = told(world, "unauthenticated", flaw.text());
            assert_eq!(line.user.map(|user| user.to_string()).as_deref(), Some("ann"));
            let refusal = answer.iter().find(|frame| frame["type"] == "error").unwrap();
            assert_eq!((&refusal["code"], &refusal["message"]), (&json!("unauthenticated"), &json!(hint.hint())));
        }
        assert!(!format!("{:?}", world.logs()).contains("forged\""), "{:?}", world.logs());
    });
}

#[test]
fn r2_a_joiner_that_is_refused_is_in_the_log_with_the_limit() {
    in_room(|world| {
        world.limits.connections_per_user = 1;
        world.sleep();
        world.joined(&Joiner::user("ann"));
        world.join(&Joiner::user("ann"));
        told(world, "over_capacity", "the user has CONNECTIONS_PER_USER");
        world.join(&Joiner::user("bob").can(&["publish"]));
        told(world, "forbidden", "needs `join`; the token and the contract grant publish");
    });
}

#[test]
fn r2_no_payload_is_in_the_log() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let canary = "CANARY";
        for frame in [
            publish("memo", "1", json!({"text": canary.repeat(9)})),
            publish("memo", "2", json!({"text": "a", canary: 1})),
            publish("CANARY not a name", "3", 1),
            json!({"type": canary, "id": "4"}),
            json!({"type": "publish", "id": "5", "event": "say", "data": 1, canary: 1}),
            json!({"type": "auth", "id": "6", "token": canary}),
        ] {
            world.told(ann, frame);
        }
        world.send_text(ann, "CANARY");
        assert_eq!(refused(world).len(), 6);
        assert!(!format!("{:?}", world.logs()).contains(canary), "{:?}", world.logs());
    });
}

#[test]
fn r2_the_log_cannot_be_flooded_by_one_who_is_refused_again_and_again() {
    in_room(|world| {
        world.limits.refusals_in_a_row = 1_000;
        world.sleep();
        let ann = world.joined(&Joiner::user("ann").can(&["join", "unmetered"]));
        let again = |world: &mut World, client: Client| (0..300).for_each(|_| drop(world.told(client, say("1", 1))));
        let begun = world.now();
        again(world, ann);
        let seconds = usize::try_from((world.now() - begun) / 1_000).unwrap();
        let lines = refused(world).len();
        assert!((10..=11 + seconds).contains(&lines), "{lines} lines in {seconds} s");
        world.advance(60_000);
        again(world, ann);
        assert!(refused(world).len() >= lines + 10, "after a while there is room again");
    });
}

#[test]
fn r2_the_log_cannot_be_flooded_by_many_who_are_refused() {
    in_room(|world| {
        let begun = world.now();
        for user in 0..40 {
            let client = world.joined(&Joiner::user(&format!("user{user}")).can(&["join", "unmetered"]));
            (0..9).for_each(|_| drop(world.told(client, say("1", 1))));
        }
        let seconds = usize::try_from((world.now() - begun) / 1_000).unwrap();
        let lines = refused(world).len();
        assert!((100..=101 + 10 * seconds).contains(&lines), "{lines} lines in {seconds} s");
        assert!(lines < 360);
    });
}
