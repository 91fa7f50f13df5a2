//! What is due when, the earliest first: so that a turn finds the next deadline without looking at all of them.

use crate::member_map::MemberMap;
use dormouse_protocol::name::Millis;

/// The deadlines of one kind, each of somebody. Whoever sets one knows when it is, and takes it back by that.
#[derive(Debug)]
pub(crate) struct Deadlines<K> {
    due: MemberMap<(Millis, K), ()>,
}

impl<K> Default for Deadlines<K> {
    fn default() -> Self {
        Self { due: MemberMap::new() }
    }
}

impl<K: Ord> Deadlines<K> {
    /// Sets a deadline.
    pub(crate) fn set(&mut self, at: Millis, whose: K) {
        self.due.insert((at, whose), ());
    }

    /// Takes a deadline back.
    pub(crate) fn unset(&mut self, at: Millis, whose: K) {
        self.due.remove(&(at, whose));
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.due.len()
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.due.is_empty()
    }

    /// Whose are at this very time.
    pub(crate) fn at(&self, at: Millis, first: K) -> impl Iterator<Item = &K> {
        let from = self.due.iter_from((at, first)).map(|(due, ())| due);
        from.take_while(move |(due, _)| *due == at).map(|(_, whose)| whose)
    }

    /// When the earliest is.
    pub(crate) fn first(&self) -> Option<Millis> {
        self.due.first().map(|((at, _), ())| *at)
    }

    /// Whose are due at this time, the earliest first.
    pub(crate) fn due(&self, now: Millis) -> impl Iterator<Item = &K> {
        self.due.keys().take_while(move |(at, _)| *at <= now).map(|(_, whose)| whose)
    }

    /// Takes out the earliest, if it is due at this time.
    pub(crate) fn pop(&mut self, now: Millis) -> Option<K> {
        self.first().filter(|at| *at <= now)?;
        self.due.pop_first().map(|((_, whose), ())| whose)
    }

    /// Takes out all that are due at this time, the earliest first.
    pub(crate) fn take(&mut self, now: Millis) -> Vec<K> {
        std::iter::from_fn(|| self.pop(now)).collect()
    }
}
