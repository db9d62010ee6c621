//! Unique indexes: whether the values that a call puts are those of one document each.
//!
//! What was asked is part of what the call has read: another tab's document of the same values is a conflict. A document in which
//! one of the fields is absent, undefined or null collides with none. Values whose keys are cut are compared themselves.

use bytes::Bytes;

use super::index::{ELEMENT, Entries, Layout, WHOLE, place_of};
use super::kept::{Asked, Changed, Kept};
use super::marks::{self, Mark};
use super::parents::Parents;
use super::{Collection, meta};
use crate::codec::kinds::sort;
use crate::codec::order::{ORDER_BYTES, Order};
use crate::codec::tuple;
use crate::codec::value::compare::equal;
use crate::codec::value::{Form, Value};
use crate::engine::access::{Attempt, Cursor, Writes};
use crate::error::{Code, Error, Result};
use crate::limits::{self, ITEM_BYTES, MAX_CALL_BYTES};
use crate::models::many::shorten;
use crate::models::pace::Pace;

/// The components of values that collide with none: absent or undefined, and null.
const NO_VALUES: [u8; 2] = [sort::UNDEFINED, sort::NULL];

/// The document that has put it.
pub struct Own<'a> {
    /// Where it lies; `None`: nowhere yet.
    pub place: Option<Order>,
    /// As it will be stored; `None`: as it lies there.
    pub doc: Option<&'a [u8]>,
    /// Whether this is the build of the index, which fails; others mark it, and do not.
    pub builds: bool,
}

impl Asked {
    /// Asks whether no document has these values but `own`. (Others may have them twice: that was said elsewhere, or stands.)
    ///
    /// # Errors
    /// A stop; `ConstraintViolation` with the ids of both.
    pub fn step(
        &self,
        w: &mut dyn Writes,
        of: &Collection,
        kept: &Kept,
        own: &Own<'_>,
    ) -> Attempt<()> {
        let layout = kept.layout(self.number)?;
        let Some((prefixes, is_cut)) = prefixes(layout, &self.key)? else {
            return Ok(());
        };
        let mut places = Vec::new();
        for prefix in prefixes {
            let mut cursor = Cursor::new(tuple::prefix_range(prefix.clone()), false);
            cursor.reads_ahead = false;
            // planted: unique-stale-view
            w.scan(&mut cursor, false, &mut |key, _| {
                let place = place_of(key)?;
                let is_whole = key.len() == prefix.len() + ORDER_BYTES;
                if is_whole && own.place != Some(place) && !places.contains(&place) {
                    places.push(place);
                }
                // (Where keys are cut, the first ones need not be the equal ones.)
                Ok(is_cut || places.is_empty())
            })?;
        }
        if places.is_empty() {
            return Ok(());
        }
        let stored = match (own.doc, own.place) {
            (None, Some(place)) => of.at(w, place)?,
            _ => Bytes::new(),
        };
        let (own, builds) = (own.doc.unwrap_or(&stored), own.builds);
        for place in places {
            let other = of.at(w, place)?;
            if !is_cut || collide(layout, own, &other)? {
                return match self.build(kept).filter(|_| !builds) {
                    Some(build) => {
                        let (a, b) = (meta::id_of(own)?, meta::id_of(&other)?);
                        marks::put(w, build, Mark::Unique, a.as_js(), b.as_js());
                        Ok(())
                    }
                    None => Err(violation(layout, own, &other)?.into()),
                };
            }
        }
        Ok(())
    }
}

impl Asked {
    /// The build that makes the index, while it is not ready.
    fn build(&self, kept: &Kept) -> Option<u64> {
        let index = kept.definition.index(self.number);
        kept.definition
            .build
            .filter(|_| index.is_some_and(|index| !index.is_ready()))
    }
}

/// Where entries of the same values lie, and whether their keys need not tell; `None`: they collide with none.
fn prefixes(layout: &Layout, key: &[u8]) -> Result<Option<(Vec<Bytes>, bool)>> {
    // (As a key with a place: this is how components are read.)
    let with_place = [key, &[0; ORDER_BYTES]].concat();
    let mut rest = layout.components(&with_place)?;
    let (mut components, mut is_cut) = (Vec::new(), false);
    while !rest.is_empty() {
        let component;
        (component, rest) = layout.first(rest)?;
        if NO_VALUES.iter().any(|none| component.bytes == [*none]) {
            return Ok(None);
        }
        is_cut |= component.is_cut;
        components.push(component.bytes);
    }
    if !layout.is_multi() {
        return Ok(Some((vec![Bytes::copy_from_slice(key)], is_cut)));
    }
    // An element of one document is the whole value of another.
    let of = |element: usize| {
        let mut key = layout.prefix().to_vec();
        for (at, component) in components.iter().enumerate() {
            key.push(if at == element { ELEMENT } else { WHOLE });
            key.extend_from_slice(component);
        }
        Bytes::from(key)
    };
    Ok(Some(((0..=components.len()).map(of).collect(), is_cut)))
}

