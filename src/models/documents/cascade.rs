//! What becomes of documents when those go to which they refer.
//!
//! All documents that cascade go first, and those that refer to them, and so on; then the fields of those that are left
//! become null; then whoever is left and still refers to one of the gone refuses it all. Who refers to a document is read
//! from the reference's index, as part of what the call has read: another tab's new child is a conflict.

use bytes::Bytes;
use std::rc::Rc;

use super::collection::there;
use super::definition::OnDelete;
use super::draft::stored;
use super::find::breathe_deep;
use super::index::place_of;
use super::marks::{self, Mark};
use super::referrers::{self, Referrer};
use super::{Collection, meta};
use crate::codec::js_string::{JsStr, JsString};
use crate::codec::order::Order;
use crate::codec::range;
use crate::codec::value::Form;
use crate::codec::value::exact::tag;
use crate::engine::access::{Attempt, Cursor, KeyRange, Reads, Writes};
use crate::error::{Code, Error, Result};
use crate::limits::{self, ITEM_BYTES, MAX_CALL_BYTES};
use crate::models::ahead;
use crate::models::many::shorten;
use crate::models::names::check_key;
use crate::models::pace::Pace;

/// Children that are read at once.
const PAGE: usize = 256;
/// Bytes of documents that are worth a look at the clock.
const PIECE_BYTES: usize = 256 << 10;
/// What a document is worth beside its bytes: it is read, taken apart and put together.
const DOC_BYTES: usize = 8 << 10;

/// A document that has gone, and who refers to its collection.
struct Gone {
    id: JsString,
    referrers: Rc<Vec<Referrer>>,
}

/// What a call has removed, and what comes of it. It goes on where it stopped.
pub struct Cascade {
    now_ms: f64,
    gone: Vec<Gone>,
    held_bytes: usize,
    /// What is being done, to which of the gone, by which of their referrers.
    turn: OnDelete,
    at: usize,
    referrer: usize,
    children: Option<Children>,
    begun: bool,
    piece_bytes: usize,
    pace: Pace,
}

/// Those that refer to one document by one field.
struct Children {
    left: KeyRange,
    is_read: bool,
    /// The keys of their documents, and their places.
    keys: Vec<Bytes>,
    places: Vec<Order>,
    done: usize,
}

impl Children {
    fn new(range: KeyRange) -> Self {
        Self {
            left: range,
            is_read: false,
            keys: Vec::new(),
            places: Vec::new(),
            done: 0,
        }
    }

    /// Sees to it that there is a next one; false: there is none.
    fn page(&mut self, r: &mut dyn Writes, of: &Collection) -> Attempt<bool> {
        while self.done >= self.keys.len() {
            if self.is_read {
                return Ok(false);
            }
            (self.done, self.keys, self.places) = (0, Vec::new(), Vec::new());
            let mut last = None;
            // planted: cascade-unread
            let mut cursor = Cursor::new(self.left.clone(), false);
            cursor.reads_ahead = false;
            let (keys, places) = (&mut self.keys, &mut self.places);
            let scanned = r.scan(&mut cursor, false, &mut |key, _| {
                let place = place_of(key)?;
                last = Some(range::after(key));
                places.push(place);
                keys.push(of.doc_key(place).into());
                Ok(keys.len() < PAGE)
            });
            if let Some(last) = last {
                self.left.from = last;
            }
            self.is_read = !scanned?;
        }
        Ok(true)
    }
}

impl Cascade {
    /// Of a call at a wall time, in ms since the epoch.
    #[must_use]
    pub fn new(now_ms: f64) -> Self {
        // planted: set-null-first
        let turn = OnDelete::Cascade;
        Self {
            now_ms,
            turn,
            gone: Vec::new(),
            held_bytes: 0,
            at: 0,
            referrer: 0,
            children: None,
            begun: false,
            piece_bytes: 0,
            pace: Pace::default(),
        }
    }

    /// Forgets what an earlier run has removed.
    pub fn restart(&mut self) {
        *self = Self::new(self.now_ms);
    }

    /// Lets go of about so many; whether there are more.
    pub fn release(&mut self, count: usize) -> bool {
        shorten(&mut self.gone, count)
    }

    /// Whether this run of the work has removed what it had to.
    pub fn has_begun(&mut self, w: &dyn Writes) -> bool {
        if w.is_fresh() {
            self.restart();
        }
        self.begun
    }

    /// Notes that it has.
    pub const fn begin(&mut self) {
        self.begun = true;
    }

    /// Notes that a document has gone.
    ///
    /// # Errors
    /// `LimitExceeded`; `Corrupt`, `UnsupportedFormat`.
    pub fn add(
        &mut self,
        r: &dyn Reads,
        of: &Collection,
        id: &dyn Fn() -> Result<JsString>,
    ) -> Result<()> {
        let Some(referrers) = referrers::of(r, of)? else {
            return Ok(());
        };
        let id = id()?;
        self.held_bytes += id.as_bytes().len() + ITEM_BYTES;
        limits::within("what is removed", self.held_bytes, MAX_CALL_BYTES)?;
        self.gone.push(Gone { id, referrers });
        Ok(())
    }

