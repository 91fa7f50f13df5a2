//! The channel's end of the link with one relay.

use crate::effect::{SessionKey, Subscription};
use crate::link::{Down, Hears, Link, Message, Number, Taken};
use crate::sorted_vec::SortedVec;
use dormouse_protocol::name::Millis;

/// The link with one relay, and its members.
#[derive(Debug)]
pub(in crate::channel) struct Uplink {
    link: Link,
    members: SortedVec<Number, Member>,
    /// How many hear messages, and how many presence too.
    hearers: [usize; 2],
    /// Whether the relay is called even with nothing to say.
    asked: bool,
    /// Whether nothing was ever heard of this life.
    is_new: bool,
    /// Whether the relay has heard where the channel stood when it woke: a boot of it before the one that is known has.
    knows_stood: bool,
    /// Whether anything was told since it was last asked.
    told: bool,
    /// The number of an item that is not there yet, of which the relay was told.
    promised: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    key: SessionKey,
    hears: Hears,
}

impl Uplink {
    pub(super) const fn new(life: u64) -> Self {
        Self {
            link: Link::new(life),
            members: SortedVec::new(),
            hearers: [0; 2],
            asked: false,
            is_new: true,
            knows_stood: false,
            told: false,
            promised: None,
        }
    }

    /// One that was there before sleep.
    pub(super) fn slept(life: u64) -> Self {
        Self { is_new: false, ..Self::new(life) }
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
        let known = self.link.knows(&message.from);
        // What may have been heard before was heard by this boot or by none.
        if message.again && !known && message.to.as_deref() != Some(boot) && !(message.harmless && self.is_new) {
            return None;
        }
        // And what this side has said and nobody has answered may have been heard by the relay before it slept.
        if !known && self.link.is_in_doubt() {
            return None;
        }
        self.is_new = false;
        // Where the relay has woken, it slept with nothing under way; where this one has, nothing was said before.
        if !known {
            self.adopt(&message, boot);
        }
        Some(self.link.take(message, boot))
    }

    /// Takes in what the relay answers, or that it did not. Whether the link goes on: not where another boot of the relay
    /// than the one known may have heard what was said.
    pub(in crate::channel) fn answered(&mut self, answer: Option<Message>, boot: &str, now: Millis) -> bool {
        let Some(message) = answer else { return !self.link.failed(now) };
        let first = self.link.answered();
        if !self.link.knows(&message.from) {
            if !first {
                return false;
            }
            self.adopt(&message, boot);
        }
        // A relay answers with no items: it calls with them.
        drop(self.link.take(message, boot));
        true
    }

    fn adopt(&mut self, message: &Message, boot: &str) {
        self.knows_stood |= !self.link.knows_nobody();
        self.link.adopt(message, boot);
    }

    /// Whether the relay is known to have heard where the channel stood when it woke.
    pub(super) const fn knows_stood(&self) -> bool {
        self.knows_stood
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

    /// All who see the list are shown it.
    pub(in crate::channel) fn show(&mut self, list: String) {
        if self.hearing(Hears::Presence) > 0 {
            self.push(&Down::Broadcast(Hears::Presence, Vec::new(), list));
        }
    }

    pub(super) fn push(&mut self, item: &Down) {
        self.told = true;
        self.link.push(item);
    }

    pub(super) const fn is_given_up(&self) -> bool {
        self.link.is_given_up()
    }

    pub(super) const fn is_calling(&self) -> bool {
        self.link.is_calling()
    }

    /// Whether the relay was told anything since this was last asked.
    pub(super) const fn take_told(&mut self) -> bool {
        std::mem::replace(&mut self.told, false)
    }

    pub(super) const fn retry_at(&self) -> Option<Millis> {
        self.link.retry_at()
    }

    /// A relay that has said nothing since the channel woke is called.
    pub(super) const fn look_after(&mut self) {
        self.asked |= self.link.knows_nobody();
    }

    pub(super) fn call(&mut self, boot: &str, now: Millis, waits: bool) -> Option<Message> {
        if !waits && self.promised.take().is_some_and(|promised| self.link.last() < promised) {
            self.push(&Down::Nothing);
        }
        let message = self.link.call(boot, now, self.asked)?;
        self.asked = false;
        Some(self.promise(message, waits))
    }

    pub(super) fn answer(&mut self, boot: &str, waits: bool) -> Message {
        let message = self.link.answer(boot);
        self.promise(message, waits)
    }

    /// A message that says whether more is to come: of what was accepted and is not told yet.
    fn promise(&mut self, message: Message, waits: bool) -> Message {
        if !waits {
            return message;
        }
        let owes = message.owes.saturating_add(1);
        self.promised = Some(owes);
        Message { owes, ..message }
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
