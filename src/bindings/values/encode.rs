//! From JavaScript values to the exact form.

use js_sys::{Array, Reflect, Set, Uint8Array};
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use super::js;
use super::path::{self, Step};
use super::shape::Shape;
use crate::backend::Id;
use crate::bindings::errors;
use crate::bindings::hooks::{Hooks, hooks};
use crate::bindings::strings;
use crate::codec::js_string::JsStr;
use crate::codec::value::{Attached, BytesKind, ExactWriter, MAX_DEPTH, attached};
use crate::crossing;
use crate::env::Env;
use crate::env::browser::BrowserEnv;
use crate::error::{Code, Error, Result};

/// Takes a value as it is at this moment: the exact form, followed by an `[at, blob, path]` for
/// each Blob, whose bytes are zeros until the caller has read and put them there; where `at` is
/// below zero, it lies beside the value.
///
/// # Errors
/// `NotStorable`, with the path of the offender.
#[wasm_bindgen(js_name = encodeExact)]
pub fn encode_exact(value: &JsValue) -> Result<Array, JsValue> {
    encode(value).map_err(|error| errors::to_js(&error))
}

/// An encoded value with the Blobs in it, whose contents are given in their order.
///
/// # Errors
/// `Corrupt` where it was not the facade that made it.
#[wasm_bindgen(js_name = inlineBlobs)]
#[expect(
    clippy::needless_pass_by_value,
    reason = "wasm-bindgen hands vectors over"
)]
pub fn inline_blobs(encoded: &[u8], contents: Vec<Uint8Array>) -> Result<Uint8Array, JsValue> {
    let contents: Vec<_> = contents.iter().map(Uint8Array::to_vec).collect();
    let inlined = attached::inlined(encoded, &contents);
    let inlined = inlined.map_err(|error| errors::to_js(&error))?;
    crossing::bytes(&inlined)
}

fn encode(value: &JsValue) -> Result<Array> {
    let hooks = hooks().ok_or_else(|| Error::internal("the facade has not registered"))?;
    let mut walker = Walker {
        hooks,
        writer: ExactWriter::new(),
        path: Vec::new(),
        ancestors: Set::new(&JsValue::UNDEFINED),
        gaps: Array::new(),
        items_left: MAX_ITEMS,
    };
    if value.is_undefined() {
        return Err(walker.refused("undefined is not a value: delete the key instead", None));
    }
    walker.value(value)?;
    let bytes = walker.writer.finish()?;
    let out = Array::of1(crossing::bytes(&bytes).map_err(errors::refused)?.as_ref());
    Ok(out.concat(&walker.gaps))
}

struct Walker {
    hooks: Hooks,
    writer: ExactWriter,
    path: Vec<Step>,
    /// The containers that the walker is inside of.
    ancestors: Set,
    gaps: Array,
    /// How many more items of arrays, and containers, it walks through.
    items_left: u32,
}

/// Items of arrays, and containers, that one value may hold where JSON does not carry it. An array
/// says how long it is, whatever it holds: going through thousands of millions of holes would never
/// end.
const MAX_ITEMS: u32 = 4_000_000;

/// The largest Blob that a value may hold, bytes. Larger ones would not fit into wasm's memory
/// beside their copies.
const MAX_BLOB_BYTES: f64 = 1_073_741_824.0;

/// A Blob of so many bytes lies beside the value.
const ATTACHED_BYTES: f64 = 65_536.0;

