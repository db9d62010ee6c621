//! The names of stored records.

/// A random 128-bit name of a record in `runs` or `blobs`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub [u8; 16]);

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl std::fmt::Debug for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// The SHA-256 of a content.
pub type ContentHash = [u8; 32];

/// The key of one record; its variant implies the object store.
///
/// In IndexedDB: store `head` keys `"head"` and `"root"`; store `log` auto-increment numbers;
/// stores `runs` and `blobs` the id as 32 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKey {
    /// The head, in store `head`.
    Head,
    /// The root of the directory, in store `head`.
    Root,
    /// A frame, in store `log`.
    Frame(u64),
    /// A segment or a directory page, in store `runs`.
    Run(Id),
    /// A piece of a large value, in store `blobs`.
    Piece(Id),
}

/// The two stores whose records have random ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdStore {
    /// Segments and directory pages.
    Runs,
    /// Pieces of large values.
    Blobs,
}
