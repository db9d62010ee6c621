//! Directory entries: what is known about a segment without reading it.
//!
//! ```text
//! 16      id of the record in `runs`
//! bytes   first key   (varint length + bytes)
//! bytes   last key
//! 1       flags: 1 has holes, 2 the first key is a hole, 4 the last key is, 8 cites pieces,
//!         10 the holes take stamps too, 20 has records that can expire, 80 tags follow
//! varint  fill: the frame (base + number) that goes into the holes; 0 = not known yet
//! 12      the stamp of the frame's slot 0 (flag 10; see `stamp`)
//! varint  records (live cells)
//! varint  tombstones
//! varint  bytes of keys and values of the live cells, pieces included
//! varint  stored bytes
//! varint  least time at which any expires, varint how many can (flag 20)
//! tags    (flag 80; see `tags`), kept as long as the entry is reused unchanged
//! ```
//!
//! The bounds may be narrower than the segment: cells outside them have been merged into other segments.

use bytes::Bytes;

use super::expiry::Expiry;
use super::io::{Input, later, put_bytes, put_varint};
use super::kinds::entry as flag;
use super::order::{ORDER_BYTES, Order, PROVISIONAL};
use super::stamp::{Fill, HOLE, Stamp};
use super::tags::Tags;
use super::tuple::compare;
use crate::error::{Error, Result};
use crate::record::Id;

/// The directory's entry for a live segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The record in `runs`.
    pub id: Id,
    /// The lowest live key.
    pub first: Bytes,
    /// The highest live key.
    pub last: Bytes,
    /// Whether the segment has holes, and whether its bounds are holes.
    pub holes: Holes,
    /// Whether the segment cites pieces.
    pub pieces: bool,
    /// What goes into the holes.
    pub fill: Fill,
    /// Live cells that are no tombstones.
    pub records: u64,
    /// How many live cells are tombstones.
    pub tombstones: u64,
    /// Bytes of keys and values of `records`.
    pub bytes: u64,
    /// Bytes of the record in `runs`.
    pub stored: u64,
    /// When and how many of `records` can expire.
    pub expiry: Expiry,
    /// Fields that this library does not know. Narrowing or rebuilding an entry drops them.
    pub more: Tags,
}

/// Which parts of a segment wait for the number of their frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Holes {
    /// The key or value of any cell.
    pub any: bool,
    /// The first key of the segment.
    pub first: bool,
    /// The last key of the segment.
    pub last: bool,
}

impl Entry {
    /// Appends the entry to a record.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.id.0);
        put_bytes(out, &self.first);
        put_bytes(out, &self.last);
        let with = |is: bool, flag: u8| if is { flag } else { 0 };
        out.push(
            with(self.holes.any, flag::HOLES)
                | with(self.holes.first, flag::FIRST_HOLE)
                | with(self.holes.last, flag::LAST_HOLE)
                | with(self.pieces, flag::PIECES)
                | with(self.fill.stamp != Stamp::default(), flag::STAMPS)
                | flags_of(&self.expiry, &self.more),
        );
        put_varint(out, self.fill.frame);
        if self.fill.stamp != Stamp::default() {
            out.extend_from_slice(&self.fill.stamp.to_bytes());
        }
        for number in [self.records, self.tombstones, self.bytes, self.stored] {
            put_varint(out, number);
        }
        put_said(&self.expiry, &self.more, out);
    }

    /// Reads an entry.
    ///
    /// # Errors
    /// `Corrupt`; `UnsupportedFormat` for unknown flags.
    pub fn decode(input: &mut Input) -> Result<Self> {
        let id = Id(input.array()?);
        let first = input.bytes()?;
        let last = input.bytes()?;
        let flags = read_flags(input, flag::KNOWN)?;
        if first > last {
            return Err(Error::corrupt("a segment's bounds are inverted"));
        }
        let frame = input.varint()?;
        let mut stamp = Stamp::default();
        if flags & flag::STAMPS != 0 {
            let found = Stamp::from_bytes(&input.array::<12>()?);
            stamp = found.ok_or_else(|| Error::corrupt("a segment's stamp is broken"))?;
        }
        let fill = Fill { frame, stamp };
        let [records, tombstones, bytes, stored] = [
            input.varint()?,
            input.varint()?,
            input.varint()?,
            input.varint()?,
        ];
        let (expiry, more) = read_said(input, flags)?;
        Ok(Self {
            id,
            first,
            last,
            holes: Holes {
                any: flags & flag::HOLES != 0,
                first: flags & flag::FIRST_HOLE != 0,
                last: flags & flag::LAST_HOLE != 0,
            },
            pieces: flags & flag::PIECES != 0,
            fill,
            records,
            tombstones,
            bytes,
            stored,
            expiry,
            more,
        })
    }

    /// Fills the holes, now that the frame that cites the segment has its number.
    pub fn resolve(&mut self, fill: Fill) {
        if !self.holes.any || self.fill.frame != 0 {
            return;
        }
        self.fill = fill;
        if self.holes.first {
            self.first = fill_tail(&self.first, fill);
        }
        if self.holes.last {
            self.last = fill_tail(&self.last, fill);
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

/// Reads the flags of an entry or of a reference to a directory page.
///
/// # Errors
/// `UnsupportedFormat` for flags that are not in `known`.
pub fn read_flags(input: &mut Input, known: u8) -> Result<u8> {
    let flags = input.u8()?;
    if flags & !known == 0 {
        return Ok(flags);
    }
    Err(later("segment"))
}

/// The flags for the optional fields after the numbers of an entry or of a reference to a directory page.
#[must_use]
pub const fn flags_of(expiry: &Expiry, more: &Tags) -> u8 {
    let with_tags = if more.is_empty() { 0 } else { flag::TAGS };
    expiry.flag() | with_tags
}

/// Appends the optional fields that [`flags_of`] announces.
pub fn put_said(expiry: &Expiry, more: &Tags, out: &mut Vec<u8>) {
    expiry.put(out);
    if !more.is_empty() {
        more.put(out);
    }
}

/// Reads the optional fields that the flags announce.
///
/// # Errors
/// `Corrupt`, `UnsupportedFormat`.
pub fn read_said(input: &mut Input, flags: u8) -> Result<(Expiry, Tags)> {
    let expiry = Expiry::read(input, flags)?;
    let mut more = Tags::default();
    if flags & flag::TAGS != 0 {
        more = Tags::read(input)?;
        more.needs(&[], "segment")?;
    }
    Ok((expiry, more))
}

/// The key with the order at its end filled in, if that is the hole's placeholder.
#[must_use]
pub fn fill_tail(key: &[u8], fill: Fill) -> Bytes {
    let mut out = key.to_vec();
    fill_tail_in(&mut out, fill);
    out.into()
}

/// The same in place, of a key or of a value, which may end in a stamp.
pub fn fill_tail_in(key: &mut [u8], fill: Fill) {
    let at = key.len().saturating_sub(ORDER_BYTES);
    let Some(tail) = key.get_mut(at..) else {
        return;
    };
    match Order::from_bytes(tail) {
        Some(Order { frame, slot }) if frame == PROVISIONAL => {
            let frame = fill.frame;
            tail.copy_from_slice(&Order { frame, slot }.to_bytes());
        }
        // (Filled with themselves, holes stay.)
        Some(Order { frame, slot }) if frame == HOLE && fill.frame != PROVISIONAL => {
            tail.copy_from_slice(&fill.stamp.plus(slot).to_bytes());
        }
        _ => {}
    }
}