impl Walker {
    fn value(&mut self, value: &JsValue) -> Result<()> {
        let shape = Shape::of(value, &self.hooks).map_err(|thrown| self.threw(thrown))?;
        match shape {
            Shape::Undefined => self.writer.undefined(),
            Shape::Null => self.writer.null(),
            Shape::Boolean => self.writer.bool(value.is_truthy()),
            Shape::Number => self.writer.number(value.as_f64().unwrap_or(f64::NAN)),
            Shape::BigInt => self.bigint(value)?,
            Shape::String => self.writer.string(strings::from_js(value).as_js()),
            Shape::Date => self.writer.date(js::date_ms(value)),
            Shape::ArrayBuffer => {
                let bytes = js::buffer_bytes(value).map_err(|thrown| self.threw(thrown))?;
                self.writer.bytes(BytesKind::ArrayBuffer, &bytes);
            }
            Shape::View => self.view(value)?,
            Shape::Blob | Shape::File => self.blob(value, shape)?,
            Shape::Array | Shape::Object | Shape::Map | Shape::Set => {
                self.container(value, shape)?;
            }
            Shape::Refused => {
                let what = self.hooks.refusal_of.call1(&JsValue::UNDEFINED, value);
                let what = what
                    .ok()
                    .and_then(|text| text.as_string())
                    .unwrap_or_default();
                return Err(self.refused(&format!("{what} cannot be stored"), None));
            }
        }
        Ok(())
    }

    fn container(&mut self, value: &JsValue, shape: Shape) -> Result<()> {
        if self.ancestors.has(value) {
            return Err(self.refused("a cycle cannot be stored", None));
        }
        if self.ancestors.size() as usize >= MAX_DEPTH {
            let message = format!("nesting of more than {MAX_DEPTH} levels cannot be stored");
            return Err(self.refused(&message, None));
        }
        self.count(1)?;
        self.ancestors.add(value);
        match shape {
            Shape::Array => self.array(value)?,
            Shape::Object => self.object(value)?,
            Shape::Map => self.map(value)?,
            _ => self.set(value)?,
        }
        self.writer.end();
        self.ancestors.delete(value);
        Ok(())
    }

    fn count(&mut self, items: u32) -> Result<()> {
        let Some(left) = self.items_left.checked_sub(items) else {
            let message = format!("more than {MAX_ITEMS} items and containers cannot be stored");
            return Err(self.refused(&message, None));
        };
        self.items_left = left;
        Ok(())
    }

    /// Holes read as undefined.
    fn array(&mut self, value: &JsValue) -> Result<()> {
        let length = self
            .property(value, &"length".into())?
            .as_f64()
            .unwrap_or(0.0);
        let length = length as u32;
        self.count(length)?;
        self.writer.begin_array(length as usize)?;
        for at in 0..length {
            self.path.push(Step::Index(at));
            let item = Reflect::get_u32(value, at).map_err(|thrown| self.threw(thrown))?;
            self.value(&item)?;
            self.path.pop();
        }
        Ok(())
    }

    fn object(&mut self, value: &JsValue) -> Result<()> {
        let names = js::own_keys(value).map_err(|thrown| self.threw(thrown))?;
        self.writer.begin_object(names.length() as usize)?;
        for name in names {
            self.writer.key(strings::from_js(&name).as_js());
            self.path.push(Step::Name(name.clone()));
            let item = self.property(value, &name)?;
            self.value(&item)?;
            self.path.pop();
        }
        Ok(())
    }

    fn map(&mut self, value: &JsValue) -> Result<()> {
        let entries = js::members(value).map_err(|thrown| self.threw(thrown))?;
        self.writer.begin_map(entries.length() as usize)?;
        for (at, entry) in (0..).zip(entries) {
            self.path.push(Step::Index(at));
            for side in 0..2 {
                self.path.push(Step::Index(side));
                let item = Reflect::get_u32(&entry, side).map_err(|thrown| self.threw(thrown))?;
                self.value(&item)?;
                self.path.pop();
            }
            self.path.pop();
        }
        Ok(())
    }

    fn set(&mut self, value: &JsValue) -> Result<()> {
        let members = js::members(value).map_err(|thrown| self.threw(thrown))?;
        self.writer.begin_set(members.length() as usize)?;
        for (at, item) in (0..).zip(members) {
            self.path.push(Step::Index(at));
            self.value(&item)?;
            self.path.pop();
        }
        Ok(())
    }

