//! Builds pages; [`page`](super::page) describes their format.

use super::cell::{Cell, Value};
use super::io::{put_bytes, put_varint};
use super::kinds::cell as flag;

/// Which parts of a cell wait for the number of their frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CellHoles {
    /// The order at the end of the key.
    pub key: bool,
    /// The order that is the value, or the stamp that it ends in.
    pub value: bool,
}

/// Collects the cells of one page.
#[derive(Default)]
pub struct PageBuilder {
    count: u64,
    cells: Vec<u8>,
}

impl PageBuilder {
    /// The size of the cells so far, in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether the page has no cells.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds a cell. Keys must ascend.
    pub fn push(&mut self, key: &[u8], cell: &Cell, holes: CellHoles) {
        self.count += 1;
        let kind = match &cell.value {
            Value::Tombstone => flag::TOMBSTONE,
            Value::Inline(_) => flag::INLINE,
            Value::Piece(piece) if piece.shared => flag::SHARED,
            Value::Piece(_) => flag::PIECE,
        };
        let marks = cell.marks.as_slice();
        let with = |is: bool, flag: u8| if is { flag } else { 0 };
        let flags = kind
            | with(holes.key, flag::KEY_HOLE)
            | with(holes.value, flag::VALUE_HOLE)
            | with(!marks.is_empty(), flag::MARKS);
        self.cells.push(flags);
        put_bytes(&mut self.cells, key);
        if !marks.is_empty() {
            put_bytes(&mut self.cells, marks);
        }
        match &cell.value {
            Value::Tombstone => {}
            Value::Inline(value) => put_bytes(&mut self.cells, value),
            Value::Piece(piece) => {
                self.cells.extend_from_slice(&piece.id.0);
                put_varint(&mut self.cells, piece.len);
            }
        }
    }

    /// Returns the bytes of the page and empties the builder.
    pub fn take(&mut self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.cells.len() + 5);
        put_varint(&mut out, std::mem::take(&mut self.count));
        out.append(&mut self.cells);
        out
    }
}
