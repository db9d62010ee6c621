//! Handing out some fields only.
//!
//! What a path of the projection finds in a document, it finds in what is handed out. So the
//! elements of an array before a chosen position stay, as `null` (in the exact form as
//! `undefined`).
//!
//! However many fields are chosen, each level is gone through once (the uppermost twice, where there are dotted
//! paths): what is chosen of it is looked up by name in a sorted list.

use bytes::Bytes;

use super::draft::stored;
use crate::codec::io::put_varint;
use crate::codec::js_string::JsString;
use crate::codec::value::Form;
use crate::codec::value::exact::tag;
use crate::codec::value::fields::{FieldName, Fields, Items, ObjectBuilder};
use crate::error::{Error, Result};
use crate::limits::{self, MAX_VALUE_BYTES};
use crate::models::query::index;
use crate::sorted::{SortedMap, SortedSet};

const DOT: u8 = b'.';

/// The fields to hand out; `_id` always is.
pub(super) struct Projection {
    /// As the bytes of names lie in JSON text, ascending.
    json: SortedSet<Vec<u8>>,
    /// The same for the exact form.
    exact: SortedSet<Vec<u8>>,
}

/// Fields, or what is left of paths below some level: ascending.
type Paths<'a> = Vec<&'a [u8]>;

impl Projection {
    /// Chooses fields.
    pub fn new(fields: &[JsString]) -> Self {
        let names = fields.iter().map(|field| FieldName::new(field.as_js()));
        let names: Vec<_> = names.collect();
        let all_in = |form| {
            let bytes = names.iter().map(|name| name.as_bytes_in(form).to_vec());
            bytes.collect()
        };
        Self {
            json: all_in(Form::Json(&[])),
            exact: all_in(Form::Exact(&[])),
        }
    }

    /// What is chosen of a stored document.
    ///
    /// # Errors
    /// `Corrupt`, `LimitExceeded`.
    pub fn apply(&self, doc: &[u8]) -> Result<Bytes> {
        limits::room_for(doc.len())?;
        let form = Form::of(doc)?;
        let all = match form {
            Form::Json(_) => &self.json,
            Form::Exact(_) => &self.exact,
        };
        let dotted = dotted(form, all)?;
        let mut fields = fields_of(form)?;
        let mut out = ObjectBuilder::like(form, 64);
        while let Some((name, value)) = fields.next()? {
            if name.is_plain("_id") || all.contains(name.as_bytes()) {
                out.push(name, value)?;
                continue;
            }
            if let Some(part) = choose(value, &below(&dotted, name.as_bytes()))? {
                out.push(name, like(form, &part))?;
            }
        }
        Ok(stored(matches!(form, Form::Exact(_)), &out.finish()))
    }
}

fn fields_of(doc: Form<'_>) -> Result<Fields<'_>> {
    Fields::of(doc)?.ok_or_else(|| Error::corrupt("a stored document is not an object"))
}

/// The dotted paths that lead deeper: a property of that very name is meant first.
fn dotted<'a>(doc: Form<'_>, all: &'a SortedSet<Vec<u8>>) -> Result<Paths<'a>> {
    let mut dotted: Paths<'a> = all.iter().map(|path| &path[..]).collect();
    dotted.retain(|path| path.contains(&DOT));
    if !dotted.is_empty() {
        let mut fields = fields_of(doc)?;
        while let Some((name, _)) = fields.next()? {
            if name.as_bytes().contains(&DOT)
                && let Ok(at) = dotted.binary_search(&name.as_bytes())
            {
                dotted.remove(at);
            }
        }
    }
    Ok(dotted)
}

/// What is left, below the property `name`, of the paths that lead deeper into it.
fn below<'a>(paths: &[&'a [u8]], name: &[u8]) -> Paths<'a> {
    if paths.is_empty() || name.contains(&DOT) {
        return Vec::new();
    }
    let from = paths.partition_point(|path| path.iter().lt(name.iter().chain([&DOT])));
    let within = paths.iter().skip(from);
    within
        .map_while(|path| path.strip_prefix(name)?.strip_prefix(&[DOT]))
        .collect()
}

