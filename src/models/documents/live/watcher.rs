//! One live query: what it asks for, what its listener knows, and who that is.

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::gather::{Entry, Gathering, visible};
use crate::error::{Error, Result};
use crate::models::documents::{After, Collection, FindSpec, Include};
use crate::models::query::Query;

/// Who hears of a live query. It may be called while wasm runs, and must not call back into it.
pub trait Listener {
    /// Takes a result; no other is told before the future resolves.
    ///
    /// # Errors
    /// That it cannot be taken: it is the last one then.
    fn tell(&self, change: Change) -> LocalBoxFuture<'static, Result<()>>;
    /// Hears why nothing is told any more.
    fn end(&self, error: &Error);
}

/// A result, and how it differs from the one before.
pub struct Change {
    entries: Rc<Vec<Entry>>,
    skipped: usize,
    /// Which of the documents were not there before.
    pub added: Vec<u32>,
    /// Which of the documents were there, and are handed out otherwise.
    pub changed: Vec<u32>,
    /// The documents that are gone, as they were handed out.
    pub removed: Vec<Bytes>,
}

impl Change {
    /// All documents, as they are handed out, in order.
    pub fn docs(&self) -> impl Iterator<Item = &Bytes> {
        visible(&self.entries, self.skipped)
            .iter()
            .map(|entry| &entry.doc)
    }

    /// A result, and what of it is new. (No result has as many documents as a `u32` counts.)
    pub(super) fn new(
        entries: Rc<Vec<Entry>>,
        skipped: usize,
        [added, changed]: [Vec<u32>; 2],
        removed: Vec<Bytes>,
    ) -> Self {
        Self {
            entries,
            skipped,
            added,
            changed,
            removed,
        }
    }
}

/// From where on a live query finds.
#[derive(Clone)]
pub(super) enum Behind {
    /// From the first document on, or behind a place that is known for good.
    Known(Option<Rc<After>>),
    /// Its place has yet to be found out.
    Asked(Rc<After>, Pending),
}

/// What is known of the calls that were under way when it was asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pending {
    /// They need not matter.
    Unknown,
    /// It waits for them.
    Awaited,
    /// They are settled.
    Over,
}

impl Behind {
    pub fn new(after: Option<Rc<After>>) -> Self {
        match after {
            None => Self::Known(None),
            Some(after) => Self::Asked(after, Pending::Unknown),
        }
    }
}

/// A live query.
pub(super) struct Watcher {
    /// No other has it, now or later.
    pub number: u64,
    pub collection: Collection,
    pub query: Query,
    /// But for what it goes on behind.
    pub spec: FindSpec,
    /// Behind what it goes on.
    pub behind: RefCell<Behind>,
    /// What is attached to its documents.
    pub include: Vec<Include>,
    pub listener: Box<dyn Listener>,
    /// What the listener knows, what is skipped included; `None` before the first result.
    pub last: RefCell<Option<Rc<Vec<Entry>>>>,
    /// Something may have changed since.
    pub is_marked: Cell<bool>,
    /// The listener wants nothing for the time being.
    pub is_paused: Cell<bool>,
    pub has_ended: Cell<bool>,
}

impl Watcher {
    /// Begins to evaluate it; it is known from where on it finds.
    pub fn gather(&self, seed: u64) -> Gathering {
        let old = self.last.borrow().clone();
        let after = match &*self.behind.borrow() {
            Behind::Known(after) => after.clone(),
            Behind::Asked(after, _) => Some(after.clone()),
        };
        let spec = FindSpec {
            after,
            ..self.spec.clone()
        };
        Gathering::new(
            &self.collection,
            self.query.clone(),
            spec,
            &self.include,
            old,
            seed,
        )
    }

    /// The collections of what is attached, at whatever depth; one of them may come twice.
    pub fn included(&self) -> Vec<&Collection> {
        let mut found = Vec::new();
        let mut left: Vec<&Include> = self.include.iter().collect();
        while let Some(include) = left.pop() {
            found.push(&include.collection);
            left.extend(&include.include);
        }
        found
    }
}