/// Whether two documents have an entry of equal values.
pub(super) fn collide(layout: &Layout, a: &[u8], b: &[u8]) -> Result<bool> {
    for path in layout.paths() {
        let values = |doc| -> Result<Vec<Value>> {
            let Some(found) = path.find(Form::of(doc)?)? else {
                return Ok(Vec::new());
            };
            Ok(match Value::of_form(found)? {
                Value::Array(items) if layout.is_multi() && !items.is_empty() => {
                    let whole = Value::Array(items.clone());
                    items.into_iter().chain([whole]).collect()
                }
                value => vec![value],
            })
        };
        let (a, b) = (values(a)?, values(b)?);
        if !a.iter().any(|a| b.iter().any(|b| equal(a, b))) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn violation(layout: &Layout, a: &[u8], b: &[u8]) -> Result<Error> {
    let names: Vec<_> = layout
        .paths()
        .iter()
        .map(|path| path.whole().text().to_display().to_string())
        .collect();
    let (a, b) = (meta::id_of(a)?, meta::id_of(b)?);
    let message = format!(
        "the documents \"{}\" and \"{}\" have the same {}, which is unique",
        a.as_js().to_display(),
        b.as_js().to_display(),
        names.join(", ")
    );
    Ok(Error::new(Code::ConstraintViolation, message)
        .with_ids(vec![a.as_bytes().to_vec(), b.as_bytes().to_vec()]))
}

/// What a call of many documents has put into unique indexes, to be asked at its end.
#[derive(Debug, Default)]
pub struct End {
    asked: Vec<(Asked, Order)>,
    /// The documents to which it refers.
    pub parents: Parents,
    held_bytes: usize,
    done: usize,
    builds: bool,
    pace: Pace,
}

impl End {
    /// Of a call that makes the indexes themselves.
    #[must_use]
    pub fn of_build() -> Self {
        Self {
            builds: true,
            ..Self::default()
        }
    }

    /// Forgets what an earlier run has put.
    pub fn restart(&mut self) {
        *self = Self::default();
    }

    /// Lets go of about so many; whether there are more.
    pub fn release(&mut self, count: usize) -> bool {
        let more = self.parents.release(count);
        shorten(&mut self.asked, count) || more
    }

    /// Writes what changes for a document at a place, and notes what unique indexes are asked for.
    ///
    /// # Errors
    /// `LimitExceeded`.
    pub fn write(&mut self, w: &mut dyn Writes, mut changed: Changed, place: Order) -> Result<()> {
        for asked in std::mem::take(&mut changed.asked) {
            self.held_bytes += asked.key.len() + ITEM_BYTES;
            limits::within("what is written at once", self.held_bytes, MAX_CALL_BYTES)?;
            self.asked.push((asked, place));
        }
        self.parents.add(std::mem::take(&mut changed.parents))?;
        changed.write(w, place);
        Ok(())
    }

    /// Asks. Runs until it does not stop.
    ///
    /// # Errors
    /// As [`Asked::step`].
    pub fn step(&mut self, w: &mut dyn Writes, of: &Collection) -> Attempt<()> {
        let Some(kept) = of.kept(w)? else {
            return Ok(());
        };
        while let Some((asked, place)) = self.asked.get(self.done) {
            let own = Own {
                place: Some(*place),
                doc: None,
                builds: self.builds,
            };
            asked.step(w, of, &kept, &own)?;
            self.done += 1;
            self.pace.step(w)?;
        }
        self.parents.step(w)
    }
}

/// The document that has the same values as another one in the fields of an index which is not `multi`; `None` also where
/// that one lacks a value.
///
/// # Errors
/// A stop.
pub fn same(
    w: &mut dyn Writes,
    of: &Collection,
    layout: &Layout,
    doc: &[u8],
) -> Attempt<Option<Bytes>> {
    let entries = Entries::of(layout, Form::of(doc)?)?;
    let Some(key) = entries.keys().next() else {
        return Ok(None);
    };
    let Some((_, is_cut)) = prefixes(layout, &key)? else {
        return Ok(None);
    };
    let mut cursor = Cursor::new(tuple::prefix_range(key), false);
    cursor.reads_ahead = false;
    while let Some(key) = w.next_key(&mut cursor)? {
        let found = of.at(w, place_of(&key)?)?;
        if !is_cut || collide(layout, &found, doc)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}
