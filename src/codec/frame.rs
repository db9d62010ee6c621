//! A frame of the log: one commit. Kind `F` of the envelope (see `seal`), with this header:
//!
//! ```text
//! 16  incarnation
//! 8   generation, u64 little-endian
//! 16  writer
//! 8   sequence, u64 little-endian
//! 8   wall time of the writer, ms since the epoch, f64 little-endian
//! varint  the number that it must get in the log, or else be void; 0: any
//! ```
//!
//! and the batch (see `batch`) as its body.

use bytes::Bytes;

use super::batch::Batch;
use super::io::{Input, put_varint};
use super::seal::{self, Kind};
use crate::error::Result;
use crate::record::Id;

/// What a frame says of itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrameHeader {
    /// The life of the database that the frame was sealed for.
    pub incarnation: Id,
    /// The generation that it was sealed under.
    pub generation: u64,
    /// Who wrote it.
    pub writer: Id,
    /// Ascending per writer.
    pub sequence: u64,
    /// When, by the writer's clock: ms since the epoch.
    pub wall_ms: f64,
    /// The number that it must get in the log to count: nothing that its writer had not seen comes
    /// before it then. 0: any.
    pub required: u64,
}

/// Encodes a frame.
#[must_use]
pub fn encode(header: &FrameHeader, batch: &Batch) -> Bytes {
    let mut out = seal::start(Kind::Frame, 256);
    out.extend_from_slice(&header.incarnation.0);
    out.extend_from_slice(&header.generation.to_le_bytes());
    out.extend_from_slice(&header.writer.0);
    out.extend_from_slice(&header.sequence.to_le_bytes());
    out.extend_from_slice(&header.wall_ms.to_le_bytes());
    put_varint(&mut out, header.required);
    batch.encode(&mut out);
    seal::finish(out)
}

/// A frame that is void for everybody: of a generation that there never is.
#[must_use]
pub fn void(incarnation: Id) -> Bytes {
    let header = FrameHeader {
        incarnation,
        generation: u64::MAX,
        writer: incarnation,
        sequence: 0,
        wall_ms: 0.0,
        required: 0,
    };
    encode(&header, &Batch::default())
}

/// Decodes the header, having checked the envelope, and gives the body's input.
///
/// # Errors
/// `Corrupt`, `UnsupportedFormat`, `Encrypted`.
pub fn decode_header(record: &Bytes) -> Result<(FrameHeader, Input)> {
    let mut input = Input::new(seal::open(Kind::Frame, record)?, "frame");
    let header = FrameHeader {
        incarnation: Id(input.array()?),
        generation: input.u64()?,
        writer: Id(input.array()?),
        sequence: input.u64()?,
        wall_ms: f64::from_le_bytes(input.array()?),
        required: input.varint()?,
    };
    Ok((header, input))
}
