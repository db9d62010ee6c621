//! Results in bulk: many stored values become JavaScript values with few crossings.

use js_sys::Array;
use wasm_bindgen::prelude::*;

use super::values::{self, decode};
use crate::codec::js_string::{JsStr, json};
use crate::codec::value::Form;
use crate::codec::value::attached::has_attached;
use crate::error::Result;
use crate::limits;

/// Bytes of JSON text and of exact forms that are made values at once: some milliseconds.
const TEXT_BYTES: usize = 256 * 1024;

/// Gathers the items of one JavaScript array. Values that are JSON text cross as one text.
#[derive(Default)]
pub struct Collector {
    /// Finished pieces of the array.
    pieces: Array,
    text: Vec<u8>,
    items: u32,
    /// Of all items so far.
    bytes: usize,
    /// Values in the exact form, one after another; where each ends, and where in the piece it belongs.
    exact: Vec<u8>,
    ends: Vec<u32>,
    places: Vec<u32>,
    /// The Blobs that lie beside these, in their order.
    beside: Array,
    /// Whether the items are pairs, whose second is the value.
    pairs: bool,
    /// Items that are undefined.
    absent: Vec<u32>,
}

impl Collector {
    /// Adds a string.
    ///
    /// # Errors
    /// `LimitExceeded`, as of every item; `Corrupt`.
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
    /// `Corrupt`.
    pub fn absent(&mut self) -> Result<()> {
        self.begin(0)?;
        self.absent.push(self.items);
        self.text.extend_from_slice(b"null");
        self.finish_item()
    }

    /// Adds a pair of a key and a stored value.
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

    /// Weighs what comes before it is copied.
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
