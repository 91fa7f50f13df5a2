//! Random scripts: whatever comes and goes, everybody ends with the true list, everything due happens when it is due,
//! and nobody can tell whether the channel slept (rules P2, P3, P4, A7, D3, D9, H1, H2).
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

#[path = "../support/mod.rs"]
mod support;

mod heard;
mod life;
mod step;
mod truth;

use dormouse_protocol::name::Millis;
use proptest::prelude::*;
use proptest::test_runner::Config;
use serde_json::Value;
use step::{Back, Granted, Step, step};
use support::Sleep;
use support::relayed::assert_same_heard;
use truth::Truth;

const GRACE: Millis = 10_000;
const SIGN_IN: Millis = 10_000;
const AGE: Millis = 30_000;

/// How often an alarm looks whether somebody is still there, where messages are held no longer than that.
const LOOK: Millis = 86_400_000 + 60_000;
/// A list has at most so many, and comes back at so many.
const LIST: usize = 4;
const LIST_BACK: usize = 2;

fn transcript(steps: &[Step], sleep: Sleep, strict: bool) -> Vec<Vec<Value>> {
    let mut truth = Truth::new(sleep, strict);
    truth.play(steps);
    truth.world.transcript()
}

fn config() -> Config {
    Config { failure_persistence: None, ..Config::default() }
}

/// Found by `d9_whatever_happens…`: the last change of one that was shown a list without itself was told to nobody.
#[test]
fn p2_who_was_shown_a_list_without_itself_is_told_when_it_is_on_it_again_as_before() {
    let joins = |presence, back| Step::Join { user: 3, grant: Granted { presence, info: 0 }, back };
    let shows = |who| Step::Show { who, data: Some(2) };
    let told = Step::Pass { millis: 500 };
    // A window is open, so that all that comes after falls into one batch.
    let other = Step::Join { user: 0, grant: Granted { presence: true, info: 0 }, back: Back::None };
    let again = [joins(false, Back::Own), joins(true, Back::Own), shows(1)];
    let steps = [&[joins(true, Back::None), shows(0), told, other], &again[..]].concat();
    for sleep in [Sleep::Never, Sleep::Always] {
        transcript(&steps, sleep, false);
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn p2_each_change_is_told_once_and_everybody_ends_with_the_true_list(
        steps in prop::collection::vec(step(), 1..40)
    ) {
        transcript(&steps, Sleep::Never, true);
    }

    #[test]
    fn p2_whatever_falls_into_one_batch_everybody_ends_with_the_true_list(
        steps in prop::collection::vec(step(), 1..40)
    ) {
        transcript(&steps, Sleep::Never, false);
    }

    #[test]
    fn h1_whatever_happens_is_told_the_same_asleep_or_not(
        steps in prop::collection::vec(step().prop_filter("a crash is no sleep", |step| !matches!(step, Step::Crash)), 1..40)
    ) {
        let awake = transcript(&steps, Sleep::Never, false);
        prop_assert_eq!(&awake, &transcript(&steps, Sleep::Always, false));
        prop_assert_eq!(&awake, &transcript(&steps, Sleep::Headless, false));
    }

    #[test]
    fn m5_whatever_happens_is_told_the_same_directly_and_through_a_relay(
        steps in prop::collection::vec(step().prop_filter("a crash is a failure", |step| !matches!(step, Step::Crash)), 1..40)
    ) {
        for sleep in [Sleep::Never, Sleep::Always] {
            let (mut direct, mut relayed) = (Truth::new(sleep, false), Truth::new(sleep, false).through_relay());
            direct.play(&steps);
            relayed.play(&steps);
            assert_same_heard(&direct.world, &relayed.world);
        }
    }

    #[test]
    fn d9_whatever_happens_what_is_due_happens_when_it_is_due_through_sleep_and_crashes(
        steps in prop::collection::vec(step(), 1..60)
    ) {
        transcript(&steps, Sleep::Always, false);
    }
}
