//! One sorted source of a scan: a memtable, a run, or a level.
//!
//! A source knows its next key without loading anything as long as it stands at the start of a
//! segment: the bounds in the directory are exact.

use bytes::Bytes;
use std::rc::Rc;

use super::access::{Attempt, KeyRange, Need, Stop};
use super::cache::{Cache, SegmentSlot};
use super::memtable::Memtable;
use crate::codec::cell::{Cell, CellRef};
use crate::codec::entry::Entry;
use crate::codec::page::Page;
use crate::codec::root::Root;

/// Where a source's segments are listed.
#[derive(Clone)]
pub enum Listing {
    /// A run, listed whole.
    Run(Rc<Vec<Entry>>),
    /// A level below 0, by its number - 1, listed in directory pages.
    Level(Rc<Root>, usize),
}

/// Cells consumed of the segment at hand.
#[derive(Debug, Clone, Copy, Default)]
pub struct Consumed {
    /// Live cells.
    pub records: u64,
    /// Tombstones.
    pub tombstones: u64,
    /// Bytes of keys and values of the live cells.
    pub bytes: u64,
}

/// Takes a cell; whether it wants more.
pub type TakeCell<'a> = dyn FnMut(&[u8], CellRef<'_>) -> Attempt<bool> + 'a;

/// A sorted source within the bounds of a scan.
pub enum Source {
    /// A memtable.
    Memory(MemorySource),
    /// Segments.
    Segments(SegmentSource),
}

/// A memtable as a source.
pub struct MemorySource {
    /// The table.
    pub table: Rc<Memtable>,
    head: Option<(Bytes, Cell)>,
    rest: KeyRange,
    started: bool,
}

/// Segments as a source.
pub struct SegmentSource {
    listing: Listing,
    range: KeyRange,
    reverse: bool,
    chunk_at: usize,
    entries: Option<Rc<Vec<Entry>>>,
    entry_at: usize,
    open: Option<OpenSegment>,
    /// What was consumed of the entry at hand.
    pub consumed: Consumed,
    done: bool,
}

struct OpenSegment {
    slot: Rc<SegmentSlot>,
    page_at: usize,
    page: Rc<Page>,
    cell_at: usize,
}

impl Source {
    /// A memtable within `range`.
    #[must_use]
    pub fn memory(table: Rc<Memtable>, range: KeyRange) -> Self {
        Self::Memory(MemorySource {
            table,
            head: None,
            rest: range,
            started: false,
        })
    }

    /// Segments within `range`.
    #[must_use]
    pub fn segments(listing: Listing, range: KeyRange, reverse: bool) -> Self {
        Self::Segments(SegmentSource::new(listing, range, reverse))
    }

    /// The key it stands at; `None` at its end. Loads nothing but directory pages.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn key(&mut self, cache: &Cache, reverse: bool) -> Attempt<Option<Bytes>> {
        match self {
            Self::Memory(source) => Ok(source.head(reverse).map(|(key, _)| key.clone())),
            Self::Segments(source) => source.key(cache),
        }
    }

    /// The cell it stands at.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn cell(&mut self, cache: &Cache, reverse: bool) -> Attempt<Option<(Bytes, Cell)>> {
        match self {
            Self::Memory(source) => Ok(source.head(reverse).cloned()),
            Self::Segments(source) => source.cell(cache),
        }
    }

    /// Hands each cell from here on to `take`, upwards, as long as that wants more and the key is below
    /// `limit`, or as the page lasts; whether `take` wanted more. `walked` becomes the last key taken.
    /// (What a walk goes over is not counted as consumed.)
    ///
    /// # Errors
    /// [`Stop`], also of `take`, which has not taken the cell then.
    pub fn walk(
        &mut self,
        cache: &Cache,
        limit: Option<&Bytes>,
        walked: &mut Option<Bytes>,
        take: &mut TakeCell<'_>,
    ) -> Attempt<bool> {
        match self {
            Self::Memory(source) => source.walk(limit, walked, take),
            Self::Segments(source) => source.walk(cache, limit, walked, take),
        }
    }

    /// Steps over the cell that [`cell`](Self::cell) gave.
    pub fn step(&mut self, reverse: bool) {
        match self {
            Self::Memory(source) => source.step(reverse),
            Self::Segments(source) => source.step(),
        }
    }
}

impl MemorySource {
    fn head(&mut self, reverse: bool) -> Option<&(Bytes, Cell)> {
        if !self.started {
            self.started = true;
            self.head = self
                .table
                .edge(&self.rest, reverse)
                .map(|(k, c)| (k.clone(), c.clone()));
        }
        self.head.as_ref()
    }

    fn step(&mut self, reverse: bool) {
        if let Some((key, _)) = self.head.take() {
            if reverse {
                self.rest.until = key;
            } else {
                self.rest.from = after(&key);
            }
            self.started = false;
        }
    }
}

