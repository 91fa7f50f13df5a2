//! Ticks (rule C6).

use super::board::{Board, Number, Room, TICK, TICKED, tick, ticked};
use crate::support::Joiner;
use dormouse::{Calls, Channel, Contract, Event};
use dormouse_core::storage::{RecordKind, Storage as _};
use dormouse_core::testing::{Sleep, World};

fn ticks(world: &mut World<Board>, client: dormouse_core::testing::Client) -> usize {
    world.received(client).iter().filter(|frame| frame["event"] == "ticked").count()
}

#[test]
fn c6_a_channel_ticks_while_somebody_is_here_and_no_longer() {
    for sleep in [Sleep::Never, Sleep::Always] {
        let mut world = World::<Board>::with("board:a", sleep);
        let ann = world.joined("ann");
        world.call(ann, TICK, &Number { n: 1_000 }).unwrap();
        world.received(ann);
        world.advance(10_500);
        assert_eq!(ticks(&mut world, ann), 10);
        world.leave(ann);
        world.advance(100_000);
        let turns = world.turns();
        world.advance(100_000);
        assert_eq!(world.turns(), turns, "an empty channel rests");
        // It goes on with the next who comes.
        let bob = world.joined("bob");
        world.received(bob);
        world.advance(5_500);
        assert_eq!(ticks(&mut world, bob), 5);
        world.call(bob, TICK, &Number { n: 0 }).unwrap();
        world.received(bob);
        world.advance(10_000);
        assert_eq!(ticks(&mut world, bob), 0);
    }
}

#[test]
fn c6_no_channel_ticks_for_those_alone_who_have_yet_to_sign_in() {
    let channel = Channel::sign_in_later().state::<Room>().event(TICKED, Event::ephemeral().from_service());
    let channel = channel.call(TICK, Calls::plain(), tick).on_tick(ticked);
    for sleep in [Sleep::Never, Sleep::Always] {
        let mut world = World::<Board>::under(Contract::new().channel("door:*", channel.clone()), "door:a", sleep);
        let ann = world.joined("ann");
        world.call(ann, TICK, &Number { n: 1_000 }).unwrap();
        world.leave(ann);
        let visitor = world.joined(&Joiner::anonymous());
        world.advance(5_500);
        assert_eq!(world.storage.record(RecordKind::State, "").unwrap(), None, "it has ticked");
        world.send(visitor, serde_json::json!({"type": "auth", "token": Joiner::user("bob").token()}));
        world.advance(5_500);
        assert_eq!(ticks(&mut world, visitor), 5);
    }
}

#[test]
fn c6_ticks_that_fail_can_be_ended_and_begun_anew() {
    let mut world = World::<Board>::with("board:a", Sleep::Never);
    let ann = world.joined("ann");
    world.note_panic("tick");
    for every in [1_000, 1_000, 0] {
        world.call(ann, TICK, &Number { n: every }).unwrap();
        let internal = |world: &World<Board>| world.logs().iter().filter(|line| line.event == "internal").count();
        let before = internal(&world);
        world.advance(5_500);
        assert_eq!(internal(&world) - before, usize::from(every > 0), "it fails once, and rests");
    }
    assert_eq!(world.storage.record(RecordKind::State, "ticks").unwrap(), None);
}

#[test]
fn c6_ticks_go_on_after_a_death() {
    let mut world = World::<Board>::with("board:a", Sleep::Never);
    let ann = world.joined("ann");
    world.call(ann, TICK, &Number { n: 1_000 }).unwrap();
    world.crash();
    let ann = world.joined("ann");
    world.received(ann);
    world.advance(3_500);
    assert_eq!(ticks(&mut world, ann), 3);
}

#[test]
fn c6_no_channel_ticks_faster_than_fifty_times_a_second() {
    let mut world = World::<Board>::with("board:a", Sleep::Never);
    let ann = world.joined("ann");
    world.call(ann, TICK, &Number { n: 1 }).unwrap();
    world.received(ann);
    world.advance(1_000);
    assert!((40..=51).contains(&ticks(&mut world, ann)));
}

#[test]
fn c6_a_tick_that_could_not_read_the_disk_is_not_the_last() {
    let mut world = World::<Board>::with("board:a", Sleep::Never);
    let ann = world.joined("ann");
    world.call(ann, TICK, &Number { n: 1_000 }).unwrap();
    world.received(ann);
    world.advance(1_500);
    assert_eq!(ticks(&mut world, ann), 1);
    world.trouble.read = Some(0);
    world.advance(10_000);
    assert_eq!(ticks(&mut world, ann), 9);
}
