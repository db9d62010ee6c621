//! Sorting what was found.
//!
//! Sorted runs of bounded length are merged while the documents are handed out, so that no
//! step takes long however many there are.

use bytes::Bytes;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::blobs;
use crate::codec::js_string::JsString;
use crate::codec::value::{Form, Value, compare};
use crate::error::Result;
use crate::models::query::Path;

/// Documents of a run: sorted in about a millisecond.
const RUN_ITEMS: usize = 1024;

/// Takes documents in the order of insertion, gives them sorted.
pub(super) struct Sorter {
    by: Vec<(Path, bool)>,
    keep: usize,
    taken: u64,
    current: Vec<Item>,
    runs: Vec<std::vec::IntoIter<Item>>,
    heads: Option<BinaryHeap<Reverse<(Item, usize)>>>,
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
            keep: keep
                .and_then(|keep| usize::try_from(keep).ok())
                .unwrap_or(usize::MAX),
            taken: 0,
            current: Vec::new(),
            runs: Vec::new(),
            heads: None,
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
        // A copy: the bytes may be a slice of a page, which should be free to go.
        self.current.push(Item {
            key,
            place: self.taken,
            doc: blobs::held(Bytes::copy_from_slice(doc)),
        });
        self.taken += 1;
        if self.current.len() >= RUN_ITEMS {
            self.end_run();
        }
        Ok(())
    }

    fn end_run(&mut self) {
        self.current.sort_unstable();
        self.current.truncate(self.keep);
        // The few that are wanted stay and compete with the next ones.
        if self.current.len() > RUN_ITEMS / 2 {
            self.runs
                .push(std::mem::take(&mut self.current).into_iter());
        }
    }

    /// The next document in order; nothing may be added afterwards.
    pub fn pop(&mut self) -> Option<Bytes> {
        if self.heads.is_none() {
            self.current.sort_unstable();
            self.runs
                .push(std::mem::take(&mut self.current).into_iter());
            let firsts = self.runs.iter_mut().enumerate();
            let heads = firsts.filter_map(|(run, items)| Some(Reverse((items.next()?, run))));
            self.heads = Some(heads.collect());
        }
        let heads = self.heads.as_mut()?;
        let Reverse((item, run)) = heads.pop()?;
        if let Some(next) = self.runs.get_mut(run).and_then(Iterator::next) {
            heads.push(Reverse((next, run)));
        }
        Some(item.doc)
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
