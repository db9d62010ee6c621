//! Counting entries.

use bytes::Bytes;

use super::synced_to;
use crate::codec::kinds::key as kinds;
use crate::engine::access::{Attempt, Cursor, KeyRange, Reads};
use crate::models::op_log::between;

/// Counts the keys of ranges, and finds the last one.
pub(super) struct Tally {
    ranges: Vec<KeyRange>,
    at: usize,
    cursor: Option<Cursor>,
    pub count: u64,
    pub last: Option<Bytes>,
}

impl Tally {
    pub fn of(ranges: Vec<KeyRange>) -> Self {
        Self {
            ranges,
            at: 0,
            cursor: None,
            count: 0,
            last: None,
        }
    }

    pub fn step<R: Reads + ?Sized>(&mut self, r: &mut R) -> Attempt<()> {
        while let Some(range) = self.ranges.get(self.at) {
            let begin = || Cursor::new(range.clone(), false);
            let cursor = self.cursor.get_or_insert_with(begin);
            let count = &mut self.count;
            r.scan(cursor, false, &mut |_, _| {
                *count += 1;
                Ok(true)
            })?;
            if let Some(cursor) = self.cursor.take() {
                self.last = cursor.last.or(self.last.take());
            }
            self.at += 1;
        }
        Ok(())
    }
}

/// Counts the pending entries.
#[derive(Default)]
pub struct Count(Option<Tally>);

impl Count {
    /// Runs until it does not stop.
    ///
    /// # Errors
    /// A stop.
    pub fn step(&mut self, r: &mut dyn Reads) -> Attempt<u64> {
        let tally = match &mut self.0 {
            Some(tally) => tally,
            none => {
                let pending = between(kinds::LOGGED, synced_to(r)?, None);
                none.insert(Tally::of(vec![pending]))
            }
        };
        tally.step(r)?;
        Ok(tally.count)
    }
}
