//! Who must know at once when readers would see something else: caches outside of the engine.
//!
//! A [`Notice`](crate::engine::Notice) tells of commits. This tells of every change of what this realm's readers see,
//! while it happens: of calls that are pending, of commits, and of calls that have failed or been run again.
//! Whatever is not told of here leaves every key's value as it was.

use std::rc::{Rc, Weak};

use crate::codec::batch::{Batch, Op};
use crate::engine::keyspace::access::KeyRange;
use crate::engine::keyspace::memtable::Memtable;

/// A cache of what is read from some ranges. It is told while the engine's state is being changed, and must
/// not call back into it.
pub trait Interest {
    /// The ranges of whose changes it is told.
    fn ranges(&self) -> &[KeyRange];
    /// An operation on a key of the ranges; `is_new`: on a key that ends in a place in the order of insertion
    /// which was taken together with this operation: no read has seen it before.
    fn touched(&self, op: &Op, is_new: bool);
    /// Operations that are not gone through, on any keys of the ranges.
    fn blurred(&self);
    /// All operations of one call, or of one frame, have been told of.
    fn told(&self);
    /// Anything in the ranges may have changed.
    fn lost(&self);
}

/// The interests of one engine. One that is dropped is not told any more.
#[derive(Default)]
pub struct Interests(Vec<Weak<dyn Interest>>);

impl Interests {
    /// Adds one, which lasts as long as somebody holds it.
    pub fn add(&mut self, interest: &Rc<dyn Interest>) {
        self.0.retain(|known| known.strong_count() > 0);
        self.0.push(Rc::downgrade(interest));
    }

    /// Tells of the operations of a call, all of which are seen at once; `frame`: that of the orders which it takes.
    pub fn tell(&self, ops: &[Op], frame: u64) {
        for interest in self.alive() {
            if tell_each(&*interest, ops, frame) {
                interest.told();
            }
        }
    }

    /// Tells of a large call by the table of its operations, which are not gone through one by one.
    pub fn tell_table(&self, table: &Memtable) {
        for interest in self.alive() {
            let meets = |range: &KeyRange| {
                let mut gone = table.ranges().iter();
                table.edge(range, false).is_some()
                    || gone.any(|gone| range.from < gone.until && gone.from < range.until)
            };
            if interest.ranges().iter().any(meets) {
                interest.blurred();
                interest.told();
            }
        }
    }

    /// Tells of a committed batch.
    pub fn tell_batch(&self, batch: &Batch, frame: u64) {
        for interest in self.alive() {
            let is_touched = tell_each(&*interest, &batch.ops, frame);
            let meets = |range: &KeyRange| {
                let mut run = batch.run.iter();
                run.any(|entry| range.from <= entry.last && entry.first < range.until)
            };
            let is_blurred = interest.ranges().iter().any(meets);
            if is_blurred {
                interest.blurred();
            }
            if is_touched || is_blurred {
                interest.told();
            }
        }
    }

    /// Tells that anything may have changed.
    pub fn tell_all(&self) {
        self.alive().for_each(|interest| interest.lost());
    }

    fn alive(&self) -> impl Iterator<Item = Rc<dyn Interest>> {
        self.0.iter().filter_map(Weak::upgrade)
    }
}

/// Whether one of the operations touches the interest.
fn tell_each(interest: &dyn Interest, ops: &[Op], frame: u64) -> bool {
    let tell = |met, op| tell_one(interest, op, frame) | met;
    ops.iter().fold(false, tell)
}

fn tell_one(interest: &dyn Interest, op: &Op, frame: u64) -> bool {
    let mut ranges = interest.ranges().iter();
    match op {
        Op::Put(key, ..) | Op::Delete(key) => {
            let at = &key.prefix;
            let is_met = ranges.any(|range| range.from <= *at && *at < range.until);
            if is_met {
                // planted: all-new
                let is_new = key.order.is_some_and(|order| order.frame == frame);
                interest.touched(op, is_new);
            }
            is_met
        }
        Op::DeleteRange(gone) => {
            if ranges.any(|range| range.from < gone.until && gone.from < range.until) {
                interest.lost();
            }
            false
        }
    }
}
