//! What is due happens although the storage fails or the process dies (rules P3, D3, D9, H2).

use dormouse_core::channel::HttpOperation;
use dormouse_core::effect::Effect;
use dormouse_core::storage::{Damage, Storage as _};
use serde_json::json;

use crate::support::{BEGIN, Doom, Joiner, Rooms, Sleep, World, in_channel, say, seqs};
use crate::{DAY, rows};

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
        world.drain();
        world.sleep();
        // What the platform does after six failures.
        world.set_alarm(None);
        world.advance(60_000);
        let cat = world.joined(&Joiner::user("cat"));
        world.advance(1_000);
        let (_, answer) = world.get(&Joiner::user("zoe"), HttpOperation::Members);
        assert_eq!(answer["members"].as_array().unwrap().len(), 1, "ann is gone");
        world.leave(cat);
        world.drain();
        world.sleep();
        world.set_alarm(None);
        world.advance(3 * DAY);
        let dan = world.joined(&Joiner::user("dan"));
        world.leave(dan);
        world.drain();
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
fn p3_a_leave_that_cannot_be_written_is_logged_before_the_connection_is_let_go() {
    let mut world = World::room();
    let ghosts = ["bob", "cat"].map(|user| {
        let before = world.joined(&Joiner::user(user));
        world.cut(before);
        // Came back, and never read its welcome: it may come back once more.
        let ghost = world.join(&Joiner::user(user).connection(&world.connection(before)));
        world.socket_mut(ghost).unsent = 700;
        ghost
    });
    world.advance(9_999);
    // Of the second: the first has its grace.
    world.trouble.write = Some(1);
    world.take_effects();
    world.advance(1);
    let done = world.take_effects().into_iter().filter_map(|effect| match effect {
        Effect::Log(line) => Some(line.event),
        Effect::HangUp { .. } => Some("hang up"),
        _ => None,
    });
    let done: Vec<_> = done.collect();
    assert_eq!(done, ["leave", "hang up", "leave", "internal", "hang up"]);
    assert_eq!(world.in_grace().len(), 1);
    assert!(ghosts.iter().all(|ghost| !world.is_connected(*ghost)));
}

#[test]
fn d3_a_history_that_cannot_be_read_at_the_second_try_is_lost_whole() {
    let mut world = World::room();
    world.keep(3);
    world.crash();
    world.trouble.read = Some(1);
    let rejected = world.join("ann");
    assert_eq!(world.receives(rejected)["code"], 4100);
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
    world.drain();
    world.sleep();
    world.received(ann);
    world.trouble.read = Some(1);
    world.leave(cat);
    world.drain();
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
