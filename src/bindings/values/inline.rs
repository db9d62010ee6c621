//! Blobs beside encoded values.

use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;

use crate::bindings::errors;
use crate::bindings::refused::refused;
use crate::codec::value::attached;
use crate::crossing;

/// Moves the Blobs beside an encoded value into it. `contents` are their bytes, in order.
///
/// # Errors
/// `Corrupt` if the value is malformed or `contents` does not match it.
#[wasm_bindgen(js_name = inlineBlobs)]
#[expect(
    clippy::needless_pass_by_value,
    reason = "wasm-bindgen hands vectors over"
)]
pub fn inline_blobs(encoded: &[u8], contents: Vec<Uint8Array>) -> Result<Uint8Array, JsValue> {
    let contents: Vec<_> = contents.iter().map(Uint8Array::to_vec).collect();
    let inlined = attached::inlined(encoded, &contents);
    let crossed = inlined.and_then(|inlined| crossing::bytes(&inlined).map_err(refused));
    crossed.map_err(|error| errors::to_js(&error))
}
