//! Results in bulk: many stored values become JavaScript values with few crossings.

use bytes::Bytes;
use js_sys::Array;
use wasm_bindgen::prelude::*;

use super::values::decode;
use crate::codec::js_string::{JsStr, json};
use crate::codec::value::Form;
use crate::error::Result;

/// Bytes of JSON text that are parsed at once: some milliseconds.
const TEXT_BYTES: usize = 256 * 1024;
/// By how much longer it takes to make a value of a byte in the exact form.
const EXACT_WEIGHT: usize = 8;

/// Gathers the items of one JavaScript array. Values that are JSON text cross as one text.
#[derive(Default)]
pub struct Collector {
    /// Finished pieces of the array.
    pieces: Array,
    text: Vec<u8>,
    items: u32,
    /// Values in the exact form, and where in the piece they belong.
    exact: Vec<(u32, Place, Bytes)>,
    exact_bytes: usize,
    /// Items that are undefined.
    absent: Vec<u32>,
}

/// Where in an item a value goes.
#[derive(Clone, Copy)]
enum Place {
    Item,
    /// Second of the pair that is the item.
    Value,
}

impl Collector {
    /// Adds a string.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn string(&mut self, text: JsStr<'_>) -> Result<()> {
        self.begin();
        json::write_quoted(text, &mut self.text);
        self.finish_item()
    }

    /// Adds a stored value.
    ///
    /// # Errors
    /// `Corrupt`, `UnsupportedFormat`.
    pub fn value(&mut self, stored: &[u8]) -> Result<()> {
        self.begin();
        self.write(stored, Place::Item)?;
        self.finish_item()
    }

    /// Adds undefined.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn absent(&mut self) -> Result<()> {
        self.begin();
        self.absent.push(self.items);
        self.text.extend_from_slice(b"null");
        self.finish_item()
    }

    /// Adds a pair of a key and a stored value.
    ///
    /// # Errors
    /// `Corrupt`, `UnsupportedFormat`.
    pub fn pair(&mut self, key: JsStr<'_>, stored: &[u8]) -> Result<()> {
        self.begin();
        self.text.push(b'[');
        json::write_quoted(key, &mut self.text);
        self.text.push(b',');
        self.write(stored, Place::Value)?;
        self.text.push(b']');
        self.finish_item()
    }

    /// The array of all items.
    ///
    /// # Errors
    /// `Corrupt`, `UnsupportedFormat`.
    pub fn finish(&mut self) -> Result<JsValue> {
        self.flush()?;
        let pieces = std::mem::take(&mut self.pieces);
        Ok(match pieces.length() {
            1 => pieces.get(0),
            _ => pieces.flat(1).into(),
        })
    }

    fn begin(&mut self) {
        self.text.push(if self.items == 0 { b'[' } else { b',' });
    }

    fn write(&mut self, stored: &[u8], place: Place) -> Result<()> {
        match Form::of(stored)? {
            Form::Json(text) => self.text.extend_from_slice(text),
            Form::Exact(_) => {
                self.exact_bytes += EXACT_WEIGHT * stored.len();
                self.exact
                    .push((self.items, place, Bytes::copy_from_slice(stored)));
                self.text.extend_from_slice(b"null");
            }
        }
        Ok(())
    }

    fn finish_item(&mut self) -> Result<()> {
        self.items += 1;
        if self.text.len() + self.exact_bytes >= TEXT_BYTES {
            self.flush()
        } else {
            Ok(())
        }
    }

    fn flush(&mut self) -> Result<()> {
        if self.items == 0 {
            return Ok(());
        }
        self.text.push(b']');
        let piece: Array = decode::parse(&self.text)?.unchecked_into();
        for (at, place, stored) in self.exact.drain(..) {
            let value = decode::decode(&stored)?;
            match place {
                Place::Item => piece.set(at, value),
                Place::Value => piece.get(at).unchecked_into::<Array>().set(1, value),
            }
        }
        for at in self.absent.drain(..) {
            piece.set(at, JsValue::UNDEFINED);
        }
        self.text.clear();
        self.exact_bytes = 0;
        self.items = 0;
        self.pieces.push(&piece);
        Ok(())
    }
}
