//! Which records hold a content.

use bytes::Bytes;

use super::records::citation_key;
use crate::codec::kinds::key as kinds;
use crate::codec::order::Order;
use crate::codec::tuple;
use crate::codec::value::cited;
use crate::engine::access::{Attempt, Cursor, Reads, Stop};
use crate::error::{Code, Error, Result};
use crate::models::keys;
use crate::models::pace::Pace;
use crate::record::ContentHash;

/// Citations that are read at once.
const PAGE: usize = 64;

/// Looks for a record that holds a content.
pub struct Holders {
    hash: ContentHash,
    cursor: Cursor,
    page: Vec<Bytes>,
    at: usize,
    is_last: bool,
    /// The most left-over citations that are remembered: with them it ends.
    most: usize,
    /// Citations of records that do not refer to it any more.
    pub stale: Vec<Bytes>,
    pace: Pace,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// A record holds it.
    Yes,
    /// None does.
    No,
    /// As many citations as are remembered are left over: it was looked no further.
    Full,
}

impl Holders {
    /// Of this content.
    #[must_use]
    pub fn of(hash: ContentHash) -> Self {
        Self::with_stale(hash, 0)
    }

    /// The same; remembers at most so many left-over citations, and ends with them.
    #[must_use]
    pub fn with_stale(hash: ContentHash, most: usize) -> Self {
        Self {
            hash,
            cursor: Cursor::new(tuple::prefix_range(citation_key(&hash, &[])), false),
            page: Vec::new(),
            at: 0,
            is_last: false,
            most,
            stale: Vec::new(),
            pace: Pace::default(),
        }
    }

    /// Whether some record holds it; looks no further than the first that does. Of one view: on another, it has to be made anew.
    ///
    /// # Errors
    /// A stop; nothing is lost by it.
    pub fn step(&mut self, r: &mut dyn Reads) -> Attempt<Held> {
        loop {
            while let Some(citation) = self.page.get(self.at) {
                if holds(r, record_of(citation)?, &self.hash)? {
                    return Ok(Held::Yes);
                }
                if self.most > 0 {
                    self.stale.push(citation.clone());
                }
                self.at += 1;
                if self.most > 0 && self.stale.len() >= self.most {
                    return Ok(Held::Full);
                }
                self.pace.step(r)?;
            }
            if self.is_last {
                return Ok(Held::No);
            }
            self.turn_page(r)?;
        }
    }

    fn turn_page(&mut self, r: &mut dyn Reads) -> Attempt<()> {
        let mut next = Vec::new();
        let scanned = r.scan(&mut self.cursor, false, &mut |key, _| {
            next.push(Bytes::copy_from_slice(key));
            Ok(next.len() < PAGE)
        });
        // (What it was handed is behind the cursor, also where it has stopped.)
        (self.page, self.at) = (next, 0);
        self.is_last = !scanned?;
        Ok(())
    }
}

/// The key of the record that a citation names.
pub fn record_of(citation: &[u8]) -> Result<&[u8]> {
    let rest = citation.split_first_chunk::<33>().map(|(_, rest)| rest);
    rest.filter(|rest| !rest.is_empty())
        .ok_or_else(|| Error::corrupt("a citation of a content is damaged"))
}

/// Whether a record refers to a content. What cannot be read does, for all that is known, and what has expired by this clock.
///
/// # Errors
/// A stop.
pub fn holds(r: &mut dyn Reads, record: &[u8], hash: &ContentHash) -> Attempt<bool> {
    match refers(r, record, hash) {
        Err(Stop::Fail(error)) if is_unreadable(&error) => Ok(true),
        found => found,
    }
}

fn is_unreadable(error: &Error) -> bool {
    matches!(error.code(), Code::Corrupt | Code::UnsupportedFormat)
}

fn refers(r: &mut dyn Reads, record: &[u8], hash: &ContentHash) -> Attempt<bool> {
    let Some(found) = r.get_stored(record)? else {
        return Ok(false);
    };
    if record.first() != Some(&kinds::ID) {
        // planted: holder-unread
        return Ok(cited::names(&found, hash));
    }
    let missing = || Error::corrupt("the id of a document has no place");
    let order = Order::from_bytes(&found).ok_or_else(missing)?;
    let doc = [
        &[kinds::DOCUMENT],
        collection_of(record)?,
        &order.to_bytes(),
    ]
    .concat();
    let doc = r.get_stored(&doc)?.ok_or_else(missing)?;
    Ok(cited::names(&doc, hash))
}

/// The scope and the collection in the key of a document's id.
fn collection_of(record: &[u8]) -> Result<&[u8]> {
    let scope = keys::scope_bytes(record).unwrap_or_default();
    let rest = record.get(1 + scope.len()..).unwrap_or_default();
    let (_, id) = tuple::split_string(rest)?;
    let until = record.len() - id.len();
    Ok(record.get(1..until).unwrap_or_default())
}
