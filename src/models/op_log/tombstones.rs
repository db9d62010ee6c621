//! Forgetting removals that every replica has seen.
//!
//! The floor comes first: from its commit on, what is older is refused where nothing is known of its record, so that
//! forgetting the removals, which takes many commits, brings nothing back.

use bytes::Bytes;

use super::state::State;
use crate::codec::kinds::key as kinds;
use crate::codec::stamp::{STAMP_BYTES, Stamp};
use crate::codec::tuple;
use crate::engine::access::{Attempt, Cursor, Reads, Writes};
use crate::error::Error;

/// The key of the floor: 12 bytes of a stamp, then the id of the device.
const FLOOR: [u8; 2] = [kinds::MERGING, 0x00];
/// States that are looked at in one commit.
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

/// Forgets removals older than a stamp, a page of states in each commit.
pub struct Collect {
    before: (Stamp, Bytes),
    /// Where this page began.
    from: Bytes,
    seen: usize,
    cursor: Option<Cursor>,
    gone: Vec<Bytes>,
}

impl Collect {
    /// Those before this stamp, from the beginning.
    #[must_use]
    pub fn new(stamp: Stamp, device: Bytes) -> Self {
        Self {
            before: (stamp, device),
            from: Bytes::from_static(&[kinds::STATE]),
            seen: 0,
            cursor: None,
            gone: Vec::new(),
        }
    }

    /// One page. How many were forgotten in it, and where the next one begins.
    ///
    /// # Errors
    /// A stop.
    pub fn step(&mut self, w: &mut dyn Writes) -> Attempt<(u64, Option<Bytes>)> {
        if w.is_fresh() {
            (self.cursor, self.seen) = (None, 0);
            self.gone.clear();
        }
        let cursor = self.cursor.get_or_insert_with(|| {
            let mut range = tuple::prefix_range(Bytes::from_static(&[kinds::STATE]));
            range.from = self.from.clone();
            Cursor::new(range, false)
        });
        let (before, seen, gone) = (&self.before, &mut self.seen, &mut self.gone);
        w.scan(cursor, true, &mut |key, value| {
            let state = State::decode(&Bytes::copy_from_slice(value))?;
            if state.is_removed && state.is_before(before.0, &before.1) == Some(true) {
                gone.push(Bytes::copy_from_slice(key));
            }
            *seen += 1;
            Ok(*seen < PAGE)
        })?;
        for key in &self.gone {
            w.delete(key.clone());
        }
        let next = (self.seen >= PAGE).then(|| cursor.last.clone()).flatten();
        let next = next.map(|last| [&last[..], &[0]].concat().into());
        Ok((self.gone.len() as u64, next))
    }

    /// Goes on with the next page.
    pub fn turn_to(&mut self, from: Bytes) {
        self.from = from;
        (self.cursor, self.seen) = (None, 0);
        self.gone.clear();
    }
}
