//! What the directory knows of records that can expire.

use super::io::{Input, put_varint};
use super::kinds::entry as flag;
use super::marks::NEVER;
use crate::error::Result;

/// What is known of the records that can expire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry {
    /// None expires before, in ms since the epoch.
    pub least_ms: u64,
    /// How many can.
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
    /// Adds a record, which may be one that never does.
    pub fn add(&mut self, at_ms: u64) {
        self.join(&Self {
            least_ms: at_ms,
            count: u64::from(at_ms != NEVER),
        });
    }

    /// Adds what is known of others.
    pub fn join(&mut self, other: &Self) {
        self.least_ms = self.least_ms.min(other.least_ms);
        self.count = self.count.saturating_add(other.count);
    }

    /// Takes some away. The least time stays: none that is left expires before.
    pub fn leave(&mut self, count: u64) {
        self.count = self.count.saturating_sub(count);
        if self.count == 0 {
            *self = Self::default();
        }
    }

    /// The flag of an entry, or of a reference to a page of them.
    #[must_use]
    pub const fn flag(&self) -> u8 {
        if self.count == 0 { 0 } else { flag::EXPIRY }
    }

    /// Appends it to a record, if the flag says that it is there.
    pub fn put(&self, out: &mut Vec<u8>) {
        if self.count > 0 {
            put_varint(out, self.least_ms);
            put_varint(out, self.count);
        }
    }

    /// Reads it, if the flags say that it is there.
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
