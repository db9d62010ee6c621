//! A view: everything that a reader sees, from the newest layer to the oldest.

use std::rc::Rc;

use super::access::{Attempt, Need, Needs, Stop};
use super::cache::Cache;
use super::catalog::Catalog;
use super::memtable::Memtable;
use crate::codec::cell::Cell;
use crate::codec::entry::Entry;
use crate::codec::marks::NEVER;
use crate::codec::root::{PageRef, Root};
use crate::codec::tuple::compare;

/// One committed layer above the directory.
#[derive(Debug, Clone)]
pub enum Layer {
    /// Frames, as one memtable.
    Memory(Rc<Memtable>),
    /// A run that a frame cited.
    Run(Rc<Vec<Entry>>),
}

/// A consistent state of the keyspace. Cheap to clone; what it holds never changes while it is
/// shared.
#[derive(Debug, Clone)]
pub struct View {
    /// The realm's own uncommitted groups, the oldest (in flight) first.
    pub own: Vec<Rc<Memtable>>,
    /// Committed frames that are not in the directory, the newest first.
    pub layers: Vec<Layer>,
    /// The root of the directory.
    pub root: Rc<Root>,
    /// The runs of the root's level 0, shared with cursors.
    pub runs: Vec<Rc<Vec<Entry>>>,
    /// The catalog of what is committed: nothing that changes it is ever pending beside something else.
    pub catalog: Rc<Catalog>,
}

impl View {
    /// A view of the directory alone, and of a catalog.
    #[must_use]
    pub fn of_root(root: Root, catalog: Rc<Catalog>) -> Self {
        let runs = root.runs.iter().cloned().map(Rc::new).collect();
        Self {
            own: Vec::new(),
            layers: Vec::new(),
            root: Rc::new(root),
            runs,
            catalog,
        }
    }

    /// The same without what this realm has pending.
    #[must_use]
    pub fn committed(self: &Rc<Self>) -> Rc<Self> {
        if self.own.is_empty() {
            return self.clone();
        }
        Rc::new(Self {
            own: Vec::new(),
            ..Self::clone(self)
        })
    }

