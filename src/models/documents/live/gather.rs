//! Evaluating a live query: what it finds, beside what it found the last time.

use bytes::Bytes;
use std::borrow::Cow;
use std::rc::Rc;
use twox_hash::XxHash64;

use super::buckets::Buckets;
use crate::blobs;
use crate::codec::value::Form;
use crate::codec::value::fields::Fields;
use crate::engine::access::{Attempt, Reads};
use crate::error::{Error, Result};
use crate::limits::{self, RESULT_ITEM_BYTES};
use crate::models::documents::projection::Projection;
use crate::models::documents::{Collection, FindSpec, Include, Joined};
use crate::models::pace::Pace;
use crate::models::query::Query;

/// So many entries of the last result are looked through for the one that follows.
const AHEAD: usize = 8;

/// A document that a query has found.
#[derive(Clone)]
pub(super) struct Entry {
    /// Of its id.
    pub hash: u64,
    /// As it is handed out; nothing, if it is skipped.
    pub doc: Bytes,
}

/// What a live query has found, in comparison.
#[derive(Default)]
pub(super) struct Found {
    /// Whether it is handed out as the last one was.
    pub is_same: bool,
    pub entries: Vec<Entry>,
    /// Indexes of what is handed out: new, and other than it was.
    pub added: Vec<u32>,
    pub changed: Vec<u32>,
    /// What was handed out and is gone.
    pub removed: Vec<Bytes>,
    /// The documents that are part of it and were not, and the other way round.
    pub joined: Vec<u64>,
    pub left: Vec<u64>,
}

/// An evaluation under way.
pub(super) struct Gathering {
    find: Joined,
    taking: Taking,
    comparing: Option<Comparing>,
    pace: Pace,
}

/// Takes what is found, beside the last result, which mostly has the same.
struct Taking {
    projection: Option<Projection>,
    skip: usize,
    seed: u64,
    old: Option<Rc<Vec<Entry>>>,
    /// The entry of the last result that is expected next.
    expected: usize,
    entries: Vec<Entry>,
    bytes: usize,
    /// Entries that are not where they were: of this result, and of the last.
    come: Vec<usize>,
    gone: Vec<usize>,
}

/// Looks those that have come up among those that are gone.
struct Comparing {
    gone: Buckets,
    /// Which of those that are gone are so for good.
    is_gone: Vec<bool>,
    tabled: usize,
    looked: usize,
    told: usize,
    compared: usize,
    found: Found,
}

/// What is handed out of all that a query has found.
pub(super) fn visible(entries: &[Entry], skipped: usize) -> &[Entry] {
    entries.get(skipped..).unwrap_or_default()
}

/// The hash of an id.
pub(super) fn hash_of_id(seed: u64, id: &[u8]) -> u64 {
    XxHash64::oneshot(seed, id)
}

/// The hash of the id with which a document begins, also where only some of its fields are handed out.
fn hash_of_handed_out(seed: u64, doc: &[u8]) -> Result<u64> {
    let first = Fields::of(Form::of(doc)?)?.map(|mut fields| fields.next());
    let id = first.transpose()?.flatten().map(|(_, id)| id.string());
    let id = id.transpose()?.flatten();
    let id = id.ok_or_else(|| Error::corrupt("a document that is handed out has no id"))?;
    Ok(hash_of_id(seed, id.as_bytes()))
}

/// The hash of a whole document's id.
///
/// # Errors
/// `Corrupt`.
pub(super) fn hash_of(seed: u64, doc: &[u8]) -> Result<u64> {
    Ok(hash_of_id(seed, Collection::id_of(doc)?.as_bytes()))
}

impl Gathering {
    pub fn new(
        collection: &Collection,
        query: Query,
        spec: FindSpec,
        include: &[Include],
        old: Option<Rc<Vec<Entry>>>,
        seed: u64,
    ) -> Self {
        let (skip, fields) = (spec.skip, spec.fields);
        // (Where something is attached, the documents come as they are handed out.)
        let (inner, fields) = if include.is_empty() {
            (None, fields)
        } else {
            (fields, None)
        };
        // What is skipped counts, too: when it goes, others come into the result.
        let spec = FindSpec {
            sort: spec.sort,
            limit: spec.limit.map(|limit| match limit {
                0 => 0,
                limit => limit.saturating_add(skip),
            }),
            fields: inner,
            after: spec.after,
            ..FindSpec::default()
        };
        Self {
            find: Joined::new(collection, query, spec, include),
            taking: Taking {
                projection: fields.as_deref().map(Projection::new),
                skip: usize::try_from(skip).unwrap_or(usize::MAX),
                seed,
                old,
                expected: 0,
                entries: Vec::new(),
                bytes: 0,
                come: Vec::new(),
                gone: Vec::new(),
            },
            comparing: None,
            pace: Pace::default(),
        }
    }

    /// Runs until it does not stop.
    ///
    /// # Errors
    /// A stop; `LimitExceeded`, `Corrupt`, what the query fails with.
    pub fn step(&mut self, r: &mut dyn Reads) -> Attempt<Found> {
        let Self {
            find,
            taking,
            comparing,
            pace,
        } = self;
        let comparing = match comparing {
            Some(comparing) => comparing,
            none => {
                find.step(r, &mut |doc| taking.take(doc))?;
                none.insert(taking.finish())
            }
        };
        comparing.step(taking, r, pace)?;
        Ok(std::mem::take(&mut comparing.found))
    }
}

