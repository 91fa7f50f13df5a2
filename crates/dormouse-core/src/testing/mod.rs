//! Tests of a contract without a network: a [`World`] is one channel with all that is around it, in memory.
//!
//! Sockets are lists of frames, the clock moves when a test moves it, the disk is a [`MemoryStorage`], and the channel
//! sleeps wherever the platform could put it to sleep. What runs is the machine that the deployed service runs.
//! Everything here panics where a test should fail, so it is behind the feature `testing`, for tests alone.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod answers;
mod attachment;
mod joiner;
mod record;
mod relay;
mod seeded;
mod sleep;
mod socket;
mod sockets;
mod tokens;
mod told;
mod trouble;
mod troubled;
mod virtual_clock;
mod world;

pub use answers::answers;
pub use attachment::v8_bytes;
pub use joiner::{AsJoiner, Joiner};
pub use record::HttpAnswer;
pub use sleep::{Sleep, assert_same_asleep, assert_same_asleep_in};
pub use socket::{Client, Socket};
pub use told::told;
pub use trouble::{Doom, Trouble};
pub use virtual_clock::{BEGIN, QUIET};
pub use world::World;

// What a world is told and answers in.
pub use crate::channel::{HttpOperation, Unreadable};
pub use crate::effect::{AskerKey, LogLine, Subscription};
pub use crate::limits::Limits;
pub use crate::storage::{Damage, DisconnectGrace, MemoryStorage, StorageError};
pub use dormouse_protocol::name::Millis;
