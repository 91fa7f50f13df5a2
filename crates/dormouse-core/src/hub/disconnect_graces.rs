//! Members whose connection broke and who may still come back (rule P3), as they stand on disk: by connection, and the
//! earliest to leave first.

use std::collections::BTreeMap;

use crate::deadlines::Deadlines;
use crate::member_map::MemberMap;
use crate::storage::DisconnectGrace;
use dormouse_protocol::name::{ConnectionId, Millis, UserId};

/// Everybody who is in the grace.
#[derive(Debug, Default)]
pub(super) struct DisconnectGraces {
    all: MemberMap<ConnectionId, Box<(DisconnectGrace, Option<UserId>)>>,
    due: Deadlines<ConnectionId>,
    by_user: BTreeMap<UserId, Deadlines<ConnectionId>>,
}

impl DisconnectGraces {
    /// Adds one, in place of an earlier grace of the same connection; of a user's where that is known.
    pub(super) fn insert(&mut self, grace: DisconnectGrace, user: Option<&UserId>) {
        self.remove(&grace.connection);
        self.due.set(grace.due, grace.connection.clone());
        if let Some(user) = user {
            self.by_user.entry(user.clone()).or_default().set(grace.due, grace.connection.clone());
        }
        self.all.insert(grace.connection.clone(), (grace, user.cloned()).into());
    }

    /// The grace of a connection.
    pub(super) fn get(&self, connection: &ConnectionId) -> Option<&DisconnectGrace> {
        self.all.get(connection).map(|grace| &grace.0)
    }

    /// Takes out the grace of a connection.
    pub(super) fn remove(&mut self, connection: &ConnectionId) {
        let Some((grace, user)) = self.all.remove(connection).map(|grace| *grace) else { return };
        self.due.unset(grace.due, grace.connection.clone());
        let Some(user) = user else { return };
        let Some(own) = self.by_user.get_mut(&user) else { return };
        own.unset(grace.due, grace.connection);
        if own.is_empty() {
            self.by_user.remove(&user);
        }
    }

    /// How many of the user's are in the grace.
    pub(super) fn of_user(&self, user: &UserId) -> usize {
        self.by_user.get(user).map_or(0, Deadlines::len)
    }

    /// The user's connection that leaves for good first.
    pub(super) fn oldest_of(&self, user: &UserId) -> Option<&ConnectionId> {
        self.by_user.get(user).and_then(|own| own.due(Millis::MAX).next())
    }

    /// How many are in the grace.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether nobody is in the grace.
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// When the first of them has left for good.
    pub(super) fn first_due(&self) -> Option<Millis> {
        self.due.first()
    }

    /// The connections of those who have left for good, the earliest first.
    pub(super) fn due(&self, now: Millis) -> Vec<ConnectionId> {
        self.due.due(now).cloned().collect()
    }

    /// The connections of all.
    pub(super) fn into_connections(self) -> impl Iterator<Item = ConnectionId> {
        self.all.into_keys()
    }
}
