//! Forgetting removals that every replica has seen.
//!
//! The floor comes first: from its commit on, what is older is refused where nothing is known of its record, so that
//! forgetting the removals, which takes many commits, brings nothing back.

use bytes::Bytes;

use super::state::State;
use crate::codec::kinds::key as kinds;
use crate::codec::stamp::{STAMP_BYTES, Stamp};
use crate::codec::tuple;
use crate::engine::access::{Attempt, Cursor, KeyRange, Reads, Writes};
use crate::error::Error;
use crate::models::ahead;
use crate::models::pace::Pace;

/// The key of the floor: 12 bytes of a stamp, then the id of the device.
const FLOOR: [u8; 2] = [kinds::MERGING, 0x00];
/// States that are looked at for one commit.
const PAGE: usize = 2_000;

/// The floor: what is older has been forgotten, if it was a removal.
///
/// # Errors
/// A stop.
pub fn floor<R: Reads + ?Sized>(r: &mut R) -> Attempt<Option<(Stamp, Bytes)>> {
    let Some(stored) = r.get(&FLOOR)? else {
        return Ok(None);
    };
    let broken = || Error::corrupt("the floor of collected removals is broken");
    let (stamp, device) = stored.split_at_checked(STAMP_BYTES).ok_or_else(broken)?;
    let stamp = Stamp::from_bytes(stamp).ok_or_else(broken)?;
    Ok(Some((stamp, Bytes::copy_from_slice(device))))
}

/// Raises the floor, never lowers it.
///
/// # Errors
/// A stop.
pub fn raise_floor(w: &mut dyn Writes, stamp: Stamp, device: &Bytes) -> Attempt<()> {
    // planted: floor-lowered
    if floor(w)? < Some((stamp, device.clone())) {
        let value = [&stamp.to_bytes()[..], device].concat();
        w.put(Bytes::from_static(&FLOOR), value.into());
    }
    Ok(())
}

/// Finds the states of removals older than a stamp, and of records that have expired: a page of them.
pub struct Find {
    before: (Stamp, Bytes),
    now_ms: u64,
    range: KeyRange,
    cursor: Option<Cursor>,
    seen: usize,
    found: Vec<Bytes>,
}

impl Find {
    /// Those before this stamp, from a key on (empty: the first).
    #[must_use]
    pub fn new(stamp: Stamp, device: Bytes, from: Bytes, now_ms: f64) -> Self {
        let mut range = tuple::prefix_range(Bytes::from_static(&[kinds::STATE]));
        range.from = range.from.max(from);
        Self {
            before: (stamp, device),
            now_ms: now_ms as u64,
            range,
            cursor: None,
            seen: 0,
            found: Vec::new(),
        }
    }

    /// Runs until it does not stop. Their keys, and where the next page begins.
    ///
    /// # Errors
    /// A stop.
    pub fn step(&mut self, r: &mut dyn Reads) -> Attempt<(Vec<Bytes>, Option<Bytes>)> {
        let cursor = (self.cursor).get_or_insert_with(|| Cursor::new(self.range.clone(), false));
        let (seen, found) = (&mut self.seen, &mut self.found);
        let (stamp, device) = &self.before;
        let now_ms = self.now_ms;
        r.scan(cursor, true, &mut |key, value| {
            let state = State::decode(&Bytes::copy_from_slice(value))?;
            if state.is_forgettable(*stamp, device, now_ms) {
                found.push(Bytes::copy_from_slice(key));
            }
            *seen += 1;
            Ok(*seen < PAGE)
        })?;
        let last = cursor.last.as_ref().filter(|_| self.seen >= PAGE);
        let next = last.map(|last| [&last[..], &[0]].concat().into());
        Ok((std::mem::take(&mut self.found), next))
    }
}

/// Forgets such states, if they are such still. It depends on these alone, not on what lies between: states lie in the
/// order of hashes, where every neighbour's write would meet a range.
pub struct Forget {
    before: (Stamp, Bytes),
    now_ms: u64,
    keys: Vec<Bytes>,
    done: usize,
    forgotten: u64,
    pace: Pace,
}

impl Forget {
    /// Those under these keys.
    #[must_use]
    pub fn new(stamp: Stamp, device: Bytes, keys: Vec<Bytes>, now_ms: f64) -> Self {
        Self {
            before: (stamp, device),
            now_ms: now_ms as u64,
            keys,
            done: 0,
            forgotten: 0,
            pace: Pace::default(),
        }
    }

    /// Runs until it does not stop; how many removals were forgotten.
    ///
    /// # Errors
    /// A stop.
    pub fn step(&mut self, w: &mut dyn Writes) -> Attempt<u64> {
        if w.is_fresh() {
            (self.done, self.forgotten) = (0, 0);
        }
        let (stamp, device) = &self.before;
        while let Some(key) = self.keys.get(self.done) {
            // planted: state-forgotten
            if let Some(stored) = ahead::get(w, &self.keys, self.done)? {
                let state = State::decode(&stored)?;
                if state.is_forgettable(*stamp, device, self.now_ms) {
                    w.delete(key.clone());
                    self.forgotten += u64::from(state.is_removed);
                }
            }
            self.done += 1;
            self.pace.step(w)?;
        }
        Ok(self.forgotten)
    }
}
