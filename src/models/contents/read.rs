//! Reading contents.

use bytes::Bytes;

use super::piece::{Piece, damaged, decode};
use super::records::{Content, content_key, piece_key};
use crate::engine::access::{Attempt, Reads};
use crate::error::{Error, Result};
use crate::record::ContentHash;

/// What is here under a hash.
///
/// # Errors
/// A stop.
pub fn content(r: &mut dyn Reads, hash: &ContentHash) -> Attempt<Option<Content>> {
    Ok(r.get(&content_key(hash))?
        .map(Content::decode)
        .transpose()?)
}

/// Reads some pieces of a content, one after the other; those that are bytes were checked when they were loaded.
pub struct Pieces {
    content: Content,
    next: u64,
    until: u64,
    /// Whether they were asked for together.
    is_asked: bool,
}

impl Pieces {
    /// The pieces from `from` (inclusive) to `until` (exclusive).
    #[must_use]
    pub fn new(content: Content, from: u64, until: u64) -> Self {
        let until = until.min(content.pieces());
        Self {
            content,
            next: from,
            until,
            is_asked: false,
        }
    }

    /// Hands each to `out`. Runs until it does not stop; what it is told to go on from is of any later view, too.
    ///
    /// # Errors
    /// A stop; `Corrupt` where one is missing or of another size.
    pub fn step(
        &mut self,
        r: &mut dyn Reads,
        out: &mut dyn FnMut(Piece<'_>) -> Result<()>,
    ) -> Attempt<()> {
        let keys = (self.next..self.until).map(|n| self.key(n));
        let keys = keys.collect::<Result<Vec<_>>>()?;
        if self.is_asked {
            r.want(&keys)?;
        } else {
            // (Once: where there is no room to keep them all, the others are loaded one by one.)
            r.want_values(&keys, &mut self.is_asked)?;
        }
        while self.next < self.until {
            let piece = r.get(&self.key(self.next)?)?.ok_or_else(damaged)?;
            let found = decode(&piece)?;
            let size = match found {
                Piece::Bytes(bytes) => bytes.len() as u64,
                Piece::Beside(beside) => beside.size,
            };
            // planted: piece-unchecked
            if size != self.content.bytes_of(self.next) {
                return Err(damaged().into());
            }
            out(found)?;
            self.next += 1;
        }
        Ok(())
    }

    fn key(&self, n: u64) -> Result<Bytes> {
        let n = u32::try_from(n).map_err(|_| Error::corrupt("a content has too many pieces"))?;
        Ok(piece_key(self.content.upload, n))
    }
}
