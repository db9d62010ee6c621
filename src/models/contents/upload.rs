//! Putting a content, piece by piece.

use bytes::Bytes;

use super::records::{
    Content, content_key, fresh_key, ms_bytes, piece_key, pieces_of, sized_key, time_at, upload_key,
};
use crate::codec::feature::Feature;
use crate::engine::access::{Attempt, Writes};
use crate::error::{Code, Error};
use crate::record::{ContentHash, Id};

/// An upload's time is written anew no more often than this, ms.
const PROGRESS_MS: u64 = 60_000;

/// Stores the n-th piece of an upload, as pieces are stored: a zero byte and its bytes, or a value with a Blob beside it. The first
/// begins the upload.
///
/// # Errors
/// A stop; `Conflict` where the upload was given up since it had made no progress for an hour.
pub fn put_piece(
    w: &mut dyn Writes,
    upload: Id,
    n: u32,
    piece: &Bytes,
    now_ms: u64,
) -> Attempt<()> {
    let key = upload_key(upload);
    let progress_ms = time_at(w, &key)?;
    if progress_ms.is_none() && n > 0 {
        return Err(given_up().into());
    }
    w.need(Feature::Contents);
    if progress_ms.is_none_or(|ms| now_ms.abs_diff(ms) >= PROGRESS_MS) {
        w.put(key, ms_bytes(now_ms));
    }
    w.put(piece_key(upload, n), piece.clone());
    Ok(())
}

fn given_up() -> Error {
    let message = "what was being put made no progress for an hour, and was given up";
    Error::new(Code::Conflict, message)
}

/// Ends an upload: its pieces become the content of this hash, or go if that is here already.
pub struct Finish {
    /// The upload.
    pub upload: Id,
    /// The SHA-256 of its pieces, one after the other.
    pub hash: ContentHash,
    /// Their bytes.
    pub size: u64,
    /// Those of each piece, except the last.
    pub piece_bytes: u64,
    /// Now, ms since the epoch.
    pub now_ms: u64,
}

impl Finish {
    /// Runs until it does not stop.
    ///
    /// # Errors
    /// A stop; `Conflict` as of [`put_piece`].
    pub fn step(&self, w: &mut dyn Writes) -> Attempt<()> {
        // (Nothing is no upload: it has no piece.)
        if self.size > 0 && !w.contains(&upload_key(self.upload))? {
            return Err(given_up().into());
        }
        let content = content_key(&self.hash);
        // planted: put-twice
        if let Some(stored) = w.get(&content)? {
            // (Of one that was finished already, they are the content's.)
            if Content::decode(stored)?.upload != self.upload {
                w.delete_range(pieces_of(self.upload));
            }
        } else {
            self.make(w);
        }
        self.mark(w);
        w.delete(upload_key(self.upload));
        Ok(())
    }

    fn make(&self, w: &mut dyn Writes) {
        let stored = Content {
            size: self.size,
            upload: self.upload,
            piece_bytes: self.piece_bytes,
        };
        w.put(content_key(&self.hash), stored.encode());
        w.put(sized_key(self.size, &self.hash), Bytes::new());
    }

    fn mark(&self, w: &mut dyn Writes) {
        w.need(Feature::Contents);
        // planted: put-unmarked
        w.put(fresh_key(&self.hash, self.upload), ms_bytes(self.now_ms));
    }
}

/// Puts a content of one piece, whose hash is known, in one batch.
pub struct Whole {
    /// What becomes of it.
    pub finish: Finish,
    /// The piece, as pieces are stored.
    pub piece: Bytes,
}

impl Whole {
    /// Runs until it does not stop.
    ///
    /// # Errors
    /// A stop.
    pub fn step(&self, w: &mut dyn Writes) -> Attempt<()> {
        if !w.contains(&content_key(&self.finish.hash))? {
            w.put(piece_key(self.finish.upload, 0), self.piece.clone());
            self.finish.make(w);
        }
        self.finish.mark(w);
        Ok(())
    }
}

/// Gives up an upload: its pieces go. Nothing, where it has been finished: whoever finishes may not learn that.
///
/// # Errors
/// A stop.
pub fn abandon(w: &mut dyn Writes, upload: Id) -> Attempt<()> {
    let key = upload_key(upload);
    // planted: finished-abandoned
    if w.contains(&key)? {
        w.delete_range(pieces_of(upload));
        w.delete(key);
    }
    Ok(())
}

/// Puts a content that may be here already, without its bytes.
pub struct Touch {
    /// What this putting is called.
    pub upload: Id,
    /// Its SHA-256.
    pub hash: ContentHash,
    /// Now, ms since the epoch.
    pub now_ms: u64,
}

impl Touch {
    /// The size of the content, which is kept for an hour from now on; `None` if it is not here.
    ///
    /// # Errors
    /// A stop.
    pub fn step(&self, w: &mut dyn Writes) -> Attempt<Option<u64>> {
        let Some(stored) = w.get(&content_key(&self.hash))? else {
            return Ok(None);
        };
        let size = Content::decode(stored)?.size;
        w.put(fresh_key(&self.hash, self.upload), ms_bytes(self.now_ms));
        Ok(Some(size))
    }
}
