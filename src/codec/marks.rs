//! Marks of a cell: a list of tagged fields (see `tags`) beside its value.
//!
//! ```text
//! 2  expiry   varint ms since the epoch, above 0: from then on the cell counts as a tombstone
//! ```
//!
//! No public call writes marks yet; that requires the head's tag for a stored clock. This library reads and
//! preserves them, so that it never returns a value which a newer library has let expire.

use std::rc::Rc;

use super::io::{later, put_bytes, put_varint, varint_in};
use super::kinds::mark::EXPIRY;
use super::tags;
use crate::error::{Error, Result};

/// The expiry time of a cell that never expires.
pub const NEVER: u64 = u64::MAX;

/// The encoded marks of a cell. Most cells have none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks(Option<Rc<[u8]>>);

impl Marks {
    /// The empty list of marks.
    pub const NONE: Self = Self(None);

    /// The marks of a cell that expires at `at_ms`, in ms since the epoch.
    #[must_use]
    pub fn expiring(at_ms: u64) -> Self {
        let (mut list, mut payload) = (Vec::new(), Vec::new());
        put_varint(&mut payload, at_ms.max(1));
        put_varint(&mut list, EXPIRY);
        put_bytes(&mut list, &payload);
        Self::of(&list)
    }

    /// Marks from an encoded list, which is not checked.
    #[must_use]
    pub fn of(list: &[u8]) -> Self {
        Self((!list.is_empty()).then(|| list.into()))
    }

    /// The encoded list; empty if there are no marks.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}

/// Checks a list that was read.
///
/// # Errors
/// `Corrupt`; `UnsupportedFormat` for a needed tag that this library does not know.
pub fn check(list: &[u8]) -> Result<()> {
    tags::check_shape(list)?;
    tags::needs(list, &[EXPIRY], "cell")?;
    match tags::find(list, EXPIRY).map(|payload| (varint_in(payload), payload.len())) {
        None => Ok(()),
        Some((Some((1.., taken)), all)) if taken == all => Ok(()),
        Some((Some((1.., _)), _)) => Err(later("cell")),
        Some(_) => Err(Error::corrupt("a cell's expiry is malformed")),
    }
}

/// When a cell with these marks expires, in ms since the epoch; [`NEVER`] if it does not.
#[must_use]
pub fn expiry_of(list: &[u8]) -> u64 {
    if list.is_empty() {
        return NEVER;
    }
    let found = tags::find(list, EXPIRY).and_then(varint_in);
    found.map_or(NEVER, |(at_ms, _)| at_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn an_expiry_is_read_as_written() {
        for at_ms in [1, 127, 128, 1_700_000_000_000, 1 << 48, NEVER] {
            let marks = Marks::expiring(at_ms);
            assert!(check(marks.as_slice()).is_ok());
            assert_eq!(expiry_of(marks.as_slice()), at_ms);
        }
        assert_eq!(expiry_of(&[]), NEVER);
        assert_eq!(Marks::of(&[]), Marks::NONE);
    }

    #[test]
    fn what_is_wrong_with_marks_is_told() {
        let code = |list: &[u8]| check(list).err().map(|error| error.code());
        assert_eq!(code(&[]), None);
        // Tag 2 with one byte, 7; then tag 3, which is skippable.
        assert_eq!(code(&[2, 1, 7]), None);
        assert_eq!(code(&[2, 1, 7, 3, 2, 0, 0]), None);
        assert_eq!(expiry_of(&[1, 0, 2, 1, 7]), 7);
        assert_eq!(code(&[2, 1, 0]), Some(Code::Corrupt));
        assert_eq!(code(&[2, 0]), Some(Code::Corrupt));
        assert_eq!(code(&[2, 1, 0x80]), Some(Code::Corrupt));
        assert_eq!(code(&[2, 2, 7, 0]), Some(Code::UnsupportedFormat));
        assert_eq!(code(&[4, 0]), Some(Code::UnsupportedFormat));
        assert_eq!(code(&[3, 0, 2, 1, 7]), Some(Code::Corrupt));
        assert_eq!(code(&[2, 2, 7]), Some(Code::Corrupt));
    }
}
