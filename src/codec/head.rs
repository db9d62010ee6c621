//! The head: the one small record that says what counts. Kind `H` of the envelope; body:
//!
//! ```text
//! 16      incarnation: random, one per life of the database
//! varint  generation; 0: there is no patch (yet), the record is as good as none
//! varint  epoch: raised by every flip
//! varint  position: the last frame that is in the directory
//! varint  base: added to frame numbers in orders of insertion
//! varint  number of writers, then of each:
//!   16      id
//!   varint  the sequence of its last frame at or below the position
//! tags    (see `tags`), kept by every flip: those of the features that are on, and what this library does not know
//!   4     varint  stored clock: ms since the epoch, never goes back
//! ```
//!
//! Writers are ordered by when they last wrote, the most recent first.
//!
//! The head is the gate: what older libraries must not pass over stands in other records only while a needed tag of
//! the head says so, and has been put there by a flip that raised the generation.

use bytes::Bytes;

use super::feature::{Feature, Features};
use super::io::{Input, put_varint};
use super::kinds::tag::CLOCK;
use super::seal::{self, Record};
use super::tags::{Tags, number};
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
    /// Of a patch with records that can expire: what it has taken the time for, in ms since the epoch. Only what
    /// has expired by it is deleted.
    pub clock: Option<u64>,
    /// What this library does not know of.
    pub more: Tags,
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
            clock: None,
            more: Tags::default(),
        }
    }

    /// What is switched on.
    #[must_use]
    pub const fn features(&self) -> Features {
        Features::NONE.with(Feature::Expiry, self.clock.is_some())
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
        self.check_read()
    }

    /// The same of one that was stored, perhaps by a library that remembers more writers.
    fn check_read(&self) -> std::result::Result<(), &'static str> {
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
        let mut out = seal::start(Record::HEAD, 64 + self.writers.len() * 20);
        out.extend_from_slice(&self.incarnation.0);
        for number in [self.generation, self.epoch, self.position, self.base] {
            put_varint(&mut out, number);
        }
        put_varint(&mut out, self.writers.len() as u64);
        for (writer, sequence) in &self.writers {
            out.extend_from_slice(&writer.0);
            put_varint(&mut out, *sequence);
        }
        let mut tags = self.more.clone();
        if let Some(clock) = self.clock {
            let mut payload = Vec::new();
            put_varint(&mut payload, clock);
            tags.add(CLOCK, &payload);
        }
        tags.put(&mut out);
        seal::finish(Record::HEAD, out)
    }

    /// Decodes a head.
    ///
    /// # Errors
    /// `Corrupt`, `UnsupportedFormat`, `Encrypted`.
    pub fn decode(record: &Bytes) -> Result<Self> {
        let mut input = Input::new(seal::open(Record::HEAD, record)?, "head");
        let mut head = Self {
            incarnation: Id(input.array()?),
            generation: input.varint()?,
            epoch: input.varint()?,
            position: input.varint()?,
            base: input.varint()?,
            writers: Vec::new(),
            clock: None,
            more: Tags::default(),
        };
        for _ in 0..input.count()? {
            head.writers.push((Id(input.array()?), input.varint()?));
        }
        head.more = Tags::read(&mut input)?;
        input.end()?;
        head.more.needs(&[CLOCK], "head")?;
        let clock = head.more.take(CLOCK);
        head.clock = clock.map(|clock| number(&clock, "head")).transpose()?;
        head.check_read().map_err(Error::corrupt)?;
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
