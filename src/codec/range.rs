//! Ranges of encoded keys.

use bytes::Bytes;

/// A half-open range of keys, `from <= key < until`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    /// Inclusive lower bound.
    pub from: Bytes,
    /// Exclusive upper bound.
    pub until: Bytes,
}

impl KeyRange {
    /// The range of all possible keys: none begins with `0xff`.
    #[must_use]
    pub const fn everything() -> Self {
        Self {
            from: Bytes::new(),
            until: Bytes::from_static(&[0xff]),
        }
    }
}

/// The lowest key above `key`.
#[must_use]
pub fn after(key: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(key.len() + 1);
    out.extend_from_slice(key);
    out.push(0);
    out.into()
}
