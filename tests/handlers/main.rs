//! Rules C1 to C8: the application's own code in a channel, played in memory, asleep wherever the platform could.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../support/mod.rs"]
mod support;

mod calls;
mod judged;
mod timers;
