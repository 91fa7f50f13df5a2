//! Dormouse's machines: plain synchronous Rust, no clock, randomness, socket or `async`; time and names come in as
//! arguments, effects go out as values. What a machine may not name is not among this crate's dependencies.
//!
//! # Rooms
//! Each uses those below it and none above.
//!
//! | noun | rooms |
//! | --- | --- |
//! | a world around one channel, for tests | `testing/`, behind the feature of that name |
//! | **Relay**: connections of many channels | [`relay`] |
//! | **Channel**: a hub and its one local edge, event by event; members behind relays (`channel/relays.rs`); when timer and alarm are set (`channel/alarm.rs`) | [`channel`] |
//! | the numbered exchange between a channel and a relay | `link/` |
//! | **Session**: the edge, which holds members and tells each what it hears | `edge/`, [`session`], [`hibernated_session`] |
//! | **Batch**: the hub, which orders, keeps, meters (`hub/rates.rs`), lets go of what is old (`hub/retention.rs`), and hands out lines with an audience | `hub/`, [`history`], [`payer`] |
//! | what an event brings, what is to be done, and what is counted | `context.rs`, `clock.rs`, [`effect`], `meter.rs` |
//! | a token bucket | [`bucket`] |
//! | **Grant**: what a verified token allows | [`grant`] |
//! | **Contract**: what may be said where, how fast and of what type, and how long it is held | [`contract`], [`pattern`] |
//! | the disk | [`storage`] |
//! | the numbers a deployment may set | [`limits`], [`setting`] |
//! | maps and deadlines, and what they cost | [`member_map`], `sorted_vec.rs`, `deadlines.rs`, [`steps`] |
//!
//! The hub knows sessions by their keys alone; the edge never orders. What the hub has for members are lines, what the
//! edge learns are news.
//!
//! # A message's way
//! 1. `crates/dormouse/src/exports.rs`: `web_socket_message` (what the platform calls)
//! 2. `crates/dormouse/src/shell/host.rs`: `message` (the socket's text, with the time, the disk and the links; `channel.rs` beside it hands it to the machine)
//! 3. `crates/dormouse-core/src/channel/mod.rs`: `receive`, `during` (one event, from its beginning to what is to be done)
//! 4. `crates/dormouse-core/src/channel/receive.rs`: `receive`, `read_frame` (size and hard rate, before anything is looked at)
//! 5. `crates/dormouse-protocol/src/request.rs`: `parse_typed`, `parse_in_one_pass` (the text is I-JSON, and becomes requests; the data of a publish is read into its type on the way, by `hub/sayable.rs` and `contract/typed.rs`)
//! 6. `crates/dormouse-core/src/channel/receive.rs`: `handle` (from step 4: one request after the other)
//! 7. `crates/dormouse-core/src/hub/publish.rs`: `publish`, `may_say`, `dedupe_key`, `look_up`, `must_be_newest`, `accept` (the refusals of rule F7 from the event on, the rate by `hub/rates.rs`; its seq, the open batch)
//! 8. `crates/dormouse-core/src/channel/relayed.rs`: `finish`, `settle_relayed` (from step 3: what is for members behind relays goes to those)
//! 9. `crates/dormouse-core/src/channel/event.rs`: `settle` (the event ends)
//! 10. `crates/dormouse-core/src/channel/flush.rs`: `flush_if_due`, `flush_now`, `flush` (whether the batch leaves now or at the end of its window)
//! 11. `crates/dormouse-core/src/hub/flush.rs`: `flush`, `write`, `address` (what is kept is written, then all becomes lines, each with its audience)
//! 12. `crates/dormouse-core/src/hub/history.rs`: `keep`, `append` (one row, or several where one would be too large)
//! 13. `crates/dormouse-core/src/storage/sql/mod.rs`: `append` (from step 12: the row as SQL; `crates/dormouse/src/shell/sql.rs` runs it)
//! 14. `crates/dormouse-core/src/edge/speak.rs`: `speak`, `speak_alone`, `speak_lines`, `speak_to_all`, `speak_to_groups`, `broadcast` (from step 10: one text for all who hear the same)
//! 15. `crates/dormouse/src/shell/host.rs`: `apply`, `apply_one` (from step 2: each effect, in order)
//! 16. `crates/dormouse/src/shell/socket.rs`: `broadcast` (one string to all who hear the same; `sockets.js` sends it)
//!
//! # What is deliberately absent
//! - No `await` between deciding and telling: messages of one socket would overtake each other.
//! - No panic: one resets every object of the isolate. The lints in `Cargo.toml` hold it.
//! - No cache of messages: the history is read from its rows. What lives in memory is rebuilt after sleep.
//! - No hash maps over what strangers choose: ordered maps cannot be flooded, and read the same after sleep.
//! - No waking of everyone: of a crowd that slept, a session is read whole only when it is heard ([`hibernated_session`]).

pub mod bucket;
pub mod channel;
mod clock;
mod context;
pub mod contract;
mod deadlines;
mod edge;
pub mod effect;
pub mod grant;
mod hub;
pub mod limits;
mod link;
pub mod member_map;
mod meter;
pub mod pattern;
pub mod relay;
pub mod setting;
mod sorted_vec;
pub mod steps;
pub mod storage;
#[cfg(feature = "testing")]
pub mod testing;

pub use edge::{hibernated_session, session};
pub use hub::{history, payer};

/// The examples of README.md, tried with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
