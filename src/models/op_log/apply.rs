//! Applying the writes of other devices: the last writer wins, record by record.
//!
//! The winner is the one with the greatest (stamp, device), whatever order entries come in and however often: a state
//! keeps what won, of removals too. So applying commutes, associates, and may be repeated.

use bytes::Bytes;

use super::journal::touch;
use super::remote::Remote;
use super::state::State;
use super::{Name, tombstones};
use crate::codec::batch::OpKey;
use crate::codec::marks::{Marks, NEVER};
use crate::codec::stamp::{MAX_WALL_MS, Stamp};
use crate::engine::access::{Attempt, Writes};
use crate::error::{Code, Error};
use crate::models::ahead;
use crate::models::contents::{Missing, cite};
use crate::models::documents::violations::{self, Violation};
use crate::models::documents::{Collection, Numbers};
use crate::models::many::{Many, shorten};
use crate::models::pace::Pace;

/// A stamp this far ahead of the clock here is refused, ms.
pub const MAX_AHEAD_MS: u64 = 3_600_000;

/// Why an entry was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Its stamp is too far ahead.
    Clock,
    /// It is older than removals that were forgotten.
    Floor,
    /// It was written under another version of the data's shape.
    Version,
}

/// What applying came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// Entries that changed the state.
    pub applied: u64,
    /// Those that were refused: their places in the list, and why.
    pub refused: Vec<(usize, Why)>,
    /// The records that changed and may break what is defined of collections.
    pub touched: Vec<Bytes>,
    /// What they break, once it has been looked for.
    pub violations: Vec<Violation>,
}

/// Applies entries.
pub struct Apply {
    entries: Vec<Remote>,
    states: Vec<Bytes>,
    now_ms: u64,
    floor: Option<(Stamp, Bytes)>,
    /// That of the data here.
    version: u64,
    done: usize,
    outcome: Applied,
    /// The counters that the numbers of what is applied move.
    numbers: Numbers,
    pace: Pace,
}

/// The error of having met what is not committed yet: to be tried again once it is.
fn early() -> Error {
    Error::new(Code::Conflict, "a record of the entries is being written")
}

/// Whether work has failed so.
#[must_use]
pub fn is_early(error: &Error) -> bool {
    error.code() == Code::Conflict
}

impl Apply {
    /// Applies these, whose records are valid.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn new(entries: Vec<Remote>, now_ms: f64) -> crate::error::Result<Self> {
        let state_key = |entry: &Remote| Ok(Name::of(&entry.record)?.state_key());
        let states = entries
            .iter()
            .map(state_key)
            .collect::<Result<_, Error>>()?;
        Ok(Self {
            entries,
            states,
            now_ms: now_ms as u64,
            floor: None,
            version: 0,
            done: 0,
            outcome: Applied::default(),
            numbers: Numbers::default(),
            pace: Pace::default(),
        })
    }

    /// What there is to be said against an entry, whatever the state of its record.
    fn refusal(&self, entry: &Remote) -> Option<Why> {
        // planted: version-unasked
        if entry.version != self.version {
            Some(Why::Version)
        } else if entry.stamp.ms > self.now_ms.saturating_add(MAX_AHEAD_MS)
            || entry.stamp.ms >= MAX_WALL_MS
        {
            Some(Why::Clock)
        } else {
            None
        }
    }

    fn one(&mut self, w: &mut dyn Writes, entry: &Remote) -> Attempt<Result<bool, Why>> {
        if let Some(why) = self.refusal(entry) {
            return Ok(Err(why));
        }
        match ahead::get(w, &self.states, self.done)? {
            Some(stored) => {
                let state = State::decode(&stored)?;
                match state.is_before(entry.stamp, &entry.device, w.next_stamp()) {
                    None => return Err(early().into()),
                    // planted: older-wins
                    Some(false) => return Ok(Ok(false)),
                    Some(true) => {}
                }
            }
            // planted: floor-ignored
            None if self.is_below_floor(entry) => return Ok(Err(Why::Floor)),
            None => {}
        }
        let name = Name::of(&entry.record)?;
        let marks = match entry.expires_ms {
            NEVER => Marks::NONE,
            at_ms => Marks::expiring(at_ms),
        };
        if name.is_document() {
            let (scope, collection, id) = name.texts()?;
            let collection = Collection::new(&scope, collection.unwrap_or_default().as_js())?;
            match &entry.value {
                Some(doc) => {
                    // planted: numbers-not-followed
                    collection.follow(w, &mut self.numbers, doc)?;
                    collection.put(w, id.as_js(), doc.clone())?;
                }
                None => drop(collection.remove(w, id.as_js())?),
            }
            if violations::concern(w, &collection, entry.value.is_none())? {
                self.outcome.touched.push(entry.record.clone());
            }
        } else {
            match &entry.value {
                Some(value) => {
                    cite(w, &entry.record, value, Missing::Allowed)?;
                    w.put_marked(OpKey::plain(entry.record.clone()), value.clone(), marks)
                }
                None => w.delete(entry.record.clone()),
            }
        }
        let tail = entry.stamp.to_bytes();
        touch(
            w,
            &name,
            entry.value.is_none(),
            entry.expires_ms,
            &entry.device,
            tail,
        );
        // planted: clock-not-raised-by-apply
        w.stamp_after(entry.stamp.ms);
        Ok(Ok(true))
    }

    fn is_below_floor(&self, entry: &Remote) -> bool {
        let floor = self.floor.as_ref();
        floor.is_some_and(|(stamp, device)| (entry.stamp, &entry.device) < (*stamp, device))
    }
}

impl Many for Apply {
    type Done = Applied;

    /// Runs until it does not stop.
    ///
    /// # Errors
    /// A stop; what [`is_early`] knows.
    fn step(&mut self, w: &mut dyn Writes) -> Attempt<Applied> {
        if w.is_fresh() {
            (self.done, self.outcome) = (0, Applied::default());
            self.numbers.restart();
        }
        if self.done == 0 {
            self.floor = tombstones::floor(w)?;
            self.version = w.catalog().data_version()?.version;
        }
        while let Some(entry) = self.entries.get(self.done).cloned() {
            match self.one(w, &entry)? {
                Ok(changed) => self.outcome.applied += u64::from(changed),
                Err(why) => self.outcome.refused.push((self.done, why)),
            }
            self.done += 1;
            self.pace.step(w)?;
        }
        self.numbers.write(w);
        Ok(std::mem::take(&mut self.outcome))
    }

    fn release(&mut self, count: usize) -> bool {
        shorten(&mut self.states, count);
        shorten(&mut self.entries, count)
    }
}

#[cfg(test)]
mod tests;
