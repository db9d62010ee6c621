//! Reading contents.

use bytes::Bytes;

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

/// Reads some pieces of a content, one after the other; each was checked when it was loaded.
pub struct Pieces {
    content: Content,
    next: u64,
    until: u64,
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
        }
    }

    /// Hands each to `out`. Runs until it does not stop; what it is told to go on from is of any later view, too.
    ///
    /// # Errors
    /// A stop; `Corrupt` where one is missing or of another size.
    pub fn step(
        &mut self,
        r: &mut dyn Reads,
        out: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Attempt<()> {
        let keys = (self.next..self.until).map(|n| self.key(n));
        r.want(&keys.collect::<Result<Vec<_>>>()?)?;
        while self.next < self.until {
            let piece = r.get(&self.key(self.next)?)?;
            let bytes = piece.as_deref().and_then(<[u8]>::split_first);
            let expected = self.content.bytes_of(self.next);
            match bytes {
                // planted: piece-unchecked
                Some((0, bytes)) if bytes.len() as u64 == expected => out(bytes)?,
                _ => return Err(Error::corrupt("a piece of a content is damaged").into()),
            }
            self.next += 1;
        }
        Ok(())
    }

    fn key(&self, n: u64) -> Result<Bytes> {
        let n = u32::try_from(n).map_err(|_| Error::corrupt("a content has too many pieces"))?;
        Ok(piece_key(self.content.upload, n))
    }
}
