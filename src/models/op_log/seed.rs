//! States for records that are older than the op-log: they count as written when it was switched on.
//!
//! In pages, each a commit that says how far they have come, so that it goes on after a kill, in any tab.

use bytes::Bytes;

use super::Name;
use super::journal::touch;
use crate::codec::head::OpLog;
use crate::codec::kinds::key as kinds;
use crate::codec::marks::NEVER;
use crate::codec::tuple;
use crate::engine::access::{Attempt, Cursor, Reads, Writes};
use crate::models::pace::Pace;

/// The key of how far it is: the last record that was looked at; empty: all of them.
const SEEDED: [u8; 2] = [kinds::MERGING, 0x01];
/// Pairs, then the ids of documents, in the order of their keys.
const SEEDABLE: [u8; 2] = [kinds::PAIR, kinds::ID];
/// Records that are looked at in one commit.
const PAGE: usize = 5_000;

/// Whether every record has a state.
///
/// # Errors
/// A stop.
pub fn is_done(r: &mut dyn Reads) -> Attempt<bool> {
    Ok(r.get(&SEEDED)?.is_some_and(|last| last.is_empty()))
}

/// One page of it.
#[derive(Default)]
pub struct Seed {
    last: Option<Bytes>,
    begun: bool,
    cursor: Option<Cursor>,
    records: Vec<Bytes>,
    /// Which kind of records is being read.
    at: usize,
    done: usize,
    pace: Pace,
}

impl Seed {
    /// Runs until it does not stop; whether every record has a state now.
    ///
    /// # Errors
    /// A stop.
    pub fn step(&mut self, w: &mut dyn Writes) -> Attempt<bool> {
        if w.is_fresh() {
            *self = Self::default();
        }
        let Some(OpLog { device, since, .. }) = w.op_log() else {
            return Ok(true);
        };
        if !self.begun {
            self.last = w.get(&SEEDED)?;
            self.begun = true;
        }
        if self.last.as_ref().is_some_and(Bytes::is_empty) {
            return Ok(true);
        }
        self.read(w)?;
        while let Some(record) = self.records.get(self.done) {
            let name = Name::of(record)?;
            // planted: seeded-over
            if !w.contains(&name.state_key())? {
                let until_ms = w.until(record)?.unwrap_or(NEVER);
                touch(w, &name, false, until_ms, &device, since.to_bytes());
            }
            self.done += 1;
            self.pace.step(w)?;
        }
        let at_end = self.at >= SEEDABLE.len();
        let last = self.records.last().filter(|_| !at_end);
        w.put(
            Bytes::from_static(&SEEDED),
            last.cloned().unwrap_or_default(),
        );
        Ok(at_end)
    }

    fn read(&mut self, w: &mut dyn Writes) -> Attempt<()> {
        while let Some(&kind) = SEEDABLE.get(self.at)
            && self.records.len() < PAGE
        {
            let last = self.last.as_ref();
            let cursor = self.cursor.get_or_insert_with(|| {
                let mut range = tuple::prefix_range(Bytes::copy_from_slice(&[kind]));
                if let Some(last) = last {
                    range.from = range.from.max([&last[..], &[0]].concat().into());
                }
                Cursor::new(range, false)
            });
            let records = &mut self.records;
            let is_full = w.scan(cursor, false, &mut |key, _| {
                records.push(Bytes::copy_from_slice(key));
                Ok(records.len() < PAGE)
            })?;
            if !is_full {
                self.cursor = None;
                self.at += 1;
            }
        }
        Ok(())
    }
}
