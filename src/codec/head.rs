//! The head: the one small record that says what counts. Kind `H` of the envelope; body:
//!
//! ```text
//! 16      incarnation: random, one per life of the database
//! 8       generation, u64 little-endian; 0: there is no patch (yet), the record is as good as none
//! 8       epoch, u64 little-endian: raised by every flip
//! 8       position, u64 little-endian: the last frame that is in the directory
//! 8       base, u64 little-endian: added to frame numbers in orders of insertion
//! varint  number of key slots, 0
//! varint  number of writers, then of each:
//!   16      id
//!   varint  the sequence of its last frame at or below the position
//! ```
//!
//! Writers are ordered by when they last wrote, the most recent first; at most [`MAX_WRITERS`].

use bytes::Bytes;

use super::io::{Input, put_varint};
use super::seal::{self, Kind};
use crate::error::{Error, Result};
use crate::record::Id;

/// Writers remembered after their frames were cut from the log.
pub const MAX_WRITERS: usize = 64;

/// The head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// One per life of the database.
    pub incarnation: Id,
    /// Raised where earlier frames must not count any more.
    pub generation: u64,
    /// Raised by every flip.
    pub epoch: u64,
    /// The last frame that is in the directory.
    pub position: u64,
    /// Added to frame numbers in orders of insertion.
    pub base: u64,
    /// Last merged sequence of each writer, the most recent writer first.
    pub writers: Vec<(Id, u64)>,
}

impl Head {
    /// The head of an empty database.
    #[must_use]
    pub fn new(incarnation: Id) -> Self {
        Self {
            incarnation,
            generation: 1,
            epoch: 1,
            position: 0,
            base: 0,
            writers: Vec::new(),
        }
    }

    /// Whether there is a patch. A copy is made behind a head that says there is none.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.generation > 0
    }

    /// Whether it is one that may be stored.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> std::result::Result<(), &'static str> {
        if self.writers.len() > MAX_WRITERS {
            return Err("the head remembers too many writers");
        }
        let mut others = self.writers.iter();
        while let Some((writer, _)) = others.next() {
            if others.as_slice().iter().any(|(other, _)| other == writer) {
                return Err("the head remembers a writer twice");
            }
        }
        if self.epoch == 0 {
            return Err("the head has no epoch");
        }
        Ok(())
    }

    /// Encodes the head.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = seal::start(Kind::Head, 64 + self.writers.len() * 20);
        out.extend_from_slice(&self.incarnation.0);
        for number in [self.generation, self.epoch, self.position, self.base] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        put_varint(&mut out, 0);
        put_varint(&mut out, self.writers.len() as u64);
        for (writer, sequence) in &self.writers {
            out.extend_from_slice(&writer.0);
            put_varint(&mut out, *sequence);
        }
        seal::finish(out)
    }

    /// Decodes a head.
    ///
    /// # Errors
    /// `Corrupt`, `UnsupportedFormat`, `Encrypted`.
    pub fn decode(record: &Bytes) -> Result<Self> {
        let mut input = Input::new(seal::open(Kind::Head, record)?, "head");
        let mut head = Self {
            incarnation: Id(input.array()?),
            generation: input.u64()?,
            epoch: input.u64()?,
            position: input.u64()?,
            base: input.u64()?,
            writers: Vec::new(),
        };
        if input.varint()? != 0 {
            return Err(Error::unsupported("the head holds key slots"));
        }
        for _ in 0..input.count()? {
            head.writers.push((Id(input.array()?), input.varint()?));
        }
        input.end()?;
        head.check().map_err(Error::corrupt)?;
        Ok(head)
    }

    /// The last merged sequence of a writer, if it is remembered.
    #[must_use]
    pub fn sequence_of(&self, writer: Id) -> Option<u64> {
        self.writers
            .iter()
            .find(|(id, _)| *id == writer)
            .map(|(_, sequence)| *sequence)
    }
}
