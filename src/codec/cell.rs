//! What is stored under one key.

use bytes::Bytes;

use crate::record::Id;

/// A value above this many bytes is stored as a piece.
pub const PIECE_BYTES: usize = 64 << 10;

/// What is stored under one key, or that nothing is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
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
}

impl Cell {
    /// Bytes of the value, wherever it lies.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::Tombstone => 0,
            Self::Inline(bytes) => bytes.len() as u64,
            Self::Piece(piece) => piece.len,
        }
    }

    /// The piece that it cites, which lives as long as it does.
    #[must_use]
    pub fn cited_piece(&self) -> Option<PieceRef> {
        match self {
            Self::Piece(piece) => Some(*piece),
            Self::Tombstone | Self::Inline(_) => None,
        }
    }

    /// Whether the value has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A cell as it lies in a page or a memtable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellRef<'a> {
    /// The key was removed.
    Tombstone,
    /// The value itself.
    Inline(&'a [u8]),
    /// The value is a piece of its own.
    Piece(PieceRef),
}

impl<'a> From<&'a Cell> for CellRef<'a> {
    fn from(cell: &'a Cell) -> Self {
        match cell {
            Cell::Tombstone => Self::Tombstone,
            Cell::Inline(value) => Self::Inline(value),
            Cell::Piece(piece) => Self::Piece(*piece),
        }
    }
}
