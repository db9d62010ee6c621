//! Finding documents, for JavaScript.

use js_sys::Array;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use super::collect::Collector;
use super::db::{DbPort, patterns_of, query_of, thrown};
use super::outcome::{self, Returned};
use super::range::bound;
use super::strings::received;
use super::values::{self, decode};
use crate::codec::js_string::{JsStr, JsString};
use crate::codec::value::fields::{FieldName, Fields, Items, field};
use crate::codec::value::{Form, Value};
use crate::engine::access::{Session, afresh};
use crate::error::{Error, Result};
use crate::models::Scope;
use crate::models::documents::{
    After, Collection, Distinct, FindSpec, Include, Joined, Mark, explain, places_to_text,
};
use crate::models::query::{Patterns, Query};

#[wasm_bindgen]
impl DbPort {
    /// The documents that match, and behind them, where there are any, the mark of the last one (of `places`: the places
    /// of all). If `wide`, `asked` is an object of the query and what else is asked for: `after`, `include`, `page`, `places`;
    /// else it is the query. `parts`: an object of `sort` (paths, each followed by whether it descends), `skip`, `limit` and
    /// `fields`, as far as they are asked for; or undefined.
    pub fn find(
        &self,
        collection: &str,
        asked: &JsValue,
        wide: bool,
        patterns: Option<Array>,
        parts: &JsValue,
    ) -> Returned {
        let collection = self.collection(collection)?;
        let Asked {
            query,
            spec,
            include,
        } = self.asked(asked, wide, patterns, parts)?;
        let begin = move || {
            let joined = Joined::new(&collection, query.clone(), spec.clone(), &include);
            Ok((joined, Collector::default()))
        };
        let found = self.session.read(afresh(begin, |(joined, out), r| {
            joined.step(r, &mut |stored| out.value(stored))?;
            if let Some(mark) = joined.find().mark() {
                let text = match joined.find().places() {
                    Some(places) => places_to_text(places),
                    None => mark.to_text()?,
                };
                out.string(JsStr::from(text.as_str()))?;
            }
            Ok(out.finish()?)
        }));
        outcome::read(found, Ok)
    }

    /// The different values of a field in the documents that match.
    pub fn distinct(
        &self,
        collection: &str,
        field: &str,
        query: &JsValue,
        patterns: Option<Array>,
    ) -> Returned {
        let (collection, query) = (self.collection(collection)?, query_of(query, patterns)?);
        let field = received(field).map_err(thrown)?;
        let begin = move || {
            let distinct = Distinct::new(&collection, &field, query.clone());
            Ok((distinct, Collector::default()))
        };
        let found = self.session.read(afresh(begin, |(distinct, out), r| {
            distinct.step(r, &mut |stored| out.value(stored))?;
            Ok(out.finish()?)
        }));
        outcome::read(found, Ok)
    }

    /// How a query would run: the JSON text of it; `parts` as of [`find`](Self::find).
    pub fn explain(
        &self,
        collection: &str,
        query: &JsValue,
        patterns: Option<Array>,
        parts: &JsValue,
    ) -> Returned {
        let (collection, query) = (self.collection(collection)?, query_of(query, patterns)?);
        let spec = spec_of(parts).map_err(thrown)?;
        let work = self.session.read(Box::new(move |r| {
            Ok(explain(&collection, &query, &spec, r)?)
        }));
        outcome::read(work, |text| decode::parse(text.as_bytes()))
    }
}

/// What a find asks for.
pub(super) struct Asked {
    pub query: Query,
    pub spec: FindSpec,
    pub include: Vec<Include>,
}

impl DbPort {
    /// What is asked for, read as [`find`](Self::find) has it.
    pub(super) fn asked(
        &self,
        asked: &JsValue,
        wide: bool,
        patterns: Option<Array>,
        parts: &JsValue,
    ) -> Result<Asked, JsValue> {
        let read = || {
            let mut asking = Asking {
                patterns: patterns_of(patterns),
                scope: &self.scope,
                asked: Asked {
                    query: Query::all(),
                    spec: spec_of(parts)?,
                    include: Vec::new(),
                },
            };
            let stored = values::stored(asked)?;
            asking.read(Form::of(&stored)?, wide)?;
            Ok(asking.asked)
        };
        read().map_err(thrown)
    }
}

