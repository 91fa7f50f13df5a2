//! A map in the order of its keys: a list that is searched by halves, in runs of a bounded length, so that putting in
//! and taking out move at most a few hundred entries among the 30,000 that a channel may have of members. Each
//! `BTreeMap` of a type of its own is some 8 KB of wasm, this nearly nothing.

use std::borrow::Borrow;

use crate::steps;

/// The most entries of a run: what one entry that is put in may move.
const RUN: usize = 128;

/// A map in the order of its keys, small values of which there are at most tens of thousands.
#[derive(Clone, Debug)]
pub struct SortedVecMap<K, V> {
    /// None of them is empty, and neighbours have more than a quarter of [`RUN`] together.
    runs: Vec<Vec<(K, V)>>,
    len: usize,
}

/// Where an entry is, or would be: its run, and its place there.
type Place = (usize, usize);

impl<K, V> Default for SortedVecMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> SortedVecMap<K, V> {
    /// No entries.
    pub const fn new() -> Self {
        Self { runs: Vec::new(), len: 0 }
    }

    /// How many entries there are.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no entry.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Every entry, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.iter_at((0, 0))
    }

    /// Every entry from a place on. Written out, since the library's way to go through runs is a kilobyte each time.
    fn iter_at<'a>(&'a self, place: Place) -> impl Iterator<Item = (&'a K, &'a V)> + use<'a, K, V> {
        let (mut run, mut place) = place;
        std::iter::from_fn(move || {
            let mut entry = self.runs.get(run)?.get(place);
            if entry.is_none() {
                (run, place) = (run.saturating_add(1), 0);
                entry = self.runs.get(run)?.first();
            }
            place = place.saturating_add(1);
            steps::count(1);
            entry.map(|(key, value)| (key, value))
        })
    }

    /// Every entry, by key, with its value to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        let counted = self.runs.iter_mut().flatten().inspect(|_| steps::count(1));
        counted.map(|(key, value)| (&*key, value))
    }

    /// Every key.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// Every value, by key.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// Every value, by key, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.iter_mut().map(|(_, value)| value)
    }

    /// Every entry, by key, handed over.
    pub fn into_entries(self) -> impl Iterator<Item = (K, V)> {
        self.runs.into_iter().flatten().inspect(|_| steps::count(1))
    }

    /// Every key, handed over.
    pub fn into_keys(self) -> impl Iterator<Item = K> {
        self.into_entries().map(|(key, _)| key)
    }

    /// Every value, by key, handed over.
    pub fn into_values(self) -> impl Iterator<Item = V> {
        self.into_entries().map(|(_, value)| value)
    }

    /// The entry of the least key.
    pub fn first(&self) -> Option<(&K, &V)> {
        self.runs.first()?.first().map(|(key, value)| (key, value))
    }

    /// Takes the entry of the least key out.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        let any = !self.is_empty();
        any.then(|| self.take((0, 0)))?
    }

    /// Drops every entry that is not to be kept.
    pub fn retain(&mut self, keep: impl Fn(&K, &V) -> bool) {
        let kept = std::mem::take(self).into_entries().filter(|(key, value)| keep(key, value));
        kept.for_each(|entry| self.push(entry));
    }

    /// Drops every entry.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// Puts an entry behind all others.
    fn push(&mut self, entry: (K, V)) {
        let run = self.runs.len();
        let last = self.runs.last().filter(|last| last.len() < RUN).map(|last| (run.saturating_sub(1), last.len()));
        self.put(last.unwrap_or((run, 0)), entry);
    }

    #[inline(never)] // once for all values of a size
    fn put(&mut self, (run, place): Place, entry: (K, V)) {
        self.len = self.len.saturating_add(1);
        let Some(entries) = self.runs.get_mut(run) else { return self.runs.push(vec![entry]) };
        if entries.len() < RUN {
            steps::count(entries.len().saturating_sub(place));
            return entries.insert(place, entry);
        }
        let mut behind = entries.split_off(RUN / 2);
        match place.checked_sub(RUN / 2) {
            Some(place) => behind.insert(place, entry),
            None => entries.insert(place, entry),
        }
        steps::count(RUN.saturating_add(self.runs.len()).saturating_sub(run));
        self.runs.insert(run.saturating_add(1), behind);
    }

    #[inline(never)]
    fn take(&mut self, (run, place): Place) -> Option<(K, V)> {
        let entries = self.runs.get_mut(run).filter(|entries| place < entries.len())?;
        steps::count(entries.len().saturating_sub(place));
        let taken = entries.remove(place);
        self.len = self.len.saturating_sub(1);
        self.join(run);
        if let Some(before) = run.checked_sub(1) {
            self.join(before);
        }
        Some(taken)
    }

    /// Drops a run that is empty, and makes one of two that are short: so there are never many.
    fn join(&mut self, run: usize) {
        let len = |run: usize| self.runs.get(run).map_or(0, Vec::len);
        let (here, next) = (len(run), len(run.saturating_add(1)));
        let both = here.saturating_add(next);
        if run >= self.runs.len() || (here > 0 && (next == 0 || both > RUN / 4)) {
            return;
        }
        steps::count(self.runs.len().saturating_sub(run).saturating_add(here));
        let mut entries = self.runs.remove(run);
        if let Some(next) = self.runs.get_mut(run) {
            entries.append(next);
            *next = entries;
        }
    }
}

