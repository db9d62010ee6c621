//! Sequences: fields that are numbered at insertion.
//!
//! ```text
//! 23 scope collection · string path · the sort key of the value of `per` (00: on its own for nothing) → varint the last number
//! ```
//!
//! A counter is read and written in the call that numbers, so that two tabs never give one number, and a call that fails
//! leaves no gap.

use bytes::Bytes;

use super::definition::{Sequence, flag};
use super::draft::{stored, time, within};
use super::meta::in_form;
use crate::codec::io::{put_varint, varint_in};
use crate::codec::sort_key::SortKey;
use crate::codec::value::Form;
use crate::engine::access::{Attempt, Writes};
use crate::error::{Code, Error, Result};
use crate::models::keys;
use crate::models::query::Path;
use crate::sorted::SortedMap;

/// The greatest number that JavaScript holds exactly.
const MAX_NUMBER: u64 = (1 << 53) - 1;
/// Counters that are held until they are written.
const HELD: usize = 1024;

/// A field that is numbered.
#[derive(Debug, Clone)]
pub struct Numbered {
    path: Path,
    per: Option<Path>,
    /// What the keys of its counters begin with.
    counters: Bytes,
    is_building: bool,
}

/// The last number, and whether it is still to be written.
#[derive(Debug, Clone, Copy)]
struct Counter {
    last: u64,
    is_changed: bool,
}

/// The counters of a call.
#[derive(Debug, Default)]
pub struct Numbers {
    counters: SortedMap<Bytes, Counter>,
}

impl Numbered {
    /// That of a sequence, by the key of its collection's definition.
    pub fn new(key: &[u8], sequence: &Sequence) -> Self {
        let prefix = [&[keys::SEQUENCE], key.get(1..).unwrap_or_default()].concat();
        Self {
            counters: keys::with_string(&prefix, sequence.field.as_js()),
            path: Path::from(&sequence.field),
            per: sequence.per.as_ref().map(Path::from),
            is_building: sequence.flags & flag::BUILDING != 0,
        }
    }

    fn counter(&self, doc: Form<'_>) -> Result<Bytes> {
        let per = self.per.as_ref().map(|per| per.find(doc)).transpose()?;
        let component = SortKey::of(per.flatten())?;
        Ok([&self.counters[..], &component.bytes].concat().into())
    }

    /// A document with a value at the path.
    fn put(&self, doc: &[u8], value: Option<&[u8]>) -> Result<Bytes> {
        let form = Form::of(doc)?;
        match self.path.put(form, value)? {
            Some(node) => {
                within(node.len())?;
                Ok(stored(matches!(form, Form::Exact(_)), &node))
            }
            None => {
                Err(self.refused("is numbered, but something else than an object is in the way"))
            }
        }
    }

    fn put_number(&self, doc: &[u8], number: u64) -> Result<Bytes> {
        let exact = matches!(Form::of(doc)?, Form::Exact(_));
        self.put(doc, Some(&time(exact, number as f64)?))
    }

    fn refused(&self, what: &str) -> Error {
        let field = self.path.whole().text().to_display();
        let message = format!("the document's \"{field}\" {what}");
        Error::new(Code::ConstraintViolation, message)
    }

    /// The new document with what the old one has in this field.
    fn kept(&self, old: &[u8], new: Bytes) -> Result<Bytes> {
        let there = |value: Option<Form<'_>>| value.is_some_and(|value| !value.is_undefined());
        let (had, has) = (
            self.path.find(Form::of(old)?)?,
            self.path.find(Form::of(&new)?)?,
        );
        match had.filter(|had| !had.is_undefined()) {
            None if there(has) => self.put(&new, None),
            None => Ok(new),
            Some(had) => {
                let exact = matches!(Form::of(&new)?, Form::Exact(_));
                let node = match (number_of(had)?, had) {
                    (Some(number), _) => time(exact, number as f64)?,
                    // What no number is came from elsewhere: where the forms allow it, it stays as well.
                    (None, Form::Exact(_)) if !exact => return Ok(new),
                    (None, had) => in_form(had, exact)?.into_owned(),
                };
                if has.is_some_and(|has| has.as_bytes() == node) {
                    return Ok(new);
                }
                self.put(&new, Some(&node))
            }
        }
    }
}

