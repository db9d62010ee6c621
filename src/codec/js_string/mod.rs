//! JavaScript strings in Rust: any sequence of UTF-16 code units, including lone surrogates.
//!
//! They are stored as WTF-8: UTF-8 in which a lone surrogate takes three bytes and a *pair* is
//! always in its four-byte form, so that equal strings have equal bytes.

use std::cmp::Ordering;
use std::fmt;

use crate::error::{Error, Result};

pub mod json;
pub(crate) mod units;

pub use units::Units;

/// A borrowed JavaScript string.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct JsStr<'a>(&'a [u8]);

/// An owned JavaScript string.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct JsString(Vec<u8>);

impl<'a> JsStr<'a> {
    /// A string from WTF-8 bytes.
    ///
    /// # Errors
    /// `Corrupt` if the bytes are not WTF-8 in its canonical form.
    pub fn from_wtf8(bytes: &'a [u8]) -> Result<Self> {
        if std::str::from_utf8(bytes).is_ok() || units::is_wtf8(bytes) {
            Ok(Self(bytes))
        } else {
            Err(Error::corrupt("a stored string is not well-formed"))
        }
    }

    /// A string from bytes that were already checked to be WTF-8.
    pub(crate) fn trusted(bytes: &'a [u8]) -> Self {
        debug_assert!(units::is_wtf8(bytes), "not WTF-8");
        Self(bytes)
    }

    /// The WTF-8 bytes.
    #[must_use]
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The string as a `str`; `None` if it contains a lone surrogate.
    #[must_use]
    pub fn as_str(self) -> Option<&'a str> {
        std::str::from_utf8(self.0).ok()
    }

    /// Whether the string is `""`.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The length in UTF-16 code units, like `length` in JavaScript.
    #[must_use]
    pub fn len_utf16(self) -> usize {
        let starts = self.0.iter().filter(|&&byte| byte & 0xC0 != 0x80).count();
        let pairs = self.0.iter().filter(|&&byte| byte >= 0xF0).count();
        starts + pairs
    }

    /// The UTF-16 code units of the string.
    #[must_use]
    pub fn units(self) -> Units<'a> {
        Units::new(self.0)
    }

    /// A copy that owns its bytes.
    #[must_use]
    pub fn to_owned(self) -> JsString {
        JsString(self.0.to_vec())
    }

    /// The string for messages, with U+FFFD for lone surrogates.
    #[must_use]
    pub fn to_display(self) -> String {
        char::decode_utf16(self.units())
            .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect()
    }
}

impl<'a> From<&'a str> for JsStr<'a> {
    fn from(text: &'a str) -> Self {
        Self(text.as_bytes())
    }
}

impl<'a> From<&'a JsString> for JsStr<'a> {
    fn from(text: &'a JsString) -> Self {
        text.as_js()
    }
}

impl Ord for JsStr<'_> {
    /// Compares by UTF-16 code units, as JavaScript does.
    fn cmp(&self, other: &Self) -> Ordering {
        units::compare(self.0, other.0)
    }
}

impl PartialOrd for JsStr<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for JsStr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Vec::new();
        json::write_quoted(*self, &mut out);
        f.write_str(&String::from_utf8_lossy(&out))
    }
}

impl JsString {
    /// A string from UTF-16 code units.
    #[must_use]
    pub fn from_units(units: &[u16]) -> Self {
        let mut out = Self(Vec::with_capacity(units.len()));
        for &unit in units {
            out.push_unit(unit);
        }
        out
    }

    /// A string from WTF-8 bytes.
    ///
    /// # Errors
    /// `Corrupt` if the bytes are not WTF-8 in its canonical form.
    pub fn from_wtf8(bytes: Vec<u8>) -> Result<Self> {
        JsStr::from_wtf8(&bytes)?;
        Ok(Self(bytes))
    }

    /// The WTF-8 bytes, taken out.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Appends one code unit. A low surrogate after a high one completes the pair.
    pub fn push_unit(&mut self, unit: u16) {
        units::push(&mut self.0, unit);
    }

    /// Borrows the string.
    #[must_use]
    pub fn as_js(&self) -> JsStr<'_> {
        JsStr(&self.0)
    }

    /// The WTF-8 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<&str> for JsString {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl From<String> for JsString {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl Ord for JsString {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_js().cmp(&other.as_js())
    }
}

impl PartialOrd for JsString {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for JsString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_js().fmt(f)
    }
}

#[cfg(test)]
pub(crate) mod tests;
