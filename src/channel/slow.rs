//! Members that do not read are told so rather than growing our memory (rule R6).

use super::{Channel, Turn};
use crate::effect::SessionKey;
use crate::error::Close;
use crate::name::Millis;

/// Unread bytes are looked for in everyone at least this often while anything is told to all, in milliseconds.
const LOOK_EVERY: Millis = 1_000;

/// What was told since unread bytes were last looked for.
#[derive(Debug, Default)]
pub(super) struct Unread {
    /// Bytes told to many since everyone was looked at.
    to_all: u64,
    /// When everyone was looked at.
    looked: Millis,
    /// Whether many were told something in this event: what of before was not looked at, sleep may have forgotten.
    now_to_all: bool,
    /// What was told to single sessions in this event: their links cannot tell of it yet.
    to_one: Vec<(SessionKey, u64)>,
}

impl Unread {
    /// An event begins.
    pub(super) fn begin(&mut self) {
        self.to_one.clear();
        self.now_to_all = false;
    }

    /// One session was told so many bytes.
    pub(super) fn told(&mut self, session: SessionKey, bytes: usize) {
        self.to_one.push((session, bytes as u64));
    }

    /// Many sessions were told so many bytes each.
    pub(super) fn told_all(&mut self, bytes: usize) {
        self.to_all = self.to_all.saturating_add(bytes as u64);
        self.now_to_all = true;
    }

    /// Bytes told to one session in this event.
    pub(super) fn told_now(&self, session: SessionKey) -> u64 {
        self.to_one.iter().filter(|(key, _)| *key == session).fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes))
    }
}

impl Channel {
    /// Looks for the slow among those who were told something in this event: at single ones at once, and at everyone,
    /// which costs a crowd about a microsecond each, after a quarter of the bound was told to all, and once a second:
    /// so also in a channel that slept, which has forgotten how much it told.
    ///
    /// Answers whether any were told to go.
    pub(super) fn look_for_slow(&mut self, turn: &Turn<'_>) -> bool {
        let bound = self.limits.unsent_bytes;
        let now = self.clock.steady(turn.now);
        let lately = now.saturating_sub(self.unread.looked) < LOOK_EVERY;
        let slow: Vec<_> = if self.unread.now_to_all && (!lately || self.unread.to_all >= bound / 4) {
            (self.unread.to_all, self.unread.looked) = (0, now);
            turn.links.unsent_over(bound)
        } else {
            let told = self.unread.to_one.iter().map(|(key, _)| *key);
            told.filter(|key| turn.links.unsent(*key) > bound).collect()
        };
        for key in &slow {
            self.rouse(turn.links, *key);
            self.expel(turn.now, *key, Close::TooSlow, false);
        }
        !slow.is_empty()
    }
}
