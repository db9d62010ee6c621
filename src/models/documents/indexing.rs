//! Making and dropping indexes, and whole definitions: what takes one commit, which also changes the catalog, and how a build
//! begins that takes more.

use bytes::Bytes;

use super::Collection;
use super::definition::{self, Definition, IndexSpec, Wanted, Wish, flag, record_of};
use super::existing::{Existing, PAGE, Size};
use super::index::all_of;
use super::progress::Progress;
use crate::codec::js_string::JsString;
use crate::codec::kinds::key::BUILD;
use crate::engine::access::{Attempt, Cursor, Reads, Writes};
use crate::error::{Error, Result};
use crate::models::many::Many;

/// What is told of an index.
pub type Indexed = IndexSpec;

/// The indexes of a collection that somebody has asked for.
///
/// # Errors
/// `Corrupt`, `UnsupportedFormat`.
pub fn indexes(r: &dyn Reads, of: &Collection) -> Result<Vec<Indexed>> {
    let kept = of.kept(r)?;
    let all = kept.iter().flat_map(|kept| &kept.definition.indexes);
    let listed = all.filter(|index| index.is_listed());
    let told = |index: &definition::Index| Indexed {
        fields: index.fields.clone(),
        unique: index.is(flag::UNIQUE),
        multi: index.is(flag::MULTI),
    };
    Ok(listed.map(told).collect())
}

/// What a step of a definition has come to.
#[derive(Debug)]
pub enum Outcome {
    /// All is as it is wished.
    Done,
    /// A build of this number has begun.
    Building(u64),
    /// Another one is under way.
    Busy(Busy),
    /// A page is done.
    More {
        /// The next one is behind this key.
        behind: Bytes,
        /// Of so many documents.
        looked_at: usize,
    },
    /// All pages are done.
    Read,
    /// The build is no longer there.
    Gone,
    /// It has failed, and is given up.
    Failed(Error),
}

/// A build that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Busy {
    /// Its number.
    pub build: u64,
    /// How far it has come.
    pub progress: Option<Bytes>,
    /// Whether it builds what is wished.
    pub is_same: bool,
}

/// Makes of a collection's definition what is wished, and of the documents that are there what it needs; where they are many,
/// it begins a build.
pub struct Define {
    collection: Collection,
    wish: Wish,
    /// Whether it is all done in this commit, however many documents there are.
    at_once: bool,
    /// A build that is dead.
    dead: Option<u64>,
    now_ms: u64,
    /// How many documents there are, and what they take, while they are counted.
    counted: Size,
    counting: Option<Cursor>,
    existing: Option<Existing>,
}

impl Define {
    /// With an index. One of the same fields and other options makes room for it.
    #[must_use]
    pub fn index(collection: &Collection, spec: IndexSpec) -> Self {
        Self::new(collection, Wish::Index(spec))
    }

    /// As it is wanted, but for indexes that were made one by one: these stay.
    #[must_use]
    pub fn whole(collection: &Collection, wanted: Wanted) -> Self {
        Self::new(collection, Wish::Whole(wanted))
    }

    /// By a wish, in one commit.
    #[must_use]
    pub fn new(collection: &Collection, wish: Wish) -> Self {
        Self {
            collection: collection.clone(),
            wish,
            at_once: true,
            dead: None,
            now_ms: 0,
            counted: Size::default(),
            counting: None,
            existing: None,
        }
    }

    /// The same in several commits if need be. `now_ms`: the wall time. `dead`: a build that does not go on.
    #[must_use]
    pub fn in_pages(self, now_ms: u64, dead: Option<u64>) -> Self {
        Self {
            at_once: false,
            now_ms,
            dead,
            ..self
        }
    }

    /// Whether there are more documents than one page has.
    fn is_large(&mut self, w: &mut dyn Writes) -> Attempt<bool> {
        let all = || Cursor::new(self.collection.all(), false);
        let cursor = self.counting.get_or_insert_with(all);
        let counted = &mut self.counted;
        w.scan(cursor, true, &mut |_, doc| {
            counted.docs += 1;
            counted.bytes += doc.len();
            Ok(!counted.exceeds(PAGE))
        })?;
        Ok(self.counted.exceeds(PAGE))
    }

