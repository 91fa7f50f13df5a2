//! Relayed members on disk: a row each, by which they are known again after sleep.

use super::over::{Over, WAKINGS};
use crate::effect::SessionKey;
use crate::link::Number;
use crate::sorted_vec::SortedVec;
use crate::storage::{Commit, RECORD_FORMAT, Record, RecordKind, Storage, StorageError};

/// A relayed member as it was before sleep.
#[derive(Debug)]
pub(in crate::channel) struct Slept {
    /// Its relay.
    pub(in crate::channel) relay: Box<str>,
    /// The life of the link.
    pub(in crate::channel) life: u64,
    /// Its number on the link.
    pub(in crate::channel) number: Number,
    /// What a socket would have attached.
    pub(in crate::channel) attachment: String,
}

/// What is to be written.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// Rows by their keys, as they should be; nothing where there should be none.
    changed: SortedVec<String, Option<(SessionKey, String)>>,
    /// How often the channel has woken, where that is to be written.
    pub(super) wakings: Option<u64>,
    /// Rows that are on disk.
    written: SortedVec<String, ()>,
}

impl Rows {
    /// Reads everyone. Of several lives of one link the last holds; rows of others were to be removed.
    pub(super) fn load(&mut self, storage: &mut dyn Storage) -> Result<Vec<Slept>, StorageError> {
        let records = storage.records(RecordKind::Relayed, "", None, usize::MAX)?;
        self.written = records.iter().map(|record| (record.key.clone(), ())).collect();
        let mut lives: SortedVec<Box<str>, u64> = SortedVec::new();
        let mut slept = Vec::new();
        for Record { key, data, .. } in records {
            let Some((relay, life, number)) = parse(&key) else { continue };
            if lives.get(relay).is_none_or(|latest| *latest < life) {
                lives.insert(relay.into(), life);
            }
            slept.push(Slept { relay: relay.into(), life, number, attachment: data });
        }
        let (slept, gone): (Vec<_>, Vec<_>) =
            slept.into_iter().partition(|it| lives.get(&it.relay).is_some_and(|latest| *latest == it.life));
        gone.iter().for_each(|it| self.remove(&it.relay, it.life, it.number));
        Ok(slept)
    }

    pub(super) fn put(&mut self, (relay, life, number): (&str, u64, Number), key: SessionKey, attachment: String) {
        self.changed.insert(name(relay, life, number), Some((key, attachment)));
    }

    pub(super) fn remove(&mut self, relay: &str, life: u64, number: Number) {
        let name = name(relay, life, number);
        match self.written.contains_key(&name) {
            true => drop(self.changed.insert(name, None)),
            false => drop(self.changed.remove(&name)),
        }
    }

    /// Writes all that has changed, together. Where that fails, who has no row yet.
    pub(super) fn write(
        &mut self,
        storage: &mut dyn Storage,
        over: &mut Over,
    ) -> Result<(), (StorageError, Vec<SessionKey>)> {
        if self.changed.is_empty() && over.unwritten.is_empty() && self.wakings.is_none() {
            return Ok(());
        }
        let record = |(key, row): (&String, &Option<(SessionKey, String)>)| {
            let (kind, key, data) = (RecordKind::Relayed, key.clone(), row.as_ref()?.1.clone());
            Some(Record { kind, key, due: None, format: RECORD_FORMAT, data })
        };
        let links = over.unwritten.iter().filter_map(|relay| over.record(relay));
        let wakings = self.wakings.map(|wakings| {
            let (kind, key, data) = (RecordKind::Relay, WAKINGS.to_owned(), wakings.to_string());
            Record { kind, key, due: None, format: RECORD_FORMAT, data }
        });
        let put: Vec<_> = self.changed.iter().filter_map(record).chain(links).chain(wakings).collect();
        let gone =
            self.changed.iter().filter(|(_, row)| row.is_none()).map(|(key, _)| (RecordKind::Relayed, key.clone()));
        let told = over.unwritten.iter().filter(|relay| over.record(relay).is_none());
        let remove: Vec<_> = gone.chain(told.map(|relay| (RecordKind::Relay, relay.to_string()))).collect();
        if let Err(error) = storage.commit(&Commit { put: &put, remove: &remove, ..Commit::default() }) {
            let unknown = self.changed.iter().filter(|(name, _)| !self.written.contains_key(*name));
            return Err((error, unknown.filter_map(|(_, row)| row.as_ref().map(|(key, _)| *key)).collect()));
        }
        over.unwritten.clear();
        self.wakings = None;
        for (name, row) in std::mem::take(&mut self.changed) {
            match row {
                Some(_) => self.written.insert(name, ()),
                None => self.written.remove(&name),
            };
        }
        Ok(())
    }
}

/// A row's key: in the order of relays and lives.
fn name(relay: &str, life: u64, number: Number) -> String {
    format!("{relay} {life:016x} {number:08x}")
}

fn parse(name: &str) -> Option<(&str, u64, Number)> {
    let (rest, number) = name.rsplit_once(' ')?;
    let (relay, life) = rest.rsplit_once(' ')?;
    Some((relay, u64::from_str_radix(life, 16).ok()?, Number::from_str_radix(number, 16).ok()?))
}
