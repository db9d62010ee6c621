//! Attaching to each document that is found what belongs to it.
//!
//! Each include goes through its collection once: the values of all documents that it attaches something to are in a
//! table, where those of its own are looked up. What is attached is of the same view as what it is attached to. How many
//! includes there are, and how deep, the facade bounds.

use bytes::Bytes;
use std::rc::Rc;

use super::after::FIRST;
use super::draft::{as_form, stored};
use super::meta::in_form;
use super::plan::Among;
use super::projection::Projection;
use super::sort::{By, Keep, Part, Sorter};
use super::values::Values;
use super::{Collection, Find, FindSpec, Out};
use crate::blobs;
use crate::codec::io::put_varint;
use crate::codec::js_string::JsString;
use crate::codec::order::Order;
use crate::codec::sort_key::SortKey;
use crate::codec::value::exact::tag;
use crate::codec::value::fields::{FieldName, Fields, ObjectBuilder, RawName};
use crate::codec::value::{Form, Value};
use crate::engine::access::{Attempt, Reads};
use crate::error::{Error, Result};
use crate::limits::{self, ITEM_BYTES, MAX_CALL_BYTES, MAX_VALUE_BYTES};
use crate::models::names::check_key;
use crate::models::pace::Pace;
use crate::models::query::{Path, Query};

/// A larger value equals none that may be asked for, however it is spelled.
const MAX_FOREIGN_BYTES: usize = 2 << 20;

/// What to attach.
#[derive(Clone)]
pub struct Include {
    /// The field that it takes the place of.
    pub name: JsString,
    /// Where it lies.
    pub collection: Collection,
    /// The field here and the field there that must be equal.
    pub local: JsString,
    /// See `local`.
    pub foreign: JsString,
    /// One document or null, instead of a list.
    pub one: bool,
    /// What else must hold.
    pub query: Query,
    /// How it is sorted, how many at most, which fields.
    pub spec: FindSpec,
    /// What to attach to it.
    pub include: Vec<Include>,
}

/// A query under way whose documents get attached what belongs to them.
pub struct Joined {
    find: Find,
    projection: Option<Projection>,
    /// What was found.
    found: Vec<Bytes>,
    /// Each behind the one that it is within.
    levels: Vec<Level>,
    /// Those that are done.
    done: usize,
    /// What is held in memory.
    held_bytes: usize,
    handed_out: usize,
    is_found: bool,
    pace: Pace,
}

/// One include, for all documents that it attaches something to.
struct Level {
    what: Include,
    /// The level whose documents these are; `None`: what was found.
    to: Option<usize>,
    name: FieldName,
    local: Path,
    foreign: Path,
    by: Rc<By>,
    projection: Option<Projection>,
    /// For each of these documents, one more than the number of its group; 0: nothing belongs to it.
    group_of: Vec<u32>,
    /// The value that a group has in common.
    values: Values,
    groups: Vec<Sorter>,
    find: Option<Find>,
    /// The place of the next document among those that were found.
    next: Order,
    /// What belongs to the groups, one behind the other, and where each ends.
    docs: Vec<Bytes>,
    ends: Vec<usize>,
}

impl Joined {
    /// Begins a query.
    #[must_use]
    pub fn new(
        collection: &Collection,
        query: Query,
        mut spec: FindSpec,
        includes: &[Include],
    ) -> Self {
        let mut levels = Vec::new();
        add_levels(includes, None, &mut levels);
        // What is attached depends on the whole document.
        let fields = if levels.is_empty() {
            None
        } else {
            spec.fields.take()
        };
        Self {
            projection: fields.as_deref().map(Projection::new),
            find: Find::new(collection, query, spec),
            found: Vec::new(),
            levels,
            done: 0,
            held_bytes: 0,
            handed_out: 0,
            is_found: false,
            pace: Pace::default(),
        }
    }

    /// The query that it goes through.
    #[must_use]
    pub const fn find(&self) -> &Find {
        &self.find
    }

    /// Hands every document that is found to `out`. Runs until it does not stop.
    ///
    /// # Errors
    /// A stop; nothing is lost by it, and nothing handed out twice. `LimitExceeded` where too much is to be attached. What
    /// `out` fails with.
    pub fn step(&mut self, r: &mut dyn Reads, out: &mut Out<'_>) -> Attempt<()> {
        if self.levels.is_empty() {
            return self.find.step(r, out);
        }
        if !self.is_found {
            let (found, held_bytes) = (&mut self.found, &mut self.held_bytes);
            self.find.step(r, &mut |doc| {
                hold(held_bytes, ITEM_BYTES + doc.len())?;
                limits::room_for(doc.len())?;
                found.push(blobs::held(Bytes::copy_from_slice(doc)));
                Ok(())
            })?;
            self.is_found = true;
        }
        while let Some((before, [level, ..])) = self.levels.split_at_mut_checked(self.done) {
            let to = match level.to {
                None => Some(&self.found),
                Some(to) => before.get(to).map(|level| &level.docs),
            };
            let to = to.map_or(&[][..], |docs| &docs[..]);
            level.step(to, r, &mut self.held_bytes, &mut self.pace)?;
            self.done += 1;
        }
        while let Some(doc) = self.found.get(self.handed_out) {
            let whole = self.render(None, self.handed_out, doc)?;
            out(&whole)?;
            self.handed_out += 1;
            self.pace.step(r)?;
        }
        Ok(())
    }