    /// Bytes of the keys and values that it holds, dead ones included.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        let in_root = self.root.runs.iter().flatten().map(|entry| entry.bytes);
        let in_pages = self.root.levels.iter().flatten().map(|page| page.bytes);
        let in_layers = self.layers.iter().map(|layer| match layer {
            Layer::Memory(table) => table.cells().map(|(key, cell)| live_bytes(key, cell)).sum(),
            Layer::Run(run) => run.iter().map(|entry| entry.bytes).sum(),
        });
        in_root.chain(in_pages).chain(in_layers).sum()
    }

    /// None of the committed frames above the directory holds what expires before, in ms since the epoch.
    #[must_use]
    pub fn least_expiry_in_layers(&self) -> u64 {
        let layers = self.layers.iter().map(|layer| match layer {
            Layer::Memory(table) => table.least_expiry(),
            Layer::Run(run) => least_expiry(run),
        });
        layers.min().unwrap_or(NEVER)
    }

    /// The same of the directory.
    #[must_use]
    pub fn least_expiry_in_directory(&self) -> u64 {
        let runs = self.root.runs.iter().map(|run| least_expiry(run));
        let pages = self.root.levels.iter().flatten();
        let pages = pages.map(|page| page.expiry.least_ms);
        runs.chain(pages).min().unwrap_or(NEVER)
    }

    /// The cell that counts for a key; `None` and a tombstone both mean absent.
    ///
    /// # Errors
    /// [`Stop::Need`], or what is wrong with the stored bytes.
    pub fn get(&self, cache: &Cache, key: &[u8]) -> Attempt<Option<Cell>> {
        for table in self.own.iter().rev() {
            if let Some(cell) = table.get(key) {
                return Ok(Some(cell));
            }
        }
        let found = match self.get_in_layers(cache, key) {
            Ok(None) => self.get_in_directory(cache, key),
            found => found,
        };
        match found {
            Err(Stop::Need(needs)) => {
                Err(Stop::Need(Box::new(self.all_of(needs.first(), cache, key))))
            }
            found => found,
        }
    }

    /// What may have to be loaded to get the cell of a key, beginning with what must: the segments of every run and
    /// level that may have it.
    fn all_of(&self, first: Need, cache: &Cache, key: &[u8]) -> Needs {
        let mut needs = Needs::new(first, cache.ahead_bytes());
        let mut add = |entries: &[Entry]| {
            if let Some(entry) = find_entry(entries, key)
                && cache.segment(entry.id).is_none()
            {
                // Where there is no room for more, the first is loaded alone.
                needs.add(Need::Segment(entry.id, entry.fill), entry.stored);
            }
        };
        for layer in &self.layers {
            if let Layer::Run(entries) = layer {
                add(entries);
            }
        }
        self.runs.iter().for_each(|run| add(run));
        let mut pages = Vec::new();
        for page in self
            .root
            .levels
            .iter()
            .filter_map(|level| find_page(level, key))
        {
            match cache.directory(page.id) {
                Some(entries) => add(&entries),
                None => pages.push(page.id),
            }
        }
        for id in pages {
            needs.add(Need::Directory(id), 0);
        }
        needs
    }

    /// What the committed frames above the directory say of a key; `None` when they say nothing.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn get_in_layers(&self, cache: &Cache, key: &[u8]) -> Attempt<Option<Cell>> {
        for layer in &self.layers {
            let found = match layer {
                Layer::Memory(table) => table.get(key),
                Layer::Run(entries) => get_in_run(cache, entries, key)?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// What the directory says of a key; `None` when it says nothing.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn get_in_directory(&self, cache: &Cache, key: &[u8]) -> Attempt<Option<Cell>> {
        for run in &self.runs {
            if let Some(cell) = get_in_run(cache, run, key)? {
                return Ok(Some(cell));
            }
        }
        for level in &self.root.levels {
            let Some(page) = find_page(level, key) else {
                continue;
            };
            let entries = cache.directory(page.id).ok_or(Need::Directory(page.id))?;
            if let Some(cell) = get_in_run(cache, &entries, key)? {
                return Ok(Some(cell));
            }
        }
        Ok(None)
    }
}

/// The page of a level that may list a key's segment.
pub fn find_page<'a>(level: &'a [PageRef], key: &[u8]) -> Option<&'a PageRef> {
    let at = level.partition_point(|page| compare(&page.last, key).is_lt());
    level.get(at).filter(|page| page.first.as_ref() <= key)
}

/// The segment, of disjoint ones, whose bounds a key is within.
pub fn find_entry<'a>(entries: &'a [Entry], key: &[u8]) -> Option<&'a Entry> {
    let at = entries.partition_point(|entry| compare(&entry.last, key).is_lt());
    entries.get(at).filter(|entry| entry.covers(key))
}

/// Looks a key up in disjoint segments.
fn get_in_run(cache: &Cache, entries: &[Entry], key: &[u8]) -> Attempt<Option<Cell>> {
    let Some(entry) = find_entry(entries, key) else {
        return Ok(None);
    };
    let slot = cache
        .segment(entry.id)
        .ok_or(Need::Segment(entry.id, entry.fill))?;
    let page = slot.page(slot.segment.page_of(key))?;
    let at = page.lower_bound(key);
    Ok(if compare(page.key(at), key).is_eq() {
        page.cell(at)
    } else {
        None
    })
}

fn least_expiry(run: &[Entry]) -> u64 {
    let least = run.iter().map(|entry| entry.expiry.least_ms).min();
    least.unwrap_or(NEVER)
}

fn live_bytes(key: &[u8], cell: &Cell) -> u64 {
    if cell.is_tombstone() {
        return 0;
    }
    key.len() as u64 + cell.len()
}
