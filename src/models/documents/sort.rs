//! Sorting what was found.
//!
//! Where all are wanted, sorted runs of bounded length are merged while the documents are handed out; where only
//! the first ones are, a heap keeps no more than these. So no step takes long however many there are.

use bytes::Bytes;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::rc::Rc;

use crate::blobs;
use crate::codec::js_string::JsString;
use crate::codec::order::Order;
use crate::codec::sort_key::{MAX_ENCODED, SortKey};
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
/// The sort key of a smaller container is not too long for an index: a number of two bytes takes eleven there.
const SMALL_CONTAINER: usize = MAX_ENCODED / 16;
/// By this a field is multiplied to get what its tree takes, at most.
const TREE_FACTOR: usize = 24;

/// The fields that documents are sorted by, with `true` for those that descend.
pub(super) struct By(Vec<(Path, bool)>);

/// Takes documents in any order, gives them sorted.
pub(super) struct Sorter {
    by: Rc<By>,
    /// Only what is behind this is taken.
    behind: Option<(Vec<Part>, Order)>,
    kept: Kept,
}

/// Which ones will be asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Keep {
    All,
    /// So many of the first.
    First(u64),
    /// As many of the first, and no more than are held in so many bytes, but one at least.
    Within(u64, usize),
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
    most_bytes: usize,
    held_bytes: usize,
    heap: BinaryHeap<Item>,
    /// The first of those that had to go for their bytes: nothing behind it is taken any more.
    cut: Option<Item>,
    /// They in turn, from the end, once they are asked for.
    sorted: Vec<Item>,
}

/// Compared by key, then by the place in the order of insertion, which no two share.
pub(super) struct Item {
    pub key: Vec<Part>,
    key_bytes: usize,
    pub place: Order,
    pub doc: Bytes,
}

impl Item {
    fn new(key: Vec<Part>, place: Order) -> Self {
        Self {
            key_bytes: key.iter().map(|part| part.bytes).sum(),
            key,
            place,
            doc: Bytes::new(),
        }
    }

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

/// The value of one field.
pub(super) struct Part {
    pub value: Value,
    descending: bool,
    /// What the tree takes in memory, at most.
    bytes: usize,
}

impl By {
    /// Fields, with `true` for those that descend.
    pub fn new(by: &[(JsString, bool)]) -> Self {
        let paths = by.iter();
        Self(
            paths
                .map(|(field, descending)| (Path::from(field), *descending))
                .collect(),
        )
    }

    /// By how many fields it sorts: their values are taken one by one.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The part of a document's key that one field is; `None` after the last.
    ///
    /// # Errors
    /// `Corrupt`; `LimitExceeded` when the field is too large to be sorted by.
    pub fn part(&self, at: usize, doc: Form<'_>) -> Result<Option<Part>> {
        let Some((path, descending)) = self.0.get(at) else {
            return Ok(None);
        };
        let mut part = match path.find(doc)? {
            None => Part::new(Value::Undefined, 0),
            Some(found) => {
                check_key(found)?;
                Part::of(found, "a sort field")?
            }
        };
        part.descending = *descending;
        Ok(Some(part))
    }

    /// The key that consists of these values; absent ones are `undefined`.
    fn key_of(&self, values: &[Value]) -> Vec<Part> {
        let each = self.0.iter().enumerate();
        let part = |(at, (_, descending)): (usize, &(Path, bool))| Part {
            value: values.get(at).cloned().unwrap_or(Value::Undefined),
            descending: *descending,
            bytes: 0,
        };
        each.map(part).collect()
    }
}

/// Checks that an index has a value where it comes by its order: a container with too long a key comes behind all others of its
/// kind there, and is sorted by nowhere.
///
/// # Errors
/// `Corrupt`; `LimitExceeded`.
fn check_key(found: Form<'_>) -> Result<()> {
    let is_container = matches!(
        found,
        Form::Json([b'[' | b'{', ..]) | Form::Exact([tag::ARRAY..=tag::SET, ..])
    );
    if !is_container || found.as_bytes().len() <= SMALL_CONTAINER {
        return Ok(());
    }
    // planted: sort-too-large
    match SortKey::of(Some(found))?.is_too_large() {
        true => limits::within("the key of a sort field", MAX_ENCODED + 1, MAX_ENCODED),
        false => Ok(()),
    }
}

impl Part {
    /// A part that ascends.
    pub fn new(value: Value, bytes: usize) -> Self {
        Self {
            value,
            descending: false,
            bytes,
        }
    }

