//! Builds pages; [`page`](super::page) describes their format.

use super::cell::{Cell, Value};
use super::io::{put_bytes, put_varint};
use super::kinds::cell as flag;
use super::order::{ORDER_BYTES, PROVISIONAL};
use super::stamp::HOLE;

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

    /// Adds a cell. Keys must ascend. What waits for the number of its frame is written without that of its call.
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
        if holes.key {
            open_order(&mut self.cells);
        }
        if !marks.is_empty() {
            put_bytes(&mut self.cells, marks);
        }
        match &cell.value {
            Value::Tombstone => {}
            Value::Inline(value) => {
                put_bytes(&mut self.cells, value);
                if holes.value {
                    // An order is the whole value; what is longer ends in a stamp.
                    let is_order = value.len() == ORDER_BYTES;
                    open(&mut self.cells, if is_order { PROVISIONAL } else { HOLE });
                }
            }
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

/// Makes the order that bytes end in one of "this very frame".
pub fn open_order(bytes: &mut [u8]) {
    open(bytes, PROVISIONAL);
}

/// Puts `frame` in the place of the frame in the order, or the stamp, that bytes end in.
fn open(bytes: &mut [u8], frame: u64) {
    if let Some(tail) = bytes.last_chunk_mut::<ORDER_BYTES>()
        && let Some((place, _)) = tail.split_first_chunk_mut::<8>()
    {
        *place = frame.to_be_bytes();
    }
}
