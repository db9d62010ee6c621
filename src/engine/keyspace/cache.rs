//! What is in memory of the stored segments, directory pages and pieces, under a byte budget.
//!
//! Segments are kept as stored (compressed) with the pages decoded so far; eviction is by the
//! clock algorithm and takes the decoded pages of a segment first, the segment itself the next
//! time round. A large piece is here only for those that have asked for it, until they take it.

use crate::sorted::SortedMap;
use bytes::Bytes;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use super::cached::{Item, PageSlot, SegmentSlot};
use crate::backend::Id;
use crate::codec::entry::Entry;
use crate::codec::segment::Segment;

/// The budget never goes below this: about as much as the lookup of one key may need at once.
const MIN_BUDGET_BYTES: usize = 2 << 20;
/// This part of the budget may be loaded at once, of stored bytes.
const AHEAD_PART: usize = 16;
/// And no more than this.
const MOST_AHEAD_BYTES: usize = 2 << 20;
/// Pages decoded since something was put last may take this part of the budget on top of it.
const SLACK_PART: usize = 8;
/// A piece that takes more than this part of the budget is not kept.
const LARGE_PART: usize = 4;
/// The caches of a page used last, from which is taken last, and never what a lookup may need.
const BUSY_CACHES: usize = 8;
/// As many of these wait for those they were loaded for, who take them within a few tasks, or more of them where they have no more than
/// so many bytes together. Who comes too late loads it again.
const LENT_PIECES: usize = 2;
const LENT_BYTES: usize = 8 << 20;

/// The caches of a page. Together they keep to the largest budget that any of them has.
#[derive(Default)]
pub struct Pool {
    caches: RefCell<Vec<Weak<Cache>>>,
    /// Uses of all of them.
    uses: Cell<u64>,
}

impl Pool {
    /// A cache for one more engine, which shares the memory with the others.
    pub fn cache(self: &Rc<Self>, budget_bytes: usize) -> Rc<Cache> {
        let cache = Rc::new(Cache {
            pool: self.clone(),
            ..Cache::new(budget_bytes)
        });
        self.caches.borrow_mut().push(Rc::downgrade(&cache));
        cache
    }

    /// Makes room for `bytes`, from those first that have not been used for longest.
    fn make_room(&self, bytes: usize) {
        let mut all = Vec::new();
        self.caches.borrow_mut().retain(|cache| {
            let cache = cache.upgrade();
            let is_there = cache.is_some();
            all.extend(cache);
            is_there
        });
        let budget = all.iter().map(|cache| cache.budget_bytes).max();
        let held: usize = all.iter().map(|cache| cache.bytes()).sum();
        let mut excess = (held + bytes).saturating_sub(budget.unwrap_or(usize::MAX));
        if excess == 0 || all.len() < 2 {
            return;
        }
        all.sort_unstable_by_key(|cache| cache.used.get());
        let idle = all.len().saturating_sub(BUSY_CACHES);
        for (at, cache) in all.iter().enumerate() {
            if excess == 0 {
                return;
            }
            let before = cache.bytes();
            if at < idle {
                cache.clear();
            } else {
                cache.shrink(before.saturating_sub(excess));
            }
            excess = excess.saturating_sub(before.saturating_sub(cache.bytes()));
        }
    }
}

/// The cache of one engine.
pub struct Cache {
    pool: Rc<Pool>,
    /// The number of its last use.
    used: Cell<u64>,
    budget_bytes: usize,
    total: Rc<Cell<usize>>,
    items: RefCell<SortedMap<Id, Item>>,
    hand: RefCell<VecDeque<Id>>,
    /// Segments and directory pages put so far.
    puts: Cell<u64>,
    /// Pieces that are too large to be kept, the newest last, and by how many each is yet to be taken.
    lent: RefCell<Vec<(Id, Bytes, usize)>>,
}

impl Cache {
    /// An empty cache that keeps to about `budget_bytes`.
    #[must_use]
    pub fn new(budget_bytes: usize) -> Self {
        Self {
            pool: Rc::default(),
            used: Cell::new(0),
            budget_bytes: budget_bytes.max(MIN_BUDGET_BYTES),
            total: Rc::new(Cell::new(0)),
            items: RefCell::default(),
            hand: RefCell::default(),
            puts: Cell::new(0),
            lent: RefCell::default(),
        }
    }

    /// Stored bytes that may be loaded together: in memory they may take several times as much.
    #[must_use]
    pub fn ahead_bytes(&self) -> u64 {
        (self.budget_bytes / AHEAD_PART).min(MOST_AHEAD_BYTES) as u64
    }

    /// A segment, if it is here.
    #[must_use]
    pub fn segment(&self, id: Id) -> Option<Rc<SegmentSlot>> {
        let found = match self.items.borrow().get(&id)? {
            Item::Segment(slot, _) => slot.clone(),
            _ => return None,
        };
        found.used.set(true);
        self.note_use();
        if self.total.get()
            > self
                .budget_bytes
                .saturating_add(self.budget_bytes / SLACK_PART)
        {
            self.shrink(self.budget_bytes);
        }
        Some(found)
    }

    fn note_use(&self) {
        let uses = &self.pool.uses;
        uses.set(uses.get() + 1);
        self.used.set(uses.get());
    }

    /// A piece, if it is here. One that is too large to be kept is gone with the last of those it was loaded for.
    #[must_use]
    pub fn piece(&self, id: Id) -> Option<Bytes> {
        match self.items.borrow().get(&id) {
            Some(Item::Piece(bytes, used)) => {
                used.set(true);
                Some(bytes.clone())
            }
            _ => self.take_lent(id),
        }
    }

