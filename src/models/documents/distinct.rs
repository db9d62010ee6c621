//! The different values of a field.

use bytes::Bytes;
use std::rc::Rc;

use super::draft::stored;
use super::leap::Leap;
use super::sort::{By, Keep, Part, Sorter};
use super::values::Values;
use super::{Collection, Find, FindSpec, Out};
use crate::codec::js_string::JsString;
use crate::codec::order::Order;
use crate::codec::value::Form;
use crate::engine::access::{Attempt, Reads};
use crate::limits::{self, ITEM_BYTES, MAX_CALL_BYTES};
use crate::models::pace::Pace;
use crate::models::query::{Path, Query};

/// Finds the different values of a field; of equal ones the earliest document's.
pub struct Distinct {
    collection: Collection,
    field: JsString,
    query: Query,
    looking: Looking,
    path: Path,
    values: Values,
    /// As they are stored, and what their trees take in memory; by their numbers.
    stored: Vec<(Bytes, usize)>,
    held_bytes: usize,
    sorting: Option<Sorting>,
    pace: Pace,
}

/// Where the values come from.
enum Looking {
    /// It is not known yet.
    Start,
    /// The documents that match.
    Match(Box<Find>),
    /// Entries of an index that has the field alone.
    Leap(Box<Leap>),
}

/// All are found.
struct Sorting {
    left: Box<dyn Iterator<Item = (Order, Part, Bytes)>>,
    sorter: Sorter,
}

impl Distinct {
    /// Begins to look, in the documents that match.
    #[must_use]
    pub fn new(collection: &Collection, field: &JsString, query: Query) -> Self {
        Self {
            collection: collection.clone(),
            field: field.clone(),
            query,
            looking: Looking::Start,
            path: Path::from(field),
            values: Values::default(),
            stored: Vec::new(),
            held_bytes: 0,
            sorting: None,
            pace: Pace::default(),
        }
    }

    /// Hands every value to `out`, ascending. Runs until it does not stop.
    ///
    /// # Errors
    /// A stop; `LimitExceeded` for a value that is too large to be compared with many, and for too many. What `out` fails
    /// with.
    pub fn step(&mut self, r: &mut dyn Reads, out: &mut Out<'_>) -> Attempt<()> {
        if self.sorting.is_none() {
            self.look(r)?;
        }
        let (values, stored) = (&mut self.values, &mut self.stored);
        let Sorting { left, sorter } = self
            .sorting
            .get_or_insert_with(|| Sorting::new(values, stored));
        for (place, part, stored) in left {
            sorter.add_with(vec![part], place, &stored)?;
            self.pace.step(r)?;
        }
        while let Some(item) = sorter.pop() {
            out(&item.doc)?;
            self.pace.step(r)?;
        }
        Ok(())
    }

    fn look(&mut self, r: &mut dyn Reads) -> Attempt<()> {
        if let Looking::Start = &self.looking {
            self.looking = match Leap::of(&self.collection, &self.field, &self.query, r)? {
                Some(leap) => Looking::Leap(Box::new(leap)),
                None => {
                    let query = self.query.clone();
                    let find = Find::new(&self.collection, query, FindSpec::default());
                    Looking::Match(Box::new(find))
                }
            };
        }
        let (path, values, held_bytes) = (&self.path, &mut self.values, &mut self.held_bytes);
        let all = &mut self.stored;
        let mut take = |doc: &[u8]| {
            let found = path.find(Form::of(doc)?)?;
            let Some(found) = found.filter(|found| !found.is_undefined()) else {
                return Ok(());
            };
            let part = Part::of(found, "a value of the field")?;
            let tree_bytes = part.held_bytes();
            let exact = matches!(found, Form::Exact(_));
            if values.add(part.value).1 {
                let value = stored(exact, found.as_bytes());
                *held_bytes += ITEM_BYTES + value.len() + tree_bytes;
                limits::within("the different values", *held_bytes, MAX_CALL_BYTES)?;
                all.push((value, tree_bytes));
            }
            Ok(())
        };
        match &mut self.looking {
            Looking::Match(find) => find.step(r, &mut take),
            Looking::Leap(leap) => leap.step(&self.collection, r, &mut take),
            Looking::Start => Ok(()),
        }
    }
}

impl Sorting {
    fn new(values: &mut Values, stored: &mut Vec<(Bytes, usize)>) -> Self {
        let all = values.take().into_iter().zip(std::mem::take(stored));
        let part = |(slot, (value, (stored, bytes)))| {
            (Order { frame: 0, slot }, Part::new(value, bytes), stored)
        };
        Self {
            left: Box::new((0..).zip(all).map(part)),
            sorter: Sorter::new(Rc::new(By::new(&[])), Keep::All),
        }
    }
}
