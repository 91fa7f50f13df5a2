//! A disk under test: a storage that can be restarted, damaged and made to fail.

use dormouse_core::storage::{Damage, MemoryStorage, Storage, StorageError};

/// A storage and the power over what is beneath it.
pub(crate) trait Disk {
    type Store: Storage;

    /// An empty one.
    fn new() -> Self;
    fn store(&mut self) -> &mut Self::Store;
    /// All memory is gone, what was written is there.
    fn restart(&mut self);
    fn damage(&mut self, seq: u64, damage: Damage);
    fn lose(&mut self, seq: u64);
    fn fail_next_write(&mut self, error: StorageError);
    fn fail_next_read(&mut self, error: StorageError);
}

pub(crate) struct InMemory(MemoryStorage);

impl Disk for InMemory {
    type Store = MemoryStorage;

    fn new() -> Self {
        Self(MemoryStorage::new())
    }

    fn store(&mut self) -> &mut MemoryStorage {
        &mut self.0
    }

    fn restart(&mut self) {
        self.0 = self.0.clone();
    }

    fn damage(&mut self, seq: u64, damage: Damage) {
        self.0.damage(seq, damage);
    }

    fn lose(&mut self, seq: u64) {
        self.0.lose(seq);
    }

    fn fail_next_write(&mut self, error: StorageError) {
        self.0.fail_next_write(error);
    }

    fn fail_next_read(&mut self, error: StorageError) {
        self.0.fail_next_read(error);
    }
}
