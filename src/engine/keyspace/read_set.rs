//! What a call read, and whether what others wrote touches it.

use bytes::Bytes;

use super::access::KeyRange;
use super::footprint::{Resolved, WriteSet, order_at_end, resolve_key};
use super::memtable::Memtable;
use super::ranges::{Ranges, held_bytes};
use super::tree::Tree;
use crate::codec::order::Order;
use crate::codec::range::after;
use crate::limits::MAX_READ_SET_BYTES;

/// As many keys become one range.
const WIDENED: usize = 64;

/// The keys and ranges that a call read. Absent keys and empty ranges count.
#[derive(Debug, Clone, Default)]
pub struct ReadSet {
    keys: Tree<usize>,
    key_bytes: usize,
    /// Some of the keys are provisional.
    moves: bool,
    ranges: Ranges,
}

impl ReadSet {
    /// Notes a key.
    pub fn add_key(&mut self, key: &[u8]) {
        if self.keys.get(key).is_none() {
            self.insert(Bytes::copy_from_slice(key));
            self.fit(MAX_READ_SET_BYTES);
        }
    }

    /// Notes a range.
    pub fn add_range(&mut self, range: &KeyRange) {
        // planted: range-unread
        self.ranges.add(range);
        self.fit(MAX_READ_SET_BYTES);
    }

    /// Notes all that another has noted.
    pub fn add_all(&mut self, other: &Self) {
        if self.is_empty() {
            // Of a large call alone in its group: shared, not copied.
            *self = other.clone();
            return;
        }
        for key in other.keys() {
            self.insert(key.clone());
        }
        other
            .ranges
            .iter()
            .for_each(|range| self.ranges.add(&range));
        self.fit(MAX_READ_SET_BYTES);
    }

    fn insert(&mut self, key: Bytes) {
        self.moves |= order_at_end(&key).is_some_and(Order::is_provisional);
        let bytes = held_bytes(&key);
        self.key_bytes += bytes;
        self.key_bytes -= self.keys.insert(key, bytes).unwrap_or_default();
    }

    /// Widens what was read, until it takes no more than `most` bytes: the first keys become a range. Some at a time, so that nobody waits
    /// for it.
    fn fit(&mut self, most: usize) {
        while self.key_bytes + self.ranges.held_bytes() > most {
            let until = self.keys.iter().nth(WIDENED);
            let range = match until.zip(self.keys.at_least(&[])) {
                Some(((until, _), (first, _))) => KeyRange {
                    // Provisional keys move downwards.
                    from: if self.moves {
                        Bytes::new()
                    } else {
                        first.clone()
                    },
                    until: until.clone(),
                },
                None => KeyRange::everything(),
            };
            let bytes = &mut self.key_bytes;
            self.keys.remove(&range, &mut |held| *bytes -= held);
            self.ranges.add(&range);
        }
    }

