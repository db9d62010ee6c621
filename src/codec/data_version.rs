//! The version of the data's shape, as the catalog has it under [`KEY`].
//!
//! ```text
//! varint  the version; 0: none was ever declared
//! varint  the version that it is being migrated to; 0: none
//! varint  how many migrations were begun
//! ```

use bytes::Bytes;

use super::io::{Input, put_varint};
use super::kinds::key::DATA_VERSION;
use crate::error::Result;

/// The key of the record.
pub const KEY: [u8; 1] = [DATA_VERSION];

/// The version of the data's shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DataVersion {
    /// That of what is there; 0: none.
    pub version: u64,
    /// That to which somebody migrates it, or has meant to; 0: nobody.
    pub target: u64,
    /// How many migrations were begun: tells them apart.
    pub attempt: u64,
}

impl DataVersion {
    /// Reads the record.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn decode(stored: &Bytes) -> Result<Self> {
        let mut input = Input::new(stored.clone(), "version of the data");
        let (version, target, attempt) = (input.varint()?, input.varint()?, input.varint()?);
        input.end()?;
        Ok(Self {
            version,
            target,
            attempt,
        })
    }

    /// The record.
    #[must_use]
    pub fn encode(self) -> Bytes {
        let mut out = Vec::with_capacity(4);
        for number in [self.version, self.target, self.attempt] {
            put_varint(&mut out, number);
        }
        out.into()
    }

    /// Whether nothing is to be said against a tab that has declared `version`; `excused`: a migration that is known to be dead.
    #[must_use]
    pub const fn suits(self, version: u64, excused: u64) -> bool {
        self.version == version && (self.target <= version || self.attempt == excused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_back_and_nothing_else_is_one() {
        let of = |version, target, attempt| DataVersion {
            version,
            target,
            attempt,
        };
        for all in [of(0, 0, 0), of(1, 0, 1), of(300, 301, 7)] {
            let stored = all.encode();
            assert_eq!(DataVersion::decode(&stored).unwrap(), all);
            assert!(DataVersion::decode(&stored.slice(..stored.len() - 1)).is_err());
            assert!(DataVersion::decode(&[&stored[..], &[0]].concat().into()).is_err());
        }
    }

    #[test]
    fn a_tab_of_another_version_does_not_suit_nor_one_that_is_to_be_left_behind() {
        let of = |version, target| DataVersion {
            version,
            target,
            attempt: 3,
        };
        assert!(of(2, 0).suits(2, 0) && of(2, 2).suits(2, 0));
        assert!(!of(3, 0).suits(2, 0) && !of(1, 0).suits(2, 0));
        assert!(!of(2, 3).suits(2, 0) && !of(2, 3).suits(2, 2));
        assert!(of(2, 3).suits(2, 3) && !of(3, 3).suits(2, 3));
    }
}
