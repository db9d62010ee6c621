//! A memtable: sorted cells in memory, and ranges that hide what lies below it.

use bytes::Bytes;
use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Bound;

use super::access::KeyRange;
use crate::backend::Key;
use crate::codec::batch::{Op, OpValue};
use crate::codec::cell::Cell;
use crate::codec::root::Garbage;
use crate::codec::tuple::compare;

/// Sorted cells, and ranges removed below them. Its own cells are not subject to its ranges: a
/// range that arrives takes the cells in it away at once.
#[derive(Debug, Clone, Default)]
pub struct Memtable {
    cells: BTreeMap<SortedKey, Cell>,
    ranges: Vec<KeyRange>,
    dead_pieces: Vec<Garbage>,
}

impl Memtable {
    /// Applies one operation.
    pub fn apply(&mut self, op: &Op) {
        match op {
            Op::Put(key, value) => {
                let cell = match value {
                    OpValue::Inline(bytes) => Cell::Inline(bytes.clone()),
                    OpValue::Order(order) => {
                        Cell::Inline(Bytes::copy_from_slice(&order.to_bytes()))
                    }
                    OpValue::Piece(piece) => Cell::Piece(*piece),
                };
                self.insert(key.to_bytes(), cell);
            }
            Op::Delete(key) => self.insert(key.to_bytes(), Cell::Tombstone),
            Op::DeleteRange(range) => self.delete_range(range),
        }
    }

    fn insert(&mut self, key: Bytes, cell: Cell) {
        if let Some(old) = self.cells.insert(SortedKey(key), cell) {
            self.note_dead(&old);
        }
    }

    fn note_dead(&mut self, cell: &Cell) {
        if let Cell::Piece(piece) = cell {
            self.dead_pieces
                .push(Garbage::new(Key::Piece(piece.id), piece.len));
        }
    }

    fn delete_range(&mut self, range: &KeyRange) {
        if range.from >= range.until {
            return;
        }
        let hit: Vec<Bytes> = self.between(range).map(|(key, _)| key.clone()).collect();
        for key in hit {
            if let Some(cell) = self.cells.remove(sought(&&*key)) {
                self.note_dead(&cell);
            }
        }
        self.ranges
            .retain(|old| !(range.from <= old.from && old.until <= range.until));
        let covered = |old: &KeyRange| old.from <= range.from && range.until <= old.until;
        if !self.ranges.iter().any(covered) {
            self.ranges.push(range.clone());
        }
    }

    /// The cells of a range, in key order.
    pub fn between(&self, range: &KeyRange) -> impl DoubleEndedIterator<Item = (&Bytes, &Cell)> {
        let (from, until) = (&*range.from, &*range.until);
        let bounds = (
            Bound::Included(sought(&from)),
            Bound::Excluded(sought(&until)),
        );
        let cells = (from < until).then(|| self.cells.range::<dyn Sought, _>(bounds));
        cells
            .into_iter()
            .flatten()
            .map(|(key, cell)| (&key.0, cell))
    }

    /// What this table says of a key; `None` when it says nothing.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<Cell> {
        match self.cells.get(sought(&key)) {
            Some(cell) => Some(cell.clone()),
            None if self.hides(key).is_some() => Some(Cell::Tombstone),
            None => None,
        }
    }

    /// The range by which this table hides a key of the tables below, if any.
    #[must_use]
    pub fn hides(&self, key: &[u8]) -> Option<&KeyRange> {
        self.ranges
            .iter()
            .find(|range| range.from.as_ref() <= key && key < range.until.as_ref())
    }

    /// The first cell of a range, or the last.
    #[must_use]
    pub fn edge(&self, range: &KeyRange, reverse: bool) -> Option<(&Bytes, &Cell)> {
        let mut cells = self.between(range);
        if reverse {
            cells.next_back()
        } else {
            cells.next()
        }
    }

    /// All cells, in key order.
    pub fn cells(&self) -> impl Iterator<Item = (&Bytes, &Cell)> {
        self.cells.iter().map(|(key, cell)| (&key.0, cell))
    }

    /// The ranges removed below.
    #[must_use]
    pub fn ranges(&self) -> &[KeyRange] {
        &self.ranges
    }

    /// Pieces that were cited by cells which this table itself has replaced.
    #[must_use]
    pub fn dead_pieces(&self) -> &[Garbage] {
        &self.dead_pieces
    }

    /// How many cells it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Drops some of the cells; whether there are more.
    pub fn drop_some(&mut self, count: usize) -> bool {
        (0..count).all(|_| self.cells.pop_first().is_some())
    }

    /// Whether it says nothing of any key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty() && self.ranges.is_empty()
    }
}

/// A key, compared by [`compare`].
#[derive(Debug, Clone)]
struct SortedKey(Bytes);

/// What keys are looked up by, so that none need be made for that.
trait Sought {
    fn bytes(&self) -> &[u8];
}

fn sought<'a, 'b>(key: &'a &'b [u8]) -> &'a (dyn Sought + 'b) {
    key
}

impl Sought for &[u8] {
    fn bytes(&self) -> &[u8] {
        self
    }
}

impl Sought for SortedKey {
    fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl<'a> Borrow<dyn Sought + 'a> for SortedKey {
    fn borrow(&self) -> &(dyn Sought + 'a) {
        self
    }
}

impl Ord for dyn Sought + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(self.bytes(), other.bytes())
    }
}

impl PartialOrd for dyn Sought + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for dyn Sought + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for dyn Sought + '_ {}

impl Ord for SortedKey {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(&self.0, &other.0)
    }
}

impl PartialOrd for SortedKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for SortedKey {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for SortedKey {}
