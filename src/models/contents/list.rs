//! Which contents there are.

use bytes::Bytes;

use super::holders::{Held, Holders};
use super::records::{Content, hash_at_end, key};
use crate::codec::kinds::key as kinds;
use crate::codec::range::after;
use crate::codec::tuple;
use crate::engine::access::{Attempt, Cursor, KeyRange, Reads};
use crate::models::keys;
use crate::models::pace::Pace;
use crate::record::ContentHash;

/// Whether any content has this size, in bytes: then it pays to hash before storing.
///
/// # Errors
/// A stop.
pub fn any_of_size(r: &mut dyn Reads, size: u64) -> Attempt<bool> {
    let of_size = tuple::prefix_range(key(kinds::SIZED, &size.to_be_bytes()));
    Ok(r.next_key(&mut Cursor::new(of_size, false))?.is_some())
}

/// A content in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// Its SHA-256.
    pub hash: ContentHash,
    /// What it is.
    pub content: Content,
    /// Whether a record holds it.
    pub is_held: bool,
}

/// Lists contents by their hashes, of one view.
pub struct List {
    cursor: Cursor,
    /// The one that is looked into.
    now: Option<(ContentHash, Content, Holders)>,
    pace: Pace,
}

impl List {
    /// Those above this hash, or all.
    #[must_use]
    pub fn after(hash: Option<ContentHash>) -> Self {
        let all = keys::all_of(kinds::CONTENT);
        let from = hash.map_or(all.from.clone(), |hash| {
            after(&super::records::content_key(&hash))
        });
        let range = KeyRange {
            from,
            until: all.until,
        };
        Self {
            cursor: Cursor::new(range, false),
            now: None,
            pace: Pace::default(),
        }
    }

    /// The next one; `None` at the end.
    ///
    /// # Errors
    /// A stop; nothing is lost by it.
    pub fn step(&mut self, r: &mut dyn Reads) -> Attempt<Option<Listed>> {
        self.pace.step(r)?;
        if self.now.is_none() {
            let Some((key, stored)) = r.next(&mut self.cursor)? else {
                return Ok(None);
            };
            let hash = hash_at_end(&key)?;
            let content = Content::decode(Bytes::copy_from_slice(&stored))?;
            self.now = Some((hash, content, Holders::of(hash)));
        }
        let Some((hash, content, holders)) = &mut self.now else {
            return Ok(None);
        };
        let listed = Listed {
            hash: *hash,
            content: *content,
            is_held: holders.step(r)? == Held::Yes,
        };
        self.now = None;
        Ok(Some(listed))
    }
}
