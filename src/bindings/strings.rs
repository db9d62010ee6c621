//! Converts strings from and to JavaScript.

use wasm_bindgen::prelude::*;

use super::refused::refused;
use super::values::decode;
use crate::codec::js_string::{JsStr, JsString, json};
use crate::crossing;
use crate::error::{Error, Result};

/// Begins a string that is passed as JSON text, because UTF-8 cannot represent its lone surrogates.
const ESCAPE: char = '\u{10FFFF}';

/// Decodes a string that the facade's `crossing` has encoded.
///
/// # Errors
/// `InvalidArgument` if the encoding is not valid.
pub fn received(crossing: &str) -> Result<JsString> {
    match crossing.strip_prefix(ESCAPE) {
        None => Ok(crossing.into()),
        Some(text) => json::read_quoted(text.as_bytes())
            .map_err(|_| Error::invalid("a string reached wasm in an unknown form")),
    }
}

/// Decodes many strings.
///
/// # Errors
/// See [`received`].
pub fn all_received(crossing: &[String]) -> Result<Vec<JsString>> {
    crossing.iter().map(|each| received(each)).collect()
}

/// Converts a string to JavaScript.
///
/// # Errors
/// `LimitExceeded` if JavaScript has no memory for it.
pub fn to_js(text: JsStr<'_>) -> Result<JsValue> {
    if let Some(text) = text.as_str() {
        return crossing::text(text).map_err(refused);
    }
    let mut quoted = Vec::new();
    json::write_quoted(text, &mut quoted);
    decode::parse(&quoted)
}
