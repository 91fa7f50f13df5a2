//! Members behind relays: whatever becomes of the exchange between channels and relays, of their memory and of their
//! sockets, nothing is lost, nothing comes twice, and everybody ends at the head (rules M2 to M6, D1 to D8).
//!
//! A script is what clients do and which object loses its memory when; which call is lost, which answer, and how long each
//! takes comes of its seed. After it all goes well for a while; then everything must be as it should.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
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

mod client;
mod node;
mod rng;
mod rules;
mod world;

use proptest::prelude::*;
use proptest::test_runner::Config;
use world::{Faults, World};

/// One thing that happens. Numbers choose among whoever there is.
#[derive(Clone, Debug)]
enum Step {
    /// A client connects to a relay, as one of three users.
    Connect {
        relay: u8,
        user: u8,
    },
    /// A client joins a channel without a relay.
    ConnectDirect {
        channel: u8,
        user: u8,
    },
    Join {
        client: u8,
        channel: u8,
    },
    Leave {
        client: u8,
        channel: u8,
    },
    /// Says something that is kept, or that is not.
    Say {
        client: u8,
        channel: u8,
        kept: bool,
    },
    /// Shows something on the list of members, or leaves it.
    Show {
        client: u8,
        channel: u8,
        shown: bool,
    },
    /// The connection ends: in order, or it breaks.
    Break {
        client: u8,
        clean: bool,
    },
    /// An object loses its memory and its sockets: now, or in its next turn after so many of its effects.
    Kill {
        channel: bool,
        which: u8,
        after: Option<u8>,
    },
    Pass {
        millis: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let who = any::<u8>;
    let pass = prop_oneof![4 => 0..50_u64, 3 => 100..2_000_u64, 2 => 9_000..30_000_u64, 1 => 60_000..90_000_u64];
    prop_oneof![
        3 => (who(), who()).prop_map(|(relay, user)| Step::Connect { relay, user }),
        1 => (who(), who()).prop_map(|(channel, user)| Step::ConnectDirect { channel, user }),
        6 => (who(), who()).prop_map(|(client, channel)| Step::Join { client, channel }),
        1 => (who(), who()).prop_map(|(client, channel)| Step::Leave { client, channel }),
        9 => (who(), who(), prop::bool::weighted(0.8)).prop_map(|(client, channel, kept)| Step::Say { client, channel, kept }),
        2 => (who(), who(), any::<bool>()).prop_map(|(client, channel, shown)| Step::Show { client, channel, shown }),
        1 => (who(), any::<bool>()).prop_map(|(client, clean)| Step::Break { client, clean }),
        1 => (any::<bool>(), who(), prop::option::of(0..6_u8)).prop_map(|(channel, which, after)| Step::Kill { channel, which, after }),
        6 => pass.prop_map(|millis| Step::Pass { millis }),
    ]
}

fn play(steps: &[Step], seed: u64, faults: Faults) -> World {
    let mut world = World::new(seed, faults);
    for step in steps {
        world.step(step);
    }
    world.heal();
    world
}

fn config() -> Config {
    Config { failure_persistence: None, cases: 5_000, max_shrink_iters: 4_000, ..Config::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn m5_whatever_fails_nothing_is_lost_or_comes_twice_and_everybody_ends_at_the_head(
        steps in prop::collection::vec(step(), 1..50), seed in any::<u64>(),
    ) {
        play(&steps, seed, Faults::ALL).check();
    }

    #[test]
    fn m5_without_failures_nobody_is_told_to_come_back_and_a_publishers_order_holds(
        steps in prop::collection::vec(step().prop_filter("a kill is a failure", |step| !matches!(step, Step::Kill { .. })), 1..50),
        seed in any::<u64>(),
    ) {
        let world = play(&steps, seed, Faults::NONE);
        world.check();
        world.check_calm();
    }

    #[test]
    fn m5_only_calls_are_lost_and_nobody_notices_but_by_the_time_it_takes(
        steps in prop::collection::vec(step().prop_filter("a kill is another failure", |step| !matches!(step, Step::Kill { .. })), 1..40),
        seed in any::<u64>(),
    ) {
        play(&steps, seed, Faults::CALLS).check();
    }
}
