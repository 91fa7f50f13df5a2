//! What is held of a history: count, age and bytes, and what is off the disk (rules D9, H2).

use dormouse_core::contract::HistoryBounds;
use serde_json::json;

use crate::support::{BEGIN, Joiner, Rooms, Sleep, World, say, seqs, unmetered};
use crate::{DAY, bounded, on_disk, rows, within};

fn page(world: &mut World) -> Vec<u64> {
    let (_, answer) = world.messages(&unmetered("zoe"), Some("0"), None, Some("100"));
    seqs(answer["messages"].as_array().unwrap())
}

#[test]
fn d9_no_more_than_count_messages_are_held() {
    within(HistoryBounds { count: 5, ..HistoryBounds::default() }, |world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.keep(5);
        assert_eq!(page(world), [1, 2, 3, 4, 5]);
        world.keep(20);
        assert_eq!(page(world), [21, 22, 23, 24, 25]);
        let epoch = world.epoch(ann);
        for (after, resume, replayed) in [(19, "lost", vec![]), (20, "recovered", vec![21, 22, 23, 24, 25])] {
            let bob = world.join(&Joiner::user("bob").after(&epoch, after));
            let frames = world.received(bob);
            assert_eq!((&frames[0]["resume"], &frames[0]["first"]), (&json!(resume), &json!(21)));
            assert_eq!(seqs(&frames), replayed);
        }
        world.pause();
    });
}

#[test]
fn d9_nothing_older_than_age_is_held_and_the_newest_row_is_not_trimmed() {
    within(HistoryBounds { age: 60_000, ..HistoryBounds::default() }, |world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.keep(1);
        let first = world.now();
        world.advance(30_000);
        world.keep(1);
        world.advance(first + 60_000 - world.now());
        assert_eq!(page(world), [1, 2]);
        world.advance(1);
        assert_eq!(page(world), [2]);
        world.advance(300_000);
        assert_eq!(page(world), Vec::<u64>::new());
        assert!(rows(world) >= 1, "the head is read from it");
        let bob = world.joined(&Joiner::user("bob").after(&world.epoch(ann), 1));
        let welcome = world.welcome(bob);
        assert_eq!((&welcome["resume"], &welcome["seq"], &welcome["first"]), (&json!("lost"), &json!(2), &json!(3)));
        world.keep(1);
        assert_eq!(page(world), [3]);
    });
}

#[test]
fn d9_no_more_than_bytes_are_held() {
    within(HistoryBounds { bytes: 65_536, ..HistoryBounds::default() }, |world| {
        world.joined(&Joiner::user("ann"));
        for number in 1..=10 {
            let (status, _) = world.post(&unmetered("bob"), json!({"event": "say", "data": "x".repeat(20_000)}));
            assert_eq!(status, 200);
            assert_eq!(page(world), (number.max(3) - 2..=number).collect::<Vec<u64>>());
        }
        assert_eq!(page(world), [8, 9, 10]);
    });
}

#[test]
fn d9_what_is_too_old_is_off_the_disk_within_a_minute_where_somebody_is_there() {
    within(HistoryBounds { age: 60_000, ..HistoryBounds::default() }, |world| {
        world.limits.dedupe_ms = 600_000;
        let ann = world.joined(&Joiner::user("ann").expires(BEGIN + 99 * DAY));
        for _ in 0..3 {
            world.keep(1);
            world.advance(10_000);
        }
        assert_eq!(on_disk(world), (3, 3));
        world.advance(120_000);
        assert_eq!(on_disk(world), (0, 3), "ids are known for ten minutes");
        world.advance(600_000);
        assert_eq!(on_disk(world), (0, 0));
        assert_eq!(rows(world), 1, "it tells where the channel stands");
        world.advance(90 * DAY);
        world.keep(1);
        assert_eq!(page(world), [4]);
        let bob = world.joined(&Joiner::user("bob").after(&world.epoch(ann), 3));
        assert_eq!(world.welcome(bob)["resume"], "recovered");
    });
}

#[test]
fn d9_what_is_too_old_is_off_the_disk_when_a_channel_wakes_that_everybody_left() {
    within(HistoryBounds { age: 3_600_000, ..HistoryBounds::default() }, |world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.keep(3);
        world.advance(3_000_000);
        world.leave(ann);
        world.advance(700_000);
        assert_eq!(page(world), Vec::<u64>::new());
        assert_eq!(on_disk(world), (0, 0));
        assert_eq!(rows(world), 1);
        world.advance(3_600_000);
        assert_eq!((rows(world), world.alarm()), (0, None));
    });
}

/// An age of a second once had the alarm fire each second, for nothing.
#[test]
fn h2_a_short_age_wakes_an_idle_channel_no_oftener_than_something_is_due() {
    let mut world = bounded(HistoryBounds { age: 1_000, ..HistoryBounds::default() }, Sleep::Always);
    let ann = world.joined(&Joiner::user("ann").expires(BEGIN + 9 * DAY));
    world.told(ann, say("1", 1));
    world.pause();
    let turns = world.turns();
    world.advance(DAY / 2);
    assert!(world.turns() - turns <= 2, "{} turns: the message goes, then its id", world.turns() - turns);
    assert!(world.is_asleep());
    world.cut(ann);
    world.advance(20_000);
    assert_eq!((rows(&world), world.alarm()), (0, None));
}