impl MemorySource {
    fn walk(
        &mut self,
        limit: Option<&Bytes>,
        walked: &mut Option<Bytes>,
        take: &mut TakeCell<'_>,
    ) -> Attempt<bool> {
        let mut last = None;
        let mut more = Ok(true);
        for (key, cell) in self.table.between(&self.rest) {
            if limit.is_some_and(|limit| key >= limit) {
                break;
            }
            more = take(key, cell.into());
            if more.is_ok() {
                last = Some(key);
            }
            if !matches!(more, Ok(true)) {
                break;
            }
        }
        if let Some(key) = last {
            *walked = Some(key.clone());
            self.rest.from = after(key);
            self.head = None;
            self.started = false;
        }
        more
    }
}

/// The lowest key above `key`.
#[must_use]
pub fn after(key: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(key.len() + 1);
    out.extend_from_slice(key);
    out.push(0);
    out.into()
}

impl SegmentSource {
    fn new(listing: Listing, range: KeyRange, reverse: bool) -> Self {
        let mut source = Self {
            listing,
            range,
            reverse,
            chunk_at: 0,
            entries: None,
            entry_at: 0,
            open: None,
            consumed: Consumed::default(),
            done: false,
        };
        source.done = source.range.from >= source.range.until;
        source.chunk_at = source.first_chunk();
        source
    }

    fn first_chunk(&self) -> usize {
        match &self.listing {
            Listing::Run(_) => 0,
            Listing::Level(root, level) => {
                let Some(pages) = root.levels.get(*level) else {
                    return 0;
                };
                if self.reverse {
                    pages
                        .partition_point(|page| page.first < self.range.until)
                        .wrapping_sub(1)
                } else {
                    pages.partition_point(|page| page.last < self.range.from)
                }
            }
        }
    }

    /// The entries of the chunk at hand; `None` past the ends of the listing.
    fn chunk(&self, cache: &Cache) -> Attempt<Option<Rc<Vec<Entry>>>> {
        match &self.listing {
            Listing::Run(entries) => Ok((self.chunk_at == 0).then(|| entries.clone())),
            Listing::Level(root, level) => {
                let page = root
                    .levels
                    .get(*level)
                    .and_then(|pages| pages.get(self.chunk_at));
                let Some(page) = page else { return Ok(None) };
                let entries = cache.directory(page.id);
                entries
                    .map(Some)
                    .ok_or(Stop::Need(Need::Directory(page.id)))
            }
        }
    }

    /// The entry at hand, having skipped what lies outside of the range.
    pub fn entry(&mut self, cache: &Cache) -> Attempt<Option<&Entry>> {
        while !self.done {
            if self.entries.is_none() {
                let Some(entries) = self.chunk(cache)? else {
                    self.done = true;
                    break;
                };
                self.entry_at = if self.reverse {
                    entries
                        .partition_point(|e| e.first < self.range.until)
                        .wrapping_sub(1)
                } else {
                    entries.partition_point(|e| e.last < self.range.from)
                };
                self.entries = Some(entries);
            }
            let entry = self
                .entries
                .as_ref()
                .and_then(|entries| entries.get(self.entry_at));
            match entry {
                None => {
                    self.entries = None;
                    self.chunk_at = self.next_index(self.chunk_at);
                }
                Some(entry) if entry.first < self.range.until && entry.last >= self.range.from => {
                    break;
                }
                Some(_) => self.done = true,
            }
        }
        if self.done {
            return Ok(None);
        }
        Ok(self
            .entries
            .as_ref()
            .and_then(|entries| entries.get(self.entry_at)))
    }

    fn next_index(&self, at: usize) -> usize {
        if self.reverse {
            at.wrapping_sub(1)
        } else {
            at + 1
        }
    }

    /// Whether it stands at the very start of a segment's live cells.
    #[must_use]
    pub fn at_entry_start(&self) -> bool {
        self.open.is_none()
    }

