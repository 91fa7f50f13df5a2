//! A clock that is set gives nothing, and costs at most what it was set by (rules R5, R6, D10).
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

use dormouse_core::limits::Limits;
use dormouse_protocol::name::Millis;
use proptest::prelude::*;
use serde_json::{Value, json};
use support::room::config;
use support::{Client, Joiner, Rooms, Sleep, World, publish, say};

const HOUR: Millis = 3_600_000;

fn accepted(world: &mut World, client: Client, frame: Value) -> bool {
    let told = world.told(client, frame);
    let refused = told.iter().any(|frame| frame["code"] == "rate_limited");
    assert!(refused || told.iter().any(|frame| frame["type"] != "error"), "{told:?}");
    !refused
}

/// A step back by a millisecond once emptied everybody's rates: 150 of 150 came through.
#[test]
fn r5_a_clock_set_back_before_each_message_gives_no_message_more() {
    for step in [1, 3, HOUR] {
        let mut world = World::room();
        world.limits.refusals_in_a_row = 1_000;
        let ann = world.joined(&Joiner::user("ann"));
        let passed = (0..150).filter(|number| {
            world.set_clock(world.now() - step);
            accepted(&mut world, ann, say(&number.to_string(), *number))
        });
        assert_eq!(passed.count(), 30, "of the burst of 30, at steps of {step} ms");
    }
}

#[test]
fn d10_a_clock_set_back_pays_no_debt_of_replays() {
    let mut world = World::room();
    world.limits = Limits { replay_bytes_per_second: 4_096, replay_burst_bytes: 4_096, ..Limits::default() };
    world.keep(100);
    let ann = world.joined(&Joiner::user("ann"));
    let page = json!({"type": "history", "id": "h", "limit": 100});
    assert!(accepted(&mut world, ann, page.clone()));
    world.refuses(ann, page.clone(), "rate_limited");
    world.set_clock(world.now() - 1);
    let refusal = world.refuses(ann, page.clone(), "rate_limited");
    world.advance(refusal["retry_after"].as_u64().unwrap());
    assert!(accepted(&mut world, ann, page));
}

fn pause() -> impl Strategy<Value = Millis> {
    prop_oneof![8 => Just(0), 2 => 1_u64..60, 1 => 60_u64..300]
}

proptest! {
    #![proptest_config(config(64))]

    /// What passes is what the rate allows in the time that went on or was set on; and whoever waits as long as it was
    /// told, and as long as the clock was set back, passes.
    #[test]
    fn r5_rates_hold_however_the_clock_is_set(
        steps in prop::collection::vec((pause(), prop::option::weighted(0.4, -90_000_i64..200)), 60..160),
    ) {
        let mut world = World::room();
        let ann = world.joined(&Joiner::user("ann"));
        let (mut passed, mut forwards) = (0_u64, 0_u64);
        for (number, (pause, set)) in steps.into_iter().enumerate() {
            world.advance(pause);
            forwards += pause;
            let back = set.map_or(0, |set| {
                world.set_clock(world.now().saturating_add_signed(set));
                forwards += u64::try_from(set).unwrap_or(0);
                u64::try_from(-set).unwrap_or(0)
            });
            let told = world.told(ann, publish("say", &number.to_string(), 1));
            let Some(refusal) = told.iter().find(|frame| frame["type"] == "error") else {
                passed += 1;
                continue;
            };
            let wait = refusal["retry_after"].as_u64().unwrap();
            prop_assert!(wait <= 100, "a rate of ten a second: {}", refusal);
            world.set_clock(world.now() - back);
            world.advance(back + wait);
            forwards += back + wait;
            passed += 1;
            prop_assert!(accepted(&mut world, ann, publish("say", &format!("{number}b"), 1)), "it waited");
        }
        prop_assert!(passed <= 30 + forwards / 100 + 1, "{passed} in {forwards} ms");
    }
}

#[test]
fn r6_a_clock_set_back_hides_nobody_who_does_not_read() {
    let mut world = World::room();
    let (ann, bob) = (world.joined(&Joiner::user("ann")), world.joined(&Joiner::user("bob")));
    world.told(ann, say("1", 1));
    world.set_clock(world.now() - HOUR);
    world.told(ann, say("2", 2));
    world.advance(1_000);
    world.socket_mut(bob).unsent = 1_048_577;
    world.told(ann, say("3", 3));
    assert_eq!(world.received(bob).last().unwrap()["code"], 4102);
}

/// When silent members were looked for last is remembered through sleep, and may then lie in the future.
#[test]
fn r6_a_clock_set_back_in_sleep_hides_nobody_who_fell_silent() {
    for sleep in [Sleep::Never, Sleep::Always] {
        let mut world = World::room_that(sleep);
        let ann = world.joined(&Joiner::user("ann"));
        world.advance(61_000);
        world.told(ann, json!([]));
        world.pause();
        world.set_clock(world.now() - HOUR);
        let bob = world.joined(&Joiner::user("bob"));
        world.ping(bob);
        for _ in 0..3 {
            world.advance(61_000);
            world.told(ann, json!([]));
        }
        assert_eq!(world.received(bob).last().unwrap_or(&Value::Null)["code"], 4201, "{sleep:?}");
    }
}

/// One that was heard before the clock was set back is heard anew by the clock that is.
#[test]
fn r6_one_heard_before_the_clock_was_set_back_falls_silent_all_the_same() {
    let mut world = World::room();
    let (ann, bob) = (world.joined(&Joiner::user("ann")), world.joined(&Joiner::user("bob")));
    world.told(bob, json!([]));
    world.set_clock(world.now() - HOUR);
    world.told(bob, json!([]));
    world.ping(bob);
    for _ in 0..3 {
        world.advance(61_000);
        world.told(ann, json!([]));
    }
    assert_eq!(world.received(bob).last().unwrap_or(&Value::Null)["code"], 4201);
}
