//! Sort keys: bytes of values that sort as [`compare::order`](super::value::compare::order) says, and are equal exactly
//! where [`equal`](super::value::compare::equal) says so. No key is the beginning of another, so that keys may follow one
//! another, and "equal" is the range of all keys that begin with one.
//!
//! ```text
//! 00 undefined, absent · 01 null · 02 false · 03 true
//! 04 NaN · 05 −∞ · 06 number ≤ −2^1024 · 07 negative · 08 zero, −0 · 09 positive · 0A ≥ 2^1024 · 0B ∞
//!    09  8 bytes, big-endian: the f64 that is the value cut towards zero to 53 significant bits
//!        Esc(the bits below these, left-aligned, zero bytes at the end left out)
//!    0A  4 bytes, big-endian: the place of the leading bit · Esc(the bits below it, likewise)
//!    07, 06  what 09, 0A have for the magnitude, every byte inverted
//! 0C Esc(UTF-16 units, each as 1–3 bytes: CESU-8)
//! 0D 8 bytes, big-endian: the bits of the f64, negative ones inverted, others with the sign bit set, −0 as 0; NaN: zeros
//! 0E Esc(content): buffers, views, Blobs, Files · 0F 16 name: one beside its value
//! 10 array n × (01 element) 00 · 13 Set: likewise, sorted · 12 Map n × (01 key value) 00, sorted
//! 11 object, its properties that are not undefined, sorted by name: n × (02 Esc(name)) 00, n × value
//! Esc: 00 → 01 01, 01 → 01 02; 00 at the end
//! ```
//!
//! **Cut.** Of a key above [`MAX_BYTES`] there are the first so many bytes, then 16 of the SHA-256 over its first
//! [`MAX_ENCODED`]. Those that differ within the bytes that are kept still sort right, and no whole key begins a cut one.
//! A container whose key passes [`MAX_ENCODED`] is its kind and FF. What is cut is a candidate: it may be equal to
//! what has the same key.

use sha2::{Digest, Sha256};

use super::js_string::JsStr;
use super::kinds::sort;
use super::value::{ExactWriter, Form, Value};
use crate::error::Result;

mod decode;
mod encode;
mod number;
mod split;

pub use decode::decode;
pub use encode::MAX_ENCODED;
pub use split::{CUT_BYTES, Component, MAX_BYTES, split};

use encode::{Encoder, Stop};
use split::HASH_BYTES;

/// The sort key of a value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SortKey {
    /// Its bytes, [`CUT_BYTES`] at most.
    pub bytes: Vec<u8>,
    /// Whether others may have the same.
    pub is_cut: bool,
}

impl SortKey {
    /// The key of a stored value; of `None`, that of nothing.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn of(value: Option<Form<'_>>) -> Result<Self> {
        let Some(value) = value else {
            return Ok(Self::absent());
        };
        let mut encoder = Encoder::default();
        match encoder.value(value) {
            Ok(()) => {}
            Err(Stop::Broken(error)) => return Err(error),
            Err(Stop::Full) if encoder.is_container() => {
                encoder.out.truncate(1);
                encoder.out.push(sort::TOO_LARGE);
                return Ok(Self {
                    bytes: encoder.out,
                    is_cut: true,
                });
            }
            Err(Stop::Full) => encoder.out.truncate(MAX_ENCODED),
        }
        Ok(Self::cut(encoder.out))
    }

    /// The key of a value that is at hand as a tree.
    ///
    /// # Errors
    /// `NotStorable` if it is nested too deeply.
    pub fn of_value(value: &Value) -> Result<Self> {
        let mut writer = ExactWriter::headless();
        value.write(&mut writer)?;
        Self::of(Some(Form::Exact(&writer.finish()?)))
    }

    /// The key of `undefined`, and of what is not there.
    #[must_use]
    pub fn absent() -> Self {
        Self {
            bytes: vec![sort::UNDEFINED],
            is_cut: false,
        }
    }

    /// What the keys of all strings begin with that begin with `text`; if that is cut, some others, too.
    #[must_use]
    pub fn beginning(text: JsStr<'_>) -> Self {
        let mut encoder = Encoder::default();
        encoder.out.push(sort::STRING);
        // Where it is full, more than enough is there.
        drop(encoder.text(text.as_bytes()));
        let is_cut = encoder.out.len() > MAX_BYTES;
        encoder.out.truncate(MAX_BYTES);
        Self {
            bytes: encoder.out,
            is_cut,
        }
    }

    /// Whether it is that of a container whose key passes [`MAX_ENCODED`]: it comes behind all others of its kind.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        matches!(self.bytes[..], [sort::ARRAY..=sort::SET, sort::TOO_LARGE])
    }

    /// The bytes that say where in the order the value stands: of a cut key without its hash.
    #[must_use]
    pub fn sorting(&self) -> &[u8] {
        self.bytes.get(..MAX_BYTES).unwrap_or(&self.bytes)
    }

    fn cut(mut bytes: Vec<u8>) -> Self {
        let is_cut = bytes.len() > MAX_BYTES;
        if is_cut {
            let hash = Sha256::digest(&bytes);
            bytes.truncate(MAX_BYTES);
            bytes.extend(hash.iter().take(HASH_BYTES));
            bytes.shrink_to_fit();
        }
        Self { bytes, is_cut }
    }
}

/// The keys of the values with which operators of comparison compare a value, from (inclusive) and until (exclusive): those of its
/// kind, without NaN and invalid Dates. `None` where they compare with nothing.
#[must_use]
pub fn comparable(key: &[u8]) -> Option<(&'static [u8], &'static [u8])> {
    const INVALID_DATE: &[u8] = &[sort::DATE, 0, 0, 0, 0, 0, 0, 0, 0];
    const DATES: &[u8] = &[sort::DATE, 0, 0, 0, 0, 0, 0, 0, 1];
    Some(match key.first()? {
        &sort::FALSE | &sort::TRUE => (&[sort::FALSE], &[sort::NAN]),
        sort::MINUS_INFINITY..=sort::INFINITY => (&[sort::MINUS_INFINITY], &[sort::STRING]),
        &sort::STRING => (&[sort::STRING], &[sort::DATE]),
        &sort::DATE if key != INVALID_DATE => (DATES, &[sort::BYTES]),
        &sort::BYTES => (&[sort::BYTES], &[sort::ATTACHED]),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
