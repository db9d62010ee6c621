//! What a call read, and whether a frame's writes touch it.

use bytes::Bytes;
use std::collections::BTreeSet;
use std::ops::Bound;

use super::access::KeyRange;
use crate::codec::batch::{Batch, Op};
use crate::codec::entry::Entry;
use crate::codec::order::{ORDER_BYTES, Order, PROVISIONAL};

/// The keys and ranges that a call read. Absent keys and empty ranges count.
#[derive(Debug, Clone, Default)]
pub struct ReadSet {
    keys: BTreeSet<Bytes>,
    ranges: Vec<KeyRange>,
}

impl ReadSet {
    /// Notes a key.
    pub fn add_key(&mut self, key: &[u8]) {
        if !self.keys.contains(key) {
            self.keys.insert(Bytes::copy_from_slice(key));
        }
    }

    /// Notes a range.
    pub fn add_range(&mut self, range: &KeyRange) {
        if !self.ranges.contains(range) {
            self.ranges.push(range.clone());
        }
    }

    /// Whether nothing was read: the call is blind.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.ranges.is_empty()
    }

    /// How many keys and ranges were read.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len() + self.ranges.len()
    }

    /// Forgets some of the keys; whether there are more.
    pub fn drop_some(&mut self, count: usize) -> bool {
        (0..count).all(|_| self.keys.pop_first().is_some())
    }

    /// Whether any of the writes touches what was read.
    #[must_use]
    pub fn meets(&self, writes: &Writes) -> bool {
        !self.is_empty()
            && (writes.keys.iter().any(|key| self.has_key(key))
                || writes
                    .ranges
                    .iter()
                    .any(|(from, until)| self.has_range(from, until)))
    }

    fn has_key(&self, key: &Bytes) -> bool {
        self.keys.contains(key)
            || self
                .ranges
                .iter()
                .any(|range| range.from <= *key && *key < range.until)
    }

    fn has_range(&self, from: &Bytes, until: &Bytes) -> bool {
        if from >= until {
            return false;
        }
        let bounds = (Bound::Included(from), Bound::Excluded(until));
        self.keys.range::<Bytes, _>(bounds).next().is_some()
            || self
                .ranges
                .iter()
                .any(|range| range.from < *until && *from < range.until)
    }

    /// Replaces provisional orders at the ends of keys by the real ones, once the calls that took
    /// them are committed: call → (frame, offset of its slots in the frame).
    pub fn resolve(&mut self, calls: &Resolved) {
        if calls.is_empty() {
            return;
        }
        let keys = std::mem::take(&mut self.keys);
        self.keys = keys
            .into_iter()
            .map(|key| resolve_key(&key, calls).unwrap_or(key))
            .collect();
    }
}

/// Where the insertions of committed calls went: call → (frame, offset of its slots).
pub type Resolved = crate::sorted::SortedMap<u64, (u64, u32)>;

/// The real order for a provisional one, if its call is committed.
#[must_use]
pub fn resolve_order(order: Order, calls: &Resolved) -> Option<Order> {
    let call = order.frame.checked_sub(PROVISIONAL)?;
    let (frame, offset) = calls.get(&call)?;
    Some(Order {
        frame: *frame,
        slot: order.slot + offset,
    })
}

fn resolve_key(key: &Bytes, calls: &Resolved) -> Option<Bytes> {
    let at = key.len().checked_sub(ORDER_BYTES)?;
    let order = resolve_order(Order::from_bytes(key.get(at..)?)?, calls)?;
    let mut out = key.to_vec();
    out.get_mut(at..)?.copy_from_slice(&order.to_bytes());
    Some(out.into())
}

/// The keys and ranges that something wrote.
#[derive(Debug, Clone, Default)]
pub struct Writes {
    keys: Vec<Bytes>,
    ranges: Vec<(Bytes, Bytes)>,
    /// The first and the last key of segments that are among the ranges.
    segments: Vec<(Bytes, Bytes)>,
}

impl Writes {
    /// What a batch with resolved orders writes; a cited run counts as its segments' bounds.
    #[must_use]
    pub fn of_batch(batch: &Batch) -> Self {
        let mut writes = Self::default();
        writes.add_ops(&batch.ops);
        writes.add_entries(&batch.run);
        writes
    }

    /// Adds what operations write.
    pub fn add_ops(&mut self, ops: &[Op]) {
        for op in ops {
            match op {
                Op::Put(key, _) | Op::Delete(key) => self.keys.push(key.to_bytes()),
                Op::DeleteRange(range) => {
                    self.ranges.push((range.from.clone(), range.until.clone()))
                }
            }
        }
    }

    fn add_entries(&mut self, entries: &[Entry]) {
        for entry in entries {
            self.ranges
                .push((entry.first.clone(), super::source::after(&entry.last)));
            self.segments
                .push((entry.first.clone(), entry.last.clone()));
        }
    }

    /// Single keys.
    #[must_use]
    pub fn keys(&self) -> &[Bytes] {
        &self.keys
    }

    /// Ranges: inclusive lower, exclusive upper bound.
    #[must_use]
    pub fn ranges(&self) -> &[(Bytes, Bytes)] {
        &self.ranges
    }

    /// The first and the last key of each segment of a large batch: what lies between is among the ranges.
    #[must_use]
    pub fn segments(&self) -> &[(Bytes, Bytes)] {
        &self.segments
    }

    /// Whether nothing was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.ranges.is_empty()
    }
}
