//! Which copies of what was read are still what a read would give.
//!
//! Whoever keeps copies outside of the engine remembers the stamp at which they were current. As long as the
//! stamp is the same, nothing has changed of the store; when it is another, [`Freshness::take`] says which
//! keys are concerned.

use std::cell::{Cell, RefCell};

use super::documents::Collection;
use super::kv::Kv;
use crate::codec::batch::{Op, OpValue};
use crate::codec::js_string::JsString;
use crate::engine::Interest;
use crate::engine::access::{Catalog, KeyRange};

/// So many keys are told one by one.
const MAX_CHANGED: usize = 1000;
/// How far the stamp goes on when anything may have changed: further than by a call and its frame.
const FAR: u64 = 1000;

/// What changes of one store or collection.
pub struct Freshness {
    store: Store,
    ranges: Vec<KeyRange>,
    stamp: Cell<u64>,
    /// Since the last look; `None` for any.
    changed: RefCell<Option<Vec<JsString>>>,
}

enum Store {
    Pairs(Kv),
    Documents(Collection),
}

/// What an operation concerns.
enum Concerned {
    /// No key that was there before.
    Addition,
    Key(JsString),
    /// That is unknown.
    Any,
}

impl Freshness {
    /// Of a key-value store.
    #[must_use]
    pub fn of_pairs(kv: Kv) -> Self {
        let ranges = vec![kv.all()];
        Self::new(Store::Pairs(kv), ranges)
    }

    /// Of a collection; its keys are the ids. What is defined of it says what becomes of documents that are given.
    #[must_use]
    pub fn of_documents(collection: Collection) -> Self {
        let ranges = vec![
            collection.all(),
            collection.all_ids(),
            collection.all_defined(),
        ];
        Self::new(Store::Documents(collection), ranges)
    }

    fn new(store: Store, ranges: Vec<KeyRange>) -> Self {
        Self {
            store,
            ranges,
            stamp: Cell::new(0),
            changed: RefCell::new(Some(Vec::new())),
        }
    }

    /// Whether what is stored may be another document than the one that was given to be.
    #[must_use]
    pub fn is_rewritten(&self, catalog: &Catalog) -> bool {
        match &self.store {
            Store::Pairs(_) => false,
            Store::Documents(collection) => collection.is_numbered(catalog).unwrap_or(true),
        }
    }

    /// Another one after each change. It goes on by 1 for a call when its operations are seen, by 1 for each frame that
    /// is committed, and by more for anything else.
    #[must_use]
    pub fn stamp(&self) -> u64 {
        self.stamp.get()
    }

    /// The keys whose values have changed since the last call, some more than once; `None` when it may be any.
    /// Keys that were absent at the last call and are there now need not be among them.
    #[must_use]
    pub fn take(&self) -> Option<Vec<JsString>> {
        self.changed.replace(Some(Vec::new()))
    }

    fn concerned(&self, op: &Op, is_new: bool) -> Concerned {
        let key = match (&self.store, op) {
            (_, Op::DeleteRange(_)) => return Concerned::Any,
            (Store::Pairs(kv), Op::Put(key, ..) | Op::Delete(key)) => kv.key_text(&key.prefix).ok(),
            (Store::Documents(collection), Op::Delete(key)) => {
                if collection.is_document(&key.prefix) {
                    // The entry of its id goes with it, and tells which it was.
                    return Concerned::Addition;
                }
                collection.id_of_entry(&key.prefix)
            }
            (Store::Documents(_), Op::Put(_, OpValue::Order(_), _)) => return Concerned::Addition,
            (Store::Documents(_), Op::Put(..)) if is_new => return Concerned::Addition,
            (Store::Documents(collection), Op::Put(key, OpValue::Inline(doc), _))
                if collection.is_document(&key.prefix) =>
            {
                Collection::id_of(doc).ok()
            }
            (Store::Documents(_), Op::Put(..)) => None,
        };
        key.map_or(Concerned::Any, Concerned::Key)
    }
}

impl Interest for Freshness {
    fn ranges(&self) -> &[KeyRange] {
        &self.ranges
    }

    fn touched(&self, op: &Op, is_new: bool) {
        let mut changed = self.changed.borrow_mut();
        let Some(keys) = &mut *changed else {
            return;
        };
        match self.concerned(op, is_new) {
            Concerned::Addition => {}
            Concerned::Key(key) if keys.len() < MAX_CHANGED => keys.push(key),
            Concerned::Key(_) | Concerned::Any => *changed = None,
        }
    }

    fn blurred(&self) {
        self.changed.replace(None);
    }

    fn told(&self) {
        self.stamp.set(self.stamp.get() + 1);
    }

    fn lost(&self) {
        self.stamp.set(self.stamp.get() + FAR);
        self.changed.replace(None);
    }
}

#[cfg(test)]
mod tests;
