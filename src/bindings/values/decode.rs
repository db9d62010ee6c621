//! From stored values to JavaScript.

use js_sys::{Array, JSON, Map, Object, Reflect, Set, Uint8Array};
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use super::js;
use crate::bindings::errors::{self, refused};
use crate::bindings::strings;
use crate::blobs;
use crate::codec::js_string::JsStr;
use crate::codec::value::{Attached, BytesKind, Event, ExactReader, Form};
use crate::crossing;
use crate::error::{Error, Result};

/// A fresh copy of an exact form.
///
/// # Errors
/// `Corrupt`, `UnsupportedFormat`.
#[wasm_bindgen(js_name = decodeExact)]
pub fn decode_exact(encoded: &Uint8Array) -> Result<JsValue, JsValue> {
    super::taken(encoded)
        .and_then(|stored| decode(&stored))
        .map_err(|error| errors::to_js(&error))
}

/// The JavaScript value that a stored value stands for.
///
/// # Errors
/// `Corrupt`, `UnsupportedFormat`.
pub fn decode(stored: &[u8]) -> Result<JsValue> {
    match Form::of(stored)? {
        Form::Json(text) => parse(text),
        Form::Exact(node) => Decoder {
            reader: ExactReader::new(node),
        }
        .root(),
    }
}

/// Parses JSON text.
///
/// # Errors
/// `Corrupt` when it is none.
pub fn parse(text: &[u8]) -> Result<JsValue> {
    let text = str::from_utf8(text).map_err(|_| Error::corrupt("stored text is not UTF-8"))?;
    JSON::parse(text)
        .map_err(|cause| Error::corrupt("stored text is not JSON").with_cause(Rc::new(cause)))
}

struct Decoder<'a> {
    reader: ExactReader<'a>,
}

impl<'a> Decoder<'a> {
    fn root(mut self) -> Result<JsValue> {
        let value = self.value()?;
        match self.reader.next()? {
            None => Ok(value),
            Some(_) => Err(misplaced()),
        }
    }

    fn next(&mut self) -> Result<Event<'a>> {
        self.reader.next()?.ok_or_else(misplaced)
    }

    fn value(&mut self) -> Result<JsValue> {
        let event = self.next()?;
        self.value_of(event)
    }

    fn value_of(&mut self, event: Event<'a>) -> Result<JsValue> {
        Ok(match event {
            Event::Null => JsValue::NULL,
            Event::Undefined => JsValue::UNDEFINED,
            Event::Bool(value) => value.into(),
            Event::Number(value) => value.into(),
            Event::BigInt {
                negative,
                magnitude,
            } => bigint(negative, magnitude)?,
            Event::String(text) => strings::to_js(text)?,
            Event::Date(time_ms) => js_sys::Date::new(&time_ms.into()).into(),
            Event::Bytes(kind, content) => bytes(kind, content)?,
            Event::Blob {
                media_type,
                content,
            } => blob(media_type, content)?,
            Event::File {
                name,
                media_type,
                modified_ms,
                content,
            } => file(
                name,
                media_type,
                modified_ms,
                crossing::bytes(content).map_err(refused)?.as_ref(),
            )?,
            Event::Attached(attached) => beside(attached)?,
            Event::Array(length) => self.array(length)?.into(),
            Event::Object(_) => self.object()?,
            Event::Map(length) => self.map(length)?.into(),
            Event::Set(length) => self.set(length)?.into(),
            Event::Key(_) | Event::End => return Err(misplaced()),
        })
    }

    fn array(&mut self, length: usize) -> Result<Array> {
        let out = Array::new();
        for _ in 0..length {
            out.push(&self.value()?);
        }
        self.end()?;
        Ok(out)
    }

    fn object(&mut self) -> Result<JsValue> {
        let out = Object::new();
        loop {
            match self.next()? {
                Event::Key(name) => {
                    let value = self.value()?;
                    set_own(&out, name, &value)?;
                }
                Event::End => return Ok(out.into()),
                _ => return Err(misplaced()),
            }
        }
    }

    fn map(&mut self, length: usize) -> Result<Map> {
        let out = Map::new();
        for _ in 0..length {
            let key = self.value()?;
            out.set(&key, &self.value()?);
        }
        self.end()?;
        Ok(out)
    }

    fn set(&mut self, length: usize) -> Result<Set> {
        let out = Set::new(&JsValue::UNDEFINED);
        for _ in 0..length {
            out.add(&self.value()?);
        }
        self.end()?;
        Ok(out)
    }

    fn end(&mut self) -> Result<()> {
        match self.next()? {
            Event::End => Ok(()),
            _ => Err(misplaced()),
        }
    }
}

