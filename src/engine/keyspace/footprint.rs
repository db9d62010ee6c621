//! What a frame wrote, and where its insertions went.

use bytes::Bytes;

use crate::codec::batch::{Batch, Op};
use crate::codec::entry::Entry;
use crate::codec::order::{ORDER_BYTES, Order, PROVISIONAL};
use crate::codec::range::after;

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

/// What may be a place in the order of insertion, at the end of a key.
#[must_use]
pub fn order_at_end(key: &[u8]) -> Option<Order> {
    // The keys of contents end in random bytes, or in the key of a record that has no place.
    if matches!(
        (key.first(), key.len()),
        (Some(0x60), 33)
            | (Some(0x61), 21)
            | (Some(0x62), 17)
            | (Some(0x63), 49)
            | (Some(0x64), 34..)
            | (Some(0x65), 41)
    ) {
        return None;
    }
    let at = key.len().checked_sub(ORDER_BYTES)?;
    Order::from_bytes(key.get(at..)?)
}

/// The key with the real order in place of a provisional one, if its call is committed.
#[must_use]
pub fn resolve_key(key: &Bytes, calls: &Resolved) -> Option<Bytes> {
    let at = key.len().checked_sub(ORDER_BYTES)?;
    let order = resolve_order(order_at_end(key)?, calls)?;
    let mut out = key.to_vec();
    out.get_mut(at..)?.copy_from_slice(&order.to_bytes());
    Some(out.into())
}

/// The keys and ranges that something wrote. They are copies: keys of frames would pin these in memory.
#[derive(Debug, Clone, Default)]
pub struct WriteSet {
    keys: Vec<Bytes>,
    ranges: Vec<(Bytes, Bytes)>,
    /// The first and the last key of segments that are among the ranges.
    segments: Vec<(Bytes, Bytes)>,
}

impl WriteSet {
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
        // All in one piece of memory.
        let mut bytes = Vec::new();
        let mut ends = Vec::with_capacity(ops.len());
        for op in ops {
            match op {
                Op::Put(key, ..) | Op::Delete(key) => {
                    bytes.extend_from_slice(&key.prefix);
                    if let Some(order) = key.order {
                        bytes.extend_from_slice(&order.to_bytes());
                    }
                    ends.push(bytes.len());
                }
                Op::DeleteRange(range) => {
                    self.ranges.push((owned(&range.from), owned(&range.until)))
                }
            }
        }
        let bytes = Bytes::from(bytes);
        let mut from = 0;
        for end in ends {
            self.keys.push(bytes.slice(from..end));
            from = end;
        }
    }

    fn add_entries(&mut self, entries: &[Entry]) {
        for entry in entries {
            let (first, last) = (owned(&entry.first), owned(&entry.last));
            self.ranges.push((first.clone(), after(&last)));
            self.segments.push((first, last));
        }
    }

    /// What remembering them takes, in bytes.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let bounds = self
            .ranges
            .iter()
            .map(|(from, until)| from.len() + until.len());
        let keys = self.keys.iter().map(Bytes::len);
        (self.keys.len() + 4 * self.ranges.len()) * size_of::<Bytes>()
            + keys.sum::<usize>()
            + bounds.sum::<usize>()
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

fn owned(key: &Bytes) -> Bytes {
    Bytes::copy_from_slice(key)
}
