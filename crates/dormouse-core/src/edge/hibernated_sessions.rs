//! The sessions that have not been heard since the channel woke. What is looked for among them is put in order once, when
//! it is first looked for: a channel that wakes for a single broadcast orders nothing.

use super::hibernated_session::{HibernatedSession, Wanted};
use crate::deadlines::Deadlines;
use crate::effect::SessionKey;
use crate::steps;
use dormouse_protocol::name::Millis;

/// Sessions by their keys from 0; none where one was hydrated, and none ever falls asleep again.
#[derive(Debug, Default)]
pub(super) struct HibernatedSessions {
    all: Vec<Option<HibernatedSession>>,
    asleep: usize,
    /// No key before this one is asleep.
    first: usize,
    /// No grant expires earlier; a lower bound.
    expires: Option<Millis>,
    /// Grants that expire.
    by_expiry: Option<Deadlines<SessionKey>>,
    /// The hashes of users and of connections, in order as deadlines are.
    by_name: Option<Deadlines<SessionKey>>,
}

impl HibernatedSessions {
    /// Adds the next session; `None` for a socket whose session is read whole.
    pub(super) fn add(&mut self, hibernated: Option<HibernatedSession>) {
        if let Some(hibernated) = &hibernated {
            self.asleep = self.asleep.saturating_add(1);
            self.expires = Some(self.expires.map_or(hibernated.expires, |earliest| earliest.min(hibernated.expires)));
        }
        self.all.push(hibernated);
    }

    /// How many are asleep.
    pub(super) const fn len(&self) -> usize {
        self.asleep
    }

    /// Whether nobody is asleep.
    pub(super) const fn is_empty(&self) -> bool {
        self.asleep == 0
    }

    /// Takes one out.
    pub(super) fn hydrate(&mut self, key: SessionKey) -> Option<HibernatedSession> {
        if self.is_empty() {
            return None;
        }
        let hibernated = self.all.get_mut(usize::try_from(key.0).ok()?)?.take()?;
        self.asleep = self.asleep.saturating_sub(1);
        Some(hibernated)
    }

    /// The first that is asleep.
    pub(super) fn first(&mut self) -> Option<SessionKey> {
        let rest = self.all.get(self.first..)?;
        let hydrated = rest.iter().take_while(|hibernated| hibernated.is_none()).count();
        steps::count(hydrated);
        self.first = self.first.saturating_add(hydrated);
        let any = self.first < self.all.len();
        any.then(|| u32::try_from(self.first).ok().map(SessionKey))?
    }

    /// Everyone.
    pub(super) fn keys(&self) -> Vec<SessionKey> {
        match self.is_empty() {
            true => Vec::new(),
            false => self.keyed().map(|(key, _)| SessionKey(key)).collect(),
        }
    }

    /// Those who may be one of these.
    pub(super) fn named(&mut self, wanted: &Wanted) -> Vec<SessionKey> {
        if self.is_empty() {
            return Vec::new();
        }
        let names = self.by_name.take().unwrap_or_else(|| self.order_by_name());
        let mut found = Vec::new();
        for hash in wanted.hashes() {
            found.extend(names.at(hash.into(), SessionKey(0)).copied());
        }
        self.by_name = Some(names);
        found.retain(|key| self.get(*key).is_some_and(|hibernated| hibernated.may_be(wanted)));
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Those whose grant has expired (rule A6); each is told of once.
    pub(super) fn expired(&mut self, now: Millis) -> Vec<SessionKey> {
        if self.is_empty() || self.expires.is_none_or(|earliest| earliest > now) {
            return Vec::new();
        }
        let mut order = self.by_expiry.take().unwrap_or_else(|| self.order_by_expiry());
        let mut expired = order.take(now);
        expired.retain(|key| self.get(*key).is_some());
        self.expires = order.first();
        self.by_expiry = Some(order);
        expired
    }

    fn get(&self, key: SessionKey) -> Option<&HibernatedSession> {
        self.all.get(usize::try_from(key.0).ok()?)?.as_ref()
    }

    fn keyed(&self) -> impl Iterator<Item = (u32, &HibernatedSession)> {
        let counted = (0_u32..).zip(&self.all).inspect(|_| steps::count(1));
        counted.filter_map(|(key, hibernated)| Some((key, hibernated.as_ref()?)))
    }

    fn order_by_name(&self) -> Deadlines<SessionKey> {
        let mut names = Deadlines::default();
        for (key, hibernated) in self.keyed() {
            hibernated.names().for_each(|name| names.set(name.into(), SessionKey(key)));
        }
        names
    }

    fn order_by_expiry(&self) -> Deadlines<SessionKey> {
        let mut order = Deadlines::default();
        for (key, hibernated) in self.keyed().filter(|(_, hibernated)| !hibernated.is_anonymous()) {
            order.set(hibernated.expires, SessionKey(key));
        }
        order
    }
}
