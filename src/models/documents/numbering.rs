//! The numbered fields of documents that are written.

use bytes::Bytes;

use super::Collection;
use super::kept::Kept;
use super::sequences::{self, Numbers};
use crate::engine::access::{Attempt, Catalog, Reads, Writes};
use crate::error::Result;

impl Collection {
    /// A new document with its numbers, which `numbers` has still to write.
    ///
    /// # Errors
    /// A stop, and nothing has been counted; `ConstraintViolation` for what is given for a number and is none.
    pub(super) fn number(
        &self,
        w: &mut dyn Writes,
        numbers: &mut Numbers,
        doc: &Bytes,
    ) -> Attempt<Bytes> {
        match self.kept(w)? {
            Some(kept) if !kept.numbered.is_empty() => numbers.number(w, &kept.numbered, doc),
            _ => Ok(doc.clone()),
        }
    }

    /// A document with the numbers of the one in whose place it comes.
    pub(super) fn keep_numbers(&self, r: &dyn Reads, old: &[u8], new: Bytes) -> Result<Bytes> {
        match self.kept(r)? {
            Some(kept) => sequences::kept(&kept.numbered, old, new),
            None => Ok(new),
        }
    }

    /// Moves the counters to the numbers of a document that another device has numbered.
    ///
    /// # Errors
    /// A stop, and nothing has been counted.
    pub fn follow(&self, w: &mut dyn Writes, numbers: &mut Numbers, doc: &Bytes) -> Attempt<()> {
        match self.kept(w)? {
            Some(kept) => numbers.follow(w, &kept.numbered, doc),
            None => Ok(()),
        }
    }

    /// Whether documents are stored with numbers that their writer has not given.
    ///
    /// # Errors
    /// `Corrupt`, `UnsupportedFormat`.
    pub fn is_numbered(&self, catalog: &Catalog) -> Result<bool> {
        let kept = Kept::of(catalog, &self.defined)?;
        Ok(kept.is_some_and(|kept| !kept.numbered.is_empty()))
    }
}
