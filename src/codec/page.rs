//! A page: the sorted cells of a segment that are compressed and sealed together.
//!
//! Decoded, a page is
//!
//! ```text
//! 4           n: number of cells, u32 little-endian
//! 4 · n       offset of each cell from the start of the page, u32 little-endian
//! per cell, each where the one before it ends:
//!   1         flags: bits 0–1: 0 tombstone, 1 inline value, 2 piece;
//!             4 the key ends in a hole, 8 the value is an order with a hole
//!   bytes     key (varint length + bytes)
//!   value     inline: bytes; piece: 16 bytes of the id, varint length
//! ```
//!
//! A hole is an order whose frame is [`PROVISIONAL`](super::order::PROVISIONAL): the number of the frame that cites the run.

use bytes::Bytes;
use std::cmp::Ordering;

use super::cell::{Cell, CellRef, PieceRef};
use super::entry::fill_tail_in;
use super::io::{Input, put_bytes, put_varint, varint_in};
use super::tuple::compare;
use crate::error::{Error, Result};
use crate::record::Id;

const INLINE: u8 = 1;
const PIECE: u8 = 2;
const KEY_HOLE: u8 = 4;
const VALUE_HOLE: u8 = 8;

/// Which parts of a cell wait for their frame's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CellHoles {
    /// The order at the key's end.
    pub key: bool,
    /// The order that is the value.
    pub value: bool,
}

/// Collects the cells of one page.
#[derive(Default)]
pub struct PageBuilder {
    offsets: Vec<u32>,
    cells: Vec<u8>,
}

impl PageBuilder {
    /// Bytes of the page so far.
    #[must_use]
    pub fn len(&self) -> usize {
        4 + 4 * self.offsets.len() + self.cells.len()
    }

    /// Whether it has no cell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }

    /// Adds a cell; keys must ascend.
    pub fn push(&mut self, key: &[u8], cell: &Cell, holes: CellHoles) {
        self.offsets.push(self.cells.len() as u32);
        let kind = match cell {
            Cell::Tombstone => 0,
            Cell::Inline(_) => INLINE,
            Cell::Piece(_) => PIECE,
        };
        let holes = if holes.key { KEY_HOLE } else { 0 } | if holes.value { VALUE_HOLE } else { 0 };
        self.cells.push(kind | holes);
        put_bytes(&mut self.cells, key);
        match cell {
            Cell::Tombstone => {}
            Cell::Inline(value) => put_bytes(&mut self.cells, value),
            Cell::Piece(piece) => {
                self.cells.extend_from_slice(&piece.id.0);
                put_varint(&mut self.cells, piece.len);
            }
        }
    }

    /// The page's bytes; the builder is empty again.
    pub fn take(&mut self) -> Vec<u8> {
        let table = 4 + 4 * self.offsets.len();
        let mut out = Vec::with_capacity(table + self.cells.len());
        out.extend_from_slice(&(self.offsets.len() as u32).to_le_bytes());
        for offset in &self.offsets {
            out.extend_from_slice(&(table as u32 + offset).to_le_bytes());
        }
        out.extend_from_slice(&self.cells);
        self.offsets.clear();
        self.cells.clear();
        out
    }
}

/// A decoded page, checked whole when it is made.
#[derive(Debug)]
pub struct Page {
    data: Bytes,
    cells: Vec<Place>,
    /// Bytes that all keys begin with.
    prefix: usize,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    flags: u8,
    key: u32,
    value: u32,
    end: u32,
    /// How the key goes on after the page's prefix: looking it up mostly need not look at the key.
    head: u32,
}

impl Page {
    /// Checks a page and fills its holes with `fill` (base + number of the frame).
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn decode(mut raw: Vec<u8>, fill: u64) -> Result<Self> {
        let mut cells = Vec::new();
        let mut input = Input::new(
            Bytes::copy_from_slice(raw.get(..4).unwrap_or_default()),
            "page",
        );
        let count = input.u32()? as usize;
        if count.saturating_mul(4) > raw.len() {
            return Err(Error::corrupt("a page claims more cells than it has bytes"));
        }
        cells.reserve_exact(count);
        let mut from = 4 + 4 * count;
        for at in 0..count {
            let place = read_place(&raw, at, from)?;
            from = place.end as usize;
            fill_holes(&mut raw, place, fill);
            cells.push(place);
        }
        let mut page = Self {
            data: raw.into(),
            cells,
            prefix: 0,
        };
        // The first and the last, if the keys ascend: then what these share, all share.
        let ends = page.key(0).iter().zip(page.last_key());
        page.prefix = ends.take_while(|(a, b)| a == b).count();
        let mut before: Option<&[u8]> = None;
        for place in &mut page.cells {
            let key = page
                .data
                .get(place.key as usize..place.value as usize)
                .unwrap_or_default();
            if before.is_some_and(|before| compare(before, key).is_ge()) {
                return Err(Error::corrupt("the keys of a page do not ascend"));
            }
            place.head = head(key.get(page.prefix..).unwrap_or_default());
            before = Some(key);
        }
        Ok(page)
    }

