//! What a handler wants done with its turn: nothing of it before the turn is on disk.

use dormouse_protocol::name::{EventName, Millis, UserId};
use dormouse_protocol::request::Targets;

/// What came of one turn of a handler.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// What the service says, in order.
    pub(crate) said: Vec<Saying>,
    /// Whose connections are closed.
    pub(crate) kicked: Vec<UserId>,
    /// Which timers are set and taken back, in order.
    pub(crate) timers: Vec<TimerChange>,
    /// What the handler did wrong: then nothing of the turn happens, and this is in the log.
    pub(crate) wrong: Option<String>,
}

/// One message of the service.
#[derive(Debug)]
pub(crate) struct Saying {
    pub(crate) event: EventName,
    pub(crate) kept: bool,
    /// Its data, JSON already.
    pub(crate) data: String,
    /// Who alone hears it.
    pub(crate) to: Option<Targets>,
}

/// A timer that is set, in place of an earlier one of the same key, or taken back.
#[derive(Debug)]
pub(crate) struct TimerChange {
    /// Its key, with the name before it.
    pub(crate) key: String,
    /// When it fires, and what is known then; none where it is taken back.
    pub(crate) set: Option<(Millis, String)>,
}
