//! What a handler wants done with its turn: nothing of it before the turn is on disk.

use std::collections::BTreeMap;
use std::time::Duration;

use super::job::Outside;
use dormouse_protocol::name::{EventName, Millis, UserId};
use dormouse_protocol::request::Targets;

/// What came of one turn of a handler.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// What the service says, in order.
    pub(crate) said: Vec<Saying>,
    /// Whose connections are closed.
    pub(crate) kicked: Vec<UserId>,
    /// Timers by their keys, with the name before them: when each fires and what is known then; nothing where it is taken
    /// back.
    pub(crate) timers: BTreeMap<String, Option<(Millis, String)>>,
    /// Rows by their keys, with the name before them; nothing where one is taken out.
    pub(crate) rows: BTreeMap<String, Option<String>>,
    /// Jobs that begin.
    pub(crate) jobs: Vec<Started>,
    /// How often the channel ticks from now on, where that changes.
    pub(crate) ticks: Option<Option<Duration>>,
    /// What the handler did wrong: then nothing of the turn happens, and this is in the log.
    pub(crate) wrong: Option<String>,
}

/// A job that begins.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) key: String,
    /// What is known of it, JSON.
    pub(crate) data: String,
    pub(crate) asks: Outside,
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
