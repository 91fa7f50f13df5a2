//! `auth` on an open socket replaces the grant (rule A5).

use serde_json::{Value, json};

use crate::support::{BEGIN, Joiner, in_channel, in_room, say, seqs};
use crate::{ack, auth, bye, may, presence, users};

/// The codes of the refusals among what was told.
fn codes(frames: &[Value]) -> Vec<&str> {
    frames.iter().filter_map(|frame| frame["code"].as_str()).collect()
}

#[test]
fn a5_auth_widens_and_narrows_at_once() {
    in_room(|world| {
        let ann = world.joined(&may("ann", &["join"]));
        world.refuses(ann, say("1", 1), "forbidden");
        let told = world.told(ann, json!([auth("a", &may("ann", &["join", "publish"])), say("2", 2)]));
        assert_eq!(told[0], ack("a"));
        assert_eq!(seqs(&told), [1]);
        let told = world.told(ann, json!([auth("b", &may("ann", &["join"])), say("3", 3)]));
        assert_eq!(told[0], ack("b"));
        assert_eq!(codes(&told), ["forbidden"]);
    });
}

#[test]
fn a5_after_a_bad_or_expired_token_the_old_grant_stays() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        for token in ["forged".to_owned(), Joiner::user("ann").expires(BEGIN).token(), String::new()] {
            let error = world.refuses(ann, json!({"type": "auth", "id": "a", "token": token}), "unauthenticated");
            assert_eq!(error["id"], "a");
            world.pause();
        }
        assert_eq!(seqs(&world.told(ann, say("1", 1))), [1]);
    });
}

#[test]
fn a5_a_token_of_another_user_is_forbidden_and_the_old_grant_stays() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.refuses(ann, auth("a", &Joiner::user("bob")), "forbidden");
        let told = world.told(ann, say("1", 1));
        assert_eq!(told[0]["from"]["user"], "ann");
    });
}

#[test]
fn a5_who_is_anonymous_may_become_any_user_once() {
    in_channel("open:a", |world| {
        let guest = world.joined(&Joiner::anonymous());
        assert_eq!(world.told(guest, say("1", 1))[0]["from"]["user"], Value::Null);
        assert_eq!(world.told(guest, auth("a", &Joiner::user("ann")))[0], ack("a"));
        world.pause();
        let told = world.told(guest, say("2", 2));
        assert_eq!(told[0]["from"], json!({"user": "ann", "connection": world.connection(guest)}));
        world.refuses(guest, auth("b", &Joiner::user("bob")), "forbidden");
    });
}

#[test]
fn a5_a_user_whose_connections_are_used_up_cannot_be_become() {
    in_channel("open:a", |world| {
        world.limits.connections_per_user = 2;
        world.joined(&Joiner::user("ann"));
        let first = world.joined(&Joiner::anonymous());
        let second = world.joined(&Joiner::anonymous());
        assert_eq!(world.told(first, auth("a", &Joiner::user("ann")))[0], ack("a"));
        world.refuses(second, auth("a", &Joiner::user("ann")), "over_capacity");
        // One who is that user already takes up no more.
        assert_eq!(world.told(first, auth("b", &Joiner::user("ann")))[0], ack("b"));
    });
}

#[test]
fn a5_a_grant_that_loses_join_is_acked_then_told_bye_and_hears_nothing() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.received(ann);
        let told = world.told(ann, json!([auth("a", &may("ann", &["publish"])), say("1", 1)]));
        assert_eq!(told, [ack("a"), bye(4003, "forbidden")]);
        assert_eq!(world.socket(ann).hung_up, Some(4003), "at once, since `bye` answers its own frame");
        assert_eq!(presence(world, bob), [json!({"type": "presence", "leave": [{"user": "ann", "connection": "c1"}]})]);
        world.told(bob, say("2", 2));
        world.refute_received(ann);
        let kept_join = world.joined(&Joiner::user("cat"));
        assert_eq!(world.told(kept_join, auth("a", &may("cat", &["join"]))), [ack("a")]);
        assert_eq!(world.socket(kept_join).hung_up, None);
    });
}

#[test]
fn a5_changed_info_is_told_as_an_update_and_unchanged_info_is_not() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann").info(json!({"name": "Ann"})));
        let bob = world.joined(&Joiner::user("bob"));
        world.told(ann, auth("a", &Joiner::user("ann").info(json!({"name": "Anna"}))));
        let member = json!({"user": "ann", "connection": world.connection(ann), "info": {"name": "Anna"}});
        assert_eq!(presence(world, bob), [json!({"type": "presence", "update": [member]})]);
        world.pause();
        world.told(ann, auth("b", &Joiner::user("ann").info(json!({"name": "Anna"}))));
        assert_eq!(presence(world, bob), Vec::<Value>::new());
    });
}

#[test]
fn a5_who_gains_presence_is_told_the_list_and_who_loses_it_is_neither_shown_nor_told() {
    in_room(|world| {
        let ann = world.joined(&may("ann", &["join"]));
        let bob = world.joined(&Joiner::user("bob"));
        assert_eq!(world.welcome(ann)["members"], Value::Null);
        assert_eq!(users(&world.welcome(bob)["members"]), ["bob"]);
        world.pause();
        let told = world.told(ann, auth("a", &may("ann", &["join", "presence"])));
        assert_eq!(told[0], ack("a"));
        assert_eq!(users(&told[1]["members"]), ["ann", "bob"]);
        let ann_is = json!({"user": "ann", "connection": world.connection(ann)});
        assert_eq!(presence(world, bob), [json!({"type": "presence", "join": [ann_is]})]);
        world.pause();
        assert_eq!(world.told(ann, auth("b", &may("ann", &["join"]))), [ack("b")]);
        assert_eq!(presence(world, bob), [json!({"type": "presence", "leave": [ann_is]})]);
        world.joined(&Joiner::user("cat"));
        world.refute_received(ann);
    });
}

#[test]
fn a5_who_left_the_list_stays_off_it_when_its_grant_is_replaced() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.told(ann, json!({"type": "presence", "data": null}));
        world.received(bob);
        world.pause();
        world.told(ann, auth("a", &Joiner::user("ann").info(json!({"n": 1}))));
        world.refute_received(bob);
    });
}

#[test]
fn a5_once_a_second_in_bursts_of_three() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        for id in ["1", "2", "3"] {
            assert_eq!(world.told(ann, auth(id, &Joiner::user("ann"))), [ack(id)]);
        }
        let error = world.refuses(ann, auth("4", &Joiner::user("ann")), "rate_limited");
        let wait = error["retry_after"].as_u64().unwrap();
        assert!((900..=1_000).contains(&wait), "{wait}");
        world.advance(wait - 1);
        world.refuses(ann, auth("5", &Joiner::user("ann")), "rate_limited");
        world.advance(1);
        assert_eq!(world.told(ann, auth("6", &Joiner::user("ann"))), [ack("6")]);
        world.refuses(ann, auth("7", &Joiner::user("ann")), "rate_limited");
    });
}
