//! Sorting what was found.
//!
//! Where all are wanted, sorted runs of bounded length are merged while the documents are handed out; where only
//! the first ones are, a heap keeps no more than these. So no step takes long however many there are.

use bytes::Bytes;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::blobs;
use crate::codec::js_string::JsString;
use crate::codec::value::exact::tag;
use crate::codec::value::{Form, Value, compare};
use crate::error::Result;
use crate::limits::{self, ITEM_BYTES, MAX_CALL_BYTES};
use crate::models::query::Path;

/// Documents of a run: sorted in about a millisecond.
const RUN_ITEMS: usize = 1024;
/// Bytes of keys of a run, which may all have to be compared.
const RUN_KEY_BYTES: usize = 2 << 20;
/// Bytes of a sort field.
const MAX_KEY_BYTES: usize = 256 << 10;
/// By this a field is multiplied to get what its tree takes, at most.
const TREE_FACTOR: usize = 24;

/// Takes documents in the order of insertion, gives them sorted.
pub(super) struct Sorter {
    by: Vec<(Path, bool)>,
    taken: u64,
    kept: Kept,
}

enum Kept {
    All(Runs),
    First(First),
}

/// All that was taken, in sorted runs.
#[derive(Default)]
struct Runs {
    /// What the documents and their keys take in memory.
    held_bytes: usize,
    /// Of the keys of the current run.
    key_bytes: usize,
    current: Vec<Item>,
    runs: Vec<std::vec::IntoIter<Item>>,
    heads: Option<BinaryHeap<Reverse<(Item, usize)>>>,
}

/// The first ones of what was taken, the last of them on top.
struct First {
    most: usize,
    held_bytes: usize,
    heap: BinaryHeap<Item>,
    /// They in turn, from the end, once they are asked for.
    sorted: Vec<Item>,
}

/// Compared by key, then by the order of insertion, which no two share.
struct Item {
    key: Vec<Part>,
    key_bytes: usize,
    place: u64,
    doc: Bytes,
}

impl Item {
    fn held_bytes(&self) -> usize {
        ITEM_BYTES + self.doc.len() + self.key_bytes
    }

    /// With a copy of the document: its bytes may be a slice of a page, which should be free to go.
    fn with(self, doc: &[u8]) -> Result<Self> {
        limits::room_for(doc.len())?;
        let doc = blobs::held(Bytes::copy_from_slice(doc));
        Ok(Self { doc, ..self })
    }
}

pub(super) struct Part {
    value: Value,
    descending: bool,
    /// What the tree takes in memory, at most.
    bytes: usize,
}

impl Sorter {
    /// Sorts by fields (`true`: descending); only the first `keep` will be asked for.
    pub fn new(by: &[(JsString, bool)], keep: Option<u64>) -> Self {
        Self {
            by: by
                .iter()
                .map(|(field, descending)| (Path::from(field), *descending))
                .collect(),
            taken: 0,
            kept: match keep.and_then(|keep| usize::try_from(keep).ok()) {
                None => Kept::All(Runs::default()),
                Some(most) => Kept::First(First {
                    most,
                    held_bytes: 0,
                    heap: BinaryHeap::new(),
                    sorted: Vec::new(),
                }),
            },
        }
    }

    /// Takes the next document.
    ///
    /// # Errors
    /// `Corrupt`; `LimitExceeded` when a field is too large to be sorted by, or what is to be sorted is.
    pub fn add(&mut self, doc: &[u8]) -> Result<()> {
        let mut key = Vec::with_capacity(self.len());
        for at in 0..self.len() {
            key.extend(self.part(at, Form::of(doc)?)?);
        }
        self.add_with(key, doc)
    }

    /// By how many fields it sorts: their values are taken one by one.
    pub fn len(&self) -> usize {
        self.by.len()
    }

    /// The part of a document's key that one field is; `None` after the last.
    ///
    /// # Errors
    /// `Corrupt`; `LimitExceeded` when the field is too large to be sorted by.
    pub fn part(&self, at: usize, doc: Form<'_>) -> Result<Option<Part>> {
        let Some((path, descending)) = self.by.get(at) else {
            return Ok(None);
        };
        let (value, bytes) = match path.find(doc)? {
            None => (Value::Undefined, 0),
            Some(found) => {
                let bytes = found.as_bytes().len();
                limits::within("a sort field", bytes, MAX_KEY_BYTES)?;
                (Value::of_form(found)?, tree_bytes(found))
            }
        };
        let descending = *descending;
        Ok(Some(Part {
            value,
            descending,
            bytes,
        }))
    }

