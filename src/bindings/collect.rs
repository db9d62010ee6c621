//! Returns many stored values to JavaScript in few calls.

use js_sys::Array;
use wasm_bindgen::prelude::*;

use super::values::{self, decode};
use crate::codec::js_string::{JsStr, json};
use crate::codec::value::Form;
use crate::codec::value::attached::has_attached;
use crate::error::Result;
use crate::limits;

/// How many bytes of JSON text and exact forms are decoded at a time, which takes a few milliseconds.
const TEXT_BYTES: usize = 256 * 1024;

/// Collects the items of one JavaScript array. JSON values are joined and parsed as a single text.
#[derive(Default)]
pub struct Collector {
    /// Finished pieces of the array.
    pieces: Array,
    text: Vec<u8>,
    items: u32,
    /// The weight of all items so far.
    bytes: usize,
    /// Values in the exact form, one after another, with the end of each and its index in the current piece.
    exact: Vec<u8>,
    ends: Vec<u32>,
    places: Vec<u32>,
    /// The Blobs stored beside these values, in order.
    beside: Array,
    /// Whether the items are [key, value] pairs.
    pairs: bool,
    /// The indexes of undefined items in the current piece.
    absent: Vec<u32>,
}

impl Collector {
    /// Adds a string.
    ///
    /// # Errors
    /// `LimitExceeded`, `Corrupt`.
    pub fn string(&mut self, text: JsStr<'_>) -> Result<()> {
        self.begin(text.as_bytes().len())?;
        json::write_quoted(text, &mut self.text);
        self.finish_item()
    }

    /// Adds a stored value.
    ///
    /// # Errors
    /// `LimitExceeded`, `Corrupt`, `UnsupportedFormat`.
    pub fn value(&mut self, stored: &[u8]) -> Result<()> {
        self.begin(stored.len())?;
        self.write(stored)?;
        self.finish_item()
    }

    /// Adds undefined.
    ///
    /// # Errors
    /// `LimitExceeded`, `Corrupt`.
    pub fn absent(&mut self) -> Result<()> {
        self.begin(0)?;
        self.absent.push(self.items);
        self.text.extend_from_slice(b"null");
        self.finish_item()
    }

    /// Adds a key with its stored value.
    ///
    /// # Errors
    /// `LimitExceeded`, `Corrupt`, `UnsupportedFormat`.
    pub fn pair(&mut self, key: JsStr<'_>, stored: &[u8]) -> Result<()> {
        self.begin(key.as_bytes().len() + stored.len())?;
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

    /// Begins an item. Checks the limits before the item is copied.
    fn begin(&mut self, bytes: usize) -> Result<()> {
        self.bytes += bytes + limits::RESULT_ITEM_BYTES;
        limits::within_result(self.bytes)?;
        limits::room_for(self.text.len() + bytes)?;
        self.text.push(if self.items == 0 { b'[' } else { b',' });
        Ok(())
    }

    fn write(&mut self, stored: &[u8]) -> Result<()> {
        match Form::of(stored)? {
            Form::Json(text) => self.text.extend_from_slice(text),
            Form::Exact(_) => {
                if has_attached(stored) {
                    values::beside(stored)?.iter().for_each(|blob| {
                        self.beside.push(&blob);
                    });
                }
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
            let beside = std::mem::take(&mut self.beside);
            let (ends, places) = (&self.ends, &self.places);
            decode::place_exact(&piece, self.pairs, &self.exact, &beside, ends, places)?;
            self.exact.clear();
            self.ends.clear();
            self.places.clear();
        }
        for at in self.absent.drain(..) {
            piece.set(at, JsValue::UNDEFINED);
        }
        self.text.clear();
        self.items = 0;
        self.pieces.push(&piece);
        Ok(())
    }
}
