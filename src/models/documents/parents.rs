//! References: whether the documents that a call refers to are there.
//!
//! What was asked is part of what the call has read: another tab that deletes a parent meanwhile is a conflict. Only values that
//! a call has put are asked, so that what another device has broken stands.

use bytes::Bytes;

use super::definition::{Definition, Reference, flag};
use super::marks::{self, Mark};
use super::meta;
use crate::codec::js_string::JsString;
use crate::codec::value::Form;
use crate::codec::value::exact::tag;
use crate::engine::access::{Attempt, Writes};
use crate::error::{Code, Error, Result};
use crate::limits::{self, ITEM_BYTES, MAX_CALL_BYTES};
use crate::models::keys;
use crate::models::many::shorten;
use crate::models::names::check_key;
use crate::models::pace::Pace;
use crate::models::query::Path;
use crate::sorted::SortedMap;

/// Parents that are remembered to have been asked for.
const REMEMBERED: usize = 1024;

/// A field that names documents of another collection.
#[derive(Debug, Clone)]
pub struct Refers {
    /// Where the ids of the other collection lie.
    ids: Bytes,
    collection: JsString,
    path: Path,
    /// The number of its index.
    pub index: u64,
    /// The build that has to fail where a parent is missing, while there is one.
    build: Option<u64>,
}

/// A document that has to be there, and why.
#[derive(Debug)]
pub struct Parent {
    /// The key of its id.
    pub key: Bytes,
    /// Its id.
    pub id: JsString,
    collection: JsString,
    field: JsString,
    /// The document that refers to it.
    pub child: JsString,
    build: Option<u64>,
}

impl Refers {
    /// That of a reference, by the key of its collection's definition: a parent that is missing is refused.
    pub fn new(key: &[u8], reference: &Reference) -> Self {
        let scope = keys::scope_bytes(key).unwrap_or_default();
        let ids = [&[keys::ID], scope].concat();
        Self {
            ids: keys::with_string(&ids, reference.collection.as_js()),
            collection: reference.collection.clone(),
            path: Path::from(&reference.field),
            index: reference.index,
            build: None,
        }
    }

    /// The same in a definition; while it is being built there, a parent that is missing has the build fail instead.
    pub fn of_definition(key: &[u8], definition: &Definition, reference: &Reference) -> Self {
        let is_building = reference.flags & flag::BUILDING != 0;
        Self {
            build: definition.build.filter(|_| is_building),
            ..Self::new(key, reference)
        }
    }

    /// What has to be there for a stored document; nothing, where it refers to nothing.
    ///
    /// # Errors
    /// `Corrupt`; `ConstraintViolation` for a value that is no id.
    pub fn parent(&self, doc: &[u8]) -> Result<Option<Parent>> {
        let value = match self.path.find(Form::of(doc)?)? {
            Some(value) if !value.is_undefined() && !is_null(value) => value,
            _ => return Ok(None),
        };
        let child = meta::id_of(doc)?;
        let field = self.path.whole().text();
        let id = value.string()?;
        let Some(id) = id.filter(|id| check_key("", id.as_js()).is_ok()) else {
            let message = format!(
                "the document \"{}\" has in \"{}\", which names documents of \"{}\", what is no id",
                child.as_js().to_display(),
                field.to_display(),
                self.collection.as_js().to_display(),
            );
            let error = Error::new(Code::ConstraintViolation, message);
            return Err(error.with_ids(vec![child.into_bytes()]));
        };
        Ok(Some(Parent {
            key: keys::with_string(&self.ids, id.as_js()),
            id,
            collection: self.collection.clone(),
            field: field.to_owned(),
            child,
            build: self.build,
        }))
    }
}

fn is_null(value: Form<'_>) -> bool {
    matches!(value, Form::Json(b"null") | Form::Exact([tag::NULL]))
}

impl Parent {
    /// Asks whether it is there. A call that has still to put the document under `own` counts that as there.
    ///
    /// # Errors
    /// A stop; `ConstraintViolation`.
    pub fn step(&self, w: &mut dyn Writes, own: Option<&[u8]>) -> Attempt<()> {
        if own == Some(&self.key[..]) || w.contains(&self.key)? {
            return Ok(());
        }
        if let Some(build) = self.build {
            marks::put(
                w,
                build,
                Mark::Reference,
                self.child.as_js(),
                self.id.as_js(),
            );
            return Ok(());
        }
        let message = format!(
            "the document \"{}\" refers by \"{}\" to \"{}\", which is no document of \"{}\"",
            self.child.as_js().to_display(),
            self.field.as_js().to_display(),
            self.id.as_js().to_display(),
            self.collection.as_js().to_display(),
        );
        let error = Error::new(Code::ConstraintViolation, message);
        Err(error.with_ids(vec![self.id.as_bytes().to_vec()]).into())
    }
}

/// What a call of many documents refers to, to be asked at its end.
#[derive(Debug, Default)]
pub struct Parents {
    asked: Vec<Parent>,
    known: SortedMap<Bytes, ()>,
    held_bytes: usize,
    done: usize,
    pace: Pace,
}

impl Parents {
    /// Lets go of about so many; whether there are more.
    pub fn release(&mut self, count: usize) -> bool {
        shorten(&mut self.asked, count)
    }

    /// Notes what a document refers to.
    ///
    /// # Errors
    /// `LimitExceeded`.
    pub fn add(&mut self, parents: Vec<Parent>) -> Result<()> {
        for parent in parents {
            if self.known.len() >= REMEMBERED {
                self.known = SortedMap::default();
            }
            if self.known.insert(parent.key.clone(), ()).is_some() {
                continue;
            }
            self.held_bytes += 2 * parent.key.len() + parent.child.as_bytes().len() + ITEM_BYTES;
            limits::within("what is written at once", self.held_bytes, MAX_CALL_BYTES)?;
            self.asked.push(parent);
        }
        Ok(())
    }

    /// Asks. Runs until it does not stop.
    ///
    /// # Errors
    /// As [`Parent::step`].
    pub fn step(&mut self, w: &mut dyn Writes) -> Attempt<()> {
        while let Some(parent) = self.asked.get(self.done) {
            parent.step(w, None)?;
            self.done += 1;
            self.pace.step(w)?;
        }
        Ok(())
    }
}