    /// Takes the next document, with its key.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn add_with(&mut self, key: Vec<Part>, doc: &[u8]) -> Result<()> {
        let item = Item {
            key_bytes: key.iter().map(|part| part.bytes).sum(),
            key,
            place: self.taken,
            doc: Bytes::new(),
        };
        self.taken += 1;
        match &mut self.kept {
            Kept::All(runs) => runs.add(item.with(doc)?),
            Kept::First(first) => first.add(item, doc)?,
        }
        let what = "the data to sort (a query or a limit reduces it)";
        limits::within(what, self.held_bytes(), MAX_CALL_BYTES)
    }

    /// What the documents and their keys take in memory.
    const fn held_bytes(&self) -> usize {
        match &self.kept {
            Kept::All(runs) => runs.held_bytes,
            Kept::First(first) => first.held_bytes,
        }
    }

    /// Makes ready what is to be handed out, some of it; whether that is done. To be called until it is, once
    /// nothing more is added.
    pub fn prepare(&mut self) -> bool {
        match &mut self.kept {
            Kept::All(_) => true,
            Kept::First(first) => first.prepare(),
        }
    }

    /// The next document in order.
    pub fn pop(&mut self) -> Option<Bytes> {
        let item = match &mut self.kept {
            Kept::All(runs) => runs.pop(),
            Kept::First(first) => first.sorted.pop(),
        };
        item.map(|item| item.doc)
    }
}

impl Runs {
    fn add(&mut self, item: Item) {
        self.held_bytes += item.held_bytes();
        self.key_bytes += item.key_bytes;
        self.current.push(item);
        if self.current.len() >= RUN_ITEMS || self.key_bytes >= RUN_KEY_BYTES {
            self.end_run();
        }
    }

    fn end_run(&mut self) {
        self.current.sort_unstable();
        self.key_bytes = 0;
        self.runs
            .push(std::mem::take(&mut self.current).into_iter());
    }

    fn pop(&mut self) -> Option<Item> {
        if self.heads.is_none() {
            self.end_run();
            let firsts = self.runs.iter_mut().enumerate();
            let heads = firsts.filter_map(|(run, items)| Some(Reverse((items.next()?, run))));
            self.heads = Some(heads.collect());
        }
        let heads = self.heads.as_mut()?;
        let Reverse((item, run)) = heads.pop()?;
        if let Some(next) = self.runs.get_mut(run).and_then(Iterator::next) {
            heads.push(Reverse((next, run)));
        }
        Some(item)
    }
}

impl First {
    fn add(&mut self, item: Item, doc: &[u8]) -> Result<()> {
        if self.heap.len() >= self.most {
            if self.heap.peek().is_none_or(|last| item > *last) {
                return Ok(());
            }
            let gone = self.heap.pop().map_or(0, |last| last.held_bytes());
            self.held_bytes -= gone;
        }
        let item = item.with(doc)?;
        self.held_bytes += item.held_bytes();
        self.heap.push(item);
        Ok(())
    }

    fn prepare(&mut self) -> bool {
        for _ in 0..RUN_ITEMS {
            match self.heap.pop() {
                Some(item) => self.sorted.push(item),
                None => return true,
            }
        }
        false
    }
}

/// What the tree of a value takes in memory, at most.
fn tree_bytes(value: Form<'_>) -> usize {
    let bytes = value.as_bytes().len();
    match value {
        Form::Json([b'[' | b'{', ..]) => bytes * TREE_FACTOR,
        Form::Exact([tag, ..]) if *tag >= tag::ARRAY => bytes * TREE_FACTOR,
        _ => bytes,
    }
}

impl Ord for Part {
    fn cmp(&self, other: &Self) -> Ordering {
        let order = compare::order(&self.value, &other.value);
        if self.descending {
            order.reverse()
        } else {
            order
        }
    }
}

impl Ord for Item {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key).then(self.place.cmp(&other.place))
    }
}

macro_rules! compared_by_cmp {
    ($($name:ty),*) => {$(
        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.cmp(other).is_eq()
            }
        }

        impl Eq for $name {}
    )*};
}

compared_by_cmp!(Part, Item);

#[cfg(test)]
mod tests;
