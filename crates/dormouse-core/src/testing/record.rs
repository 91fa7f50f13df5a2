//! What a world has seen of its channel.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::contract::JobRequest;
use crate::effect::{AskerKey, Effect, LogLine};
use dormouse_protocol::name::Millis;

/// The answer to an HTTP request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAnswer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Value,
    /// After how many milliseconds it may be asked again, where that can help.
    pub retry_after: Option<Millis>,
}

/// What the channel said that no socket heard, and what is counted of it.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) logs: Vec<LogLine>,
    pub(super) answers: BTreeMap<AskerKey, HttpAnswer>,
    pub(super) breaths: usize,
    pub(super) wakes: usize,
    pub(super) turns: usize,
    pub(super) crashes: usize,
    /// The tries of jobs that are under way, the earliest first.
    pub(super) jobs: Vec<JobRequest>,
    /// What was wanted done since it is noted, in order.
    pub(super) effects: Option<Vec<Effect>>,
    /// The most bytes of text that one event has made.
    pub(super) text_made: usize,
}
