//! Deleting entries.

use super::chosen::{Chosen, Deed, Which};
use super::count::Tally;
use super::synced_to;
use crate::codec::kinds::key as kinds;
use crate::codec::order::Order;
use crate::engine::access::{Attempt, Cursor, KeyRange, Writes};
use crate::models::op_log::{at, between, order_in};
use crate::models::pace::Pace;

/// Deletes entries, marked or not.
pub struct Prune(Chosen);

impl Prune {
    /// Deletes these.
    #[must_use]
    pub fn new(which: Which) -> Self {
        Self(Chosen::new(which))
    }

    /// Runs until it does not stop; how many there were.
    ///
    /// # Errors
    /// A stop.
    pub fn step(&mut self, w: &mut dyn Writes) -> Attempt<u64> {
        self.0.step(w, &Deleting)
    }
}

struct Deleting;

impl Deed for Deleting {
    fn ranges(&self, through: Order) -> Vec<KeyRange> {
        let of = |kind| between(kind, None, Some(through));
        vec![of(kinds::LOGGED), of(kinds::SYNCED)]
    }

    fn to_all(&self, w: &mut dyn Writes, through: Order, _found: &Tally) {
        for kind in [kinds::LOGGED, kinds::SYNCED, kinds::LOGGED_VALUE] {
            w.delete_range(between(kind, None, Some(through)));
        }
    }

    fn to_one(&self, w: &mut dyn Writes, order: Order) -> Attempt<bool> {
        let (pending, marked) = (at(kinds::LOGGED, order), at(kinds::SYNCED, order));
        if !w.contains(&pending)? && !w.contains(&marked)? {
            return Ok(false);
        }
        w.delete(pending);
        w.delete(marked);
        w.delete(at(kinds::LOGGED_VALUE, order));
        Ok(true)
    }
}

/// Deletes every entry that is marked as synced; for when room is needed.
#[derive(Default)]
pub struct PruneSynced {
    to: Option<Option<Order>>,
    tally: Option<Tally>,
    cursor: Option<Cursor>,
    apart: Vec<Order>,
    deleted: usize,
    pace: Pace,
}

impl PruneSynced {
    /// Runs until it does not stop; how many there were.
    ///
    /// # Errors
    /// A stop.
    pub fn step(&mut self, w: &mut dyn Writes) -> Attempt<u64> {
        if w.is_fresh() {
            *self = Self::default();
        }
        let to = match self.to {
            Some(to) => to,
            None => *self.to.insert(synced_to(w)?),
        };
        let through = |kind| to.map(|to| between(kind, None, Some(to)));
        let marked = between(kinds::SYNCED, None, None);
        let tally = self
            .tally
            .get_or_insert_with(|| Tally::of(through(kinds::LOGGED).into_iter().collect()));
        tally.step(w)?;
        let cursor = (self.cursor).get_or_insert_with(|| Cursor::new(marked.clone(), false));
        let apart = &mut self.apart;
        w.scan(cursor, false, &mut |key, _| {
            apart.push(order_in(key)?);
            Ok(true)
        })?;
        if tally.count == 0 && self.apart.is_empty() {
            return Ok(0);
        }
        while let Some(order) = self.apart.get(self.deleted) {
            w.delete(at(kinds::LOGGED_VALUE, *order));
            self.deleted += 1;
            self.pace.step(w)?;
        }
        w.delete_range(marked);
        for kind in [kinds::LOGGED, kinds::LOGGED_VALUE] {
            if let Some(range) = through(kind) {
                w.delete_range(range);
            }
        }
        Ok(tally.count + self.apart.len() as u64)
    }
}
