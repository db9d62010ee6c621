//! A page: the sorted cells of a segment that are compressed and sealed together.
//!
//! Decoded, a page is
//!
//! ```text
//! varint      n: number of cells; they follow one another without gaps to the end of the page:
//!   1         flags: bits 0–1: 0 tombstone, 1 inline value, 2 piece, 3 piece that other cells may cite too;
//!             04 the key ends in a hole, 08 the value is an order with a hole, 10 marks follow
//!   bytes     key (varint length + bytes)
//!   bytes     marks (flag 10: a list of `tags`, see `marks`); a tombstone has none
//!   value     inline: bytes; piece: 16 bytes of the id, varint length
//! ```
//!
//! A hole is an order whose frame is [`PROVISIONAL`](super::order::PROVISIONAL). The number of the frame that cites
//! the run fills it.

use bytes::Bytes;
use std::cmp::Ordering;

use super::cell::{Cell, CellRef, PieceRef, Value, ValueRef};
use super::entry::fill_tail_in;
use super::io::{later, varint_in};
use super::kinds::cell as flag;
use super::marks::{self, Marks};
use super::order::ORDER_BYTES;
use super::stamp::{Fill, STAMPED};
use super::tuple::compare;
use crate::error::{Error, Result};
use crate::record::Id;

/// The size of the smallest cell: its flags and the length of its key.
const MIN_CELL: usize = 2;
/// Cells are rarely smaller than this. Memory is reserved for at most the number of such cells.
const USUAL_CELL: usize = 16;

/// A decoded page. Decoding checks all of it.
#[derive(Debug)]
pub struct Page {
    data: Bytes,
    cells: Vec<Place>,
    /// How many bytes at the beginning all keys share.
    prefix: usize,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    flags: u8,
    key: u32,
    /// The end of the key, where the marks begin, or the value if there are no marks.
    value: u32,
    end: u32,
    /// The first four bytes of the key after the page's prefix. Most lookups compare only these.
    head: u32,
}

impl Page {
    /// Checks a page and fills its holes.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn decode(mut raw: Vec<u8>, fill: Fill) -> Result<Self> {
        let (count, mut from) = length_at(&raw)
            .filter(|(count, _)| *count <= raw.len() / MIN_CELL)
            .ok_or_else(|| Error::corrupt("a page claims more cells than fit into it"))?;
        let mut cells: Vec<Place> = Vec::with_capacity(count.min(raw.len() / USUAL_CELL));
        for _ in 0..count {
            let place = read_place(&raw, from)?;
            from = place.end as usize;
            fill_holes(&mut raw, place, fill);
            let before = cells.last().map(|before| key_in(&raw, before));
            if before.is_some_and(|before| compare(before, key_in(&raw, &place)).is_ge()) {
                return Err(Error::corrupt(
                    "the keys of a page are not in ascending order",
                ));
            }
            cells.push(place);
        }
        if from != raw.len() {
            return Err(Error::corrupt("a page has trailing bytes after its cells"));
        }
        let mut page = Self {
            data: raw.into(),
            cells,
            prefix: 0,
        };
        // The keys ascend, so all of them share the common prefix of the first and the last.
        let ends = page.key(0).iter().zip(page.last_key());
        page.prefix = ends.take_while(|(a, b)| a == b).count();
        for place in &mut page.cells {
            let key = key_in(&page.data, place);
            place.head = head(key.get(page.prefix..).unwrap_or_default());
        }
        Ok(page)
    }

    /// The number of cells.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether the page has no cells.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// The memory that the page takes, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.data.len() + self.cells.len() * size_of::<Place>()
    }

    /// The key at an index; empty past the end.
    #[must_use]
    pub fn key(&self, at: usize) -> &[u8] {
        self.cells
            .get(at)
            .and_then(|place| self.data.get(place.key as usize..place.value as usize))
            .unwrap_or_default()
    }

    /// The highest key; empty if there are no cells.
    #[must_use]
    pub fn last_key(&self) -> &[u8] {
        self.key(self.len().wrapping_sub(1))
    }

    /// The key at an index, sharing the page's memory.
    #[must_use]
    pub fn key_bytes(&self, at: usize) -> Bytes {
        self.cells
            .get(at)
            .map(|place| self.data.slice(place.key as usize..place.value as usize))
            .unwrap_or_default()
    }

    /// The cell at an index; `None` past the end. An inline value shares the page's memory.
    #[must_use]
    pub fn cell(&self, at: usize) -> Option<Cell> {
        let place = self.cells.get(at)?;
        if place.flags & (flag::VALUE | flag::MARKS) == flag::INLINE {
            // The most common case: an inline value without marks.
            let (from, end) = (place.value as usize, place.end as usize);
            let (_, taken) = varint_in(self.data.get(from..end)?)?;
            return Some(Cell::inline(self.data.slice(from + taken..end)));
        }
        let CellRef { value, marks } = self.cell_ref(at)?;
        let value = match value {
            ValueRef::Tombstone => Value::Tombstone,
            ValueRef::Inline(value) => Value::Inline(self.data.slice_ref(value)),
            ValueRef::Piece(piece) => Value::Piece(piece),
        };
        let marks = Marks::of(marks);
        Some(Cell { value, marks })
    }

    /// The cell at an index, borrowed from the page; `None` past the end.
    #[must_use]
    pub fn cell_ref(&self, at: usize) -> Option<CellRef<'_>> {
        let place = self.cells.get(at)?;
        let mut rest = self.data.get(place.value as usize..place.end as usize)?;
        let mut marks: &[u8] = &[];
        if place.flags & flag::MARKS != 0 {
            let (length, at) = length_at(rest)?;
            (marks, rest) = rest.get(at..)?.split_at_checked(length)?;
        }
        let value = match place.flags & flag::VALUE {
            flag::TOMBSTONE => ValueRef::Tombstone,
            flag::INLINE => {
                let (_, at) = varint_in(rest)?;
                ValueRef::Inline(rest.get(at..)?)
            }
            kind => {
                let (id, rest) = rest.split_first_chunk()?;
                let (len, _) = varint_in(rest)?;
                ValueRef::Piece(PieceRef {
                    id: Id(*id),
                    len,
                    shared: kind == flag::SHARED,
                })
            }
        };
        Some(CellRef { value, marks })
    }

    /// Whether the cell at an index is a tombstone.
    #[must_use]
    pub fn is_tombstone(&self, at: usize) -> bool {
        self.cells
            .get(at)
            .is_some_and(|place| place.flags & flag::VALUE == flag::TOMBSTONE)
    }

    /// The index of the first key that is not below `key`.
    #[must_use]
    pub fn lower_bound(&self, key: &[u8]) -> usize {
        let (start, rest) = self.split_key(key);
        match start.cmp(self.split_key(self.key(0)).0) {
            Ordering::Less => 0,
            Ordering::Greater => self.len(),
            Ordering::Equal => {
                let head = head(rest);
                self.cells.partition_point(|place| {
                    place.head < head
                        || (place.head == head
                            && self
                                .data
                                .get(place.key as usize + self.prefix..place.value as usize)
                                .unwrap_or_default()
                                < rest)
                })
            }
        }
    }

    /// Splits a key after as many bytes as the page's prefix has, or at its end if it is shorter.
    fn split_key<'a>(&self, key: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        key.split_at(self.prefix.min(key.len()))
    }
}

