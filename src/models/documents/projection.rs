//! Handing out some fields only.
//!
//! What a path of the projection finds in a document, it finds in what is handed out. So the
//! elements of an array before a chosen position stay, as `null` (in the exact form as
//! `undefined`).

use bytes::Bytes;

use super::meta::stored;
use crate::codec::io::put_varint;
use crate::codec::js_string::JsString;
use crate::codec::value::Form;
use crate::codec::value::exact::tag;
use crate::codec::value::fields::{Fields, Items, ObjectBuilder, field};
use crate::error::{Error, Result};
use crate::models::query::{Path, Step};

/// The fields to hand out; `_id` always is.
pub(super) struct Projection {
    paths: Vec<Path>,
}

impl Projection {
    /// Chooses fields.
    pub fn new(fields: &[JsString]) -> Self {
        Self {
            paths: fields.iter().map(Path::from).collect(),
        }
    }

    /// What is chosen of a stored document.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn apply(&self, doc: &[u8]) -> Result<Bytes> {
        let form = Form::of(doc)?;
        let mut dotted: Vec<&[Step]> = Vec::new();
        for path in self.paths.iter().filter(|path| !path.steps().is_empty()) {
            if field(form, path.whole())?.is_none() {
                dotted.push(path.steps());
            }
        }
        let mut fields =
            Fields::of(form)?.ok_or_else(|| Error::corrupt("a stored document is no object"))?;
        let mut out = ObjectBuilder::like(form, 64);
        while let Some((name, value)) = fields.next()? {
            if name.is_plain("_id") || self.paths.iter().any(|path| name.is(path.whole())) {
                out.push(name, value)?;
                continue;
            }
            let deeper = deeper(&dotted, |step| name.is(&step.name));
            if let Some(part) = choose(value, &deeper)? {
                out.push(name, like(form, &part))?;
            }
        }
        Ok(stored(matches!(form, Form::Exact(_)), &out.finish()))
    }
}

/// What follows the first step of those paths whose first step is taken.
fn deeper<'a>(paths: &[&'a [Step]], taken: impl Fn(&Step) -> bool) -> Vec<&'a [Step]> {
    let splits = paths.iter().filter_map(|path| path.split_first());
    splits
        .filter(|(first, _)| taken(first))
        .map(|(_, rest)| rest)
        .collect()
}

/// What the paths choose of a value; `None` when that is nothing.
fn choose(value: Form<'_>, paths: &[&[Step]]) -> Result<Option<Vec<u8>>> {
    if paths.is_empty() {
        return Ok(None);
    }
    if paths.iter().any(|path| path.is_empty()) {
        let (Form::Json(bytes) | Form::Exact(bytes)) = value;
        return Ok(Some(bytes.to_vec()));
    }
    if let Some(fields) = Fields::of(value)? {
        return choose_fields(value, fields, paths);
    }
    match Items::of(value)? {
        Some(items) => choose_items(value, items, paths),
        None => Ok(None),
    }
}

fn choose_fields(
    form: Form<'_>,
    mut fields: Fields<'_>,
    paths: &[&[Step]],
) -> Result<Option<Vec<u8>>> {
    let mut out = ObjectBuilder::like(form, 64);
    let mut any = false;
    while let Some((name, value)) = fields.next()? {
        let deeper = deeper(paths, |step| name.is(&step.name));
        if let Some(part) = choose(value, &deeper)? {
            out.push(name, like(form, &part))?;
            any = true;
        }
    }
    Ok(any.then(|| out.finish()))
}

fn choose_items(
    form: Form<'_>,
    mut items: Items<'_>,
    paths: &[&[Step]],
) -> Result<Option<Vec<u8>>> {
    let last = paths.iter().filter_map(|path| path.first()?.index).max();
    let mut parts = Vec::new();
    let mut kept = 0;
    while let Some(value) = items.next()? {
        if last.is_none_or(|last| parts.len() > last) {
            break;
        }
        let at = parts.len();
        let part = choose(value, &deeper(paths, |step| step.index == Some(at)))?;
        if part.is_some() {
            kept = at + 1;
        }
        parts.push(part);
    }
    parts.truncate(kept);
    Ok((kept > 0).then(|| array(form, &parts)))
}

fn array(form: Form<'_>, parts: &[Option<Vec<u8>>]) -> Vec<u8> {
    let mut out = Vec::new();
    match form {
        Form::Json(_) => {
            for part in parts {
                out.push(if out.is_empty() { b'[' } else { b',' });
                out.extend_from_slice(part.as_deref().unwrap_or(b"null"));
            }
            out.push(b']');
        }
        Form::Exact(_) => {
            out.push(tag::ARRAY);
            put_varint(&mut out, parts.len() as u64);
            for part in parts {
                out.extend_from_slice(part.as_deref().unwrap_or(&[tag::UNDEFINED]));
            }
        }
    }
    out
}

fn like<'a>(form: Form<'_>, bytes: &'a [u8]) -> Form<'a> {
    match form {
        Form::Json(_) => Form::Json(bytes),
        Form::Exact(_) => Form::Exact(bytes),
    }
}
