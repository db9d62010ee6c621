//! States of the records that a migration has written. It notes nothing: every device migrates what it has by itself, so what was
//! written before keeps its stamp, and what is new has the lowest.

use bytes::Bytes;

use super::Name;
use super::journal::touch;
use super::state::State;
use crate::codec::head::OpLog;
use crate::codec::marks::NEVER;
use crate::codec::stamp::Stamp;
use crate::engine::access::{Attempt, Writes};
use crate::error::{Error, Result};
use crate::models::ahead;
use crate::models::many::{Many, shorten};
use crate::models::pace::Pace;

/// Gives states to records that were written, or sees what there is.
pub struct Restate {
    records: Vec<Bytes>,
    states: Vec<Bytes>,
    done: usize,
    pace: Pace,
}

impl Restate {
    /// Of these, each as often as it was written.
    #[must_use]
    pub fn new(records: Vec<Bytes>) -> Self {
        Self {
            records,
            states: Vec::new(),
            done: 0,
            pace: Pace::default(),
        }
    }

    fn one(&self, w: &mut dyn Writes, record: &[u8], device: &[u8]) -> Attempt<()> {
        let stored = ahead::get(w, &self.states, self.done)?;
        let state = stored.as_ref().map(State::decode).transpose()?;
        let until_ms = w.until(record)?;
        let (device, stamp) = match &state {
            // What was a removal is a new record.
            Some(state) if !(state.is_removed && until_ms.is_some()) => {
                if until_ms == (!state.is_removed).then_some(state.expires_ms) {
                    return Ok(());
                }
                let stamp = state.stamp;
                let stamp = stamp.ok_or_else(|| {
                    Error::internal("a migration has met a state that is not committed")
                })?;
                (&state.device[..], stamp)
            }
            // It was made and removed again.
            None if until_ms.is_none() => return Ok(()),
            _ => (device, Stamp::default()),
        };
        let (is_removed, expires_ms) = (until_ms.is_none(), until_ms.unwrap_or(NEVER));
        let name = Name::of(record)?;
        touch(w, &name, is_removed, expires_ms, device, stamp.to_bytes());
        Ok(())
    }
}

impl Many for Restate {
    type Done = ();

    /// Runs until it does not stop.
    ///
    /// # Errors
    /// A stop.
    fn step(&mut self, w: &mut dyn Writes) -> Attempt<()> {
        if w.is_fresh() {
            self.done = 0;
        }
        let Some(OpLog { device, .. }) = w.op_log() else {
            return Ok(());
        };
        while let Some(record) = self.records.get(self.states.len()) {
            let key: Result<_> = Name::of(record).map(|name| name.state_key());
            self.states.push(key?);
            self.pace.step(w)?;
        }
        while let Some(record) = self.records.get(self.done) {
            self.one(w, record, &device)?;
            self.done += 1;
            self.pace.step(w)?;
        }
        Ok(())
    }

    fn release(&mut self, count: usize) -> bool {
        let more = shorten(&mut self.states, count);
        shorten(&mut self.records, count) || more
    }
}

#[cfg(test)]
mod tests;