    /// A document of a level (`None`: of what was found) with what belongs to it.
    fn render(&self, of: Option<usize>, at: usize, doc: &Bytes) -> Result<Bytes> {
        let level = of.and_then(|of| self.levels.get(of));
        let projection = level.map_or(&self.projection, |level| &level.projection);
        let doc = match projection {
            Some(projection) => projection.apply(doc)?,
            None => doc.clone(),
        };
        let mut parts = Vec::new();
        let mut bytes = doc.len();
        for (number, level) in self.levels.iter().enumerate() {
            if level.to != of {
                continue;
            }
            let mut attached = Vec::new();
            for (at, doc) in level.belonging_to(at) {
                let part = self.render(Some(number), at, doc)?;
                bytes += part.len() + 1;
                limits::within("a document with what it includes", bytes, MAX_VALUE_BYTES)?;
                attached.push(part);
            }
            parts.push((&level.name, level.what.one, attached));
        }
        if parts.is_empty() {
            return Ok(doc);
        }
        limits::room_for(bytes)?;
        attach(&doc, parts)
    }
}

/// Adds to what is held.
fn hold(held_bytes: &mut usize, more: usize) -> Result<()> {
    *held_bytes += more;
    let what = "the documents of a find with include (a query or a limit reduces them)";
    limits::within(what, *held_bytes, MAX_CALL_BYTES)
}

fn add_levels(all: &[Include], to: Option<usize>, levels: &mut Vec<Level>) {
    for what in all {
        let number = levels.len();
        levels.push(Level::new(what, to));
        add_levels(&what.include, Some(number), levels);
    }
}

