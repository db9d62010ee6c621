//! Documents that are read, changed and written in one piece.

use bytes::Bytes;

use super::cascade::Cascade;
use super::checks::{self, Checked, checked};
use super::definition::{Index, flag};
use super::insert::exists;
use super::meta::{self, Times};
use super::sequences::Numbers;
use super::{Changes, Collection, NewDoc, unique};
use crate::codec::js_string::{JsStr, JsString};
use crate::codec::value::Form;
use crate::engine::access::{Attempt, Writes};
use crate::error::{Error, Result};
use crate::models::contents::{self, Missing};
use crate::models::names::check_key;

/// Gets the stored document, if there is one, and gives the stored object to put in its place, or nothing.
pub type Change<'a> = dyn FnMut(Option<&Bytes>) -> Result<Option<Bytes>> + 'a;

/// What an upsert came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upserted {
    /// The id of the document.
    pub id: JsString,
    /// Whether it was not there before.
    pub inserted: bool,
}

impl Collection {
    /// Reads a document, lets `change` decide, and stores what it gives as [`Collection::replace`] does; `None` deletes
    /// it or leaves it absent. Returns the new document. `change` is called once in every attempt that has the old one.
    ///
    /// # Errors
    /// A stop; what `change` fails with, and nothing is written; `InvalidArgument` when it gives no plain object, or
    /// for too long an id.
    pub fn modify(
        &self,
        w: &mut dyn Writes,
        id: JsStr<'_>,
        now_ms: f64,
        change: &mut Change<'_>,
        cascade: &mut Cascade,
    ) -> Attempt<Option<Bytes>> {
        check_key("the id", id)?;
        if cascade.has_begun(w) {
            cascade.step(w)?;
            return Ok(None);
        }
        let id_key = self.id_key(id);
        let Some((order, old)) = self.place_of(w, &id_key)? else {
            let Some(object) = change(None)? else {
                return Ok(None);
            };
            let doc = meta::created(Form::of(&object)?, id, Times::now(now_ms))?;
            return Ok(Some(self.add_new(w, id_key, &doc)?));
        };
        let Some(object) = change(Some(&old))? else {
            self.take_away(w, id_key, order)?;
            cascade.begin();
            cascade.add(w, self, &|| Ok(id.to_owned()))?;
            cascade.step(w)?;
            return Ok(None);
        };
        let doc = self.keep_numbers(w, &old, meta::replaced(&old, &object, now_ms)?)?;
        self.put_over(w, &id_key, order, &old, &doc, None)?;
        Ok(Some(doc))
    }

    /// Adds one document, with its numbers; as it is stored.
    fn add_new(&self, w: &mut dyn Writes, id_key: Bytes, doc: &Bytes) -> Attempt<Bytes> {
        let citing = contents::look(w, &id_key, doc, None, Missing::Refused)?;
        let mut numbers = Numbers::default();
        let doc = self.number(w, &mut numbers, doc)?;
        self.add(w, id_key, &doc, citing, None)?;
        self.mark(w);
        numbers.write(w);
        Ok(doc)
    }

    /// Changes a document. False when there is no such document.
    ///
    /// # Errors
    /// A stop; `InvalidArgument` when the changes are no plain object or the id too long; what `checks` refuse it for.
    pub fn update(
        &self,
        w: &mut dyn Writes,
        id: JsStr<'_>,
        changes: &Changes,
        checks: &mut Checked,
    ) -> Attempt<bool> {
        self.rewrite(w, id, &mut |old| {
            let doc = checked(checks, changes.apply(old)?)?;
            checks::end(checks)?;
            Ok(doc)
        })
    }

    /// Merges a document into the one that has its id, or the same values in the fields `on`, or inserts it.
    ///
    /// # Errors
    /// A stop; `InvalidArgument` when `on` names fields over which there is no unique index; `Exists` where the document
    /// found by `on` is another one than that of the `_id`; what `checks` refuse it for.
    pub fn upsert(
        &self,
        w: &mut dyn Writes,
        doc: &NewDoc,
        on: &[JsString],
        now_ms: f64,
        checks: &mut Checked,
    ) -> Attempt<Upserted> {
        let same = match on {
            [] => doc.is_given().then(|| doc.id().to_owned()),
            on => same_by_index(w, self, on, doc)?,
        };
        let (id, old) = match same {
            Some(id)
                if doc.is_given()
                    && id.as_js() != doc.id()
                    && w.contains(&self.id_key(doc.id()))? =>
            {
                return Err(exists(doc.id()).into());
            }
            Some(id) => {
                let old = self.place_of(w, &self.id_key(id.as_js()))?;
                (id, old)
            }
            // It is a new one, but what it gives as its id may be in use.
            None if doc.is_given() && w.contains(&self.id_key(doc.id()))? => {
                return Err(exists(doc.id()).into());
            }
            None => (doc.id().to_owned(), None),
        };
        let id_key = self.id_key(id.as_js());
        let candidate = match &old {
            Some((_, old)) => Changes::new(doc.stored().clone(), now_ms).apply(old)?,
            None => doc.stored().clone(),
        };
        let kept = |w: &mut dyn Writes, doc| match &old {
            Some((_, old)) => self.keep_numbers(w, old, doc),
            None => Ok(doc),
        };
        let candidate = kept(w, candidate)?;
        let stored = kept(w, checked(checks, candidate)?)?;
        checks::end(checks)?;
        let inserted = old.is_none();
        match old {
            Some((order, old)) => self.put_over(w, &id_key, order, &old, &stored, None)?,
            None => {
                self.add_new(w, id_key, &stored)?;
            }
        }
        Ok(Upserted { id, inserted })
    }
}

/// The id of the document that has the same values as `doc` in the fields of a unique index; `None` also where `doc` lacks
/// one of them.
fn same_by_index(
    w: &mut dyn Writes,
    of: &Collection,
    on: &[JsString],
    doc: &NewDoc,
) -> Attempt<Option<JsString>> {
    let kept = of.kept(w)?;
    let is_over = |index: &&Index| {
        let is_unique = index.is(flag::UNIQUE) && !index.is(flag::MULTI) && index.is_listed();
        is_unique && index.fields.len() == on.len() && on.iter().all(|on| index.fields.contains(on))
    };
    let index = kept
        .as_ref()
        .and_then(|kept| kept.definition.indexes.iter().find(is_over));
    let (Some(kept), Some(index)) = (&kept, index) else {
        let names: Vec<_> = on.iter().map(|name| name.as_js().to_display()).collect();
        return Err(Error::invalid(format!(
            "upsert on {} needs a unique index over just these fields",
            names.join(", ")
        ))
        .into());
    };
    let found = unique::same(w, of, kept.layout(index.number)?, doc.stored())?;
    Ok(found.map(|doc| meta::id_of(&doc)).transpose()?)
}
