//! Which live queries the documents concern that commits have touched.

use bytes::Bytes;
use std::rc::Rc;

use super::gather::{hash_of, hash_of_id};
use super::room::{Room, Touched};
use super::watcher::Watcher;
use super::{Collection, Shared};
use crate::codec::kinds::key::DOCUMENT;
use crate::codec::value::Form;
use crate::engine::access::{Attempt, ReadWork, Reads};
use crate::error::Result;
use crate::models::documents::find::PIECE_BYTES;
use crate::models::pace::Pace;

/// Documents of one collection that were touched.
struct Matching {
    shared: Rc<Shared>,
    collection: Collection,
    keys: std::vec::IntoIter<Bytes>,
    /// The document at hand, and who may want it.
    doc: Bytes,
    candidates: Vec<Rc<Watcher>>,
    pace: Pace,
}

impl Shared {
    /// Looks at what has been touched, and marks whom it concerns.
    pub(super) async fn match_touched(self: &Rc<Self>) {
        while let Some((collection, keys)) = self.next_touched() {
            let matching = Matching {
                shared: self.clone(),
                collection: collection.clone(),
                keys: keys.into_iter(),
                doc: Bytes::new(),
                candidates: Vec::new(),
                pace: Pace::default(),
            };
            if self.read(matching.work()).await.is_err() {
                // Whoever is evaluated meets it, too.
                self.in_room(&collection, |room| self.mark_all(room));
            }
        }
    }

    /// The next collection of which something was touched, where that is known. Where it is not, all are marked.
    fn next_touched(&self) -> Option<(Collection, Vec<Bytes>)> {
        let mut rooms = self.rooms.borrow_mut();
        rooms.iter_mut().find_map(|room| {
            match std::mem::replace(&mut room.touched, Touched::Keys(Vec::new())) {
                Touched::Keys(keys) if keys.is_empty() => None,
                Touched::Keys(keys) => {
                    let including = room.including.values();
                    // planted: watch-unincluded
                    including.for_each(|watcher| self.mark(watcher));
                    Some((room.collection.clone(), keys))
                }
                Touched::Any => {
                    self.mark_all(room);
                    None
                }
            }
        })
    }

    fn mark_all(&self, room: &Room) {
        let all = room.watchers.values().chain(room.including.values());
        all.for_each(|watcher| self.mark(watcher));
    }

    /// Does something with the room of a collection, if it is there still.
    pub(super) fn in_room<T>(
        &self,
        of: &Collection,
        body: impl FnOnce(&mut Room) -> T,
    ) -> Option<T> {
        let mut rooms = self.rooms.borrow_mut();
        let prefix = of.docs.get(1..).unwrap_or_default();
        let at = rooms
            .binary_search_by(|room| room.prefix().cmp(prefix))
            .ok()?;
        rooms.get_mut(at).map(body)
    }
}

impl Matching {
    fn work(mut self) -> ReadWork<()> {
        // What is marked stays so whatever view is looked at: nothing starts over.
        Box::new(move |r| self.step(r))
    }

    fn step(&mut self, r: &mut dyn Reads) -> Attempt<()> {
        loop {
            while let Some(watcher) = self.candidates.pop() {
                if watcher.is_marked.get() || watcher.has_ended.get() {
                    continue;
                }
                self.shared.count(0, 1);
                let is_large = self.doc.len().saturating_mul(watcher.query.len()) > PIECE_BYTES;
                // (Regular expressions are run by the host: nothing is borrowed.) What fails does so again when the query is
                // evaluated.
                if is_large || watcher.query.matches(&self.doc).unwrap_or(true) {
                    self.shared.mark(&watcher);
                }
                self.pace.step(r)?;
            }
            let Some(key) = self.keys.as_slice().first() else {
                return Ok(());
            };
            self.look(&key.clone(), r)?;
            self.keys.next();
            self.pace.step(r)?;
        }
    }

    /// Marks those who hold the document, and finds those who may want it now.
    fn look(&mut self, key: &Bytes, r: &mut dyn Reads) -> Attempt<()> {
        let shared = self.shared.clone();
        let seed = shared.seed;
        if key.first() != Some(&DOCUMENT) {
            if let Some(id) = self.collection.id_of_entry(key) {
                self.mark_holders(hash_of_id(seed, id.as_bytes()));
            }
            return Ok(());
        }
        // Where it is gone, the entry of its id is, too, and tells which it was.
        let Some(doc) = r.get(key)? else {
            return Ok(());
        };
        let candidates = shared.in_room(&self.collection, |room| -> Result<_> {
            if doc.len().saturating_mul(room.passes().max(1)) > PIECE_BYTES {
                // Going through it would take as long as finding out.
                shared.mark_all(room);
                return Ok(Vec::new());
            }
            room.candidates(Form::of(&doc)?, seed)
        });
        self.candidates = candidates.transpose()?.unwrap_or_default();
        // planted: watch-unheld
        self.mark_holders(hash_of(seed, &doc)?);
        self.doc = doc;
        Ok(())
    }

    fn mark_holders(&self, hash: u64) {
        let shared = &self.shared;
        shared.in_room(&self.collection, |room| {
            room.holders(hash).for_each(|watcher| shared.mark(watcher));
        });
    }
}
