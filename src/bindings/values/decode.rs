//! From stored values to JavaScript.

use js_sys::{Array, JSON};
use wasm_bindgen::prelude::*;

use crate::bindings::errors;
use crate::bindings::hooks::{Decoder, hooks};
use crate::codec::value::Form;
use crate::codec::value::attached::has_attached;
use crate::error::{Error, Result};

/// The JavaScript value that a stored value stands for.
///
/// # Errors
/// `Corrupt`, `UnsupportedFormat`; `LimitExceeded` or `Unavailable` where the browser cannot make it.
pub fn decode(stored: &[u8]) -> Result<JsValue> {
    match Form::of(stored)? {
        Form::Json(text) => parse(text),
        Form::Exact(_) => {
            let beside = has_attached(stored).then(|| super::beside(stored));
            decoder()?
                .decode_exact(stored, &beside.transpose()?.unwrap_or_default())
                .map_err(errors::refused)
        }
    }
}

/// Puts the values of exact forms that lie one after another, each up to one of `ends`, at `places`
/// of a list, or as the second of the pairs there: in one crossing. `beside`: the Blobs that lie beside them.
///
/// # Errors
/// `Corrupt`; `LimitExceeded` or `Unavailable` where the browser cannot make one of them.
pub fn place_exact(
    list: &Array,
    in_pairs: bool,
    stored: &[u8],
    beside: &Array,
    ends: &[u32],
    places: &[u32],
) -> Result<()> {
    decoder()?
        .place_exact(list, in_pairs, stored, beside, ends, places)
        .map_err(errors::refused)
}

fn decoder() -> Result<Decoder> {
    let hooks = hooks().ok_or_else(|| Error::internal("the facade has not registered"))?;
    Ok(hooks.decoder)
}

/// Parses JSON text.
///
/// # Errors
/// `Corrupt` when it is none; `LimitExceeded` when JavaScript has no room for it.
pub fn parse(text: &[u8]) -> Result<JsValue> {
    let text = str::from_utf8(text).map_err(|_| Error::corrupt("stored text is not UTF-8"))?;
    JSON::parse(text).map_err(errors::refused)
}
