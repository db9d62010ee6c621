//! Results in bulk: many stored values become JavaScript values with few crossings.

use js_sys::Array;
use wasm_bindgen::prelude::*;

use super::values::decode;
use crate::codec::js_string::{JsStr, json};
use crate::codec::value::Form;
use crate::error::Result;

/// Bytes of JSON text and of exact forms that are made values at once: some milliseconds.
const TEXT_BYTES: usize = 256 * 1024;

/// Gathers the items of one JavaScript array. Values that are JSON text cross as one text.
#[derive(Default)]
pub struct Collector {
    /// Finished pieces of the array.
    pieces: Array,
    text: Vec<u8>,
    items: u32,
    /// Values in the exact form, one after another; where each ends, and where in the piece it belongs.
    exact: Vec<u8>,
    ends: Vec<u32>,
    places: Vec<u32>,
    /// Whether the items are pairs, whose second is the value.
    pairs: bool,
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
        self.write(stored)?;
        self.finish_item()
    }

    /// Adds a pair of a key and a stored value.
    ///
    /// # Errors
    /// `Corrupt`, `UnsupportedFormat`.
    pub fn pair(&mut self, key: JsStr<'_>, stored: &[u8]) -> Result<()> {
        self.begin();
        self.pairs = true;
        self.text.push(b'[');
        json::write_quoted(key, &mut self.text);
        self.text.push(b',');
        self.write(stored)?;
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

    fn write(&mut self, stored: &[u8]) -> Result<()> {
        match Form::of(stored)? {
            Form::Json(text) => self.text.extend_from_slice(text),
            Form::Exact(_) => {
                self.exact.extend_from_slice(stored);
                self.ends.push(self.exact.len() as u32);
                self.places.push(self.items);
                self.text.extend_from_slice(b"null");
            }
        }
        Ok(())
    }

    fn finish_item(&mut self) -> Result<()> {
        self.items += 1;
        if self.text.len() + self.exact.len() >= TEXT_BYTES {
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
        if !self.ends.is_empty() {
            decode::place_exact(&piece, self.pairs, &self.exact, &self.ends, &self.places)?;
            self.exact.clear();
            self.ends.clear();
            self.places.clear();
        }
        self.text.clear();
        self.items = 0;
        self.pieces.push(&piece);
        Ok(())
    }
}
