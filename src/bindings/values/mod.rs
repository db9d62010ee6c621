//! Converts values between JavaScript and their stored bytes.

pub mod decode;
mod inline;

use bytes::Bytes;
use js_sys::{Array, ArrayBuffer, Function, Promise, Reflect, Uint8Array};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::refused::refused;
use crate::blobs::{self, Blob};
use crate::codec::value::attached::{self, has_attached};
use crate::codec::value::{self, Form};
use crate::crossing;
use crate::error::{Code, Error, Result};
use crate::limits;

/// The stored form of a value that the facade has encoded, as JSON text or in the exact form.
///
/// # Errors
/// `InvalidArgument` if it is neither of these; `LimitExceeded`; `Corrupt` as in [`taken`].
pub fn stored(encoded: &JsValue) -> Result<Bytes> {
    if let Some(text) = encoded.as_string() {
        limits::room_for(text.len())?;
        return Ok(value::from_json(text.as_bytes()));
    }
    if !ArrayBuffer::is_view(encoded.unchecked_ref()) {
        return Err(Error::invalid("a value reached wasm in an unknown form"));
    }
    taken(encoded.unchecked_ref())
}

/// The property of an encoded value's bytes that holds the Blobs to store beside the value.
const BLOBS: &str = "blobs";

/// The stored form of bytes that the facade has encoded.
///
/// # Errors
/// `LimitExceeded` if they are too large; `Corrupt` if they and their Blobs do not match.
pub fn taken(encoded: &Uint8Array) -> Result<Bytes> {
    let length = encoded.length() as usize;
    limits::within("a value", length, limits::MAX_VALUE_BYTES)?;
    limits::room_for(length)?;
    let bytes = Bytes::from(encoded.to_vec());
    if !has_attached(&bytes) {
        return Ok(bytes);
    }
    let beside = Reflect::get(encoded, &BLOBS.into()).unwrap_or_default();
    if !Array::is_array(&beside) {
        return blobs::offered(bytes, Vec::new());
    }
    let beside = beside.unchecked_ref::<Array>().iter();
    blobs::offered(bytes, beside.map(|blob| Rc::new(blob) as Blob).collect())
}

/// The Blobs that a stored value or a piece's record refers to.
///
/// # Errors
/// `Corrupt`, `Internal`.
pub fn beside(bytes: &[u8]) -> Result<Array> {
    let all = blobs::all(bytes)?;
    Ok(all.iter().map(in_js).collect())
}

/// Moves the Blobs beside a stored value into it, as the storage gives them back.
///
/// # Errors
/// `NotStorable` if one cannot be read; `Corrupt`, `Internal`.
pub async fn with_blobs_inside(stored: Bytes) -> Result<Bytes> {
    let unreadable = |cause: JsValue| {
        let message = "a Blob that is to be encrypted could not be read";
        Error::new(Code::NotStorable, message).with_cause(Rc::new(cause))
    };
    let mut contents = Vec::new();
    for blob in beside(&stored)? {
        let reading = Reflect::get(&blob, &"arrayBuffer".into())
            .and_then(|method| method.unchecked_into::<Function>().call0(&blob));
        let reading = reading.map_err(unreadable)?.unchecked_into::<Promise>();
        let content = JsFuture::from(reading).await.map_err(unreadable)?;
        contents.push(Uint8Array::new(&content).to_vec());
    }
    let read: usize = contents.iter().map(Vec::len).sum();
    if read as u64 != attached::bytes_beside(&stored) {
        return Err(unreadable(JsValue::UNDEFINED));
    }
    attached::inlined(&stored, &contents).map(Bytes::from)
}

/// The JavaScript Blob behind an opaque one.
fn in_js(blob: &Blob) -> JsValue {
    blob.downcast_ref().cloned().unwrap_or_default()
}

/// A stored value in the encoded form that the facade decodes.
///
/// # Errors
/// `Corrupt`, `UnsupportedFormat`; `LimitExceeded` if JavaScript has no memory for it.
pub fn encoded(stored: &[u8]) -> Result<JsValue> {
    match Form::of(stored)? {
        Form::Json(text) => {
            let text = str::from_utf8(text);
            let text = text.map_err(|_| Error::corrupt("stored text is not UTF-8"))?;
            crossing::text(text)
        }
        Form::Exact(_) => {
            let bytes = crossing::bytes(stored).map_err(refused)?;
            if has_attached(stored) {
                Reflect::set(&bytes, &BLOBS.into(), beside(stored)?.as_ref()).map_err(refused)?;
            }
            return Ok(bytes.into());
        }
    }
    .map_err(refused)
}
