//! What accompanies the writes of records, in the same batch.

use bytes::Bytes;

use super::state::State;
use super::{Name, SLOTS, entry, hash_of, leaf_of};
use crate::codec::head::OpLog;
use crate::codec::kinds::key as kinds;
use crate::codec::marks::NEVER;
use crate::codec::stamp::{self, STAMP_BYTES};
use crate::engine::access::{Attempt, Cursor, KeyRange, Writes};
use crate::error::{Code, Error, Result};
use crate::limits::{self, ITEM_BYTES, MAX_CALL_BYTES};
use crate::models::pace::Pace;

pub use super::entry::Change;

/// Notes a write of a record, if writes are logged. `record`: the key of a pair, or of the id of a document. Blind. A
/// large value becomes a piece of the entry's own: whoever prunes the entry has its space back.
///
/// # Errors
/// `LimitExceeded` for too many records in one call.
pub fn note(w: &mut dyn Writes, record: &[u8], change: Change<'_>) -> Result<()> {
    let Some(OpLog { device, .. }) = w.op_log() else {
        return Ok(());
    };
    // Meta, and what storage adapters keep, is not logged.
    if !matches!(record.first(), Some(&(kinds::PAIR | kinds::ID))) {
        return Ok(());
    }
    // planted: migration-noted
    if w.set_aside(record) {
        return Ok(());
    }
    let version = w.catalog().data_version()?.version;
    let order = w.new_order();
    if order.slot >= SLOTS {
        return Err(Error::new(
            Code::LimitExceeded,
            "one call writes more records than an op-log takes at once",
        ));
    }
    let tail = stamp::hole(order).to_bytes();
    if let Change::Put(value, _) = change
        && entry::is_apart(value)
    {
        w.put_at(kind(&[kinds::LOGGED_VALUE]), order, entry::own(value)?);
    }
    let name = Name::of(record)?;
    let mut out = Vec::new();
    entry::put(&mut out, record, change, version, tail);
    let entry_bytes = out.len();
    let (is_removed, expires_ms) = match change {
        Change::Put(_, expires_ms) => (false, expires_ms),
        Change::Remove => (true, NEVER),
    };
    let state = put_state(&mut out, &name, is_removed, expires_ms, &device, tail);
    // All that is noted of a record lies in one piece of memory, which goes when the last part does.
    let mut noted = Bytes::from(out);
    let entry = noted.split_to(entry_bytes);
    // planted: entry-forgotten
    w.put_at(kind(&[kinds::LOGGED]), order, entry);
    let key = noted.split_to(state);
    note_state(w, &name, key, noted);
    Ok(())
}

/// Appends the key of a record's state, then the state; how many bytes the key has.
fn put_state(
    out: &mut Vec<u8>,
    name: &Name<'_>,
    is_removed: bool,
    expires_ms: u64,
    device: &[u8],
    tail: [u8; STAMP_BYTES],
) -> usize {
    let before = out.len();
    name.put_state_key(out);
    let key_bytes = out.len() - before;
    State::put(out, is_removed, expires_ms, device, tail);
    key_bytes
}

/// Sets the state of a record, and notes that its leaf has changed. Blind.
pub fn touch(
    w: &mut dyn Writes,
    name: &Name<'_>,
    is_removed: bool,
    expires_ms: u64,
    device: &[u8],
    tail: [u8; STAMP_BYTES],
) {
    let mut out = Vec::new();
    let key_bytes = put_state(&mut out, name, is_removed, expires_ms, device, tail);
    let mut noted = Bytes::from(out);
    let key = noted.split_to(key_bytes);
    note_state(w, name, key, noted);
}

fn note_state(w: &mut dyn Writes, name: &Name<'_>, key: Bytes, state: Bytes) {
    w.put(key, state);
    let leaf = leaf_of(hash_of(name.key));
    // (Marks are taken away by calls of their own: one that a batch has put stays.)
    if w.is_first(leaf) {
        w.put(dirty_key(leaf), Bytes::new());
    }
}

/// The key of the mark that a leaf has changed.
#[must_use]
pub fn dirty_key(leaf: u16) -> Bytes {
    let [high, low] = leaf.to_be_bytes();
    Bytes::copy_from_slice(&[kinds::DIRTY, high, low])
}

const fn kind(kind: &'static [u8]) -> Bytes {
    Bytes::from_static(kind)
}

/// The removal of whole ranges of records, noted one by one.
pub struct Removal {
    ranges: Vec<KeyRange>,
    at: usize,
    cursor: Option<Cursor>,
    records: Vec<Bytes>,
    held_bytes: usize,
    noted: usize,
    pace: Pace,
}

impl Removal {
    /// Of all records in these ranges, of pairs or of documents' ids.
    #[must_use]
    pub fn of(ranges: Vec<KeyRange>) -> Self {
        Self {
            ranges,
            at: 0,
            cursor: None,
            records: Vec::new(),
            held_bytes: 0,
            noted: 0,
            pace: Pace::default(),
        }
    }

    /// Reads which records there are; to be called before anything is removed. Does nothing where writes are not
    /// logged: then removing a range stays blind.
    ///
    /// # Errors
    /// A stop; `LimitExceeded` for too many records.
    pub fn read(&mut self, w: &mut dyn Writes) -> Attempt<()> {
        if w.is_fresh() {
            *self = Self::of(std::mem::take(&mut self.ranges));
        }
        if w.op_log().is_none() {
            return Ok(());
        }
        while let Some(range) = self.ranges.get(self.at) {
            let begin = || Cursor::new(range.clone(), false);
            let cursor = self.cursor.get_or_insert_with(begin);
            let (records, held_bytes) = (&mut self.records, &mut self.held_bytes);
            w.scan(cursor, false, &mut |key, _| {
                *held_bytes += key.len() + ITEM_BYTES;
                limits::within("what is removed", *held_bytes, MAX_CALL_BYTES)?;
                limits::room_for(key.len())?;
                records.push(Bytes::copy_from_slice(key));
                Ok(true)
            })?;
            self.cursor = None;
            self.at += 1;
        }
        Ok(())
    }

    /// Notes them, after they were removed.
    ///
    /// # Errors
    /// A stop.
    pub fn note(&mut self, w: &mut dyn Writes) -> Attempt<()> {
        while let Some(record) = self.records.get(self.noted) {
            note(w, record, Change::Remove)?;
            self.noted += 1;
            self.pace.step(w)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
