//! How things end: connections, graces, deadlines, and the life of a history (rules R3, R5, A7, P3, D3, D9, H2).
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::unreachable,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test fails by panicking"
)]

mod support;

use dormouse_core::channel::{HttpOperation, Unreadable, retire};
use dormouse_core::contract::{Channel, Contract, Event, HistoryBounds, Json, Presence};
use dormouse_core::effect::Effect;
use dormouse_core::storage::{Damage, Storage as _, StorageError};
use dormouse_protocol::name::ChannelName;
use serde_json::{Value, json};
use support::{
    BEGIN, Doom, Joiner, Rooms, Sleep, World, assert_same_asleep_in, in_channel, in_room, say, seqs, unmetered,
};

const DAY: u64 = 24 * 3_600_000;

fn auth(joiner: &Joiner) -> Value {
    json!({"type": "auth", "id": "a", "token": joiner.token()})
}

fn bye(code: u16, reason: &str) -> Value {
    json!({"type": "bye", "code": code, "reason": reason})
}

fn rows(world: &World) -> usize {
    world.storage.rows().count()
}

// --- R3 ------------------------------------------------------------------------------------------------------

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
        let turned_away = world.join(&Joiner::user("cat").can(&[]));
        assert_eq!(
            (world.receives(turned_away), world.socket(turned_away).hung_up),
            (bye(4003, "forbidden"), Some(4003))
        );
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
        world.settle();
        assert_eq!(world.storage.rows().count(), 1);
        world.refute_received(ann);
        assert_eq!(world.get(&Joiner::user("zoe"), HttpOperation::Members).1["members"].as_array().unwrap().len(), 1);
        world.cut(ann);
        world.pause();
        assert_eq!(dormouse_core::storage::Storage::graces(&mut world.storage).unwrap(), [], "no grace after bye");
    });
}

// --- D9: the bounds --------------------------------------------------------------------------------------------

fn bounded(bounds: HistoryBounds, sleep: Sleep) -> World {
    let channel = Channel::with_token().event::<Json>("say", Event::kept().rate(100)).history(bounds);
    let contract = Contract::new().channel("room:*", channel.presence::<Json>(Presence::list()));
    World::under(contract, "room:a", sleep)
}

/// Plays a script under these bounds, asleep and awake.
fn within(bounds: HistoryBounds, script: impl Fn(&mut World)) {
    assert_same_asleep_in(|sleep| bounded(bounds, sleep), script);
}

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

