//! The segments of a run or a level as a source of a scan.

use bytes::Bytes;
use std::rc::Rc;

use super::access::{Attempt, KeyRange, Need, Needs, Stop};
use super::cache::Cache;
use super::cached::SegmentSlot;
use super::entries::{EntryCursor, Listing};
use crate::codec::cell::{Cell, CellRef, ValueRef};
use crate::codec::entry::Entry;
use crate::codec::marks::{NEVER, expiry_of};
use crate::codec::page::Page;
use crate::codec::tags::Tags;

/// Takes a cell; whether it wants more.
pub type TakeCell<'a> = dyn FnMut(&[u8], CellRef<'_>) -> Attempt<bool> + 'a;

/// Cells consumed of the segment at hand.
#[derive(Debug, Clone, Copy, Default)]
struct Consumed {
    /// Cells that are no tombstones.
    records: u64,
    /// Tombstones.
    tombstones: u64,
    /// Bytes of keys and values of the live cells.
    bytes: u64,
    /// Live cells that can expire.
    expiring: u64,
}

/// Segments as a source.
pub struct SegmentSource {
    entries: EntryCursor,
    open: Option<OpenSegment>,
    /// What was consumed of the entry at hand.
    consumed: Consumed,
    reads_ahead: bool,
}

struct OpenSegment {
    slot: Rc<SegmentSlot>,
    page_at: usize,
    page: Rc<Page>,
    cell_at: usize,
}

impl SegmentSource {
    /// Segments within `range`.
    pub fn new(listing: Listing, range: KeyRange, reverse: bool) -> Self {
        Self {
            entries: EntryCursor::new(listing, range, reverse),
            open: None,
            consumed: Consumed::default(),
            reads_ahead: false,
        }
    }

