//! The relay's end of the link with one channel.

use crate::sorted_vec::SortedVec;
use serde_json::value::RawValue;

use crate::effect::SessionKey;
use crate::link::{Hears, Link, Message, Number, Position, Up};
use dormouse_protocol::name::Millis;

/// So long a relay waits for what a channel has told of before it asks, in milliseconds: until then it does not sleep.
const LATE: Millis = 5_000;

/// The link with one channel, and the connections that have joined it.
#[derive(Debug)]
pub(super) struct Downlink {
    link: Link,
    members: SortedVec<Number, (SessionKey, Hears)>,
    next: Number,
    /// Where the channel stands with all that members were told; nothing where that is not known.
    stands: Option<Position>,
    /// Whether it was taken in after sleep, and has not been heard of since.
    slept: bool,
    /// Whether the channel is called even with nothing to say.
    asked: bool,
    /// Since when it waits for what the channel has told of, and no call is under way.
    waits_since: Option<Millis>,
    /// Whether members have only come and gone, which may be heard twice.
    harmless: bool,
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
        Self {
            link: Link::new(life),
            members: SortedVec::new(),
            next: 1,
            stands: None,
            slept: false,
            asked: false,
            waits_since: None,
            harmless: true,
        }
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
        self.harmless &= !matches!(item, Up::Frame(..));
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

    /// When the channel is called again: where a call has failed, or what it has told of does not come.
    pub(super) fn call_at(&self) -> Option<Millis> {
        let late = self.waits_since.map(|since| since.saturating_add(LATE));
        [self.link.retry_at(), late].into_iter().flatten().min()
    }

    /// Notes whether it waits for something; asks for it where it does not come.
    pub(super) fn watch(&mut self, now: Millis) {
        if self.link.has_all() || self.link.is_calling() || self.link.retry_at().is_some() {
            self.waits_since = None;
        } else if now >= self.waits_since.get_or_insert(now).saturating_add(LATE) {
            self.ask();
            self.waits_since = None;
        }
    }

    pub(super) fn call(&mut self, relay: &str, boot: &str, now: Millis) -> Option<Message> {
        let message = self.link.call(boot, now, self.asked)?;
        self.asked = false;
        let harmless = self.harmless && !self.slept && self.link.knows_nobody();
        Some(Message { relay: Some(relay.to_owned()), harmless, ..message })
    }

    /// The answer to the channel's call: that all was taken in. A relay says nothing in answers, so that it knows of all it
    /// says whether it was heard.
    pub(super) fn acknowledge(&self, boot: &str) -> Message {
        self.link.acknowledgement(boot)
    }

    /// The channel calls.
    pub(super) fn called(&mut self, message: Message, boot: &str) -> Came {
        if self.link.is_past(&message.from) {
            return Came::Items(Vec::new());
        }
        let known = self.link.knows(&message.from);
        // A call that is under way is heard by this boot or, if it is not, known to be in doubt once it fails.
        let rests = self.link.knows_nobody() || self.link.has_all();
        // What was said to a boot before this one may have been heard by it.
        let doubtful = message.again && message.to.as_deref() != Some(boot);
        if !known && (!rests || doubtful || self.link.is_in_doubt()) {
            return Came::Lost;
        }
        self.take(known, message, boot)
    }

    /// The channel has answered; nothing where the call failed.
    pub(super) fn answered(&mut self, answer: Option<Message>, boot: &str, now: Millis) -> Came {
        let Some(message) = answer else {
            return if self.link.failed(now) { Came::Lost } else { Came::Items(Vec::new()) };
        };
        let first = self.link.answered();
        let known = self.link.knows(&message.from);
        // It has taken in what it was called with, since nothing of that could have been heard before.
        let goes_on = known || (first && (self.link.knows_nobody() || self.link.has_all()));
        if !goes_on {
            return Came::Lost;
        }
        self.take(known, message, boot)
    }

    fn take(&mut self, known: bool, message: Message, boot: &str) -> Came {
        if message.over {
            return Came::Lost;
        }
        let mut before = None;
        if !known {
            // A boot of this relay before has heard of this waking of the channel, and has slept with nothing under way.
            if message.to.as_deref().is_none_or(|to| to == boot) {
                let Ok(stood) = self.place(&message) else { return Came::Lost };
                before = stood;
            }
            self.link.adopt(&message, boot);
        }
        let (stands, taken) = (message.stands.clone(), self.link.take(message, boot));
        self.slept = false;
        if taken.gap {
            self.ask();
        } else if taken.newest && stands.is_some() {
            self.stands = stands;
        }
        match before {
            Some(stood) => Came::After(stood, taken.items),
            None => Came::Items(taken.items),
        }
    }

    /// Whether what members were told joins what is told now, after the channel has woken: where that is not known, where
    /// it stood; an error where it does not.
    fn place(&mut self, message: &Message) -> Result<Option<Position>, ()> {
        let Some(stood) = message.stood.as_ref().filter(|_| self.hear_any()) else { return Ok(None) };
        let known = self.stands.clone();
        if known.is_none() && !self.slept {
            return Ok(None);
        }
        // Members of a channel that has lost its memory may be gone without a word. Where nobody saw the list, nobody has
        // to see it again.
        let any_sees = self.members.values().any(|(_, hears)| *hears == Hears::Presence);
        if any_sees && known.as_ref().is_none_or(|known| known.here.is_none() || known.here != stood.here) {
            self.push(&Up::Look);
        }
        match known {
            Some(known) if known.is_at(stood) => Ok(None),
            Some(_) => Err(()),
            None => Ok(Some(stood.clone())),
        }
    }
}
