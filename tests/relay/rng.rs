//! Chance by a seed: SplitMix64 (Steele, Lea and Flood, 2014).

use std::cell::Cell;

use dormouse_core::contract::Surroundings;

#[derive(Debug)]
pub struct Rng(Cell<u64>);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    pub fn below(&self, most: u64) -> u64 {
        self.draw() % most
    }

    pub fn chance(&self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

impl Surroundings for Rng {
    fn draw(&self) -> u64 {
        let state = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn begins(&self, _: &str, _: Option<u32>) -> bool {
        true
    }

    fn ended(&self) {}
}
