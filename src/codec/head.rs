//! The head: the small record that says which state of the patch is current. Kind `H` of the envelope; body:
//!
//! ```text
//! 16      incarnation: random, one per life of the patch
//! varint  generation; 0: there is no patch (yet), as if there were no head
//! varint  epoch: raised by every flip
//! varint  position: the number of the last frame that is in the directory
//! varint  base: added to frame numbers in orders of insertion
//! varint  number of writers, then of each:
//!   16      id
//!   varint  the sequence of its last frame at or below the position
//! tags    (see `tags`), kept by every flip: those of the features that are on, and what this library does not know
//!   4     varint  stored clock: ms since the epoch, never goes back
//!   12    varint number of the last frame up to the position that has changed the catalog; 0: none
//!   8     bytes device id, 12 the next stamp, 12 the stamp of what is older than the op-log (see `stamp`)
//!   16    the key table of an encrypted patch (see `sealed::table`)
//!   20    nothing: there may be contents, which live as long as a citation says who holds them (see `models::contents`)
//!   18    nothing: records that nothing refers to may lie here in the clear; whoever opens collects them
//! ```
//!
//! Writers are ordered by when they last wrote, the most recent first.
//!
//! The head guards the format: other records may contain something that older libraries must not skip only while a
//! needed tag in the head says so. A flip that raised the generation must have added that tag.

use bytes::Bytes;

use super::feature::{Feature, Features};
use super::io::{Input, put_bytes, put_varint};
use super::kinds::tag::{CATALOG, CLOCK, CONTENTS, KEYS, OP_LOG, SWEEP};
use super::seal::{self, Kind, Record};
use super::stamp::{STAMP_BYTES, Stamp};
use super::tags::{Tags, number};
use crate::error::{Error, Result};
use crate::record::Id;

/// What follows the body of a sealed head: see `sealed::record`.
const SEAL_BYTES: usize = 40;
/// Writers remembered after their frames were cut from the log.
pub const MAX_WRITERS: usize = 64;

/// The head of a patch; see the module for its format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The random id of this life of the patch.
    pub incarnation: Id,
    /// Raised to make all earlier frames void.
    pub generation: u64,
    /// Raised by every flip.
    pub epoch: u64,
    /// The number of the last frame that is in the directory.
    pub position: u64,
    /// Added to frame numbers in orders of insertion.
    pub base: u64,
    /// The last merged sequence of each writer, the most recent writer first.
    pub writers: Vec<(Id, u64)>,
    /// The op-log, once writes are logged.
    pub op_log: Option<OpLog>,
    /// Of a patch with records that can expire: what it has taken the time for, in ms since the epoch. Only what
    /// has expired by it is deleted.
    pub clock: Option<u64>,
    /// Of a patch with a catalog: the number of the last frame up to the position that has changed it; 0: none has.
    pub catalog: Option<u64>,
    /// Of an encrypted patch: its key table, as `sealed::table` encodes it. Otherwise empty.
    pub keys: Bytes,
    /// Whether records that nothing refers to may lie in the clear: whoever opens the patch collects them.
    pub sweep: bool,
    /// Whether there may be contents.
    pub contents: bool,
    /// What this library does not know of.
    pub more: Tags,
}

/// What the head says of the op-log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpLog {
    /// The id of the device: ASCII, made when the log was switched on.
    pub device: Bytes,
    /// The least stamp that a frame above the position takes.
    pub next_stamp: Stamp,
    /// The stamp of records that are older than the log.
    pub since: Stamp,
}

impl OpLog {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.device.len() + 2 * STAMP_BYTES + 1);
        put_bytes(&mut out, &self.device);
        out.extend_from_slice(&self.next_stamp.to_bytes());
        out.extend_from_slice(&self.since.to_bytes());
        out
    }

    fn decode(payload: &Bytes) -> Result<Self> {
        let mut input = Input::new(payload.clone(), "head");
        let device = input.bytes()?;
        let next_stamp = Stamp::from_bytes(&input.array::<STAMP_BYTES>()?);
        let since = Stamp::from_bytes(&input.array::<STAMP_BYTES>()?);
        input.end()?;
        let next_stamp = next_stamp.filter(|_| device.is_ascii());
        let broken = || Error::corrupt("what the head says of the op-log is broken");
        Ok(Self {
            device,
            next_stamp: next_stamp.ok_or_else(broken)?,
            since: since.ok_or_else(broken)?,
        })
    }
}

fn take_number(tags: &mut Tags, tag: u64) -> Result<Option<u64>> {
    let payload = tags.take(tag);
    payload.map(|payload| number(&payload, "head")).transpose()
}

