//! Copies of what was read, kept as a cache outside of the engine keeps them: at every moment at which a
//! read runs at once, what is kept must be what it gives.

use bytes::Bytes;
use patchstore::codec::batch::Op;
use patchstore::engine::access::{Answer, KeyRange, Session, afresh};
use patchstore::engine::{Engine, Interest};
use patchstore::models::freshness::Freshness;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use super::documents;
use super::operation::{every_key, range, read_keys};

type Found = BTreeMap<Bytes, Option<Bytes>>;

/// Copies of records, whatever model they belong to.
struct Records {
    ranges: Vec<KeyRange>,
    kept: RefCell<Found>,
}

impl Interest for Records {
    fn ranges(&self) -> &[KeyRange] {
        &self.ranges
    }

    fn touched(&self, op: &Op, _is_new: bool) {
        match op {
            Op::Put(key, ..) | Op::Delete(key) => {
                self.kept.borrow_mut().remove(&key.to_bytes());
            }
            Op::DeleteRange(_) => panic!("a range is not an operation on a key"),
        }
    }

    fn lost(&self) {
        self.kept.borrow_mut().clear();
    }
}

/// All that is kept of one engine.
pub struct Copies {
    engine: Engine,
    records: Rc<Records>,
    freshness: Rc<Freshness>,
    stamp: Cell<u64>,
    /// By the document's id.
    docs: RefCell<Found>,
    all: RefCell<Option<Option<Bytes>>>,
    /// How often something kept was compared.
    pub compared: Cell<usize>,
}

impl Copies {
    pub fn of(engine: &Engine) -> Self {
        let records = Rc::new(Records {
            ranges: vec![range("d/")],
            kept: RefCell::default(),
        });
        let freshness = Rc::new(Freshness::of_documents(documents::collection()));
        let interests: [Rc<dyn Interest>; 2] = [records.clone(), freshness.clone()];
        interests.iter().for_each(|each| engine.interested(each));
        Self {
            engine: engine.clone(),
            records,
            stamp: Cell::new(freshness.stamp()),
            freshness,
            docs: RefCell::default(),
            all: RefCell::default(),
            compared: Cell::new(0),
        }
    }

    /// Compares what is kept with what is read, then keeps that.
    pub fn check(&self) {
        if !self.engine.is_ready() {
            return;
        }
        self.let_go();
        let begin = || Ok((documents::all(), Vec::new()));
        let work = afresh(begin, |(find, numbers), r| {
            let records = read_keys(r, &every_key())?;
            let docs = documents::named(r)?;
            Ok((records, docs, documents::gather(find, numbers, r)?))
        });
        let Answer::Ready(Ok((records, docs, all))) = self.engine.read(work) else {
            return;
        };
        let found = every_key().into_iter().zip(records).collect();
        self.compare("a record", &self.records.kept, found);
        // What was absent and is there now is not told of.
        let there = docs.into_iter().filter(|(_, doc)| doc.is_some()).collect();
        self.compare("a document", &self.docs, there);
        if let Some(kept) = self.all.replace(Some(all.clone())) {
            assert_eq!(kept, all, "the list of documents that was kept is old");
        }
    }

    fn let_go(&self) {
        if self.stamp.replace(self.freshness.stamp()) == self.freshness.stamp() {
            return;
        }
        self.all.replace(None);
        match self.freshness.take() {
            None => self.docs.borrow_mut().clear(),
            Some(ids) => ids.iter().for_each(|id| {
                let id = Bytes::copy_from_slice(id.as_js().as_bytes());
                self.docs.borrow_mut().remove(&id);
            }),
        }
    }

    fn compare(&self, what: &str, kept: &RefCell<Found>, found: Found) {
        for (key, value) in kept.replace(found.clone()) {
            self.compared.set(self.compared.get() + 1);
            let now = found.get(&key).cloned().flatten();
            assert!(value == now, "{what} that was kept is old: {key:?}");
        }
    }
}
