//! Changing or removing all documents that match a query, in one commit.

use bytes::Bytes;

use super::cascade::Cascade;
use super::checks::{self, Checked, checked};
use super::collection::broken_index;
use super::find::breathe_deep;
use super::unique::End;
use super::{Changes, Collection, Find, FindSpec};
use crate::engine::access::{Attempt, Writes};
use crate::error::Error;
use crate::limits::{self, ITEM_BYTES, MAX_CALL_BYTES};
use crate::models::ahead;
use crate::models::many::{Many, shorten};
use crate::models::pace::Pace;
use crate::models::query::Query;

/// Bytes of documents, old and new, that are worth a look at the clock; a document that is checked is worth one, too.
const PIECE_BYTES: usize = 256 << 10;
/// What a change of any document is worth beside its bytes: it is read twice, taken apart and put together.
const DOC_BYTES: usize = 8 << 10;

/// Keys that are let go of at once.
const RELEASED: usize = 2_000;

/// First it is found out which documents match, then they are written: so none is met again for what it has become.
pub struct WriteMany {
    collection: Collection,
    query: Query,
    what: What,
    finding: Option<Find>,
    /// The keys of the ids of those that match, in the order in which they were found.
    found: Vec<Bytes>,
    /// Those of an earlier run, to be let go of some at a time.
    stale: Vec<Bytes>,
    held_bytes: usize,
    /// The document that is being written, once it has been checked.
    checked: Option<Bytes>,
    done: usize,
    /// What unique indexes are asked for when all are written.
    end: End,
    /// What comes of what was removed.
    cascade: Cascade,
    /// Of what was written since the clock was looked at.
    piece_bytes: usize,
    pace: Pace,
}

enum What {
    Change(Box<Changes>, Checked),
    Remove,
}

impl WriteMany {
    /// Changes those that match.
    #[must_use]
    pub fn update(
        collection: &Collection,
        query: Query,
        changes: Changes,
        checks: Checked,
    ) -> Self {
        let what = What::Change(Box::new(changes), checks);
        // (Nothing is removed.)
        Self::new(collection, query, what, 0.0)
    }

    /// Removes those that match, at a wall time in ms since the epoch.
    #[must_use]
    pub fn delete(collection: &Collection, query: Query, now_ms: f64) -> Self {
        Self::new(collection, query, What::Remove, now_ms)
    }

    fn new(collection: &Collection, query: Query, what: What, now_ms: f64) -> Self {
        Self {
            collection: collection.clone(),
            query,
            what,
            finding: None,
            found: Vec::new(),
            stale: Vec::new(),
            held_bytes: 0,
            checked: None,
            done: 0,
            end: End::default(),
            cascade: Cascade::new(now_ms),
            piece_bytes: 0,
            pace: Pace::default(),
        }
    }

    fn find(&mut self, w: &mut dyn Writes) -> Attempt<()> {
        if w.is_fresh() {
            let (collection, query) = (&self.collection, self.query.clone());
            self.finding = Some(Find::new(collection, query, FindSpec::default()));
            self.stale.append(&mut self.found);
            self.held_bytes = 0;
            self.checked = None;
            self.done = 0;
            self.end.restart();
            self.cascade.restart();
        }
        while shorten(&mut self.stale, RELEASED) {
            breathe_deep(w)?;
        }
        let Some(finding) = &mut self.finding else {
            return Ok(());
        };
        let (collection, found, held_bytes) =
            (&self.collection, &mut self.found, &mut self.held_bytes);
        finding.step(w, &mut |doc| {
            let key = collection.id_key(Collection::id_of(doc)?.as_js());
            *held_bytes += key.len() + ITEM_BYTES;
            limits::within("what is written at once", *held_bytes, MAX_CALL_BYTES)?;
            limits::room_for(key.len())?;
            found.push(key);
            Ok(())
        })?;
        self.finding = None;
        Ok(())
    }

    fn breathe(&mut self, w: &mut dyn Writes) -> Attempt<()> {
        if self.piece_bytes < PIECE_BYTES {
            return self.pace.step(w);
        }
        self.piece_bytes = 0;
        breathe_deep(w)
    }

    fn write_next(&mut self, w: &mut dyn Writes, id_key: &Bytes) -> Attempt<()> {
        let collection = &self.collection;
        let entry = ahead::get(w, &self.found, self.done)?;
        let Some(order) = collection.order_of(entry)? else {
            return Err(broken_index().into());
        };
        match &mut self.what {
            What::Change(changes, checks) => {
                let old = collection.at(w, order)?;
                // (What has been checked is not checked again where the writing of it stops.)
                let doc = match self.checked.take() {
                    Some(doc) => doc,
                    None => {
                        let doc = collection.keep_numbers(w, &old, changes.apply(&old)?)?;
                        collection.keep_numbers(w, &old, checked(checks, doc)?)?
                    }
                };
                let doc = self.checked.insert(doc);
                // planted: unique-before-end
                let end = Some(&mut self.end);
                collection.put_over(w, id_key, order, &old, doc, end)?;
                let bytes = DOC_BYTES + old.len() + doc.len();
                self.checked = None;
                self.piece_bytes += match checks {
                    Some(_) => PIECE_BYTES,
                    None => bytes,
                };
            }
            What::Remove => {
                collection.take_away(w, id_key.clone(), order)?;
                let lacks = || Error::internal("the key of an id has none");
                let id = || collection.id_of_entry(id_key).ok_or_else(lacks);
                self.cascade.add(w, collection, &id)?;
            }
        }
        Ok(())
    }
}

impl Many for WriteMany {
    type Done = u64;

    /// How many. Runs until it does not stop.
    ///
    /// # Errors
    /// A stop; `InvalidArgument` when the changes are no plain object; what checks refuse one for;
    /// `ConstraintViolation`; `LimitExceeded`.
    fn step(&mut self, w: &mut dyn Writes) -> Attempt<u64> {
        self.find(w)?;
        while let Some(id_key) = self.found.get(self.done).cloned() {
            self.write_next(w, &id_key)?;
            self.done += 1;
            self.breathe(w)?;
        }
        self.cascade.step(w)?;
        self.end.step(w, &self.collection)?;
        if let What::Change(_, checks) = &mut self.what {
            checks::end(checks)?;
        }
        Ok(self.found.len() as u64)
    }

    fn release(&mut self, count: usize) -> bool {
        let list = match self.stale.is_empty() {
            true => &mut self.found,
            false => &mut self.stale,
        };
        let more = shorten(list, count) || !self.found.is_empty();
        let more = self.cascade.release(count) || more;
        self.end.release(count) || more
    }
}
