//! Numbers in JSON text.

use super::scan::malformed;
use crate::error::Result;

/// Parses the text of a JSON number.
///
/// # Errors
/// `Corrupt` if it is not a finite number.
pub fn parse_number(text: &[u8]) -> Result<f64> {
    let number = std::str::from_utf8(text).ok().and_then(|text| {
        // Most numbers are short integers, which convert exactly.
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

/// Lets the host parse: the tables of Rust's own parser would be a twentieth of the wasm.
#[cfg(target_arch = "wasm32")]
fn spelled(text: &str) -> Option<f64> {
    Some(js_sys::parse_float(text))
}
