//! The connections of a relay, by the keys of their sockets.

use crate::sorted_vec::SortedVec;

use super::connection::Connection;
use crate::effect::SessionKey;

/// All connections whose sockets are open, those on their way out included.
#[derive(Debug, Default)]
pub(super) struct Connections {
    all: SortedVec<SessionKey, Connection>,
    next: u32,
}

impl Connections {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The next free key.
    pub(super) const fn next_key(&mut self) -> SessionKey {
        let key = SessionKey(self.next);
        self.next = self.next.saturating_add(1);
        key
    }

    pub(super) fn put(&mut self, key: SessionKey, connection: Connection) {
        self.all.insert(key, connection);
    }

    pub(super) fn remove(&mut self, key: SessionKey) -> Option<Connection> {
        self.all.remove(&key)
    }

    pub(super) fn get(&self, key: SessionKey) -> Option<&Connection> {
        self.all.get(&key)
    }

    pub(super) fn get_mut(&mut self, key: SessionKey) -> Option<&mut Connection> {
        self.all.get_mut(&key)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (SessionKey, &mut Connection)> {
        self.all.iter_mut().map(|(key, connection)| (*key, connection))
    }
}
