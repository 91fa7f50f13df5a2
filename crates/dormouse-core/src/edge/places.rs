//! Who takes a channel's places: those without a user by their address, and users by what they leave behind (rule R7).

use std::collections::BTreeMap;

use super::hibernated_session::HibernatedSession;
use super::session::{Session, Stage};
use dormouse_protocol::name::{Address, UserId};

/// Places taken beside those of users who are here: for as long as the socket is open, also by who was told `bye`.
#[derive(Debug, Default)]
pub(super) struct Places {
    userless: usize,
    addresses: BTreeMap<Address, Taken>,
    leaving: BTreeMap<UserId, Leaving>,
}

/// The connections of one user that were told `bye` and have not closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Leaving {
    /// All of them.
    pub all: usize,
    /// Those of them that had their time to close and did not.
    pub overdue: usize,
}

/// What one address takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// All connections without a user.
    pub userless: usize,
    /// Those of them that have yet to sign in (rule A7).
    pub awaiting: usize,
}

impl Places {
    /// A session comes, or goes.
    pub(super) fn count(&mut self, session: &Session, comes: bool) {
        let awaiting = matches!(session.kept.stage, Stage::Awaiting { .. });
        match session.kept.user() {
            None => self.count_userless(session.kept.address, awaiting, comes),
            Some(user) if session.is_leaving() => {
                let leaving = self.leaving.entry(user.clone()).or_default();
                step(&mut leaving.all, comes);
                if session.overdue {
                    step(&mut leaving.overdue, comes);
                }
                if *leaving == Leaving::default() {
                    self.leaving.remove(user);
                }
            }
            Some(_) => {}
        }
    }

    /// A session that sleeps comes, or goes.
    pub(super) fn count_hibernated(&mut self, hibernated: &HibernatedSession, comes: bool) {
        if hibernated.is_anonymous() {
            self.count_userless(hibernated.address(), false, comes);
        }
    }

    fn count_userless(&mut self, address: Option<Address>, awaiting: bool, comes: bool) {
        step(&mut self.userless, comes);
        let Some(address) = address else { return };
        let taken = self.addresses.entry(address).or_default();
        step(&mut taken.userless, comes);
        if awaiting {
            step(&mut taken.awaiting, comes);
        }
        if *taken == Taken::default() {
            self.addresses.remove(&address);
        }
    }

    /// How many connections there are without a user.
    pub(super) const fn userless(&self) -> usize {
        self.userless
    }

    /// What one address takes; nothing where the address is not known.
    pub(super) fn of(&self, address: Option<Address>) -> Taken {
        address.and_then(|address| self.addresses.get(&address)).copied().unwrap_or_default()
    }

    /// Which of the user's connections were told `bye` and have not closed.
    pub(super) fn leaving(&self, user: &str) -> Leaving {
        self.leaving.get(user).copied().unwrap_or_default()
    }
}

/// Whether there is a place for one who takes so many: nobody takes more than are left free, so that there is always
/// room for others, and a lone one is held to half.
pub(super) const fn is_free(most: usize, taken: usize, own: usize) -> bool {
    own < most.saturating_sub(taken)
}

/// One more, or one less.
pub(crate) const fn step(number: &mut usize, comes: bool) {
    *number = if comes { number.saturating_add(1) } else { number.saturating_sub(1) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r7_whoever_takes_what_is_free_leaves_a_place_for_the_next() {
        for greedy in 1..20 {
            let mut own = vec![0_usize; greedy];
            let taken = |own: &[usize]| own.iter().sum::<usize>();
            for turn in 0..1_000 {
                let which = turn % greedy;
                if is_free(100, taken(&own), own[which]) {
                    own[which] += 1;
                }
            }
            assert!(is_free(100, taken(&own), 0), "{own:?}");
            assert!(own.iter().all(|own| *own >= 100 / (greedy + 1)), "{own:?}");
        }
        assert!(!is_free(0, 0, 0) && !is_free(1, 1, 0) && is_free(1, 0, 0));
    }
}
