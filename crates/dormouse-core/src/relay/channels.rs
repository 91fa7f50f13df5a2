//! The channels that connections of a relay have joined, by name and by the life of the link.

use super::downlink::Downlink;
use crate::effect::SessionKey;
use crate::sorted_vec::SortedVec;
use crate::storage::{Commit, RECORD_FORMAT, Record, RecordKind, Storage, StorageError};
use dormouse_protocol::name::ChannelName;

/// The record that counts lives: none is given twice, and a later one is greater.
const LIVES: &str = "lives";

/// All links of a relay.
#[derive(Debug, Default)]
pub(super) struct Channels {
    links: SortedVec<ChannelName, Downlink>,
    by_life: SortedVec<u64, ChannelName>,
    /// The last life that was given.
    lives: u64,
    /// Links whose rows are not as they should be.
    changed: Vec<ChannelName>,
    lives_changed: bool,
    /// Links that this event has to do with: the others are as they were, and not looked at.
    touched: Vec<ChannelName>,
    /// Links that are not at rest.
    restless: SortedVec<ChannelName, ()>,
}

impl Channels {
    /// Reads which links there were.
    pub(super) fn load(&mut self, storage: &mut dyn Storage) -> Result<(), StorageError> {
        let lives = storage.record(RecordKind::State, LIVES)?;
        self.lives = lives.and_then(|record| record.data.parse().ok()).unwrap_or(0);
        for Record { key, data, .. } in storage.records(RecordKind::Relay, "", None, usize::MAX)? {
            let (Some(channel), Ok(life)) = (ChannelName::parse(&key), data.parse()) else { continue };
            self.by_life.insert(life, channel.clone());
            self.links.insert(channel, Downlink::slept(life));
            self.lives = self.lives.max(life);
        }
        Ok(())
    }

    pub(super) fn get(&self, channel: &ChannelName) -> Option<&Downlink> {
        self.links.get(channel)
    }

    pub(super) fn get_mut(&mut self, channel: &ChannelName) -> Option<&mut Downlink> {
        self.touched.push(channel.clone());
        self.links.get_mut(channel)
    }

    /// Has all that are not at rest looked at: something may be due.
    pub(super) fn touch_restless(&mut self) {
        self.touched.extend(self.restless.iter().map(|(channel, ())| channel.clone()));
    }

    /// What this event has to do with, each once.
    pub(super) fn take_touched(&mut self) -> Vec<ChannelName> {
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        touched.dedup();
        touched
    }

    /// Notes which of these are at rest.
    pub(super) fn note_rest(&mut self, touched: &[ChannelName]) {
        for channel in touched {
            match self.links.get(channel).filter(|link| !link.is_at_rest()) {
                Some(_) => self.restless.insert(channel.clone(), ()),
                None => self.restless.remove(channel),
            };
        }
    }

    /// The channel of a link that goes on.
    pub(super) fn of_life(&self, life: u64) -> Option<&ChannelName> {
        self.by_life.get(&life)
    }

    /// The link with a channel, begun where there is none.
    pub(super) fn open(&mut self, channel: &ChannelName) -> Option<&mut Downlink> {
        if !self.links.contains_key(channel) {
            self.begin(channel);
        }
        self.get_mut(channel)
    }

    /// Begins another life of the link with a channel. The one that is over, if there was one.
    pub(super) fn begin(&mut self, channel: &ChannelName) -> Option<Downlink> {
        self.lives = self.lives.saturating_add(1);
        self.lives_changed = true;
        self.changed.push(channel.clone());
        self.touched.push(channel.clone());
        self.by_life.insert(self.lives, channel.clone());
        let over = self.links.insert(channel.clone(), Downlink::new(self.lives));
        if let Some(over) = &over {
            self.by_life.remove(&over.life());
        }
        over
    }

    /// Begins those links anew that have members and are not on disk: of these nothing was said yet. Who was a member.
    pub(super) fn empty_unwritten(&mut self) -> Vec<(ChannelName, Vec<SessionKey>)> {
        let mut emptied = Vec::new();
        for channel in &self.changed {
            if let Some(link) = self.links.get_mut(channel).filter(|link| !link.is_empty()) {
                let fresh = Downlink::new(link.life());
                let members = std::mem::replace(link, fresh).members().map(|(_, key)| key).collect();
                emptied.push((channel.clone(), members));
            }
        }
        emptied
    }

    /// Lets go of those links whose channels have heard that nobody is a member any more.
    pub(super) fn forget_done(&mut self, touched: &[ChannelName]) {
        for channel in touched {
            if self.links.get(channel).is_some_and(Downlink::is_done)
                && let Some(link) = self.links.remove(channel)
            {
                self.by_life.remove(&link.life());
                self.changed.push(channel.clone());
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// Those of which nobody is a member.
    pub(super) fn empty(&self) -> Vec<ChannelName> {
        self.links.iter().filter(|(_, link)| link.is_empty()).map(|(channel, _)| channel.clone()).collect()
    }

    /// Whether nothing is under way on any link.
    pub(super) const fn are_at_rest(&self) -> bool {
        self.restless.is_empty()
    }

    /// Writes which links there are. What could not be written is tried again with the next.
    pub(super) fn write(&mut self, storage: &mut dyn Storage) -> Result<(), StorageError> {
        if self.changed.is_empty() && !self.lives_changed {
            return Ok(());
        }
        let record = |kind, key: &str, data: String| {
            let key = key.to_owned();
            Record { kind, key, due: None, format: RECORD_FORMAT, data }
        };
        let lives = self.lives_changed.then(|| record(RecordKind::State, LIVES, self.lives.to_string()));
        let row = |channel: &ChannelName| {
            let life = self.links.get(channel)?.life().to_string();
            Some(record(RecordKind::Relay, channel.as_str(), life))
        };
        let put: Vec<_> = self.changed.iter().filter_map(row).chain(lives).collect();
        let gone = self.changed.iter().filter(|channel| !self.links.contains_key(*channel));
        let remove: Vec<_> = gone.map(|channel| (RecordKind::Relay, channel.to_string())).collect();
        storage.commit(&Commit { put: &put, remove: &remove, ..Commit::default() })?;
        self.changed.clear();
        self.lives_changed = false;
        Ok(())
    }
}
