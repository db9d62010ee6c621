//! A segment: a sorted, immutable piece of a run, one record of store `runs`.
//!
//! ```text
//! 8   fixed fields of the envelope (see `seal`), kind S
//! …   pages, each as stored (raw or compressed) followed by its XXH64, u64 little-endian
//! …   index: varint number of pages, then of each
//!       varint  stored bytes, without the checksum
//!       varint  decoded bytes; equal to the stored ones if the page is not compressed
//!       bytes   first key, holes unfilled
//! 4   bytes of the index, u32 little-endian
//! 8   XXH64 of the index and its length, u64 little-endian
//! ```
//!
//! The first page begins at 8, every other one at the end of the previous one, and the last ends where the index
//! begins. All checksums use the segment's seed.
//!
//! Pages are compressed as LZ4 blocks (the block format of the LZ4 project). Segments are larger
//! than 64 KiB because Chromium keeps smaller records inside LevelDB, where deleting them
//! does not free space once the quota has been reached.

use bytes::Bytes;

use super::cell::{Cell, Value};
use super::entry::{Entry, Holes, fill_tail};
use super::expiry::Expiry;
use super::io::{Input, put_bytes, put_varint};
use super::marks::expiry_of;
use super::order::{ORDER_BYTES, Order, PROVISIONAL};
use super::page::Page;
use super::page_builder::{CellHoles, PageBuilder, open_order};
use super::seal::{self, Kind, Record};
use super::stamp::{self, Fill, HOLE};
use super::tags::Tags;
use super::tuple::compare;
use crate::error::{Error, Result};
use crate::record::Id;

/// A page is closed at this many decoded bytes.
pub const PAGE_BYTES: usize = 16 << 10;
/// A segment is closed at this many stored bytes.
pub const SEGMENT_BYTES: usize = 72 << 10;
/// The offset of the first page.
const FIRST_PAGE: usize = 8;
/// The size of a checksum, in bytes.
const CHECK: usize = 8;
/// A page that claims more decoded bytes than this is corrupt. (A cell is at most a large key,
/// an inline value below the threshold for pieces, and little else.)
const MAX_PAGE_BYTES: usize = 4 << 20;
/// A page that claims to decode to more than this many times its stored bytes is corrupt. (LZ4 reaches 255.)
const LZ4_RATIO: usize = 256;

/// Builds a segment and its directory entry.
pub struct SegmentBuilder {
    record: Vec<u8>,
    page: PageBuilder,
    page_first: Vec<u8>,
    /// The last key so far.
    last: Vec<u8>,
    index: Vec<u8>,
    pages: u64,
    entry: Entry,
}

impl SegmentBuilder {
    /// An empty segment that will be the record `id`.
    #[must_use]
    pub fn new(id: Id) -> Self {
        Self {
            record: seal::start(Record::segment(id), SEGMENT_BYTES + PAGE_BYTES),
            page: PageBuilder::default(),
            page_first: Vec::new(),
            last: Vec::new(),
            index: Vec::new(),
            pages: 0,
            entry: Entry {
                id,
                first: Bytes::new(),
                last: Bytes::new(),
                holes: Holes::default(),
                pieces: false,
                fill: Fill::default(),
                records: 0,
                tombstones: 0,
                bytes: 0,
                stored: 0,
                expiry: Expiry::default(),
                more: Tags::default(),
            },
        }
    }

    /// Whether the segment has no cells.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entry.records + self.entry.tombstones == 0
    }

    /// The last key so far.
    #[must_use]
    pub fn last(&self) -> &[u8] {
        &self.last
    }

    /// Whether the segment is large enough to be closed.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.record.len() >= SEGMENT_BYTES
    }

    /// Adds a cell. Keys must ascend. `call`: orders and stamps that are provisional by its number become holes.
    pub fn push(&mut self, key: &[u8], cell: &Cell, call: Option<u64>) {
        let holes = call.map_or_else(CellHoles::default, |call| find_holes(key, cell, call));
        if self.is_empty() {
            self.entry.first = bound(key, holes.key).into();
            self.entry.holes.first = holes.key;
        }
        if self.page.is_empty() {
            self.page_first = bound(key, holes.key);
        }
        self.last.clear();
        self.last.extend_from_slice(key);
        self.entry.holes.last = holes.key;
        self.entry.holes.any |= holes.key || holes.value;
        if cell.is_tombstone() {
            self.entry.tombstones += 1;
        } else {
            self.entry.records += 1;
            self.entry.bytes = (self.entry.bytes)
                .saturating_add(key.len() as u64)
                .saturating_add(cell.len());
            self.entry.pieces |= cell.cited_piece().is_some();
            self.entry.expiry.add(expiry_of(cell.marks.as_slice()));
        }
        self.page.push(key, cell, holes);
        if self.page.len() >= PAGE_BYTES {
            self.close_page();
        }
    }

    fn close_page(&mut self) {
        let raw = self.page.take();
        let packed = lz4_flex::block::compress(&raw);
        let stored = if packed.len() < raw.len() {
            &packed
        } else {
            &raw
        };
        put_varint(&mut self.index, stored.len() as u64);
        put_varint(&mut self.index, raw.len() as u64);
        put_bytes(&mut self.index, &self.page_first);
        self.pages += 1;
        self.record.extend_from_slice(stored);
        let check = seal::checksum(self.seed(), stored);
        self.record.extend_from_slice(&check.to_le_bytes());
    }

    const fn seed(&self) -> u64 {
        Record::segment(self.entry.id).seed()
    }

    /// The segment's record and its directory entry.
    #[must_use]
    pub fn finish(mut self) -> (Bytes, Entry) {
        if !self.page.is_empty() {
            self.close_page();
        }
        let mut index = Vec::with_capacity(self.index.len() + 10);
        put_varint(&mut index, self.pages);
        index.extend_from_slice(&self.index);
        let length = (index.len() as u32).to_le_bytes();
        index.extend_from_slice(&length);
        let check = seal::checksum(self.seed(), &index);
        self.record.extend_from_slice(&index);
        self.record.extend_from_slice(&check.to_le_bytes());
        self.entry.last = bound(&self.last, self.entry.holes.last).into();
        self.entry.stored = self.record.len() as u64;
        (self.record.into(), self.entry)
    }
}

