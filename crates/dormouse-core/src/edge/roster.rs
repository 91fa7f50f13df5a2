//! The sessions of a channel, found by key, by connection and by user.

use std::rc::Rc;

use super::hibernated_session::{HibernatedSession, Wanted};
use super::hibernated_sessions::HibernatedSessions;
use super::places::{Places, step};
use super::session::{Session, Stage};
use crate::deadlines::Deadlines;
use crate::effect::{SessionKey, Subscription};
use crate::member_map::MemberMap;
use dormouse_protocol::name::{ConnectionId, Millis, UserId};
use dormouse_protocol::request::Targets;

/// All sessions whose link is open, those on their way out included.
#[derive(Debug, Default)]
pub(super) struct Roster {
    sessions: MemberMap<SessionKey, Box<Session>>,
    hibernated: HibernatedSessions,
    next: u32,
    by_connection: MemberMap<ConnectionId, SessionKey>,
    by_user: MemberMap<UserId, Vec<SessionKey>>,
    places: Places,
    by_role: MemberMap<(Rc<str>, SessionKey), ()>,
    awaiting: usize,
    subscription: [usize; 2],
    /// When grants expire (rule A6).
    expiries: Deadlines<SessionKey>,
    /// When those must have signed in who have not yet (rule A7).
    sign_ins: Deadlines<SessionKey>,
}

impl Roster {
    /// The next free key.
    pub(super) fn next_key(&mut self) -> SessionKey {
        let key = SessionKey(self.next);
        self.next = self.next.saturating_add(1);
        key
    }

    /// A key that is in use, also by a socket that carries no session: it is not given out again.
    pub(super) fn reserve(&mut self, key: SessionKey) {
        self.next = self.next.max(key.0.saturating_add(1));
    }

    /// Adds or replaces a session, and finds it by what it is now.
    pub(super) fn put(&mut self, key: SessionKey, session: Session) {
        self.remove(key);
        self.reserve(key);
        self.count(&session, true);
        if !session.is_leaving() {
            self.index(key, &session);
        }
        self.sessions.insert(key, session.into());
    }

    /// Finds a session by what it is now.
    fn index(&mut self, key: SessionKey, session: &Session) {
        self.by_connection.insert(session.kept.connection.clone(), key);
        if let Some(user) = session.kept.user() {
            self.by_user.get_or_default(user.clone()).push(key);
        }
        if let Some(grant) = &session.kept.grant {
            self.expiries.set(grant.expires, key);
            for role in &grant.roles {
                self.by_role.insert((role.as_str().into(), key), ());
            }
        }
        if let Some(by) = session.sign_in_by() {
            self.sign_ins.set(by, key);
        }
    }

    /// Finds a session no more, by what it was.
    fn unindex(&mut self, key: SessionKey, session: &Session) {
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
        if let Some(grant) = &session.kept.grant {
            self.expiries.unset(grant.expires, key);
            for role in &grant.roles {
                self.by_role.remove(&(role.as_str().into(), key));
            }
        }
        if let Some(by) = session.sign_in_by() {
            self.sign_ins.unset(by, key);
        }
    }

    /// Adds the next session that slept, by its head alone; `None` for a socket whose session is read whole.
    pub(super) fn add_hibernated(&mut self, hibernated: Option<HibernatedSession>) {
        if let Some(hibernated) = &hibernated {
            self.count_hibernated(hibernated, true);
        }
        self.hibernated.add(hibernated);
    }

    /// Takes out a hibernated session, whose session is put in its place.
    pub(super) fn hydrate(&mut self, key: SessionKey) -> Option<HibernatedSession> {
        let hibernated = self.hibernated.hydrate(key)?;
        self.count_hibernated(&hibernated, false);
        Some(hibernated)
    }

    /// The keys of all hibernated sessions.
    pub(super) fn hibernated(&self) -> Vec<SessionKey> {
        self.hibernated.keys()
    }

    /// The keys of the hibernated sessions that may be one of these.
    pub(super) fn hibernated_named(&mut self, wanted: &Wanted) -> Vec<SessionKey> {
        self.hibernated.named(wanted)
    }

    /// The keys of the hibernated sessions whose grant has expired (rule A6); each is told of once.
    pub(super) fn hibernated_expired(&mut self, now: Millis) -> Vec<SessionKey> {
        self.hibernated.expired(now)
    }

    /// A hibernated session, where nobody is awake but those on their way out.
    pub(super) fn lone_hibernated(&mut self) -> Option<SessionKey> {
        if self.by_connection.is_empty() { self.hibernated.first() } else { None }
    }

    fn count_hibernated(&mut self, hibernated: &HibernatedSession, comes: bool) {
        self.places.count_hibernated(hibernated, comes);
        self.count_subscription(hibernated.subscription, comes);
    }

    fn count_subscription(&mut self, subscription: Subscription, comes: bool) {
        let [messages, presence] = &mut self.subscription;
        match subscription {
            Subscription::Nothing => {}
            Subscription::Messages => step(messages, comes),
            Subscription::Presence => step(presence, comes),
        }
    }

