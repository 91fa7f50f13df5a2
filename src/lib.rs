//! Dormouse: a realtime channel service for Cloudflare Workers.

pub mod app;
pub mod auth;
pub mod batch;
#[cfg(feature = "bench")]
pub mod bench;
pub mod channel;
pub mod config;
pub mod contract;
pub mod door;
pub mod effect;
pub mod error;
pub mod history;
pub mod limits;
pub mod name;
pub mod pattern;
pub mod policy;
pub mod presence;
pub mod protocol;
pub mod roster;
pub mod session;
pub mod storage;

#[cfg(target_arch = "wasm32")]
mod shell;
