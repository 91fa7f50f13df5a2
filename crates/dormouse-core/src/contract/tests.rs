//! The contract as a whole; what belongs to one file alone is tested there.
#![expect(clippy::arithmetic_side_effects, clippy::float_cmp, reason = "a test that overflows fails, as it should")]

mod app;
mod builders;
mod check;
mod data;
mod describe;
mod drawing;
mod one_pass;
