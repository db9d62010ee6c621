//! Deleting entries.

use super::chosen::{Chosen, Deed, Which};
use super::count::Tally;
use super::synced_to;
use crate::codec::kinds::key as kinds;
use crate::codec::order::Order;
use crate::engine::access::{Attempt, Cursor, KeyRange, Writes};
use crate::models::op_log::entry::lies_apart;
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

/// Entries marked by their numbers that are deleted in one commit.
const PAGE: u64 = 2_000;

/// Deletes entries that are marked as synced, for when room is needed: those up to the mark, which are ranges, and a page
/// of those that were marked by their numbers.
#[derive(Default)]
pub struct PruneSynced {
    to: Option<Option<Order>>,
    tally: Option<Tally>,
    cursor: Option<Cursor>,
    /// Those whose values lie apart.
    apart: Vec<Order>,
    found: u64,
    deleted: usize,
    pace: Pace,
}

impl PruneSynced {
    /// Runs until it does not stop; how many there were, and whether there may be more.
    ///
    /// # Errors
    /// A stop.
    pub fn step(&mut self, w: &mut dyn Writes) -> Attempt<(u64, bool)> {
        if w.is_fresh() {
            *self = Self::default();
        }
        let to = match self.to {
            Some(to) => to,
            None => *self.to.insert(synced_to(w)?),
        };
        let through = |kind| to.map(|to| between(kind, None, Some(to)));
        let tally = self
            .tally
            .get_or_insert_with(|| Tally::of(through(kinds::LOGGED).into_iter().collect()));
        tally.step(w)?;
        let all = || Cursor::new(between(kinds::SYNCED, None, None), false);
        let cursor = self.cursor.get_or_insert_with(all);
        let (found, apart) = (&mut self.found, &mut self.apart);
        if *found < PAGE {
            w.scan(cursor, true, &mut |key, stored| {
                if lies_apart(stored) {
                    apart.push(order_in(key)?);
                }
                *found += 1;
                Ok(*found < PAGE)
            })?;
        }
        while let Some(order) = self.apart.get(self.deleted) {
            w.delete(at(kinds::LOGGED_VALUE, *order));
            self.deleted += 1;
            self.pace.step(w)?;
        }
        if let Some(last) = &cursor.last {
            w.delete_range(between(kinds::SYNCED, None, Some(order_in(last)?)));
        }
        if tally.count > 0 {
            for range in [kinds::LOGGED, kinds::LOGGED_VALUE].map(through) {
                range.into_iter().for_each(|range| w.delete_range(range));
            }
        }
        Ok((tally.count + self.found, self.found >= PAGE))
    }
}
