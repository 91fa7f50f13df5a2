//! The relays that hold members of this channel. To the machine a relayed member is a session like any other; what it
//! wants done for one is told to its relay in place of a socket. So whatever a direct member can do, hears and is refused,
//! a relayed one does, hears and is refused, by the same code (rule M5).
//!
//! What a socket's attachment is to a direct member, a row is to a relayed one.

mod over;
mod rows;
mod speak;
mod uplink;

use crate::effect::{Effect, SessionKey};
use crate::link::{Message, Number, Position};
use crate::sorted_vec::SortedVec;
use crate::storage::{Storage, StorageError};
use dormouse_protocol::name::Millis;

use over::Over;
use rows::Rows;
use uplink::Uplink;

pub(super) use rows::Slept;

/// When the channel has woken or has told relays something, they are looked after so much later, in milliseconds: less than
/// the ten seconds after which an object sleeps, so that where all is well it is still awake and knows it.
const GUARD: Millis = 8_000;

/// Where a relayed member is.
#[derive(Clone, Debug)]
struct Place {
    relay: Box<str>,
    /// The life of the link.
    life: u64,
    number: Number,
}

/// Every relay that holds members of the channel.
#[derive(Debug, Default)]
pub(super) struct Relays {
    /// Tells this waking from others, and is greater than of any before.
    boot: Box<str>,
    wakings: u64,
    /// Where the channel stood when it woke.
    stood: Option<Position>,
    loaded: bool,
    links: SortedVec<Box<str>, Uplink>,
    places: SortedVec<SessionKey, Place>,
    over: Over,
    /// The last life of each relay's link that is over: nothing of it is taken in any more.
    past: SortedVec<Box<str>, u64>,
    rows: Rows,
    /// Relayed members that were told to go: they have no socket whose close would tell that they are gone.
    ended: Vec<SessionKey>,
    /// When relays are looked after.
    guard: Option<Millis>,
    /// The relay that calls, while it is not answered.
    asker: Option<Asker>,
    answer: String,
}

/// A relay that calls.
#[derive(Debug)]
struct Asker {
    relay: Box<str>,
    life: u64,
    /// Whether what it says was taken in.
    taken: bool,
}

impl Relays {
    /// Whether what is on disk of them was read.
    pub(super) const fn is_loaded(&self) -> bool {
        self.loaded
    }

    /// Reads who was here before sleep, for [`Relays::bind`].
    pub(super) fn load(&mut self, storage: &mut dyn Storage) -> Result<Vec<Slept>, StorageError> {
        (self.over, self.wakings) = Over::load(storage)?;
        let slept = self.rows.load(storage)?;
        for member in &slept {
            self.links.insert(member.relay.clone(), Uplink::slept(member.life));
        }
        self.loaded = true;
        Ok(slept)
    }

    /// Begins after waking, where the channel stands. Its name is greater than that of any waking before, so that what was
    /// said before is known to be old.
    pub(super) fn begin(&mut self, stood: Option<Position>, now: Millis) {
        self.wakings = self.wakings.saturating_add(1);
        self.rows.wakings = Some(self.wakings);
        (self.boot, self.stood) = (format!("{:016x}", self.wakings).into(), stood);
        if !self.links.is_empty() {
            self.guard = Some(now.saturating_add(GUARD));
        }
    }

    /// Whether this waking has a name already.
    pub(super) const fn has_begun(&self) -> bool {
        !self.boot.is_empty()
    }

    /// The name of this waking.
    pub(super) const fn boot(&self) -> &str {
        &self.boot
    }

    /// The link with a relay.
    pub(super) fn link(&mut self, relay: &str) -> Option<&mut Uplink> {
        self.links.get_mut(relay)
    }

    /// The link with a relay in this life, begun where there is none. A life before was closed.
    pub(super) fn open(&mut self, relay: &str, life: u64) -> Option<&mut Uplink> {
        self.links.ensure(relay.into(), || Uplink::new(life));
        self.links.get_mut(relay)
    }

    /// A link is over: its relay is told so until it has heard it, and its members are gone.
    pub(super) fn close(&mut self, relay: &str, tell: bool) -> Vec<SessionKey> {
        let Some(link) = self.links.remove(relay) else { return Vec::new() };
        self.past.insert(relay.into(), link.life());
        if tell {
            self.over.add(relay, link.life());
        }
        link.into_sessions()
    }

    /// Links that are given up: too much waits for their relays, or they have not answered for too long.
    pub(super) fn given_up(&self) -> Vec<Box<str>> {
        self.links.iter().filter(|(_, link)| link.is_given_up()).map(|(relay, _)| relay.clone()).collect()
    }

    /// The call that told a relay of the end of a link has come to its end. Whether there was one.
    pub(super) fn told_over(&mut self, relay: &str, heard: bool, now: Millis) -> bool {
        self.over.answered(relay, heard, now)
    }