    fn bigint(&mut self, value: &JsValue) -> Result<()> {
        let number = value.unchecked_ref::<js_sys::BigInt>();
        let text = number.to_string(16).ok().and_then(|text| text.as_string());
        let text = text.ok_or_else(|| Error::internal("a bigint has no text"))?;
        let digits = text.trim_start_matches('-');
        self.writer
            .bigint(text.starts_with('-'), &magnitude(digits));
        Ok(())
    }

    fn view(&mut self, value: &JsValue) -> Result<()> {
        let name = self.hooks.view_name.call1(&JsValue::UNDEFINED, value);
        let name = name
            .ok()
            .and_then(|name| name.as_string())
            .unwrap_or_default();
        let Some(kind) = BytesKind::ALL.into_iter().find(|kind| kind.name() == name) else {
            return Err(self.refused(&format!("a {name} cannot be stored"), None));
        };
        let bytes = js::view_bytes(value).map_err(|thrown| self.threw(thrown))?;
        self.writer.bytes(kind, &bytes);
        Ok(())
    }

    fn blob(&mut self, value: &JsValue, shape: Shape) -> Result<()> {
        let size = self
            .property(value, &"size".into())?
            .as_f64()
            .unwrap_or(0.0);
        if size > MAX_BLOB_BYTES {
            let message = format!("a Blob of {} bytes is too large for a value", size as u64);
            return Err(self.refused(&message, None));
        }
        let media_type = strings::from_js(&self.property(value, &"type".into())?);
        let file = if shape == Shape::File {
            let name = strings::from_js(&self.property(value, &"name".into())?);
            let modified = self.property(value, &"lastModified".into())?;
            Some((name, modified.as_f64().unwrap_or(0.0)))
        } else {
            None
        };
        let file = file.as_ref().map(|(name, ms)| (name.as_js(), *ms));
        let at = if size < ATTACHED_BYTES {
            self.inline_blob(media_type.as_js(), file, size as usize)
        } else {
            let mut id = [0; 16];
            BrowserEnv.fill_random(&mut id);
            self.writer.attached(&Attached {
                id: Id(id),
                size: size as u64,
                media_type: media_type.as_js(),
                file,
            });
            -1.0
        };
        let path = path::text(&self.path).into();
        self.gaps.push(&Array::of3(&at.into(), value, &path));
        Ok(())
    }

    /// Leaves room for the bytes, and tells where.
    fn inline_blob(
        &mut self,
        media_type: JsStr<'_>,
        file: Option<(JsStr<'_>, f64)>,
        size: usize,
    ) -> f64 {
        let zeros = vec![0; size];
        match file {
            Some((name, ms)) => self.writer.file(name, media_type, ms, &zeros),
            None => self.writer.blob(media_type, &zeros),
        }
        (self.writer.position() - size) as f64
    }

    fn property(&self, value: &JsValue, name: &JsValue) -> Result<JsValue> {
        Reflect::get(value, name).map_err(|thrown| self.threw(thrown))
    }

    /// What user code (a getter, a proxy's trap) or the platform threw while being read.
    fn threw(&self, thrown: JsValue) -> Error {
        self.refused("what throws when it is read cannot be stored", Some(thrown))
    }

    fn refused(&self, message: &str, cause: Option<JsValue>) -> Error {
        let path = path::text(&self.path);
        let error = Error::new(Code::NotStorable, format!("{message} (at {path})")).with_path(path);
        match cause {
            Some(cause) => error.with_cause(Rc::new(cause)),
            None => error,
        }
    }
}

/// The little-endian bytes of hexadecimal digits.
fn magnitude(digits: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(digits.len() / 2 + 1);
    let mut nibbles = digits.bytes().rev().map(|digit| match digit {
        b'0'..=b'9' => digit - b'0',
        _ => digit - b'a' + 10,
    });
    while let Some(low) = nibbles.next() {
        out.push(low | nibbles.next().unwrap_or(0) << 4);
    }
    out
}
