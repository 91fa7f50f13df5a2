//! What a turn of the code sees of the hub: rows as they are on disk or about to be, chance, and who is here.

use super::Edges;
use super::code::Records;
use crate::context::Context;
use crate::contract::Who;
use crate::contract::handler::Around;
use crate::storage::{RECORD_FORMAT, RecordKind, StorageError};

/// One turn's view.
pub(super) struct View<'a, 'c> {
    pub(super) cx: &'a mut Context<'c>,
    pub(super) edges: &'a mut dyn Edges,
    /// What earlier turns have changed that is not on disk yet.
    pub(super) records: &'a Records,
    /// Whether the disk could not be read.
    pub(super) unread: bool,
}

impl View<'_, '_> {
    fn read<T>(&mut self, found: Result<T, StorageError>) -> Result<T, String> {
        self.unread |= found.is_err();
        found.map_err(|error| error.to_string())
    }
}

impl Around for View<'_, '_> {
    fn draw(&self) -> u64 {
        self.cx.surroundings.draw()
    }

    fn row(&mut self, key: &str) -> Result<Option<String>, String> {
        if let Some(changed) = self.records.get(&(RecordKind::Row, key.to_owned())) {
            return Ok(changed.as_ref().map(|changed| changed.data.clone()));
        }
        let found = self.cx.storage.record(RecordKind::Row, key);
        match self.read(found)? {
            Some(record) if record.format != RECORD_FORMAT => {
                Err(format!("row `{key}` is of a later release's format"))
            }
            found => Ok(found.map(|record| record.data)),
        }
    }

    fn rows(&mut self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<(String, String)>, String> {
        let is_meant = |key: &str| key.starts_with(prefix) && after.is_none_or(|after| key > after);
        let pending = self.records.iter().filter(|((kind, key), _)| *kind == RecordKind::Row && is_meant(key));
        // What is taken out is read and passed over.
        let taken = pending.clone().filter(|(_, changed)| changed.is_none()).count();
        let found = self.cx.storage.records(RecordKind::Row, prefix, after, limit.saturating_add(taken));
        let found = self.read(found)?;
        if let Some(newer) = found.iter().find(|record| record.format != RECORD_FORMAT) {
            return Err(format!("row `{}` is of a later release's format", newer.key));
        }
        let mut rows: std::collections::BTreeMap<_, _> =
            found.into_iter().map(|record| (record.key, Some(record.data))).collect();
        rows.extend(
            pending.map(|((_, key), changed)| (key.clone(), changed.as_ref().map(|changed| changed.data.clone()))),
        );
        Ok(rows.into_iter().filter_map(|(key, data)| Some((key, data?))).take(limit).collect())
    }

    fn members(&mut self) -> Vec<Who> {
        self.edges.members(self.cx)
    }
}
