//! Storage in memory, for tests of the machine: the same contract, and trouble on demand.

use std::collections::{BTreeMap, VecDeque};

use super::beside::Beside;
use super::{
    Commit, DisconnectGrace, Floor, Head, Held, Ids, Limit, Record, RecordKind, Reply, Row, RowKey, Storage,
    StorageError, Stored,
};
use dormouse_protocol::name::{ConnectionId, Millis};

/// Rows below every floor that are left standing until they are dropped together, so that a caller who takes what can
/// be read for what is in bounds is found out.
const SLACK: usize = 8;

/// What would be on disk. A clone is the disk after a crash: what was written, and nothing else.
#[derive(Clone, Debug, Default)]
pub struct MemoryStorage {
    rows: VecDeque<MemoryRow>,
    graces: BTreeMap<ConnectionId, DisconnectGrace>,
    beside: Beside,
    rows_written: u64,
    rows_read: u64,
    /// So many writes succeed before this one does not.
    write_trouble: Option<(usize, StorageError)>,
    read_trouble: Option<StorageError>,
    full: bool,
    cleared: usize,
}

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// Its text does not fit its lengths: only reading the row finds out.
    Text,
    /// A later release wrote ids and text in a form that is unknown here.
    Form,
    /// Its epoch cannot be read: as the newest row it leaves the channel without a head.
    Epoch,
}

#[derive(Clone, Debug)]
struct MemoryRow {
    row: Row,
    damage: Option<Damage>,
}

impl MemoryStorage {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next write fails this way; those after it succeed.
    pub fn fail_next_write(&mut self, error: StorageError) {
        self.fail_write_after(0, error);
    }

    /// So many writes succeed, the next fails this way, and those after it succeed.
    pub fn fail_write_after(&mut self, writes: usize, error: StorageError) {
        self.write_trouble = Some((writes, error));
    }

    /// The next reading fails this way; those after it succeed.
    pub fn fail_next_read(&mut self, error: StorageError) {
        self.read_trouble = Some(error);
    }

    /// Whether the database takes no more rows.
    pub const fn set_full(&mut self, full: bool) {
        self.full = full;
    }

    /// Damages the row that holds `seq`; does nothing where no row does.
    pub fn damage(&mut self, seq: u64, damage: Damage) {
        for kept in self.rows.iter_mut().filter(|kept| kept.holds(seq)) {
            kept.damage = Some(damage);
        }
    }

    /// Takes the row that holds `seq` out of the middle, as no write of ours ever does.
    pub fn lose(&mut self, seq: u64) {
        self.rows.retain(|kept| !kept.holds(seq));
    }

    /// How often everything was forgotten, the alarm too.
    pub const fn cleared(&self) -> usize {
        self.cleared
    }

    /// How many rows, records and replies were read through this value so far: those that were returned, and one where
    /// there was none.
    pub const fn rows_read(&self) -> u64 {
        self.rows_read
    }

    /// Every row there is, ascending, out of bounds or not; one whose text is gone has no frames.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().map(|kept| &kept.row)
    }

    fn may_read(&mut self) -> Result<(), StorageError> {
        self.read_trouble.take().map_or(Ok(()), Err)
    }

    fn may_write(&mut self) -> Result<(), StorageError> {
        match self.write_trouble.take() {
            None => Ok(()),
            Some((0, error)) => Err(error),
            Some((writes, error)) => {
                self.write_trouble = Some((writes.saturating_sub(1), error));
                Ok(())
            }
        }
    }

    /// Counts what is read.
    fn counted<T>(&mut self, read: Vec<T>) -> Vec<T> {
        self.rows_read = self.rows_read.saturating_add(u64::try_from(read.len().max(1)).unwrap_or(u64::MAX));
        read
    }

    fn counted_one<T>(&mut self, read: Option<T>) -> Option<T> {
        self.rows_read = self.rows_read.saturating_add(1);
        read
    }

    fn wrote(&mut self, rows: usize) {
        self.rows_written = self.rows_written.saturating_add(u64::try_from(rows).unwrap_or(u64::MAX));
    }

    /// Drops what no floor holds, once it is worth it.
    fn trim(&mut self, keep: &[Floor]) {
        let held = |kept: &MemoryRow| keep.iter().any(|floor| floor.holds(&kept.row.key()));
        let below = self.rows.iter().position(held).unwrap_or(self.rows.len());
        if below >= SLACK {
            self.rows.drain(..below);
        }
    }
}

