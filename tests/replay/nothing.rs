//! Positions of nothing, by those who were there before anything was kept (rules D4, D10).

use dormouse_core::storage::{Damage, Storage as _};
use serde_json::{Value, json};

use crate::support::{BEGIN, Client, Joiner, Rooms, Sleep, World, in_channel, in_room, seqs};

/// How long messages are held in `room:a`.
const AGE: u64 = 86_400_000;

/// Who comes back to `room:a` after so long with the position it was welcomed with, alone.
fn alone_again(world: &mut World, joiner: &Joiner, away: u64) -> (Client, Value) {
    let first = world.joined(joiner);
    assert_eq!(world.welcome(first)["seq"], 0);
    world.cut(first);
    world.advance(away);
    let back = world.join(&joiner.clone().after(&world.epoch(first), 0));
    world.drain();
    (back, world.welcome(back))
}

#[test]
fn d4_one_who_was_alone_where_nothing_was_kept_has_missed_nothing() {
    in_room(|world| {
        let (_, welcome) = alone_again(world, &Joiner::user("ann"), 60_000);
        assert_eq!((&welcome["resume"], &welcome["seq"]), (&json!("recovered"), &json!(0)));
    });
}

#[test]
fn d4_one_who_was_alone_where_nothing_was_kept_is_told_what_was_kept_since() {
    in_room(|world| {
        let first = world.joined(&Joiner::user("ann"));
        world.cut(first);
        world.advance(60_000);
        world.keep(2);
        world.advance(60_000);
        let back = world.join(&Joiner::user("ann").after(&world.epoch(first), 0));
        world.drain();
        assert_eq!(world.welcome(back)["resume"], "recovered");
        assert_ne!(world.epoch(back), world.epoch(first));
        assert_eq!(seqs(&world.socket(back).frames), [1, 2]);
        // Once more, over the same connection.
        let asked = json!({"type": "resume", "id": "r", "epoch": world.epoch(first), "after": 0});
        let told = world.told(back, asked);
        assert_eq!((&told[0]["resume"], seqs(&told)), (&json!("recovered"), vec![1, 2]));
        // One is no position of nothing.
        let asked = json!({"type": "resume", "id": "s", "epoch": world.epoch(first), "after": 1});
        assert_eq!(world.told(back, asked)[0]["resume"], "lost");
    });
}

#[test]
fn d4_of_a_life_that_began_too_long_ago_nobody_knows_what_was_missed() {
    for (away, resume) in [(AGE / 2 - 1, "recovered"), (AGE / 2, "lost"), (AGE + 1, "lost"), (9 * AGE, "lost")] {
        let mut world = World::room();
        let (_, welcome) = alone_again(&mut world, &Joiner::user("ann").expires(BEGIN + 99 * AGE), away);
        assert_eq!(welcome["resume"], resume, "after {away} ms");
    }
}

#[test]
fn d4_what_was_kept_since_and_is_out_of_bounds_is_lost() {
    in_channel("brief:a", |world| {
        let first = world.joined(&Joiner::user("ann"));
        world.cut(first);
        world.advance(60_000);
        world.keep(6);
        let back = world.join(&Joiner::user("ann").after(&world.epoch(first), 0));
        world.drain();
        assert_eq!(world.welcome(back)["resume"], "lost", "only five are held");
    });
}

#[test]
fn d10_one_without_history_who_was_alone_is_told_of_two_minutes_at_most() {
    in_room(|world| {
        let joiner = Joiner::user("ann").can(&["join"]);
        let first = world.joined(&joiner);
        world.cut(first);
        world.advance(60_000);
        world.keep(1);
        world.advance(120_001);
        let back = world.join(&joiner.after(&world.epoch(first), 0));
        world.drain();
        assert_eq!(world.welcome(back)["resume"], "lost");
    });
}

/// What was kept in a life whose newest row cannot be read is gone before its time.
#[test]
fn d4_after_a_history_was_lost_a_position_of_nothing_is_not_believed() {
    for sleep in [Sleep::Never, Sleep::Always] {
        let mut world = World::room_that(sleep);
        let ann = world.joined(&Joiner::user("ann"));
        let epoch = world.epoch(ann);
        world.leave(ann);
        world.pause();
        world.keep(1);
        world.storage.damage(1, Damage::Epoch);
        world.drain();
        world.sleep();
        let bob = world.joined(&Joiner::user("bob").after(&epoch, 0));
        assert_eq!((&world.welcome(bob)["seq"], &world.welcome(bob)["resume"]), (&json!(0), &json!("lost")));
        world.leave(bob);
        world.advance(AGE / 4);
        let bob = world.joined(&Joiner::user("bob").after(&epoch, 0));
        assert_eq!(world.welcome(bob)["resume"], "lost", "also after sleep");
        world.leave(bob);
        world.advance(AGE);
        let cat = Joiner::user("cat").expires(BEGIN + 99 * AGE);
        let (_, welcome) = alone_again(&mut world, &cat, 60_000);
        assert_eq!(welcome["resume"], "recovered", "all that was lost would be too old by now");
        assert_eq!(world.storage.graces().unwrap(), []);
    }
}

#[test]
fn d4_a_clock_that_is_set_makes_no_position_of_nothing_believed_that_missed_something() {
    for set in [AGE / 4, 2 * AGE] {
        let mut world = World::room_that(Sleep::Always);
        let ann = world.joined(&Joiner::user("ann").expires(BEGIN + 99 * AGE));
        let epoch = world.epoch(ann);
        world.leave(ann);
        world.pause();
        world.keep(1);
        // Set on, and the life ends early; the clock is not set back.
        world.set_clock(world.now() + set);
        world.advance(1);
        let bob = world.joined(&Joiner::user("bob").expires(BEGIN + 99 * AGE).after(&epoch, 0));
        let resume = if set < AGE / 2 { "recovered" } else { "lost" };
        assert_eq!(world.welcome(bob)["resume"], resume);
        assert_eq!(seqs(&world.socket(bob).frames).len(), usize::from(set < AGE / 2));
    }
}