/// Whether a path ends at the property `name`.
fn ends_at(paths: &[&[u8]], name: &[u8]) -> bool {
    !name.contains(&DOT) && paths.binary_search(&name).is_ok()
}

/// What the paths choose of a value, which is a part of it; `None` when that is nothing.
fn choose(value: Form<'_>, paths: &[&[u8]]) -> Result<Option<Vec<u8>>> {
    if paths.is_empty() {
        return Ok(None);
    }
    if let Some(fields) = Fields::of(value)? {
        return choose_fields(value, fields, paths);
    }
    match Items::of(value)? {
        Some(items) => choose_items(value, items, paths),
        None => Ok(None),
    }
}

/// What the paths choose of what is called `name` there.
fn choose_below(value: Form<'_>, paths: &[&[u8]], name: &[u8]) -> Result<Option<Vec<u8>>> {
    if ends_at(paths, name) {
        Ok(Some(value.as_bytes().to_vec()))
    } else {
        choose(value, &below(paths, name))
    }
}

fn choose_fields(
    form: Form<'_>,
    mut fields: Fields<'_>,
    paths: &[&[u8]],
) -> Result<Option<Vec<u8>>> {
    let mut out = ObjectBuilder::like(form, 64);
    let mut any = false;
    while let Some((name, value)) = fields.next()? {
        if let Some(part) = choose_below(value, paths, name.as_bytes())? {
            out.push(name, like(form, &part))?;
            any = true;
        }
    }
    Ok(any.then(|| out.finish()))
}

fn choose_items(form: Form<'_>, mut items: Items<'_>, paths: &[&[u8]]) -> Result<Option<Vec<u8>>> {
    let names = paths
        .iter()
        .filter_map(|path| path.split(|byte| *byte == DOT).next());
    let wanted: SortedMap<usize, &[u8]> = names
        .filter_map(|name| Some((index(name)?, name)))
        .collect();
    let mut parts = Vec::new();
    let mut at = 0;
    'wanted: for (&place, name) in wanted.iter() {
        loop {
            let Some(value) = items.next()? else {
                break 'wanted;
            };
            at += 1;
            if at > place {
                let part = choose_below(value, paths, name)?;
                parts.extend(part.map(|part| (place, part)));
                break;
            }
        }
    }
    match parts.last() {
        None => Ok(None),
        Some((last, _)) => array(form, last + 1, &parts).map(Some),
    }
}

/// An array of that length with these parts at their places.
fn array(form: Form<'_>, length: usize, parts: &[(usize, Vec<u8>)]) -> Result<Vec<u8>> {
    let (nothing, separator): (&[u8], &[u8]) = match form {
        Form::Json(_) => (b"null", b","),
        Form::Exact(_) => (&[tag::UNDEFINED], b""),
    };
    let bytes: usize = parts.iter().map(|(_, part)| part.len()).sum();
    let room = bytes + length.saturating_mul(nothing.len() + separator.len()) + 16;
    limits::within("the projection of a document", room, MAX_VALUE_BYTES)?;
    limits::room_for(room)?;
    let mut out = Vec::with_capacity(room);
    match form {
        Form::Json(_) => out.push(b'['),
        Form::Exact(_) => {
            out.push(tag::ARRAY);
            put_varint(&mut out, length as u64);
        }
    }
    let mut left = parts.iter().peekable();
    for at in 0..length {
        if at > 0 {
            out.extend_from_slice(separator);
        }
        let part = left.next_if(|(place, _)| *place == at);
        out.extend_from_slice(part.map_or(nothing, |(_, part)| part));
    }
    if matches!(form, Form::Json(_)) {
        out.push(b']');
    }
    Ok(out)
}

fn like<'a>(form: Form<'_>, bytes: &'a [u8]) -> Form<'a> {
    match form {
        Form::Json(_) => Form::Json(bytes),
        Form::Exact(_) => Form::Exact(bytes),
    }
}
