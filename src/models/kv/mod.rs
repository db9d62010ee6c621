//! A key-value store: one record a key.

use bytes::Bytes;

use super::contents::{self, Missing};
use super::keys;
use super::names::check_key;
use super::op_log::journal::{Change, Removal, note};
use super::scope::Scope;
use crate::codec::batch::OpKey;
use crate::codec::js_string::{JsStr, JsString};
use crate::codec::marks::{Marks, NEVER};
use crate::codec::tuple;
use crate::engine::access::{Attempt, KeyRange, Reads, Writes};
use crate::error::{Error, Result};

mod batch;
mod expiry;
mod range;
mod scan;

pub use batch::{AddMany, DeleteMany, GetMany, Out as OutEach, SetMany};
pub use expiry::{PAST, until_ms};
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

/// Stores a value under a record's key, until a time in ms since the epoch; [`PAST`]: removes it. Blind. Every pair that
/// is written comes by here.
///
/// # Errors
/// A stop, before anything is written, of values that refer to contents; `NotStorable` for a reference to a content that is not
/// here, `LimitExceeded` for too many records in one call.
pub fn set(w: &mut dyn Writes, key: &Bytes, value: &Bytes, until_ms: u64) -> Attempt<()> {
    put(w, key, value, until_ms, None, Missing::Refused)
}

/// The same where the old value is known, and what is done of a reference to a content that is not here.
///
/// # Errors
/// As [`set`].
pub fn put(
    w: &mut dyn Writes,
    key: &Bytes,
    value: &Bytes,
    until_ms: u64,
    old: Option<&[u8]>,
    missing: Missing,
) -> Attempt<()> {
    if until_ms == PAST {
        return Ok(remove(w, key)?);
    }
    let citing = contents::look(w, key, value, old, missing)?;
    match until_ms {
        NEVER => w.put(key.clone(), value.clone()),
        _ => {
            let marks = Marks::expiring(until_ms);
            w.put_marked(OpKey::plain(key.clone()), value.clone(), marks);
        }
    }
    citing.note(w);
    Ok(note(w, key, Change::Put(value, until_ms))?)
}

/// Removes a record's key; true when it existed.
///
/// # Errors
/// A stop.
pub fn delete(w: &mut dyn Writes, key: &Bytes) -> Attempt<bool> {
    let existed = w.contains(key)?;
    if existed {
        remove(w, key)?;
    }
    Ok(existed)
}

/// Reads, lets `change` decide, and stores what it gives (`None` deletes), which expires when what was there would have; returns that.
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
    // planted: update-forgets
    let until_ms = w.until(key)?.unwrap_or(NEVER);
    let new = change(old.clone())?;
    match &new {
        Some(value) => put(w, key, value, until_ms, old.as_deref(), Missing::Refused)?,
        None if existed => remove(w, key)?,
        None => {}
    }
    Ok(new)
}

fn remove(w: &mut dyn Writes, key: &Bytes) -> Result<()> {
    w.delete(key.clone());
    note(w, key, Change::Remove)
}

/// Removes every key of a store. Blind, unless writes are logged.
pub struct Clear {
    all: KeyRange,
    removal: Removal,
    begun: bool,
}

impl Clear {
    /// Of this store.
    #[must_use]
    pub fn new(kv: &Kv) -> Self {
        let all = kv.all();
        Self {
            removal: Removal::of(vec![all.clone()]),
            all,
            begun: false,
        }
    }

    /// Runs until it does not stop.
    ///
    /// # Errors
    /// A stop.
    pub fn step(&mut self, w: &mut dyn Writes) -> Attempt<()> {
        self.begun &= !w.is_fresh();
        if !self.begun {
            self.removal.read(w)?;
            w.delete_range(self.all.clone());
            self.begun = true;
        }
        self.removal.note(w)
    }
}

#[cfg(test)]
mod tests;
