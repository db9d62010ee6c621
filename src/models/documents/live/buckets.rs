//! A table from hashes to numbers, several to a hash.

/// Entries to a bucket, in the mean, before there are more buckets.
const FULL: usize = 4;

/// A hash, and what it stands for.
type Pair = (u64, u64);

/// Pairs of a hash and a number, found by their hash. Other things may have the same hash.
#[derive(Default)]
pub struct Buckets {
    lists: Vec<Vec<Pair>>,
    len: usize,
}

impl Buckets {
    /// An empty table that need not grow for so many.
    #[must_use]
    pub fn with_room(pairs: usize) -> Self {
        let mut table = Self::default();
        table.widen((pairs / FULL + 1).next_power_of_two());
        table
    }

    /// Adds a pair.
    pub fn add(&mut self, hash: u64, number: u64) {
        if self.len >= self.lists.len() * FULL {
            self.widen((self.lists.len() * 2).max(1));
        }
        self.put((hash, number));
        self.len += 1;
    }

    /// Takes a pair out, once; whether it was there.
    pub fn remove(&mut self, hash: u64, number: u64) -> bool {
        let at = self.bucket(hash);
        let Some(list) = self.lists.get_mut(at) else {
            return false;
        };
        let Some(at) = list.iter().position(|pair| *pair == (hash, number)) else {
            return false;
        };
        list.swap_remove(at);
        self.len -= 1;
        true
    }

    /// The numbers of a hash.
    pub fn of(&self, hash: u64) -> impl Iterator<Item = u64> {
        let list = self.lists.get(self.bucket(hash)).into_iter().flatten();
        list.filter(move |(known, _)| *known == hash)
            .map(|(_, number)| *number)
    }

    /// How many pairs there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    fn bucket(&self, hash: u64) -> usize {
        // (There are a power of two of them.)
        hash as usize & self.lists.len().wrapping_sub(1)
    }

    fn put(&mut self, pair: Pair) {
        let at = self.bucket(pair.0);
        if let Some(list) = self.lists.get_mut(at) {
            list.push(pair);
        }
    }

    fn widen(&mut self, buckets: usize) {
        let mut wider = Vec::new();
        wider.resize_with(buckets, Vec::new);
        let before = std::mem::replace(&mut self.lists, wider);
        before.into_iter().flatten().for_each(|pair| self.put(pair));
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn it_holds_what_a_map_of_lists_holds(
            room in 0usize..100,
            // Hashes that differ above the bucket alone are among them.
            steps in prop::collection::vec((any::<bool>(), 0u64..40, any::<bool>(), 0u64..3), 0..300),
        ) {
            let mut table = Buckets::with_room(room);
            let mut known = BTreeMap::<u64, Vec<u64>>::new();
            for (adds, low, is_high, number) in steps {
                let hash = low | u64::from(is_high) << 50;
                let list = known.entry(hash).or_default();
                if adds {
                    table.add(hash, number);
                    list.push(number);
                } else {
                    let at = list.iter().position(|known| *known == number);
                    prop_assert_eq!(table.remove(hash, number), at.is_some());
                    at.map(|at| list.remove(at));
                }
                let mut found: Vec<u64> = table.of(hash).collect();
                found.sort_unstable();
                list.sort_unstable();
                prop_assert_eq!(&found, list);
            }
            prop_assert_eq!(table.len(), known.values().map(Vec::len).sum::<usize>());
        }
    }
}