    /// Whether a piece is here, which does not use it.
    #[must_use]
    pub fn has_piece(&self, id: Id) -> bool {
        matches!(self.items.borrow().get(&id), Some(Item::Piece(..)))
            || self.lent.borrow().iter().any(|(lent, ..)| *lent == id)
    }

    fn take_lent(&self, id: Id) -> Option<Bytes> {
        let mut lent = self.lent.borrow_mut();
        let at = lent.iter().position(|(lent, ..)| *lent == id)?;
        let (_, bytes, takers) = lent.get_mut(at)?;
        *takers = takers.saturating_sub(1);
        if *takers > 0 {
            return Some(bytes.clone());
        }
        Some(lent.remove(at).1)
    }

    /// Whether a piece of so many bytes is not kept.
    #[must_use]
    pub fn is_too_large(&self, bytes: usize) -> bool {
        bytes > self.budget_bytes / LARGE_PART
    }

    /// A directory page, if it is here.
    #[must_use]
    pub fn directory(&self, id: Id) -> Option<Rc<Vec<Entry>>> {
        match self.items.borrow().get(&id)? {
            Item::Directory(entries, _, used) => {
                used.set(true);
                Some(entries.clone())
            }
            _ => None,
        }
    }

    /// Keeps a segment.
    pub fn put_segment(&self, id: Id, segment: Segment) {
        let pages = RefCell::new(vec![PageSlot::Stored; segment.pages()]);
        let slot = SegmentSlot {
            segment,
            pages,
            decoded_bytes: Cell::new(0),
            total: self.total.clone(),
            used: Cell::new(true),
            attached: Cell::new(true),
        };
        self.put(id, Item::Segment(Rc::new(slot), self.count()));
    }

    /// Keeps a piece, unless it is too large.
    pub fn put_piece(&self, id: Id, bytes: Bytes) {
        if !self.is_too_large(bytes.len()) {
            self.put(id, Item::Piece(bytes, Cell::new(true)));
        }
    }

    /// Keeps a piece that was loaded for `takers`: one that is too large until they have taken it, or others come.
    pub fn lend_piece(&self, id: Id, bytes: Bytes, takers: usize) {
        if self.is_too_large(bytes.len()) {
            let mut lent = self.lent.borrow_mut();
            let held: usize = lent.iter().map(|(_, bytes, _)| bytes.len()).sum();
            if lent.len() >= LENT_PIECES && held + bytes.len() > LENT_BYTES {
                lent.remove(0);
            }
            lent.push((id, bytes, takers));
        } else {
            self.put_piece(id, bytes);
        }
    }

    /// Keeps a directory page.
    pub fn put_directory(&self, id: Id, entries: Rc<Vec<Entry>>) {
        self.put(id, Item::Directory(entries, self.count(), Cell::new(true)));
    }

    fn count(&self) -> u64 {
        self.puts.set(self.puts.get() + 1);
        self.puts.get()
    }

    /// Forgets the directory pages that `is_live` does not know.
    pub fn retain_directories(&self, is_live: impl Fn(Id) -> bool) {
        let items = self.items.borrow();
        let dead = items
            .iter()
            .filter(|(id, item)| matches!(item, Item::Directory(..)) && !is_live(**id));
        let dead: Vec<Id> = dead.map(|(id, _)| *id).collect();
        drop(items);
        dead.into_iter().for_each(|id| self.forget(id));
    }

    /// Forgets a record that is not live any more.
    pub fn forget(&self, id: Id) {
        let removed = self.items.borrow_mut().remove(&id);
        if let Some(item) = removed {
            self.hand.borrow_mut().retain(|present| *present != id);
            self.release(&item);
        }
    }

    /// Drops everything that is cached.
    pub fn clear(&self) {
        let items = std::mem::take(&mut *self.items.borrow_mut());
        items.values().for_each(|item| self.release(item));
        self.hand.borrow_mut().clear();
        self.lent.take();
    }

    /// Bytes of all that is cached.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let lent = self.lent.borrow();
        self.total.get() + lent.iter().map(|(_, bytes, _)| bytes.len()).sum::<usize>()
    }

    fn put(&self, id: Id, item: Item) {
        // Before: whoever it was loaded for must find it, whatever else is pinned.
        self.note_use();
        self.pool.make_room(item.bytes());
        self.shrink(self.budget_bytes.saturating_sub(item.bytes()));
        self.total.set(self.total.get() + item.bytes());
        if let Some(old) = self.items.borrow_mut().insert(id, item) {
            self.release(&old);
        } else {
            self.hand.borrow_mut().push_back(id);
        }
    }

    fn release(&self, item: &Item) {
        if let Item::Segment(slot, _) = item {
            slot.drop_pages();
            // A cursor may go on reading it; what it decodes then is the cursor's alone.
            slot.attached.set(false);
        }
        self.total
            .set(self.total.get().saturating_sub(item.bytes()));
    }

    /// Evicts until no more than `bytes` are held.
    fn shrink(&self, bytes: usize) {
        let mut hand = self.hand.borrow_mut();
        let mut items = self.items.borrow_mut();
        // Each is used, has pages, and is only then gone.
        let mut steps = hand.len() * 3;
        while self.total.get() > bytes && steps > 0 {
            steps -= 1;
            let Some(id) = hand.pop_front() else { return };
            let Some(item) = items.get(&id) else { continue };
            let keep = item.take_used()
                || matches!(item, Item::Segment(slot, _) if slot.drop_pages())
                || item.is_pinned(self.puts.get());
            if keep {
                hand.push_back(id);
            } else if let Some(item) = items.remove(&id) {
                self.release(&item);
            }
        }
    }
}
