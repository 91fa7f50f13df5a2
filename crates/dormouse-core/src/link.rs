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
    /// Whether the other side said last that it has nothing more that anybody waits for.
    rested: bool,
    /// The call of this side that is under way.
    calling: Option<Calling>,
    failures: u32,
    retry_at: Option<Millis>,
}

/// A call that is under way.
#[derive(Clone, Copy, Debug)]
struct Calling {
    /// The number of its first item, or of the next.
    at: u64,
    /// Whether nothing was in doubt as it began.
    doubtless: bool,
}

/// What came of a message that was read.
#[derive(Debug)]
pub(crate) struct Taken {
    /// What is new, in order.
    pub(crate) items: Vec<Box<RawValue>>,
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
            rested: true,
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
        self.rested && self.calling.is_none() && self.outbox.is_empty()
    }

    /// Whether the other side said last that nobody waits for anything more of it.
    pub(crate) const fn has_rested(&self) -> bool {
        self.rested
    }

    /// Calls that failed are not counted any more.
    pub(crate) const fn forgive(&mut self) {
        self.failures = 0;
    }

    /// Whether the other side has said to have all that it was told.
    pub(crate) fn is_acknowledged(&self) -> bool {
        self.outbox.is_empty() && self.calling.is_none()
    }

    /// Whether a call of this side is under way.
    pub(crate) const fn is_calling(&self) -> bool {
        self.calling.is_some()
    }

    /// Whether a call can begin: none is under way, and the pause after one that failed is over.
    pub(crate) fn may_call(&self, now: Millis) -> bool {
        self.calling.is_none() && self.retry_at.is_none_or(|at| at <= now)
    }

    /// Whether something waits that was in no message yet, or a call has to be tried again.
    pub(crate) fn has_news(&self) -> bool {
        self.retry_at.is_some() || self.said < self.last()
    }

    /// When a call that failed is tried again.
    pub(crate) const fn retry_at(&self) -> Option<Millis> {
        self.retry_at
    }

    /// The number of the last item.
    fn last(&self) -> u64 {
        self.first.saturating_add(self.outbox.len() as u64).saturating_sub(1)
    }

    /// Begins a call, of all that was not said yet, or after one that failed of all that is not acknowledged.
    pub(crate) fn call(&mut self, boot: &str) -> Message {
        let tried = self.retry_at.take().is_some();
        if tried {
            self.said = self.first.saturating_sub(1);
        }
        let doubtless = !tried && self.said < self.first;
        self.calling = Some(Calling { at: self.said.saturating_add(1), doubtless });
        self.message(boot, doubtless)
    }

    /// Answers a call: with what was not said yet, unless a call of this side carries it already.
    pub(crate) fn answer(&mut self, boot: &str) -> Message {
        if self.calling.is_some() { self.acknowledgement(boot) } else { self.message(boot, true) }
    }

    /// Answers a call with how far this side has come, and nothing else.
    pub(crate) fn acknowledgement(&self, boot: &str) -> Message {
        // From there on nobody knows what the other side has.
        let at = self.calling.map_or_else(|| self.said.saturating_add(1), |calling| calling.at);
        Message { at, ..self.head(boot, true) }
    }

    fn message(&mut self, boot: &str, doubtless: bool) -> Message {
        let skipped = usize::try_from(self.said.saturating_add(1).saturating_sub(self.first)).unwrap_or(usize::MAX);
        let items = self.outbox.iter().skip(skipped).cloned().collect();
        let message = Message { at: self.said.saturating_add(1), items, ..self.head(boot, doubtless) };
        self.said = self.last();
        message
    }

    fn head(&self, boot: &str, doubtless: bool) -> Message {
        Message {
            life: self.life,
            from: boot.into(),
            to: self.peer.as_deref().map(Into::into),
            doubtless,
            got: self.got,
            ..Message::default()
        }
    }

    /// Takes in a message of the boot that is known.
    pub(crate) fn take(&mut self, message: Message) -> Taken {
        self.acknowledge(message.got);
        // Without a call under way, whatever it lacks was lost on its way.
        if self.calling.is_none() && message.got < self.said {
            self.said = message.got.max(self.first.saturating_sub(1));
        }
        let next = self.got.saturating_add(1);
        if message.at > next {
            return Taken { items: Vec::new(), gap: true };
        }
        self.rested = message.rest;
        let known = usize::try_from(next.saturating_sub(message.at)).unwrap_or(usize::MAX);
        let items: Vec<_> = message.items.into_iter().skip(known).collect();
        self.got = self.got.saturating_add(items.len() as u64);
        Taken { items, gap: false }
    }

    fn acknowledge(&mut self, got: u64) {
        while self.first <= got
            && let Some(item) = self.outbox.pop_front()
        {
            self.bytes = self.bytes.saturating_sub(item.get().len());
            self.first = self.first.saturating_add(1);
        }
    }

    /// The other side has woken anew, and nothing was in doubt: it has what it was told, but for what is under way, and
    /// counts from here.
    pub(crate) fn adopt(&mut self, message: &Message) {
        self.acknowledge(self.calling.map_or(self.said, |calling| calling.at.saturating_sub(1)));
        self.peer = Some(message.from.clone());
        self.got = message.at.saturating_sub(1);
        self.rested = true;
    }

    /// The call of this side was answered. Whether nothing was in doubt as it began.
    pub(crate) const fn answered(&mut self) -> bool {
        self.failures = 0;
        matches!(self.calling.take(), Some(Calling { doubtless: true, .. }))
    }

    /// The call of this side has failed: nobody knows whether it was heard.
    pub(crate) fn failed(&mut self, now: Millis) {
        self.calling = None;
        self.retry_at = Some(now.saturating_add(PAUSE.saturating_mul(1 << self.failures.min(10))));
        self.failures = self.failures.saturating_add(1);
    }
}