    /// Number of cells.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether it has no cell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Bytes in memory.
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

    /// The highest key; empty where there is none.
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
        Some(match self.cell_ref(at)? {
            CellRef::Tombstone => Cell::Tombstone,
            CellRef::Inline(value) => {
                let end = self.cells.get(at)?.end as usize;
                Cell::Inline(self.data.slice(end - value.len()..end))
            }
            CellRef::Piece(piece) => Cell::Piece(piece),
        })
    }

    /// The cell at an index, where it lies; `None` past the end.
    #[must_use]
    pub fn cell_ref(&self, at: usize) -> Option<CellRef<'_>> {
        let place = self.cells.get(at)?;
        let rest = self.data.get(place.value as usize..place.end as usize)?;
        match place.flags & 3 {
            INLINE => {
                let (_, at) = varint_in(rest)?;
                rest.get(at..).map(CellRef::Inline)
            }
            PIECE => {
                let (id, rest) = rest.split_first_chunk()?;
                let (len, _) = varint_in(rest)?;
                Some(CellRef::Piece(PieceRef { id: Id(*id), len }))
            }
            _ => Some(CellRef::Tombstone),
        }
    }

    /// Whether the cell at an index is a tombstone.
    #[must_use]
    pub fn is_tombstone(&self, at: usize) -> bool {
        self.cells.get(at).is_some_and(|place| place.flags & 3 == 0)
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

    /// What all keys begin with, or what a shorter key has of it, and the rest.
    fn split_key<'a>(&self, key: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        key.split_at(self.prefix.min(key.len()))
    }
}

/// The first four bytes, so that they compare as numbers do; zeros where there are none.
fn head(bytes: &[u8]) -> u32 {
    let at = |at: usize| bytes.get(at).copied().unwrap_or_default();
    u32::from_be_bytes([at(0), at(1), at(2), at(3)])
}

/// Reads and checks where the parts of the cell at an index lie. It begins where the one before it
/// ended: what fills the holes of one must not lie in another.
fn read_place(raw: &[u8], at: usize, from: usize) -> Result<Place> {
    let broken = || Error::corrupt("a page's cell lies outside of it");
    let offset = |at: usize| -> Option<usize> {
        let bytes = raw.get(4 + 4 * at..8 + 4 * at)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
    };
    let start = offset(at).filter(|&at| at == from).ok_or_else(broken)?;
    let rest = raw.get(start..).ok_or_else(broken)?;
    let (&flags, rest) = rest.split_first().ok_or_else(broken)?;
    if flags & 3 == 3 || flags > 15 {
        return Err(Error::corrupt("a page's cell has unknown flags"));
    }
    let (key_len, key_at) = length_at(rest).ok_or_else(broken)?;
    let key = start + 1 + key_at;
    let value = key
        .checked_add(key_len)
        .filter(|&end| end <= raw.len())
        .ok_or_else(broken)?;
    let after = raw.get(value..).ok_or_else(broken)?;
    let len = match flags & 3 {
        INLINE => length_at(after)
            .and_then(|(len, at)| len.checked_add(at))
            .ok_or_else(broken)?,
        PIECE => {
            let (_, at) = varint_in(after.get(16..).ok_or_else(broken)?).ok_or_else(broken)?;
            16 + at
        }
        _ => 0,
    };
    let end = value
        .checked_add(len)
        .filter(|&end| end <= raw.len())
        .ok_or_else(broken)?;
    Ok(Place {
        flags,
        key: key as u32,
        value: value as u32,
        end: end as u32,
        head: 0,
    })
}

/// A varint that is a length of what lies in memory.
fn length_at(bytes: &[u8]) -> Option<(usize, usize)> {
    let (length, taken) = varint_in(bytes)?;
    Some((usize::try_from(length).ok()?, taken))
}

fn fill_holes(raw: &mut [u8], place: Place, fill: u64) {
    if place.flags & KEY_HOLE != 0
        && let Some(key) = raw.get_mut(place.key as usize..place.value as usize)
    {
        fill_tail_in(key, fill);
    }
    if place.flags & VALUE_HOLE != 0
        && let Some(value) = raw.get_mut(place.value as usize..place.end as usize)
    {
        fill_tail_in(value, fill);
    }
}

#[cfg(test)]
mod tests;
