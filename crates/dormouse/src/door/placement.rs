//! Which relay a connection for many channels is handed to: they are filled one after the other, since every relay of a
//! channel is told each of its messages.

use std::collections::BTreeMap;

use dormouse_core::grant::Claims;
use dormouse_protocol::name::Millis;

/// How long it is remembered from where on a pool has room, in milliseconds.
const REMEMBERED_MS: Millis = 10_000;
/// The most pools remembered. With more than that at once, all are forgotten: each is looked for again.
const POOLS_MAX: usize = 1_000;
/// How many relays are asked for one connection.
const TRIES_MAX: u32 = 8;

/// The pool whose relays a connection may be on: the `home` of its token (rule A2), else the one that has no name.
pub fn pool(claims: Option<&Claims>) -> &str {
    claims.and_then(|claims| claims.home.as_deref()).unwrap_or_default()
}

/// From where on pools have room, as far as this isolate saw it lately.
#[derive(Debug)]
pub struct Placement(BTreeMap<String, Filled>);

/// The relays before `to` were full.
#[derive(Clone, Copy, Debug)]
struct Filled {
    to: u32,
    at: Millis,
}

impl Placement {
    /// Nothing is known yet.
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Begins to look for a relay of a pool that has room.
    pub fn search(&self, pool: &str, now: Millis) -> Search {
        let known = self.0.get(pool).filter(|filled| filled.is_fresh(now));
        Search { begin: known.map_or(0, |filled| filled.to), ..Search::from_first(pool) }
    }

    /// Remembers what a search has found to be full, whether it found room behind it or not: the next begins there. It
    /// holds ten seconds and no longer, however often it is used: those who leave make room at the front.
    pub fn note(&mut self, search: &Search, now: Millis) {
        let Some(to) = search.full_to() else { return };
        if !self.0.contains_key(&search.pool) && self.0.len() >= POOLS_MAX {
            self.0.retain(|_, filled| filled.is_fresh(now));
            if self.0.len() >= POOLS_MAX {
                self.0.clear();
            }
        }
        self.0.insert(search.pool.clone(), Filled { to, at: now });
    }
}

impl Default for Placement {
    fn default() -> Self {
        Self::new()
    }
}

impl Filled {
    const fn is_fresh(self, now: Millis) -> bool {
        now.saturating_sub(self.at) < REMEMBERED_MS
    }
}

/// A search for a relay with room: names, until one has it, in strides that double. Many that are full are passed soon,
/// and the relays that a stride has left out are next in line once it has ended.
#[derive(Debug)]
pub struct Search {
    pool: String,
    begin: u32,
    tried: u32,
}

impl Search {
    /// A search that knows nothing.
    pub fn from_first(pool: &str) -> Self {
        Self { pool: pool.to_owned(), begin: 0, tried: 0 }
    }

    /// From where on there may be room, if the last one named had some and those before had none; `None` where nothing
    /// was found to be full.
    fn full_to(&self) -> Option<u32> {
        let last_full = self.tried.checked_sub(2)?;
        Some(self.begin.saturating_add(stride(last_full)).saturating_add(1))
    }
}

/// The names of relays, `{pool}/{k}`.
impl Iterator for Search {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        if self.tried >= TRIES_MAX {
            return None;
        }
        let k = self.begin.saturating_add(stride(self.tried));
        self.tried = self.tried.saturating_add(1);
        Some(format!("{}/{k}", self.pool))
    }
}