    /// Removes a session.
    pub(super) fn remove(&mut self, key: SessionKey) -> Option<Session> {
        let session = self.sessions.remove(&key)?;
        self.count(&session, false);
        // One on its way out was taken out of the indexes when it was told so.
        if !session.is_leaving() {
            self.unindex(key, &session);
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
        self.count_subscription(session.subscription(), comes);
    }

    /// The session was told `bye` and has not closed in its time: it keeps its place (rule R7).
    pub(super) fn keep_place(&mut self, key: SessionKey) {
        if let Some(mut session) = self.remove(key) {
            session.overdue = session.is_leaving();
            self.put(key, session);
        }
    }

    /// The session of a key, unless it sleeps.
    pub(super) fn session(&self, key: SessionKey) -> Option<&Session> {
        self.sessions.get(&key).map(|session| &**session)
    }

    /// The session of a key, to change what no index depends on: else [`Roster::put`] it anew.
    pub(super) fn session_mut(&mut self, key: SessionKey) -> Option<&mut Session> {
        self.sessions.get_mut(&key).map(|session| &mut **session)
    }

    /// The session that has this connection id, neither asleep nor on its way out.
    pub(super) fn connection(&self, connection: &str) -> Option<(SessionKey, &Session)> {
        let key = *self.by_connection.get(connection)?;
        Some((key, self.session(key)?))
    }

    /// The user's sessions that are neither asleep nor on their way out.
    pub(super) fn of_user(&self, user: &str) -> impl Iterator<Item = SessionKey> {
        self.by_user.get(user).into_iter().flatten().copied()
    }

    fn of_role(&self, role: &str) -> impl Iterator<Item = SessionKey> {
        let from = self.by_role.iter_from((role.into(), SessionKey(0)));
        from.map(|(known, ())| known).take_while(move |(known, _)| **known == *role).map(|(_, key)| *key)
    }

    /// Every session that does not sleep.
    pub(super) fn iter(&self) -> impl Iterator<Item = (SessionKey, &Session)> {
        self.sessions.iter().map(|(key, session)| (*key, &**session))
    }

    /// The key of every session that does not sleep.
    pub(super) fn keys(&self) -> Vec<SessionKey> {
        self.sessions.keys().copied().collect()
    }

    /// How many sockets are open, those on their way out included.
    pub(super) fn open(&self) -> usize {
        self.sessions.len().saturating_add(self.hibernated.len())
    }

    /// Whether no session is left but those on their way out.
    pub(super) fn is_deserted(&self) -> bool {
        self.by_connection.is_empty() && self.hibernated.is_empty()
    }

    /// Whether any session has joined. One that sleeps has: those who have yet to sign in are read whole.
    pub(super) fn has_members(&self) -> bool {
        self.by_connection.len() > self.awaiting || !self.hibernated.is_empty()
    }

    /// Who takes which of the channel's places.
    pub(super) const fn places(&self) -> &Places {
        &self.places
    }

    /// How many have yet to sign in (rule A7).
    pub(super) const fn awaiting(&self) -> usize {
        self.awaiting
    }

    /// How many hear broadcasts of this form.
    pub(super) const fn subscribed(&self, subscription: Subscription) -> usize {
        let [messages, presence] = self.subscription;
        match subscription {
            Subscription::Nothing => 0,
            Subscription::Messages => messages,
            Subscription::Presence => presence,
        }
    }

    /// How many hear any broadcast.
    pub(super) const fn hearers(&self) -> usize {
        let [messages, presence] = self.subscription;
        messages.saturating_add(presence)
    }

    /// The sessions whose grant has expired, each told of once; a hibernated session's must have been [hydrated](Self::hydrate).
    pub(super) fn expired(&mut self, now: Millis) -> Vec<SessionKey> {
        self.expiries.take(now)
    }

    /// When the first must have signed in of those who have not yet (rule A7).
    pub(super) fn first_sign_in(&self) -> Option<Millis> {
        self.sign_ins.first()
    }

    /// The sessions that should have signed in by now and have not, each told of once.
    pub(super) fn unsigned(&mut self, now: Millis) -> Vec<SessionKey> {
        self.sign_ins.take(now)
    }

    /// Whom a directed publish reaches: the union of its targets, but never the connection that sent it (rule F5).
    pub(super) fn targets(&self, targets: &Targets, sender: Option<SessionKey>) -> Vec<SessionKey> {
        let users = targets.users.iter().flat_map(|user| self.of_user(user));
        let connections = targets.connections.iter().filter_map(|name| self.by_connection.get(name.as_str()).copied());
        let roles = targets.roles.iter().flat_map(|role| self.of_role(role));
        let mut keys: Vec<_> = users.chain(connections).chain(roles).collect();
        keys.retain(|key| {
            let hears = self.session(*key).is_some_and(|session| session.subscription() != Subscription::Nothing);
            hears && Some(*key) != sender
        });
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}
