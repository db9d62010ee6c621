//! Sorting what was found.
//!
//! Where all are wanted, sorted runs of bounded length are merged while the documents are handed out; where only
//! the first ones are, a heap keeps no more than these. So no step takes long however many there are.

use bytes::Bytes;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::codec::js_string::JsString;
use crate::codec::value::{Form, Value, compare};
use crate::error::Result;
use crate::models::query::Path;

/// Documents of a run: sorted in about a millisecond.
const RUN_ITEMS: usize = 1024;

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
    current: Vec<Item>,
    runs: Vec<std::vec::IntoIter<Item>>,
    heads: Option<BinaryHeap<Reverse<(Item, usize)>>>,
}

/// The first ones of what was taken, the last of them on top.
struct First {
    most: usize,
    heap: BinaryHeap<Item>,
    /// They in turn, from the end, once they are asked for.
    sorted: Vec<Item>,
}

/// Compared by key, then by the order of insertion, which no two share.
struct Item {
    key: Vec<Part>,
    place: u64,
    doc: Bytes,
}

struct Part {
    value: Value,
    descending: bool,
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
                    heap: BinaryHeap::new(),
                    sorted: Vec::new(),
                }),
            },
        }
    }

    /// Takes the next document.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn add(&mut self, doc: &[u8]) -> Result<()> {
        let form = Form::of(doc)?;
        let mut key = Vec::with_capacity(self.by.len());
        for (path, descending) in &self.by {
            let value = path
                .find(form)?
                .map_or(Ok(Value::Undefined), Value::of_form)?;
            key.push(Part {
                value,
                descending: *descending,
            });
        }
        let item = Item {
            key,
            place: self.taken,
            doc: Bytes::new(),
        };
        match &mut self.kept {
            Kept::All(runs) => runs.add(item.with(doc)),
            Kept::First(first) => first.add(item, doc),
        }
        self.taken += 1;
        Ok(())
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
        self.current.push(item);
        if self.current.len() >= RUN_ITEMS {
            self.end_run();
        }
    }

    fn end_run(&mut self) {
        self.current.sort_unstable();
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
    fn add(&mut self, item: Item, doc: &[u8]) {
        if self.heap.len() < self.most {
            self.heap.push(item.with(doc));
        } else if let Some(mut last) = self.heap.peek_mut()
            && item < *last
        {
            *last = item.with(doc);
        }
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

impl Item {
    /// With a copy of the document: its bytes may be a slice of a page, which should be free to go.
    fn with(self, doc: &[u8]) -> Self {
        let doc = Bytes::copy_from_slice(doc);
        Self { doc, ..self }
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
