//! Decodes whole sort keys.

use super::encode::Encoder;
use super::number;
use crate::codec::js_string::{JsString, units};
use crate::codec::kinds::sort;
use crate::codec::value::{BytesKind, MAX_DEPTH, Value};
use crate::error::{Error, Result};
use crate::record::Id;

/// A value that is equal to every one with this key, which must be whole. Of bytes there is a buffer; of what lies beside its
/// value the name alone, of a reference the hash. `None` where the key does not tell it: a container that is too large for a key, or a bigint that is
/// far larger than its key.
///
/// # Errors
/// `Corrupt` if the bytes are no key.
pub fn decode(key: &[u8]) -> Result<Option<Value>> {
    let mut reader = Reader { rest: key };
    let value = reader.value(0)?;
    if reader.rest.is_empty() {
        Ok(value)
    } else {
        Err(corrupt())
    }
}

/// Reads parts of a key, without making anything of containers.
pub(super) struct Reader<'a> {
    pub rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn byte(&mut self) -> Result<u8> {
        let (&byte, rest) = self.rest.split_first().ok_or_else(corrupt)?;
        self.rest = rest;
        Ok(byte)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or_else(corrupt)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// The bytes up to an end, which are escaped still; `turned`: all of them are inverted.
    pub fn escaped(&mut self, turned: u8) -> Result<&'a [u8]> {
        let end = self
            .rest
            .iter()
            .position(|&byte| byte ^ turned == sort::END);
        let (bytes, rest) = self.rest.split_at(end.ok_or_else(corrupt)?);
        self.rest = rest.get(1..).unwrap_or_default();
        Ok(bytes)
    }

    fn value(&mut self, depth: usize) -> Result<Option<Value>> {
        let kind = self.byte()?;
        Ok(Some(match kind {
            sort::UNDEFINED => Value::Undefined,
            sort::NULL => Value::Null,
            sort::FALSE => Value::Bool(false),
            sort::TRUE => Value::Bool(true),
            sort::NAN => Value::Number(f64::NAN),
            sort::MINUS_INFINITY => Value::Number(f64::NEG_INFINITY),
            sort::ZERO => Value::Number(0.0),
            sort::INFINITY => Value::Number(f64::INFINITY),
            sort::MINUS_HUGE..=sort::HUGE => return self.number(kind),
            sort::STRING => Value::String(self.text()?),
            sort::DATE => Value::Date(date(u64::from_be_bytes(self.array()?))?),
            sort::BYTES => {
                let content = self.escaped(0)?;
                Value::Bytes(BytesKind::ArrayBuffer, unescaped(content, 0)?)
            }
            sort::ATTACHED => Value::Attached {
                id: Id(self.array()?),
                size: 0,
                media_type: JsString::default(),
                file: None,
            },
            sort::BLOB_REF => Value::BlobRef {
                hash: self.array()?,
                size: 0,
                media_type: JsString::default(),
            },
            sort::ARRAY..=sort::SET => {
                if depth == 0 && self.rest.first() == Some(&sort::TOO_LARGE) {
                    self.byte()?;
                    return Ok(None);
                }
                if depth >= MAX_DEPTH {
                    return Err(corrupt());
                }
                return self.container(kind, depth + 1);
            }
            _ => return Err(corrupt()),
        }))
    }

    fn number(&mut self, kind: u8) -> Result<Option<Value>> {
        let negative = kind < sort::ZERO;
        let turned = if negative { 0xFF } else { 0 };
        let is_huge = matches!(kind, sort::HUGE | sort::MINUS_HUGE);
        let found = if is_huge {
            let place = u32::from_be_bytes(self.array::<4>()?.map(|byte| byte ^ turned));
            number::huge(place, &unescaped(self.escaped(turned)?, turned)?, negative)
        } else {
            let bits = u64::from_be_bytes(self.array::<8>()?.map(|byte| byte ^ turned));
            let below = unescaped(self.escaped(turned)?, turned)?;
            number::ordinary(bits, &below, negative).map(Some)
        };
        found.ok_or_else(corrupt)
    }

    fn text(&mut self) -> Result<JsString> {
        let escaped = self.escaped(0)?;
        let bytes = unescaped(escaped, 0)?;
        let mut out = Vec::with_capacity(bytes.len());
        let mut left = &bytes[..];
        while let Some((code, after)) = units::decode(left) {
            left = after;
            units::push(&mut out, u16::try_from(code).map_err(|_| corrupt())?);
        }
        let mut again = Encoder::default();
        let is_same = again.text(&out).is_ok() && again.out == escaped;
        let text = JsString::from_wtf8(out).ok().filter(|_| is_same);
        text.ok_or_else(corrupt)
    }

    fn container(&mut self, kind: u8, depth: usize) -> Result<Option<Value>> {
        let (mut items, mut properties, mut entries) = (Vec::new(), Vec::new(), Vec::new());
        let mut is_told = true;
        if kind == sort::OBJECT {
            let mut names = Vec::new();
            while self.byte_of(sort::NAME)? {
                names.push(self.text()?);
            }
            for name in names {
                match self.value(depth)? {
                    Some(value) => properties.push((name, value)),
                    None => is_told = false,
                }
            }
            return Ok(is_told.then_some(Value::Object(properties)));
        }
        while self.byte_of(sort::ITEM)? {
            let first = self.value(depth)?;
            if kind != sort::MAP {
                is_told &= first.is_some();
                items.extend(first);
                continue;
            }
            match (first, self.value(depth)?) {
                (Some(key), Some(value)) => entries.push((key, value)),
                _ => is_told = false,
            }
        }
        Ok(is_told.then_some(match kind {
            sort::ARRAY => Value::Array(items),
            sort::SET => Value::Set(items),
            _ => Value::Map(entries),
        }))
    }

    /// Whether the next byte is this one; otherwise it must be an end.
    pub fn byte_of(&mut self, wanted: u8) -> Result<bool> {
        match self.byte()? {
            sort::END => Ok(false),
            byte if byte == wanted => Ok(true),
            _ => Err(corrupt()),
        }
    }
}

fn date(sortable: u64) -> Result<f64> {
    let time = match sortable {
        0 => return Ok(f64::NAN),
        _ if sortable >> 63 == 1 => f64::from_bits(sortable & !(1 << 63)),
        _ => f64::from_bits(!sortable),
    };
    if time.is_nan() || time.to_bits() == 1 << 63 {
        return Err(corrupt());
    }
    Ok(time)
}

fn unescaped(bytes: &[u8], turned: u8) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut bytes = bytes.iter().map(|byte| byte ^ turned);
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            1 => match bytes.next() {
                Some(second @ 1..=2) => second - 1,
                _ => return Err(corrupt()),
            },
            _ => byte,
        });
    }
    Ok(out)
}

pub(super) fn corrupt() -> Error {
    Error::corrupt("a stored sort key is malformed")
}
