//! Stored values as trees, for what slices cannot do.

use super::exact::{Attached, BytesKind, Event, ExactReader, ExactWriter};
use super::{Form, json};
use crate::backend::Id;
use crate::codec::js_string::JsString;
use crate::error::{Error, Result};
use bytes::Bytes;

/// A bigint: sign and magnitude.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BigInt {
    /// Below zero; zero is not.
    pub negative: bool,
    /// Little-endian, without zero bytes at its end.
    pub magnitude: Vec<u8>,
}

/// A value. `==` is structural; for the equality of queries see [`compare`](super::compare).
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `undefined`; also what an absent field counts as.
    Undefined,
    /// `null`.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A bigint.
    BigInt(BigInt),
    /// A string.
    String(JsString),
    /// A Date, by its time value.
    Date(f64),
    /// A buffer or a view of one.
    Bytes(BytesKind, Vec<u8>),
    /// A Blob: type and content.
    Blob(JsString, Vec<u8>),
    /// A File.
    File {
        /// Its `name`.
        name: JsString,
        /// Its `type`.
        media_type: JsString,
        /// Its `lastModified`, ms.
        modified_ms: f64,
        /// Its bytes.
        content: Vec<u8>,
    },
    /// A Blob or File beside the value.
    Attached {
        /// Its random name.
        id: Id,
        /// How many bytes it has.
        size: u64,
        /// Its `type`.
        media_type: JsString,
        /// Of a File: its `name` and its `lastModified`, ms.
        file: Option<(JsString, f64)>,
    },
    /// An array.
    Array(Vec<Value>),
    /// An object: its properties in order.
    Object(Vec<(JsString, Value)>),
    /// A Map: its entries in order.
    Map(Vec<(Value, Value)>),
    /// A Set: its elements in order.
    Set(Vec<Value>),
}

/// Room that a length read from bytes may ask for before its elements are seen: each of a thousand
/// levels may claim as many.
const RESERVED: usize = 4;

impl Value {
    /// The tree of a stored value.
    ///
    /// # Errors
    /// `Corrupt`, `UnsupportedFormat`.
    pub fn decode(stored: &[u8]) -> Result<Self> {
        Self::of_form(Form::of(stored)?)
    }

    /// The tree of a stored value whose form is told already.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn of_form(form: Form<'_>) -> Result<Self> {
        match form {
            Form::Json(text) => json::parse(text),
            Form::Exact(node) => {
                let mut reader = ExactReader::new(node);
                let value = match reader.next()? {
                    Some(event) => build(&mut reader, event)?,
                    None => return Err(Error::corrupt("a stored value is empty")),
                };
                match reader.next()? {
                    None => Ok(value),
                    Some(_) => Err(Error::corrupt("something follows a stored value")),
                }
            }
        }
    }

    /// The stored value in the exact form.
    ///
    /// # Errors
    /// `NotStorable` when it is nested too deeply.
    pub fn encode(&self) -> Result<Bytes> {
        let mut writer = ExactWriter::new();
        self.write(&mut writer)?;
        writer.finish()
    }

    /// Writes it as one node.
    ///
    /// # Errors
    /// `NotStorable` when it is nested too deeply.
    pub fn write(&self, out: &mut ExactWriter) -> Result<()> {
        match self {
            Self::Undefined => out.undefined(),
            Self::Null => out.null(),
            Self::Bool(value) => out.bool(*value),
            Self::Number(value) => out.number(*value),
            Self::BigInt(value) => out.bigint(value.negative, &value.magnitude),
            Self::String(text) => out.string(text.as_js()),
            Self::Date(time) => out.date(*time),
            Self::Bytes(kind, content) => out.bytes(*kind, content),
            Self::Blob(media_type, content) => out.blob(media_type.as_js(), content),
            Self::File {
                name,
                media_type,
                modified_ms,
                content,
            } => {
                out.file(name.as_js(), media_type.as_js(), *modified_ms, content);
            }
            Self::Attached {
                id,
                size,
                media_type,
                file,
            } => out.attached(&Attached {
                id: *id,
                size: *size,
                media_type: media_type.as_js(),
                file: file.as_ref().map(|(name, ms)| (name.as_js(), *ms)),
            }),
            _ => return self.write_container(out),
        }
        Ok(())
    }

    fn write_container(&self, out: &mut ExactWriter) -> Result<()> {
        match self {
            Self::Array(items) => {
                out.begin_array(items.len())?;
                items.iter().try_for_each(|item| item.write(out))?;
            }
            Self::Set(items) => {
                out.begin_set(items.len())?;
                items.iter().try_for_each(|item| item.write(out))?;
            }
            Self::Object(properties) => {
                out.begin_object(properties.len())?;
                for (name, value) in properties {
                    out.key(name.as_js());
                    value.write(out)?;
                }
            }
            Self::Map(entries) => {
                out.begin_map(entries.len())?;
                for (key, value) in entries {
                    key.write(out)?;
                    value.write(out)?;
                }
            }
            _ => return Ok(()),
        }
        out.end();
        Ok(())
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
    Error::corrupt("a stored value is not in order")
}