    /// Does what has to be done. Runs until it does not stop.
    ///
    /// # Errors
    /// A stop; `ConstraintViolation` where somebody refers to a document that has gone.
    pub fn step(&mut self, w: &mut dyn Writes) -> Attempt<()> {
        loop {
            while let Some(gone) = self.gone.get(self.at) {
                let Some(referrer) = gone.referrers.get(self.referrer) else {
                    (self.at, self.referrer) = (self.at + 1, 0);
                    self.pace.step(w)?;
                    continue;
                };
                // What is not yet true of all documents has its turn last.
                let is_restricting = referrer.build.is_some();
                let turn = if is_restricting {
                    OnDelete::Restrict
                } else {
                    referrer.on_delete
                };
                if turn == self.turn {
                    let (referrers, at) = (gone.referrers.clone(), self.referrer);
                    if let Some(referrer) = referrers.get(at) {
                        self.children_of(w, referrer)?;
                    }
                    self.children = None;
                }
                self.referrer += 1;
            }
            // planted: set-null-first-next
            self.turn = match self.turn {
                OnDelete::Cascade => OnDelete::SetNull,
                OnDelete::SetNull => OnDelete::Restrict,
                OnDelete::Restrict => return Ok(()),
            };
            (self.at, self.referrer) = (0, 0);
        }
    }

    fn children_of(&mut self, w: &mut dyn Writes, referrer: &Referrer) -> Attempt<()> {
        let Some(id) = self.gone.get(self.at).map(|gone| gone.id.clone()) else {
            return Ok(());
        };
        let of = &referrer.children;
        let children = match &mut self.children {
            Some(children) => children,
            none => none.insert(Children::new(referrer.range(id.as_js())?)),
        };
        while children.page(w, of)? {
            let doc = ahead::get(w, &children.keys, children.done)?;
            let doc = there(doc)?;
            let Some(place) = children.places.get(children.done).copied() else {
                return Ok(());
            };
            if referrer.refers(&doc, id.as_js())? {
                let child = meta::id_of(&doc)?;
                let id_key = of.id_key(child.as_js());
                match (referrer.build, self.turn) {
                    (Some(build), _) => {
                        marks::put(w, build, Mark::Reference, child.as_js(), id.as_js());
                    }
                    (None, OnDelete::Restrict) => {
                        return Err(restricted(&id, referrer, &child).into());
                    }
                    (None, OnDelete::SetNull) => {
                        let new = nulled(referrer, &doc, self.now_ms)?;
                        of.put_over(w, &id_key, place, &doc, &new, None)?;
                    }
                    (None, OnDelete::Cascade) => {
                        of.take_from(w, id_key, place, &doc)?;
                        if let Some(referrers) = referrers::of(w, of)? {
                            self.held_bytes += child.as_bytes().len() + ITEM_BYTES;
                            limits::within("what is removed", self.held_bytes, MAX_CALL_BYTES)?;
                            self.gone.push(Gone {
                                id: child,
                                referrers,
                            });
                        }
                    }
                }
            }
            children.done += 1;
            self.piece_bytes += DOC_BYTES + doc.len();
            if self.piece_bytes < PIECE_BYTES {
                self.pace.step(w)?;
            } else {
                self.piece_bytes = 0;
                breathe_deep(w)?;
            }
        }
        Ok(())
    }
}

impl Collection {
    /// Removes a document, and does what follows from that for those that refer to it. False when there is none.
    ///
    /// # Errors
    /// A stop; `ConstraintViolation` where it is referred to; `InvalidArgument` for too long an id.
    pub fn delete(
        &self,
        w: &mut dyn Writes,
        id: JsStr<'_>,
        cascade: &mut Cascade,
    ) -> Attempt<bool> {
        check_key("the id", id)?;
        if !cascade.has_begun(w) {
            let id_key = self.id_key(id);
            let Some(order) = self.order_of(w.get(&id_key)?)? else {
                return Ok(false);
            };
            self.take_away(w, id_key, order)?;
            cascade.begin();
            cascade.add(w, self, &|| Ok(id.to_owned()))?;
        }
        cascade.step(w)?;
        Ok(true)
    }
}

/// A document with null where it referred to another.
fn nulled(referrer: &Referrer, doc: &[u8], now_ms: f64) -> Result<Bytes> {
    let form = Form::of(doc)?;
    let exact = matches!(form, Form::Exact(_));
    let null: &[u8] = if exact { &[tag::NULL] } else { b"null" };
    // (There is something at the path, so nothing is in the way.)
    let node = referrer.path.put(form, Some(null))?;
    let node = node.ok_or_else(|| Error::internal("a reference has moved"))?;
    meta::replaced(doc, &stored(exact, &node), now_ms)
}

fn restricted(id: &JsString, by: &Referrer, child: &JsString) -> Error {
    let message = format!(
        "the document \"{}\" cannot go: the document \"{}\" of \"{}\" refers to it by \"{}\"",
        id.as_js().to_display(),
        child.as_js().to_display(),
        by.name.as_js().to_display(),
        by.path.whole().text().to_display(),
    );
    let ids = vec![id.as_bytes().to_vec(), child.as_bytes().to_vec()];
    Error::new(Code::ConstraintViolation, message).with_ids(ids)
}
