//! The connections of a relay, by the keys of their sockets.

use super::connection::Connection;
use crate::effect::SessionKey;
use crate::sorted_vec::SortedVec;

/// All connections whose sockets are open, those on their way out included.
#[derive(Debug, Default)]
pub(super) struct Connections {
    all: SortedVec<SessionKey, Connection>,
    next: u32,
    /// Those that this event has to do with.
    touched: Vec<SessionKey>,
    /// Those whose attachments are not as they should be.
    unsaved: Vec<SessionKey>,
}

/// With so many attachments to be written, they are written though the relay is not at rest.
const UNSAVED_MAX: usize = 256;

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
        self.touched.push(key);
        self.all.insert(key, connection);
    }

    pub(super) fn remove(&mut self, key: SessionKey) -> Option<Connection> {
        self.all.remove(&key)
    }

    pub(super) fn get(&self, key: SessionKey) -> Option<&Connection> {
        self.all.get(&key)
    }

    pub(super) fn get_mut(&mut self, key: SessionKey) -> Option<&mut Connection> {
        if self.touched.last() != Some(&key) {
            self.touched.push(key);
        }
        self.all.get_mut(&key)
    }

    /// Whether all attachments are as they should be.
    pub(super) const fn are_saved(&self) -> bool {
        self.unsaved.is_empty()
    }

    /// Those whose attachments are to be written now: all that have changed once the relay is at rest, since no memory is
    /// lost before by sleep, and what is lost otherwise is not believed. An attachment names every channel of its
    /// connection, and is not written again for each of them.
    pub(super) fn take_unsaved(&mut self, at_rest: bool) -> Vec<SessionKey> {
        for key in std::mem::take(&mut self.touched) {
            let Some(connection) = self.all.get_mut(&key) else { continue };
            if std::mem::take(&mut connection.changed) && !std::mem::replace(&mut connection.unsaved, true) {
                self.unsaved.push(key);
            }
        }
        if at_rest || self.unsaved.len() >= UNSAVED_MAX { std::mem::take(&mut self.unsaved) } else { Vec::new() }
    }

    /// Its attachment is written.
    pub(super) fn saved(&mut self, key: SessionKey) -> Option<&Connection> {
        let connection = self.all.get_mut(&key)?;
        connection.unsaved = false;
        Some(connection)
    }
}
