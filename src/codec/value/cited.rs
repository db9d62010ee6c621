//! The references to contents in a stored value.

use super::exact::{Event, ExactReader};
use super::{EXACT, EXACT_BOTH, EXACT_CITING};
use crate::codec::js_string::{JsStr, json::write_quoted};
use crate::error::Result;
use crate::record::ContentHash;

/// Whether a stored value has references to contents. Looks at two bytes.
#[must_use]
pub fn is_citing(stored: &[u8]) -> bool {
    matches!(stored, [EXACT, EXACT_CITING | EXACT_BOTH, ..])
}

/// The contents that a stored value refers to, each once with the size that the reference tells.
///
/// # Errors
/// `Corrupt`.
pub fn contents(stored: &[u8]) -> Result<Vec<(ContentHash, u64)>> {
    let mut found = Vec::new();
    if is_citing(stored) {
        let mut reader = ExactReader::new(stored.get(2..).unwrap_or_default());
        while let Some(event) = reader.next()? {
            if let Event::BlobRef(cited) = event {
                found.push((cited.hash, cited.size));
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Whether these bytes contain a reference to a content. They may be part of any record: it is looked for as 32 bytes
/// that no other value has.
#[must_use]
pub fn names(bytes: &[u8], hash: &ContentHash) -> bool {
    bytes.windows(hash.len()).any(|window| window == hash)
}

/// A step of a path: into an object, or to a place of any other container.
enum Step<'a> {
    Name(JsStr<'a>),
    /// Of a Map: twice the number of the entry, and 1 for its value.
    Place(usize, bool),
}

/// Where in a stored value the first reference to a content stands, such as `$.files[2]`, as the facade writes paths. `$` if it
/// is not found.
#[must_use]
pub fn path(stored: &[u8], hash: &ContentHash) -> String {
    let mut reader = ExactReader::new(stored.get(2..).unwrap_or_default());
    let mut steps: Vec<Step<'_>> = Vec::new();
    while let Ok(Some(event)) = reader.next() {
        match event {
            Event::Key(name) => {
                if let Some(step) = steps.last_mut() {
                    *step = Step::Name(name);
                }
                continue;
            }
            Event::BlobRef(cited) if cited.hash == *hash => break,
            Event::Array(_) | Event::Set(_) | Event::Object(_) => {
                steps.push(Step::Place(0, false));
                continue;
            }
            Event::Map(_) => {
                steps.push(Step::Place(0, true));
                continue;
            }
            Event::End => drop(steps.pop()),
            _ => {}
        }
        // What was read was an element of the innermost container.
        if let Some(Step::Place(at, _)) = steps.last_mut() {
            *at += 1;
        }
    }
    let mut out = b"$".to_vec();
    for step in &steps {
        match step {
            Step::Name(name) if is_identifier(name.as_bytes()) => {
                out.push(b'.');
                out.extend(name.as_bytes());
            }
            Step::Name(name) => {
                out.push(b'[');
                write_quoted(*name, &mut out);
                out.push(b']');
            }
            Step::Place(at, false) => out.extend(format!("[{at}]").into_bytes()),
            Step::Place(at, true) => out.extend(format!("[{}][{}]", at / 2, at % 2).into_bytes()),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn is_identifier(name: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'$');
    name.first().is_some_and(is_letter)
        && name
            .iter()
            .all(|byte| is_letter(byte) || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