/// A key as a bound; whether it is a hole.
fn bound(key: &[u8], is_hole: bool) -> Vec<u8> {
    let mut bound = key.to_vec();
    if is_hole {
        open_order(&mut bound);
    }
    bound
}

fn find_holes(key: &[u8], cell: &Cell, call: u64) -> CellHoles {
    let is_hole = |tail: &[u8]| {
        Order::from_bytes(tail).is_some_and(|order| order.frame == PROVISIONAL + call)
    };
    let is_stamped =
        |value: &[u8]| stamp::hole_of(value).is_some_and(|hole| hole.frame == HOLE + call);
    CellHoles {
        key: key
            .last_chunk::<ORDER_BYTES>()
            .is_some_and(|tail| is_hole(tail)),
        value: matches!(&cell.value, Value::Inline(value) if is_hole(value) || is_stamped(value)),
    }
}

/// A stored segment whose index has been read.
#[derive(Debug)]
pub struct Segment {
    record: Bytes,
    pages: Vec<PagePlace>,
    seed: u64,
    fill: Fill,
}

#[derive(Debug)]
struct PagePlace {
    offset: usize,
    stored: usize,
    decoded: usize,
    first: Bytes,
}

impl Segment {
    /// Reads the index of the record `id`. `fill` (base + frame number) fills the holes; 0 if there are none.
    ///
    /// # Errors
    /// `Corrupt`, `UnsupportedFormat`, `Encrypted`.
    pub fn open(id: Id, record: &Bytes, fill: Fill) -> Result<Self> {
        seal::check_fixed(Kind::Segment, record)?;
        let seed = Record::segment(id).seed();
        let (index, index_at) = open_index(seed, record)?;
        let outside = || Error::corrupt("a segment's pages do not end where its index begins");
        let mut input = Input::new(index, "segment's index");
        let mut pages = Vec::new();
        let mut offset = FIRST_PAGE;
        for _ in 0..input.count()? {
            let place = PagePlace {
                offset,
                stored: input.varint32()? as usize,
                decoded: input.varint32()? as usize,
                first: input.bytes()?,
            };
            if place.decoded > MAX_PAGE_BYTES || place.decoded / LZ4_RATIO > place.stored {
                return Err(Error::corrupt("a segment's page claims too many bytes"));
            }
            // Two comparisons, because the sum alone may overflow a `usize` of 32 bits.
            if place.stored > index_at || offset + place.stored + CHECK > index_at {
                return Err(outside());
            }
            offset += place.stored + CHECK;
            pages.push(place);
        }
        input.end()?;
        if offset != index_at {
            return Err(outside());
        }
        if fill.frame != 0 {
            for place in &mut pages {
                place.first = fill_tail(&place.first, fill);
            }
        }
        Ok(Self {
            record: record.clone(),
            pages,
            seed,
            fill,
        })
    }

    /// The number of pages.
    #[must_use]
    pub fn pages(&self) -> usize {
        self.pages.len()
    }

    /// The approximate memory that the segment takes, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.record.len() + self.pages.len() * 96
    }

    /// The index of the only page that can contain `key`.
    #[must_use]
    pub fn page_of(&self, key: &[u8]) -> usize {
        self.pages
            .partition_point(|place| compare(&place.first, key).is_le())
            .saturating_sub(1)
    }

    /// Decodes one page.
    ///
    /// # Errors
    /// `Corrupt`; `Internal` if there is no such page.
    pub fn page(&self, at: usize) -> Result<Page> {
        let place = self
            .pages
            .get(at)
            .ok_or_else(|| Error::internal("no such page"))?;
        let end = place.offset + place.stored;
        let (Some(stored), Some(check)) = (
            self.record.get(place.offset..end),
            self.record.get(end..end + CHECK),
        ) else {
            return Err(Error::corrupt("a segment is truncated"));
        };
        let check = <[u8; CHECK]>::try_from(check).unwrap_or_default();
        seal::check_sum("page", self.seed, stored, u64::from_le_bytes(check))?;
        let raw = if place.stored == place.decoded {
            stored.to_vec()
        } else {
            lz4_flex::block::decompress(stored, place.decoded)
                .map_err(|error| Error::corrupt(format!("a page does not decompress: {error}")))?
        };
        Page::decode(raw, self.fill)
    }
}

/// The index and its offset.
fn open_index(seed: u64, record: &Bytes) -> Result<(Bytes, usize)> {
    let broken = || Error::corrupt("a segment's index is truncated");
    let tail = record.len().checked_sub(4 + CHECK).ok_or_else(broken)?;
    let mut input = Input::new(record.slice(tail..), "segment");
    let length = input.u32()? as usize;
    let expected = input.u64()?;
    let start = tail
        .checked_sub(length)
        .filter(|&at| at >= FIRST_PAGE)
        .ok_or_else(broken)?;
    let covered = record.slice(start..tail + 4);
    seal::check_sum("segment's index", seed, &covered, expected)?;
    Ok((record.slice(start..tail), start))
}
