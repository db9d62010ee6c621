//! The log of storage adapters: opaque entries under ids that ascend in the order of the commits and are never given
//! twice.
//!
//! The last id given is a record, so an append depends on it. (A place in the order of insertion would make
//! appends blind, but where a frame went cannot always be learnt: another tab may have merged it before its writer has
//! looked. Whoever appends must be told an id.) The id is known before the commit, and another one where
//! the call runs again.
//!
//! An entry's key ends in its *owner*, the adapter that appended it, so that nobody has to remember which those are.

use bytes::Bytes;

use super::contents::{Missing, cite};
use super::keys;
use super::many::{Many, shorten};
use super::pace::Pace;
use crate::engine::access::{Attempt, Cursor, KeyRange, Reads, Writes};
use crate::error::{Code, Error, Result};
use crate::limits::{self, MAX_CALL_BYTES};

/// The last id there can be: JavaScript counts no further.
pub const MAX_ID: u64 = (1 << 53) - 1;

/// What a run of entries takes in memory, about.
const RUN_BYTES: usize = 128;

/// The beginning of the keys of the entry of an id.
fn entry(id: u64) -> [u8; 9] {
    let mut key = [keys::ADAPTER_ENTRY; 9];
    let (_, rest) = key.split_at_mut(1);
    rest.copy_from_slice(&id.to_be_bytes());
    key
}

/// The id and the owner that a key tells.
fn told_by(key: &[u8]) -> Result<(u64, u64)> {
    let rest = key.split_first().and_then(|(_, rest)| {
        let (id, owner) = rest.split_first_chunk::<8>()?;
        Some((*id, <[u8; 8]>::try_from(owner).ok()?))
    });
    let (id, owner) = rest.ok_or_else(corrupt)?;
    Ok((u64::from_be_bytes(id), u64::from_be_bytes(owner)))
}

/// Entries with `from <= id <= to`; ids end with [`MAX_ID`].
fn between(from: u64, to: u64) -> KeyRange {
    let bound = |id: u64| Bytes::copy_from_slice(&entry(id.min(MAX_ID + 1)));
    KeyRange {
        from: bound(from),
        until: bound(to.saturating_add(1)),
    }
}

fn corrupt() -> Error {
    Error::corrupt("the log of the adapters is damaged")
}

/// Records that are stored, or removed.
pub type Changes = Vec<(Bytes, Option<Bytes>)>;

/// Changes records and appends an entry, in one commit.
pub struct Append {
    owner: u64,
    entry: Bytes,
    changes: Changes,
    done: usize,
    pace: Pace,
}

impl Append {
    /// Appends the stored value `entry`, with what it goes along with.
    #[must_use]
    pub fn new(owner: u64, entry: Bytes, changes: Changes) -> Self {
        Self {
            owner,
            entry,
            changes,
            done: 0,
            pace: Pace::default(),
        }
    }
}

impl Many for Append {
    type Done = u64;

    /// The id of the entry. Runs until it does not stop.
    ///
    /// # Errors
    /// A stop; `LimitExceeded` when all ids have been given.
    fn step(&mut self, w: &mut dyn Writes) -> Attempt<u64> {
        if w.is_fresh() {
            self.done = 0;
        }
        let counter = [keys::ADAPTER_LAST];
        // (First, so that it need not be looked for among what is written here.)
        let id = 1 + last(w.get(&counter)?)?;
        if id > MAX_ID {
            let message = "the log has given all the ids that there are";
            return Err(Error::new(Code::LimitExceeded, message).into());
        }
        while let Some((key, value)) = self.changes.get(self.done) {
            match value {
                Some(value) => {
                    cite(w, key, value, Missing::Refused)?;
                    w.put(key.clone(), value.clone());
                }
                None => w.delete(key.clone()),
            }
            self.done += 1;
            self.pace.step(w)?;
        }
        let key: Bytes = [&entry(id)[..], &self.owner.to_be_bytes()].concat().into();
        cite(w, &key, &self.entry, Missing::Refused)?;
        w.put(key, self.entry.clone());
        let given = Bytes::copy_from_slice(&id.to_be_bytes());
        w.put(Bytes::copy_from_slice(&counter), given);
        Ok(id)
    }

