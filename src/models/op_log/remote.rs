//! Entries as they come from other devices, and as they go to them.

use bytes::Bytes;

use crate::codec::js_string::{JsStr, JsString};
use crate::codec::marks::NEVER;
use crate::codec::stamp::Stamp;
use crate::error::{Error, Result};
use crate::models::names::check_key;
use crate::models::{Scope, keys};

/// The longest id of a device, in characters.
const MAX_DEVICE: usize = 64;

/// A write of another device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// The key of the record: of a pair, or of the id of a document.
    pub record: Bytes,
    /// What was written; `None`: it was removed.
    pub value: Option<Bytes>,
    /// When it expires, in ms since the epoch; `NEVER`.
    pub expires_ms: u64,
    /// When it was written.
    pub stamp: Stamp,
    /// By which device.
    pub device: Bytes,
    /// The version of the data's shape under which it was written; 0: none.
    pub version: u64,
}

/// The key of a record, of a pair or (with a collection) of the id of a document.
///
/// # Errors
/// `InvalidArgument` for names and keys that cannot be.
pub fn record_of(scope: &Scope, collection: Option<&JsString>, key: JsStr<'_>) -> Result<Bytes> {
    check_key("the entry's key", key)?;
    let prefix = match collection {
        None => keys::scope_prefix(keys::KV, scope)?.into(),
        Some(collection) => keys::collection_prefix(keys::ID, scope, collection.as_js())?,
    };
    Ok(keys::with_string(&prefix, key))
}

/// The stamp that a text is, and the device.
///
/// # Errors
/// `InvalidArgument`.
pub fn stamp_of(text: &str) -> Result<(Stamp, Bytes)> {
    let parsed = Stamp::from_digits(text.as_bytes()).filter(|(_, device)| {
        (1..=MAX_DEVICE).contains(&device.len()) && device.iter().all(u8::is_ascii_graphic)
    });
    let (stamp, device) = parsed.ok_or_else(|| {
        Error::invalid(format!(
            "\"{text}\" is no stamp: 17 lower-case hex digits and the id of a device"
        ))
    })?;
    Ok((stamp, Bytes::copy_from_slice(device)))
}

/// The text of a stamp.
#[must_use]
pub fn text_of(stamp: Stamp, device: &[u8]) -> String {
    let mut text = stamp.digits();
    text.push_str(std::str::from_utf8(device).unwrap_or_default());
    text
}

/// A time in ms since the epoch as it comes from outside; negative: never.
///
/// # Errors
/// `InvalidArgument` for what is no time.
pub fn expires_of(ms: f64) -> Result<u64> {
    if ms < 0.0 {
        return Ok(NEVER);
    }
    // 2^53: below, every whole number is one.
    if ms.fract() == 0.0 && ms < 9_007_199_254_740_992.0 {
        return Ok((ms as u64).max(1));
    }
    Err(Error::invalid("an entry's expires is no time"))
}
