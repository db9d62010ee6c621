//! A frame of the log: one commit. Kind `F` of the envelope (see `seal`), with this header:
//!
//! ```text
//! 16      incarnation
//! varint  generation
//! 16      writer
//! varint  sequence
//! varint  wall time of the writer, ms since the epoch
//! varint  the number that it must get in the log, or else be void; 0: any
//! varint  the number of the last change of the catalog under which it was made; if that is another one where the frame
//!         comes to lie, it is void; 0: none
//! tags    (see `tags`): 4 how many stamps the frame takes (varint, not 0)
//!                       6 it changes the catalog (nothing in it)
//! ```
//!
//! and the batch (see `batch`) as its body.
//!
//! The header alone decides the outcome of a frame. It is in the clear whatever key the frame is sealed under, so void
//! and repeated frames are skipped whatever they contain. Only then does [`Frame::batch`] check what the frame needs.

use bytes::Bytes;

use super::batch::Batch;
use super::catalog;
use super::io::{Input, put_varint, varint_in};
use super::kinds::tag::{CHANGES, STAMPS};
use super::seal::{self, Kind, Record};
use super::tags::Tags;
use crate::error::{Error, Result};
use crate::record::Id;

/// The latest wall time that writers record.
const MAX_WALL_MS: u64 = (1 << 48) - 1;

/// The part of a frame's header that decides its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// The incarnation of the patch that the frame was sealed for.
    pub incarnation: Id,
    /// The generation that the frame was sealed in.
    pub generation: u64,
    /// The engine that wrote the frame.
    pub writer: Id,
    /// The writer's sequence number, which ascends.
    pub sequence: u64,
    /// The time by the writer's clock, in ms since the epoch. A stored one may have any size.
    pub wall_ms: u64,
    /// The number that the frame must get in the log, which ensures that no frame unknown to its writer
    /// precedes it. 0: any.
    pub required: u64,
    /// The number of the last change of the catalog that was known when its work was done. Where another one holds, the frame
    /// is void. 0: none.
    pub catalog: u64,
}

/// A stored frame, of which only the fields of [`FrameHeader`] have been read.
pub struct Frame {
    /// The header.
    pub header: FrameHeader,
    is_sealed: bool,
    rest: Input,
}

/// A clock's time as frames record it: a whole number of ms from 0 to `MAX_WALL_MS`.
#[must_use]
pub const fn wall_ms(now_ms: f64) -> u64 {
    // The conversion saturates, and makes NaN 0.
    let whole = now_ms as u64;
    if whole < MAX_WALL_MS {
        whole
    } else {
        MAX_WALL_MS
    }
}

/// Encodes a frame.
#[must_use]
pub fn encode(header: &FrameHeader, batch: &Batch) -> Bytes {
    let mut out = seal::start(Record::FRAME, 256);
    out.extend_from_slice(&header.incarnation.0);
    put_varint(&mut out, header.generation);
    out.extend_from_slice(&header.writer.0);
    for number in [
        header.sequence,
        header.wall_ms,
        header.required,
        header.catalog,
    ] {
        put_varint(&mut out, number);
    }
    let mut tags = stamps_tag(batch.stamps);
    if batch.changes_catalog {
        tags.add(CHANGES, &[]);
    }
    tags.put(&mut out);
    batch.encode(&mut out);
    seal::finish(Record::FRAME, out)
}

fn stamps_tag(count: u32) -> Tags {
    if count == 0 {
        return Tags::default();
    }
    let mut payload = Vec::with_capacity(5);
    put_varint(&mut payload, u64::from(count));
    Tags::of_field(STAMPS, &payload)
}

/// What [`stamps_tag`] says.
fn stamps_of(tags: &Tags) -> Result<u32> {
    let Some(payload) = tags.find(STAMPS) else {
        return Ok(0);
    };
    match varint_in(payload) {
        Some((count @ 1.., taken)) if taken == payload.len() => {
            u32::try_from(count).map_err(|_| broken_stamps())
        }
        _ => Err(broken_stamps()),
    }
}

fn broken_stamps() -> Error {
    Error::corrupt("the number of a frame's stamps is broken")
}

/// A frame that is void for everybody: of a generation that there never is.
#[must_use]
pub fn void(incarnation: Id) -> Bytes {
    let header = FrameHeader {
        incarnation,
        generation: u64::MAX,
        writer: incarnation,
        sequence: 0,
        wall_ms: 0,
        required: 0,
        catalog: 0,
    };
    encode(&header, &Batch::default())
}

/// Reads the header.
///
/// # Errors
/// `Corrupt`; `UnsupportedFormat` for another version.
pub fn open(record: &Bytes) -> Result<Frame> {
    let is_sealed = seal::key_id(Kind::Frame, record)? != 0;
    // planted: key-first
    let content = seal::open_clear(Record::FRAME, record)?;
    let mut rest = Input::new(content, "frame");
    Ok(Frame {
        header: header(&mut rest)?,
        is_sealed,
        rest,
    })
}

/// Reads the header without looking at the checksum.
///
/// # Errors
/// `Corrupt`; `UnsupportedFormat` for another version.
pub fn peek(record: &Bytes) -> Result<FrameHeader> {
    seal::key_id(Kind::Frame, record)?;
    header(&mut Input::new(seal::after_fixed(record), "frame"))
}

/// Where the header ends, with its tags: everything before stays in the clear.
///
/// # Errors
/// `Corrupt`; `UnsupportedFormat` for another version.
pub fn header_bytes(record: &Bytes) -> Result<usize> {
    seal::key_id(Kind::Frame, record)?;
    let mut input = Input::new(seal::after_fixed(record), "frame");
    header(&mut input)?;
    Tags::read(&mut input)?;
    Ok(record.len().saturating_sub(input.remaining()))
}

fn header(input: &mut Input) -> Result<FrameHeader> {
    Ok(FrameHeader {
        incarnation: Id(input.array()?),
        generation: input.varint()?,
        writer: Id(input.array()?),
        sequence: input.varint()?,
        wall_ms: input.varint()?,
        required: input.varint()?,
        catalog: input.varint()?,
    })
}

impl FrameHeader {
    /// Whether it is of a frame that is void for everybody, and says nothing: see [`void`].
    #[must_use]
    pub const fn is_fence(&self) -> bool {
        self.generation == u64::MAX
    }
}

impl Frame {
    /// The operations of a frame that is not void.
    ///
    /// # Errors
    /// `UnsupportedFormat`, `Encrypted`, `Corrupt`.
    pub fn batch(mut self) -> Result<Batch> {
        let tags = Tags::read(&mut self.rest)?;
        tags.needs(&[STAMPS, CHANGES], "frame")?;
        if self.is_sealed {
            return Err(seal::encrypted());
        }
        let stamps = stamps_of(&tags)?;
        let batch = Batch {
            stamps,
            changes_catalog: tags.find(CHANGES).is_some(),
            ..Batch::decode(&mut self.rest)?
        };
        catalog::check(&batch)?;
        Ok(batch)
    }
}

#[cfg(test)]
mod tests {
    use super::wall_ms;

    #[test]
    fn any_clock_is_written_as_a_time() {
        assert_eq!(wall_ms(1.7e12), 1_700_000_000_000);
        for (clock, written) in [
            (f64::NAN, 0),
            (-1.0, 0),
            (f64::NEG_INFINITY, 0),
            (1e300, (1 << 48) - 1),
            (f64::INFINITY, (1 << 48) - 1),
        ] {
            assert_eq!(wall_ms(clock), written, "{clock}");
        }
    }
}