    /// The part that a value is, called `what`; it ascends.
    ///
    /// # Errors
    /// `Corrupt`; `LimitExceeded` when it is too large to be compared with many.
    pub fn of(found: Form<'_>, what: &str) -> Result<Self> {
        limits::within(what, found.as_bytes().len(), MAX_KEY_BYTES)?;
        Ok(Self::new(Value::of_form(found)?, tree_bytes(found)))
    }

    /// What the tree takes in memory, at most.
    pub fn held_bytes(&self) -> usize {
        self.bytes
    }
}

impl Sorter {
    /// Sorts by fields.
    pub fn new(by: Rc<By>, keep: Keep) -> Self {
        let first = |most: u64, most_bytes| match usize::try_from(most) {
            Err(_) | Ok(usize::MAX) if most_bytes == usize::MAX => Kept::All(Runs::default()),
            most => Kept::First(First {
                most: most.unwrap_or(usize::MAX),
                most_bytes,
                held_bytes: 0,
                heap: BinaryHeap::new(),
                cut: None,
                sorted: Vec::new(),
            }),
        };
        Self {
            by,
            behind: None,
            kept: match keep {
                Keep::All => Kept::All(Runs::default()),
                Keep::First(most) => first(most, usize::MAX),
                Keep::Within(most, bytes) => first(most, bytes),
            },
        }
    }

    /// Leaves out what does not come behind a document with these sort values, at this place.
    pub fn go_on_behind(&mut self, values: &[Value], place: Order) {
        self.behind = Some((self.by.key_of(values), place));
    }

    /// Takes a document, which lies at that place in the order of insertion.
    ///
    /// # Errors
    /// `Corrupt`; `LimitExceeded` when a field is too large to be sorted by, or what is to be sorted is.
    pub fn add(&mut self, place: Order, doc: &[u8]) -> Result<()> {
        let mut key = Vec::with_capacity(self.by.len());
        for at in 0..self.by.len() {
            key.extend(self.by.part(at, Form::of(doc)?)?);
        }
        self.add_with(key, place, doc)
    }

    /// By what it sorts.
    pub fn by(&self) -> &By {
        &self.by
    }

    /// Takes a document, with its key.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn add_with(&mut self, key: Vec<Part>, place: Order, doc: &[u8]) -> Result<()> {
        // planted: after-place-lost
        if let Some((last, at)) = &self.behind
            && (&key, place) <= (last, *at)
        {
            return Ok(());
        }
        let item = Item::new(key, place);
        match &mut self.kept {
            Kept::All(runs) => runs.add(item.with(doc)?),
            Kept::First(first) => first.add(item, doc)?,
        }
        let what = "the data to sort (a query or a limit reduces it)";
        limits::within(what, self.held_bytes(), MAX_CALL_BYTES)
    }

    /// What the documents and their keys take in memory.
    pub const fn held_bytes(&self) -> usize {
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
    pub fn pop(&mut self) -> Option<Item> {
        match &mut self.kept {
            Kept::All(runs) => runs.pop(),
            Kept::First(first) => first.sorted.pop(),
        }
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
        let is_full = self.heap.len() >= self.most;
        let is_last = is_full && self.heap.peek().is_none_or(|last| item > *last);
        if is_last || self.cut.as_ref().is_some_and(|cut| item > *cut) {
            return Ok(());
        }
        if is_full {
            self.drop_last();
        }
        let item = item.with(doc)?;
        self.held_bytes += item.held_bytes();
        self.heap.push(item);
        while self.held_bytes > self.most_bytes && self.heap.len() > 1 {
            self.cut = self.drop_last();
        }
        Ok(())
    }

    /// Takes out the last one, and returns it without its document.
    fn drop_last(&mut self) -> Option<Item> {
        let last = self.heap.pop()?;
        self.held_bytes -= last.held_bytes();
        let doc = Bytes::new();
        Some(Item { doc, ..last })
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