/// The first four bytes, padded with zeros, as a number that sorts like the bytes.
fn head(bytes: &[u8]) -> u32 {
    let at = |at: usize| bytes.get(at).copied().unwrap_or_default();
    u32::from_be_bytes([at(0), at(1), at(2), at(3)])
}

fn key_in<'a>(data: &'a [u8], place: &Place) -> &'a [u8] {
    let key = data.get(place.key as usize..place.value as usize);
    key.unwrap_or_default()
}

/// Finds and checks the parts of the cell that begins at `start`.
fn read_place(raw: &[u8], start: usize) -> Result<Place> {
    let broken = || Error::corrupt("a cell exceeds its page");
    let (&flags, _) = raw
        .get(start..)
        .and_then(<[u8]>::split_first)
        .ok_or_else(broken)?;
    let kind = flags & flag::VALUE;
    let is_marked = flags & flag::MARKS != 0;
    if flags & !flag::KNOWN != 0 || (is_marked && kind == flag::TOMBSTONE) {
        return Err(later("cell"));
    }
    // The start and the end of the byte string whose length is at `at`.
    let bytes_at = |at: usize| -> Result<(usize, usize)> {
        let (length, taken) = raw.get(at..).and_then(length_at).ok_or_else(broken)?;
        let from = at + taken;
        let end = from.checked_add(length).filter(|&end| end <= raw.len());
        Ok((from, end.ok_or_else(broken)?))
    };
    let (key, value) = bytes_at(start + 1)?;
    let mut at = value;
    if is_marked {
        let (from, end) = bytes_at(at)?;
        marks::check(raw.get(from..end).unwrap_or_default())?;
        at = end;
    }
    let end = match kind {
        flag::TOMBSTONE => at,
        flag::INLINE => {
            let (from, end) = bytes_at(at)?;
            // What fills a hole must not lie in anything else.
            let is_stamped = end - from > ORDER_BYTES && raw.get(from) == Some(&STAMPED);
            if flags & flag::VALUE_HOLE != 0 && end - from != ORDER_BYTES && !is_stamped {
                return Err(broken());
            }
            end
        }
        _ => {
            let length = raw.get(at..).and_then(|rest| rest.get(16..));
            let (_, taken) = length.and_then(varint_in).ok_or_else(broken)?;
            at + 16 + taken
        }
    };
    if flags & flag::VALUE_HOLE != 0 && kind != flag::INLINE {
        return Err(broken());
    }
    Ok(Place {
        flags,
        key: key as u32,
        value: value as u32,
        end: end as u32,
        head: 0,
    })
}

/// A varint that is a length in memory, and the varint's own length in bytes.
fn length_at(bytes: &[u8]) -> Option<(usize, usize)> {
    let (length, taken) = varint_in(bytes)?;
    Some((usize::try_from(length).ok()?, taken))
}

fn fill_holes(raw: &mut [u8], place: Place, fill: Fill) {
    if place.flags & flag::KEY_HOLE != 0
        && let Some(key) = raw.get_mut(place.key as usize..place.value as usize)
    {
        fill_tail_in(key, fill);
    }
    if place.flags & flag::VALUE_HOLE != 0
        && let Some(value) = raw.get_mut(place.value as usize..place.end as usize)
    {
        fill_tail_in(value, fill);
    }
}

#[cfg(test)]
mod tests;
