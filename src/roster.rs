//! The sessions of a channel, found by key, by connection and by user.

use crate::effect::{Hearing, SessionKey};
use crate::name::{ConnectionId, Millis, UserId};
use crate::places::{Places, step};
use crate::protocol::request::Targets;
use crate::session::{Session, Stage};
use crate::sleeper::Sleeper;
use crate::sorted::Sorted;

/// All sessions whose link is open, those on their way out included.
#[derive(Debug, Default)]
pub struct Roster {
    sessions: Sorted<SessionKey, Box<Session>>,
    /// Those that have not been heard since the channel woke, by their keys from 0.
    sleepers: Vec<Option<Sleeper>>,
    asleep: usize,
    next: u32,
    by_connection: Sorted<ConnectionId, SessionKey>,
    by_user: Sorted<UserId, Vec<SessionKey>>,
    places: Places,
    awaiting: usize,
    hearing: [usize; 2],
    /// No grant expires earlier; a lower bound, made exact when it is reached (rule A6).
    earliest_expiry: Option<Millis>,
}

impl Roster {
    /// The next free key.
    pub fn next_key(&mut self) -> SessionKey {
        let key = SessionKey(self.next);
        self.next = self.next.saturating_add(1);
        key
    }

    /// A key that is in use, also by a socket that carries no session: it is not given out again.
    pub fn reserve(&mut self, key: SessionKey) {
        self.next = self.next.max(key.0.saturating_add(1));
    }

    /// Adds or replaces a session, and finds it by what it is now.
    pub fn put(&mut self, key: SessionKey, session: Session) {
        self.remove(key);
        self.reserve(key);
        self.count(&session, true);
        if session.kept.stage != Stage::Leaving {
            self.by_connection.insert(session.kept.connection.clone(), key);
            if let Some(user) = session.kept.user() {
                self.by_user.update(user.clone(), |keys| keys.push(key));
            }
            self.note_expiry(session.kept.expires());
        }
        self.sessions.insert(key, session.into());
    }

    fn note_expiry(&mut self, expires: Millis) {
        self.earliest_expiry = Some(self.earliest_expiry.map_or(expires, |earliest| earliest.min(expires)));
    }

    /// Adds the next session that slept, by its head alone; `None` for a socket whose session is read whole.
    pub fn add_sleeper(&mut self, sleeper: Option<Sleeper>) {
        if let Some(sleeper) = &sleeper {
            self.count_sleeper(sleeper, true);
            self.note_expiry(sleeper.expires);
        }
        self.sleepers.push(sleeper);
    }

    /// Takes out a sleeper, whose session is put in its place.
    pub fn rouse(&mut self, key: SessionKey) -> Option<Sleeper> {
        if self.asleep == 0 {
            return None;
        }
        let sleeper = self.sleepers.get_mut(usize::try_from(key.0).ok()?)?.take()?;
        self.count_sleeper(&sleeper, false);
        Some(sleeper)
    }

    /// The keys of the sleepers that are like this.
    pub fn sleepers(&self, like: impl Fn(&Sleeper) -> bool) -> Vec<SessionKey> {
        if self.asleep == 0 {
            return Vec::new();
        }
        let keyed = (0_u32..).map(SessionKey).zip(&self.sleepers);
        keyed.filter(|(_, sleeper)| sleeper.as_ref().is_some_and(&like)).map(|(key, _)| key).collect()
    }

    fn count_sleeper(&mut self, sleeper: &Sleeper, comes: bool) {
        step(&mut self.asleep, comes);
        self.places.count_sleeper(sleeper, comes);
        self.count_hearing(sleeper.hearing, comes);
    }

    fn count_hearing(&mut self, hearing: Hearing, comes: bool) {
        let [messages, presence] = &mut self.hearing;
        match hearing {
            Hearing::Nothing => {}
            Hearing::Messages => step(messages, comes),
            Hearing::Presence => step(presence, comes),
        }
    }

    /// Removes a session.
    pub fn remove(&mut self, key: SessionKey) -> Option<Session> {
        let session = self.sessions.remove(&key)?;
        self.count(&session, false);
        if self.by_connection.get(&session.kept.connection) == Some(&key) {
            self.by_connection.remove(&session.kept.connection);
        }
        if let Some(user) = session.kept.user() {
            let emptied = self.by_user.get_mut(user).is_some_and(|keys| {
                keys.retain(|other| *other != key);
                keys.is_empty()
            });
            if emptied {
                self.by_user.remove(user);
            }
        }
        Some(*session)
    }

    fn count(&mut self, session: &Session, comes: bool) {
        self.places.count(session, comes);
        match &session.kept.stage {
            Stage::Leaving => return,
            Stage::Awaiting { .. } => step(&mut self.awaiting, comes),
            Stage::Joined => {}
        }
        self.count_hearing(session.hearing(), comes);
    }

