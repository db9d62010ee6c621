//! Ranges of keys, as one set of keys.

use bytes::Bytes;

use super::access::KeyRange;
use super::tree::Tree;
use crate::codec::range::after;

/// What a key takes beside its bytes: its place, the buffer's overhead, its part of the nodes above.
const KEY_BYTES: usize = 80;

/// A set of keys: the union of ranges. Those that overlap or touch are one.
#[derive(Debug, Clone, Default)]
pub struct Ranges {
    /// The lower bounds, inclusive, under the upper ones, exclusive.
    bounds: Tree<Bytes>,
    held_bytes: usize,
}

/// About what a key takes in a tree of keys, in bytes.
pub fn held_bytes(key: &[u8]) -> usize {
    KEY_BYTES + key.len()
}

impl Ranges {
    /// Adds the keys of a range.
    pub fn add(&mut self, range: &KeyRange) {
        let (mut from, mut until) = (&range.from, &range.until);
        if from >= until {
            return;
        }
        let mut merged = None;
        for (upper, lower) in self.bounds.starting_at(&range.from) {
            if *lower > range.until {
                break;
            }
            if *lower <= range.from && range.until <= *upper {
                return;
            }
            (from, until) = (from.min(lower), until.max(upper));
            merged = Some(upper);
            self.held_bytes -= held_bytes(lower) + held_bytes(upper);
        }
        let (from, until) = (from.clone(), until.clone());
        if let Some(last) = merged {
            let merged = KeyRange {
                from: range.from.clone(),
                until: after(last),
            };
            self.bounds.remove(&merged, &mut |_| {});
        }
        self.held_bytes += held_bytes(&from) + held_bytes(&until);
        self.bounds.insert(until, from);
    }

    /// Whether a key is among them.
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        // (Where one ends at the key, none begins there: they would touch.)
        let above = self.bounds.at_least(key);
        above.is_some_and(|(until, from)| **from <= *key && *key < **until)
    }

    /// Whether all keys from `first` to `last`, both inclusive, are among them.
    #[must_use]
    pub fn cover(&self, first: &[u8], last: &[u8]) -> bool {
        let above = self.bounds.at_least(first);
        above.is_some_and(|(until, from)| **from <= *first && *last < **until)
    }

    /// Whether any key from `first` to `last`, both inclusive, is among them.
    #[must_use]
    pub fn touch(&self, first: &[u8], last: &[u8]) -> bool {
        self.above(first).is_some_and(|from| **from <= *last)
    }

    /// Whether any key of a range is among them.
    #[must_use]
    pub fn meets(&self, from: &[u8], until: &[u8]) -> bool {
        from < until && self.above(from).is_some_and(|lower| **lower < *until)
    }

    /// Where the first range begins that ends above a key.
    fn above(&self, key: &[u8]) -> Option<&Bytes> {
        let mut above = self.bounds.starting_at(key);
        let (_, from) = above.find(|(until, _)| ***until > *key)?;
        Some(from)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bounds.is_empty()
    }

    /// About what they take, in bytes.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// All of them, in order, none of which touches another.
    pub fn iter(&self) -> impl Iterator<Item = KeyRange> {
        let bounds = self.bounds.iter();
        bounds.map(|(until, from)| KeyRange {
            from: from.clone(),
            until: until.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Ranges;
    use crate::engine::access::KeyRange;
    use bytes::Bytes;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn range((from, until): (u8, u8)) -> KeyRange {
        let bound = |at: u8| Bytes::copy_from_slice(&[at]);
        KeyRange {
            from: bound(from),
            until: bound(until),
        }
    }

    proptest! {
        #[test]
        fn holds_the_keys_of_all_ranges(added in prop::collection::vec((0u8..200, 0u8..12), 0..120), asked in (0u8..210, 0u8..9)) {
            let (mut ours, mut known) = (Ranges::default(), BTreeSet::new());
            for (from, len) in added {
                ours.add(&range((from, from + len)));
                known.extend(from..from + len);
            }
            for key in 0..=255 {
                prop_assert_eq!(ours.contains(&[key]), known.contains(&key), "{}", key);
            }
            let (from, until) = (asked.0, asked.0 + asked.1);
            prop_assert_eq!(ours.meets(&[from], &[until]), (from..until).any(|key| known.contains(&key)));
            let (first, last) = asked;
            prop_assert_eq!(ours.touch(&[first], &[last.max(first)]), (first..=last.max(first)).any(|key| known.contains(&key)));
            prop_assert_eq!(ours.cover(&[first], &[last.max(first)]), (first..=last.max(first)).all(|key| known.contains(&key)));
            let all: Vec<KeyRange> = ours.iter().collect();
            prop_assert!(all.iter().all(|range| range.from < range.until));
            prop_assert!(all.windows(2).all(|pair| pair[0].until < pair[1].from));
            prop_assert_eq!(ours.is_empty(), known.is_empty());
            let held = all.iter().map(|range| super::held_bytes(&range.from) + super::held_bytes(&range.until));
            prop_assert_eq!(ours.held_bytes(), held.sum::<usize>());
        }
    }
}
