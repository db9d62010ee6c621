//! Decodes stored values to trees.

use super::Form;
use super::exact::{Attached, BlobRef, Event, ExactReader};
use super::json_tree::parse;
use super::tree::{BigInt, Value};
use crate::codec::js_string::JsString;
use crate::error::{Error, Result};

/// How many elements a stored length may reserve memory for before they are read. Each of a thousand
/// nested levels may claim a length.
const RESERVED: usize = 4;

impl Value {
    /// Decodes a stored value to a tree.
    ///
    /// # Errors
    /// `Corrupt`, `UnsupportedFormat`.
    pub fn decode(stored: &[u8]) -> Result<Self> {
        Self::of_form(Form::of(stored)?)
    }

    /// Decodes a stored value, whose form is already known, to a tree.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn of_form(form: Form<'_>) -> Result<Self> {
        match form {
            Form::Json(text) => parse(text),
            Form::Exact(node) => {
                let mut reader = ExactReader::new(node);
                let value = match reader.next()? {
                    Some(event) => build(&mut reader, event)?,
                    None => return Err(Error::corrupt("a stored value is empty")),
                };
                match reader.next()? {
                    None => Ok(value),
                    Some(_) => Err(Error::corrupt("a stored value has trailing bytes")),
                }
            }
        }
    }
}

fn build(reader: &mut ExactReader<'_>, event: Event<'_>) -> Result<Value> {
    Ok(match event {
        Event::Null => Value::Null,
        Event::Undefined => Value::Undefined,
        Event::Bool(value) => Value::Bool(value),
        Event::Number(value) => Value::Number(value),
        Event::BigInt {
            negative,
            magnitude,
        } => Value::BigInt(BigInt {
            negative,
            magnitude: magnitude.to_vec(),
        }),
        Event::String(text) => Value::String(text.to_owned()),
        Event::Date(time) => Value::Date(time),
        Event::Bytes(kind, content) => Value::Bytes(kind, content.to_vec()),
        Event::Blob {
            media_type,
            content,
        } => Value::Blob(media_type.to_owned(), content.to_vec()),
        Event::File {
            name,
            media_type,
            modified_ms,
            content,
        } => Value::File {
            name: name.to_owned(),
            media_type: media_type.to_owned(),
            modified_ms,
            content: content.to_vec(),
        },
        Event::Attached(Attached {
            id,
            size,
            media_type,
            file,
        }) => Value::Attached {
            id,
            size,
            media_type: media_type.to_owned(),
            file: file.map(|(name, ms)| (name.to_owned(), ms)),
        },
        Event::BlobRef(BlobRef {
            hash,
            size,
            media_type,
        }) => Value::BlobRef {
            hash,
            size,
            media_type: media_type.to_owned(),
        },
        Event::Array(len) => Value::Array(build_items(reader, len)?),
        Event::Set(len) => Value::Set(build_items(reader, len)?),
        Event::Object(len) => Value::Object(build_properties(reader, len)?),
        Event::Map(len) => Value::Map(build_entries(reader, len)?),
        Event::Key(_) | Event::End => return Err(unexpected()),
    })
}

fn build_items(reader: &mut ExactReader<'_>, len: usize) -> Result<Vec<Value>> {
    let mut items = Vec::with_capacity(len.min(RESERVED));
    loop {
        match reader.next()? {
            Some(Event::End) => return Ok(items),
            Some(event) => items.push(build(reader, event)?),
            None => return Err(unexpected()),
        }
    }
}

fn build_properties(reader: &mut ExactReader<'_>, len: usize) -> Result<Vec<(JsString, Value)>> {
    let mut properties = Vec::with_capacity(len.min(RESERVED));
    loop {
        match reader.next()? {
            Some(Event::End) => return Ok(properties),
            Some(Event::Key(name)) => {
                let event = reader.next()?.ok_or_else(unexpected)?;
                properties.push((name.to_owned(), build(reader, event)?));
            }
            _ => return Err(unexpected()),
        }
    }
}

fn build_entries(reader: &mut ExactReader<'_>, len: usize) -> Result<Vec<(Value, Value)>> {
    let mut entries = Vec::with_capacity(len.min(RESERVED));
    loop {
        match reader.next()? {
            Some(Event::End) => return Ok(entries),
            Some(event) => {
                let key = build(reader, event)?;
                let event = reader.next()?.ok_or_else(unexpected)?;
                entries.push((key, build(reader, event)?));
            }
            None => return Err(unexpected()),
        }
    }
}

fn unexpected() -> Error {
    Error::corrupt("a stored value is malformed")
}