impl Storage for MemoryStorage {
    fn head(&mut self) -> Result<Option<Head>, StorageError> {
        self.may_read()?;
        let Some(MemoryRow { row, damage }) = self.rows.back() else { return Ok(None) };
        if *damage == Some(Damage::Epoch) {
            return Err(StorageError::Corrupt { first: row.key().first });
        }
        let RowKey { at, .. } = row.key();
        Ok(Some(Head { epoch: row.epoch().clone(), seq: row.key().last(), at, bytes: row.bytes_after() }))
    }

    fn append(&mut self, row: &Row, keep: &[Floor]) -> Result<(), StorageError> {
        self.commit(&Commit { rows: std::slice::from_ref(row), keep, ..Commit::default() })
    }

    fn commit(&mut self, commit: &Commit<'_>) -> Result<(), StorageError> {
        let Commit { rows, keep, put, remove, replies, .. } = *commit;
        let grows = !(rows.is_empty() && put.is_empty() && replies.is_empty());
        if !grows && remove.is_empty() {
            return Ok(());
        }
        self.may_write()?;
        if self.full && grows {
            return Err(StorageError::Full);
        }
        for row in rows {
            self.trim(keep);
            self.rows.push_back(MemoryRow { row: row.clone(), damage: None });
        }
        let beside = self.beside.write(commit);
        self.wrote(rows.len().saturating_add(beside));
        Ok(())
    }

    fn record(&mut self, kind: RecordKind, key: &str) -> Result<Option<Record>, StorageError> {
        self.may_read()?;
        let record = self.beside.record(kind, key).cloned();
        Ok(self.counted_one(record))
    }

