//! JavaScript strings on their way in and out.

use wasm_bindgen::prelude::*;

use super::errors;
use super::values::decode;
use crate::codec::js_string::{JsStr, JsString, json};
use crate::crossing;
use crate::error::{Error, Result};

/// What begins a string that crosses as JSON text, since UTF-8 cannot carry lone surrogates.
const ESCAPE: char = '\u{10FFFF}';

/// Undoes what the facade's `crossing` did.
///
/// # Errors
/// `InvalidArgument` where it was not the facade that made it.
pub fn received(crossing: &str) -> Result<JsString> {
    match crossing.strip_prefix(ESCAPE) {
        None => Ok(crossing.into()),
        Some(text) => json::read_quoted(text.as_bytes())
            .map_err(|_| Error::invalid("a string reached wasm in an unknown form")),
    }
}

/// The same for many strings.
///
/// # Errors
/// As [`received`].
pub fn all_received(crossing: &[String]) -> Result<Vec<JsString>> {
    crossing.iter().map(|each| received(each)).collect()
}

/// The JavaScript string.
///
/// # Errors
/// `LimitExceeded` when JavaScript has no room for it.
pub fn to_js(text: JsStr<'_>) -> Result<JsValue> {
    if let Some(text) = text.as_str() {
        return crossing::text(text).map_err(errors::refused);
    }
    let mut quoted = Vec::new();
    json::write_quoted(text, &mut quoted);
    decode::parse(&quoted)
}