    /// The entry at hand, having skipped what lies outside of the range.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn entry(&mut self, cache: &Cache) -> Attempt<Option<&Entry>> {
        self.entries.entry(cache)
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
        let mut rest = self.entries.remaining().to_vec();
        if let Some(first) = rest.first_mut().filter(|_| open) {
            first.first = key;
            first.holes.first = false;
            first.records = first.records.saturating_sub(consumed.records);
            first.tombstones = first.tombstones.saturating_sub(consumed.tombstones);
            first.bytes = first.bytes.saturating_sub(consumed.bytes);
            first.expiry.leave(consumed.expiring);
            // It was said of the whole.
            first.more = Tags::default();
        }
        Ok(rest)
    }

    /// Leaves the entry at hand.
    pub fn skip_entry(&mut self) {
        self.open = None;
        self.consumed = Consumed::default();
        self.entries.skip();
    }

    /// Whether the key at hand is known from the directory: the segment is not opened yet, and
    /// its bound lies inside of the range.
    fn bound_key(&mut self, cache: &Cache) -> Attempt<Option<Bytes>> {
        let (reverse, range) = (self.entries.is_reverse(), self.entries.range().clone());
        let Some(entry) = self.entry(cache)? else {
            return Ok(None);
        };
        let bound = if reverse { &entry.last } else { &entry.first };
        let inside = range.from <= *bound && *bound < range.until;
        Ok(inside.then(|| bound.clone()))
    }

    pub(super) fn key(&mut self, cache: &Cache) -> Attempt<Option<Bytes>> {
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

    pub(super) fn cell(&mut self, cache: &Cache) -> Attempt<Option<(Bytes, Cell)>> {
        self.settle(cache)?;
        let Some(open) = &self.open else {
            return Ok(None);
        };
        let cell = open.page.cell(open.cell_at);
        Ok(cell.map(|cell| (open.page.key_bytes(open.cell_at), cell)))
    }

    pub(super) fn step(&mut self) {
        let Some(open) = &mut self.open else { return };
        let cell = open.page.cell_ref(open.cell_at);
        match cell.filter(|cell| cell.value != ValueRef::Tombstone) {
            None => self.consumed.tombstones += 1,
            Some(cell) => {
                self.consumed.records += 1;
                let key = open.page.key(open.cell_at);
                self.consumed.bytes += key.len() as u64 + cell.value.len();
                self.consumed.expiring += u64::from(expiry_of(cell.marks) != NEVER);
            }
        }
        open.cell_at = self.entries.next_index(open.cell_at);
    }

    pub(super) fn walk(
        &mut self,
        cache: &Cache,
        limit: Option<&Bytes>,
        walked: &mut Option<Bytes>,
        take: &mut TakeCell<'_>,
    ) -> Attempt<bool> {
        self.settle(cache)?;
        let (Some(open), Some(entry)) = (&mut self.open, self.entries.at_hand()) else {
            return Ok(true);
        };
        let page = &open.page;
        let until = &self.entries.range().until;
        let until = limit.map_or(until, |limit| limit.min(until));
        let mut end = page.lower_bound(until);
        if page.last_key() > entry.last.as_ref() {
            let last = page.lower_bound(&entry.last);
            end = end.min(last + usize::from(page.key(last) == entry.last.as_ref()));
        }
        let from = open.cell_at;
        let mut more = Ok(true);
        while open.cell_at < end && matches!(more, Ok(true)) {
            let cell = page.cell_ref(open.cell_at);
            more = cell.map_or(Ok(true), |cell| take(page.key(open.cell_at), cell));
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
                let range = self.entries.range();
                let inside = range.from.as_ref() <= key && key < range.until.as_ref();
                if inside
                    && self
                        .entries
                        .at_hand()
                        .is_some_and(|entry| entry.covers(key))
                {
                    return Ok(());
                }
                self.skip_entry();
                continue;
            }
            let page_at = self.entries.next_index(open.page_at);
            if page_at >= open.slot.segment.pages() {
                self.skip_entry();
                continue;
            }
            open.page = page_of(&open.slot, page_at, self.reads_ahead)?;
            open.page_at = page_at;
            open.cell_at = if self.entries.is_reverse() {
                open.page.len().wrapping_sub(1)
            } else {
                0
            };
        }
    }

    /// The segment at hand, and those that are wanted next, if it reads ahead.
    fn needs(&self, cache: &Cache, entry: &Entry) -> Needs {
        let room = if self.reads_ahead {
            cache.ahead_bytes().saturating_sub(entry.stored)
        } else {
            0
        };
        let mut needs = Needs::new(Need::Segment(entry.id, entry.fill), room);
        if room > 0 {
            self.add_ahead(cache, &mut needs);
        }
        needs
    }

    /// Adds the segments that are wanted after the one at hand, as many as there is room for.
    fn add_ahead(&self, cache: &Cache, needs: &mut Needs) {
        for entry in self.entries.ahead() {
            let is_here = cache.segment(entry.id).is_some();
            if !is_here && !needs.add(Need::Segment(entry.id, entry.fill), entry.stored) {
                return;
            }
        }
    }

    /// From now on, what lies ahead is loaded along.
    pub fn read_ahead(&mut self) {
        self.reads_ahead = true;
    }

    fn open_segment(&self, cache: &Cache, entry: &Entry) -> Attempt<OpenSegment> {
        let Some(slot) = cache.segment(entry.id) else {
            return Err(Stop::Need(Box::new(self.needs(cache, entry))));
        };
        let range = self.entries.range();
        if self.entries.is_reverse() {
            // The last cell that is below `until` and not above the entry's last key.
            let inclusive = entry.last < range.until;
            let target = if inclusive { &entry.last } else { &range.until };
            let page_at = slot.segment.page_of(target);
            let page = page_of(&slot, page_at, self.reads_ahead)?;
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
            let target = (&entry.first).max(&range.from);
            let page_at = slot.segment.page_of(target);
            let page = page_of(&slot, page_at, self.reads_ahead)?;
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

/// A page, which is not kept the first time if much is gone through.
fn page_of(slot: &SegmentSlot, at: usize, in_passing: bool) -> Attempt<Rc<Page>> {
    if in_passing {
        slot.page_passed(at)
    } else {
        slot.page(at)
    }
}

#[cfg(test)]
mod tests;
