//! The ids seen lately, so that a publish sent again is not heard again (rule D7). The window lives in the ids
//! that each row carries, and is read from them when it is first needed after waking.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh64::Xxh64;

use crate::hub::payer::Payer;
use crate::limits::Limits;
use crate::storage::{Floor, Reply, RowKey, Storage, StorageError, Stored};
use dormouse_protocol::name::{Millis, RequestId};

/// What makes a publish the same as another: who, which id, and what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DedupeKey(String, String, String);

impl DedupeKey {
    /// The mark of a publish; `None` where nobody can be told from anybody else.
    pub fn new(payer: &Payer, id: &RequestId, event: &str, data: &str) -> Option<Self> {
        let speaker = payer.name()?;
        let mut hash = Xxh64::new(0);
        hash.update(event.as_bytes());
        hash.update(&[0]);
        hash.update(data.as_bytes());
        Some(Self(speaker, id.as_str().to_owned(), format!("{:016x}", hash.digest())))
    }

    /// Whose request it is, and its id, as one text that is no other's.
    pub fn text(&self) -> String {
        serde_json::to_string(&(&self.0, &self.1)).unwrap_or_default()
    }

    /// What was asked, hashed.
    pub fn fingerprint(&self) -> &str {
        &self.2
    }

    /// The reply to it, as it is kept.
    pub(crate) fn reply(&self, at: Millis, data: String) -> Reply {
        Reply { key: self.text(), fingerprint: self.2.clone(), at, data }
    }

    fn key(&self) -> (String, String) {
        (self.0.clone(), self.1.clone())
    }
}

/// The ids of a row, one for each message, `null` where it had none.
pub(super) fn encode(dedupe_keys: &[Option<DedupeKey>]) -> String {
    serde_json::to_string(dedupe_keys).unwrap_or_default()
}

/// What an id was used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The same message, under this seq.
    Same(u64),
    /// Another event or other data.
    Other,
}

#[derive(Clone, Debug)]
struct Entry {
    seq: u64,
    at: Millis,
    fingerprint: String,
}

/// The marks of the last kept messages.
#[derive(Debug, Default)]
pub(super) struct Window {
    entries: BTreeMap<(String, String), Entry>,
    order: VecDeque<(u64, (String, String))>,
}

impl Window {
    /// Reads the window out of the rows that the floor holds.
    pub(super) fn load(floor: Floor, storage: &mut dyn Storage) -> Result<Self, StorageError> {
        let mut window = Self::default();
        for stored in storage.ids(floor)? {
            // A row that cannot be read has no ids for us: what it held is as if it were outside the window.
            let Stored::Sound(row) = stored else { continue };
            let dedupe_keys: Vec<Option<DedupeKey>> = serde_json::from_str(&row.ids).unwrap_or_default();
            for (dedupe_key, seq) in dedupe_keys.into_iter().zip(row.key.first..) {
                if let Some(dedupe_key) = dedupe_key {
                    window.insert(dedupe_key, seq, row.key.at);
                }
            }
        }
        Ok(window)
    }

    pub(super) fn seen(&self, dedupe_key: &DedupeKey, head: u64, now: Millis, limits: &Limits) -> Option<Seen> {
        let entry = self.entries.get(&dedupe_key.key())?;
        // What is only reserved gets the time of its row yet: no clock makes it too old.
        let fresh = entry.seq > head || entry.at.saturating_add(limits.dedupe_ms) >= now;
        let held = entry.seq.saturating_add(limits.dedupe_count) > head && fresh;
        let seen = if entry.fingerprint == dedupe_key.2 { Seen::Same(entry.seq) } else { Seen::Other };
        held.then_some(seen)
    }

    pub(super) fn insert(&mut self, dedupe_key: DedupeKey, seq: u64, at: Millis) {
        let key = dedupe_key.key();
        self.order.push_back((seq, key.clone()));
        self.entries.insert(key, Entry { seq, at, fingerprint: dedupe_key.2 });
    }

    /// A row was written: its messages are as old as the row, as they will be after waking.
    pub(super) fn written(&mut self, row: RowKey) {
        for (_, key) in self.order.iter().rev().take_while(|(seq, _)| *seq >= row.first) {
            if let Some(entry) = self.entries.get_mut(key) {
                entry.at = row.at;
            }
        }
    }

    /// Forgets what is outside the window.
    pub(super) fn trim(&mut self, head: u64, now: Millis, limits: &Limits) {
        while let Some((seq, key)) = self.order.front() {
            let at = self.entries.get(key).map_or(0, |entry| entry.at);
            let counted = seq.saturating_add(limits.dedupe_count) > head;
            if counted && at.saturating_add(limits.dedupe_ms) >= now {
                return;
            }
            if self.entries.get(key).is_some_and(|entry| entry.seq == *seq) {
                self.entries.remove(key);
            }
            self.order.pop_front();
        }
    }

    /// Forgets everything from this seq on: it was never written.
    pub(super) fn take_back(&mut self, from: u64) {
        while let Some((seq, key)) = self.order.back().filter(|(seq, _)| *seq >= from) {
            if self.entries.get(key).is_some_and(|entry| entry.seq == *seq) {
                self.entries.remove(key);
            }
            self.order.pop_back();
        }
    }
}