    /// Writes what the definition becomes; what stops comes before all that.
    fn begin(&mut self, w: &mut dyn Writes) -> Attempt<Result<Existing, Outcome>> {
        let key = self.collection.defined.clone();
        let kept = self.collection.kept(w)?;
        let record = kept.map_or_else(Definition::default, |kept| kept.definition.clone());
        if let Some(build) = record.build {
            let progress = w.get(&definition::of_build(BUILD, build))?;
            let is_dead = self.at_once
                || self.dead == Some(build)
                || Progress::is_dead(progress.as_ref(), self.now_ms);
            if !is_dead {
                let is_same = record.finished(&self.wish)?.is_some();
                return Ok(Err(Outcome::Busy(Busy {
                    build,
                    progress,
                    is_same,
                })));
            }
        }
        let old = record.settled();
        let would = old.becomes(&self.wish, &mut |_| Ok(u64::MAX))?;
        let is_large =
            !self.at_once && !Existing::new(&key, &old, &would).is_nothing() && self.is_large(w)?;
        definition::give_up(w, &key, &record);
        let next = old.becomes(&self.wish, &mut |_| definition::next_number(w))?;
        if is_large {
            let build = definition::next_number(w)?;
            w.put(key, old.staged(&next, build).encode());
            Progress::none(self.now_ms).put(w, build);
            return Ok(Err(Outcome::Building(build)));
        }
        if next != record {
            record_of(w, &key, &next);
        }
        clear(w, &key, &old, &next);
        Ok(Ok(Existing::new(&key, &old, &next)))
    }
}

/// Removes what a definition no longer has.
pub(super) fn clear(w: &mut dyn Writes, key: &[u8], old: &Definition, next: &Definition) {
    for index in &old.indexes {
        if next.index(index.number).is_none() {
            w.delete_range(all_of(index.number));
        }
    }
    for sequence in &old.sequences {
        if !next.sequences.contains(sequence) {
            w.delete_range(definition::counters_of(key, sequence));
        }
    }
}

impl Many for Define {
    type Done = Outcome;

    /// Runs until it does not stop.
    ///
    /// # Errors
    /// A stop; `InvalidArgument` for what is malformed; `ConstraintViolation` where what is there does not fit, with the ids of
    /// two documents that have the same unique values; `LimitExceeded` for too many fields or indexes, or where the entries do
    /// not fit into one call.
    fn step(&mut self, w: &mut dyn Writes) -> Attempt<Outcome> {
        if w.is_fresh() {
            (self.existing, self.counting, self.counted) = (None, None, Size::default());
        }
        let mut existing = match self.existing.take() {
            Some(existing) => existing,
            None => match self.begin(w)? {
                Ok(existing) => existing,
                Err(outcome) => return Ok(outcome),
            },
        };
        let done = existing.step(w, &self.collection);
        self.existing = Some(existing);
        done.map(|()| Outcome::Done)
    }

    fn release(&mut self, count: usize) -> bool {
        let existing = self.existing.as_mut();
        existing.is_some_and(|existing| existing.release(count))
    }
}

/// Takes an index away, also out of a definition that has it.
pub struct DropIndex {
    collection: Collection,
    fields: Vec<JsString>,
}

impl DropIndex {
    /// That over these fields.
    #[must_use]
    pub fn new(collection: &Collection, fields: Vec<JsString>) -> Self {
        Self {
            collection: collection.clone(),
            fields,
        }
    }

    /// Whether there was one.
    ///
    /// # Errors
    /// `Corrupt`, `UnsupportedFormat`.
    pub fn step(&self, w: &mut dyn Writes) -> Result<bool> {
        let Some(kept) = self.collection.kept(w)? else {
            return Ok(false);
        };
        let record = &kept.definition;
        let is_it = |index: &definition::Index| index.fields == self.fields && index.is_listed();
        if !record.indexes.iter().any(is_it) {
            return Ok(false);
        }
        let old = record.settled();
        // (Nothing is new.)
        let next = old.becomes(&Wish::Without(self.fields.clone()), &mut |_| Ok(0))?;
        clear(w, &self.collection.defined, &old, &next);
        record_of(w, &self.collection.defined, &next.with_building_of(record));
        Ok(true)
    }
}
