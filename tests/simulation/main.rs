//! The seeded simulation (issue "nothing lost, nothing twice, in one order"): reference clients, a network that
//! delays, cuts and duplicates, sleep, crashes and storage trouble anywhere, held against a plain model.
//!
//! One seed is one script. `SEED=17 cargo test --test simulation` plays it alone; `SEEDS=50000` plays more of them.
//! A seed that fails prints its script, made as short as it still fails, to be kept in `found.rs` as a named test.
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

mod ledger;
mod script;
mod sim;
mod watch;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use script::Script;
use sim::Sim;

/// What breaks a rule, in words.
pub type Fault = String;

/// Returns a fault unless something holds.
#[macro_export]
macro_rules! check {
    ($holds:expr, $($fault:tt)*) => {
        if !$holds {
            return Err(format!($($fault)*));
        }
    };
}

fn play(script: &Script) -> Result<(), Fault> {
    Sim::new(script).play(script)
}

/// Plays the script of one seed; one that fails is shortened as long as it fails.
fn play_seed(seed: u64) -> Result<(), String> {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&(seed + 1).to_le_bytes());
    bytes[8..].copy_from_slice(&0x9e37_79b9_7f4a_7c15_u64.to_le_bytes());
    let config = Config { failure_persistence: None, max_shrink_iters: 4_000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::XorShift, &bytes));
    let tree = script::scripts(120).new_tree(&mut runner).unwrap();
    match runner.run_one(tree, |script| play(&script).map_err(TestCaseError::fail)) {
        Ok(_) => Ok(()),
        Err(TestError::Fail(fault, script)) => {
            Err(format!("seed {seed}: {fault}\nSEED={seed} cargo test --test simulation plays it again:\n{script:?}"))
        }
        Err(TestError::Abort(reason)) => Err(format!("seed {seed}: {reason}")),
    }
}

#[test]
fn nothing_is_lost_and_nothing_comes_twice_in_one_order() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seeds = match number("SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SEEDS").unwrap_or(1_000),
    };
    for seed in seeds {
        if let Err(fault) = play_seed(seed) {
            panic!("{fault}");
        }
    }
}
