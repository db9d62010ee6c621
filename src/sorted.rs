//! A map and a set for the few: sorted vectors.
//!
//! Each kind of `BTreeMap` costs about 9 KB of wasm, and collecting into one a sort on top.
//! These have what small collections need, in a few hundred bytes each. Inserting moves what
//! lies behind: where there may be many thousands, a [`Lookup`] or
//! a `BTreeMap` is right.

use std::borrow::Borrow;

/// A map in the order of its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortedMap<K, V> {
    pairs: Vec<(K, V)>,
}

/// A set that lists its keys in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortedSet<K> {
    map: SortedMap<K, ()>,
}

/// Many keys, put in order at once, to be asked for.
#[derive(Debug)]
pub struct Lookup<K> {
    keys: Vec<K>,
}

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self { pairs: Vec::new() }
    }
}

impl<K> Default for SortedSet<K> {
    fn default() -> Self {
        Self {
            map: SortedMap::default(),
        }
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    /// An empty map.
    #[must_use]
    pub const fn new() -> Self {
        Self { pairs: Vec::new() }
    }

    fn place<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.pairs
            .binary_search_by(|(known, _)| known.borrow().cmp(key))
    }

    /// What lies under a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let at = self.place(key).ok()?;
        self.pairs.get(at).map(|(_, value)| value)
    }

    /// What lies under a key, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let at = self.place(key).ok()?;
        self.pairs.get_mut(at).map(|(_, value)| value)
    }

    /// Whether the key is there.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.place(key).is_ok()
    }

    /// Puts a value under a key; gives the one that was there.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.place(&key) {
            Ok(at) => {
                let (_, old) = self.pairs.get_mut(at)?;
                Some(std::mem::replace(old, value))
            }
            Err(at) => {
                self.pairs.insert(at, (key, value));
                None
            }
        }
    }

    /// Takes out what lies under a key.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let at = self.place(key).ok()?;
        Some(self.pairs.remove(at).1)
    }

    /// Removes the pairs that are not wanted.
    pub fn retain(&mut self, mut wanted: impl FnMut(&K, &mut V) -> bool) {
        self.pairs.retain_mut(|(key, value)| wanted(key, value));
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// All pairs, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.pairs.iter().map(|(key, value)| (key, value))
    }

    /// All keys, in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.pairs.iter().map(|(key, _)| key)
    }

    /// All values, in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.pairs.iter().map(|(_, value)| value)
    }

    /// The pairs behind a key, in order.
    pub fn after(&self, key: &K) -> impl Iterator<Item = (&K, &V)> {
        let at = self.pairs.partition_point(|(known, _)| known <= key);
        self.pairs.iter().skip(at).map(|(key, value)| (key, value))
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for SortedMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut map = Self::new();
        for (key, value) in pairs {
            map.insert(key, value);
        }
        map
    }
}

impl<K, V> IntoIterator for SortedMap<K, V> {
    type Item = (K, V);
    type IntoIter = std::vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.pairs.into_iter()
    }
}

impl<K: Ord> SortedSet<K> {
    /// Whether it is there.
    pub fn contains<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.map.contains_key(key)
    }

    /// The keys of the set, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.map.keys()
    }

    /// Adds one; false when it was there.
    pub fn insert(&mut self, key: K) -> bool {
        self.map.insert(key, ()).is_none()
    }
}

impl<K: Ord> FromIterator<K> for SortedSet<K> {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        Self {
            map: keys.into_iter().map(|key| (key, ())).collect(),
        }
    }
}

impl<K: Ord> Extend<K> for SortedSet<K> {
    fn extend<I: IntoIterator<Item = K>>(&mut self, keys: I) {
        for key in keys {
            self.insert(key);
        }
    }
}

impl<K> Default for Lookup<K> {
    fn default() -> Self {
        Self { keys: Vec::new() }
    }
}

impl<K: Ord> Lookup<K> {
    /// Of keys in any order, however often each.
    #[must_use]
    pub fn of(mut keys: Vec<K>) -> Self {
        keys.sort_unstable();
        keys.dedup();
        keys.shrink_to_fit();
        Self { keys }
    }

    /// Whether it is there.
    pub fn contains(&self, key: &K) -> bool {
        self.keys.binary_search(key).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::{Lookup, SortedMap, SortedSet};
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    proptest! {
        #[test]
        fn does_as_the_maps_of_std_do(steps in prop::collection::vec((0u8..3, 0u8..20, any::<u8>()), 0..60)) {
            let (mut ours, mut known) = (SortedMap::new(), BTreeMap::new());
            for (kind, key, value) in steps {
                match kind {
                    0 => prop_assert_eq!(ours.insert(key, value), known.insert(key, value)),
                    1 => prop_assert_eq!(ours.remove(&key), known.remove(&key)),
                    _ => {
                        ours.retain(|at, _| *at != key);
                        known.retain(|at, _| *at != key);
                    }
                }
                prop_assert_eq!(ours.get(&key), known.get(&key));
                prop_assert_eq!(ours.len(), known.len());
                let behind: Vec<_> = ours.after(&key).collect();
                prop_assert_eq!(behind, known.range(key + 1..).collect::<Vec<_>>());
                prop_assert_eq!(ours.iter().collect::<Vec<_>>(), known.iter().collect::<Vec<_>>());
            }
        }

        #[test]
        fn a_set_knows_what_is_in_it(keys: Vec<u8>, other: u8) {
            let ours: SortedSet<u8> = keys.iter().copied().collect();
            let known: BTreeSet<u8> = keys.iter().copied().collect();
            prop_assert_eq!(ours.contains(&other), known.contains(&other));
        }

        #[test]
        fn a_lookup_knows_what_is_in_it(keys: Vec<u8>) {
            let ours = Lookup::of(keys.clone());
            for key in 0..=u8::MAX {
                prop_assert_eq!(ours.contains(&key), keys.contains(&key));
            }
        }
    }
}