    /// The session was told `bye` and has not closed in its time: it keeps its place (rule R7).
    pub fn keep_place(&mut self, key: SessionKey) {
        if let Some(mut session) = self.remove(key) {
            session.overdue = session.is_leaving();
            self.put(key, session);
        }
    }

    /// The session of a key, unless it sleeps.
    pub fn session(&self, key: SessionKey) -> Option<&Session> {
        self.sessions.get(&key).map(|session| &**session)
    }

    /// The session of a key, to change what no index depends on: else [`Roster::put`] it anew.
    pub fn session_mut(&mut self, key: SessionKey) -> Option<&mut Session> {
        self.sessions.get_mut(&key).map(|session| &mut **session)
    }

    /// The session that has this connection id, neither asleep nor on its way out.
    pub fn connection(&self, connection: &str) -> Option<(SessionKey, &Session)> {
        let key = *self.by_connection.get(connection)?;
        Some((key, self.session(key)?))
    }

    /// The user's sessions that are neither asleep nor on their way out.
    pub fn of_user(&self, user: &str) -> impl Iterator<Item = SessionKey> {
        self.by_user.get(user).into_iter().flatten().copied()
    }

    /// Every session that does not sleep.
    pub fn iter(&self) -> impl Iterator<Item = (SessionKey, &Session)> {
        self.sessions.iter().map(|(key, session)| (*key, &**session))
    }

    /// The key of every session that does not sleep.
    pub fn keys(&self) -> Vec<SessionKey> {
        self.sessions.keys().copied().collect()
    }

    /// How many sockets are open, those on their way out included.
    pub fn open(&self) -> usize {
        self.sessions.len().saturating_add(self.asleep)
    }

    /// Whether no session is left but those on their way out.
    pub fn is_deserted(&self) -> bool {
        self.by_connection.is_empty() && self.asleep == 0
    }

    /// Who takes which of the channel's places.
    pub const fn places(&self) -> &Places {
        &self.places
    }

    /// How many have yet to sign in (rule A7).
    pub const fn awaiting(&self) -> usize {
        self.awaiting
    }

    /// How many hear broadcasts of this form.
    pub const fn hearing(&self, hearing: Hearing) -> usize {
        let [messages, presence] = self.hearing;
        match hearing {
            Hearing::Nothing => 0,
            Hearing::Messages => messages,
            Hearing::Presence => presence,
        }
    }

    /// How many hear any broadcast.
    pub const fn hearers(&self) -> usize {
        let [messages, presence] = self.hearing;
        messages.saturating_add(presence)
    }

    /// Whether a grant may have expired, so that each has to be looked at (rule A6).
    pub fn may_have_expired(&self, now: Millis) -> bool {
        self.earliest_expiry.is_some_and(|earliest| earliest <= now)
    }

    /// The sessions whose grant has expired; a sleeper's must have been [roused](Self::rouse).
    pub fn expired(&mut self, now: Millis) -> Vec<SessionKey> {
        let live = || self.iter().filter(|(_, session)| session.kept.stage != Stage::Leaving);
        let expired = live().filter(|(_, session)| session.kept.expires() <= now).map(|(key, _)| key).collect();
        let awake = live().map(|(_, session)| session.kept.expires());
        let asleep = self.sleepers.iter().flatten().map(|sleeper| sleeper.expires);
        let rest = awake.chain(asleep).filter(|expires| *expires > now).min();
        self.earliest_expiry = rest;
        expired
    }

    /// Whom a directed publish reaches: the union of its targets, but never the connection that sent it (rule F5).
    pub fn targets(&self, targets: &Targets, sender: Option<SessionKey>) -> Vec<SessionKey> {
        let users = targets.users.iter().flat_map(|user| self.of_user(user));
        let connections = targets.connections.iter().filter_map(|name| self.by_connection.get(name.as_str()).copied());
        let mut keys: Vec<_> = users.chain(connections).collect();
        if !targets.roles.is_empty() {
            let roles: Sorted<&str, ()> = targets.roles.iter().map(|role| (role.as_str(), ())).collect();
            keys.extend(self.iter().filter(|(_, session)| has_role(session, &roles)).map(|(key, _)| key));
        }
        keys.retain(|key| {
            let hears = self.session(*key).is_some_and(|session| session.hearing() != Hearing::Nothing);
            hears && Some(*key) != sender
        });
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

/// Whether a session has one of the roles.
fn has_role(session: &Session, roles: &Sorted<&str, ()>) -> bool {
    let has = |role: &String| roles.get(role.as_str()).is_some();
    session.kept.grant.as_ref().is_some_and(|grant| grant.roles.iter().any(has))
}
