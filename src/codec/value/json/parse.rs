//! JSON text to trees.

use super::super::{MAX_DEPTH, Value};
use super::scan::{expect, malformed, skip_number, skip_string, skip_word};
use crate::codec::js_string::json::read_quoted;
use crate::error::{Error, Result};

/// The tree of a JSON text.
///
/// # Errors
/// `Corrupt` when it is malformed or nested deeper than [`MAX_DEPTH`].
pub fn parse(text: &[u8]) -> Result<Value> {
    let mut rest = text;
    let value = value(&mut rest, 0)?;
    if rest.is_empty() {
        Ok(value)
    } else {
        Err(malformed())
    }
}

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

fn value(rest: &mut &[u8], depth: usize) -> Result<Value> {
    match rest.first() {
        Some(b'"') => Ok(Value::String(read_quoted(skip_string(rest)?)?)),
        Some(b'{') => object(rest, deeper(depth)?),
        Some(b'[') => array(rest, deeper(depth)?),
        Some(b'-' | b'0'..=b'9') => Ok(Value::Number(parse_number(skip_number(rest))?)),
        Some(b't') => skip_word(rest, b"true").map(|_| Value::Bool(true)),
        Some(b'f') => skip_word(rest, b"false").map(|_| Value::Bool(false)),
        Some(b'n') => skip_word(rest, b"null").map(|_| Value::Null),
        _ => Err(malformed()),
    }
}

fn deeper(depth: usize) -> Result<usize> {
    if depth < MAX_DEPTH {
        Ok(depth + 1)
    } else {
        Err(Error::corrupt("a stored JSON text is nested too deeply"))
    }
}

fn array(rest: &mut &[u8], depth: usize) -> Result<Value> {
    let mut items = Vec::new();
    expect(rest, b'[')?;
    while rest.first() != Some(&b']') {
        if !items.is_empty() {
            expect(rest, b',')?;
        }
        items.push(value(rest, depth)?);
    }
    expect(rest, b']')?;
    Ok(Value::Array(items))
}

fn object(rest: &mut &[u8], depth: usize) -> Result<Value> {
    let mut properties = Vec::new();
    expect(rest, b'{')?;
    while rest.first() != Some(&b'}') {
        if !properties.is_empty() {
            expect(rest, b',')?;
        }
        let name = read_quoted(skip_string(rest)?)?;
        expect(rest, b':')?;
        properties.push((name, value(rest, depth)?));
    }
    expect(rest, b'}')?;
    Ok(Value::Object(properties))
}