    /// Whether this life of a relay's link is over.
    pub(super) fn is_over(&self, relay: &str, life: u64) -> bool {
        self.past.get(relay).is_some_and(|past| *past >= life) || self.over.ends(relay, life)
    }

    /// A session is of a relayed member.
    pub(super) fn bind(&mut self, key: SessionKey, relay: &str, number: Number) {
        if let Some(link) = self.links.get_mut(relay) {
            link.bind(number, key);
            self.places.insert(key, Place { relay: relay.into(), life: link.life(), number });
        }
    }

    /// The next relayed member that was told to go.
    pub(super) fn next_ended(&mut self) -> Option<SessionKey> {
        self.ended.pop()
    }

    /// When the timer must fire for relays.
    pub(super) fn timer_at(&self) -> Option<Millis> {
        self.links.values().filter_map(Uplink::retry_at).min()
    }

    /// When the alarm must fire for relays.
    pub(super) fn alarm_at(&self) -> Option<Millis> {
        [self.guard, self.over.due_at()].into_iter().flatten().min()
    }

    /// Relays that have not said anything since the channel woke are asked, if it is time.
    pub(super) fn look_after(&mut self, now: Millis) {
        if self.guard.is_some_and(|at| at <= now) {
            self.guard = None;
            self.links.values_mut().for_each(Uplink::look_after);
        }
    }

    /// Should this memory be lost before a relay has heard all, it is told all the same that it may have missed something.
    pub(super) fn guard(&mut self, now: Millis) {
        let told = self.links.values_mut().fold(false, |told, link| told | link.take_told());
        if told {
            self.guard.get_or_insert_with(|| now.saturating_add(GUARD));
        }
    }

    /// What relays are called with, by the steady clock and the alarm's; `waits` where something more will be told that
    /// somebody waits for. At most one call of a relay is under way.
    pub(super) fn calls(
        &mut self,
        (steady, now): (Millis, Millis),
        waits: bool,
        stands: Option<&Position>,
    ) -> Vec<Effect> {
        let busy = |relay: &str| self.links.get(relay).is_some_and(Uplink::is_calling);
        let mut calls = self.over.calls(&self.boot, now, busy);
        for (relay, link) in self.links.iter_mut() {
            if self.over.is_calling(relay) {
                continue;
            }
            if let Some(message) = link.call(&self.boot, steady, waits) {
                let message = placed(message, link, self.stood.as_ref(), stands);
                calls.push(Effect::CallRelay { relay: relay.to_string(), body: message.encode() });
            }
        }
        calls
    }

    /// A relay that calls is answered at the end of the event: that its link is over where nothing was taken in.
    pub(super) fn owe_answer(&mut self, relay: Box<str>, life: u64, taken: bool) {
        self.asker = Some(Asker { relay, life, taken });
    }

    /// Answers the relay that calls, if one does, with all that it was not told yet.
    pub(super) fn answer(&mut self, waits: bool, stands: Option<&Position>) {
        let Some(Asker { relay, life, taken }) = self.asker.take() else { return };
        let link = self.links.get_mut(&relay).filter(|link| taken && link.is_of(life));
        let message = match link {
            Some(link) => {
                let message = link.answer(&self.boot, waits);
                placed(message, link, self.stood.as_ref(), stands)
            }
            None => Message::over(life, &self.boot),
        };
        self.answer = message.encode();
    }

    /// The answer to the relay that has called.
    pub(super) fn take_answer(&mut self) -> String {
        std::mem::take(&mut self.answer)
    }

    /// Whether no relay is to be told or answered anything.
    pub(super) fn are_idle(&self) -> bool {
        self.links.is_empty() && self.over.is_empty() && self.asker.is_none()
    }

    /// Whether any relay has to do with the channel.
    pub(super) fn holds_any(&self) -> bool {
        !self.links.is_empty()
    }

    /// Writes what of relayed members must outlive sleep. Those of whom nothing could be written, though nothing is on
    /// disk of them: they would be forgotten in sleep.
    pub(super) fn write(&mut self, storage: &mut dyn Storage) -> Result<(), (StorageError, Vec<SessionKey>)> {
        self.rows.write(storage, &mut self.over)
    }
}

/// A message with where the channel stands, if all that was told of it is in here or was before, and until the relay has
/// something of this waking with where it stood then.
fn placed(message: Message, link: &Uplink, stood: Option<&Position>, stands: Option<&Position>) -> Message {
    let stood = stood.filter(|_| message.open == 1 && !link.knows_stood()).cloned();
    let is_whole = message.at.saturating_add(message.items.len() as u64) > message.owes;
    Message { stood, stands: stands.filter(|_| is_whole).cloned(), ..message }
}