fn spec_of(parts: &JsValue) -> Result<FindSpec> {
    if parts.is_undefined() {
        return Ok(FindSpec::default());
    }
    spec(Form::of(&values::stored(parts)?)?)
}

/// A find whose parts are read one after the other.
struct Asking<'a> {
    patterns: Rc<dyn Patterns>,
    scope: &'a Scope,
    asked: Asked,
}

impl Asking<'_> {
    fn read(&mut self, asked: Form<'_>, wide: bool) -> Result<()> {
        if !wide {
            self.asked.query = self.query_of(asked)?;
            return Ok(());
        }
        let mut fields = Fields::of(asked)?.ok_or_else(unknown)?;
        while let Some((name, value)) = fields.next()? {
            match name.as_bytes() {
                b"query" => self.asked.query = self.query_of(value)?,
                b"after" => self.asked.spec.after = Some(Rc::new(self.after(value)?)),
                b"include" => self.asked.include = self.includes(value)?,
                b"page" => self.asked.spec.page = true,
                b"places" => self.asked.spec.places = true,
                _ => return Err(unknown()),
            }
        }
        Ok(())
    }

    fn query_of(&self, form: Form<'_>) -> Result<Query> {
        Query::of_form(form, self.patterns.clone())
    }

    /// `{id, mark}` or `{id, values}`.
    fn after(&self, form: Form<'_>) -> Result<After> {
        let values = match part(form, "values")?.map(Value::of_form).transpose()? {
            Some(Value::Array(values)) => values,
            _ => Vec::new(),
        };
        let mark = part(form, "mark")?.map(text_of).transpose()?;
        let read = |mark: JsString| Mark::from_text(mark.as_bytes(), self.asked.spec.sort.len());
        Ok(After {
            id: text_of(part(form, "id")?.ok_or_else(unknown)?)?,
            mark: mark.map(read).transpose()?,
            values,
        })
    }

    fn includes(&self, form: Form<'_>) -> Result<Vec<Include>> {
        let mut items = Items::of(form)?.ok_or_else(unknown)?;
        let mut all = Vec::new();
        while let Some(item) = items.next()? {
            let text = |name| text_of(part(item, name)?.ok_or_else(unknown)?);
            let include = part(item, "include")?.map(|inner| self.includes(inner));
            all.push(Include {
                name: text("name")?,
                collection: Collection::new(self.scope, text("collection")?.as_js())?,
                local: text("local")?,
                foreign: text("foreign")?,
                one: is_true(part(item, "one")?)?,
                query: match part(item, "query")? {
                    Some(query) => self.query_of(query)?,
                    None => Query::all(),
                },
                spec: spec(item)?,
                include: include.transpose()?.unwrap_or_default(),
            });
        }
        Ok(all)
    }
}

fn is_true(form: Option<Form<'_>>) -> Result<bool> {
    Ok(form.map(Value::of_form).transpose()? == Some(Value::Bool(true)))
}

/// The sort (names, each followed by whether it descends), the bounds and the fields of a find or an include.
fn spec(form: Form<'_>) -> Result<FindSpec> {
    let mut sort = Vec::new();
    if let Some(mut items) = list(form, "sort")? {
        while let Some(name) = items.next()? {
            let descends = is_true(items.next()?)?;
            sort.push((text_of(name)?, descends));
        }
    }
    let mut fields = None;
    if let Some(mut items) = list(form, "fields")? {
        let fields = fields.insert(Vec::new());
        while let Some(name) = items.next()? {
            fields.push(text_of(name)?);
        }
    }
    Ok(FindSpec {
        sort,
        fields,
        skip: count(form, "skip")?.unwrap_or_default(),
        limit: count(form, "limit")?,
        ..FindSpec::default()
    })
}

fn count(form: Form<'_>, name: &str) -> Result<Option<u64>> {
    let number = part(form, name)?.map(Form::number).transpose()?;
    Ok(number.flatten().and_then(bound))
}

fn part<'a>(form: Form<'a>, name: &str) -> Result<Option<Form<'a>>> {
    field(form, &FieldName::new(name.into()))
}

fn list<'a>(form: Form<'a>, name: &str) -> Result<Option<Items<'a>>> {
    part(form, name)?.map_or(Ok(None), Items::of)
}

fn text_of(form: Form<'_>) -> Result<JsString> {
    form.string()?.ok_or_else(unknown)
}

fn unknown() -> Error {
    Error::invalid("a find reached wasm in an unknown form")
}
