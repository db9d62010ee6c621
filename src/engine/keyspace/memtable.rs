//! A memtable: sorted cells in memory, and ranges that hide what lies below it.

use bytes::Bytes;

use super::access::KeyRange;
use super::ranges::Ranges;
use super::tree::Tree;
use crate::codec::batch::{Op, OpValue};
use crate::codec::cell::{Cell, Value};
use crate::codec::marks::{NEVER, expiry_of};
use crate::codec::root::Garbage;

/// Sorted cells, and ranges removed below them. Its own cells are not subject to its ranges: a
/// range that arrives takes the cells in it away at once. Cheap to copy.
#[derive(Debug, Clone, Default)]
pub struct Memtable {
    cells: Tree<Cell>,
    ranges: Ranges,
    dead_pieces: Vec<Garbage>,
    cites_pieces: bool,
    least_expiry: Soonest,
}

/// When the first of some cells expires, or before.
#[derive(Debug, Clone, Copy)]
struct Soonest(u64);

impl Default for Soonest {
    fn default() -> Self {
        Self(NEVER)
    }
}

impl Memtable {
    /// Applies one operation.
    pub fn apply(&mut self, op: &Op) {
        match op {
            Op::Put(key, value, marks) => {
                let value = match value {
                    OpValue::Inline(bytes) => Value::Inline(bytes.clone()),
                    OpValue::Order(order) => {
                        Value::Inline(Bytes::copy_from_slice(&order.to_bytes()))
                    }
                    OpValue::Piece(piece) => Value::Piece(*piece),
                };
                // planted: marks-lost
                let marks = marks.clone();
                self.insert(key.to_bytes(), Cell { value, marks });
            }
            Op::Delete(key) => self.insert(key.to_bytes(), Cell::tombstone()),
            Op::DeleteRange(range) => self.delete_range(range),
        }
    }

    fn insert(&mut self, key: Bytes, cell: Cell) {
        let cited = cell.cited_piece();
        self.cites_pieces |= cited.is_some();
        let expiry = expiry_of(cell.marks.as_slice());
        self.least_expiry.0 = self.least_expiry.0.min(expiry);
        if let Some(old) = self.cells.insert(key, cell)
            && old.cited_piece() != cited
        {
            note_dead(&mut self.dead_pieces, &old);
        }
    }

    fn delete_range(&mut self, range: &KeyRange) {
        let dead = &mut self.dead_pieces;
        self.cells.remove(range, &mut |cell| note_dead(dead, cell));
        self.ranges.add(range);
    }

    /// The cells of a range, in key order.
    pub fn between<'a>(
        &'a self,
        range: &'a KeyRange,
    ) -> impl Iterator<Item = (&'a Bytes, &'a Cell)> {
        self.cells.between(range)
    }

    /// About how many cells it has in a range.
    #[must_use]
    pub fn about(&self, range: &KeyRange) -> usize {
        self.cells.about(range)
    }

    /// What this table says of a key; `None` when it says nothing.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<Cell> {
        match self.cells.get(key) {
            Some(cell) => Some(cell.clone()),
            None if self.ranges.contains(key) => Some(Cell::tombstone()),
            None => None,
        }
    }

    /// The first cell of a range, or the last.
    #[must_use]
    pub fn edge(&self, range: &KeyRange, reverse: bool) -> Option<(&Bytes, &Cell)> {
        if reverse {
            self.cells.last(range)
        } else {
            self.cells.first(range)
        }
    }

    /// All cells, in key order.
    pub fn cells(&self) -> impl Iterator<Item = (&Bytes, &Cell)> {
        self.cells.iter()
    }

    /// The ranges by which this table hides keys of the tables below.
    #[must_use]
    pub fn ranges(&self) -> &Ranges {
        &self.ranges
    }

    /// Pieces that were cited by cells which this table itself has replaced.
    #[must_use]
    pub fn dead_pieces(&self) -> &[Garbage] {
        &self.dead_pieces
    }

    /// Whether any of its cells cites a piece, or has.
    #[must_use]
    pub const fn cites_pieces(&self) -> bool {
        self.cites_pieces
    }

    /// None of its cells expires before, in ms since the epoch.
    #[must_use]
    pub const fn least_expiry(&self) -> u64 {
        self.least_expiry.0
    }

    /// Whether it has more cells than that.
    #[must_use]
    pub fn is_longer_than(&self, count: usize) -> bool {
        self.cells.iter().nth(count).is_some()
    }

    /// Drops some of the cells; whether there are more.
    pub fn drop_some(&mut self, count: usize) -> bool {
        let mut dropped = 0;
        while dropped < count {
            match self.cells.drop_leaf() {
                0 => return false,
                more => dropped += more,
            }
        }
        true
    }

    /// Whether it says nothing of any key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty() && self.ranges.is_empty()
    }
}

fn note_dead(dead: &mut Vec<Garbage>, cell: &Cell) {
    dead.extend(cell.cited_piece().and_then(Garbage::piece));
}
