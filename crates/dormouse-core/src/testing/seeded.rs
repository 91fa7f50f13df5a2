//! The random numbers of a world: the same for the same seed, and after sleep where they were before.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use crate::contract::Surroundings;

/// SplitMix64 (Steele, Lea and Flood, 2014).
#[derive(Clone, Debug, Default)]
pub(super) struct Seeded {
    state: Cell<u64>,
    panicked: RefCell<BTreeSet<String>>,
}

impl Seeded {
    pub(super) fn new(seed: u64) -> Self {
        Self { state: Cell::new(seed), ..Self::default() }
    }

    /// The code is known to have panicked over this request.
    pub(super) fn note_panic(&self, request: &str) {
        self.panicked.borrow_mut().insert(request.to_owned());
    }
}

impl Surroundings for Seeded {
    fn draw(&self) -> u64 {
        let state = self.state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.state.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn begins(&self, request: &str, _: Option<u32>) -> bool {
        !self.panicked.borrow().contains(request)
    }

    fn ended(&self) {}
}
