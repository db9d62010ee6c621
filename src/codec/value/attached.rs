//! The Blobs and Files that are stored beside a value.

use std::ops::Range;

use super::exact::{Attached, Event, ExactReader, tag};
use super::{EXACT, EXACT_ATTACHED, EXACT_BOTH, EXACT_CITING, EXACT_VERSION, ExactWriter};
use crate::error::{Error, Result};

/// The size of the form's tag and version, in bytes.
const HEAD: usize = 2;

/// Whether a stored value has Blobs beside it.
#[must_use]
pub fn has_attached(stored: &[u8]) -> bool {
    matches!(stored, [EXACT, EXACT_ATTACHED | EXACT_BOTH, ..])
}

/// Calls `each` with every Blob beside a stored value, in order, and the position of its node in `stored`.
///
/// # Errors
/// `Corrupt`; any error of `each`.
pub fn for_each(
    stored: &[u8],
    each: &mut dyn FnMut(Range<usize>, Attached<'_>) -> Result<()>,
) -> Result<()> {
    if has_attached(stored) {
        in_node(stored.get(HEAD..).unwrap_or_default(), each)
    } else {
        Ok(())
    }
}

fn in_node(
    node: &[u8],
    each: &mut dyn FnMut(Range<usize>, Attached<'_>) -> Result<()>,
) -> Result<()> {
    let mut reader = ExactReader::new(node);
    let mut from = HEAD;
    while let Some(event) = reader.next()? {
        let until = HEAD + node.len() - reader.left();
        if let Event::Attached(attached) = event {
            each(from..until, attached)?;
        }
        from = until;
    }
    Ok(())
}

/// The second byte of a stored value with this node: whether it has Blobs beside it, or references to contents.
#[must_use]
pub fn version_of(node: &[u8]) -> u8 {
    let may_be_it = |byte: &u8| {
        matches!(
            *byte,
            tag::ATTACHED_BLOB | tag::ATTACHED_FILE | tag::BLOB_REF
        )
    };
    let (mut is_attached, mut is_citing) = (false, false);
    // Most values do not contain such a byte at all.
    if node.iter().any(may_be_it) {
        let mut reader = ExactReader::new(node);
        // Ignore a malformed node: reading the value reports it.
        while let Ok(Some(event)) = reader.next() {
            is_attached |= matches!(event, Event::Attached(_));
            is_citing |= matches!(event, Event::BlobRef(_));
        }
    }
    match (is_attached, is_citing) {
        (false, false) => EXACT_VERSION,
        (true, false) => EXACT_ATTACHED,
        (false, true) => EXACT_CITING,
        (true, true) => EXACT_BOTH,
    }
}

/// The total size of the Blobs beside a stored value, in bytes. Ignores everything after damage.
#[must_use]
pub fn bytes_beside(stored: &[u8]) -> u64 {
    let mut sum = 0_u64;
    let _ = for_each(stored, &mut |_, attached| {
        sum = sum.saturating_add(attached.size);
        Ok(())
    });
    sum
}

/// Moves the Blobs beside a value into it. `contents` are their bytes, in order.
///
/// # Errors
/// `Corrupt`; `Internal` if there are too few contents.
pub fn inlined(stored: &[u8], contents: &[Vec<u8>]) -> Result<Vec<u8>> {
    let more: usize = contents.iter().map(Vec::len).sum();
    let mut out = Vec::with_capacity(stored.len() + more);
    let is_citing = matches!(stored, [_, EXACT_CITING | EXACT_BOTH, ..]);
    out.extend([
        EXACT,
        if is_citing {
            EXACT_CITING
        } else {
            EXACT_VERSION
        },
    ]);
    let (mut done, mut contents) = (HEAD, contents.iter());
    for_each(stored, &mut |place, attached| {
        let few = || Error::internal("the content of a Blob is missing");
        let content = contents.next().ok_or_else(few)?;
        out.extend_from_slice(stored.get(done..place.start).unwrap_or_default());
        done = place.end;
        let mut node = ExactWriter::headless();
        match attached.file {
            Some((name, ms)) => node.file(name, attached.media_type, ms, content),
            None => node.blob(attached.media_type, content),
        }
        out.extend_from_slice(&node.finish()?);
        Ok(())
    })?;
    out.extend_from_slice(stored.get(done..).unwrap_or_default());
    Ok(out)
}
