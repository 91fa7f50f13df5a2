//! The open batch: what was accepted and is not told yet. What arrives together leaves together.

use super::Asker;
use crate::effect::SessionKey;
use dormouse_protocol::error::Refusal;
use dormouse_protocol::frame::Ack;
use dormouse_protocol::name::{Millis, RequestId, UserId};
use dormouse_protocol::request::Targets;

/// One accepted request in the batch: a frame for an audience, and an answer.
#[derive(Debug)]
pub(super) struct BatchEntry {
    /// The frame, encoded once; none where there is only an answer.
    pub(super) frame: Option<(String, Audience)>,
    /// The seq that frame or answer names: they are not told unless it is on disk (rule D2).
    pub(super) seq: Option<u64>,
    /// Whether the frame is to be kept under that seq.
    pub(super) kept: bool,
    /// Whether it comes of a turn of the application's code: it is not told unless all that the turns changed is on disk
    /// (rule C2).
    pub(super) turn: bool,
    /// Who is answered, and how; nobody where nobody asked.
    pub(super) reply: Option<Reply>,
}

/// Who hears a frame.
#[derive(Debug)]
pub(super) enum Audience {
    /// Every member.
    Everyone,
    /// Every member but the connection that sent it (rule F5).
    Others(SessionKey),
    /// Only whom it names, and never the connection that sent it (rule F5).
    Only(Targets),
}

/// The answer to a request.
#[derive(Debug)]
pub(super) struct Reply {
    /// Who asked.
    pub(super) asker: Asker,
    /// The id it chose.
    pub(super) id: Option<RequestId>,
    /// What it is told.
    pub(super) says: Says,
}

/// What an answer says.
#[derive(Debug)]
pub(super) enum Says {
    /// The message itself answers (rule F2).
    Echo,
    /// An ack.
    Ack(Ack),
    /// An ack that tells how many connections were reached, where one may know it (rule F5).
    Delivered {
        /// Whether it may.
        counted: bool,
    },
    /// A refusal that names a seq.
    Refusal(Refusal),
    /// The reply to a call (rule C3).
    Result {
        /// The reply, JSON.
        data: String,
        /// Whether it was given before.
        duplicate: bool,
    },
}

/// What is told together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    entries: Vec<BatchEntry>,
    bytes: usize,
    /// Entries of which somebody hears something else than everyone.
    personal: u32,
    /// How many hear something of their own, counted once for each entry.
    listeners: usize,
    opened: Option<Millis>,
    kicks: Vec<Kick>,
}

/// A user whose connections end, and after how many entries: none of what comes after is heard there.
pub(super) type Kick = (usize, UserId);

/// The most bytes of text that one flush makes for those who hear something of their own: each hears the whole batch
/// in a text made for it and its likes, and an isolate has 128 MB for all of them (rule R7).
pub(crate) const PERSONAL_BYTES_MAX: usize = 8 << 20;

/// The most listeners of one batch: each is four bytes in a list of its line.
const LISTENERS_MAX: usize = 1_000_000;

impl Batch {
    /// Adds an accepted request, which so many hear in a text of their own: whom it is directed to, and whoever is
    /// answered otherwise than by hearing it.
    pub(super) fn push(&mut self, entry: BatchEntry, listeners: usize, now: Millis) {
        let answer = match entry.reply.as_ref().map(|reply| &reply.says) {
            Some(Says::Result { data, .. }) => data.len(),
            _ => 0,
        };
        let bytes = entry.frame.as_ref().map_or(0, |(frame, _)| frame.len()).saturating_add(answer);
        self.bytes = self.bytes.saturating_add(bytes);
        self.personal = self.personal.saturating_add(u32::from(listeners > 0));
        self.listeners = self.listeners.saturating_add(listeners);
        self.opened.get_or_insert(now);
        self.entries.push(entry);
    }

    /// Ends a user's connections after what is in the batch so far.
    pub(super) fn kick(&mut self, user: UserId) {
        self.kicks.push((self.entries.len(), user));
    }

    /// Whether nothing was accepted since the last flush.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.kicks.is_empty()
    }

    /// Whether somebody's connections end with it.
    pub(super) fn has_kicks(&self) -> bool {
        !self.kicks.is_empty()
    }

    /// Whether it must be flushed now, timer or not: it is as large or as old as a batch may be.
    pub(super) fn is_full(&self, now: Millis, bytes: usize, age: Millis) -> bool {
        self.bytes >= bytes
            || self.bytes.saturating_mul(self.texts()) >= PERSONAL_BYTES_MAX
            || self.listeners >= LISTENERS_MAX
            || self.opened.is_some_and(|opened| now.saturating_sub(opened) >= age)
    }

    /// The most different texts it can take: one for each listener, and no more than there are choices of what of the
    /// personal entries one hears.
    fn texts(&self) -> usize {
        self.listeners.min(1_usize.checked_shl(self.personal).unwrap_or(usize::MAX))
    }

    /// Takes everything out, in the order in which it was accepted.
    pub(super) fn take(&mut self) -> (Vec<BatchEntry>, Vec<Kick>) {
        let Self { entries, kicks, .. } = std::mem::take(self);
        (entries, kicks)
    }
}