/// 0, 1, 3, 7, 15 and so on.
fn stride(nth: u32) -> u32 {
    1_u32.checked_shl(nth).map_or(u32::MAX, |power| power.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const NOW: Millis = 1_800_000_000_000;

    /// Relays that have room for so many each.
    #[derive(Default)]
    struct Relays {
        room: usize,
        held: BTreeMap<String, usize>,
    }

    impl Relays {
        fn of(room: usize) -> Self {
            Self { room, ..Self::default() }
        }

        /// Hands a connection to a relay as the shell does.
        fn place(&mut self, placement: &mut Placement, pool: &str, now: Millis) -> Option<String> {
            let mut search = placement.search(pool, now);
            let found = search.by_ref().find(|relay| self.held.get(relay).copied().unwrap_or(0) < self.room);
            placement.note(&search, now);
            let relay = found?;
            let held = self.held.entry(relay.clone()).or_default();
            *held = held.saturating_add(1);
            Some(relay)
        }
    }

    #[test]
    fn e8_relays_are_tried_in_strides_that_double_and_at_most_eight() {
        let search = Placement::new().search("", NOW);
        let named: Vec<_> = search.collect();
        assert_eq!(named, ["/0", "/1", "/3", "/7", "/15", "/31", "/63", "/127"]);
        assert_eq!(Placement::new().search("acme", NOW).next().as_deref(), Some("acme/0"));
    }

    #[test]
    fn e8_relays_are_filled_one_after_the_other() {
        let (mut placement, mut relays) = (Placement::new(), Relays::of(3));
        let mut place = |now| relays.place(&mut placement, "", now).unwrap();
        let placed: Vec<_> = (0..13).map(|_| place(NOW)).collect();
        assert_eq!(
            placed,
            ["/0", "/0", "/0", "/1", "/1", "/1", "/2", "/2", "/2", "/3", "/3", "/3", "/4"],
            "none is begun before those in front of it are full"
        );
        // Where nothing is remembered the first find strays, and those behind it fill what it has passed over.
        let later: Vec<_> = (0..4).map(|_| place(NOW + 20_000)).collect();
        assert_eq!(later, ["/7", "/4", "/4", "/5"]);
    }

    #[test]
    fn e8_what_was_full_is_remembered_for_ten_seconds_and_of_that_pool_alone() {
        let (mut placement, mut relays) = (Placement::new(), Relays::of(1));
        for _ in 0..3 {
            relays.place(&mut placement, "acme", NOW);
        }
        let begins = |pool: &str, now| placement.search(pool, now).next();
        assert_eq!(begins("acme", NOW + 9_999).as_deref(), Some("acme/2"));
        assert_eq!(begins("acme", NOW + 10_000).as_deref(), Some("acme/0"));
        assert_eq!(begins("", NOW).as_deref(), Some("/0"));
        // To have used it does not make it last.
        placement.note(&placement.search("acme", NOW + 9_999), NOW + 9_999);
        assert_eq!(placement.search("acme", NOW + 10_000).next().as_deref(), Some("acme/0"));
    }

    #[test]
    fn e8_ever_new_pools_take_no_more_room() {
        let mut placement = Placement::new();
        let mut relays = Relays::of(0);
        for n in 0..5_000 {
            assert_eq!(relays.place(&mut placement, &format!("pool-{n}"), NOW), None);
            assert!(placement.0.len() <= POOLS_MAX);
        }
    }

    proptest! {
        #[test]
        fn e8_nobody_is_refused_while_one_of_the_relays_asked_has_room_and_none_holds_more_than_it_may(
            room in 1_usize..4, joins in proptest::collection::vec((0_u64..3_000, any::<bool>()), 1..80),
        ) {
            let (mut placement, mut relays) = (Placement::new(), Relays::of(room));
            let mut now = NOW;
            for (later, other) in joins {
                now = now.saturating_add(later);
                let pool = if other { "b" } else { "" };
                let asked: BTreeSet<_> = placement.search(pool, now).collect();
                let has_room = asked.iter().any(|relay| relays.held.get(relay).copied().unwrap_or(0) < room);
                prop_assert!(asked.len() == 8);
                prop_assert_eq!(relays.place(&mut placement, pool, now).is_some(), has_room);
                prop_assert!(relays.held.values().all(|held| *held <= room));
            }
        }
    }
}