    fn release(&mut self, count: usize) -> bool {
        shorten(&mut self.changes, count)
    }
}

/// What the record of the last id says.
fn last(stored: Option<Bytes>) -> Result<u64> {
    stored.map_or(Ok(0), |bytes| {
        let bytes = bytes[..].try_into().map_err(|_| corrupt())?;
        Ok(u64::from_be_bytes(bytes))
    })
}

/// Reads all entries, by id.
pub struct Pending(Cursor);

/// Takes the id of an entry and its stored value.
pub type Out<'a> = dyn FnMut(u64, &[u8]) -> Result<()> + 'a;

impl Default for Pending {
    fn default() -> Self {
        Self(Cursor::new(keys::all_of(keys::ADAPTER_ENTRY), false))
    }
}

impl Pending {
    /// Hands every entry to `out`. Runs until it does not stop.
    ///
    /// # Errors
    /// A stop; nothing is lost by it, and nothing handed out twice. What `out` fails with.
    pub fn step(&mut self, r: &mut dyn Reads, out: &mut Out<'_>) -> Attempt<()> {
        r.scan(&mut self.0, true, &mut |key, stored| {
            out(told_by(key)?.0, stored)?;
            Ok(true)
        })?;
        Ok(())
    }
}

/// Removes the entries up to an id of which an owner knows.
pub struct Prune {
    owner: u64,
    /// All up to this one have been handed out to it: what was committed later has a higher one.
    handed_out: u64,
    up_to: u64,
    /// Above those, entries are looked at one by one.
    cursor: Option<Cursor>,
    own: Vec<KeyRange>,
    /// Whether the last one that was looked at is its own.
    is_own: bool,
}

impl Prune {
    /// Removes what lies at `up_to` and below.
    #[must_use]
    pub fn new(owner: u64, handed_out: u64, up_to: u64) -> Self {
        Self {
            owner,
            handed_out,
            up_to,
            cursor: None,
            own: Vec::new(),
            is_own: false,
        }
    }

    /// Runs until it does not stop. Blind where all of it has been handed out.
    ///
    /// # Errors
    /// A stop; `LimitExceeded` where another's entries lie between its own hundreds of thousands of times.
    pub fn step(&mut self, w: &mut dyn Writes) -> Attempt<()> {
        if w.is_fresh() {
            *self = Self::new(self.owner, self.handed_out, self.up_to);
        }
        // Everything is read before anything is written: a cursor would lose its place.
        if self.handed_out < self.up_to {
            self.find_own(w)?;
        }
        let known = self.handed_out.min(self.up_to);
        if known > 0 {
            w.delete_range(between(0, known));
        }
        self.own.drain(..).for_each(|run| w.delete_range(run));
        Ok(())
    }

    fn find_own(&mut self, w: &mut dyn Writes) -> Attempt<()> {
        let above = || Cursor::new(between(self.handed_out + 1, self.up_to), false);
        let cursor = self.cursor.get_or_insert_with(above);
        let (own, is_own) = (&mut self.own, &mut self.is_own);
        w.scan(cursor, false, &mut |key, _| {
            let (id, owner) = told_by(key)?;
            let goes_on = std::mem::replace(is_own, owner == self.owner);
            if *is_own {
                let this = between(id, id);
                match own.last_mut().filter(|_| goes_on) {
                    Some(run) => run.until = this.until,
                    None => own.push(this),
                }
                limits::within("what is pruned", own.len() * RUN_BYTES, MAX_CALL_BYTES)?;
            }
            Ok(true)
        })?;
        Ok(())
    }
}

/// Removes one entry, if it is there.
///
/// # Errors
/// A stop.
pub fn delete(w: &mut dyn Writes, id: u64) -> Attempt<()> {
    if let Some(key) = w.next_key(&mut Cursor::new(between(id, id), false))? {
        w.delete(key);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
