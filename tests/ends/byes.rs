//! How a connection ends, and how one is turned away (rules R3, R5, H2).

use dormouse_core::channel::{HttpOperation, Unreadable};
use serde_json::{Value, json};

use crate::support;
use crate::support::{BEGIN, Joiner, Sleep, World, in_channel, in_room, say};
use crate::{DAY, bye};

fn auth(joiner: &Joiner) -> Value {
    json!({"type": "auth", "id": "a", "token": joiner.token()})
}

#[test]
fn r3_a_bye_that_answers_its_own_frame_closes_at_once() {
    in_room(|world| {
        let nagging = world.joined(&Joiner::user("ann"));
        for _ in 0..20 {
            world.send(nagging, json!({"type": "nag"}));
        }
        assert_eq!(world.received(nagging).last().unwrap(), &bye(4101, "too_many_refusals"));
        assert_eq!(world.socket(nagging).hung_up, Some(4101));
        let narrowed = world.joined(&Joiner::user("bob"));
        world.send(narrowed, auth(&Joiner::user("bob").can(&[])));
        assert_eq!(world.received(narrowed).last().unwrap(), &bye(4003, "forbidden"));
        assert_eq!(world.socket(narrowed).hung_up, Some(4003));
        let rejected = world.join(&Joiner::user("cat").can(&[]));
        assert_eq!((world.receives(rejected), world.socket(rejected).hung_up), (bye(4003, "forbidden"), Some(4003)));
    });
}

#[test]
fn r3_after_any_other_bye_the_client_has_2_s_to_close() {
    in_room(|world| {
        let stays = world.joined(&Joiner::user("ann").expires(BEGIN + 1_000));
        let goes = world.joined(&Joiner::user("bob").expires(BEGIN + 1_000));
        let cat = world.joined(&Joiner::user("cat"));
        world.advance(1_000);
        world.send(cat, say("1", 1));
        assert_eq!(world.received(stays), [bye(4300, "token_expired")]);
        assert_eq!(world.received(goes), [bye(4300, "token_expired")]);
        world.advance(500);
        world.leave(goes);
        world.advance(BEGIN + 3_000 - world.now() - 1);
        assert_eq!((world.socket(stays).hung_up, world.socket(goes).hung_up), (None, None));
        world.advance(1);
        assert_eq!((world.socket(stays).hung_up, world.socket(goes).hung_up), (Some(4300), None));
        world.pause();
        world.told(cat, say("2", 2));
        world.refute_received(stays);
        assert_eq!(world.timer(), None);
    });
}

#[test]
fn r3_one_on_its_way_out_says_nothing_hears_nothing_and_is_not_here() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann").expires(BEGIN + 1_000));
        let bob = world.joined(&Joiner::user("bob"));
        world.advance(1_000);
        world.told(bob, say("1", 1));
        world.received(ann);
        world.send(ann, say("2", 2));
        world.send(ann, auth(&Joiner::user("ann")));
        world.send_unreadable(ann, Unreadable::Binary);
        world.drain();
        assert_eq!(world.storage.rows().count(), 1);
        world.refute_received(ann);
        assert_eq!(world.get(&Joiner::user("zoe"), HttpOperation::Members).1["members"].as_array().unwrap().len(), 1);
        world.cut(ann);
        world.pause();
        assert_eq!(dormouse_core::storage::Storage::graces(&mut world.storage).unwrap(), [], "no grace after bye");
    });
}

#[test]
fn h2_an_idle_channel_holds_no_timer_and_a_ping_does_not_wake_it() {
    let mut world = World::under(support::room::contract(), "door:a", Sleep::Always);
    let ann = world.joined(&Joiner::user("ann"));
    world.joined(&Joiner::anonymous());
    world.told(ann, say("1", 1));
    world.told(ann, json!([say("2", 2), say("3", 3)]));
    world.told(ann, json!({"type": "presence", "data": 1}));
    let bob = world.joined(&Joiner::user("bob"));
    world.cut(bob);
    world.advance(60_000);
    assert_eq!(world.timer(), None);
    assert!(world.is_asleep());
    let wakes = world.wakes();
    world.ping(ann);
    world.advance(DAY / 2);
    assert!(world.is_asleep());
    assert_eq!(world.wakes(), wakes);
}

#[test]
fn r5_a_refused_joiner_is_told_when_to_come_back() {
    in_room(|world| {
        world.limits.members = 1;
        world.joined(&Joiner::user("ann"));
        let bob = world.join(&Joiner::user("bob"));
        assert_eq!(
            world.receives(bob),
            json!({"type": "bye", "code": 4100, "reason": "over_capacity", "retry_after": 10_000})
        );
        assert_eq!(world.socket(bob).hung_up, Some(4100));
    });
}

#[test]
fn r5_who_signed_in_takes_no_anonymous_place() {
    in_channel("open:a", |world| {
        world.limits.members = 4;
        let first = world.joined(&Joiner::anonymous());
        let second = world.joined(&Joiner::anonymous());
        let third = world.join(&Joiner::anonymous());
        assert_eq!(world.receives(third)["code"], 4100);
        world.leave(third);
        world.told(first, auth(&Joiner::user("ann")));
        world.pause();
        let fourth = world.join(&Joiner::anonymous());
        assert_eq!(world.received(fourth)[0]["type"], "welcome");
        assert!(world.is_connected(second));
    });
}