    fn records(
        &mut self,
        kind: RecordKind,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Record>, StorageError> {
        self.may_read()?;
        let records = self.beside.records(kind).filter(|record| record.key.starts_with(prefix));
        let after = |record: &&Record| after.is_none_or(|after| *record.key > *after);
        let records = records.filter(after).take(limit).cloned().collect();
        Ok(self.counted(records))
    }

    fn due_records(&mut self, kind: RecordKind, until: Millis, limit: usize) -> Result<Vec<Record>, StorageError> {
        self.may_read()?;
        let due = self.beside.due(kind, until).into_iter().take(limit).cloned().collect();
        Ok(self.counted(due))
    }

    fn first_due(&mut self, kind: RecordKind) -> Result<Option<Millis>, StorageError> {
        self.may_read()?;
        let first = self.beside.records(kind).filter_map(|record| record.due).min();
        Ok(self.counted_one(first))
    }

    fn reply(&mut self, key: &str, since: Millis) -> Result<Option<Reply>, StorageError> {
        self.may_read()?;
        let reply = self.beside.reply(key, since).cloned();
        Ok(self.counted_one(reply))
    }

    fn read_from(&mut self, seq: u64, limit: Limit) -> Result<Vec<Stored<Row>>, StorageError> {
        self.may_read()?;
        let rows = within(limit, self.rows.iter().filter(has_text).skip_while(|kept| kept.row.key().last() < seq));
        Ok(self.counted(rows))
    }

    fn read_before(&mut self, seq: u64, limit: Limit) -> Result<Vec<Stored<Row>>, StorageError> {
        self.may_read()?;
        let before = self.rows.iter().rev().filter(has_text).skip_while(|kept| kept.row.key().first >= seq);
        let rows = within(limit, before);
        Ok(self.counted(rows))
    }

    fn oldest(&mut self, floor: Floor) -> Result<Option<RowKey>, StorageError> {
        self.may_read()?;
        Ok(self.rows.iter().filter(has_text).map(|kept| kept.row.key()).find(|key| floor.holds(key)))
    }

    fn ids(&mut self, floor: Floor) -> Result<Vec<Stored<Ids>>, StorageError> {
        self.may_read()?;
        let ids = |kept: &MemoryRow| match kept.damage {
            Some(Damage::Form) => Stored::Corrupt { first: kept.row.key().first },
            Some(Damage::Text | Damage::Epoch) | None => {
                Stored::Sound(Ids { key: kept.row.key(), ids: kept.row.ids().to_owned() })
            }
        };
        let ids = self.rows.iter().filter(|kept| floor.holds(&kept.row.key())).map(ids).collect();
        Ok(self.counted(ids))
    }

    fn trim(&mut self, text: Floor, ids: Floor) -> Result<(), StorageError> {
        self.may_write()?;
        let Some(newest) = self.rows.back().map(|kept| kept.row.key().first) else { return Ok(()) };
        let before = self.rows.len();
        self.rows.retain(|kept| {
            let key = kept.row.key();
            key.first == newest || text.holds(&key) || ids.holds(&key)
        });
        let mut changed = before.saturating_sub(self.rows.len());
        for kept in self.rows.iter_mut().filter(|kept| !text.holds(&kept.row.key())) {
            let keeps_ids = ids.holds(&kept.row.key());
            if has_text(&&*kept) || !(keeps_ids || kept.row.ids().is_empty()) {
                changed = changed.saturating_add(1);
                kept.row = kept.row.without_text(keeps_ids);
            }
        }
        self.wrote(changed);
        Ok(())
    }

    fn held(&mut self) -> Result<Held, StorageError> {
        self.may_read()?;
        let at = |kept: Option<&MemoryRow>| kept.map(|kept| kept.row.key().at);
        let text = at(self.rows.iter().find(has_text));
        Ok(Held { text, ids: at(self.rows.iter().find(|kept| !kept.row.ids().is_empty())) })
    }

    fn clear(&mut self) -> Result<(), StorageError> {
        self.may_write()?;
        self.cleared = self.cleared.saturating_add(1);
        self.rows.clear();
        self.graces.clear();
        self.beside = Beside::default();
        Ok(())
    }

    fn clear_history(&mut self) -> Result<(), StorageError> {
        self.may_write()?;
        self.rows.clear();
        self.graces.clear();
        Ok(())
    }

    fn put_grace(&mut self, grace: &DisconnectGrace) -> Result<(), StorageError> {
        self.may_write()?;
        if self.full {
            return Err(StorageError::Full);
        }
        self.graces.insert(grace.connection.clone(), grace.clone());
        self.wrote(1);
        Ok(())
    }

    fn take_grace(&mut self, connection: &ConnectionId) -> Result<Option<DisconnectGrace>, StorageError> {
        self.may_write()?;
        let grace = self.graces.remove(connection);
        self.wrote(usize::from(grace.is_some()));
        Ok(grace)
    }

    fn take_due(&mut self, now: Millis) -> Result<Vec<DisconnectGrace>, StorageError> {
        self.may_write()?;
        let (due, later) = self.graces.values().cloned().partition::<Vec<_>, _>(|it| it.due <= now);
        self.graces = later.into_iter().map(|it| (it.connection.clone(), it)).collect();
        self.wrote(due.len());
        Ok(sorted(due))
    }

    fn graces(&mut self) -> Result<Vec<DisconnectGrace>, StorageError> {
        self.may_read()?;
        Ok(sorted(self.graces.values().cloned().collect()))
    }

    fn rows_written(&self) -> u64 {
        self.rows_written
    }
}

impl MemoryRow {
    fn holds(&self, seq: u64) -> bool {
        (self.row.key().first..=self.row.key().last()).contains(&seq)
    }

    fn found(&self) -> Stored<Row> {
        match self.damage {
            Some(_) => Stored::Corrupt { first: self.row.key().first },
            None => Stored::Sound(self.row.clone()),
        }
    }
}

fn has_text(kept: &&MemoryRow) -> bool {
    !kept.row.lengths().is_empty()
}

/// The rows that one reading returns: the one that crosses the limit is the last.
fn within<'a>(limit: Limit, rows: impl Iterator<Item = &'a MemoryRow>) -> Vec<Stored<Row>> {
    let mut bytes = 0_u64;
    let begun = |kept: &&MemoryRow| {
        let within = bytes == 0 || bytes < limit.bytes;
        bytes = bytes.saturating_add(kept.row.text().len() as u64);
        within
    };
    rows.take(limit.rows.max(1)).take_while(begun).map(MemoryRow::found).collect()
}

fn sorted(mut graces: Vec<DisconnectGrace>) -> Vec<DisconnectGrace> {
    graces.sort_by(DisconnectGrace::earliest_first);
    graces
}
