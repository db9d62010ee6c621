//! Marking entries as synced.

use bytes::Bytes;

use super::chosen::{Chosen, Deed, Which};
use super::count::Tally;
use super::synced_to;
use crate::codec::kinds::key as kinds;
use crate::codec::order::Order;
use crate::engine::access::{Attempt, KeyRange, Writes};
use crate::models::op_log::{at, between};

/// Marks entries as synced.
pub struct Mark(Chosen);

impl Mark {
    /// Marks these.
    #[must_use]
    pub fn new(which: Which) -> Self {
        Self(Chosen::new(which))
    }

    /// Runs until it does not stop; how many were pending.
    ///
    /// # Errors
    /// A stop.
    pub fn step(&mut self, w: &mut dyn Writes) -> Attempt<u64> {
        let synced = synced_to(w)?;
        self.0.step(w, &Marking { synced })
    }
}

/// Marks what is pending above this.
struct Marking {
    synced: Option<Order>,
}

impl Deed for Marking {
    fn ranges(&self, through: Order) -> Vec<KeyRange> {
        vec![between(kinds::LOGGED, self.synced, Some(through))]
    }

    fn to_all(&self, w: &mut dyn Writes, _through: Order, found: &Tally) {
        // Through the last one that there is: those to come may have numbers below the one that was given.
        if let Some(last) = &found.last {
            let order = last.get(1..).unwrap_or_default();
            w.put(
                Bytes::from_static(&[kinds::SYNCED_TO]),
                Bytes::copy_from_slice(order),
            );
        }
    }

    fn to_one(&self, w: &mut dyn Writes, order: Order) -> Attempt<bool> {
        let key = at(kinds::LOGGED, order);
        if Some(order) > self.synced
            && let Some(stored) = w.get(&key)?
        {
            w.put(at(kinds::SYNCED, order), stored);
            w.delete(key);
            return Ok(true);
        }
        Ok(false)
    }
}
