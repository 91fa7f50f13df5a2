//! Links that are over and of which their relays do not know: without being told, their members would wait for ever.

use crate::effect::Effect;
use crate::link::Message;
use crate::sorted_vec::SortedVec;
use crate::storage::{RECORD_FORMAT, Record, RecordKind, Storage, StorageError};
use dormouse_protocol::name::Millis;

/// When a relay is told again, in milliseconds.
const AGAIN: Millis = 60_000;

/// The record that counts how often the channel has woken with relays.
pub(super) const WAKINGS: &str = "";

/// The links that are over, by their relays: of the latest life, which ends all before it.
#[derive(Debug, Default)]
pub(super) struct Over {
    links: SortedVec<Box<str>, Ended>,
    /// Relays whose rows are not as they should be.
    pub(super) unwritten: Vec<Box<str>>,
}

#[derive(Clone, Copy, Debug)]
struct Ended {
    life: u64,
    calling: bool,
    again: Millis,
}

impl Over {
    /// Reads which there are; and how often the channel has woken.
    pub(super) fn load(storage: &mut dyn Storage) -> Result<(Self, u64), StorageError> {
        let records = storage.records(RecordKind::Relay, "", None, usize::MAX)?;
        let (wakings, records): (Vec<_>, Vec<_>) = records.into_iter().partition(|record| record.key == WAKINGS);
        let wakings = wakings.first().and_then(|record| record.data.parse().ok()).unwrap_or(0);
        let ended = |life| Ended { life, calling: false, again: 0 };
        let links = records.into_iter().filter_map(|row| Some((row.key.into(), ended(row.data.parse().ok()?))));
        Ok((Self { links: links.collect(), unwritten: Vec::new() }, wakings))
    }

    pub(super) fn add(&mut self, relay: &str, life: u64) {
        self.links.insert(relay.into(), Ended { life, calling: false, again: 0 });
        self.unwritten.push(relay.into());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// When one is to be told, by the clock of the alarm; 0 is at once.
    pub(super) fn due_at(&self) -> Option<Millis> {
        self.links.values().filter(|ended| !ended.calling).map(|ended| ended.again).min()
    }

    /// Whether this life of a relay's link has ended.
    pub(super) fn ends(&self, relay: &str, life: u64) -> bool {
        self.links.get(relay).is_some_and(|ended| ended.life >= life)
    }

    pub(super) fn is_calling(&self, relay: &str) -> bool {
        self.links.get(relay).is_some_and(|ended| ended.calling)
    }

    /// The calls of those relays that are not busy with another.
    pub(super) fn calls(&mut self, boot: &str, now: Millis, busy: impl Fn(&str) -> bool) -> Vec<Effect> {
        let due = self.links.iter_mut().filter(|(relay, it)| !it.calling && it.again <= now && !busy(relay));
        let mut calls = Vec::new();
        for (relay, ended) in due {
            (ended.calling, ended.again) = (true, now.saturating_add(AGAIN));
            let body = Message::over(ended.life, boot).encode();
            calls.push(Effect::CallRelay { relay: relay.to_string(), body });
        }
        calls
    }

    /// A relay has heard it, or not. Whether it was told so at all.
    pub(super) fn answered(&mut self, relay: &str, heard: bool, now: Millis) -> bool {
        let Some(ended) = self.links.get_mut(relay).filter(|ended| ended.calling) else { return false };
        (ended.calling, ended.again) = (false, now.saturating_add(AGAIN));
        if heard {
            self.links.remove(relay);
            self.unwritten.push(relay.into());
        }
        true
    }

    /// The row of a relay, as it should be.
    pub(super) fn record(&self, relay: &str) -> Option<Record> {
        let life = self.links.get(relay)?.life;
        let (kind, key, data) = (RecordKind::Relay, relay.to_owned(), life.to_string());
        Some(Record { kind, key, due: None, format: RECORD_FORMAT, data })
    }
}
