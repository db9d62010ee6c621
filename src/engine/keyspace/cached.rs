//! What the cache holds.

use bytes::Bytes;
use std::cell::{Cell, RefCell};
use std::mem::size_of;
use std::rc::Rc;

use super::access::Attempt;
use crate::codec::entry::Entry;
use crate::codec::page::Page;
use crate::codec::segment::Segment;

/// The segments and directory pages put last, which are never evicted: the lookup of one key goes through a segment of
/// each run, begins anew with each that it lacks, and must find those that were loaded for it. They are small.
const PINNED_ITEMS: u64 = 24;

/// A page of a segment in memory.
#[derive(Debug, Clone, Default)]
pub(super) enum PageSlot {
    /// As it is stored.
    #[default]
    Stored,
    /// The same, and a scan has passed it.
    Passed,
    /// Decoded.
    Decoded(Rc<Page>),
}

/// A segment in memory.
pub struct SegmentSlot {
    /// The segment as it is stored, its pages compressed.
    pub segment: Segment,
    pub(super) pages: RefCell<Vec<PageSlot>>,
    pub(super) decoded_bytes: Cell<usize>,
    pub(super) total: Rc<Cell<usize>>,
    pub(super) used: Cell<bool>,
    pub(super) attached: Cell<bool>,
}

impl SegmentSlot {
    /// A page, decoded if it was not yet, and kept.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn page(&self, at: usize) -> Attempt<Rc<Page>> {
        self.decoded(at, true)
    }

    /// The same for a scan of much: what it passes for the first time is mostly not read again, and is not kept decoded.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn page_passed(&self, at: usize) -> Attempt<Rc<Page>> {
        self.decoded(at, false)
    }

    fn decoded(&self, at: usize, keep: bool) -> Attempt<Rc<Page>> {
        let mut pages = self.pages.borrow_mut();
        let place = pages.get_mut(at);
        if let Some(PageSlot::Decoded(page)) = place {
            return Ok(page.clone());
        }
        let page = Rc::new(self.segment.page(at)?);
        if let Some(place) = place.filter(|_| self.attached.get()) {
            if keep || matches!(place, PageSlot::Passed) {
                *place = PageSlot::Decoded(page.clone());
                self.decoded_bytes
                    .set(self.decoded_bytes.get() + page.memory_bytes());
                self.total.set(self.total.get() + page.memory_bytes());
            } else {
                *place = PageSlot::Passed;
            }
        }
        Ok(page)
    }

    /// Lets go of the decoded pages; whether there were any.
    pub(super) fn drop_pages(&self) -> bool {
        let freed = self.decoded_bytes.replace(0);
        self.total.set(self.total.get().saturating_sub(freed));
        self.pages.borrow_mut().fill(PageSlot::Stored);
        freed > 0
    }
}

/// Something in the cache.
pub(super) enum Item {
    /// And how many segments and directory pages had been put before.
    Segment(Rc<SegmentSlot>, u64),
    /// The second number is likewise that of its put.
    Directory(Rc<Vec<Entry>>, u64, Cell<bool>),
    Piece(Bytes, Cell<bool>),
}

impl Item {
    /// What it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Segment(slot, _) => slot.segment.memory_bytes(),
            Self::Directory(entries, ..) => entries.iter().map(entry_bytes).sum(),
            Self::Piece(bytes, _) => bytes.len(),
        }
    }

    /// Whether it was used since this was asked last.
    pub(super) fn take_used(&self) -> bool {
        match self {
            Self::Segment(slot, _) => slot.used.replace(false),
            Self::Directory(_, _, used) | Self::Piece(_, used) => used.replace(false),
        }
    }

    /// Whether it is one of those that were put last.
    pub(super) fn is_pinned(&self, puts: u64) -> bool {
        match self {
            Self::Segment(_, at) | Self::Directory(_, at, _) => at + PINNED_ITEMS >= puts,
            Self::Piece(..) => false,
        }
    }
}

fn entry_bytes(entry: &Entry) -> usize {
    size_of::<Entry>() + entry.first.len() + entry.last.len() + entry.more.memory_bytes()
}
