//! The random numbers of a world: the same for the same seed, and after sleep where they were before.

use std::cell::Cell;

use crate::contract::Chance;

/// SplitMix64 (Steele, Lea and Flood, 2014).
#[derive(Clone, Debug, Default)]
pub(super) struct Seeded(Cell<u64>);

impl Seeded {
    pub(super) const fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }
}

impl Chance for Seeded {
    fn draw(&self) -> u64 {
        let state = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
