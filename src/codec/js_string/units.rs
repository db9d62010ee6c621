//! Converts between WTF-8 bytes and UTF-16 code units.

use std::cmp::Ordering;

/// The UTF-16 code units of a string.
#[derive(Clone)]
pub struct Units<'a> {
    rest: &'a [u8],
    low: Option<u16>,
}

impl<'a> Units<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            low: None,
        }
    }
}

impl Iterator for Units<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        if let Some(low) = self.low.take() {
            return Some(low);
        }
        let (code, rest) = decode(self.rest)?;
        self.rest = rest;
        if code < 0x1_0000 {
            return Some(low_half(code));
        }
        let above = code - 0x1_0000;
        self.low = Some(0xDC00 | low_half(above & 0x3FF));
        Some(0xD800 | low_half(above >> 10))
    }
}

fn low_half(code: u32) -> u16 {
    u16::try_from(code & 0xFFFF).unwrap_or(0)
}

/// The first code point and the bytes after it. A malformed byte decodes to U+FFFD.
pub(crate) fn decode(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let tail = |byte: u8| u32::from(byte & 0x3F);
    Some(match *bytes {
        [] => return None,
        [a @ 0..=0x7F, ref rest @ ..] => (u32::from(a), rest),
        [a @ 0xC2..=0xDF, b, ref rest @ ..] => (u32::from(a & 0x1F) << 6 | tail(b), rest),
        [a @ 0xE0..=0xEF, b, c, ref rest @ ..] => {
            (u32::from(a & 0x0F) << 12 | tail(b) << 6 | tail(c), rest)
        }
        [a @ 0xF0..=0xF4, b, c, d, ref rest @ ..] => (
            u32::from(a & 0x07) << 18 | tail(b) << 12 | tail(c) << 6 | tail(d),
            rest,
        ),
        [_, ref rest @ ..] => (0xFFFD, rest),
    })
}

/// Writes a code point, which may be a lone surrogate, in one to four bytes.
pub(crate) fn encode(code: u32, out: &mut Vec<u8>) {
    let byte = |bits: u32| u8::try_from(bits & 0xFF).unwrap_or(0);
    let tail = |shift: u32| byte(0x80 | (code >> shift & 0x3F));
    match code {
        0..=0x7F => out.push(byte(code)),
        0x80..=0x7FF => out.extend([byte(0xC0 | code >> 6), tail(0)]),
        0x800..=0xFFFF => out.extend([byte(0xE0 | code >> 12), tail(6), tail(0)]),
        _ => out.extend([byte(0xF0 | code >> 18), tail(12), tail(6), tail(0)]),
    }
}

/// Appends a code unit to WTF-8. A low surrogate after a high one completes the pair.
pub(crate) fn push(out: &mut Vec<u8>, unit: u16) {
    if matches!(unit, 0xDC00..=0xDFFF)
        && let Some(&[0xED, b @ 0xA0..=0xAF, c]) = out.last_chunk::<3>()
    {
        let high = u32::from(b & 0x0F) << 6 | u32::from(c & 0x3F);
        out.truncate(out.len() - 3);
        encode(0x1_0000 + (high << 10) + u32::from(unit & 0x3FF), out);
    } else {
        encode(u32::from(unit), out);
    }
}

/// Whether bytes are well-formed WTF-8, with every surrogate pair in its four-byte form.
pub(super) fn is_wtf8(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    let mut after_high = false;
    loop {
        let valid = match std::str::from_utf8(rest) {
            Ok(_) => return true,
            Err(error) => error.valid_up_to(),
        };
        after_high &= valid == 0;
        match rest.get(valid..) {
            Some(&[0xED, b @ 0xA0..=0xBF, 0x80..=0xBF, ref after @ ..]) => {
                let low = b >= 0xB0;
                if low && after_high {
                    return false;
                }
                after_high = !low;
                rest = after;
            }
            _ => return false,
        }
    }
}

/// Compares WTF-8 by UTF-16 code units.
pub(super) fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let Some(at) = a.iter().zip(b).position(|(x, y)| x != y) else {
        return a.len().cmp(&b.len());
    };
    let (a, b) = (a.get(at..).unwrap_or(&[]), b.get(at..).unwrap_or(&[]));
    match (a.first(), b.first()) {
        // Lone surrogates, pairs and code points above the surrogates sort differently as bytes.
        (Some(&x), Some(&y)) if x.max(y) >= 0xED && x >= 0xC0 && y >= 0xC0 => {
            Units::new(a).cmp(Units::new(b))
        }
        _ => a.cmp(b),
    }
}
