//! Entries that are chosen by their numbers, and doing something to them.

use super::count::Tally;
use crate::codec::order::Order;
use crate::engine::access::{Attempt, KeyRange, Writes};
use crate::models::op_log::order_of;
use crate::models::pace::Pace;

/// Which entries: up to a number, or these numbers.
#[derive(Debug, Clone)]
pub enum Which {
    /// Those with numbers up to this one.
    UpTo(f64),
    /// Those with these numbers.
    These(Vec<f64>),
}

/// What is done to entries.
pub(super) trait Deed {
    /// Where those up to a place lie that it is done to.
    fn ranges(&self, through: Order) -> Vec<KeyRange>;
    /// Does it to all of them; there are some, as `found` says.
    fn to_all(&self, w: &mut dyn Writes, through: Order, found: &Tally);
    /// Does it to one; whether that was there.
    fn to_one(&self, w: &mut dyn Writes, order: Order) -> Attempt<bool>;
}

/// Chosen entries, and how far something is done to them.
pub(super) struct Chosen {
    which: Which,
    tally: Option<Tally>,
    done: usize,
    count: u64,
    pace: Pace,
}

impl Chosen {
    pub fn new(which: Which) -> Self {
        Self {
            which,
            tally: None,
            done: 0,
            count: 0,
            pace: Pace::default(),
        }
    }

    /// Runs until it does not stop; to how many it was done.
    pub fn step(&mut self, w: &mut dyn Writes, deed: &dyn Deed) -> Attempt<u64> {
        if w.is_fresh() {
            (self.tally, self.done, self.count) = (None, 0, 0);
        }
        match &self.which {
            Which::UpTo(id @ 0.0..) => {
                let through = order_of(*id);
                let begin = || Tally::of(deed.ranges(through));
                let tally = self.tally.get_or_insert_with(begin);
                tally.step(w)?;
                if tally.count > 0 {
                    deed.to_all(w, through, tally);
                }
                Ok(tally.count)
            }
            Which::UpTo(_) => Ok(0),
            Which::These(ids) => {
                while let Some(id) = ids.get(self.done) {
                    if *id >= 0.0 && deed.to_one(w, order_of(*id))? {
                        self.count += 1;
                    }
                    self.done += 1;
                    self.pace.step(w)?;
                }
                Ok(self.count)
            }
        }
    }
}