impl Head {
    /// The head of an empty patch.
    #[must_use]
    pub fn new(incarnation: Id) -> Self {
        Self {
            incarnation,
            generation: 1,
            epoch: 1,
            position: 0,
            base: 0,
            writers: Vec::new(),
            op_log: None,
            clock: None,
            catalog: None,
            keys: Bytes::new(),
            sweep: false,
            contents: false,
            more: Tags::default(),
        }
    }

    /// What is switched on.
    #[must_use]
    pub const fn features(&self) -> Features {
        Features::NONE
            .with(Feature::Expiry, self.clock.is_some())
            .with(Feature::OpLog, self.op_log.is_some())
            .with(Feature::Catalog, self.catalog.is_some())
            .with(Feature::Contents, self.contents)
    }

    /// Whether there is a patch. While a copy is being made, the head says that there is none.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.generation > 0
    }

    /// Checks that this head may be stored.
    ///
    /// # Errors
    /// The invariant that it violates.
    pub fn check(&self) -> std::result::Result<(), &'static str> {
        if self.writers.len() > MAX_WRITERS {
            return Err("the head lists too many writers");
        }
        self.check_read()
    }

    /// Checks a head that was read, which a library that keeps more writers may have stored.
    fn check_read(&self) -> std::result::Result<(), &'static str> {
        let mut others = self.writers.iter();
        while let Some((writer, _)) = others.next() {
            if others.as_slice().iter().any(|(other, _)| other == writer) {
                return Err("the head lists a writer twice");
            }
        }
        if self.epoch == 0 {
            return Err("the head has no epoch");
        }
        if self.catalog > Some(self.position) {
            return Err("the head knows a change of the catalog that is to come");
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
        for (tag, number) in [(CLOCK, self.clock), (CATALOG, self.catalog)] {
            if let Some(number) = number {
                let mut payload = Vec::new();
                put_varint(&mut payload, number);
                tags.add(tag, &payload);
            }
        }
        if let Some(op_log) = &self.op_log {
            tags.add(OP_LOG, &op_log.encode());
        }
        if !self.keys.is_empty() {
            tags.add(KEYS, &self.keys);
        }
        if self.sweep {
            tags.add(SWEEP, &[]);
        }
        if self.contents {
            tags.add(CONTENTS, &[]);
        }
        tags.put(&mut out);
        seal::finish(Record::HEAD, out)
    }

    /// Decodes a head, which can be read without a key; whether it was changed, only the key tells.
    ///
    /// # Errors
    /// `Corrupt`, `UnsupportedFormat`.
    pub fn decode(record: &Bytes) -> Result<Self> {
        let head = Self::decode_any(record)?;
        if (seal::key_id(Kind::Head, record)? != 0) == head.keys.is_empty() {
            return Err(Error::corrupt(
                "the head is sealed and has no keys, or the reverse",
            ));
        }
        Ok(head)
    }

    /// The same, where a head with keys may not have been sealed yet.
    ///
    /// # Errors
    /// `Corrupt`, `UnsupportedFormat`.
    pub fn decode_any(record: &Bytes) -> Result<Self> {
        let is_sealed = seal::key_id(Kind::Head, record)? != 0;
        let mut body = seal::open_clear(Record::HEAD, record)?;
        if is_sealed {
            body.truncate(body.len().saturating_sub(SEAL_BYTES));
        }
        let mut input = Input::new(body, "head");
        let mut head = Self {
            incarnation: Id(input.array()?),
            generation: input.varint()?,
            epoch: input.varint()?,
            position: input.varint()?,
            base: input.varint()?,
            writers: Vec::new(),
            op_log: None,
            clock: None,
            catalog: None,
            keys: Bytes::new(),
            sweep: false,
            contents: false,
            more: Tags::default(),
        };
        for _ in 0..input.count()? {
            head.writers.push((Id(input.array()?), input.varint()?));
        }
        head.more = Tags::read(&mut input)?;
        input.end()?;
        head.more
            .needs(&[CLOCK, OP_LOG, CATALOG, KEYS, SWEEP, CONTENTS], "head")?;
        head.keys = head.more.take(KEYS).unwrap_or_default();
        head.sweep = head.more.take(SWEEP).is_some();
        head.contents = head.more.take(CONTENTS).is_some();
        let op_log = head.more.take(OP_LOG);
        head.op_log = op_log.as_ref().map(OpLog::decode).transpose()?;
        head.clock = take_number(&mut head.more, CLOCK)?;
        head.catalog = take_number(&mut head.more, CATALOG)?;
        head.check_read().map_err(Error::corrupt)?;
        Ok(head)
    }

    /// The last merged sequence of a writer, if the head still lists it.
    #[must_use]
    pub fn sequence_of(&self, writer: Id) -> Option<u64> {
        self.writers
            .iter()
            .find(|(id, _)| *id == writer)
            .map(|(_, sequence)| *sequence)
    }
}
