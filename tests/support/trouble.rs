//! What can go wrong around a channel: a storage that fails when it is told to, and a process that dies in a turn.

use dormouse_core::storage::{
    DisconnectGrace, Floor, Head, Held, Ids, Limit, MemoryStorage, Row, RowKey, Storage, StorageError, Stored,
};
use dormouse_protocol::name::{ConnectionId, Millis};

/// How the process dies in the middle of a turn. What a turn writes becomes durable together or not at all, and
/// nothing is told before (rule D2); sockets break unseen, all memory is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doom {
    /// Before anything was written: nothing is on disk, nothing was told.
    Unwritten,
    /// After everything was written, and so many of the effects were applied.
    Untold(usize),
}

/// Which calls of the storage fail.
#[derive(Clone, Debug, Default)]
pub struct Trouble {
    /// Fails a reading, after so many that succeed.
    pub read: Option<usize>,
    /// Fails a writing, after so many that succeed.
    pub write: Option<usize>,
    /// How many calls have failed.
    pub met: usize,
}

impl Trouble {
    /// From now on all goes well.
    pub fn end(&mut self) {
        (self.read, self.write) = (None, None);
    }

    fn meet(countdown: &mut Option<usize>, met: &mut usize) -> Result<(), StorageError> {
        let Some(left) = countdown else { return Ok(()) };
        if let Some(less) = left.checked_sub(1) {
            *left = less;
            return Ok(());
        }
        *countdown = None;
        *met += 1;
        Err(StorageError::Failed("the disk is in trouble".to_owned()))
    }
}

/// Storage that meets its trouble: a call that fails has done nothing.
pub struct Troubled<'a> {
    pub storage: &'a mut MemoryStorage,
    pub trouble: &'a mut Trouble,
}

impl Troubled<'_> {
    fn read(&mut self) -> Result<&mut MemoryStorage, StorageError> {
        Trouble::meet(&mut self.trouble.read, &mut self.trouble.met)?;
        Ok(self.storage)
    }

    fn write(&mut self) -> Result<&mut MemoryStorage, StorageError> {
        Trouble::meet(&mut self.trouble.write, &mut self.trouble.met)?;
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
