//! The steps of a build: pages of documents, each a commit that depends on what it has read, and the commit that ends it.

use bytes::Bytes;

use super::definition::{self, Definition, Wish, record_of};
use super::existing::{Existing, PAGE};
use super::indexing::{Busy, Define, Outcome, clear};
use super::progress::Progress;
use super::{Collection, marks};
use crate::codec::js_string::JsString;
use crate::codec::kinds::key::{BUILD, BUILD_MARK};
use crate::engine::access::{Attempt, Writes};
use crate::models::many::Many;

/// A step.
pub enum Work {
    /// The first one.
    Begin(Define),
    /// The next documents.
    Page(Page),
    /// The last one.
    Finish(Finish),
}

/// Some documents of a build.
pub struct Page {
    collection: Collection,
    build: u64,
    /// The key of the last document of the page before.
    behind: Option<Bytes>,
    now_ms: u64,
    existing: Option<Existing>,
}

/// The end of a build.
pub struct Finish {
    collection: Collection,
    build: u64,
    /// What it has built; `None`: it is given up.
    wish: Option<Wish>,
    /// The wall time, where it is given up only if it has died.
    if_dead_ms: Option<u64>,
}

impl Page {
    /// The documents behind that with the key `behind`.
    #[must_use]
    pub fn new(collection: &Collection, build: u64, behind: Option<Bytes>, now_ms: u64) -> Self {
        Self {
            collection: collection.clone(),
            build,
            behind,
            now_ms,
            existing: None,
        }
    }

    fn step(&mut self, w: &mut dyn Writes) -> Attempt<Outcome> {
        let Some(definition) = under_way(w, &self.collection, self.build)? else {
            return Ok(Outcome::Gone);
        };
        if w.is_fresh() {
            self.existing = None;
        }
        let collection = &self.collection;
        let begin = || {
            let behind = self.behind.clone();
            Existing::page(&collection.defined, &definition, behind, PAGE)
        };
        let existing = self.existing.get_or_insert_with(begin);
        existing.step(w, collection)?;
        let (behind, looked_at) = (existing.more_behind().cloned(), existing.looked_at());
        Progress::of(behind.as_deref(), self.now_ms)?.put(w, self.build);
        Ok(match behind {
            Some(behind) => Outcome::More { behind, looked_at },
            None => Outcome::Read,
        })
    }
}

impl Finish {
    /// Has become what is wished.
    #[must_use]
    pub fn new(collection: &Collection, build: u64, wish: Option<Wish>) -> Self {
        Self {
            collection: collection.clone(),
            build,
            wish,
            if_dead_ms: None,
        }
    }

    /// Is given up, unless it goes on at this wall time: then it is `Busy`.
    #[must_use]
    pub fn of_dead(collection: &Collection, build: u64, now_ms: u64) -> Self {
        Self {
            if_dead_ms: Some(now_ms),
            ..Self::new(collection, build, None)
        }
    }

    fn step(&self, w: &mut dyn Writes) -> Attempt<Outcome> {
        let key = &self.collection.defined;
        let Some(definition) = under_way(w, &self.collection, self.build)? else {
            return Ok(Outcome::Gone);
        };
        if let Some(now_ms) = self.if_dead_ms {
            let progress = w.get(&definition::of_build(BUILD, self.build))?;
            if !Progress::is_dead(progress.as_ref(), now_ms) {
                let build = self.build;
                return Ok(Outcome::Busy(Busy {
                    build,
                    progress,
                    is_same: false,
                }));
            }
        }
        // planted: mark-unread
        let mark = w.get(&definition::of_build(BUILD_MARK, self.build))?;
        let failed = mark.map(marks::violation).transpose()?;
        let next = match (&failed, &self.wish) {
            (None, Some(wish)) => definition.finished(wish)?,
            _ => None,
        };
        let Some(next) = next else {
            definition::give_up(w, key, &definition);
            record_of(w, key, &definition.settled());
            return Ok(failed.map_or(Outcome::Gone, Outcome::Failed));
        };
        let mut old = definition.clone();
        // (What counts on is no other's.)
        let goes_on = |field: &JsString| next.sequences.iter().any(|of| of.field == *field);
        old.sequences.retain(|of| !goes_on(&of.field));
        clear(w, key, &old, &next);
        definition::forget_build(w, &definition);
        record_of(w, key, &next);
        Ok(Outcome::Done)
    }
}

/// The definition, while it is this build that is under way.
fn under_way(w: &mut dyn Writes, of: &Collection, build: u64) -> Attempt<Option<Definition>> {
    let kept = of.kept(w)?;
    let kept = kept.filter(|kept| kept.definition.build == Some(build));
    Ok(kept.map(|kept| kept.definition.clone()))
}

impl Many for Work {
    type Done = Outcome;

    /// Runs until it does not stop.
    ///
    /// # Errors
    /// A stop; what is there does not fit: `ConstraintViolation`; `LimitExceeded`.
    fn step(&mut self, w: &mut dyn Writes) -> Attempt<Outcome> {
        match self {
            Self::Begin(define) => define.step(w),
            Self::Page(page) => page.step(w),
            Self::Finish(finish) => finish.step(w),
        }
    }

    fn release(&mut self, count: usize) -> bool {
        match self {
            Self::Begin(define) => define.release(count),
            Self::Page(page) => page
                .existing
                .as_mut()
                .is_some_and(|existing| existing.release(count)),
            Self::Finish(_) => false,
        }
    }
}
