//! A pattern that is gone from the contract (rule D9).

use dormouse_core::channel::retire;
use dormouse_core::contract::HistoryBounds;
use dormouse_core::effect::Effect;
use dormouse_core::storage::{Storage as _, StorageError};
use dormouse_protocol::name::ChannelName;

use crate::support::{BEGIN, Joiner, Rooms, Sleep, World, say};
use crate::{DAY, bounded, on_disk, rows};

/// The alarms of a channel without a pattern fire for so long; how often they did.
fn retired(world: &mut World, millis: u64, open: usize) -> usize {
    let until = world.now() + millis;
    let mut fired = 0;
    while let Some(alarm) = world.alarm().filter(|alarm| *alarm <= until) {
        world.set_alarm(None);
        world.advance(alarm.saturating_sub(world.now()));
        fired += 1;
        let name = ChannelName::parse("room:a").unwrap();
        let now = world.now();
        for effect in retire(&mut world.storage, now, &name, open) {
            match effect {
                Effect::Alarm { at } => world.set_alarm(Some(at)),
                Effect::Log(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
    world.advance(until - world.now());
    fired
}

#[test]
fn d9_a_channel_whose_pattern_is_gone_comes_to_its_end() {
    let mut world = World::room_that(Sleep::Always);
    let ann = world.joined(&Joiner::user("ann"));
    world.told(ann, say("1", 1));
    world.cut(ann);
    world.drain();
    world.crash();
    let graces = |world: &mut World| world.storage.graces().unwrap().len();
    assert_eq!(graces(&mut world), 1);
    retired(&mut world, 10_000, 0);
    assert_eq!((graces(&mut world), rows(&world)), (1, 1), "the grace is over, and one waits for the pattern");
    let fired = retired(&mut world, 3 * DAY, 0);
    assert_eq!((graces(&mut world), rows(&world), world.alarm()), (0, 0, None));
    assert!(fired <= 5, "{fired} alarms");
}

#[test]
fn d9_a_pattern_that_is_back_within_a_day_finds_its_channel_as_it_was() {
    let mut world = bounded(HistoryBounds { age: 9 * DAY, ..HistoryBounds::default() }, Sleep::Always);
    let ann = world.joined(&Joiner::user("ann").expires(BEGIN + 30 * DAY));
    world.told(ann, say("1", 1));
    world.advance(3 * DAY);
    world.leave(ann);
    world.crash();
    world.set_alarm(Some(world.now() + 1_000));
    retired(&mut world, DAY - 1_000, 0);
    let bob = world.joined(&Joiner::user("bob").after(&world.epoch(ann), 0));
    assert_eq!(world.welcome(bob)["resume"], "recovered");
    assert!(world.storage.graces().unwrap().is_empty(), "nothing waits any more");
    world.leave(bob);
    world.advance(9 * DAY);
    assert_eq!((rows(&world), world.alarm()), (0, None));
}

#[test]
fn d9_while_sockets_are_open_a_channel_without_a_pattern_forgets_only_what_is_too_old() {
    let mut world = World::room_that(Sleep::Always);
    let ann = world.joined(&Joiner::user("ann"));
    world.told(ann, say("1", 1));
    world.pause();
    let fired = retired(&mut world, 10 * DAY, 1);
    assert_eq!((on_disk(&world), rows(&world)), ((0, 0), 1));
    assert!(fired <= 15, "{fired} alarms");
    retired(&mut world, 2 * DAY, 0);
    assert_eq!((rows(&world), world.alarm()), (0, None));
}

#[test]
fn d9_a_channel_without_a_pattern_whose_storage_fails_is_tried_again() {
    let mut world = World::room_that(Sleep::Always);
    world.keep(1);
    world.set_alarm(Some(world.now()));
    world.storage.fail_next_read(StorageError::Failed("no luck".to_owned()));
    assert_eq!(retired(&mut world, 1, 0), 1);
    assert!(world.alarm().is_some());
    retired(&mut world, 3 * DAY, 0);
    assert_eq!((rows(&world), world.alarm()), (0, None));
}
