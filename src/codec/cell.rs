//! Cells: the newest value of a key, or its tombstone.

use bytes::Bytes;

use super::marks::Marks;
use crate::record::Id;

/// A value above this many bytes is stored as a piece.
pub const PIECE_BYTES: usize = 64 << 10;

/// The value stored under one key, or its tombstone, with its marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// The value, or a tombstone.
    pub value: Value,
    /// The marks of the value; a tombstone has none.
    pub marks: Marks,
}

/// The value stored under one key, or a tombstone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// The key was deleted; hides older cells.
    Tombstone,
    /// The bytes of the value.
    Inline(Bytes),
    /// The value is a separate piece in the store `blobs`.
    Piece(PieceRef),
}

/// A reference to the piece that holds a large value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PieceRef {
    /// The record in `blobs`.
    pub id: Id,
    /// The length of the value, in bytes.
    pub len: u64,
    /// Whether other cells may cite the piece too. If not, exactly one cell cites it.
    pub shared: bool,
}

impl Cell {
    /// A cell for a deleted key.
    #[must_use]
    pub const fn tombstone() -> Self {
        Self::unmarked(Value::Tombstone)
    }

    /// A cell that holds the bytes of its value.
    #[must_use]
    pub const fn inline(value: Bytes) -> Self {
        Self::unmarked(Value::Inline(value))
    }

    /// A cell whose value is a piece.
    #[must_use]
    pub const fn piece(piece: PieceRef) -> Self {
        Self::unmarked(Value::Piece(piece))
    }

    const fn unmarked(value: Value) -> Self {
        Self {
            value,
            marks: Marks::NONE,
        }
    }

    /// Whether the cell is a tombstone.
    #[must_use]
    pub const fn is_tombstone(&self) -> bool {
        matches!(self.value, Value::Tombstone)
    }

    /// The length of the value in bytes, inline or in a piece; 0 for a tombstone.
    #[must_use]
    pub const fn len(&self) -> u64 {
        match &self.value {
            Value::Tombstone => 0,
            Value::Inline(bytes) => bytes.len() as u64,
            Value::Piece(piece) => piece.len,
        }
    }

    /// The piece that the cell cites, which lives as long as the cell.
    #[must_use]
    pub const fn cited_piece(&self) -> Option<PieceRef> {
        match &self.value {
            Value::Piece(piece) => Some(*piece),
            Value::Tombstone | Value::Inline(_) => None,
        }
    }

    /// Whether the value has no bytes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A cell that borrows from a page or a memtable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellRef<'a> {
    /// The value, or a tombstone.
    pub value: ValueRef<'a>,
    /// The encoded marks (see `marks`); empty if there are none.
    pub marks: &'a [u8],
}

/// A value that borrows from a page or a memtable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueRef<'a> {
    /// The key was deleted.
    Tombstone,
    /// The bytes of the value.
    Inline(&'a [u8]),
    /// The value is a separate piece.
    Piece(PieceRef),
}

impl ValueRef<'_> {
    /// The length of the value in bytes, inline or in a piece; 0 for a tombstone.
    #[must_use]
    pub const fn len(&self) -> u64 {
        match self {
            Self::Tombstone => 0,
            Self::Inline(bytes) => bytes.len() as u64,
            Self::Piece(piece) => piece.len,
        }
    }

    /// Whether the value has no bytes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<'a> From<&'a Cell> for CellRef<'a> {
    fn from(cell: &'a Cell) -> Self {
        let value = match &cell.value {
            Value::Tombstone => ValueRef::Tombstone,
            Value::Inline(value) => ValueRef::Inline(value),
            Value::Piece(piece) => ValueRef::Piece(*piece),
        };
        let marks = cell.marks.as_slice();
        Self { value, marks }
    }
}
