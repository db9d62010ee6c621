//! Results in bulk: many stored values become JavaScript values with few crossings.

use bytes::Bytes;
use js_sys::Array;
use wasm_bindgen::prelude::*;

use super::values::decode;
use crate::blobs;
use crate::codec::js_string::{JsStr, json};
use crate::codec::value::Form;
use crate::error::Result;
use crate::limits;

/// Bytes of JSON text that are parsed at once: some milliseconds.
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
    /// Values in the exact form, and where in the piece they belong.
    exact: Vec<(u32, Place, Bytes)>,
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
        self.write(stored, Place::Item)?;
        self.finish_item()
    }

    /// Adds a pair of a key and a stored value.
    ///
    /// # Errors
    /// `LimitExceeded`, `Corrupt`, `UnsupportedFormat`.
    pub fn pair(&mut self, key: JsStr<'_>, stored: &[u8]) -> Result<()> {
        self.begin(key.as_bytes().len() + stored.len())?;
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

    /// Weighs what comes before it is copied.
    fn begin(&mut self, bytes: usize) -> Result<()> {
        self.bytes += bytes + limits::RESULT_ITEM_BYTES;
        limits::within_result(self.bytes)?;
        limits::room_for(self.text.len() + bytes)?;
        self.text.push(if self.items == 0 { b'[' } else { b',' });
        Ok(())
    }

    fn write(&mut self, stored: &[u8], place: Place) -> Result<()> {
        match Form::of(stored)? {
            Form::Json(text) => self.text.extend_from_slice(text),
            Form::Exact(_) => {
                let copied = blobs::held(Bytes::copy_from_slice(stored));
                self.exact.push((self.items, place, copied));
                self.text.extend_from_slice(b"null");
            }
        }
        Ok(())
    }

    fn finish_item(&mut self) -> Result<()> {
        self.items += 1;
        if self.text.len() >= TEXT_BYTES {
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
        self.text.clear();
        self.items = 0;
        self.pieces.push(&piece);
        Ok(())
    }
}
