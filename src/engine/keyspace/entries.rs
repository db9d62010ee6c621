//! Going through the segments of a run or of a level, by what the directory tells of them.

use std::rc::Rc;

use super::access::{Attempt, KeyRange, Need};
use super::cache::Cache;
use crate::codec::entry::Entry;
use crate::codec::root::Root;

/// Where segments are listed.
#[derive(Clone)]
pub enum Listing {
    /// A run, listed whole.
    Run(Rc<Vec<Entry>>),
    /// A level below 0, by its number - 1, listed in directory pages.
    Level(Rc<Root>, usize),
}

/// A place among the entries that meet a range.
pub struct EntryCursor {
    listing: Listing,
    range: KeyRange,
    reverse: bool,
    chunk_at: usize,
    chunk: Option<Rc<Vec<Entry>>>,
    entry_at: usize,
    done: bool,
}

impl EntryCursor {
    /// Before the first entry that meets `range`, or (`reverse`) the last.
    pub fn new(listing: Listing, range: KeyRange, reverse: bool) -> Self {
        let mut cursor = Self {
            listing,
            range,
            reverse,
            chunk_at: 0,
            chunk: None,
            entry_at: 0,
            done: false,
        };
        cursor.done = cursor.range.from >= cursor.range.until;
        cursor.chunk_at = cursor.first_chunk();
        cursor
    }

    /// The range.
    pub const fn range(&self) -> &KeyRange {
        &self.range
    }

    /// Whether it goes downwards.
    pub const fn is_reverse(&self) -> bool {
        self.reverse
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
    fn load_chunk(&self, cache: &Cache) -> Attempt<Option<Rc<Vec<Entry>>>> {
        match &self.listing {
            Listing::Run(entries) => Ok((self.chunk_at == 0).then(|| entries.clone())),
            Listing::Level(root, level) => {
                let page = root
                    .levels
                    .get(*level)
                    .and_then(|pages| pages.get(self.chunk_at));
                let Some(page) = page else { return Ok(None) };
                let entries = cache.directory(page.id);
                entries.map(Some).ok_or(Need::Directory(page.id).into())
            }
        }
    }

    /// The entry at hand, having skipped what lies outside of the range.
    pub fn entry(&mut self, cache: &Cache) -> Attempt<Option<&Entry>> {
        while !self.done {
            if self.chunk.is_none() {
                let Some(entries) = self.load_chunk(cache)? else {
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
                self.chunk = Some(entries);
            }
            match self.at_hand() {
                None => {
                    self.chunk = None;
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
        Ok(self.at_hand())
    }

    /// The entry at hand, once it has been found.
    pub fn at_hand(&self) -> Option<&Entry> {
        self.remaining().first()
    }

    /// The entry at hand and, in a run, all that lie above it.
    pub fn remaining(&self) -> &[Entry] {
        let chunk = self.chunk.as_ref();
        chunk
            .and_then(|chunk| chunk.get(self.entry_at..))
            .unwrap_or_default()
    }

    /// The entries after the one at hand, the way it goes, as far as they are known without loading anything.
    pub fn ahead(&self) -> impl Iterator<Item = &Entry> {
        let mut at = self.entry_at;
        let chunk = self.chunk.as_ref();
        let range = &self.range;
        std::iter::from_fn(move || {
            at = self.next_index(at);
            let entry = chunk?.get(at)?;
            (entry.first < range.until && entry.last >= range.from).then_some(entry)
        })
    }

    /// Leaves the entry at hand.
    pub fn skip(&mut self) {
        self.entry_at = self.next_index(self.entry_at);
    }

    /// The index after `at`, the way it goes.
    pub const fn next_index(&self, at: usize) -> usize {
        if self.reverse {
            at.wrapping_sub(1)
        } else {
            at + 1
        }
    }
}
