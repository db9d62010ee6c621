//! The Blobs that values in memory name.
//!
//! A large Blob is no part of a value's bytes: these name it (see `codec::value::attached`), and it goes with the
//! piece that its value becomes. In between, whoever keeps such a value keeps its Blobs: they are given up
//! with the last [`Bytes`] that [`offered`] or [`held`] made. A name goes with a content for good, so that
//! two values may name the same Blob; each piece has it for itself.

use bytes::Bytes;
use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

use crate::codec::seal;
use crate::codec::value::attached;
use crate::error::{Error, Result};
use crate::record::Id;
use crate::sorted::SortedMap;

/// A Blob; in a browser a `JsValue`. Nothing but the bindings and the backend there looks into it.
pub type Blob = Rc<dyn Any>;

struct Known {
    blob: Blob,
    holders: usize,
}

thread_local! {
    static KNOWN: RefCell<SortedMap<Id, Known>> = RefCell::default();
}

/// Bytes, and the names of the Blobs that they keep.
struct Holder {
    bytes: Bytes,
    names: Vec<Id>,
}

impl AsRef<[u8]> for Holder {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // Where the thread ends, so does everything.
        let _ = KNOWN.try_with(|known| {
            for name in &self.names {
                let mut known = known.borrow_mut();
                let Some(entry) = known.get_mut(name) else {
                    continue;
                };
                entry.holders -= 1;
                if entry.holders == 0 {
                    drop(known.remove(name));
                }
            }
        });
    }
}

/// The names in a stored value, or in the sealed record of one.
///
/// # Errors
/// `Corrupt`.
pub fn names(bytes: &[u8]) -> Result<Vec<Id>> {
    let mut names = Vec::new();
    attached::for_each(seal::content(bytes), &mut |_, attached| {
        names.push(attached.id);
        Ok(())
    })?;
    Ok(names)
}

/// Whether Blobs lie beside a stored value, or that of a piece's record.
#[must_use]
pub fn any(bytes: &[u8]) -> bool {
    // Other bytes may begin like such a value.
    names(bytes).is_ok_and(|names| !names.is_empty())
}

/// Keeps the Blobs that a stored value or a piece's record names as long as there are clones or slices of
/// what is returned. Those that are no longer kept are missing from then on, and [`all`] says so.
#[must_use]
pub fn held(bytes: Bytes) -> Bytes {
    if !attached::has_attached(seal::content(&bytes)) {
        return bytes;
    }
    let mut names = names(&bytes).unwrap_or_default();
    KNOWN.with_borrow_mut(|known| {
        names.retain(|name| {
            let entry = known.get_mut(name);
            entry.map(|entry| entry.holders += 1).is_some()
        });
    });
    Bytes::from_owner(Holder { bytes, names })
}

/// The same with the Blobs themselves, in the order in which they are named. Others that go by these
/// names are replaced: what comes from the store lasts longer than what was given by a caller.
///
/// # Errors
/// `Corrupt` when there are not as many Blobs as names.
pub fn offered(bytes: Bytes, blobs: Vec<Blob>) -> Result<Bytes> {
    let names = names(&bytes)?;
    if names.len() != blobs.len() {
        return Err(Error::corrupt("a value lacks a Blob that it names"));
    }
    KNOWN.with_borrow_mut(|known| {
        for (name, blob) in names.iter().zip(blobs) {
            let holders = known.get(name).map_or(0, |entry| entry.holders) + 1;
            known.insert(*name, Known { blob, holders });
        }
    });
    Ok(Bytes::from_owner(Holder { bytes, names }))
}

/// The Blob of a name.
///
/// # Errors
/// `Internal`: it was not kept.
pub fn get(name: Id) -> Result<Blob> {
    KNOWN
        .with_borrow(|known| known.get(&name).map(|entry| Rc::clone(&entry.blob)))
        .ok_or_else(|| Error::internal("a value has lost a Blob"))
}

/// The Blobs that a stored value or a piece's record names, in their order.
///
/// # Errors
/// `Corrupt`; `Internal`: one of them was not kept.
pub fn all(bytes: &[u8]) -> Result<Vec<Blob>> {
    names(bytes)?.into_iter().map(get).collect()
}

/// How many Blobs are kept.
#[must_use]
pub fn kept() -> usize {
    KNOWN.with_borrow(|known| known.keys().count())
}

#[cfg(test)]
mod tests;
