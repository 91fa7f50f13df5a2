//! Dormouse: a realtime channel service for Cloudflare Workers. One hibernating Durable Object is one channel.
//!
//! # Layout
//! Everything outside `shell/` is a pure machine: plain synchronous Rust, no clock, randomness, socket or `async`; time
//! and names come in as arguments, effects go out as values. It compiles and is tested natively. `shell/` is the only
//! place that names the platform, and it decides nothing: load, ask the machine, apply.
//!
//! | noun | modules |
//! | --- | --- |
//! | **Contract**: what may be said where | [`app`] (yours), [`contract`], [`pattern`] |
//! | **Grant**: what a verified token allows | [`auth`], [`policy`] |
//! | **Frame**: a request, or an event | [`protocol`], [`error`], [`name`] |
//! | **Channel**: order, history, members | [`channel`], [`history`], [`presence`], [`roster`], [`departures`], [`deadlines`], [`clock`], [`storage`] |
//! | **Session**: one member, apart from the link that carries it | [`session`], [`sleeper`], [`sleepers`], [`limits`], [`places`] |
//! | **Batch**: frames that leave together | [`batch`], [`effect`] |
//! | the way in, before a channel is woken | [`door`], [`config`] |
//! | maps that are small in wasm, and what they cost | [`few`], [`sorted`], [`steps`] |
//!
//! # A message's way
//! `shell/object.rs` hands the text, the session and the time to [`channel::Channel::receive`]; `channel/publish.rs`
//! judges it, all refusals first, reserves its seq and puts it into the open batch; `channel/flush.rs` writes the batch
//! as one row and turns it into effects; `shell/host.rs` applies them in order; `shell/socket.rs` sends one JS string
//! to all.
//!
//! # What is deliberately absent
//! - No `await` between deciding and telling: messages of one socket would overtake each other.
//! - No panic: one resets every object of the isolate. The lints in `Cargo.toml` hold it.
//! - No cache of messages: the history is read from its rows. What lives in memory is rebuilt after sleep.
//! - No hash maps over what strangers choose: ordered maps cannot be flooded, and read the same after sleep.
//! - No waking of everyone: of a crowd that slept, a session is read whole only when it is heard ([`sleeper`]).

pub mod app;
pub mod auth;
pub mod batch;
#[cfg(feature = "bench")]
pub mod bench;
pub mod channel;
pub mod clock;
pub mod config;
pub mod contract;
pub mod deadlines;
pub mod departures;
pub mod door;
pub mod effect;
pub mod error;
pub mod few;
pub mod history;
pub mod limits;
pub mod name;
pub mod pattern;
pub mod places;
pub mod policy;
pub mod presence;
pub mod protocol;
pub mod roster;
pub mod session;
pub mod sleeper;
pub mod sleepers;
pub mod sorted;
pub mod steps;
pub mod storage;

#[cfg(target_arch = "wasm32")]
mod shell;
