//! Members whose connection broke and who may still come back (rule P3), as they stand on disk: by connection, and the
//! earliest to leave first.

use crate::deadlines::Deadlines;
use crate::name::{ConnectionId, Millis};
use crate::sorted::Sorted;
use crate::storage::Departure;

/// Everybody who is in the grace.
#[derive(Debug, Default)]
pub struct Departures {
    all: Sorted<ConnectionId, Box<Departure>>,
    due: Deadlines<ConnectionId>,
}

impl Departures {
    /// Adds one, in place of an earlier departure of the same connection.
    pub fn insert(&mut self, departure: Departure) {
        self.remove(&departure.connection);
        self.due.set(departure.due, departure.connection.clone());
        self.all.insert(departure.connection.clone(), departure.into());
    }

    /// The departure of a connection.
    pub fn get(&self, connection: &ConnectionId) -> Option<&Departure> {
        self.all.get(connection).map(|departure| &**departure)
    }

    /// Takes out the departure of a connection.
    pub fn remove(&mut self, connection: &ConnectionId) {
        if let Some(departure) = self.all.remove(connection) {
            self.due.unset(departure.due, departure.connection);
        }
    }

    /// Whether nobody is in the grace.
    pub const fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// When the first of them has left for good.
    pub fn first_due(&self) -> Option<Millis> {
        self.due.first()
    }

    /// The connections of those who have left for good, the earliest first.
    pub fn due(&self, now: Millis) -> Vec<ConnectionId> {
        self.due.due(now).cloned().collect()
    }

    /// The connections of all.
    pub fn into_connections(self) -> impl Iterator<Item = ConnectionId> {
        self.all.into_keys()
    }
}
