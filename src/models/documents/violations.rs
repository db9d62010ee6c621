//! What the writes of other devices break: found after they were applied, since they are neither refused nor cascade.

use bytes::Bytes;
use std::rc::Rc;

use super::collection::there;
use super::definition::flag;
use super::index::{Entries, Layout, place_of};
use super::kept::Kept;
use super::unique::collide;
use super::{Collection, meta, referrers};
use crate::codec::js_string::JsString;
use crate::codec::order::Order;
use crate::codec::range::after;
use crate::codec::value::Form;
use crate::engine::access::{Attempt, Cursor, KeyRange, Reads};
use crate::error::{Code, Error, Result};
use crate::limits::{self, ITEM_BYTES, MAX_CALL_BYTES};
use crate::models::keys;
use crate::models::op_log::Name;
use crate::models::pace::Pace;

/// What a document breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The key of the document's id.
    pub record: Bytes,
    /// It has the values of others that a unique index has once; else it refers to documents that are not there.
    pub is_unique: bool,
    /// The ids of those that collide, its own first; or of those that are missing.
    pub ids: Vec<JsString>,
}

/// Whether a document, put or removed, may break what is defined.
///
/// # Errors
/// `Corrupt`, `UnsupportedFormat`.
pub fn concern(r: &dyn Reads, of: &Collection, is_removal: bool) -> Result<bool> {
    match is_removal {
        true => Ok(referrers::of(r, of)?.is_some()),
        false => Ok(of.kept(r)?.is_some()),
    }
}

/// The keys of the ids of documents that were put or removed, each once and in order.
pub struct Touched(Vec<Bytes>);

impl Touched {
    /// These, in any order.
    #[must_use]
    pub fn new(mut records: Vec<Bytes>) -> Self {
        records.sort_unstable();
        records.dedup();
        Self(records)
    }

    fn has(&self, record: &Bytes) -> bool {
        self.0.binary_search(record).is_ok()
    }
}

/// Looks for what documents break that were put or removed.
pub struct Violations {
    touched: Rc<Touched>,
    at: usize,
    /// What is being looked through: of a document that is there its values in unique indexes, of another one those who refer to
    /// it.
    scans: Vec<Scan>,
    begun: bool,
    found: Vec<Violation>,
    held_bytes: usize,
    pace: Pace,
}

struct Scan {
    range: KeyRange,
    /// Entries that were found and not looked at yet, from the end.
    places: Vec<Order>,
    is_read: bool,
    what: What,
}

enum What {
    /// Others of the same values, in an index of which this is the layout.
    Unique(Layout),
    /// Documents that refer to this one, by the referrer of that number.
    Children(usize),
}

/// Entries that are read at once.
const PAGE: usize = 256;

impl Violations {
    /// Of these.
    #[must_use]
    pub fn new(touched: Rc<Touched>) -> Self {
        Self {
            touched,
            at: 0,
            scans: Vec::new(),
            begun: false,
            found: Vec::new(),
            held_bytes: 0,
            pace: Pace::default(),
        }
    }

    /// What they break, by their keys. Runs until it does not stop.
    ///
    /// # Errors
    /// A stop; `LimitExceeded` where it is more than a call can hold.
    pub fn step(&mut self, r: &mut dyn Reads) -> Attempt<Vec<Violation>> {
        let touched = self.touched.clone();
        while let Some(record) = touched.0.get(self.at) {
            let name = Name::of(record)?;
            let rest = name.place.get(1..).unwrap_or_default();
            let of = Collection::of_definition(&[&[keys::DEFINITION], rest].concat().into());
            let id = of.id_of_entry(record).ok_or_else(broken)?;
            let doc = of.get(r, id.as_js())?;
            if !self.begun {
                self.begin(r, &of, &id, record, doc.as_ref())?;
            }
            while let Some(mut scan) = self.scans.pop() {
                let looked = self.look(r, &of, &id, record, doc.as_ref(), &mut scan);
                if looked.is_err() {
                    self.scans.push(scan);
                    looked?;
                }
            }
            self.begun = false;
            self.at += 1;
            self.pace.step(r)?;
        }
        Ok(std::mem::take(&mut self.found))
    }