fn misplaced() -> Error {
    Error::corrupt("a stored value is not well-formed")
}

fn set_own(object: &Object, name: JsStr<'_>, value: &JsValue) -> Result<()> {
    let key = strings::to_js(name)?;
    if name.as_bytes() != b"__proto__" {
        return Reflect::set(object, &key, value).map(drop).map_err(refused);
    }
    // Assigned, it would become the prototype.
    let descriptor = Object::new();
    for flag in ["enumerable", "configurable", "writable"] {
        Reflect::set(&descriptor, &flag.into(), &true.into()).map_err(refused)?;
    }
    Reflect::set(&descriptor, &"value".into(), value).map_err(refused)?;
    js::define_property(object, &key, &descriptor)
        .map(drop)
        .map_err(refused)
}

fn bigint(negative: bool, magnitude: &[u8]) -> Result<JsValue> {
    let digits: String = magnitude
        .iter()
        .rev()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    // Engines differ in how large one may be.
    let value = js::big_int(&format!("0x0{digits}")).map_err(refused)?;
    Ok(if negative {
        (-js_sys::BigInt::unchecked_from_js(value)).into()
    } else {
        value
    })
}

fn bytes(kind: BytesKind, content: &[u8]) -> Result<JsValue> {
    let buffer = crossing::bytes(content).map_err(refused)?.buffer();
    if kind == BytesKind::ArrayBuffer {
        return Ok(buffer.into());
    }
    let class = Reflect::get(&js_sys::global(), &kind.name().into()).map_err(refused)?;
    let class: js_sys::Function = class.dyn_into().map_err(refused)?;
    Reflect::construct(&class, &Array::of1(&buffer)).map_err(refused)
}

fn blob(media_type: JsStr<'_>, content: &[u8]) -> Result<JsValue> {
    let parts = Array::of1(crossing::bytes(content).map_err(refused)?.as_ref());
    js::Blob::new(&parts, &options(media_type)?)
        .map(Into::into)
        .map_err(refused)
}

fn file(
    name: JsStr<'_>,
    media_type: JsStr<'_>,
    modified_ms: f64,
    content: &JsValue,
) -> Result<JsValue> {
    let parts = Array::of1(content);
    let options = options(media_type)?;
    Reflect::set(&options, &"lastModified".into(), &modified_ms.into()).map_err(refused)?;
    js::File::new(&parts, &strings::to_js(name)?, &options)
        .map(Into::into)
        .map_err(refused)
}

/// A part of the stored Blob that is all of it: nothing is copied, and it is of the class and the type that
/// are wanted.
fn beside(attached: Attached<'_>) -> Result<JsValue> {
    let Attached {
        id,
        size,
        media_type,
        file,
    } = attached;
    let whole = super::in_js(&blobs::get(id)?);
    match file {
        None => {
            let media_type = strings::to_js(media_type)?;
            js::slice(whole.unchecked_ref(), 0.0, size as f64, &media_type).map_err(refused)
        }
        Some((name, modified_ms)) => self::file(name, media_type, modified_ms, &whole),
    }
}

fn options(media_type: JsStr<'_>) -> Result<JsValue> {
    let options = Object::new();
    Reflect::set(&options, &"type".into(), &strings::to_js(media_type)?).map_err(refused)?;
    Ok(options.into())
}