impl Level {
    fn new(what: &Include, to: Option<usize>) -> Self {
        Self {
            to,
            name: FieldName::new(what.name.as_js()),
            local: Path::from(&what.local),
            foreign: Path::from(&what.foreign),
            by: Rc::new(By::new(&what.spec.sort)),
            projection: what.spec.fields.as_deref().map(Projection::new),
            what: what.clone(),
            group_of: Vec::new(),
            values: Values::default(),
            groups: Vec::new(),
            find: None,
            next: FIRST,
            docs: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// Finds what belongs to the documents `to`.
    fn step(
        &mut self,
        to: &[Bytes],
        r: &mut dyn Reads,
        held_bytes: &mut usize,
        pace: &mut Pace,
    ) -> Attempt<()> {
        while let Some(doc) = to.get(self.group_of.len()) {
            self.group(doc, held_bytes)?;
            pace.step(r)?;
        }
        if self.groups.is_empty() {
            return Ok(());
        }
        self.look(r, held_bytes)?;
        while let Some(group) = self.groups.get_mut(self.ends.len()) {
            while !group.prepare() {
                r.breathe()?;
            }
            while let Some(item) = group.pop() {
                self.docs.push(item.doc);
                pace.step(r)?;
            }
            self.ends.push(self.docs.len());
        }
        Ok(())
    }

    /// Puts a document into the group of those with its value.
    fn group(&mut self, doc: &[u8], held_bytes: &mut usize) -> Result<()> {
        let found = self.local.find(Form::of(doc)?)?;
        let mut group = 0;
        if let Some(found) = found.filter(|found| may_match(*found)) {
            let part = Part::of(found, "a field that include compares")?;
            let bytes = part.held_bytes();
            let (number, is_new) = self.values.add(part.value);
            if is_new {
                hold(held_bytes, ITEM_BYTES + bytes)?;
                let most = self.what.spec.limit.unwrap_or(u64::MAX);
                let most = if self.what.one { most.min(1) } else { most };
                self.groups
                    .push(Sorter::new(self.by.clone(), Keep::First(most)));
            }
            group = number as u32 + 1;
        }
        self.group_of.push(group);
        Ok(())
    }

    /// Goes through the collection, or through those documents of it that can belong to a group.
    fn look(&mut self, r: &mut dyn Reads, held_bytes: &mut usize) -> Attempt<()> {
        let (foreign, values, groups) = (&self.foreign, &self.values, &mut self.groups);
        let (what, next) = (&self.what, &mut self.next);
        let find = self.find.get_or_insert_with(|| {
            let (query, spec) = (what.query.clone(), FindSpec::default());
            Find::among(&what.collection, query, spec, among(&what.foreign, values))
        });
        find.step(r, &mut |doc| {
            let found = foreign.find(Form::of(doc)?)?;
            let Some(found) = found.filter(|found| may_match(*found)) else {
                return Ok(());
            };
            if found.as_bytes().len() > MAX_FOREIGN_BYTES {
                return Ok(());
            }
            let group = values.find(&Value::of_form(found)?);
            let Some(group) = group.and_then(|group| groups.get_mut(group)) else {
                return Ok(());
            };
            let before = group.held_bytes();
            group.add(*next, doc)?;
            next.frame += 1;
            // (A group that is full may hold less now.)
            *held_bytes -= before;
            hold(held_bytes, group.held_bytes())
        })
    }

    /// What belongs to the document of that number, with its own number.
    fn belonging_to(&self, at: usize) -> impl Iterator<Item = (usize, &Bytes)> {
        let group = self.group_of.get(at).copied().unwrap_or(0) as usize;
        let (from, until) = match group.checked_sub(1) {
            None => (0, 0),
            Some(0) => (0, self.ends.first().copied().unwrap_or(0)),
            Some(group) => {
                let end = |group: usize| self.ends.get(group).copied().unwrap_or(0);
                (end(group - 1), end(group))
            }
        };
        let docs = self.docs.get(from..until).unwrap_or_default();
        (from..).zip(docs)
    }
}

/// Whether something can equal it: null matches nothing, nor does what is not there.
fn may_match(found: Form<'_>) -> bool {
    let is_null = matches!(found, Form::Json(b"null") | Form::Exact([tag::NULL]));
    !is_null && !found.is_undefined()
}

/// What a document there must have to belong to one of some values.
fn among(foreign: &JsString, values: &Values) -> Option<Among> {
    let keys = values.all().iter().map(SortKey::of_value);
    let keys = keys.collect::<Result<Vec<_>>>().ok()?;
    let is_id = foreign.as_bytes() == b"_id";
    let ids = is_id.then(|| {
        let mut ids: Vec<_> = values.all().iter().filter_map(id).collect();
        ids.sort_unstable();
        ids
    });
    Some(Among {
        path: foreign.clone(),
        keys: keys.into_iter().map(|key| key.bytes).collect(),
        ids,
    })
}

/// The id that a value is.
fn id(value: &Value) -> Option<JsString> {
    match value {
        Value::String(id) if check_key("an id", id.as_js()).is_ok() => Some(id.clone()),
        _ => None,
    }
}

/// What is attached under a name: whether it is one document, and the documents.
type Attached<'a> = (&'a FieldName, bool, Vec<Bytes>);

/// The stored document with what is attached, in place of the fields of these names or behind all others.
fn attach(doc: &[u8], parts: Vec<Attached<'_>>) -> Result<Bytes> {
    let form = Form::of(doc)?;
    let mut exact = matches!(form, Form::Exact(_));
    for (_, _, docs) in &parts {
        for doc in docs {
            exact |= matches!(Form::of(doc)?, Form::Exact(_));
        }
    }
    let node = in_form(form, exact)?;
    let form = as_form(&node, exact);
    let mut fields =
        Fields::of(form)?.ok_or_else(|| Error::corrupt("a stored document is not an object"))?;
    let mut out = ObjectBuilder::like(form, node.len());
    let mut left: Vec<_> = parts.into_iter().map(Some).collect();
    while let Some((name, value)) = fields.next()? {
        let here = left.iter_mut().find(|part| {
            let part = part.as_ref();
            part.is_some_and(|(attached, ..)| name.is(attached))
        });
        match here.and_then(Option::take) {
            Some((_, one, docs)) => out.push(name, as_form(&node_of(one, docs, exact)?, exact))?,
            None => out.push(name, value)?,
        }
    }
    for (name, one, docs) in left.into_iter().flatten() {
        let name = if exact {
            RawName::Exact(name.text().as_bytes())
        } else {
            RawName::Json(name.quoted())
        };
        out.push(name, as_form(&node_of(one, docs, exact)?, exact))?;
    }
    Ok(stored(exact, &out.finish()))
}

/// The text or node of what is attached.
fn node_of(one: bool, docs: Vec<Bytes>, exact: bool) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(docs.iter().map(|doc| doc.len() + 1).sum::<usize>() + 16);
    if one && docs.is_empty() {
        out.extend_from_slice(if exact { &[tag::NULL] } else { b"null" });
    } else if !one && exact {
        out.push(tag::ARRAY);
        put_varint(&mut out, docs.len() as u64);
    } else if !one {
        out.push(b'[');
    }
    for (at, doc) in docs.iter().enumerate() {
        if at > 0 && !exact {
            out.push(b',');
        }
        out.extend_from_slice(&in_form(Form::of(doc)?, exact)?);
    }
    if !one && !exact {
        out.push(b']');
    }
    Ok(out)
}
