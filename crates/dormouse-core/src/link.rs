//! The link: the numbered exchange between a channel and a relay that holds members of it, the same code on both ends.
//!
//! Either side calls the other with a [`Message`] and is answered by one; both carry items, numbered without a gap. So it
//! does not matter whether a call or its answer was lost, late or repeated: what was taken in once is passed over, and
//! what is missing is asked for by saying how far one has come. At most one call of each side is under way.
//!
//! A link has a *life*, which ends where anything of it may be lost: its members are told `bye` and come back with their
//! positions (rule M5). Each side has a *boot*, another after each waking. The exchange goes on over a waking of the other
//! side only where nothing was in doubt.

mod item;
mod message;

pub(crate) use item::{Down, Gone, Hears, Number, Up};
pub(crate) use message::{Message, Position};

use std::collections::VecDeque;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use dormouse_protocol::name::Millis;

/// The most that waits for the other side, in bytes: more is not held for one that does not answer.
pub(crate) const OUTBOX_MAX: usize = 1_048_576;
/// After so many calls in a row that failed, a bit more than a minute, nobody waits for the other side any more.
const FAILURES_MAX: u32 = 6;
/// The first pause after a call that failed, in milliseconds; each further one is twice as long.
const PAUSE: Millis = 1_000;

/// One end of a link.
#[derive(Debug)]
pub(crate) struct Link {
    life: u64,
    /// The boot of the other side, as far as it was heard.
    peer: Option<Box<str>>,
    /// What the other side has not said to have.
    outbox: VecDeque<Box<RawValue>>,
    bytes: usize,
    /// The number of the first in the outbox, or of the next.
    first: u64,
    /// The number of the last that was put into a message.
    said: u64,
    /// The number of the last that was taken in.
    got: u64,
    /// The number of the last item that the other side has told of.
    owed: u64,
    /// The call of this side that is under way.
    calling: Option<Calling>,
    failures: u32,
    retry_at: Option<Millis>,
}

/// A call that is under way.
#[derive(Clone, Debug)]
struct Calling {
    /// The boot of the other side as it was known when the call began.
    peer: Option<Box<str>>,
    /// The number of its first item, or of the next.
    at: u64,
    /// Whether it says again what a call that failed said.
    again: bool,
}

/// What came of a message that was read.
#[derive(Debug)]
pub(crate) struct Taken {
    /// What is new, in order.
    pub(crate) items: Vec<Box<RawValue>>,
    /// Whether there is nothing newer yet.
    pub(crate) newest: bool,
    /// Whether something before is missing: the other side is told how far this one has come, and says it again.
    pub(crate) gap: bool,
}

impl Link {
    pub(crate) const fn new(life: u64) -> Self {
        Self {
            life,
            peer: None,
            outbox: VecDeque::new(),
            bytes: 0,
            first: 1,
            said: 0,
            got: 0,
            owed: 0,
            calling: None,
            failures: 0,
            retry_at: None,
        }
    }

    pub(crate) const fn life(&self) -> u64 {
        self.life
    }

    /// Whether the other side is known by this boot.
    pub(crate) fn knows(&self, boot: &str) -> bool {
        self.peer.as_deref() == Some(boot)
    }

    /// Whether a channel's boot is older than the one that is known.
    pub(crate) fn is_past(&self, boot: &str) -> bool {
        self.peer.as_deref().is_some_and(|peer| boot < peer)
    }

    /// Whether nothing was heard of the other side since this one woke.
    pub(crate) const fn knows_nobody(&self) -> bool {
        self.peer.is_none()
    }

    /// Puts an item behind all others.
    pub(crate) fn push(&mut self, item: &impl Serialize) {
        // Strings and numbers are always JSON.
        if let Ok(item) = to_raw_value(item) {
            self.bytes = self.bytes.saturating_add(item.get().len());
            self.outbox.push_back(item);
        }
    }

    /// Whether more waits for the other side than may, or it has not answered for too long.
    pub(crate) const fn is_given_up(&self) -> bool {
        self.bytes > OUTBOX_MAX || self.failures >= FAILURES_MAX
    }

