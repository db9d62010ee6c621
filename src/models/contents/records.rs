//! The records of contents: their keys, and what is under them.

use bytes::Bytes;

use crate::codec::io::{Input, later, put_varint};
use crate::codec::kinds::key as kinds;
use crate::codec::tuple;
use crate::engine::access::{Attempt, KeyRange, Reads};
use crate::error::{Error, Result};
use crate::record::{ContentHash, Id};

/// How long what was put is kept before a record refers to it, and an upload that makes no progress, ms.
pub const HOUR_MS: u64 = 3_600_000;
/// The bytes of a piece, except the last one of a content: with what comes around it, below 1 MiB.
pub const PIECE_BYTES: usize = (1 << 20) - 4096;
/// The same where a Blob has them. (In archives and encrypted patches it is inside of the value, which is in memory then.)
pub const BESIDE_BYTES: usize = 4 << 20;

/// The first byte of values.
pub(super) const FORM: u8 = 0x01;

/// A content that is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    /// Its size, in bytes.
    pub size: u64,
    /// The upload whose pieces it consists of.
    pub upload: Id,
    /// The size of each of them, except the last, in bytes.
    pub piece_bytes: u64,
}

impl Content {
    /// As it is stored.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(32);
        out.push(FORM);
        put_varint(&mut out, self.size);
        out.extend(self.upload.0);
        put_varint(&mut out, self.piece_bytes);
        out.into()
    }

    /// What [`encode`](Self::encode) made.
    ///
    /// # Errors
    /// `Corrupt`; `UnsupportedFormat` where a later library has written it.
    pub fn decode(stored: Bytes) -> Result<Self> {
        let mut input = begun(stored, "content")?;
        let content = Self {
            size: input.varint()?,
            upload: Id(input.array()?),
            piece_bytes: input.varint()?,
        };
        input.end()?;
        if content.piece_bytes == 0 {
            return Err(Error::corrupt("a content has pieces of no size"));
        }
        Ok(content)
    }

    /// How many pieces it has.
    #[must_use]
    pub fn pieces(&self) -> u64 {
        self.size.div_ceil(self.piece_bytes)
    }

    /// The size of its n-th piece, in bytes.
    #[must_use]
    pub fn bytes_of(&self, n: u64) -> u64 {
        let before = n.saturating_mul(self.piece_bytes);
        self.size.saturating_sub(before).min(self.piece_bytes)
    }
}

pub(super) fn key(kind: u8, of: &[u8]) -> Bytes {
    [&[kind][..], of].concat().into()
}

pub(super) fn content_key(hash: &ContentHash) -> Bytes {
    key(kinds::CONTENT, hash)
}

pub(super) fn fresh_key(hash: &ContentHash, upload: Id) -> Bytes {
    [&[kinds::FRESH][..], hash, &upload.0].concat().into()
}

/// The marks of a content that was put.
pub(super) fn fresh_range(hash: &ContentHash) -> KeyRange {
    tuple::prefix_range(key(kinds::FRESH, hash))
}

pub(super) fn citation_key(hash: &ContentHash, record: &[u8]) -> Bytes {
    [&[kinds::CITATION][..], hash, record].concat().into()
}

pub(super) fn upload_key(upload: Id) -> Bytes {
    key(kinds::UPLOAD, &upload.0)
}

pub(super) fn sized_key(size: u64, hash: &ContentHash) -> Bytes {
    [&[kinds::SIZED][..], &size.to_be_bytes(), hash]
        .concat()
        .into()
}

pub(super) fn piece_key(upload: Id, n: u32) -> Bytes {
    [&[kinds::CONTENT_PIECE][..], &upload.0, &n.to_be_bytes()]
        .concat()
        .into()
}

pub(super) fn pieces_of(upload: Id) -> KeyRange {
    tuple::prefix_range(key(kinds::CONTENT_PIECE, &upload.0))
}

pub(super) fn hash_at_end(key: &[u8]) -> Result<ContentHash> {
    let hash = key.split_last_chunk().map(|(_, hash)| *hash);
    hash.ok_or_else(|| Error::corrupt("the key of a content is damaged"))
}

/// A time, ms since the epoch, as it is stored of an upload or of a mark.
#[must_use]
pub fn ms_bytes(ms: u64) -> Bytes {
    let mut out = vec![FORM];
    put_varint(&mut out, ms);
    out.into()
}

/// What follows the first byte of a stored value.
pub(super) fn begun(stored: Bytes, what: &'static str) -> Result<Input> {
    let mut input = Input::new(stored, what);
    match input.u8()? {
        FORM => Ok(input),
        _ => Err(later(what)),
    }
}

/// What [`ms_bytes`] made.
///
/// # Errors
/// `Corrupt`; `UnsupportedFormat` where a later library has written it.
pub fn ms_of(stored: Bytes) -> Result<u64> {
    let mut input = begun(stored, "time of a content")?;
    let ms = input.varint()?;
    input.end()?;
    Ok(ms)
}

/// The time under `key`, ms since the epoch.
pub(super) fn time_at(r: &mut dyn Reads, key: &[u8]) -> Attempt<Option<u64>> {
    Ok(r.get(key)?.map(ms_of).transpose()?)
}

/// Whether something of that time is kept still. What is of the future is: this clock may be behind.
pub(super) const fn is_recent(ms: u64, now_ms: u64) -> bool {
    // planted: fresh-collected
    ms.saturating_add(HOUR_MS) > now_ms
}
