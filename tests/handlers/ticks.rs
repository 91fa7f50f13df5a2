//! Ticks (rule C6).

use super::board::{Board, Number, TICK};
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
