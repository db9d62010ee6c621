//! An entry of the op-log as it is stored.
//!
//! ```text
//! C5      it ends in a stamp (see `codec::stamp`)
//! 1       flags: 01 a removal, 02 the value lies apart, 04 the record expires, 08 a version of the data's shape
//! varint  when it expires, ms since the epoch (flag 04)
//! varint  the version under which it was written (flag 08)
//! bytes   the record's key: of a pair, or of the id of a document
//! bytes   the stored value (neither 01 nor 02)
//! 12      the stamp
//! ```

use bytes::Bytes;

use super::state::stamp_at_end;
use crate::blobs;
use crate::codec::cell::PIECE_BYTES;
use crate::codec::io::{Input, later, put_bytes, put_varint};
use crate::codec::marks::NEVER;
use crate::codec::stamp::{STAMP_BYTES, STAMPED, Stamp};
use crate::codec::value::attached::has_attached;
use crate::error::{Error, Result};
use crate::limits;

const REMOVAL: u8 = 0x01;
const APART: u8 = 0x02;
const EXPIRES: u8 = 0x04;
const VERSION: u8 = 0x08;

/// A value above so many bytes lies apart from its entry: it is not held twice in memory then, unless it is a piece.
const APART_BYTES: usize = 1 << 10;

/// Whether a value lies apart from its entry. One with Blobs beside it does, however short it is: they go with the whole of a value.
#[must_use]
pub fn is_apart(value: &[u8]) -> bool {
    value.len() > APART_BYTES || has_attached(value)
}

/// A value to lie apart. A piece is the entry's own, not the record's too: then what prunes the entry frees it at once.
///
/// # Errors
/// `LimitExceeded`: there is no memory for it.
pub fn own(value: &Bytes) -> Result<Bytes> {
    if value.len() <= PIECE_BYTES && !has_attached(value) {
        return Ok(value.clone());
    }
    limits::room_for(value.len())?;
    Ok(blobs::held(Bytes::copy_from_slice(value)))
}

/// What became of a record.
#[derive(Debug, Clone, Copy)]
pub enum Change<'a> {
    /// It was written, and expires then (`NEVER`).
    Put(&'a Bytes, u64),
    /// It was removed.
    Remove,
}

/// What an entry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The record's key.
    pub record: Bytes,
    /// What was written; `None`: it was removed.
    pub value: Option<Held>,
    /// When the record expires, in ms since the epoch; `NEVER`.
    pub expires_ms: u64,
    /// The version of the data's shape under which it was written; 0: none.
    pub version: u64,
    /// When it was written.
    pub stamp: Stamp,
    /// By which device, if by another one: it came with a patch that was imported. Not part of what is stored here.
    pub device: Option<Bytes>,
}

/// Where the value of an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// In the entry.
    Here(Bytes),
    /// Under a key of its own.
    Apart,
}

/// Appends the stored form; `tail`: the hole for the stamp.
pub fn put(
    out: &mut Vec<u8>,
    record: &[u8],
    change: Change<'_>,
    version: u64,
    tail: [u8; STAMP_BYTES],
) {
    let (flags, value, expires_ms) = match change {
        Change::Remove => (REMOVAL, None, NEVER),
        Change::Put(value, expires_ms) if is_apart(value) => (APART, None, expires_ms),
        Change::Put(value, expires_ms) => (0, Some(value), expires_ms),
    };
    let expires = if expires_ms == NEVER { 0 } else { EXPIRES };
    let versioned = if version == 0 { 0 } else { VERSION };
    out.reserve(record.len() + value.map_or(0, |value| value.len()) + 32);
    out.extend([STAMPED, flags | expires | versioned]);
    if expires_ms != NEVER {
        put_varint(out, expires_ms);
    }
    if version > 0 {
        put_varint(out, version);
    }
    put_bytes(out, record);
    if let Some(value) = value {
        put_bytes(out, value);
    }
    out.extend_from_slice(&tail);
}

/// Whether the value of a stored entry lies apart.
#[must_use]
pub fn lies_apart(stored: &[u8]) -> bool {
    stored.get(1).is_some_and(|flags| flags & APART != 0)
}

impl Entry {
    /// Reads the stored form of a committed entry.
    ///
    /// # Errors
    /// `Corrupt`, `UnsupportedFormat`.
    pub fn decode(stored: &Bytes) -> Result<Self> {
        let mut input = Input::new(stored.clone(), "op-log's entry");
        let (first, flags) = (input.u8()?, input.u8()?);
        if first != STAMPED || flags & !(REMOVAL | APART | EXPIRES | VERSION) != 0 {
            return Err(later("op-log's entry"));
        }
        let expires_ms = if flags & EXPIRES == 0 {
            NEVER
        } else {
            input.varint()?
        };
        let version = if flags & VERSION == 0 {
            0
        } else {
            input.varint()?
        };
        let record = input.bytes()?;
        let value = match flags & (REMOVAL | APART) {
            0 => Some(Held::Here(input.bytes()?)),
            APART => Some(Held::Apart),
            REMOVAL => None,
            _ => return Err(Error::corrupt("an op-log's entry is broken")),
        };
        let stamp = stamp_at_end(&mut input, stored)?;
        let stamp = stamp.ok_or_else(|| Error::corrupt("an op-log's entry has no stamp"))?;
        Ok(Self {
            record,
            value,
            expires_ms,
            version,
            stamp,
            device: None,
        })
    }
}
