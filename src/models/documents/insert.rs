//! New documents.

use bytes::Bytes;

use super::meta::{self, Times};
use super::sequences::Numbers;
use super::unique::End;
use super::{Collection, Ids};
use crate::codec::js_string::{JsStr, JsString};
use crate::codec::value::Form;
use crate::engine::access::{Attempt, Writes};
use crate::error::{Code, Error, Result};
use crate::models::contents::{self, Missing};
use crate::models::many::{Many, shorten};
use crate::models::names::check_key;
use crate::models::pace::Pace;

/// A document made ready to be inserted.
#[derive(Debug, Clone)]
pub struct NewDoc {
    id: JsString,
    given: bool,
    stored: Bytes,
}

impl NewDoc {
    /// Makes the document out of a stored object: takes its `_id` (a string; or none, or
    /// `undefined`: then one is made up), and sets `_created` and `_updated`.
    ///
    /// # Errors
    /// `InvalidArgument` when it is no plain object or its `_id` is no string, or too long.
    pub fn prepare(
        stored: &[u8],
        now_ms: f64,
        ids: &mut Ids,
        random: &mut dyn FnMut(&mut [u8]),
    ) -> Result<Self> {
        Self::made(Form::of(stored)?, Times::now(now_ms), ids, random)
    }

    /// The same with the `_created` and `_updated` that the object has; what it lacks of them is set.
    ///
    /// # Errors
    /// Those of [`NewDoc::prepare`]; `InvalidArgument` where a time is no whole number from 0 on.
    pub fn restore(
        stored: &[u8],
        now_ms: f64,
        ids: &mut Ids,
        random: &mut dyn FnMut(&mut [u8]),
    ) -> Result<Self> {
        let object = Form::of(stored)?;
        Self::made(object, Times::given_by(object, now_ms)?, ids, random)
    }

    fn made(
        object: Form<'_>,
        times: Times,
        ids: &mut Ids,
        random: &mut dyn FnMut(&mut [u8]),
    ) -> Result<Self> {
        let found = given_id(object)?;
        let given = found.is_some();
        let id = found.unwrap_or_else(|| ids.make(random));
        let stored = meta::created(object, id.as_js(), times)?;
        Ok(Self { id, given, stored })
    }

    /// Whether its id was given.
    #[must_use]
    pub fn is_given(&self) -> bool {
        self.given
    }

    /// The document as it will be stored.
    #[must_use]
    pub fn stored(&self) -> &Bytes {
        &self.stored
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> JsStr<'_> {
        self.id.as_js()
    }

    /// Bytes that it will take.
    #[must_use]
    pub fn stored_bytes(&self) -> usize {
        self.stored.len()
    }
}

fn given_id(object: Form<'_>) -> Result<Option<JsString>> {
    if !meta::may_hold_meta(object) {
        return Ok(None);
    }
    let mut fields = meta::given("the document", object)?;
    while let Some((name, value)) = fields.next()? {
        if !name.is_plain("_id") {
            continue;
        }
        if value.is_undefined() {
            return Ok(None);
        }
        let id = value
            .string()?
            .ok_or_else(|| Error::invalid("the document's _id is not a string"))?;
        check_key("the document's _id", id.as_js())?;
        return Ok(Some(id));
    }
    Ok(None)
}

/// Inserts documents: all or none. Blind unless an `_id` was given.
pub struct Insert {
    collection: Collection,
    docs: Vec<NewDoc>,
    done: usize,
    /// What unique indexes are asked for when all are written.
    end: End,
    numbers: Numbers,
    pace: Pace,
}

impl Insert {
    /// Inserts `docs` in this order.
    #[must_use]
    pub fn new(collection: &Collection, docs: Vec<NewDoc>) -> Self {
        Self {
            collection: collection.clone(),
            docs,
            done: 0,
            end: End::default(),
            numbers: Numbers::default(),
            pace: Pace::default(),
        }
    }

    /// The documents, in order.
    #[must_use]
    pub fn docs(&self) -> &[NewDoc] {
        &self.docs
    }
}

impl Many for Insert {
    type Done = ();

    /// Runs until it does not stop.
    ///
    /// # Errors
    /// A stop; `Exists` when a given `_id` is in use, or was given twice; `ConstraintViolation` where a unique index
    /// has a value twice, or a document refers to one that is not there.
    fn step(&mut self, w: &mut dyn Writes) -> Attempt<()> {
        if w.is_fresh() {
            self.done = 0;
            self.end.restart();
            // planted: sequence-blind
            self.numbers.restart();
        }
        while let Some(doc) = self.docs.get(self.done) {
            let id_key = self.collection.id_key(doc.id());
            // What stops comes first: a place once taken must not be taken again.
            if doc.given && w.contains(&id_key)? {
                return Err(exists(doc.id()).into());
            }
            // (A number once given must not be given again, either.)
            let citing = contents::look(w, &id_key, &doc.stored, None, Missing::Refused)?;
            let (numbers, end) = (&mut self.numbers, Some(&mut self.end));
            let stored = self.collection.number(w, numbers, &doc.stored)?;
            self.collection.add(w, id_key, &stored, citing, end)?;
            if self.done == 0 {
                self.collection.mark(w);
            }
            self.done += 1;
            self.pace.step(w)?;
        }
        self.numbers.write(w);
        self.end.step(w, &self.collection)
    }

    fn release(&mut self, count: usize) -> bool {
        let more = shorten(&mut self.docs, count);
        self.end.release(count) || more
    }
}

pub(super) fn exists(id: JsStr<'_>) -> Error {
    Error::new(
        Code::Exists,
        format!(
            "a document with the _id \"{}\" already exists",
            id.to_display()
        ),
    )
}
