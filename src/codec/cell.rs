//! What is stored under one key.

use bytes::Bytes;

use super::marks::Marks;
use crate::record::Id;

/// A value above this many bytes is stored as a piece.
pub const PIECE_BYTES: usize = 64 << 10;

/// What is stored under one key, or that nothing is, and what is said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// What is stored.
    pub value: Value,
    /// What is said of it; a tombstone has none.
    pub marks: Marks,
}

/// What is stored under one key, or that nothing is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// The key was removed; hides older cells.
    Tombstone,
    /// The value itself.
    Inline(Bytes),
    /// The value is a piece of its own in store `blobs`.
    Piece(PieceRef),
}

/// Where a large value lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PieceRef {
    /// The record in `blobs`.
    pub id: Id,
    /// Bytes of the value.
    pub len: u64,
    /// Whether other cells may cite it too. One that is not has exactly one citing cell.
    pub shared: bool,
}

impl Cell {
    /// The key was removed.
    #[must_use]
    pub const fn tombstone() -> Self {
        Self::unmarked(Value::Tombstone)
    }

    /// A value itself.
    #[must_use]
    pub const fn inline(value: Bytes) -> Self {
        Self::unmarked(Value::Inline(value))
    }

    /// A value that is a piece of its own.
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

    /// Whether the key was removed.
    #[must_use]
    pub const fn is_tombstone(&self) -> bool {
        matches!(self.value, Value::Tombstone)
    }

    /// Bytes of the value, wherever it lies.
    #[must_use]
    pub const fn len(&self) -> u64 {
        match &self.value {
            Value::Tombstone => 0,
            Value::Inline(bytes) => bytes.len() as u64,
            Value::Piece(piece) => piece.len,
        }
    }

    /// The piece that it cites, which lives as long as it does.
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

/// A cell as it lies in a page or a memtable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellRef<'a> {
    /// What is stored.
    pub value: ValueRef<'a>,
    /// What is said of it, as encoded (see `marks`); empty: nothing.
    pub marks: &'a [u8],
}

/// What is stored under one key, as it lies in a page or a memtable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueRef<'a> {
    /// The key was removed.
    Tombstone,
    /// The value itself.
    Inline(&'a [u8]),
    /// The value is a piece of its own.
    Piece(PieceRef),
}

impl ValueRef<'_> {
    /// Bytes of the value, wherever it lies.
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
