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

use std::collections::BTreeMap;
use std::num::NonZero;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

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

/// Plays one script to its end; what panics on the way is a fault too.
fn play(script: &Script) -> Result<(), Fault> {
    Sim::new(script).play(script)
}

/// Seeds played where the environment says nothing: thousands in well under a minute on two cores.
const SEEDS: u64 = 8_000;

/// The most happenings of a script.
const OPS: usize = 120;

/// Plays the script of one seed; one that fails is shortened as long as it fails, if that is wanted.
fn play_seed(seed: u64, shrinks: bool) -> Result<(), Fault> {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&(seed + 1).to_le_bytes());
    bytes[8..].copy_from_slice(&0x9e37_79b9_7f4a_7c15_u64.to_le_bytes());
    let max_shrink_iters = if shrinks { 4_000 } else { 0 };
    let config = Config { failure_persistence: None, max_shrink_iters, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::XorShift, &bytes));
    let tree = script::scripts(OPS).new_tree(&mut runner).unwrap();
    match runner.run_one(tree, |script| play(&script).map_err(TestCaseError::fail)) {
        Ok(_) => Ok(()),
        Err(TestError::Fail(fault, script)) => {
            Err(format!("seed {seed}: {fault}\nSEED={seed} cargo test --test simulation plays it again:\n{script:?}"))
        }
        Err(TestError::Abort(reason)) => Err(format!("seed {seed}: {reason}")),
    }
}

/// Plays seeds on every core, each core the next that nobody plays yet, until enough have failed.
fn play_seeds(seeds: Range<u64>, enough: usize) -> BTreeMap<u64, Fault> {
    let (next, faults) = (AtomicU64::new(seeds.start), Mutex::new(BTreeMap::new()));
    let core = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= seeds.end || faults.lock().unwrap().len() >= enough {
            return;
        }
        if let Err(fault) = play_seed(seed, enough == 1) {
            faults.lock().unwrap().insert(seed, fault);
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(core))));
    faults.into_inner().unwrap()
}

fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

#[test]
fn nothing_is_lost_and_nothing_comes_twice_in_one_order() {
    let seeds = match asked("SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..asked("SEEDS").unwrap_or(SEEDS),
    };
    // `COUNT=1` tells how many seeds fail instead of how the first does.
    let faults = play_seeds(seeds, if asked("COUNT").is_some() { usize::MAX } else { 1 });
    let Some((_, first)) = faults.first_key_value() else { return };
    let (count, seeds) = (faults.len(), faults.keys().take(20).collect::<Vec<_>>());
    let kinds = kinds(&faults);
    panic!("{count} seeds fail: {seeds:?}: {kinds:?}\n{first}");
}

/// How many faults begin with each rule.
fn kinds(faults: &BTreeMap<u64, Fault>) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for fault in faults.values() {
        let rule = fault.split(": ").nth(1).unwrap_or_default().to_owned();
        *kinds.entry(rule).or_default() += 1;
    }
    kinds
}