impl<K: Ord, V> SortedVecMap<K, V> {
    #[inline(never)]
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<Place, Place>
    where
        K: Borrow<Q>,
    {
        let ends_before = |run: &Vec<(K, V)>| run.last().is_some_and(|(last, _)| last.borrow() < key);
        // Keys that come in their order, as sessions do, are put at the end.
        let run = match self.runs.last() {
            Some(last) if ends_before(last) => self.runs.len(),
            _ => self.runs.partition_point(ends_before),
        };
        let Some(entries) = self.runs.get(run) else {
            let last = self.runs.last().filter(|last| last.len() < RUN);
            return Err(last.map_or((run, 0), |last| (run.saturating_sub(1), last.len())));
        };
        let found = entries.binary_search_by(|(known, _)| known.borrow().cmp(key));
        found.map(|place| (run, place)).map_err(|place| (run, place))
    }

    /// Every entry from a key on, by key.
    pub fn iter_from<'a>(&'a self, key: &K) -> impl Iterator<Item = (&'a K, &'a V)> + use<'a, K, V> {
        self.iter_at(self.find(key).unwrap_or_else(|place| place))
    }

    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let (run, place) = self.find(key).ok()?;
        self.runs.get(run)?.get(place).map(|(_, value)| value)
    }

    /// The value of a key, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let place = self.find(key).ok()?;
        self.at(place)
    }

    fn at(&mut self, (run, place): Place) -> Option<&mut V> {
        self.runs.get_mut(run)?.get_mut(place).map(|(_, value)| value)
    }

    /// Puts a value in; answers the one it replaces.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok(place) => self.at(place).map(|known| std::mem::replace(known, value)),
            Err(place) => {
                self.put(place, (key, value));
                None
            }
        }
    }

    /// Takes a value out.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let place = self.find(key).ok()?;
        self.take(place).map(|(_, value)| value)
    }

    /// Changes the value of a key, which is the default one where it has none yet.
    pub fn update<T>(&mut self, key: K, change: impl FnOnce(&mut V) -> T) -> T
    where
        V: Default,
    {
        let place = self.find(&key);
        if let Ok(place) = place
            && let Some(value) = self.at(place)
        {
            return change(value);
        }
        let mut value = V::default();
        let told = change(&mut value);
        self.put(place.unwrap_or_else(|place| place), (key, value));
        told
    }
}

/// Items in the order of something of them; what is alike stays as it came.
pub fn in_order<T, K: Ord>(items: impl Iterator<Item = T>, by: impl Fn(&T) -> K) -> Vec<T> {
    let mut sorted = Vec::new();
    for item in items {
        let place = sorted.partition_point(|known| by(known) <= by(&item));
        sorted.insert(place, item);
    }
    sorted
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_a_tree_holds_in_the_same_order(steps in prop::collection::vec((0..10_u8, 0..600_u16, any::<u16>()), 0..1_500)) {
            let (mut sorted, mut tree) = (SortedVecMap::new(), BTreeMap::new());
            for (what, key, value) in steps {
                match what {
                    0..=5 => prop_assert_eq!(sorted.insert(key, value), tree.insert(key, value)),
                    6 => prop_assert_eq!(sorted.remove(&key), tree.remove(&key)),
                    7 => {
                        sorted.update(key, |known: &mut u16| *known = known.wrapping_add(value));
                        let known = tree.entry(key).or_default();
                        *known = known.wrapping_add(value);
                    }
                    8 => prop_assert_eq!(sorted.pop_first(), tree.pop_first()),
                    _ => {
                        sorted.retain(|key, _| key % 50 != value % 50);
                        tree.retain(|key, _| key % 50 != value % 50);
                    }
                }
                prop_assert_eq!(sorted.get(&key), tree.get(&key));
                prop_assert_eq!(sorted.len(), tree.len());
                prop_assert_eq!(sorted.first(), tree.first_key_value());
                prop_assert!(sorted.runs.len().saturating_sub(1).saturating_mul(RUN) <= tree.len().saturating_mul(8));
            }
            prop_assert!(sorted.iter().eq(&tree));
            for key in 0..600 {
                prop_assert!(sorted.iter_from(&key).take(2).eq(tree.range(key..).take(2)));
            }
        }
    }

    #[test]
    fn putting_in_and_taking_out_moves_few_however_many_there_are() {
        let mut sorted = SortedVecMap::new();
        let scattered = |n: u32| n.wrapping_mul(2_654_435_761);
        for n in 0..30_000_u32 {
            sorted.insert(scattered(n), ());
        }
        let before = steps::taken();
        for n in 0..30_000_u32 {
            sorted.remove(&scattered(n));
            sorted.insert(scattered(n), ());
        }
        assert!(steps::taken().saturating_sub(before) < 30_000 * 300, "{}", steps::taken());
        assert_eq!(sorted.len(), 30_000);
    }
}
