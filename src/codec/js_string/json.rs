//! Converts between JavaScript strings and their JSON text, exactly as `JSON.stringify` writes it.

use super::{JsStr, JsString, units};
use crate::error::{Error, Result};

/// Writes a string with its quotes. Control characters become their short escape or
/// `\u00xx`, lone surrogates `\udxxx`; everything else is unchanged.
pub fn write_quoted(text: JsStr<'_>, out: &mut Vec<u8>) {
    out.reserve(text.as_bytes().len() + 2);
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|&byte| needs_escape(byte)) {
        let (plain, from) = rest.split_at(at);
        out.extend_from_slice(plain);
        rest = escape_first(from, out);
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// 0xED begins surrogates (and some characters that need no escape).
fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\' || byte == 0xED
}

fn escape_first<'a>(bytes: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let Some((code, rest)) = units::decode(bytes) else {
        return &[];
    };
    match code {
        0x08 => out.extend(b"\\b"),
        0x09 => out.extend(b"\\t"),
        0x0A => out.extend(b"\\n"),
        0x0C => out.extend(b"\\f"),
        0x0D => out.extend(b"\\r"),
        0x22 => out.extend(b"\\\""),
        0x5C => out.extend(b"\\\\"),
        0..0x20 | 0xD800..=0xDFFF => out.extend(format!("\\u{code:04x}").as_bytes()),
        _ => units::encode(code, out),
    }
    rest
}

/// Reads a string with its quotes.
///
/// # Errors
/// `Corrupt` if it is not a JSON string.
pub fn read_quoted(text: &[u8]) -> Result<JsString> {
    let Some([b'"', inner @ .., b'"']) = text.get(..) else {
        return Err(malformed());
    };
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.iter().position(|&byte| byte == b'\\') {
        let (plain, from) = rest.split_at(at);
        out.extend_from_slice(plain);
        rest = unescape_first(from, &mut out)?;
    }
    out.extend_from_slice(rest);
    JsString::from_wtf8(out).map_err(|_| malformed())
}

/// Writes what the escape at the beginning of `bytes` stands for, as WTF-8; returns the bytes after it.
///
/// # Errors
/// `Corrupt` if there is none.
pub(in crate::codec) fn unescape_first<'a>(bytes: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8]> {
    let (plain, rest) = match *bytes {
        [_, b'u', ref rest @ ..] => {
            let (digits, rest) = rest.split_first_chunk::<4>().ok_or_else(malformed)?;
            units::push(out, hex(*digits)?);
            return Ok(rest);
        }
        [_, b'b', ref rest @ ..] => (0x08, rest),
        [_, b't', ref rest @ ..] => (0x09, rest),
        [_, b'n', ref rest @ ..] => (0x0A, rest),
        [_, b'f', ref rest @ ..] => (0x0C, rest),
        [_, b'r', ref rest @ ..] => (0x0D, rest),
        [_, plain @ (b'"' | b'\\' | b'/'), ref rest @ ..] => (plain, rest),
        _ => return Err(malformed()),
    };
    out.push(plain);
    Ok(rest)
}

fn hex(digits: [u8; 4]) -> Result<u16> {
    digits.iter().try_fold(0, |sum, &digit| {
        let value = char::from(digit).to_digit(16).ok_or_else(malformed)?;
        Ok(sum << 4 | u16::try_from(value).unwrap_or(0))
    })
}

fn malformed() -> Error {
    Error::corrupt("a stored JSON string is malformed")
}