    /// The entries not gone through yet, of a run; the bounds and counts of the one at hand are
    /// narrowed to what is left of it.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn rest(&mut self, cache: &Cache) -> Attempt<Vec<Entry>> {
        let Some(key) = self.key(cache)? else {
            return Ok(Vec::new());
        };
        let (open, consumed) = (self.open.is_some(), self.consumed);
        let list = self
            .entries
            .as_ref()
            .and_then(|list| list.get(self.entry_at..));
        let mut rest = list.unwrap_or_default().to_vec();
        if let Some(first) = rest.first_mut().filter(|_| open) {
            first.first = key;
            first.holes.first = false;
            first.records = first.records.saturating_sub(consumed.records);
            first.tombstones = first.tombstones.saturating_sub(consumed.tombstones);
            first.bytes = first.bytes.saturating_sub(consumed.bytes);
        }
        Ok(rest)
    }

    /// Leaves the entry at hand.
    pub fn skip_entry(&mut self) {
        self.open = None;
        self.consumed = Consumed::default();
        self.entry_at = self.next_index(self.entry_at);
    }

    /// Whether the key at hand is known from the directory: the segment is not opened yet, and
    /// its bound lies inside of the range.
    fn bound_key(&mut self, cache: &Cache) -> Attempt<Option<Bytes>> {
        let (reverse, range) = (self.reverse, self.range.clone());
        let Some(entry) = self.entry(cache)? else {
            return Ok(None);
        };
        let bound = if reverse { &entry.last } else { &entry.first };
        let inside = range.from <= *bound && *bound < range.until;
        Ok(inside.then(|| bound.clone()))
    }

    fn key(&mut self, cache: &Cache) -> Attempt<Option<Bytes>> {
        if self.open.is_none()
            && let Some(bound) = self.bound_key(cache)?
        {
            return Ok(Some(bound));
        }
        self.settle(cache)?;
        Ok(self
            .open
            .as_ref()
            .map(|open| open.page.key_bytes(open.cell_at)))
    }

    fn cell(&mut self, cache: &Cache) -> Attempt<Option<(Bytes, Cell)>> {
        self.settle(cache)?;
        let Some(open) = &self.open else {
            return Ok(None);
        };
        let cell = open.page.cell(open.cell_at);
        Ok(cell.map(|cell| (open.page.key_bytes(open.cell_at), cell)))
    }

    fn step(&mut self) {
        let Some(open) = &mut self.open else { return };
        match open.page.cell(open.cell_at) {
            Some(Cell::Tombstone) | None => self.consumed.tombstones += 1,
            Some(cell) => {
                self.consumed.records += 1;
                self.consumed.bytes += open.page.key(open.cell_at).len() as u64 + cell.len();
            }
        }
        open.cell_at = if self.reverse {
            open.cell_at.wrapping_sub(1)
        } else {
            open.cell_at + 1
        };
    }

    fn walk(
        &mut self,
        cache: &Cache,
        limit: Option<&Bytes>,
        walked: &mut Option<Bytes>,
        take: &mut TakeCell<'_>,
    ) -> Attempt<bool> {
        self.settle(cache)?;
        let entry = self
            .entries
            .as_ref()
            .and_then(|list| list.get(self.entry_at));
        let (Some(open), Some(entry)) = (&mut self.open, entry) else {
            return Ok(true);
        };
        let page = &open.page;
        let until = limit.map_or(&self.range.until, |limit| limit.min(&self.range.until));
        let mut end = page.lower_bound(until);
        if page.last_key() > entry.last.as_ref() {
            let last = page.lower_bound(&entry.last);
            end = end.min(last + usize::from(page.key(last) == entry.last.as_ref()));
        }
        let from = open.cell_at;
        let mut more = Ok(true);
        while open.cell_at < end && matches!(more, Ok(true)) {
            let cell = page.cell_ref(open.cell_at).unwrap_or(CellRef::Tombstone);
            more = take(page.key(open.cell_at), cell);
            open.cell_at += usize::from(more.is_ok());
        }
        if open.cell_at > from {
            *walked = Some(page.key_bytes(open.cell_at - 1));
        }
        more
    }

    /// Makes `open` stand at a live cell within the range, or be `None` at the end.
    fn settle(&mut self, cache: &Cache) -> Attempt<()> {
        loop {
            if self.open.is_none() {
                let Some(entry) = self.entry(cache)?.cloned() else {
                    return Ok(());
                };
                self.open = Some(self.open_segment(cache, &entry)?);
            }
            let Some(open) = &mut self.open else {
                return Ok(());
            };
            if open.cell_at < open.page.len() {
                let key = open.page.key(open.cell_at);
                let entry = self
                    .entries
                    .as_ref()
                    .and_then(|list| list.get(self.entry_at));
                let inside = entry.is_some_and(|entry| entry.covers(key));
                if inside && self.range.from.as_ref() <= key && key < self.range.until.as_ref() {
                    return Ok(());
                }
                self.skip_entry();
                continue;
            }
            let page_at = if self.reverse {
                open.page_at.wrapping_sub(1)
            } else {
                open.page_at + 1
            };
            if page_at >= open.slot.segment.pages() {
                self.skip_entry();
                continue;
            }
            open.page = open.slot.page(page_at)?;
            open.page_at = page_at;
            open.cell_at = if self.reverse {
                open.page.len().wrapping_sub(1)
            } else {
                0
            };
        }
    }

    fn open_segment(&self, cache: &Cache, entry: &Entry) -> Attempt<OpenSegment> {
        let slot = cache
            .segment(entry.id)
            .ok_or(Stop::Need(Need::Segment(entry.id, entry.fill)))?;
        if self.reverse {
            // The last cell that is below `until` and not above the entry's last key.
            let inclusive = entry.last < self.range.until;
            let target = if inclusive {
                &entry.last
            } else {
                &self.range.until
            };
            let page_at = slot.segment.page_of(target);
            let page = slot.page(page_at)?;
            let at = page.lower_bound(target);
            let hit = inclusive && page.key(at) == target.as_ref();
            let cell_at = if hit { at } else { at.wrapping_sub(1) };
            Ok(OpenSegment {
                slot,
                page_at,
                page,
                cell_at,
            })
        } else {
            let target = (&entry.first).max(&self.range.from);
            let page_at = slot.segment.page_of(target);
            let page = slot.page(page_at)?;
            let cell_at = page.lower_bound(target);
            Ok(OpenSegment {
                slot,
                page_at,
                page,
                cell_at,
            })
        }
    }
}
