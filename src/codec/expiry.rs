//! What the directory knows about records that can expire.

use super::io::{Input, put_varint};
use super::kinds::entry as flag;
use super::marks::NEVER;
use crate::error::Result;

/// A summary of the records that can expire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry {
    /// No record expires before this time, in ms since the epoch.
    pub least_ms: u64,
    /// How many records can expire.
    pub count: u64,
}

impl Default for Expiry {
    fn default() -> Self {
        Self {
            least_ms: NEVER,
            count: 0,
        }
    }
}

impl Expiry {
    /// Adds a record. With [`NEVER`], nothing changes.
    pub fn add(&mut self, at_ms: u64) {
        self.join(&Self {
            least_ms: at_ms,
            count: u64::from(at_ms != NEVER),
        });
    }

    /// Adds the records of another summary.
    pub fn join(&mut self, other: &Self) {
        self.least_ms = self.least_ms.min(other.least_ms);
        self.count = self.count.saturating_add(other.count);
    }

    /// Removes `count` records. The least time stays: no remaining record expires before it.
    pub fn leave(&mut self, count: u64) {
        self.count = self.count.saturating_sub(count);
        if self.count == 0 {
            *self = Self::default();
        }
    }

    /// The flag in an entry or a reference to a directory page.
    #[must_use]
    pub const fn flag(&self) -> u8 {
        if self.count == 0 { 0 } else { flag::EXPIRY }
    }

    /// Appends the summary to a record if any record can expire, as [`Self::flag`] says.
    pub fn put(&self, out: &mut Vec<u8>) {
        if self.count > 0 {
            put_varint(out, self.least_ms);
            put_varint(out, self.count);
        }
    }

    /// Reads the summary if the flags announce it.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn read(input: &mut Input, flags: u8) -> Result<Self> {
        if flags & flag::EXPIRY == 0 {
            return Ok(Self::default());
        }
        Ok(Self {
            least_ms: input.varint()?,
            count: input.varint()?,
        })
    }
}
