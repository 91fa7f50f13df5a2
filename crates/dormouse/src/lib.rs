#![doc = include_str!("../README.md")]

pub mod config;
pub mod door;
mod exports;
#[cfg(target_arch = "wasm32")]
mod shell;

pub use dormouse_core::contract::{
    Ability, Application, Channel, Contract, Event, HOUR, HistoryBounds, Json, KIB, MIB, Misfit, Mistake, Payload,
    Presence,
};
#[cfg(target_arch = "wasm32")]
pub use shell::fetch;

/// What the macros expand to; no part of the interface.
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod __rt {
    pub use wasm_bindgen;
    pub use worker::Env;
    pub use worker::web_sys::{Request, WebSocket};
    pub use worker::worker_sys::DurableObjectState;

    pub use crate::shell::{Host, fetch_raw};
}