/// A positive whole number, if a value is one.
fn number_of(value: Form<'_>) -> Result<Option<u64>> {
    let number = value.number()?;
    let whole = number.filter(|number| number.fract() == 0.0 && *number >= 1.0);
    Ok(whole
        .map(|number| number as u64)
        .filter(|number| *number <= MAX_NUMBER))
}

/// The new document with the numbers of the old one.
///
/// # Errors
/// `Corrupt`; `ConstraintViolation` where there is no place for them.
pub fn kept(numbered: &[Numbered], old: &[u8], mut new: Bytes) -> Result<Bytes> {
    for one in numbered.iter().filter(|one| !one.is_building) {
        new = one.kept(old, new)?;
    }
    Ok(new)
}

impl Numbers {
    /// Forgets what an earlier run has counted.
    pub fn restart(&mut self) {
        *self = Self::default();
    }

    /// A new document with its numbers.
    ///
    /// # Errors
    /// A stop, and nothing has been counted; `ConstraintViolation` for a given value that is no number.
    pub fn number(
        &mut self,
        w: &mut dyn Writes,
        numbered: &[Numbered],
        doc: &Bytes,
    ) -> Attempt<Bytes> {
        self.counted(w, numbered, doc, true)
    }

    /// Moves the counters to the numbers that a document of another device has.
    ///
    /// # Errors
    /// A stop, and nothing has been counted.
    pub fn follow(
        &mut self,
        w: &mut dyn Writes,
        numbered: &[Numbered],
        doc: &Bytes,
    ) -> Attempt<()> {
        self.counted(w, numbered, doc, false).map(drop)
    }

    fn counted(
        &mut self,
        w: &mut dyn Writes,
        numbered: &[Numbered],
        doc: &Bytes,
        is_own: bool,
    ) -> Attempt<Bytes> {
        let mut doc = doc.clone();
        let mut moved = Vec::with_capacity(numbered.len());
        for one in numbered {
            let numbers = is_own && !one.is_building;
            let form = Form::of(&doc)?;
            let given = one.path.find(form)?;
            let given = given.filter(|value| !value.is_undefined());
            let number = given.map(number_of).transpose()?.flatten();
            match (number, given) {
                (None, Some(_)) if numbers => {
                    let what = "is numbered: what is given for it is a positive whole number";
                    return Err(one.refused(what).into());
                }
                (None, _) if !numbers => continue,
                _ => {}
            }
            let key = one.counter(form)?;
            let last = self.last(w, &key)?;
            let number = match number {
                Some(number) => number,
                None if last < MAX_NUMBER => {
                    doc = one.put_number(&doc, last + 1)?;
                    last + 1
                }
                None => {
                    let message = "the numbers of a sequence are used up";
                    return Err(Error::new(Code::LimitExceeded, message).into());
                }
            };
            if number > last {
                moved.push((key, number));
            }
        }
        for (key, last) in moved {
            let is_changed = true;
            self.counters.insert(key, Counter { last, is_changed });
        }
        Ok(doc)
    }

    fn last(&mut self, w: &mut dyn Writes, key: &Bytes) -> Attempt<u64> {
        if let Some(counter) = self.counters.get(key) {
            return Ok(counter.last);
        }
        let last = match w.get(key)? {
            None => 0,
            Some(stored) => varint_in(&stored)
                .filter(|(last, bytes)| *bytes == stored.len() && *last <= MAX_NUMBER)
                .map(|(last, _)| last)
                .ok_or_else(|| Error::corrupt("the last number of a sequence is malformed"))?,
        };
        if self.counters.len() >= HELD {
            self.write(w);
            self.counters = SortedMap::default();
        }
        let is_changed = false;
        self.counters
            .insert(key.clone(), Counter { last, is_changed });
        Ok(last)
    }

    /// Writes those that have moved.
    pub fn write(&mut self, w: &mut dyn Writes) {
        self.counters.retain(|key, counter| {
            if std::mem::take(&mut counter.is_changed) {
                let mut value = Vec::new();
                put_varint(&mut value, counter.last);
                w.put(key.clone(), value.into());
            }
            true
        });
    }
}
