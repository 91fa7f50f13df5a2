#![doc = include_str!("../README.md")]

pub mod config;
#[doc(hidden)]
pub mod door;
mod exports;
#[cfg(target_arch = "wasm32")]
mod shell;

#[doc = include_str!("../docs/contract.md")]
pub use dormouse_core::contract::Contract;
#[doc = include_str!("../docs/handlers.md")]
pub use dormouse_core::contract::State;
pub use dormouse_core::contract::{
    Ability, Anonymous, Application, BindingCall, Call, Calls, Channel, Event, HOUR, HistoryBounds, HttpCall, Job,
    JobFailed, Json, KIB, MIB, Misfit, Mistake, Names, Never, Payload, Presence, Reasons, Refused, Rows, Said, Timer,
    To, Turn, Verdict, Who,
};
/// Makes a struct or an enum what another server or a binding answers a job (rule C7): what is not named in it is passed
/// over, so that others may say more tomorrow; a field that may be missing is an `Option`.
///
/// ```
/// use dormouse::answer;
///
/// #[answer]
/// struct Scored {
///     points: u64,
///     label: Option<String>,
/// }
/// ```
pub use dormouse_macros::answer;
#[doc = include_str!("../docs/payloads.md")]
pub use dormouse_macros::payload;
/// Makes an enum the reasons for which an application's handlers refuse something (rule C4): each variant is a reason, told
/// by its name in snake case, and its doc comment is what the sender reads.
///
/// ```
/// use dormouse::{Reasons, reasons};
///
/// #[reasons]
/// enum No {
///     /// You are muted for a minute.
///     Muted,
///     NotStaff,
/// }
///
/// assert_eq!(No::ALL.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["muted", "not_staff"]);
/// ```
pub use dormouse_macros::reasons;
/// Makes a struct or an enum the state that an application's handlers keep: it is cloned, begins as its default, is written
/// as JSON, and reads what the release before and the one after have written. A field that is new gets its default, one that
/// is unknown is passed over.
///
/// ```
/// use dormouse::state;
///
/// #[state]
/// struct Room {
///     topic: String,
///     count: u64,
/// }
///
/// assert_eq!(Room::default().count, 0);
/// ```
pub use dormouse_macros::state;

/// Tests of an application without a network or a clock, behind the feature `testing`:
///
/// ```toml
/// [dev-dependencies]
/// dormouse = { version = "0.2", features = ["testing"] }
/// serde_json = "1"
/// ```
///
/// ```
/// use dormouse::testing::{Joiner, World};
/// use dormouse::{Application, Channel, Contract, Event, Json};
/// use serde_json::json;
///
/// struct App;
///
/// impl Application for App {
///     fn contract() -> Contract {
///         Contract::new().channel("chat:*", Channel::with_token().event::<Json>("say", Event::kept()))
///     }
/// }
///
/// let mut world = World::<App>::new("chat:1");
/// let ann = world.joined("ann");
/// let bob = world.joined("bob");
///
/// // Everybody hears what is said; to its author it is the answer.
/// let id = world.publish(ann, "say", "Hello.");
/// let heard = world.receives(bob);
/// assert_eq!((&heard["seq"], &heard["from"]["user"], &heard["data"]), (&json!(1), &json!("ann"), &json!("Hello.")));
/// assert_eq!(world.receives(ann)["id"], id);
///
/// // What the contract does not know is refused, and nobody hears of it.
/// world.publish(bob, "shout", "HELLO.");
/// world.assert_refused(bob, "unknown_event");
/// world.refute_received(ann);
///
/// // A channel that sleeps has lost its memory; its sockets stay open, and nobody can tell.
/// world.sleep();
/// world.publish(bob, "say", "Good morning.");
/// assert_eq!(world.receives(ann)["data"], "Good morning.");
///
/// // Whose connection breaks is told what was missed when it comes back.
/// let (epoch, seq) = world.position(ann).unwrap();
/// world.cut(ann);
/// world.publish(bob, "say", "Are you there?");
/// let back = world.join(&Joiner::user("ann").after(&epoch, seq));
/// let frames = world.received(back);
/// assert_eq!((&frames[0]["type"], &frames[0]["resume"]), (&json!("welcome"), &json!("recovered")));
/// assert_eq!(frames[1]["data"], "Are you there?");
/// ```
///
/// [`World::with`](testing::World::with) makes one that sleeps wherever the platform could, and
/// [`assert_same_asleep`](testing::assert_same_asleep) plays a script both ways and compares what was told.
#[cfg(feature = "testing")]
pub use dormouse_core::testing;
#[cfg(target_arch = "wasm32")]
pub use shell::fetch;

/// What `#[dormouse::payload]` expands to; no part of the interface.
#[doc(hidden)]
pub mod __payload {
    pub use {garde, schemars, serde};
}

/// What the macros expand to; no part of the interface.
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod __rt {
    pub use wasm_bindgen;
    pub use worker::Env;
    pub use worker::web_sys::{Request, WebSocket};
    pub use worker::worker_sys::DurableObjectState;

    pub use crate::shell::{Channel, Host, Relay, fetch_raw};
}