    /// Finds out where to look, and asks for the parents.
    fn begin(
        &mut self,
        r: &mut dyn Reads,
        of: &Collection,
        id: &JsString,
        record: &Bytes,
        doc: Option<&Bytes>,
    ) -> Attempt<()> {
        let mut scans = Vec::new();
        let mut add = |range, what| {
            scans.push(Scan {
                range,
                places: Vec::new(),
                is_read: false,
                what,
            });
        };
        let Some(doc) = doc else {
            let referrers = referrers::of(r, of)?.unwrap_or_default();
            for (at, referrer) in referrers.iter().enumerate() {
                add(referrer.range(id.as_js())?, What::Children(at));
            }
            (self.scans, self.begun) = (scans, true);
            return Ok(());
        };
        let Some(kept) = of.kept(r)? else {
            return Ok(());
        };
        let missing = missing(r, &kept, doc)?;
        let indexes = kept.definition.indexes.iter().zip(&kept.layouts);
        for (_, layout) in indexes.filter(|(it, _)| it.is(flag::UNIQUE) && it.is_ready()) {
            for key in Entries::of(layout, Form::of(doc)?)?.keys() {
                for range in layout.rivals(&key)? {
                    add(range, What::Unique(layout.clone()));
                }
            }
        }
        (self.scans, self.begun) = (scans, true);
        for ids in missing {
            self.tell(record.clone(), false, ids)?;
        }
        Ok(())
    }

    fn look(
        &mut self,
        r: &mut dyn Reads,
        of: &Collection,
        id: &JsString,
        record: &Bytes,
        doc: Option<&Bytes>,
        scan: &mut Scan,
    ) -> Attempt<()> {
        let referrers = referrers::of(r, of)?.unwrap_or_default();
        loop {
            while let Some(place) = scan.places.last().copied() {
                match &scan.what {
                    What::Unique(layout) => {
                        let other = of.at(r, place)?;
                        let other_id = meta::id_of(&other)?;
                        let key = of.id_key(other_id.as_js());
                        // Of two that were both touched, the first one tells.
                        let tells = key != *record && (key > *record || !self.touched.has(&key));
                        if let Some(doc) = doc.filter(|_| tells)
                            && collide(layout, doc, &other)?
                        {
                            self.collides(record, id, other_id)?;
                        }
                    }
                    What::Children(at) => {
                        if let Some(referrer) = referrers.get(*at) {
                            let children = &referrer.children;
                            let child = there(r.get(&children.doc_key(place))?)?;
                            let key = children.id_key(meta::id_of(&child)?.as_js());
                            // One that was touched is asked for itself.
                            if referrer.refers(&child, id.as_js())? && !self.touched.has(&key) {
                                self.tell(key, false, vec![id.clone()])?;
                            }
                        }
                    }
                }
                scan.places.pop();
                self.pace.step(r)?;
            }
            if scan.is_read {
                return Ok(());
            }
            let mut cursor = Cursor::new(scan.range.clone(), false);
            cursor.reads_ahead = false;
            let (places, from) = (&mut scan.places, &mut scan.range.from);
            let scanned = r.scan(&mut cursor, false, &mut |key, _| {
                places.push(place_of(key)?);
                *from = after(key);
                Ok(places.len() < PAGE)
            });
            scan.is_read = !scanned?;
        }
    }

    /// Adds one to those with which a document collides.
    fn collides(&mut self, record: &Bytes, id: &JsString, other: JsString) -> Result<()> {
        if let Some(last) = self.found.last_mut()
            && last.is_unique
            && last.record == *record
        {
            if !last.ids.contains(&other) {
                self.held_bytes += other.as_bytes().len() + ITEM_BYTES;
                last.ids.push(other);
            }
            return limits::within("what is broken", self.held_bytes, MAX_CALL_BYTES);
        }
        self.tell(record.clone(), true, vec![id.clone(), other])
    }

    fn tell(&mut self, record: Bytes, is_unique: bool, ids: Vec<JsString>) -> Result<()> {
        let bytes: usize = ids.iter().map(|id| id.as_bytes().len()).sum();
        self.held_bytes += record.len() + bytes + ITEM_BYTES;
        limits::within("what is broken", self.held_bytes, MAX_CALL_BYTES)?;
        self.found.push(Violation {
            record,
            is_unique,
            ids,
        });
        Ok(())
    }
}

/// Of each field that refers to what is not there, the ids that are missing.
fn missing(r: &mut dyn Reads, kept: &Kept, doc: &[u8]) -> Attempt<Vec<Vec<JsString>>> {
    let mut missing = Vec::new();
    for parent in kept.all_parents(doc) {
        match parent {
            Ok(parent) if r.contains(&parent.key)? => {}
            Ok(parent) => missing.push(vec![parent.id]),
            // What it has is no id.
            Err(error) if error.code() == Code::ConstraintViolation => missing.push(Vec::new()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(missing)
}

fn broken() -> Error {
    Error::corrupt("a stored key is malformed")
}
