//! Which contents a record refers to.

use bytes::Bytes;

use super::records::{Content, citation_key, content_key, fresh_range};
use crate::codec::feature::Feature;
use crate::codec::value::cited;
use crate::engine::access::{Attempt, Cursor, Reads, Writes};
use crate::error::{Code, Error};
use crate::limits;
use crate::record::ContentHash;

/// The most contents that a value refers to: they are looked for without a breath.
const MAX_CITED: usize = 10_000;

/// What a reference to a content that is not here is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// An error, unless the record refers to it already.
    Refused,
    /// Allowed, as of writes of another device: it may come later.
    Allowed,
}

/// What a batch notes of the contents that a record comes to refer to.
#[derive(Debug, Default)]
#[must_use = "what is not noted may be collected"]
pub struct Citing {
    /// Citations that are not there yet.
    citations: Vec<Bytes>,
    /// Marks of what was put, and is taken up now.
    taken_up: Vec<Bytes>,
    is_citing: bool,
}

impl Citing {
    /// Notes it, in the batch that stores the record.
    pub fn note(self, w: &mut dyn Writes) {
        if self.is_citing {
            w.need(Feature::Contents);
        }
        // planted: citation-forgotten
        for citation in self.citations {
            w.put(citation, Bytes::new());
        }
        for mark in self.taken_up {
            w.delete(mark);
        }
    }
}

/// Looks for the contents to which `value`, which is about to be stored as a record, refers; notes nothing. `record`: the
/// record's key, of a document that of its id. `old`: what the record is, where that has been read; what it refers to already
/// needs nothing. Reads nothing for values without references.
///
/// # Errors
/// A stop; `NotStorable` with the path for a content that is not here or of another size, `LimitExceeded` for too many.
pub fn look(
    r: &mut dyn Reads,
    record: &[u8],
    value: &[u8],
    old: Option<&[u8]>,
    missing: Missing,
) -> Attempt<Citing> {
    let mut citing = Citing::default();
    if !cited::is_citing(value) {
        return Ok(citing);
    }
    citing.is_citing = true;
    let mut found = cited::contents(value)?;
    limits::within("contents that a value refers to", found.len(), MAX_CITED)?;
    if let Some(old) = old {
        let known = cited::contents(old)?;
        found.retain(|found| known.binary_search(found).is_err());
    }
    let keys = found.iter().flat_map(|(hash, _)| {
        [
            content_key(hash),
            citation_key(hash, record),
            fresh_range(hash).from,
        ]
    });
    r.want(&keys.collect::<Vec<_>>())?;
    for (hash, size) in &found {
        // planted: cited-unread
        let content = r.get(&content_key(hash))?;
        if missing == Missing::Refused {
            match content.map(Content::decode).transpose()? {
                Some(content) if content.size != *size => {
                    return Err(of_another_size(value, hash, content.size).into());
                }
                None if old.is_some() || !refers(r, record, hash)? => {
                    return Err(not_here(value, hash).into());
                }
                _ => {}
            }
        }
        let citation = citation_key(hash, record);
        if !r.contains(&citation)? {
            citing.citations.push(citation);
        }
        citing.taken_up.extend(fresh_mark(r, hash)?);
    }
    Ok(citing)
}

/// Whether the record refers to the content already: what another device has written may be written again.
fn refers(r: &mut dyn Reads, record: &[u8], hash: &ContentHash) -> Attempt<bool> {
    Ok(r.get(record)?.is_some_and(|old| cited::names(&old, hash)))
}

/// One of the marks of a content that was put: as many are taken up as records come to hold it.
fn fresh_mark(r: &mut dyn Reads, hash: &ContentHash) -> Attempt<Option<Bytes>> {
    r.next_key(&mut Cursor::new(fresh_range(hash), false))
}

fn not_here(value: &[u8], hash: &ContentHash) -> Error {
    let path = cited::path(value, hash);
    refused(
        format!("the content of a BlobRef is not in this patch: put it first (at {path})"),
        path,
    )
}

fn of_another_size(value: &[u8], hash: &ContentHash, bytes: u64) -> Error {
    let path = cited::path(value, hash);
    refused(
        format!("a BlobRef has another size than its content, {bytes} bytes (at {path})"),
        path,
    )
}

fn refused(message: String, path: String) -> Error {
    Error::new(Code::NotStorable, message).with_path(path)
}

/// Cites at once, in calls that read nothing between this and their own writes.
///
/// # Errors
/// As [`look`].
pub fn cite(w: &mut dyn Writes, record: &[u8], value: &[u8], missing: Missing) -> Attempt<()> {
    look(w, record, value, None, missing)?.note(w);
    Ok(())
}
