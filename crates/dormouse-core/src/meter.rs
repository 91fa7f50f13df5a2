//! Counters of what is billed and what is refused, since the channel woke.

use std::collections::BTreeMap;

use serde::Serialize;

use dormouse_protocol::error::Code;
use dormouse_protocol::name::Millis;

/// The counters of a channel since it woke: they live in memory, so that counting writes nothing.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Meter {
    /// When counting began.
    pub since: Millis,
    /// Text frames that came in.
    pub frames_in: u64,
    /// Bytes that came in.
    pub bytes_in: u64,
    /// Requests accepted.
    pub accepted: u64,
    /// Frames told, counted once for each session that heard them.
    pub deliveries: u64,
    /// Bytes told, counted likewise.
    pub bytes_out: u64,
    /// Flushes of the open batch.
    pub flushes: u64,
    /// Rows written to storage.
    pub rows_written: u64,
    /// Refusals by code.
    pub refusals: BTreeMap<&'static str, u64>,
}

impl Meter {
    /// A text frame came in.
    pub fn heard(&mut self, bytes: usize) {
        self.frames_in = self.frames_in.saturating_add(1);
        self.bytes_in = self.bytes_in.saturating_add(bytes as u64);
    }

    /// A request was refused.
    pub fn refused(&mut self, code: Code) {
        let count = self.refusals.entry(code.as_str()).or_default();
        *count = count.saturating_add(1);
    }

    /// Frames were told to one session.
    pub fn told(&mut self, frames: u64, bytes: usize) {
        self.told_all(1, frames, bytes);
    }

    /// The same text of so many frames was told to so many sessions.
    pub fn told_all(&mut self, sessions: u64, frames: u64, bytes: usize) {
        self.deliveries = self.deliveries.saturating_add(sessions.saturating_mul(frames));
        self.bytes_out = self.bytes_out.saturating_add(sessions.saturating_mul(bytes as u64));
    }
}
