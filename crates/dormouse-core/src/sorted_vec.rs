//! A map as a sorted list: for what is small, or grows at its end. Every `BTreeMap` of another type is some 8 KB of wasm,
//! and each of those is compiled before the first welcome; one of these is a few hundred bytes.

use std::borrow::Borrow;

/// A map in the order of its keys. Finding takes a binary search; adding before the end and removing moves what is behind.
#[derive(Clone, Debug)]
pub(crate) struct SortedVec<K, V>(Vec<(K, V)>);

impl<K, V> Default for SortedVec<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> SortedVec<K, V> {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.0.iter_mut().map(|(key, value)| (&*key, value))
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    pub(crate) fn into_values(self) -> impl Iterator<Item = V> {
        self.0.into_iter().map(|(_, value)| value)
    }
}

impl<K: Ord, V> SortedVec<K, V> {
    fn place<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.0.binary_search_by(|(known, _)| known.borrow().cmp(key))
    }

    pub(crate) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.0.get(self.place(key).ok()?).map(|(_, value)| value)
    }

    pub(crate) fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let place = self.place(key).ok()?;
        self.0.get_mut(place).map(|(_, value)| value)
    }

    pub(crate) fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.place(key).is_ok()
    }

    /// Puts a value in its place; the one that was there.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.place(&key) {
            Ok(place) => self.0.get_mut(place).map(|(_, known)| std::mem::replace(known, value)),
            Err(place) => {
                self.0.insert(place, (key, value));
                None
            }
        }
    }

    /// Puts a value in its place where there is none.
    pub(crate) fn ensure(&mut self, key: K, make: impl FnOnce() -> V) {
        if let Err(place) = self.place(&key) {
            self.0.insert(place, (key, make()));
        }
    }

    pub(crate) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let place = self.place(key).ok()?;
        Some(self.0.remove(place).1)
    }
}

impl<K, V> IntoIterator for SortedVec<K, V> {
    type Item = (K, V);
    type IntoIter = std::vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Of several values of one key the last holds.
impl<K: Ord, V> FromIterator<(K, V)> for SortedVec<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(all: I) -> Self {
        let mut map = Self::new();
        all.into_iter().for_each(|(key, value)| drop(map.insert(key, value)));
        map
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    proptest::proptest! {
        #[test]
        fn a_sorted_list_is_the_map_that_it_stands_for(
            steps in proptest::collection::vec((proptest::bool::ANY, 0_u8..12, 0_u8..9), 0..60)
        ) {
            let (mut map, mut list) = (BTreeMap::new(), SortedVec::new());
            for (adds, key, value) in steps {
                let same = match adds {
                    true => map.insert(key, value) == list.insert(key, value),
                    false => map.remove(&key) == list.remove(&key),
                };
                proptest::prop_assert!(same);
                proptest::prop_assert_eq!(map.get(&key), list.get(&key));
            }
            proptest::prop_assert!(map.iter().eq(list.iter()));
            proptest::prop_assert_eq!(map.len(), list.len());
        }
    }
}
