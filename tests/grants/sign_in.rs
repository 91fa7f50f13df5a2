//! Joining first and signing in later (rule A7).

use serde_json::{Value, json};

use crate::support::{FIRST_LIFE, Joiner, Rooms, in_channel, say, seqs};
use crate::{ack, auth, bye, may, presence, users};

#[test]
fn a7_who_joins_first_is_told_nothing_but_that_it_is_connected() {
    in_channel("door:a", |world| {
        world.keep(2);
        let ann = world.joined(&Joiner::user("ann"));
        let guest = world.join(&Joiner::anonymous());
        let welcome = world.receives(guest);
        assert_eq!(
            (&welcome["type"], &welcome["user"], &welcome["can"]),
            (&json!("welcome"), &Value::Null, &json!([]))
        );
        for field in ["epoch", "seq", "first", "resume", "members", "count", "expires"] {
            assert!(welcome.get(field).is_none(), "{field}: {welcome}");
        }
        world.told(ann, say("1", 1));
        world.joined(&Joiner::user("bob"));
        world.refute_received(guest);
        assert_eq!(presence(world, ann), Vec::<Value>::new(), "the guest is not shown");
    });
}

#[test]
fn a7_before_signing_in_everything_but_auth_is_unauthenticated() {
    in_channel("door:a", |world| {
        let guest = world.joined(&Joiner::anonymous());
        for frame in [
            say("1", 1),
            json!({"type": "presence", "id": "1", "data": 1}),
            json!({"type": "history", "id": "1"}),
            json!({"type": "resume", "id": "1", "epoch": FIRST_LIFE, "after": 0}),
        ] {
            world.refuses(guest, frame, "unauthenticated");
        }
        world.refuses(guest, json!({"type": "dance", "id": "1"}), "unknown_type");
        world.refuses(guest, json!({"type": "auth", "id": "1", "token": "forged"}), "unauthenticated");
        assert_eq!(world.told(guest, auth("1", &Joiner::user("ann")))[0], ack("1"));
        assert_eq!(seqs(&world.told(guest, say("1", 1))), [1]);
    });
}

#[test]
fn a7_the_ack_is_followed_by_a_full_welcome_and_the_replay_that_was_asked_for() {
    in_channel("door:a", |world| {
        world.limits.sign_in_ms = 60_000;
        world.keep(3);
        let ann = world.joined(&Joiner::user("ann"));
        let epoch = world.epoch(ann);
        let later = Joiner { epoch: Some(epoch.clone()), after: Some("1".to_owned()), ..Joiner::anonymous() };
        let guest = world.joined(&later);
        world.pause();
        world.received(ann);
        world.send(guest, auth("a", &Joiner::user("bob")));
        let told = world.received(guest);
        assert_eq!(told[0], ack("a"));
        assert_eq!(
            (&told[1]["type"], &told[1]["user"], &told[1]["resume"]),
            (&json!("welcome"), &json!("bob"), &json!("recovered"))
        );
        assert_eq!((&told[1]["epoch"], &told[1]["seq"]), (&json!(epoch), &json!(3)));
        assert_eq!(users(&told[1]["members"]), ["ann", "bob"]);
        assert_eq!(seqs(&told[2..4]), [2, 3]);
        assert_eq!(world.socket(guest).texts[1..].len(), 2, "the ack, then welcome and replay: one turn");
        world.drain();
        assert_eq!(presence(world, ann).len(), 1);
    });
}

#[test]
fn a7_a_position_that_is_none_is_lost_and_no_position_is_fresh() {
    in_channel("door:a", |world| {
        world.limits.sign_in_ms = 60_000;
        world.keep(1);
        for (epoch, after, resume) in [
            (None, None, "fresh"),
            (Some("x".repeat(20_000)), None, "fresh"),
            (Some("x".repeat(20_000)), Some("0".to_owned()), "lost"),
            (Some(FIRST_LIFE.to_owned()), Some("0".repeat(20_000)), "recovered"),
            (Some(FIRST_LIFE.to_owned()), Some("9".repeat(20_000)), "lost"),
            (Some(FIRST_LIFE.to_owned()), Some("-1".to_owned()), "lost"),
            (None, Some("0".to_owned()), "lost"),
        ] {
            let guest = world.joined(&Joiner { epoch, after, ..Joiner::anonymous() });
            world.pause();
            let told = world.told(guest, auth("a", &Joiner::user("ann")));
            assert_eq!(told[1]["resume"], resume);
            world.leave(guest);
            world.pause();
        }
    });
}

#[test]
fn a7_who_has_not_signed_in_within_10_s_is_closed() {
    in_channel("door:a", |world| {
        let late = world.joined(&Joiner::anonymous());
        let timely = world.joined(&Joiner::anonymous());
        world.advance(9_999);
        assert_eq!(world.told(timely, auth("a", &Joiner::user("ann")))[0], ack("a"));
        world.refute_received(late);
        world.advance(1);
        assert_eq!(world.received(late), [bye(4300, "token_expired")]);
        assert_eq!(world.socket(late).hung_up, None, "the client has 2 s to close it");
        world.advance(2_000);
        assert_eq!(world.socket(late).hung_up, Some(4300));
        world.advance(60_000);
        assert_eq!(world.socket(timely).hung_up, None);
    });
}

#[test]
fn a7_a_grant_without_join_is_acked_and_told_bye() {
    in_channel("door:a", |world| {
        let guest = world.joined(&Joiner::anonymous());
        let told = world.told(guest, auth("a", &may("ann", &["publish"])));
        assert_eq!(told, [ack("a"), bye(4003, "forbidden")]);
        assert_eq!(world.socket(guest).hung_up, Some(4003));
    });
}

#[test]
fn a7_a_channel_has_so_many_who_have_not_signed_in_yet() {
    in_channel("door:a", |world| {
        world.limits.unsigned_members = 2;
        let first = world.joined(&Joiner::anonymous());
        world.joined(&Joiner::anonymous());
        let third = world.join(&Joiner::anonymous());
        assert_eq!(world.receives(third)["code"], 4100);
        assert_eq!(world.socket(third).hung_up, Some(4100));
        assert_eq!(world.told(first, auth("a", &Joiner::user("ann")))[0], ack("a"));
        let again = world.join(&Joiner::anonymous());
        assert_eq!(world.received(again)[0]["type"], "welcome");
        assert_eq!(dormouse_core::limits::Limits::default().unsigned_members, 100);
    });
}

#[test]
fn a7_with_a_token_one_joins_at_once() {
    in_channel("door:a", |world| {
        let ann = world.joined(&Joiner::user("ann"));
        assert_eq!((&world.welcome(ann)["user"], &world.welcome(ann)["resume"]), (&json!("ann"), &json!("fresh")));
        let refused = world.join(&may("bob", &["publish"]));
        assert_eq!(world.receives(refused)["code"], 4003);
    });
}
