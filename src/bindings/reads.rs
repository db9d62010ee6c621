//! Finding documents, for JavaScript.

use js_sys::Array;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use super::collect::Collector;
use super::db::{DbPort, patterns_of, query_of, thrown};
use super::outcome::{self, Returned};
use super::range::bound;
use super::strings::{all_received, received};
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
    /// of all). `descending` is non-zero for each field of `sort` that descends. If `wide`, `asked` is an object of
    /// the query and what else is asked for: `after`, `include`, `page`, `places`; else it is the query.
    #[expect(
        clippy::too_many_arguments,
        reason = "an object would cost a crossing a field"
    )]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "wasm-bindgen hands vectors over"
    )]
    pub fn find(
        &self,
        collection: &str,
        asked: &JsValue,
        wide: bool,
        patterns: Option<Array>,
        sort: Vec<String>,
        descending: Vec<u8>,
        skip: f64,
        limit: f64,
        fields: Option<Vec<String>>,
    ) -> Returned {
        let collection = self.collection(collection)?;
        let spec = spec_of(&sort, &descending, skip, limit, fields)?;
        let (query, spec, include) = self.asked(asked, wide, patterns, spec)?;
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

    /// How a query would run: the JSON text of it. `descending` is non-zero for each field of `sort` that descends.
    #[expect(
        clippy::too_many_arguments,
        reason = "an object would cost a crossing a field"
    )]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "wasm-bindgen hands vectors over"
    )]
    pub fn explain(
        &self,
        collection: &str,
        query: &JsValue,
        patterns: Option<Array>,
        sort: Vec<String>,
        descending: Vec<u8>,
        skip: f64,
        limit: f64,
    ) -> Returned {
        let (collection, query) = (self.collection(collection)?, query_of(query, patterns)?);
        let spec = spec_of(&sort, &descending, skip, limit, None)?;
        let work = self.session.read(Box::new(move |r| {
            Ok(explain(&collection, &query, &spec, r)?)
        }));
        outcome::read(work, |text| decode::parse(text.as_bytes()))
    }
}

impl DbPort {
    /// What is asked for, read as [`find`](Self::find) has it.
    pub(super) fn asked(
        &self,
        asked: &JsValue,
        wide: bool,
        patterns: Option<Array>,
        spec: FindSpec,
    ) -> Result<(Query, FindSpec, Vec<Include>), JsValue> {
        let mut asking = Asking {
            patterns: patterns_of(patterns),
            scope: &self.scope,
            query: Query::all(),
            spec,
            include: Vec::new(),
        };
        let stored = values::stored(asked);
        let read = stored.and_then(|stored| asking.read(Form::of(&stored)?, wide));
        read.map_err(thrown)?;
        Ok((asking.query, asking.spec, asking.include))
    }
}

/// The options of a find. `descending` is non-zero for each field of `sort` that descends.
pub(super) fn spec_of(
    sort: &[String],
    descending: &[u8],
    skip: f64,
    limit: f64,
    fields: Option<Vec<String>>,
) -> Result<FindSpec, JsValue> {
    let sort = all_received(sort).map_err(thrown)?;
    let descends = descending.iter().map(|down| *down != 0);
    let fields = fields.map(|fields| all_received(&fields)).transpose();
    Ok(FindSpec {
        sort: sort.into_iter().zip(descends).collect(),
        skip: bound(skip).unwrap_or(u64::MAX),
        limit: bound(limit),
        fields: fields.map_err(thrown)?,
        ..FindSpec::default()
    })
}

/// A find whose parts are read one after the other.
struct Asking<'a> {
    patterns: Rc<dyn Patterns>,
    scope: &'a Scope,
    query: Query,
    spec: FindSpec,
    include: Vec<Include>,
}

impl Asking<'_> {
    fn read(&mut self, asked: Form<'_>, wide: bool) -> Result<()> {
        if !wide {
            self.query = self.query_of(asked)?;
            return Ok(());
        }
        let mut fields = Fields::of(asked)?.ok_or_else(unknown)?;
        while let Some((name, value)) = fields.next()? {
            match name.as_bytes() {
                b"query" => self.query = self.query_of(value)?,
                b"after" => self.spec.after = Some(Rc::new(self.after(value)?)),
                b"include" => self.include = self.includes(value)?,
                b"page" => self.spec.page = true,
                b"places" => self.spec.places = true,
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
        let read = |mark: JsString| Mark::from_text(mark.as_bytes(), self.spec.sort.len());
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

/// The sort (names, each followed by whether it descends), the limit and the fields of an include.
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
    let limit = part(form, "limit")?.map(Form::number).transpose()?;
    Ok(FindSpec {
        sort,
        fields,
        limit: limit.flatten().and_then(bound),
        ..FindSpec::default()
    })
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
