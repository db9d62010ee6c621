//! What is in memory of the stored segments, directory pages and pieces, under a byte budget.
//!
//! Segments are kept as stored (compressed) with the pages decoded so far; eviction is by the
//! clock algorithm and takes the decoded pages of a segment first, the segment itself the next
//! time round. Directory pages stay: they are small, and every cold read needs them.

use crate::sorted::SortedMap;
use bytes::Bytes;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use super::access::Attempt;
use crate::backend::Id;
use crate::codec::entry::Entry;
use crate::codec::page::Page;
use crate::codec::segment::Segment;

/// The budget never goes below this: an attempt must find what was just loaded for it.
const MIN_BUDGET_BYTES: usize = 2 << 20;
/// The most recently loaded items, which are never evicted.
const PINNED_ITEMS: usize = 24;

/// A segment in memory.
pub struct SegmentSlot {
    /// As stored.
    pub segment: Segment,
    pages: RefCell<Vec<Option<Rc<Page>>>>,
    decoded_bytes: Cell<usize>,
    total: Rc<Cell<usize>>,
    used: Cell<bool>,
    attached: Cell<bool>,
}

impl SegmentSlot {
    /// A page, decoded if it was not yet.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn page(&self, at: usize) -> Attempt<Rc<Page>> {
        if let Some(Some(page)) = self.pages.borrow().get(at) {
            return Ok(page.clone());
        }
        let page = Rc::new(self.segment.page(at)?);
        if self.attached.get()
            && let Some(place) = self.pages.borrow_mut().get_mut(at)
        {
            *place = Some(page.clone());
            self.decoded_bytes
                .set(self.decoded_bytes.get() + page.memory_bytes());
            self.total.set(self.total.get() + page.memory_bytes());
        }
        Ok(page)
    }

    fn drop_pages(&self) -> bool {
        let freed = self.decoded_bytes.replace(0);
        self.total.set(self.total.get().saturating_sub(freed));
        self.pages
            .borrow_mut()
            .iter_mut()
            .for_each(|page| *page = None);
        freed > 0
    }
}

enum Item {
    Segment(Rc<SegmentSlot>),
    Piece(Bytes, Cell<bool>),
}

impl Item {
    fn bytes(&self) -> usize {
        match self {
            Self::Segment(slot) => slot.segment.memory_bytes(),
            Self::Piece(bytes, _) => bytes.len(),
        }
    }

    fn take_used(&self) -> bool {
        match self {
            Self::Segment(slot) => slot.used.replace(false),
            Self::Piece(_, used) => used.replace(false),
        }
    }
}

/// The cache of one engine.
pub struct Cache {
    budget_bytes: usize,
    total: Rc<Cell<usize>>,
    items: RefCell<SortedMap<Id, Item>>,
    hand: RefCell<VecDeque<Id>>,
    directories: RefCell<SortedMap<Id, Rc<Vec<Entry>>>>,
}

impl Cache {
    /// An empty cache that keeps to about `budget_bytes`.
    #[must_use]
    pub fn new(budget_bytes: usize) -> Self {
        Self {
            budget_bytes: budget_bytes.max(MIN_BUDGET_BYTES),
            total: Rc::new(Cell::new(0)),
            items: RefCell::default(),
            hand: RefCell::default(),
            directories: RefCell::default(),
        }
    }

    /// A segment, if it is here.
    #[must_use]
    pub fn segment(&self, id: Id) -> Option<Rc<SegmentSlot>> {
        match self.items.borrow().get(&id)? {
            Item::Segment(slot) => {
                slot.used.set(true);
                Some(slot.clone())
            }
            Item::Piece(..) => None,
        }
    }

    /// A piece, if it is here.
    #[must_use]
    pub fn piece(&self, id: Id) -> Option<Bytes> {
        match self.items.borrow().get(&id)? {
            Item::Piece(bytes, used) => {
                used.set(true);
                Some(bytes.clone())
            }
            Item::Segment(_) => None,
        }
    }

    /// A directory page, if it is here.
    #[must_use]
    pub fn directory(&self, id: Id) -> Option<Rc<Vec<Entry>>> {
        self.directories.borrow().get(&id).cloned()
    }

    /// Keeps a segment.
    pub fn put_segment(&self, id: Id, segment: Segment) {
        let pages = RefCell::new(vec![None; segment.pages()]);
        self.put(
            id,
            Item::Segment(Rc::new(SegmentSlot {
                segment,
                pages,
                decoded_bytes: Cell::new(0),
                total: self.total.clone(),
                used: Cell::new(true),
                attached: Cell::new(true),
            })),
        );
    }

    /// Keeps a piece.
    pub fn put_piece(&self, id: Id, bytes: Bytes) {
        self.put(id, Item::Piece(bytes, Cell::new(true)));
    }

    /// Keeps a directory page.
    pub fn put_directory(&self, id: Id, entries: Rc<Vec<Entry>>) {
        self.directories.borrow_mut().insert(id, entries);
    }

    /// Forgets the directory pages that `is_live` does not know.
    pub fn retain_directories(&self, is_live: impl Fn(Id) -> bool) {
        self.directories.borrow_mut().retain(|id, _| is_live(*id));
    }

    /// Forgets a record that is not live any more.
    pub fn forget(&self, id: Id) {
        let removed = self.items.borrow_mut().remove(&id);
        if let Some(item) = removed {
            self.release(&item);
        }
    }

    /// Forgets everything.
    pub fn clear(&self) {
        let items = std::mem::take(&mut *self.items.borrow_mut());
        items.values().for_each(|item| self.release(item));
        self.hand.borrow_mut().clear();
        self.directories.borrow_mut().clear();
    }

    /// Bytes held, directory pages apart.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.total.get()
    }

    fn put(&self, id: Id, item: Item) {
        self.total.set(self.total.get() + item.bytes());
        if let Some(old) = self.items.borrow_mut().insert(id, item) {
            self.release(&old);
        } else {
            self.hand.borrow_mut().push_back(id);
        }
        self.shrink();
    }

    fn release(&self, item: &Item) {
        if let Item::Segment(slot) = item {
            slot.drop_pages();
            // A cursor may go on reading it; what it decodes then is the cursor's alone.
            slot.attached.set(false);
        }
        self.total
            .set(self.total.get().saturating_sub(item.bytes()));
    }

    /// Evicts until the budget holds. Called when something is put, and by readers now and then.
    pub fn shrink(&self) {
        let mut hand = self.hand.borrow_mut();
        let mut steps = hand.len().saturating_sub(PINNED_ITEMS) * 3;
        while self.total.get() > self.budget_bytes && steps > 0 {
            steps -= 1;
            let Some(id) = hand.pop_front() else { return };
            let mut items = self.items.borrow_mut();
            let Some(item) = items.get(&id) else { continue };
            let keep = item.take_used() || matches!(item, Item::Segment(slot) if slot.drop_pages());
            if keep {
                hand.push_back(id);
            } else if let Some(item) = items.remove(&id) {
                self.release(&item);
            }
        }
    }
}
