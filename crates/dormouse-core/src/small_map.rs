//! A map for a handful: a list that is searched. Each `BTreeMap` of a type of its own is some 10 KB of wasm; where
//! there are few entries, this is as fast and nearly nothing.

use std::borrow::Borrow;
use std::fmt;
use std::marker::PhantomData;

/// A map of few entries, in the order in which they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmallMap<K, V> {
    entries: Vec<(K, V)>,
}

impl<K, V> Default for SmallMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> SmallMap<K, V> {
    /// No entries.
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// Whether there is no entry.
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Every entry.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    /// Every entry, handed over.
    pub fn into_entries(self) -> impl Iterator<Item = (K, V)> {
        self.entries.into_iter()
    }

    /// How many entries there are.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Every value.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.entries.iter().map(|(_, value)| value)
    }

    /// Every value, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.entries.iter_mut().map(|(_, value)| value)
    }
}

impl<K: Eq, V> SmallMap<K, V> {
    /// The value of a key.
    pub fn get<Q: Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.entries
            .iter()
            .inspect(|_| crate::steps::count(1))
            .find(|(known, _)| known.borrow() == key)
            .map(|(_, value)| value)
    }

    /// The value of a key, to be changed.
    pub fn get_mut<Q: Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.entries
            .iter_mut()
            .inspect(|_| crate::steps::count(1))
            .find(|(known, _)| (*known).borrow() == key)
            .map(|(_, value)| value)
    }

    /// Adds an entry, or gives a known key another value.
    pub fn insert(&mut self, key: K, value: V) {
        match self.get_mut(&key) {
            Some(known) => *known = value,
            None => self.entries.push((key, value)),
        }
    }

    /// The value of a key, made where there is none.
    pub fn get_or_insert_with(&mut self, key: K, value: impl FnOnce() -> V) -> &mut V {
        let known = self.entries.iter().position(|(known, _)| *known == key);
        let place = known.unwrap_or_else(|| {
            self.entries.push((key, value()));
            self.entries.len().saturating_sub(1)
        });
        // The place is that of an entry found or pushed just now.
        #[expect(clippy::indexing_slicing, reason = "there is an entry at this place")]
        &mut self.entries[place].1
    }

    /// Takes an entry out.
    pub fn remove<Q: Eq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let place = self.entries.iter().position(|(known, _)| known.borrow() == key)?;
        Some(self.entries.remove(place).1)
    }
}

impl<K, V> FromIterator<(K, V)> for SmallMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        Self { entries: entries.into_iter().collect() }
    }
}

impl<K: serde::Serialize, V: serde::Serialize> serde::Serialize for SmallMap<K, V> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de, K, V> serde::Deserialize<'de> for SmallMap<K, V>
where
    K: Eq + serde::Deserialize<'de>,
    V: serde::Deserialize<'de>,
{
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

/// Reads the entries of an object; of a key that comes twice, the last value holds.
struct Entries<K, V>(PhantomData<(K, V)>);

impl<'de, K, V> serde::de::Visitor<'de> for Entries<K, V>
where
    K: Eq + serde::Deserialize<'de>,
    V: serde::Deserialize<'de>,
{
    type Value = SmallMap<K, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut few = SmallMap::new();
        while let Some((key, value)) = object.next_entry()? {
            few.insert(key, value);
        }
        Ok(few)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_found_changed_and_taken_out() {
        let mut few = SmallMap::new();
        few.insert("a".to_owned(), 1);
        few.insert("b".to_owned(), 2);
        few.insert("a".to_owned(), 3);
        *few.get_or_insert_with("c".to_owned(), || 4) += 1;
        *few.get_or_insert_with("b".to_owned(), || 9) += 1;
        assert_eq!(
            few.iter().map(|(key, value)| (key.as_str(), *value)).collect::<Vec<_>>(),
            [("a", 3), ("b", 3), ("c", 5)]
        );
        assert_eq!((few.get("b"), few.get("x")), (Some(&3), None));
        assert_eq!((few.remove("a"), few.remove("a")), (Some(3), None));
    }
}
