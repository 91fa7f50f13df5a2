//! The channel's end of the link with one relay.

use std::collections::BTreeMap;

use crate::effect::{SessionKey, Subscription};
use crate::link::{Down, Hears, Link, Message, Number, Taken};
use dormouse_protocol::name::Millis;

/// The link with one relay, and its members.
#[derive(Debug)]
pub(in crate::channel) struct Uplink {
    link: Link,
    members: BTreeMap<Number, Member>,
    /// How many hear messages, and how many presence too.
    hearers: [usize; 2],
    /// Whether the relay is called even with nothing to say.
    asked: bool,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    key: SessionKey,
    hears: Hears,
}

impl Uplink {
    pub(super) const fn new(life: u64) -> Self {
        Self { link: Link::new(life), members: BTreeMap::new(), hearers: [0; 2], asked: false }
    }

    pub(super) const fn life(&self) -> u64 {
        self.link.life()
    }

    /// Whether this is the life of the link; a greater one is a later one.
    pub(in crate::channel) const fn is_of(&self, life: u64) -> bool {
        self.link.life() == life
    }

    /// Whether its life has ended before that one began.
    pub(in crate::channel) const fn is_before(&self, life: u64) -> bool {
        self.link.life() < life
    }

    /// Takes in what the relay says; `None` where it is in doubt whether it was taken in before.
    pub(in crate::channel) fn take(&mut self, message: Message, boot: &str) -> Option<Taken> {
        self.asked = false;
        let to_this = message.to.as_deref() == Some(boot);
        if !to_this && !message.doubtless {
            return None;
        }
        // Where the other side has woken, it slept with nothing under way; where this one has, the relay says so.
        if !to_this || !self.link.knows(&message.from) {
            self.link.adopt(&message);
        }
        Some(self.link.take(message))
    }

    /// Takes in what the relay answers, or that it did not.
    pub(in crate::channel) fn answered(&mut self, answer: Option<Message>, now: Millis) {
        let Some(message) = answer else { return self.link.failed(now) };
        self.link.answered();
        if !self.link.knows(&message.from) {
            self.link.adopt(&message);
        }
        // A relay answers with no items: it calls with them.
        drop(self.link.take(message));
    }

    pub(super) fn bind(&mut self, number: Number, key: SessionKey) {
        self.unbind(number);
        self.members.insert(number, Member { key, hears: Hears::Nothing });
    }

    pub(super) fn unbind(&mut self, number: Number) {
        self.set_hears(number, Hears::Nothing);
        self.members.remove(&number);
    }

    /// The session of a member.
    pub(in crate::channel) fn session(&self, number: Number) -> Option<SessionKey> {
        self.members.get(&number).map(|member| member.key)
    }

    pub(super) fn into_sessions(self) -> Vec<SessionKey> {
        self.members.into_values().map(|member| member.key).collect()
    }

    /// A member hears so much; whether that is another than before.
    pub(super) fn set_hears(&mut self, number: Number, hears: Hears) -> bool {
        let Some(member) = self.members.get_mut(&number) else { return false };
        let before = std::mem::replace(&mut member.hears, hears);
        for (hears, more) in [(before, false), (hears, true)] {
            let Some(count) = place(hears).and_then(|place| self.hearers.get_mut(place)) else { continue };
            *count = if more { count.saturating_add(1) } else { count.saturating_sub(1) };
        }
        before != hears
    }

    /// How many hear just so much.
    pub(super) fn hearing(&self, hears: Hears) -> usize {
        place(hears).and_then(|place| self.hearers.get(place)).copied().unwrap_or(0)
    }

    pub(super) fn push(&mut self, item: &Down) {
        self.link.push(item);
    }

    pub(super) const fn is_given_up(&self) -> bool {
        self.link.is_given_up()
    }

    pub(super) const fn is_calling(&self) -> bool {
        self.link.is_calling()
    }

    pub(super) const fn retry_at(&self) -> Option<Millis> {
        self.link.retry_at()
    }

    /// A relay that has said nothing since the channel woke is called.
    pub(super) const fn look_after(&mut self) {
        self.asked |= self.link.knows_nobody();
    }

    pub(super) fn call(&mut self, boot: &str, now: Millis) -> Option<Message> {
        if !(self.link.may_call(now) && (self.asked || self.link.has_news())) {
            return None;
        }
        self.asked = false;
        Some(self.link.call(boot))
    }

    pub(super) fn answer(&mut self, boot: &str) -> Message {
        self.link.answer(boot)
    }
}

const fn place(hears: Hears) -> Option<usize> {
    match hears {
        Hears::Nothing => None,
        Hears::Messages => Some(0),
        Hears::Presence => Some(1),
    }
}

impl From<Subscription> for Hears {
    fn from(subscription: Subscription) -> Self {
        match subscription {
            Subscription::Nothing => Self::Nothing,
            Subscription::Messages => Self::Messages,
            Subscription::Presence => Self::Presence,
        }
    }
}
