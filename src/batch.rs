//! The open batch: what was accepted and is not told yet. What arrives together leaves together.

use crate::effect::{AskerKey, SessionKey};
use crate::error::Refusal;
use crate::name::{Millis, RequestId};
use crate::protocol::frame::Ack;
use crate::protocol::request::Targets;

/// Who asked, and so who is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// A connection.
    Session(SessionKey),
    /// One of the publishes of an HTTP request that waits.
    Http {
        /// The request.
        asker: AskerKey,
        /// Which of its publishes.
        slot: usize,
    },
}

/// One accepted request in the batch: a frame for an audience, and an answer.
#[derive(Debug)]
pub struct Entry {
    /// The frame, encoded once; none where there is only an answer.
    pub frame: Option<(String, Audience)>,
    /// The seq that frame or answer names: they are not told unless it is on disk (rule D2).
    pub seq: Option<u64>,
    /// Whether the frame is to be kept under that seq.
    pub kept: bool,
    /// Who is answered, and how.
    pub reply: Reply,
}

/// Who hears a frame.
#[derive(Debug)]
pub enum Audience {
    /// Every member.
    Everyone,
    /// Every member but the connection that sent it (rule F5).
    Others(SessionKey),
    /// Only whom it names, and never the connection that sent it (rule F5).
    Only(Targets),
}

/// The answer to a request.
#[derive(Debug)]
pub struct Reply {
    /// Who asked.
    pub asker: Asker,
    /// The id it chose.
    pub id: Option<RequestId>,
    /// What it is told.
    pub says: Says,
}

/// What an answer says.
#[derive(Debug)]
pub enum Says {
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
}

/// What is told together.
#[derive(Debug, Default)]
pub struct Batch {
    entries: Vec<Entry>,
    bytes: usize,
    /// Entries whose sender hears something else than everyone.
    personal: usize,
    opened: Option<Millis>,
}

/// The most bytes of texts for single members that one flush may make: each hears the whole batch in a text of its
/// own, and an isolate has 128 MB for all of them.
const PERSONAL_BYTES_MAX: usize = 8 << 20;

impl Batch {
    /// Adds an accepted request.
    pub fn push(&mut self, entry: Entry, now: Millis) {
        let bytes = entry.frame.as_ref().map_or(0, |(frame, _)| frame.len());
        self.bytes = self.bytes.saturating_add(bytes);
        let others = matches!(entry.frame, None | Some((_, Audience::Others(_) | Audience::Only(_))));
        self.personal = self.personal.saturating_add(usize::from(others));
        self.opened.get_or_insert(now);
        self.entries.push(entry);
    }

    /// Whether nothing was accepted since the last flush.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether it must be flushed now, timer or not: it is as large or as old as a batch may be.
    pub fn is_full(&self, now: Millis, bytes: usize, age: Millis) -> bool {
        let personal = self.bytes.saturating_mul(self.personal);
        self.bytes >= bytes
            || personal >= PERSONAL_BYTES_MAX
            || self.opened.is_some_and(|opened| now.saturating_sub(opened) >= age)
    }

    /// Takes everything out, in the order in which it was accepted.
    pub fn take(&mut self) -> Vec<Entry> {
        (self.bytes, self.personal) = (0, 0);
        self.opened = None;
        std::mem::take(&mut self.entries)
    }
}
