//! Many keys in one call.

use bytes::Bytes;
use std::rc::Rc;

use crate::engine::access::{Attempt, Reads, Writes};
use crate::error::Result;
use crate::models::ahead;
use crate::models::many::{Many, shorten};
use crate::models::pace::Pace;

/// Reads many keys.
pub struct GetMany {
    keys: Rc<Vec<Bytes>>,
    done: usize,
    pace: Pace,
}

/// Takes a stored value, or that there is none.
pub type Out<'a> = dyn FnMut(Option<&[u8]>) -> Result<()> + 'a;

impl GetMany {
    /// Reads these records' keys.
    #[must_use]
    pub fn new(keys: Rc<Vec<Bytes>>) -> Self {
        Self {
            keys,
            done: 0,
            pace: Pace::default(),
        }
    }

    /// Hands the stored values to `out`, in the order of the keys: kept here, each would keep the page that it
    /// is a slice of. Runs until it does not stop.
    ///
    /// # Errors
    /// A stop; nothing is lost by it, and nothing handed out twice. What `out` fails with.
    pub fn step(&mut self, r: &mut dyn Reads, out: &mut Out<'_>) -> Attempt<()> {
        while self.done < self.keys.len() {
            out(ahead::get(r, &self.keys, self.done)?.as_deref())?;
            self.done += 1;
            self.pace.step(r)?;
        }
        Ok(())
    }
}

/// Stores many keys. Blind.
pub struct SetMany {
    entries: Vec<(Bytes, Bytes, u64)>,
    done: usize,
    pace: Pace,
}

impl SetMany {
    /// Stores these values under these records' keys, until these times, in this order.
    #[must_use]
    pub fn new(entries: Vec<(Bytes, Bytes, u64)>) -> Self {
        Self {
            entries,
            done: 0,
            pace: Pace::default(),
        }
    }
}

impl Many for SetMany {
    type Done = ();

    /// Runs until it does not stop.
    ///
    /// # Errors
    /// A stop.
    fn step(&mut self, w: &mut dyn Writes) -> Attempt<()> {
        if w.is_fresh() {
            self.done = 0;
        }
        while let Some((key, value, until_ms)) = self.entries.get(self.done) {
            super::set(w, key, value, *until_ms)?;
            self.done += 1;
            self.pace.step(w)?;
        }
        Ok(())
    }

    fn release(&mut self, count: usize) -> bool {
        shorten(&mut self.entries, count)
    }
}

/// Stores those of many keys that are not there.
pub struct AddMany {
    entries: Vec<(Bytes, Bytes, u64)>,
    done: usize,
    added: u64,
    pace: Pace,
}

impl AddMany {
    /// Stores these values under these records' keys, until these times; of a key that is named twice, the first.
    #[must_use]
    pub fn new(entries: Vec<(Bytes, Bytes, u64)>) -> Self {
        Self {
            entries,
            done: 0,
            added: 0,
            pace: Pace::default(),
        }
    }
}

impl Many for AddMany {
    type Done = u64;

    /// How many were not there. Runs until it does not stop.
    ///
    /// # Errors
    /// A stop.
    fn step(&mut self, w: &mut dyn Writes) -> Attempt<u64> {
        if w.is_fresh() {
            self.done = 0;
            self.added = 0;
        }
        while let Some((key, value, until_ms)) = self.entries.get(self.done) {
            if !w.contains(key)? {
                super::set(w, key, value, *until_ms)?;
                self.added += 1;
            }
            self.done += 1;
            self.pace.step(w)?;
        }
        Ok(self.added)
    }

    fn release(&mut self, count: usize) -> bool {
        shorten(&mut self.entries, count)
    }
}

/// Removes many keys.
pub struct DeleteMany {
    keys: Vec<Bytes>,
    done: usize,
    existed: u64,
    pace: Pace,
}

impl DeleteMany {
    /// Removes these records' keys.
    #[must_use]
    pub fn new(keys: Vec<Bytes>) -> Self {
        Self {
            keys,
            done: 0,
            existed: 0,
            pace: Pace::default(),
        }
    }
}

impl Many for DeleteMany {
    type Done = u64;

    /// How many existed; a key that is named twice counts once.
    ///
    /// # Errors
    /// A stop.
    fn step(&mut self, w: &mut dyn Writes) -> Attempt<u64> {
        if w.is_fresh() {
            self.done = 0;
            self.existed = 0;
        }
        while let Some(key) = self.keys.get(self.done) {
            self.existed += u64::from(super::delete(w, key)?);
            self.done += 1;
            self.pace.step(w)?;
        }
        Ok(self.existed)
    }

    fn release(&mut self, count: usize) -> bool {
        shorten(&mut self.keys, count)
    }
}