impl Taking {
    fn take(&mut self, whole: &[u8]) -> Result<()> {
        let hash = hash_of_handed_out(self.seed, whole)?;
        let is_skipped = self.entries.len() < self.skip;
        let projected = match &self.projection {
            _ if is_skipped => Some(Bytes::new()),
            Some(projection) => Some(projection.apply(whole)?),
            None => None,
        };
        let doc = projected.as_deref().unwrap_or(whole);
        self.bytes += doc.len() + RESULT_ITEM_BYTES;
        limits::within_result(self.bytes)?;
        let old = self.old.as_deref().map_or(&[][..], Vec::as_slice);
        let mut ahead = old.iter().enumerate().skip(self.expected).take(AHEAD);
        let known = ahead.find(|(_, known)| known.hash == hash && known.doc == doc);
        let doc = if let Some((at, known)) = known {
            self.gone.extend(self.expected..at);
            self.expected = at + 1;
            known.doc.clone()
        } else {
            self.come.push(self.entries.len());
            match projected {
                Some(projected) => projected,
                // It may lie in a page or a frame, all of which it would keep.
                None => {
                    limits::room_for(whole.len())?;
                    blobs::held(Bytes::copy_from_slice(whole))
                }
            }
        };
        self.entries.push(Entry { hash, doc });
        Ok(())
    }

    fn old(&self) -> &[Entry] {
        self.old.as_deref().map_or(&[], Vec::as_slice)
    }

    fn finish(&mut self) -> Comparing {
        self.gone.extend(self.expected..self.old().len());
        Comparing {
            gone: Buckets::with_room(self.gone.len()),
            is_gone: vec![true; self.gone.len()],
            tabled: 0,
            looked: 0,
            told: 0,
            compared: 0,
            found: Found {
                is_same: self.old.is_some(),
                entries: std::mem::take(&mut self.entries),
                ..Found::default()
            },
        }
    }
}

impl Comparing {
    fn step(&mut self, taken: &Taking, r: &mut dyn Reads, pace: &mut Pace) -> Attempt<()> {
        let old = taken.old();
        while let Some(entry) = taken.gone.get(self.tabled).map(|at| old.get(*at)) {
            if let Some(entry) = entry {
                self.gone.add(entry.hash, self.tabled as u64);
            }
            self.tabled += 1;
            pace.step(r)?;
        }
        while let Some(&at) = taken.come.get(self.looked) {
            self.looked += 1;
            self.look(at, taken)?;
            pace.step(r)?;
        }
        while let Some(&at) = taken.gone.get(self.told) {
            if self.is_gone.get(self.told) == Some(&true)
                && let Some(entry) = old.get(at)
            {
                self.found.left.push(entry.hash);
                if at >= taken.skip {
                    self.found.removed.push(entry.doc.clone());
                }
            }
            self.told += 1;
            pace.step(r)?;
        }
        if taken.come.is_empty() && taken.gone.is_empty() {
            return Ok(());
        }
        let before = visible(old, taken.skip);
        let now = visible(&self.found.entries, taken.skip);
        self.found.is_same &= before.len() == now.len();
        while self.found.is_same
            && let Some((now, before)) = now.get(self.compared).zip(before.get(self.compared))
        {
            let is_known = now.doc.as_ptr() == before.doc.as_ptr();
            if !is_known && now.doc != before.doc {
                self.found.is_same = false;
            }
            self.compared += 1;
            pace.step(r)?;
        }
        Ok(())
    }

    /// What has become of the entry, which is not where it was.
    fn look(&mut self, at: usize, taken: &Taking) -> Result<()> {
        let Some(entry) = self.found.entries.get(at) else {
            return Ok(());
        };
        let mut was = None;
        for number in self.gone.of(entry.hash) {
            let number = number as usize;
            let known = taken
                .gone
                .get(number)
                .and_then(|at| Some((*at, taken.old().get(*at)?)));
            if let Some((place, known)) = known
                && is_one(known, entry)?
            {
                was = Some((number, place, known));
            }
        }
        let mut was_visible = false;
        let mut is_other = true;
        match was {
            None => self.found.joined.push(entry.hash),
            Some((number, place, known)) => {
                self.gone.remove(entry.hash, number as u64);
                was_visible = place >= taken.skip;
                is_other = known.doc != entry.doc;
                let is_visible = at >= taken.skip;
                // One that is skipped now is gone from what is handed out.
                if let Some(is_gone) = self.is_gone.get_mut(number) {
                    *is_gone = false;
                }
                if was_visible && !is_visible {
                    self.found.removed.push(known.doc.clone());
                }
            }
        }
        let Some(index) = at
            .checked_sub(taken.skip)
            .and_then(|at| u32::try_from(at).ok())
        else {
            return Ok(());
        };
        if !was_visible {
            self.found.added.push(index);
        } else if is_other {
            self.found.changed.push(index);
        }
        Ok(())
    }
}

/// Whether two entries of one hash are of one document. (Of what is skipped no more is known.)
fn is_one(a: &Entry, b: &Entry) -> Result<bool> {
    if a.doc.is_empty() || b.doc.is_empty() {
        return Ok(true);
    }
    Ok(id_in(&a.doc)? == id_in(&b.doc)?)
}

/// The id that a document begins with, also where only some of its fields are handed out.
fn id_in(doc: &[u8]) -> Result<Option<Cow<'_, [u8]>>> {
    let first = Fields::of(Form::of(doc)?)?.map(|mut fields| fields.next());
    match first.transpose()?.flatten() {
        Some((_, id)) => id.text(),
        None => Ok(None),
    }
}
