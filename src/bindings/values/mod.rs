//! Values: between JavaScript and their stored bytes.

pub mod decode;

use bytes::Bytes;
use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::prelude::*;

use super::errors::refused;
use crate::codec::value::{self, Form};
use crate::crossing;
use crate::error::{Error, Result};

/// The stored form of what the facade encoded: JSON text, or an exact form.
///
/// # Errors
/// `InvalidArgument` where it was not the facade that made it.
pub fn stored(encoded: &JsValue) -> Result<Bytes> {
    if let Some(text) = encoded.as_string() {
        return Ok(value::from_json(text.as_bytes()));
    }
    if !ArrayBuffer::is_view(encoded.unchecked_ref()) {
        return Err(Error::invalid("a value reached wasm in an unknown form"));
    }
    Ok(encoded.unchecked_ref::<Uint8Array>().to_vec().into())
}

/// The facade's encoded form of a stored value.
///
/// # Errors
/// `Corrupt`, `UnsupportedFormat`; `Unavailable` when JavaScript has no room for it.
pub fn encoded(stored: &[u8]) -> Result<JsValue> {
    match Form::of(stored)? {
        Form::Json(text) => {
            let text = str::from_utf8(text);
            let text = text.map_err(|_| Error::corrupt("stored text is not UTF-8"))?;
            crossing::text(text)
        }
        Form::Exact(_) => crossing::bytes(stored).map(Into::into),
    }
    .map_err(refused)
}
