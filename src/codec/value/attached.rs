//! The Blobs and Files that lie beside a value.

use std::ops::Range;

use super::exact::{Attached, Event, ExactReader, tag};
use super::{EXACT, EXACT_ATTACHED, EXACT_VERSION, ExactWriter};
use crate::error::{Error, Result};

/// Bytes of the form's tag.
const HEAD: usize = 2;

/// Whether Blobs lie beside a stored value.
#[must_use]
pub fn has_attached(stored: &[u8]) -> bool {
    stored.starts_with(&[EXACT, EXACT_ATTACHED])
}

/// Calls `each` with every Blob that lies beside a stored value, in their order, and where its node is.
///
/// # Errors
/// `Corrupt`; what `each` fails with.
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

/// The second byte of a value with this node.
#[must_use]
pub fn version_of(node: &[u8]) -> u8 {
    let tags = [tag::ATTACHED_BLOB, tag::ATTACHED_FILE];
    let mut found = false;
    // Most values do not even have such a byte.
    if node.iter().any(|byte| tags.contains(byte)) {
        // What cannot be read says so to whoever reads it.
        let _ = in_node(node, &mut |_, _| {
            found = true;
            Ok(())
        });
    }
    if found { EXACT_ATTACHED } else { EXACT_VERSION }
}

/// How many bytes lie beside a stored value.
#[must_use]
pub fn bytes_beside(stored: &[u8]) -> u64 {
    let mut sum = 0_u64;
    let _ = for_each(stored, &mut |_, attached| {
        sum = sum.saturating_add(attached.size);
        Ok(())
    });
    sum
}

/// The value with the Blobs in it, whose contents are given in their order.
///
/// # Errors
/// `Corrupt`; `Internal` when there are too few contents.
pub fn inlined(stored: &[u8], contents: &[Vec<u8>]) -> Result<Vec<u8>> {
    let more: usize = contents.iter().map(Vec::len).sum();
    let mut out = Vec::with_capacity(stored.len() + more);
    out.extend([EXACT, EXACT_VERSION]);
    let (mut done, mut contents) = (HEAD, contents.iter());
    for_each(stored, &mut |place, attached| {
        let few = || Error::internal("a Blob was given without its content");
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