    /// Whether nothing of this side is under way, and the other waits for nothing.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.has_all() && self.is_acknowledged()
    }

    /// Whether this side has all that the other has told of.
    pub(crate) const fn has_all(&self) -> bool {
        self.got >= self.owed
    }

    /// Calls that failed are not counted any more.
    pub(crate) const fn forgive(&mut self) {
        self.failures = 0;
    }

    /// Whether the other side has said to have all that it was told.
    pub(crate) fn is_acknowledged(&self) -> bool {
        self.outbox.is_empty() && self.calling.is_none() && self.retry_at.is_none()
    }

    /// Whether a call of this side is under way.
    pub(crate) const fn is_calling(&self) -> bool {
        self.calling.is_some()
    }

    /// When a call that failed is tried again.
    pub(crate) const fn retry_at(&self) -> Option<Millis> {
        self.retry_at
    }

    /// The number of the last item.
    pub(crate) fn last(&self) -> u64 {
        self.first.saturating_add(self.outbox.len() as u64).saturating_sub(1)
    }

    /// Begins a call, of all that was not said yet, or that a call has said that failed; with nothing to say only where it
    /// is asked for. None while one is under way, or the pause after one that failed is not over.
    pub(crate) fn call(&mut self, boot: &str, now: Millis, asked: bool) -> Option<Message> {
        let again = self.retry_at.is_some();
        let may = self.calling.is_none() && self.retry_at.is_none_or(|at| at <= now);
        if !may || !(asked || again || self.said < self.last()) {
            return None;
        }
        self.retry_at = None;
        let (peer, at) = (self.peer.clone(), self.said.saturating_add(1));
        self.calling = Some(Calling { peer, at, again });
        Some(Message { again, ..self.message(boot) })
    }

    /// Answers a call: with what was not said yet, unless a call of this side carries it already.
    pub(crate) fn answer(&mut self, boot: &str) -> Message {
        if self.calling.is_some() { self.acknowledgement(boot) } else { self.message(boot) }
    }

    /// Answers a call with how far this side has come, and nothing else.
    pub(crate) fn acknowledgement(&self, boot: &str) -> Message {
        // From there on nobody knows what the other side has.
        let at = self.calling.as_ref().map_or_else(|| self.said.saturating_add(1), |calling| calling.at);
        Message { at, ..self.head(boot) }
    }

    fn message(&mut self, boot: &str) -> Message {
        let skipped = usize::try_from(self.said.saturating_add(1).saturating_sub(self.first)).unwrap_or(usize::MAX);
        let items = self.outbox.iter().skip(skipped).cloned().collect();
        let message = Message { at: self.said.saturating_add(1), items, ..self.head(boot) };
        self.said = self.last();
        message
    }

    fn head(&self, boot: &str) -> Message {
        Message {
            life: self.life,
            from: boot.into(),
            to: self.peer.as_deref().map(Into::into),
            open: self.first,
            got: self.got,
            owes: self.last(),
            ..Message::default()
        }
    }

    /// Takes in a message of the boot that is known.
    pub(crate) fn take(&mut self, message: Message, boot: &str) -> Taken {
        // What it has of another boot is counted otherwise.
        if message.to.as_deref() == Some(boot) {
            self.acknowledge(message.got);
            // Without a call under way, whatever it lacks was lost on its way.
            if self.calling.is_none() && message.got < self.said {
                self.said = message.got.max(self.first.saturating_sub(1));
            }
        }
        self.owed = self.owed.max(message.owes);
        let next = self.got.saturating_add(1);
        if message.at > next {
            return Taken { items: Vec::new(), newest: false, gap: true };
        }
        let end = message.at.saturating_add(message.items.len() as u64).saturating_sub(1);
        let known = usize::try_from(next.saturating_sub(message.at)).unwrap_or(usize::MAX);
        let items: Vec<_> = message.items.into_iter().skip(known).collect();
        self.got = self.got.saturating_add(items.len() as u64);
        Taken { items, newest: end == self.got, gap: false }
    }

    fn acknowledge(&mut self, got: u64) {
        while self.first <= got
            && let Some(item) = self.outbox.pop_front()
        {
            self.bytes = self.bytes.saturating_sub(item.get().len());
            self.first = self.first.saturating_add(1);
        }
        self.said = self.said.max(self.first.saturating_sub(1));
    }

    /// The other side has woken anew, and nothing was in doubt: it has what it was told, but for what is under way, and
    /// counts from here. One that knows this boot has counted what it has said to it; what one says that does not was said
    /// to a boot before, which slept with nothing under way.
    pub(crate) fn adopt(&mut self, message: &Message, boot: &str) {
        self.acknowledge(self.calling.as_ref().map_or(self.said, |calling| calling.at.saturating_sub(1)));
        self.peer = Some(message.from.clone());
        let next = if message.to.as_deref() == Some(boot) { message.open } else { message.at };
        self.got = next.saturating_sub(1);
        self.owed = message.owes;
    }

    /// Whether something was said that may have been heard by a boot that is not known.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.retry_at.is_some() || self.calling.as_ref().is_some_and(|calling| calling.again)
    }

    /// The call of this side was answered. Whether it was the first to say what it said, and the other side is known as it
    /// was when it began.
    pub(crate) fn answered(&mut self) -> bool {
        self.failures = 0;
        self.calling.take().is_some_and(|calling| !calling.again && calling.peer == self.peer)
    }

    /// The call of this side has failed: nobody knows whether it was heard. Whether the other side has woken anew meanwhile,
    /// so that another boot than the one known may have heard it.
    pub(crate) fn failed(&mut self, now: Millis) -> bool {
        let mut strayed = false;
        if let Some(calling) = self.calling.take() {
            self.said = calling.at.max(self.first).saturating_sub(1);
            strayed = calling.peer != self.peer;
        }
        self.retry_at = Some(now.saturating_add(PAUSE.saturating_mul(1 << self.failures.min(10))));
        self.failures = self.failures.saturating_add(1);
        strayed
    }
}
