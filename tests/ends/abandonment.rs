//! The life of a history that everybody left, by the one alarm (rule D9).

use dormouse_core::channel::HttpOperation;
use dormouse_core::contract::HistoryBounds;
use serde_json::json;

use crate::support::{BEGIN, Joiner, Rooms, Sleep, World, in_channel, in_room, say, seqs};
use crate::{DAY, bye, rows, within};

#[test]
fn d9_a_channel_that_everybody_left_ends_its_life_after_as_long_as_messages_are_held() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann").expires(BEGIN + 9 * DAY));
        world.told(ann, say("1", 1));
        world.advance(3 * DAY);
        assert_eq!(rows(world), 1, "somebody is here");
        assert!(world.is_connected(ann));
        world.leave(ann);
        let left = world.now();
        world.advance(DAY - 1);
        assert_eq!(rows(world), 1);
        let bob = world.joined(&Joiner::user("bob"));
        assert_eq!((world.epoch(bob), &world.welcome(bob)["seq"]), (world.epoch(ann), &json!(1)));
        world.leave(bob);
        world.advance(left + DAY - world.now() + DAY - 2);
        assert_eq!(rows(world), 1, "bob left a day later");
        world.advance(1);
        assert_eq!((rows(world), world.alarm()), (0, None));
        let cat = world.joined(&Joiner::user("cat").after(&world.epoch(ann), 1));
        let welcome = world.welcome(cat);
        assert_eq!((&welcome["resume"], &welcome["seq"], &welcome["first"]), (&json!("lost"), &json!(0), &json!(1)));
        assert_ne!(world.epoch(cat), world.epoch(ann));
        assert_eq!(seqs(&world.told(cat, say("1", 1))), [1], "and no id of the old life is known");
    });
}

#[test]
fn d9_a_channel_without_rows_needs_no_end() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.told(ann, json!({"type": "publish", "event": "wave", "data": 1}));
        world.leave(ann);
        world.pause();
        assert_eq!(world.alarm(), None);
    });
}

#[test]
fn d9_what_was_only_posted_ends_too() {
    in_room(|world| {
        world.keep(1);
        world.advance(DAY / 2);
        world.keep(1);
        world.advance(DAY - 1);
        assert_eq!(rows(world), 2);
        world.advance(1);
        assert_eq!((rows(world), world.alarm()), (0, None));
    });
}

#[test]
fn d9_one_in_its_grace_has_not_left_yet() {
    within(HistoryBounds { age: 5_000, ..HistoryBounds::default() }, |world| {
        world.limits.grace_ms = 60_000;
        let ann = world.joined(&Joiner::user("ann"));
        world.keep(1);
        world.cut(ann);
        world.advance(59_999);
        assert_eq!(rows(world), 1);
        let back = world.joined(&Joiner::user("ann").connection(&world.connection(ann)));
        assert_eq!(world.epoch(back), world.epoch(ann));
        world.cut(back);
        world.advance(60_000 + 4_999);
        assert_eq!(rows(world), 1);
        world.advance(1);
        assert_eq!((rows(world), world.alarm()), (0, None));
    });
}

#[test]
fn d9_who_asks_over_http_does_not_end_a_life_early() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann").expires(BEGIN + 9 * DAY));
        world.told(ann, say("1", 1));
        world.advance(3 * DAY);
        world.leave(ann);
        for _ in 0..3 {
            world.advance(DAY / 4);
            world.get(&Joiner::user("zoe"), HttpOperation::Members);
        }
        assert_eq!(rows(world), 1);
        world.advance(DAY / 4);
        assert_eq!(rows(world), 0);
    });
}

#[test]
fn d9_a_channel_deserted_long_ago_has_its_deadlines_when_someone_comes() {
    in_channel("door:a", |world| {
        world.keep(1);
        let ann = world.joined(&Joiner::user("ann").expires(BEGIN + 9 * DAY));
        world.advance(DAY - 1_000);
        world.leave(ann);
        world.advance(DAY / 2);
        assert_eq!(rows(world), 1);
        // The newest message is older than a day, the desertion is not.
        let guest = world.joined(&Joiner::anonymous());
        let bob = world.joined(&Joiner::user("bob"));
        let cat = world.joined(&Joiner::user("cat"));
        world.cut(cat);
        world.received(bob);
        world.advance(9_999);
        world.refute_received(guest);
        world.refute_received(bob);
        world.advance(1);
        assert_eq!(world.receives(guest), bye(4300, "token_expired"));
        assert_eq!(world.receives(bob)["leave"][0]["user"], "cat");
    });
}

#[test]
fn d9_deadlines_hold_also_when_the_newest_message_grows_too_old_meanwhile() {
    in_room(|world| {
        world.keep(1);
        let kept = world.now();
        let ann = world.joined(&Joiner::user("ann").expires(BEGIN + 9 * DAY));
        world.advance(DAY / 2);
        world.leave(ann);
        // The end would come half a day after the message is too old.
        world.advance(kept + DAY - 5_000 - world.now());
        let bob = world.joined(&Joiner::user("bob"));
        let cat = world.joined(&Joiner::user("cat"));
        world.advance(8_000);
        world.cut(cat);
        world.received(bob);
        world.advance(10_000);
        assert_eq!(world.receives(bob)["leave"][0]["user"], "cat");
    });
}

#[test]
fn d9_wherever_rows_are_an_alarm_is_pending() {
    let mut world = World::room_that(Sleep::Always);
    let ann = world.joined(&Joiner::user("ann").expires(BEGIN + 9 * DAY));
    assert_eq!(world.alarm(), None);
    for number in 0..40 {
        world.told(ann, say(&number.to_string(), number));
        world.advance(DAY / 7);
        assert!(world.alarm().is_some_and(|alarm| alarm <= world.now() + DAY));
    }
    world.crash();
    assert!(world.alarm().is_some());
    world.advance(2 * DAY);
    assert_eq!((rows(&world), world.alarm()), (0, None));
}
