//! The relay's end of the link with one channel.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::effect::SessionKey;
use crate::link::{Hears, Link, Message, Number, Position, Up};
use dormouse_protocol::name::Millis;

/// The link with one channel, and the connections that have joined it.
#[derive(Debug)]
pub(super) struct Downlink {
    link: Link,
    members: BTreeMap<Number, (SessionKey, Hears)>,
    next: Number,
    /// Where the channel stands with all that members were told; nothing where that is not known.
    stands: Option<Position>,
    /// Whether it was taken in after sleep, and has not been heard of since.
    slept: bool,
    /// Whether the channel is called even with nothing to say.
    asked: bool,
}

/// What came of a message of the channel.
#[derive(Debug)]
pub(super) enum Came {
    /// These are to be done, in order.
    Items(Vec<Box<RawValue>>),
    /// These too, and all who hear it are told first where the channel stood: what was said before, while both were asleep,
    /// may be missed.
    After(Position, Vec<Box<RawValue>>),
    /// Something may be lost: the link is over.
    Lost,
}

impl Downlink {
    pub(super) const fn new(life: u64) -> Self {
        Self { link: Link::new(life), members: BTreeMap::new(), next: 1, stands: None, slept: false, asked: false }
    }

    /// One that was there before sleep.
    pub(super) fn slept(life: u64) -> Self {
        Self { slept: true, ..Self::new(life) }
    }

    pub(super) const fn life(&self) -> u64 {
        self.link.life()
    }

    /// Puts a connection that was a member before sleep back in its place.
    pub(super) fn restore(&mut self, number: Number, key: SessionKey, hears: Hears) {
        self.members.insert(number, (key, hears));
        self.next = self.next.max(number.saturating_add(1));
    }

    /// Gives a connection a number.
    pub(super) fn enter(&mut self, key: SessionKey) -> Number {
        let number = self.next;
        self.restore(number, key, Hears::Nothing);
        number
    }

    pub(super) fn leave(&mut self, number: Number) -> Option<SessionKey> {
        self.members.remove(&number).map(|(key, _)| key)
    }

    pub(super) fn member(&self, number: Number) -> Option<SessionKey> {
        self.members.get(&number).map(|(key, _)| *key)
    }

    pub(super) fn hears(&self, number: Number) -> Hears {
        self.members.get(&number).map(|(_, hears)| *hears).unwrap_or_default()
    }

    pub(super) fn set_hears(&mut self, number: Number, hears: Hears) -> Option<SessionKey> {
        let (key, before) = self.members.get_mut(&number)?;
        *before = hears;
        Some(*key)
    }

    /// Those who hear just so much, but for some.
    pub(super) fn hearing(&self, wanted: Hears, except: &[Number]) -> Vec<SessionKey> {
        let hears = |(number, (key, hears)): (&Number, &(SessionKey, Hears))| {
            (*hears == wanted && !except.contains(number)).then_some(*key)
        };
        self.members.iter().filter_map(hears).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(super) fn members(&self) -> impl Iterator<Item = (Number, SessionKey)> {
        self.members.iter().map(|(number, (key, _))| (*number, *key))
    }

    /// Those who hear anything.
    fn hear_any(&self) -> bool {
        self.members.values().any(|(_, hears)| *hears != Hears::Nothing)
    }

    pub(super) fn listeners(&self) -> Vec<SessionKey> {
        self.members.values().filter(|(_, hears)| *hears != Hears::Nothing).map(|(key, _)| *key).collect()
    }

    pub(super) fn push(&mut self, item: &Up) {
        self.link.push(item);
    }

    /// Has the channel called though there is nothing to say: it is to hear of this life.
    pub(super) const fn ask(&mut self) {
        self.asked = true;
        self.link.forgive();
    }

    pub(super) const fn is_given_up(&self) -> bool {
        self.link.is_given_up()
    }

    /// Whether the channel has heard all, and nobody is a member any more.
    pub(super) fn is_done(&self) -> bool {
        self.members.is_empty() && !self.asked && self.link.is_acknowledged()
    }

    pub(super) fn is_at_rest(&self) -> bool {
        !self.asked && self.link.is_at_rest()
    }

    pub(super) const fn retry_at(&self) -> Option<Millis> {
        self.link.retry_at()
    }

    pub(super) fn call(&mut self, relay: &str, boot: &str, now: Millis) -> Option<Message> {
        if !(self.link.may_call(now) && (self.asked || self.link.has_news())) {
            return None;
        }
        self.asked = false;
        let message = self.link.call(boot);
        Some(Message { relay: Some(relay.to_owned()), rest: true, ..message })
    }

    /// The answer to the channel's call: that all was taken in. A relay says nothing in answers, so that it knows of all it
    /// says whether it was heard.
    pub(super) fn acknowledge(&self, boot: &str) -> Message {
        self.link.acknowledgement(boot)
    }

    /// The channel calls.
    pub(super) fn called(&mut self, message: Message) -> Came {
        let known = self.link.knows(&message.from);
        if !known && !self.link.knows_nobody() && !self.link.is_at_rest() {
            return Came::Lost;
        }
        self.take(known, message)
    }

    /// The channel has answered; nothing where the call failed.
    pub(super) fn answered(&mut self, answer: Option<Message>, now: Millis) -> Came {
        let Some(message) = answer else {
            self.link.failed(now);
            return Came::Items(Vec::new());
        };
        let doubtless = self.link.answered();
        let known = self.link.knows(&message.from);
        // It has taken in what it was called with, since nothing of that could have been heard before.
        let goes_on = known || self.link.knows_nobody() || (doubtless && self.link.has_rested());
        if !goes_on {
            return Came::Lost;
        }
        self.take(known, message)
    }

    fn take(&mut self, known: bool, message: Message) -> Came {
        if message.over {
            return Came::Lost;
        }
        let mut before = None;
        if !known {
            match self.place(&message) {
                Some(stood) => before = stood,
                None => return Came::Lost,
            }
            self.link.adopt(&message);
        }
        let (stands, taken) = (message.stands.clone(), self.link.take(message));
        if taken.gap {
            self.ask();
            return Came::Items(Vec::new());
        }
        (self.stands, self.slept) = (stands, false);
        match before {
            Some(stood) => Came::After(stood, taken.items),
            None => Came::Items(taken.items),
        }
    }

    /// Whether what members were told joins what is told now: `None` where it does not, and where that is not known, where
    /// the channel stood.
    fn place(&self, message: &Message) -> Option<Option<Position>> {
        let Some(stood) = &message.stood else { return Some(None) };
        match &self.stands {
            _ if !self.hear_any() => Some(None),
            Some(known) => (known == stood).then_some(None),
            None if self.slept => Some(Some(stood.clone())),
            None => Some(None),
        }
    }
}
