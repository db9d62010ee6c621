//! Directory entries: what is known of a segment without reading it.
//!
//! ```text
//! 16      id of the record in `runs`
//! bytes   first key   (varint length + bytes)
//! bytes   last key
//! 1       flags: 1 has holes, 2 the first key is a hole, 4 the last key is, 8 cites pieces
//! varint  fill: the frame (base + number) that goes into the holes; 0 = not known yet
//! varint  records (live cells)
//! varint  tombstones
//! varint  bytes of keys and values of the live cells, pieces included
//! varint  stored bytes
//! ```
//!
//! The bounds may be narrower than the segment: what lies outside of them has been merged away.

use bytes::Bytes;

use super::io::{Input, put_bytes, put_varint};
use super::order::{ORDER_BYTES, Order, PROVISIONAL};
use super::tuple::compare;
use crate::error::{Error, Result};
use crate::record::Id;

/// A live segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The record in `runs`.
    pub id: Id,
    /// The lowest live key.
    pub first: Bytes,
    /// The highest live key.
    pub last: Bytes,
    /// Whether the segment has holes, and whether its bounds are such.
    pub holes: Holes,
    /// Whether it cites pieces.
    pub pieces: bool,
    /// What goes into the holes: base + frame number; 0 while not known.
    pub fill: u64,
    /// Live cells that are no tombstones.
    pub records: u64,
    /// Tombstones.
    pub tombstones: u64,
    /// Bytes of keys and values of `records`.
    pub bytes: u64,
    /// Bytes of the record in `runs`.
    pub stored: u64,
}

/// Which parts of a segment wait for their frame's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Holes {
    /// Any cell.
    pub any: bool,
    /// The first key.
    pub first: bool,
    /// The last key.
    pub last: bool,
}

impl Entry {
    /// Appends the entry to a record.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.id.0);
        put_bytes(out, &self.first);
        put_bytes(out, &self.last);
        out.push(
            u8::from(self.holes.any)
                | u8::from(self.holes.first) << 1
                | u8::from(self.holes.last) << 2
                | u8::from(self.pieces) << 3,
        );
        for number in [
            self.fill,
            self.records,
            self.tombstones,
            self.bytes,
            self.stored,
        ] {
            put_varint(out, number);
        }
    }

    /// Reads an entry.
    ///
    /// # Errors
    /// `Corrupt`; `UnsupportedFormat` for unknown flags.
    pub fn decode(input: &mut Input) -> Result<Self> {
        let id = Id(input.array()?);
        let first = input.bytes()?;
        let last = input.bytes()?;
        let flags = input.u8()?;
        if flags > 15 {
            return Err(Error::unsupported(format!(
                "a segment has unknown flags {flags:#x}"
            )));
        }
        if first > last {
            return Err(Error::corrupt("a segment's bounds are inverted"));
        }
        Ok(Self {
            id,
            first,
            last,
            holes: Holes {
                any: flags & 1 != 0,
                first: flags & 2 != 0,
                last: flags & 4 != 0,
            },
            pieces: flags & 8 != 0,
            fill: input.varint()?,
            records: input.varint()?,
            tombstones: input.varint()?,
            bytes: input.varint()?,
            stored: input.varint()?,
        })
    }

    /// Fills the holes, now that the frame that cites the segment has its number.
    pub fn resolve(&mut self, frame: u64) {
        if !self.holes.any || self.fill != 0 {
            return;
        }
        self.fill = frame;
        if self.holes.first {
            self.first = fill_tail(&self.first, frame);
        }
        if self.holes.last {
            self.last = fill_tail(&self.last, frame);
        }
    }

    /// Whether the key lies within the bounds.
    #[must_use]
    pub fn covers(&self, key: &[u8]) -> bool {
        compare(&self.first, key).is_le() && compare(key, &self.last).is_le()
    }

    /// Whether any key from `first` to `last`, both inclusive, lies within the bounds.
    #[must_use]
    pub fn overlaps(&self, first: &[u8], last: &[u8]) -> bool {
        self.first.as_ref() <= last && first <= self.last.as_ref()
    }
}

/// The key with the frame of the order at its end replaced, if that is the hole's placeholder.
#[must_use]
pub fn fill_tail(key: &[u8], frame: u64) -> Bytes {
    let mut out = key.to_vec();
    fill_tail_in(&mut out, frame);
    out.into()
}

/// The same in place.
pub fn fill_tail_in(key: &mut [u8], frame: u64) {
    let at = key.len().saturating_sub(ORDER_BYTES);
    let Some(tail) = key.get_mut(at..) else {
        return;
    };
    if let Some(order) = Order::from_bytes(tail)
        && order.frame == PROVISIONAL
    {
        tail.copy_from_slice(&Order { frame, ..order }.to_bytes());
    }
}
