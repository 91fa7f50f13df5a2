//! Dormouse: a realtime channel service for Cloudflare Workers.

pub mod app;
#[cfg(feature = "bench")]
pub mod bench;
pub mod contract;
pub mod effect;
pub mod error;
pub mod name;
pub mod pattern;
pub mod storage;
