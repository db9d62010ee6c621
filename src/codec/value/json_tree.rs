//! Parses JSON text to trees.

use super::MAX_DEPTH;
use super::json::{expect, malformed, parse_number, skip_number, skip_string, skip_word};
use super::tree::Value;
use crate::codec::js_string::json::read_quoted;
use crate::error::{Error, Result};

/// Parses a JSON text to a tree.
///
/// # Errors
/// `Corrupt` if it is malformed or nested deeper than [`MAX_DEPTH`].
pub fn parse(text: &[u8]) -> Result<Value> {
    let mut rest = text;
    let value = value(&mut rest, 0)?;
    if rest.is_empty() {
        Ok(value)
    } else {
        Err(malformed())
    }
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
