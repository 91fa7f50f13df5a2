//! What a grant lets one do (rule A3).

use dormouse_core::channel::HttpOperation;
use dormouse_core::contract::{Ability, Channel, Contract, Event, Json, Presence};
use serde_json::{Value, json};

use crate::support;
use crate::support::{Joiner, Rooms, World, in_channel, in_room, publish, say, seqs};
use crate::{bye, may};

#[test]
fn a3_who_may_join_hears_and_who_may_not_is_turned_away() {
    in_room(|world| {
        let hears = world.joined(&may("ann", &["join"]));
        let deaf = world.join(&may("bob", &["publish", "presence", "history", "meter", "unmetered"]));
        assert_eq!(world.receives(deaf), bye(4003, "forbidden"));
        assert_eq!(world.socket(deaf).hung_up, Some(4003));
        world.post(&may("cat", &["publish"]), json!({"event": "say", "data": 1}));
        assert_eq!(seqs(&world.received(hears)), [1]);
        world.refute_received(deaf);
    });
}

#[test]
fn a3_each_event_needs_publish_or_its_own_name_and_a_reserved_one_its_reservation() {
    in_room(|world| {
        for (can, sayable) in [
            (vec!["join"], vec![]),
            (vec!["join", "publish"], vec!["say", "wave"]),
            (vec!["join", "publish:say"], vec!["say"]),
            (vec!["join", "publish:decree"], vec!["edict"]),
            (vec!["join", "publish:edict", "history", "presence", "meter"], vec![]),
        ] {
            let client = world.joined(&may("ann", &can));
            for event in ["say", "wave", "edict"] {
                let answer = world.told(client, publish(event, &format!("{event}{}", can.len()), 1))[0].clone();
                match sayable.contains(&event) {
                    true => assert_ne!(answer["type"], "error", "{can:?} may say {event}"),
                    false => assert_eq!(answer["code"], "forbidden", "{can:?} may not say {event}"),
                }
            }
            world.leave(client);
            // Ids are known again for ten minutes.
            world.advance(600_001);
        }
    });
}

#[test]
fn a3_what_was_kept_is_read_with_history_alone() {
    in_room(|world| {
        world.keep(1);
        let reads = world.joined(&may("ann", &["join", "history"]));
        let blind = world.joined(&may("bob", &["join", "publish", "presence", "meter"]));
        assert_eq!(
            seqs(world.told(reads, json!({"type": "history", "id": "h"}))[0]["messages"].as_array().unwrap()),
            [1]
        );
        world.refuses(blind, json!({"type": "history", "id": "h"}), "forbidden");
    });
}

#[test]
fn a3_the_counters_are_read_with_meter_alone() {
    in_room(|world| {
        let (status, answer) = world.get(&may("ops", &["meter"]), HttpOperation::Meter);
        assert_eq!(status, 200);
        assert!(answer["frames_in"].is_u64(), "{answer}");
        let (status, answer) = world.get(&Joiner::user("ann"), HttpOperation::Meter);
        assert_eq!((status, &answer["error"]["code"]), (403, &json!("forbidden")));
    });
}

#[test]
fn a3_welcome_tells_what_one_may_do_sorted() {
    in_room(|world| {
        let ann = world.joined(&may("ann", &["publish:b", "join", "history", "publish:a", "fly"]));
        assert_eq!(world.welcome(ann)["can"], json!(["history", "join", "publish:a", "publish:b"]));
    });
}

#[test]
fn a3_without_a_token_one_has_what_the_contract_grants_to_anyone_and_no_more() {
    in_channel("open:a", |world| {
        let guest = world.joined(&Joiner::anonymous());
        assert_eq!(world.welcome(guest)["can"], json!(["history", "join", "publish"]));
        assert_eq!(world.welcome(guest)["user"], Value::Null);
        assert_eq!(seqs(&world.told(guest, say("1", 1))), [1]);
        // One without a grant is asked to sign in, one with a grant is told it does not suffice.
        world.refuses(guest, publish("edict", "2", 1), "unauthenticated");
        let ann = world.joined(&may("ann", &[]));
        assert_eq!(world.welcome(ann)["can"], json!(["history", "join", "publish"]));
        world.refuses(ann, publish("edict", "2", 1), "forbidden");
    });
}

/// `room:*` as it was, and as a later release has it.
fn release(grants: &[Ability], entry: Channel) -> Contract {
    let channel = entry.grants(grants.to_vec()).event::<Json>("say", Event::kept());
    Contract::new().channel("room:*", channel.presence::<Json>(Presence::list()))
}

#[test]
fn a3_rights_are_those_of_the_contract_of_today_for_older_connections_too() {
    let mut world = World::under(release(&[], Channel::with_token()), "room:a", support::Sleep::Never);
    let ann = world.joined(&may("ann", &["join"]));
    let bob = world.joined(&may("bob", &["join", "presence"]));
    world.refuses(ann, say("1", 1), "forbidden");
    world.pause();
    world.redeploy(release(&[Ability::Publish], Channel::with_token()));
    assert_eq!(seqs(&world.told(ann, say("1", 1))), [1]);
    world.pause();
    world.received(bob);
    world.redeploy(release(&[], Channel::with_token()));
    world.refuses(ann, say("2", 2), "forbidden");
    world.refute_received(bob);
}

#[test]
fn a3_one_whom_the_contract_of_today_does_not_let_in_any_more_hears_nothing() {
    let open = || release(&[Ability::Publish], Channel::for_anyone());
    let mut world = World::under(open(), "room:a", support::Sleep::Never);
    let guest = world.joined(&Joiner::anonymous());
    let ann = world.joined(&may("ann", &[]));
    let bob = world.joined(&may("bob", &["join"]));
    world.pause();
    world.redeploy(release(&[Ability::Publish], Channel::with_token()));
    assert_eq!(seqs(&world.told(bob, say("1", 1))), [1]);
    assert_eq!(world.received(guest), [bye(4300, "token_expired")]);
    assert_eq!(world.received(ann), [bye(4003, "forbidden")]);
    world.advance(5_000);
    assert_eq!((world.socket(guest).hung_up, world.socket(ann).hung_up), (Some(4300), Some(4003)));
    assert_eq!(world.socket(bob).hung_up, None);
}
