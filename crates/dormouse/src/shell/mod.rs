//! The shell: the only place that names `worker`, JavaScript or the platform. It decides nothing: it loads, asks the
//! machine (or the door), and applies.
//!
//! A request: [`entry`] → the door → [`serve`] → the machine. A frame: the object of [`object!`](crate::object) →
//! [`host`] → its [`guest`], [`channel`] or [`relay`] → the machine → [`host`] → [`socket`]. A call of another object:
//! [`exchange`] → the machine.
//!
//! # What of the platform is leaned on
//!
//! Each with its source; "tried" is on workerd 1.20261117.1, and the end-to-end tests try it again.
//!
//! - A handler without an `await` is atomic; two messages of one socket interleave at one (tried). So the handlers of
//!   sockets, timer and alarm are synchronous to the bottom: [`host`].
//! - What is written in one turn is durable together, and nothing sent in it leaves before (the output gate:
//!   developers.cloudflare.com/durable-objects/reference/in-memory-state; workerd, `api/web-socket.c++`). So nothing
//!   waits for a write, `setAlarm` included: [`sql`], [`host`].
//! - A panic takes down every object of the isolate (worker-build 0.8.7, `js/shim.js`), and an exception that crosses a
//!   binding without `catch` leaves its object in the middle of a turn for good. So every binding of ours has `catch`
//!   (a test of the scripts reads them), no call that unwraps is used, and a cell is borrowed with `try_`.
//! - An object that was let go of is freed when it is collected, outside of every event: timers, I/O and randomness throw
//!   there (tried), and what throws there leaves wasm's stack where it was. So nothing that runs on `Drop` calls the
//!   platform: [`timer`].
//! - After such an end the shim constructs each object anew with its old context (the same file), and a constructor
//!   that fails drops every socket of the object (workerd, `api/web-socket.c++`). So the constructor does nothing;
//!   state is loaded by the first event: [`host`].
//! - Objects sleep after ten seconds without an event and without a timer; sockets, their attachments and the automatic
//!   answer to `ping` outlive that, and are all that does
//!   (developers.cloudflare.com/durable-objects/best-practices/websockets; tried): [`socket`], [`host`].
//! - `ctx.id.name` tells the name an object was found by, in alarms too (workers-rs, `State::id`; tried).
//! - A closure per setting would leak, and a pending one is rejected after a reset (worker-build, `js/shim.js`). So
//!   there is one closure an object: [`timer`].
//! - A socket accepted for hibernation ends at once only when it is closed from inside its own event; from anywhere
//!   else the client waits until the object sleeps. One accepted by `accept` ends at once from anywhere (both tried).
//!   But that one keeps an object awake for as long as its client does not close it (tried). So a join that the object
//!   refuses is answered plainly, and the Worker accepts its socket and closes it: [`serve`], [`http`].
//! - A close must be answered with `close` (tried, whatever the documentation of `web_socket_auto_reply_to_close`
//!   says), and the codes 1004 to 1006 and 1015 may not be sent (RFC 6455, section 7.4.1): [`host`].
//! - What an object was in the middle of is known on JavaScript's side alone then: [`memory`], and `code.js` for whoever
//!   waits.
//! - An object is awake as long as a timer of it runs, also one that nobody waits for: `AbortSignal.timeout` cannot be
//!   stopped, and held an object for the ten seconds that a call may take (tried). A call that is never answered holds both
//!   ends (tried): [`exchange`].
//! - A stub that has thrown is dead, and nothing orders the calls of two
//!   (developers.cloudflare.com/durable-objects/best-practices/error-handling). So each call has a stub of its own, and
//!   what has an order is numbered by the machines. A call, and its answer, waits for what was written before it, by the
//!   same gate as a socket's: [`exchange`].
//! - A request without a body can be handed to one object after the other (tried): [`entry`].
//! - A message may have 32 MiB, wasm's memory never shrinks, and the `worker` crate copies each message before anyone
//!   sees it. So the handlers of sockets are exports of our own that look at the length first: [`host`].
//! - Text frames that are no UTF-8 come with U+FFFD in place of what cannot be decoded (tried). What cannot be seen
//!   cannot be refused; lone surrogates, which a Worker's own socket can send, are: [`host`].
//! - Each call of JavaScript costs, and each socket handed to wasm takes a slot of its table. So one broadcast is one
//!   call with one string: [`socket`].
//! - Whole numbers cross as doubles, and SQLite's columns of integers take them back as what they were (tried):
//!   [`sql`].
//! - Rate limiters count by location and tell only yes or no
//!   (developers.cloudflare.com/workers/runtime-apis/bindings/rate-limit): [`entry`].

mod channel;
mod channel_requests;
mod clock;
mod code;
mod entry;
mod env;
mod exchange;
mod guest;
mod host;
mod http;
mod jobs;
mod log;
mod memory;
mod random;
mod relay;
mod serve;
mod socket;
mod sql;
mod stub;
mod timer;
mod trouble;
mod waiting;

pub use channel::Channel;
pub use entry::{fetch, fetch_raw};
pub use host::Host;
pub use relay::Relay;
