//! Decodes stored values to JavaScript values.

use js_sys::{Array, JSON};
use wasm_bindgen::prelude::*;

use crate::bindings::hooks::{Decoder, hooks};
use crate::bindings::refused::refused;
use crate::codec::value::Form;
use crate::codec::value::attached::has_attached;
use crate::error::{Error, Result};

/// Decodes a stored value.
///
/// # Errors
/// `Corrupt`, `UnsupportedFormat`; `LimitExceeded` or `Unavailable` if the browser cannot create the value.
pub fn decode(stored: &[u8]) -> Result<JsValue> {
    match Form::of(stored)? {
        Form::Json(text) => parse(text),
        Form::Exact(_) => {
            let beside = has_attached(stored).then(|| super::beside(stored));
            decoder()?
                .decode_exact(stored, &beside.transpose()?.unwrap_or_default())
                .map_err(refused)
        }
    }
}

/// Decodes many values in the exact form with a single call to JavaScript. `stored` holds them one after another; each
/// ends at one of `ends` and goes to one of `places` in `list`, or into the pair there. `beside` holds their Blobs.
///
/// # Errors
/// `Corrupt`; `LimitExceeded` or `Unavailable` if the browser cannot create one of the values.
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
        .map_err(refused)
}

fn decoder() -> Result<Decoder> {
    let hooks = hooks().ok_or_else(|| Error::internal("the facade has not registered"))?;
    Ok(hooks.decoder)
}

/// Parses JSON text.
///
/// # Errors
/// `Corrupt` if the text is not JSON; `LimitExceeded` if JavaScript has no memory for the value.
pub fn parse(text: &[u8]) -> Result<JsValue> {
    let text = str::from_utf8(text).map_err(|_| Error::corrupt("stored text is not UTF-8"))?;
    JSON::parse(text).map_err(refused)
}
