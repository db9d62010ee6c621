//! Collecting what nothing holds.
//!
//! Looking is reading, which holds nobody up. A batch only looks again at what it deletes, which is little: 256 citations at
//! most, so that others' commits do not overtake it for ever.

use bytes::Bytes;

use super::holders::{Held, Holders, holds, record_of};
use super::records::{
    Content, citation_key, content_key, fresh_range, is_recent, piece_key, pieces_of, sized_key,
    time_at, upload_key,
};
use crate::engine::access::{Attempt, Cursor, Reads, Writes};
use crate::error::Result;
use crate::models::pace::Pace;
use crate::record::{ContentHash, Id};

/// The most citations that a batch looks at.
pub const MOST: usize = 256;
/// Up to so many pieces are deleted one by one: a range is cut out of every level.
const FEW: u64 = 16;

/// What becomes of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is held, or was put within the hour.
    Kept,
    /// Nothing holds it.
    Dead,
    /// It is not known yet: so many citations are left over that these have to go first.
    Unknown,
}

/// Finds out what becomes of a content, and which citations are left over. Of one view.
pub struct Judge {
    hash: ContentHash,
    now_ms: u64,
    is_here: Option<bool>,
    held: Option<Held>,
    holders: Holders,
}

impl Judge {
    /// Of what these citations are of, whether it is here or not.
    #[must_use]
    pub fn of(hash: ContentHash, now_ms: u64) -> Self {
        Self {
            hash,
            now_ms,
            is_here: None,
            held: None,
            holders: Holders::with_stale(hash, MOST),
        }
    }

    /// What becomes of it, and the left-over citations among the first.
    ///
    /// # Errors
    /// A stop.
    pub fn step(&mut self, r: &mut dyn Reads) -> Attempt<(Fate, Vec<Bytes>)> {
        if self.held.is_none() {
            self.held = Some(self.holders.step(r)?);
        }
        if self.is_here.is_none() {
            self.is_here = Some(r.contains(&content_key(&self.hash))?);
        }
        let fate = match (self.held, self.is_here) {
            (Some(Held::Full), _) => Fate::Unknown,
            (Some(Held::No), Some(true)) if !any_recent(r, &self.hash, self.now_ms)? => Fate::Dead,
            _ => Fate::Kept,
        };
        Ok((fate, std::mem::take(&mut self.holders.stale)))
    }
}

/// Whether a content was put within the hour.
fn any_recent(r: &mut dyn Reads, hash: &ContentHash, now_ms: u64) -> Attempt<bool> {
    let mut cursor = Cursor::new(fresh_range(hash), false);
    while let Some(mark) = r.next_key(&mut cursor)? {
        if time_at(r, &mark)?.is_some_and(|ms| is_recent(ms, now_ms)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Deletes citations that are left over.
pub struct Trim {
    /// The content.
    pub hash: ContentHash,
    /// Its citations.
    pub stale: Vec<Bytes>,
    done: usize,
    pace: Pace,
}

impl Trim {
    /// Of these; each is looked at again.
    #[must_use]
    pub fn of(hash: ContentHash, stale: Vec<Bytes>) -> Self {
        Self {
            hash,
            stale,
            done: 0,
            pace: Pace::default(),
        }
    }

    /// Runs until it does not stop.
    ///
    /// # Errors
    /// A stop.
    pub fn step(&mut self, w: &mut dyn Writes) -> Attempt<()> {
        if w.is_fresh() {
            self.done = 0;
        }
        while let Some(citation) = self.stale.get(self.done) {
            // planted: trimmed-unread
            if !holds(w, record_of(citation)?, &self.hash)? {
                w.delete(citation.clone());
            }
            self.done += 1;
            self.pace.step(w)?;
        }
        Ok(())
    }
}

/// Deletes a content that nothing holds.
pub struct Bury {
    hash: ContentHash,
    citations: Option<Vec<Bytes>>,
    looked_at: usize,
}

impl Bury {
    /// Of this one.
    #[must_use]
    pub fn of(hash: ContentHash) -> Self {
        Self {
            hash,
            citations: None,
            looked_at: 0,
        }
    }

    /// Whether it has gone. `now_ms`: as of this attempt.
    ///
    /// # Errors
    /// A stop.
    pub fn step(&mut self, w: &mut dyn Writes, now_ms: u64) -> Attempt<bool> {
        if w.is_fresh() {
            *self = Self::of(self.hash);
        }
        let key = content_key(&self.hash);
        let Some(stored) = w.get(&key)? else {
            return Ok(false);
        };
        let content = Content::decode(stored)?;
        if any_recent(w, &self.hash, now_ms)? {
            return Ok(false);
        }
        let citations = match &mut self.citations {
            Some(citations) => citations,
            none => none.insert(all(w, &self.hash)?),
        };
        while let Some(citation) = citations.get(self.looked_at) {
            // planted: buried-alive
            if citations.len() > MOST || holds(w, record_of(citation)?, &self.hash)? {
                return Ok(false);
            }
            self.looked_at += 1;
        }
        let mut marks = Vec::new();
        let mut cursor = Cursor::new(fresh_range(&self.hash), false);
        while let Some(mark) = w.next_key(&mut cursor)? {
            marks.push(mark);
        }
        marks.append(citations);
        marks.push(sized_key(content.size, &self.hash));
        marks.push(key);
        marks.into_iter().for_each(|key| w.delete(key));
        delete_pieces(w, &content)?;
        Ok(true)
    }
}

/// All citations of a content, or one more than a batch looks at.
fn all(w: &mut dyn Writes, hash: &ContentHash) -> Attempt<Vec<Bytes>> {
    let range = crate::codec::tuple::prefix_range(citation_key(hash, &[]));
    let mut cursor = Cursor::new(range, false);
    let mut found = Vec::new();
    while found.len() <= MOST
        && let Some(citation) = w.next_key(&mut cursor)?
    {
        found.push(citation);
    }
    Ok(found)
}

fn delete_pieces(w: &mut dyn Writes, content: &Content) -> Result<()> {
    if content.pieces() > FEW {
        w.delete_range(pieces_of(content.upload));
        return Ok(());
    }
    for n in 0..content.pieces() as u32 {
        w.delete(piece_key(content.upload, n));
    }
    Ok(())
}

/// Gives up an upload that makes no progress; whether it did.
///
/// # Errors
/// A stop.
pub fn give_up(w: &mut dyn Writes, upload: Id, now_ms: u64) -> Attempt<bool> {
    match time_at(w, &upload_key(upload))? {
        Some(ms) if !is_recent(ms, now_ms) => {
            super::upload::abandon(w, upload)?;
            Ok(true)
        }
        _ => Ok(false),
    }
}