// --- D9: abandonment, by the one alarm ---------------------------------------------------------------------------

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
fn d9_after_a_crash_that_nobody_saw_the_life_ends_all_the_same() {
    let mut world = World::room();
    let ann = world.joined(&Joiner::user("ann").expires(BEGIN + 9 * DAY));
    world.told(ann, say("1", 1));
    world.advance(DAY / 2);
    world.told(ann, say("2", 2));
    let newest = world.now();
    world.crash();
    world.advance(newest + DAY - 1 - world.now());
    assert_eq!(rows(&world), 1, "the first is too old");
    world.advance(1);
    assert_eq!((rows(&world), world.alarm()), (0, None));
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

#[test]
fn d9_an_end_that_the_storage_does_not_let_be_is_tried_again_and_not_for_ever_at_once() {
    let mut world = World::room();
    world.keep(1);
    // Nobody is in the grace: the first that is written is the end.
    world.trouble.write = Some(0);
    world.advance(DAY);
    assert_eq!(world.trouble.met(), 1, "{:?} {:?}", world.alarm(), world.logs());
    assert_eq!(rows(&world), 1);
    let again = world.alarm().unwrap();
    assert!((1_000..=60_000).contains(&(again - world.now())), "{}", again - world.now());
    world.advance(again - world.now());
    assert_eq!((rows(&world), world.alarm()), (0, None));
}

/// Whether any text of a message is on disk, or any id.
fn on_disk(world: &World) -> (usize, usize) {
    let texts = world.storage.rows().filter(|row| !row.text().is_empty()).count();
    (texts, world.storage.rows().filter(|row| !row.ids().is_empty()).count())
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

#[test]
fn d9_an_alarm_that_was_given_up_is_set_anew_when_the_channel_wakes() {
    for sleep in [Sleep::Always, Sleep::Never] {
        let mut world = World::room_that(sleep);
        let ann = world.joined(&Joiner::user("ann"));
        world.told(ann, say("1", 1));
        let bob = world.joined(&Joiner::user("bob"));
        world.cut(bob);
        world.pause();
        world.cut(ann);
        world.settle();
        world.sleep();
        // What the platform does after six failures.
        world.set_alarm(None);
        world.advance(60_000);
        let cat = world.joined(&Joiner::user("cat"));
        world.advance(1_000);
        let (_, answer) = world.get(&Joiner::user("zoe"), HttpOperation::Members);
        assert_eq!(answer["members"].as_array().unwrap().len(), 1, "ann is gone");
        world.leave(cat);
        world.settle();
        world.sleep();
        world.set_alarm(None);
        world.advance(3 * DAY);
        let dan = world.joined(&Joiner::user("dan"));
        world.leave(dan);
        world.settle();
        assert!(world.alarm().is_some_and(|alarm| alarm > world.now()));
        world.advance(DAY);
        assert_eq!((rows(&world), world.alarm()), (0, None));
    }
}

#[test]
fn d9_an_alarm_that_fails_six_times_is_given_up_by_the_platform() {
    let mut world = World::room_that(Sleep::Always);
    world.keep(1);
    for _ in 0..7 {
        world.trouble.doom = Some(Doom::Unwritten);
        world.advance(world.alarm().unwrap() - world.now());
    }
    assert_eq!(world.alarm(), None);
}

// --- D9: a pattern that is gone from the contract ---------------------------------------------------------------

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
    world.settle();
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

#[test]
fn p3_a_leave_outlives_a_storage_that_cannot_be_read_when_it_is_due() {
    for trouble in [0, 1] {
        let mut world = World::room_that(Sleep::Always);
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.pause();
        world.cut(bob);
        world.advance(9_999);
        world.trouble.read = Some(trouble);
        world.trouble.write = Some(trouble);
        world.received(ann);
        world.advance(1);
        world.trouble.end();
        world.advance(10_000);
        assert_eq!(world.receives(ann)["leave"][0]["connection"], json!(world.connection(bob)), "trouble {trouble}");
        assert_eq!(world.alarm(), None);
    }
}

#[test]
fn p3_a_leave_is_tried_again_soon_also_where_only_the_messages_could_be_read() {
    // Where the channel stands is read first, and then who has departed: each reading fails once.
    for trouble in [0, 1] {
        let mut world = World::room();
        world.keep(1);
        let bob = world.joined(&Joiner::user("bob"));
        world.cut(bob);
        world.advance(9_999);
        world.crash();
        world.trouble.read = Some(trouble);
        world.advance(1);
        assert_eq!((world.trouble.met(), world.storage.graces().unwrap().len()), (1, 1));
        world.advance(5_000);
        assert_eq!(world.storage.graces().unwrap(), [], "trouble {trouble}");
    }
}

#[test]
fn p3_an_event_that_could_not_read_the_storage_does_not_put_a_leave_off() {
    for trouble in [0, 1] {
        let mut world = World::room();
        world.keep(1);
        world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.cut(bob);
        world.crash();
        world.trouble.read = Some(trouble);
        world.join("cat");
        assert_eq!(world.trouble.met(), 1);
        world.advance(15_000);
        assert_eq!(world.storage.graces().unwrap(), [], "trouble {trouble}");
    }
}

#[test]
fn d3_a_history_that_cannot_be_read_at_the_second_try_is_lost_whole() {
    let mut world = World::room();
    world.keep(3);
    world.crash();
    world.trouble.read = Some(1);
    let turned_away = world.join("ann");
    assert_eq!(world.receives(turned_away)["code"], 4100);
    world.storage.damage(3, Damage::Epoch);
    let ann = world.join("ann");
    let welcome = world.welcome(ann);
    assert_eq!((&welcome["seq"], &welcome["first"]), (&json!(0), &json!(1)), "{welcome}");
    assert_eq!(seqs(&world.told(ann, say("1", 1))), [1]);
}

#[test]
fn p3_who_departed_from_a_history_that_is_lost_is_waited_for_no_longer() {
    let mut world = World::room();
    world.keep(1);
    world.joined(&Joiner::user("ann"));
    let bob = world.joined(&Joiner::user("bob"));
    world.sleep();
    world.trouble.read = Some(0);
    world.cut(bob);
    world.storage.damage(1, Damage::Epoch);
    let cat = world.join("cat");
    assert_eq!(world.welcome(cat)["members"].as_array().unwrap().len(), 1, "{}", world.welcome(cat));
    world.advance(60_000);
    let before = world.turns();
    world.advance(600_000);
    assert!(world.turns() - before <= 2, "{} turns for nothing", world.turns() - before);
}

#[test]
fn p3_nobody_is_told_who_is_here_before_it_is_known_who_is_in_its_grace() {
    let mut world = World::room();
    (world.limits.presence_list, world.limits.presence_list_back) = (2, 2);
    let ann = world.joined(&Joiner::user("ann"));
    let bob = world.joined(&Joiner::user("bob"));
    let cat = world.joined(&Joiner::user("cat"));
    world.cut(bob);
    world.settle();
    world.sleep();
    world.received(ann);
    world.trouble.read = Some(1);
    world.leave(cat);
    world.settle();
    world.refute_received(ann);
    assert_eq!(world.told(ann, say("1", 1))[1]["members"].as_array().unwrap().len(), 2);
}

#[test]
fn p3_a_leave_that_nobody_was_told_for_trouble_is_told_soon() {
    let mut world = World::room_that(Sleep::Always);
    let ann = world.joined(&Joiner::user("ann"));
    let bob = world.joined(&Joiner::user("bob"));
    world.pause();
    world.trouble.read = Some(0);
    world.leave(bob);
    world.refute_received(ann);
    world.advance(20_000);
    assert_eq!(world.receives(ann)["leave"][0]["user"], "bob");
}

#[test]
fn h2_one_alarm_serves_all_that_is_due() {
    in_channel("door:a", |world| {
        let seer = world.joined(&Joiner::user("seer"));
        world.told(seer, say("1", 1));
        let bob = world.joined(&Joiner::user("bob"));
        world.advance(2_000);
        let guest = world.joined(&Joiner::anonymous());
        world.advance(2_000);
        world.cut(bob);
        world.advance(2_000);
        let later = world.joined(&Joiner::anonymous());
        world.received(seer);
        world.advance(6_000);
        assert_eq!(world.receives(guest)["code"], 4300);
        world.refute_received(seer);
        world.advance(2_000);
        assert_eq!(world.receives(seer)["leave"][0]["user"], "bob");
        world.refute_received(later);
        world.advance(2_000);
        assert_eq!(world.receives(later)["code"], 4300);
        world.leave(seer);
        world.advance(DAY - 1);
        assert_eq!(rows(world), 1);
        world.advance(1);
        assert_eq!((rows(world), world.alarm()), (0, None));
    });
}

// --- H2 --------------------------------------------------------------------------------------------------------

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

// --- R5: joins -------------------------------------------------------------------------------------------------

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

#[test]
fn d9_whenever_the_process_dies_at_an_alarm_what_was_due_still_happens() {
    for doom in [Doom::Unwritten, Doom::Untold(0), Doom::Untold(1), Doom::Untold(9)] {
        let mut world = World::room_that(Sleep::Always);
        let ann = world.joined(&Joiner::user("ann"));
        world.told(ann, say("1", 1));
        let bob = world.joined(&Joiner::user("bob"));
        world.cut(bob);
        world.advance(9_999);
        world.trouble.doom = Some(doom);
        world.advance(1);
        assert!(!world.is_connected(ann), "the process died");
        let cat = world.joined(&Joiner::user("cat"));
        world.advance(5_000);
        let (_, answer) = world.get(&Joiner::user("zoe"), HttpOperation::Members);
        assert_eq!(answer["members"].as_array().unwrap().len(), 1, "{doom:?}: bob is gone");
        world.crash();
        assert!(world.alarm().is_some(), "{doom:?}");
        assert!(!world.is_connected(cat));
        world.trouble.doom = Some(doom);
        world.advance(2 * DAY);
        assert_eq!((rows(&world), world.alarm()), (0, None), "{doom:?}");
    }
}
