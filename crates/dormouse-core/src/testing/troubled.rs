//! Storage in memory that meets trouble.

use super::trouble::Trouble;
use crate::storage::{
    Commit, DisconnectGrace, Floor, Head, Held, Ids, Limit, MemoryStorage, Record, RecordKind, Reply, Row, RowKey,
    Storage, StorageError, Stored,
};
use dormouse_protocol::name::{ConnectionId, Millis};

/// Storage that meets its trouble: a call that fails has done nothing.
pub(super) struct Troubled<'a> {
    pub(super) storage: &'a mut MemoryStorage,
    pub(super) trouble: &'a mut Trouble,
}

impl Troubled<'_> {
    fn read(&mut self) -> Result<&mut MemoryStorage, StorageError> {
        self.trouble.meet_read()?;
        Ok(self.storage)
    }

    fn write(&mut self) -> Result<&mut MemoryStorage, StorageError> {
        self.trouble.meet_write()?;
        Ok(self.storage)
    }
}

impl Storage for Troubled<'_> {
    fn head(&mut self) -> Result<Option<Head>, StorageError> {
        self.read()?.head()
    }

    fn append(&mut self, row: &Row, keep: &[Floor]) -> Result<(), StorageError> {
        self.write()?.append(row, keep)
    }

    fn commit(&mut self, commit: &Commit<'_>) -> Result<(), StorageError> {
        self.write()?.commit(commit)
    }

    fn record(&mut self, kind: RecordKind, key: &str) -> Result<Option<Record>, StorageError> {
        self.read()?.record(kind, key)
    }

    fn records(
        &mut self,
        kind: RecordKind,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Record>, StorageError> {
        self.read()?.records(kind, prefix, after, limit)
    }

    fn due_records(&mut self, kind: RecordKind, until: Millis, limit: usize) -> Result<Vec<Record>, StorageError> {
        self.read()?.due_records(kind, until, limit)
    }

    fn first_due(&mut self, kind: RecordKind) -> Result<Option<Millis>, StorageError> {
        self.read()?.first_due(kind)
    }

    fn reply(&mut self, key: &str, since: Millis) -> Result<Option<Reply>, StorageError> {
        self.read()?.reply(key, since)
    }

    fn read_from(&mut self, seq: u64, limit: Limit) -> Result<Vec<Stored<Row>>, StorageError> {
        self.read()?.read_from(seq, limit)
    }

    fn read_before(&mut self, seq: u64, limit: Limit) -> Result<Vec<Stored<Row>>, StorageError> {
        self.read()?.read_before(seq, limit)
    }

    fn oldest(&mut self, floor: Floor) -> Result<Option<RowKey>, StorageError> {
        self.read()?.oldest(floor)
    }

    fn ids(&mut self, floor: Floor) -> Result<Vec<Stored<Ids>>, StorageError> {
        self.read()?.ids(floor)
    }

    fn trim(&mut self, text: Floor, ids: Floor) -> Result<(), StorageError> {
        self.write()?.trim(text, ids)
    }

    fn held(&mut self) -> Result<Held, StorageError> {
        self.read()?.held()
    }

    fn clear(&mut self) -> Result<(), StorageError> {
        self.write()?.clear()
    }

    fn clear_history(&mut self) -> Result<(), StorageError> {
        self.write()?.clear_history()
    }

    fn put_grace(&mut self, grace: &DisconnectGrace) -> Result<(), StorageError> {
        self.write()?.put_grace(grace)
    }

    fn take_grace(&mut self, connection: &ConnectionId) -> Result<Option<DisconnectGrace>, StorageError> {
        self.write()?.take_grace(connection)
    }

    fn take_due(&mut self, now: Millis) -> Result<Vec<DisconnectGrace>, StorageError> {
        self.write()?.take_due(now)
    }

    fn graces(&mut self) -> Result<Vec<DisconnectGrace>, StorageError> {
        self.read()?.graces()
    }

    fn rows_written(&self) -> u64 {
        self.storage.rows_written()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_meets_trouble_as_an_append_does_and_readings_of_it_as_any_other() {
        let put =
            [Record { kind: RecordKind::Timer, key: "ann".to_owned(), due: Some(5), format: 1, data: String::new() }];
        let commit = Commit { put: &put, ..Commit::default() };
        let mut storage = MemoryStorage::new();
        let mut trouble = Trouble::default();
        (trouble.write, trouble.read) = (Some(1), Some(4));
        let mut troubled = Troubled { storage: &mut storage, trouble: &mut trouble };
        assert_eq!(troubled.commit(&commit), Ok(()));
        assert!(troubled.commit(&Commit { remove: &[(RecordKind::Timer, "ann".to_owned())], ..commit }).is_err());
        assert_eq!(troubled.record(RecordKind::Timer, "ann"), Ok(Some(put[0].clone())));
        assert_eq!(troubled.records(RecordKind::Timer, "", None, 9), Ok(put.to_vec()));
        assert_eq!(troubled.due_records(RecordKind::Timer, 5, 9), Ok(put.to_vec()));
        assert_eq!(troubled.reply("ann", 0), Ok(None));
        assert!(troubled.first_due(RecordKind::Timer).is_err());
        assert_eq!(troubled.first_due(RecordKind::Timer), Ok(Some(5)));
        troubled.trouble.write = Some(0);
        assert!(troubled.clear_history().is_err());
        assert_eq!(trouble.met(), 3);
    }
}