    /// Single keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &Bytes> {
        self.keys.iter().map(|(key, _)| key)
    }

    /// Whether nothing was read: the call is blind.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.ranges.is_empty()
    }

    /// Whether more keys than that were read.
    #[must_use]
    pub fn is_longer_than(&self, count: usize) -> bool {
        self.keys.iter().nth(count).is_some()
    }

    /// Forgets some of the keys; whether there are more.
    pub fn drop_some(&mut self, count: usize) -> bool {
        let mut dropped = 0;
        while dropped < count {
            match self.keys.drop_leaf() {
                0 => return false,
                more => dropped += more,
            }
        }
        true
    }

    /// Whether any of the writes touches what was read.
    #[must_use]
    pub fn meets(&self, writes: &WriteSet) -> bool {
        !self.is_empty()
            && (writes.keys().iter().any(|key| self.has_key(key))
                || writes
                    .ranges()
                    .iter()
                    .any(|(from, until)| self.has_range(from, until)))
    }

    /// Whether a memtable says anything of what was read.
    #[must_use]
    pub fn meets_table(&self, table: &Memtable) -> bool {
        let hits = |range: &KeyRange| {
            table.edge(range, false).is_some() || table.ranges().meets(&range.from, &range.until)
        };
        self.keys().any(|key| table.get(key).is_some())
            || self.ranges.iter().any(|range| hits(&range))
    }

    fn has_key(&self, key: &Bytes) -> bool {
        self.keys.get(key).is_some() || self.ranges.contains(key)
    }

    fn has_range(&self, from: &Bytes, until: &Bytes) -> bool {
        let key = self.keys.at_least(from);
        key.is_some_and(|(key, _)| key < until) || self.ranges.meets(from, until)
    }

    /// Replaces provisional orders at the ends of keys by the real ones, once the calls that took
    /// them are committed: call → (frame, offset of its slots in the frame).
    pub fn resolve(&mut self, calls: &Resolved) {
        if calls.is_empty() {
            return;
        }
        let resolved = |key: &Bytes| Some((key.clone(), resolve_key(key, calls)?));
        let moved: Vec<_> = self.keys().filter_map(resolved).collect();
        for (from, to) in moved {
            let gone = KeyRange {
                until: after(&from),
                from,
            };
            let bytes = held_bytes(&to);
            self.keys.remove(&gone, &mut |_| {});
            self.keys.insert(to, bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::batch::{Op, OpKey};
    use crate::codec::order::PROVISIONAL;
    use proptest::prelude::*;

    fn writes(key: Bytes) -> WriteSet {
        let mut writes = WriteSet::default();
        writes.add_ops(&[Op::Delete(OpKey::plain(key))]);
        writes
    }

    fn at(frame: u64) -> Bytes {
        let order = Order { frame, slot: 0 };
        [&b"doc-"[..], &order.to_bytes()].concat().into()
    }

    fn number(n: u32) -> Bytes {
        n.to_be_bytes().to_vec().into()
    }

    proptest! {
        #[test]
        fn widened_it_holds_all_that_it_held(
            read in prop::collection::vec((0u32..5_000, 0u32..3), 1..800),
            most in 500usize..40_000,
        ) {
            let (mut wide, mut exact) = (ReadSet::default(), ReadSet::default());
            for (n, len) in read {
                for reads in [&mut wide, &mut exact] {
                    match len {
                        0 => reads.add_key(&number(n)),
                        _ => reads.add_range(&KeyRange { from: number(n), until: number(n + len) }),
                    }
                }
                wide.fit(most);
                prop_assert!(wide.key_bytes + wide.ranges.held_bytes() <= most);
            }
            let held: usize = wide.keys().map(|key| held_bytes(key)).sum();
            prop_assert_eq!(wide.key_bytes, held);
            for n in 0..5_010 {
                let written = writes(number(n));
                prop_assert!(!exact.meets(&written) || wide.meets(&written), "{}", n);
            }
        }
    }

    #[test]
    fn what_is_read_stays_as_it_is_while_there_is_room() {
        let mut reads = ReadSet::default();
        for n in 0..10_000 {
            reads.add_key(&number(2 * n));
        }
        assert!((0..10_000).all(|n| !reads.meets(&writes(number(2 * n + 1)))));
    }

    #[test]
    fn a_place_that_is_still_to_be_given_out_is_held_wherever_it_comes_to_lie() {
        let mut reads = ReadSet::default();
        for n in 0..100 {
            reads.add_key(&at(PROVISIONAL + n));
        }
        reads.fit(9_000);
        assert!((1..100).contains(&reads.keys().count()), "some are widened");
        let mut calls = Resolved::default();
        for n in 0..100 {
            calls.insert(n, (7 + n, 0));
        }
        reads.resolve(&calls);
        assert!((7..107).all(|frame| reads.meets(&writes(at(frame)))));
        assert!(!reads.meets(&writes(Bytes::from_static(b"dod-"))));
    }
}
