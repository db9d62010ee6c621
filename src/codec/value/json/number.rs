//! The numbers of JSON texts.

use super::scan::malformed;
use crate::error::Result;

/// The number that the text of a number stands for.
///
/// # Errors
/// `Corrupt` when it is none.
pub fn parse_number(text: &[u8]) -> Result<f64> {
    let number = std::str::from_utf8(text).ok().and_then(|text| {
        // Most are short integers, which are exact.
        if text.len() <= 15 && text != "-0" && !text.contains(['.', 'e', 'E']) {
            return text.parse::<i64>().ok().map(|whole| whole as f64);
        }
        spelled(text)
    });
    number
        .filter(|number| number.is_finite())
        .ok_or_else(malformed)
}

#[cfg(not(target_arch = "wasm32"))]
fn spelled(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// By the host: the tables of Rust's own parser would be a twentieth of the wasm.
#[cfg(target_arch = "wasm32")]
fn spelled(text: &str) -> Option<f64> {
    Some(js_sys::parse_float(text))
}
