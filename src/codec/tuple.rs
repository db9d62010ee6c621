//! Order-preserving tuple keys: their bytes sort like the tuples.
//!
//! A key is a kind byte, then strings, then (in some kinds) the 12 raw bytes of an
//! [`Order`](super::order::Order). A string is
//!
//! ```text
//! every UTF-16 code unit separately, as 1–3 bytes (CESU-8)   order of code units = order of bytes
//!   0x00 inside it is written 0x00 0xFF                      so that it does not end the string
//! 0x00                                                       terminator
//! ```
//!
//! The terminator sorts below every continuation, and no element begins with 0xFF, so a string
//! sorts before all strings of which it is a prefix, whatever follows it in the key.

use super::js_string::{JsStr, JsString, units};
use super::range::KeyRange;
use crate::error::{Error, Result};
use bytes::Bytes;
use std::cmp::Ordering;

const END: u8 = 0x00;
const ESCAPED: u8 = 0xFF;

/// Appends a string and its terminator.
pub fn push_string(key: &mut Vec<u8>, text: JsStr<'_>) {
    push_prefix(key, text);
    key.push(END);
}

/// Appends a string without its terminator. This is a prefix of the encodings of all strings that
/// begin with it.
pub fn push_prefix(key: &mut Vec<u8>, text: JsStr<'_>) {
    let bytes = text.as_bytes();
    if bytes.iter().all(|&byte| byte != 0 && byte < 0xF0) {
        key.extend_from_slice(bytes);
        return;
    }
    for unit in text.units() {
        match unit {
            0 => key.extend([END, ESCAPED]),
            _ => units::encode(u32::from(unit), key),
        }
    }
}

/// Reads a string at the beginning of `bytes`. Returns it and the bytes after its terminator.
///
/// # Errors
/// `Corrupt` if the bytes are not exactly what [`push_string`] writes.
pub fn read_string(bytes: &[u8]) -> Result<(JsString, &[u8])> {
    let (encoded, rest) = split_string(bytes)?;
    if encoded
        .iter()
        .all(|&byte| !matches!(byte, END | 0xED | 0xF0..))
    {
        return Ok((JsString::from_wtf8(encoded.to_vec())?, rest));
    }
    let mut out = Vec::with_capacity(encoded.len());
    let mut left = encoded;
    while let Some((code, after)) = units::decode(left) {
        left = after;
        if code == 0 {
            left = after.get(1..).unwrap_or(&[]);
        }
        units::push(&mut out, u16::try_from(code).map_err(|_| corrupt())?);
    }
    let text = JsString::from_wtf8(out).map_err(|_| corrupt())?;
    let mut again = Vec::with_capacity(encoded.len());
    push_prefix(&mut again, text.as_js());
    if again == encoded {
        Ok((text, rest))
    } else {
        Err(corrupt())
    }
}

/// Splits off the encoding of the string at the beginning of `bytes`, without its terminator. Returns it
/// and the bytes after the terminator.
///
/// # Errors
/// `Corrupt` if there is no terminator.
pub fn split_string(bytes: &[u8]) -> Result<(&[u8], &[u8])> {
    let mut from = 0;
    loop {
        let ahead = bytes.get(from..).ok_or_else(corrupt)?;
        let at = from
            + ahead
                .iter()
                .position(|&byte| byte == END)
                .ok_or_else(corrupt)?;
        if bytes.get(at + 1) == Some(&ESCAPED) {
            from = at + 2;
            continue;
        }
        let (encoded, rest) = bytes.split_at(at);
        return Ok((encoded, rest.get(1..).unwrap_or(&[])));
    }
}

/// The lowest key above all keys that begin with `prefix`. There always is one, because prefixes begin
/// with a kind byte below 0xFF.
#[must_use]
pub fn after_prefix(prefix: &[u8]) -> Bytes {
    let kept = prefix
        .iter()
        .rposition(|&byte| byte != 0xFF)
        .map_or(0, |at| at + 1);
    let mut until: Vec<u8> = prefix.iter().copied().take(kept).collect();
    match until.last_mut() {
        Some(last) => *last += 1,
        None => until.push(0xFF),
    }
    until.into()
}

/// The range of all keys that begin with `prefix`.
#[must_use]
pub fn prefix_range(prefix: Bytes) -> KeyRange {
    let until = after_prefix(&prefix);
    KeyRange {
        from: prefix,
        until,
    }
}

/// The range of all keys that begin with the complete elements `elements`. This differs from
/// [`prefix_range`]: the terminator of "a" is also the first byte of the escape in "a\0", whose keys belong
/// to another string.
#[must_use]
pub fn range_within(elements: Bytes) -> KeyRange {
    let mut until = elements.to_vec();
    until.push(ESCAPED);
    KeyRange {
        from: elements,
        until: until.into(),
    }
}

/// Compares keys eight bytes at a time. The keys of a collection share about their first thirty bytes, and the
/// standard comparison in wasm goes byte by byte.
#[must_use]
pub fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let (a_words, b_words) = (a.as_chunks::<8>().0, b.as_chunks::<8>().0);
    for (x, y) in a_words.iter().zip(b_words) {
        if u64::from_ne_bytes(*x) != u64::from_ne_bytes(*y) {
            return u64::from_be_bytes(*x).cmp(&u64::from_be_bytes(*y));
        }
    }
    let common = 8 * a_words.len().min(b_words.len());
    a.get(common..).cmp(&b.get(common..))
}

fn corrupt() -> Error {
    Error::corrupt("a stored key is malformed")
}

#[cfg(test)]
mod tests;
