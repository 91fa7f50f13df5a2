//! Dormouse: a realtime channel service for Cloudflare Workers.

pub mod effect;
pub mod error;
pub mod name;
pub mod pattern;
pub mod storage;
