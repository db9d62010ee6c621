//! One sorted source of a scan: a memtable, a run, or a level.
//!
//! A source knows its next key without loading anything as long as it stands at the start of a
//! segment: the bounds in the directory are exact.

use bytes::Bytes;
use std::rc::Rc;

use super::access::{Attempt, KeyRange};
use super::cache::Cache;
use super::entries::Listing;
use super::memtable::Memtable;
use super::segments::{SegmentSource, TakeCell};
use crate::codec::cell::Cell;
use crate::codec::range::after;

/// A sorted source within the bounds of a scan.
pub enum Source {
    /// A memtable, which needs no loading.
    Memory(MemorySource),
    /// The segments of a run or level.
    Segments(SegmentSource),
}

/// A memtable as a source.
pub struct MemorySource {
    /// The table that is read; it does not change.
    pub table: Rc<Memtable>,
    head: Option<(Bytes, Cell)>,
    rest: KeyRange,
    started: bool,
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
