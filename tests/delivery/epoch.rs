//! One epoch a life, and who joins in it (rules D3, D5, H1).

use crate::if_seq;
use crate::support::room::contract;
use crate::support::{Joiner, Rooms, Sleep, World, in_room, in_room_both_ways, publish, say, seqs, unmetered};
use serde_json::{Value, json};

#[test]
fn d3_a_join_writes_nothing_and_all_joiners_are_told_one_epoch() {
    in_room(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.pause();
        let bob = world.joined(&Joiner::user("bob"));
        assert_eq!(world.epoch(ann), world.epoch(bob));
        assert_eq!(world.storage.rows().count(), 0);
        assert_eq!(dormouse_core::storage::Storage::rows_written(&world.storage), 0);
    });
}

#[test]
fn d3_the_epoch_is_stored_with_the_first_row_and_outlives_every_session() {
    in_room_both_ways(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.told(ann, say("1", 1));
        world.leave(ann);
        world.pause();
        let bob = world.joined(&Joiner::user("bob"));
        assert_eq!((world.epoch(bob), &world.welcome(bob)["seq"]), (world.epoch(ann), &json!(1)));
    });
}

#[test]
fn d3_the_epoch_outlives_a_crash_once_something_is_kept() {
    let mut world = World::room();
    let ann = world.joined(&Joiner::user("ann"));
    world.told(ann, say("1", 1));
    world.crash();
    let bob = world.joined(&Joiner::user("bob"));
    assert_eq!(world.epoch(bob), world.epoch(ann));
}

#[test]
fn d3_a_message_kept_before_anyone_joins_begins_the_life() {
    in_room_both_ways(|world| {
        world.keep(1);
        world.pause();
        let epoch = world.storage.rows().last().unwrap().epoch().to_string();
        let ann = world.joined(&Joiner::user("ann").after(&epoch, 0));
        assert_eq!(world.epoch(ann), epoch);
        assert_eq!(world.welcome(ann)["resume"], "recovered");
        assert_eq!(world.welcome(ann)["seq"], 1);
    });
}

#[test]
fn d3_a_life_in_which_nothing_was_kept_ends_with_its_last_session() {
    in_room_both_ways(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        let bob = world.joined(&Joiner::user("bob"));
        world.leave(ann);
        world.pause();
        let cat = world.joined(&Joiner::user("cat").after(&world.epoch(ann), 0));
        assert_eq!(world.welcome(cat)["resume"], "recovered");
        world.leave(bob);
        world.leave(cat);
        world.pause();
        let dan = world.joined(&Joiner::user("dan").after(&world.epoch(ann), 0));
        assert_ne!(world.epoch(dan), world.epoch(ann));
        assert_eq!(world.welcome(dan)["resume"], "recovered", "and nothing of it was missed (D4)");
    });
}

#[test]
fn d3_a_post_that_keeps_nothing_begins_no_life() {
    in_room(|world| {
        world.post(&unmetered("ann"), json!({"event": "wave", "data": 1}));
        world.post(&unmetered("ann"), json!({"event": "sing", "data": 1}));
        world.pause();
        let bob = world.joined(&Joiner::user("bob"));
        assert!(world.epoch(bob).starts_with("e3-"));
    });
}

#[test]
fn d3_while_a_broken_member_may_come_back_the_life_goes_on() {
    in_room_both_ways(|world| {
        let ann = world.joined(&Joiner::user("ann"));
        world.cut(ann);
        world.advance(9_000);
        let again = world.joined(&Joiner::user("ann").after(&world.epoch(ann), 0));
        assert_eq!(world.welcome(again)["resume"], "recovered");
        assert_eq!(world.epoch(again), world.epoch(ann));
    });
}

#[test]
fn d3_a_broken_member_carries_the_life_through_sleep() {
    let mut world = World::room();
    let ann = world.joined(&Joiner::user("ann"));
    world.cut(ann);
    world.drain();
    world.sleep();
    let again = world.joined(&Joiner::user("ann").after(&world.epoch(ann), 0));
    assert_eq!(world.welcome(again)["resume"], "recovered");
}

#[test]
fn d5_who_joins_while_a_batch_is_open_hears_all_of_it_once() {
    in_room_both_ways(|world| {
        let ann = world.joined(&unmetered("ann"));
        world.pause();
        for number in 1..=5 {
            world.send(ann, say(&number.to_string(), number));
        }
        let epoch = world.epoch(ann);
        let bob = world.join(&Joiner::user("bob").after(&epoch, 0));
        world.drain();
        let heard = world.received(bob);
        assert_eq!(
            (&heard[0]["type"], &heard[0]["seq"], &heard[0]["resume"]),
            (&json!("welcome"), &json!(1), &json!("recovered"))
        );
        assert_eq!(seqs(&heard), [1, 2, 3, 4, 5]);
    });
}

#[test]
fn h1_a_long_exchange_reads_the_same_whether_or_not_the_channel_slept() {
    let mut slept = World::under(contract(), "room:a", Sleep::Always);
    exchange(&mut slept);
    assert!(slept.wakes() > 10, "it woke {} times", slept.wakes());
    in_room_both_ways(exchange);
}

fn exchange(world: &mut World) {
    let ann = world.joined(&Joiner::user("ann").info(json!({"name": "Ann"})));
    for round in 0..12 {
        let bob = world.join(&Joiner::user("bob").after(&world.epoch(ann), round));
        world.pause();
        world.told(bob, json!([say(&format!("{round}"), round), publish("wave", "w", round), bad()]));
        world.told(ann, json!([say("same", 0), if_seq("x", round), {"type": "history", "limit": 3}]));
        world.pause();
        world.leave(bob);
        world.post(&Joiner::user("cat"), json!([{"event": "say", "id": format!("{round}"), "data": round}]));
        world.pause();
    }
}

fn bad() -> Value {
    json!({"type": "publish", "id": "bad"})
}
