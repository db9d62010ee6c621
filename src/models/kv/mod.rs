//! A key-value store: one record a key.

use bytes::Bytes;

use super::keys;
use super::names::check_key;
use super::scope::Scope;
use crate::codec::js_string::{JsStr, JsString};
use crate::codec::tuple;
use crate::engine::access::{Attempt, KeyRange, Reads, Writes};
use crate::error::{Error, Result};

mod batch;
mod range;
mod scan;

pub use batch::{AddMany, DeleteMany, GetMany, Out as OutEach, SetMany};
pub use range::KeyRangeSpec;
pub use scan::{Out, Scan};

/// A store: where its keys lie. Cheap to clone. Of which kind they are says what else their writes concern: a scope's
/// pairs ([`keys::KV`]) are what an op-log tells of, meta and what adapters keep is not.
#[derive(Debug, Clone)]
pub struct Kv {
    prefix: Bytes,
}

impl Kv {
    /// The store of a scope.
    ///
    /// # Errors
    /// `InvalidArgument` when the scope's name is empty or too long.
    pub fn new(scope: &Scope) -> Result<Self> {
        Ok(Self {
            prefix: keys::scope_prefix(keys::KV, scope)?.into(),
        })
    }

    /// The one store of a kind of keys that belong to no scope.
    #[must_use]
    pub fn of_kind(kind: u8) -> Self {
        Self {
            prefix: Bytes::copy_from_slice(&[kind]),
        }
    }

    /// The kind of its keys.
    #[must_use]
    pub fn kind(&self) -> u8 {
        self.prefix.first().copied().unwrap_or_default()
    }

    /// The record's key of a key of the store.
    ///
    /// # Errors
    /// `InvalidArgument` when the key is too long.
    pub fn key(&self, key: JsStr<'_>) -> Result<Bytes> {
        check_key("the key", key)?;
        Ok(keys::with_string(&self.prefix, key))
    }

    /// The key of the store that a record's key stands for.
    ///
    /// # Errors
    /// `Corrupt` when it is no key of this store.
    pub fn key_text(&self, record: &[u8]) -> Result<JsString> {
        let rest = record.strip_prefix(&self.prefix[..]).ok_or_else(foreign)?;
        match tuple::read_string(rest)? {
            (text, []) => Ok(text),
            _ => Err(foreign()),
        }
    }

    /// Every record of the store.
    #[must_use]
    pub fn all(&self) -> KeyRange {
        tuple::range_within(self.prefix.clone())
    }

    /// Removes every key. Blind.
    pub fn clear(&self, w: &mut dyn Writes) {
        w.delete_range(self.all());
    }
}

fn foreign() -> Error {
    Error::corrupt("a stored key does not belong to its store")
}

/// The stored value under a record's key.
///
/// # Errors
/// A stop.
pub fn get(r: &mut dyn Reads, key: &[u8]) -> Attempt<Option<Bytes>> {
    r.get(key)
}

/// Whether a record's key has a value.
///
/// # Errors
/// A stop.
pub fn has(r: &mut dyn Reads, key: &[u8]) -> Attempt<bool> {
    r.contains(key)
}

/// Stores a value under a record's key. Blind.
pub fn set(w: &mut dyn Writes, key: &Bytes, value: &Bytes) {
    w.put(key.clone(), value.clone());
}

/// Removes a record's key; true when it existed.
///
/// # Errors
/// A stop.
pub fn delete(w: &mut dyn Writes, key: &Bytes) -> Attempt<bool> {
    let existed = w.contains(key)?;
    if existed {
        w.delete(key.clone());
    }
    Ok(existed)
}

/// Reads, lets `change` decide, and stores what it gives (`None` deletes); returns that.
/// `change` is called once in every attempt that has the old value.
///
/// # Errors
/// A stop; what `change` fails with, and nothing is written.
pub fn update(
    w: &mut dyn Writes,
    key: &Bytes,
    change: &mut dyn FnMut(Option<Bytes>) -> Result<Option<Bytes>>,
) -> Attempt<Option<Bytes>> {
    let old = w.get(key)?;
    let existed = old.is_some();
    let new = change(old)?;
    match &new {
        Some(value) => w.put(key.clone(), value.clone()),
        None if existed => w.delete(key.clone()),
        None => {}
    }
    Ok(new)
}

#[cfg(test)]
mod tests;
