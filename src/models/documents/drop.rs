//! Removing a collection.

use super::cascade::Cascade;
use super::referrers::{self, Referrer};
use super::{Collection, definition};
use crate::codec::js_string::JsString;
use crate::codec::tuple;
use crate::engine::access::{Attempt, Cursor, Writes};
use crate::error::{Code, Error};
use crate::limits::{self, ITEM_BYTES, MAX_CALL_BYTES};
use crate::models::op_log::journal::Removal;
use crate::models::pace::Pace;
use std::rc::Rc;

/// Removes a collection, its documents, its indexes and its definition. Blind, unless writes are logged, or documents of other
/// collections may refer to its own.
pub struct Drop {
    collection: Collection,
    may_forget: bool,
    removal: Removal,
    /// The ids of its documents, where others may refer to them.
    ids: Vec<JsString>,
    held_bytes: usize,
    cursor: Option<Cursor>,
    is_read: bool,
    /// So many of them were told to the cascade.
    told: usize,
    cascade: Cascade,
    pace: Pace,
    begun: bool,
}

impl Drop {
    /// Of this collection, at a wall time in ms since the epoch.
    #[must_use]
    pub fn new(collection: &Collection, now_ms: f64) -> Self {
        Self {
            removal: Removal::of(vec![collection.all_ids()]),
            collection: collection.clone(),
            may_forget: true,
            ids: Vec::new(),
            held_bytes: 0,
            cursor: None,
            is_read: false,
            told: 0,
            cascade: Cascade::new(now_ms),
            pace: Pace::default(),
            begun: false,
        }
    }

    /// The same, refused where something is defined of it.
    #[must_use]
    pub fn of_the_undefined(self) -> Self {
        Self {
            may_forget: false,
            ..self
        }
    }

    /// Reads the ids, if others may refer to them.
    fn read(&mut self, w: &mut dyn Writes) -> Attempt<()> {
        let own = &self.collection.defined;
        let referrers = referrers::of(w, &self.collection)?;
        let others =
            |referrers: &Rc<Vec<Referrer>>| referrers.iter().any(|it| it.children.defined != own);
        if self.is_read || !referrers.as_ref().is_some_and(others) {
            return Ok(());
        }
        let all = || Cursor::new(self.collection.all_ids(), false);
        let cursor = self.cursor.get_or_insert_with(all);
        let (of, ids, held_bytes) = (&self.collection, &mut self.ids, &mut self.held_bytes);
        w.scan(cursor, false, &mut |key, _| {
            *held_bytes += key.len() + ITEM_BYTES;
            limits::within("what is removed", *held_bytes, MAX_CALL_BYTES)?;
            let id = of.id_of_entry(key);
            ids.push(id.ok_or_else(|| Error::corrupt("the key of an id is malformed"))?);
            Ok(true)
        })?;
        (self.is_read, self.cursor) = (true, None);
        Ok(())
    }

    /// Runs until it does not stop.
    ///
    /// # Errors
    /// A stop; `AccessDenied`; `ConstraintViolation` where documents of other collections refer to its own; `LimitExceeded`.
    pub fn step(&mut self, w: &mut dyn Writes) -> Attempt<()> {
        if w.is_fresh() {
            (self.begun, self.is_read, self.told, self.held_bytes) = (false, false, 0, 0);
            self.ids.clear();
            self.cursor = None;
            self.cascade.restart();
        }
        if !self.begun {
            let kept = self.collection.kept(w)?;
            if kept.is_some() && !self.may_forget {
                let message =
                    "dropping a collection that has indexes or a definition is not granted";
                return Err(Error::new(Code::AccessDenied, message).into());
            }
            self.removal.read(w)?;
            self.read(w)?;
            let Collection { ids, marker, .. } = &self.collection;
            w.delete_range(self.collection.all());
            w.delete_range(tuple::range_within(ids.clone()));
            w.delete(marker.clone());
            if let Some(kept) = kept {
                definition::forget(w, &self.collection.defined, &kept.definition);
            }
            self.begun = true;
        }
        self.removal.note(w)?;
        // (What is defined of it has gone: of itself nothing is asked.)
        while let Some(id) = self.ids.get(self.told) {
            self.cascade.add(w, &self.collection, &|| Ok(id.clone()))?;
            self.told += 1;
            self.pace.step(w)?;
        }
        self.cascade.step(w)
    }
}
