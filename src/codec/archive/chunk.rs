//! Chunks of an archive: how each is framed, and its content packed.
//!
//! ```text
//! 4  length of what follows the kind, u32 little-endian
//! 1  kind
//! …  content, and what it is checked by (see `sealed::archive`)
//!
//! content: varint decoded length · an LZ4 block;  or 00 · the bytes as they are
//! ```

use bytes::Bytes;

use crate::codec::io::{put_varint, varint_in};
use crate::error::{Error, Result};

/// Bytes before a chunk's content.
pub const FRAME: usize = 5;
/// The most that a content decodes to.
pub const MAX_DECODED_BYTES: usize = 2 << 20;
/// The most that follows a chunk's kind.
pub const MAX_STORED_BYTES: usize = MAX_DECODED_BYTES + 64;
/// What is made for a chunk is cut at about so many bytes.
pub const USUAL_BYTES: usize = 256 << 10;
/// What claims to decode to more than this many times its bytes is corrupt. (LZ4 reaches 255.)
const LZ4_RATIO: usize = 256;

/// What is in a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What holds of the whole patch. The first chunk, and no other.
    Beginning = 1,
    /// Cells.
    Cells = 2,
    /// A large value, or its first part.
    Large = 3,
    /// A further part of it.
    More = 4,
    /// How much there was. The last chunk, and no other.
    End = 5,
}

impl Kind {
    /// Of its number.
    ///
    /// # Errors
    /// `Corrupt`: version 1 has no others.
    pub fn of(number: u8) -> Result<Self> {
        let all = [
            Self::Beginning,
            Self::Cells,
            Self::Large,
            Self::More,
            Self::End,
        ];
        all.into_iter()
            .find(|kind| *kind as u8 == number)
            .ok_or_else(|| Error::corrupt("an archive has a chunk of an unknown kind"))
    }
}

/// A chunk as it stands in the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Which one it is, counted from 0.
    pub number: u64,
    /// What is in it.
    pub kind: Kind,
    /// Everything after the kind.
    pub stored: Bytes,
}

/// Begins a chunk that will have so many bytes after its kind.
#[must_use]
pub fn start(kind: Kind, stored: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(FRAME + stored);
    out.extend_from_slice(&(stored as u32).to_le_bytes());
    out.push(kind as u8);
    out
}

/// The length and kind that a chunk begins with; `None`: they are not all there.
///
/// # Errors
/// `Corrupt`.
pub fn frame_of(bytes: &[u8]) -> Result<Option<(usize, Kind)>> {
    let Some(&[a, b, c, d, kind]) = bytes.first_chunk::<FRAME>() else {
        return Ok(None);
    };
    let stored = u32::from_le_bytes([a, b, c, d]) as usize;
    if stored > MAX_STORED_BYTES {
        return Err(Error::corrupt("an archive has a chunk that is too long"));
    }
    Ok(Some((stored, Kind::of(kind)?)))
}

/// Packs a content.
#[must_use]
pub fn pack(plain: &[u8]) -> Vec<u8> {
    let packed = lz4_flex::block::compress(plain);
    let mut out = Vec::with_capacity(packed.len().min(plain.len()) + 5);
    if packed.len() < plain.len() {
        put_varint(&mut out, plain.len() as u64);
        out.extend_from_slice(&packed);
    } else {
        out.push(0);
        out.extend_from_slice(plain);
    }
    out
}

/// Unpacks it.
///
/// # Errors
/// `Corrupt`.
pub fn unpack(content: &Bytes) -> Result<Bytes> {
    let broken = || Error::corrupt("a chunk of an archive cannot be unpacked");
    let (length, at) = varint_in(content).ok_or_else(broken)?;
    let packed = content.slice(at..);
    if length == 0 {
        let fits = packed.len() <= MAX_DECODED_BYTES;
        return fits.then_some(packed).ok_or_else(broken);
    }
    let most = MAX_DECODED_BYTES.min(packed.len().saturating_mul(LZ4_RATIO));
    let length = usize::try_from(length)
        .ok()
        .filter(|length| *length <= most);
    let length = length.ok_or_else(broken)?;
    let plain = lz4_flex::block::decompress(&packed, length).map_err(|_| broken())?;
    (plain.len() == length)
        .then(|| plain.into())
        .ok_or_else(broken)
}
