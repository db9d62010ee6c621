//! The envelope of every stored record, and the seam where records are sealed.
//!
//! ```text
//! 0        2  "PS"
//! 2        1  kind: H head, R root, D directory page, F frame, S segment, B piece
//! 3        1  version of all formats, 2
//! 4        4  key id, u32 little-endian; 0 = not encrypted
//! 8        …  header of the kind, body
//! end - 8  8  XXH64 of everything before, u64 little-endian
//! ```
//!
//! The check's seed is what the record is called, so that one which lies under another's name is found out: of
//! directory pages, segments and pieces the first eight bytes of their id (little-endian), of the root those of the
//! incarnation, of head and frames 0. Whoever moves or cites a segment keeps its id and its bytes; a copy gets a new
//! id, and is sealed anew.
//!
//! With a key id other than 0, what follows the header is sealed under a key (the head: nothing of it). The header
//! of a frame can be read all the same; everything else is `Encrypted`, until there are keys.

use bytes::Bytes;

use super::kinds::{VERSION, record as letters};
use crate::error::{Code, Error, Result};
use crate::record::Id;

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The head.
    Head,
    /// The root of the directory.
    Root,
    /// A page of the directory.
    Directory,
    /// A frame of the log.
    Frame,
    /// A segment of a run.
    Segment,
    /// A piece of a large value.
    Piece,
}

/// What a record is, and whose.
#[derive(Debug, Clone, Copy)]
pub struct Record {
    kind: Kind,
    seed: u64,
}

impl Record {
    /// The head.
    pub const HEAD: Self = Self {
        kind: Kind::Head,
        seed: 0,
    };
    /// A frame: its number is not known when it is sealed.
    pub const FRAME: Self = Self {
        kind: Kind::Frame,
        seed: 0,
    };

    const fn of(kind: Kind, id: Id) -> Self {
        // planted: no-seed
        let seed = first_number(id);
        Self { kind, seed }
    }

    /// The root of the directory of a life.
    #[must_use]
    pub const fn root(incarnation: Id) -> Self {
        Self::of(Kind::Root, incarnation)
    }

    /// A page of the directory.
    #[must_use]
    pub const fn directory(id: Id) -> Self {
        Self::of(Kind::Directory, id)
    }

    /// A segment.
    #[must_use]
    pub const fn segment(id: Id) -> Self {
        Self::of(Kind::Segment, id)
    }

    /// A piece.
    #[must_use]
    pub const fn piece(id: Id) -> Self {
        Self::of(Kind::Piece, id)
    }

    /// The seed of its check.
    #[must_use]
    pub const fn seed(self) -> u64 {
        self.seed
    }
}

const fn first_number(Id([a, b, c, d, e, f, g, h, ..]): Id) -> u64 {
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

const FIXED: usize = 8;
const CHECK: usize = 8;

impl Kind {
    fn letter(self) -> u8 {
        match self {
            Self::Head => letters::HEAD,
            Self::Root => letters::ROOT,
            Self::Directory => letters::DIRECTORY,
            Self::Frame => letters::FRAME,
            Self::Segment => letters::SEGMENT,
            Self::Piece => letters::PIECE,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Root => "root",
            Self::Directory => "directory page",
            Self::Frame => "frame",
            Self::Segment => "segment",
            Self::Piece => "piece",
        }
    }
}

/// The check of everything stored: XXH64 of the xxHash family. Fast without tables, of which CRC-32 at a
/// like speed would bring 16 KiB into the wasm.
#[must_use]
pub fn checksum(seed: u64, bytes: &[u8]) -> u64 {
    // planted: no-checksum
    twox_hash::XxHash64::oneshot(seed, bytes)
}

/// Starts a record: the fixed fields. The header and body follow, then [`finish`].
#[must_use]
pub fn start(of: Record, capacity: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(FIXED + capacity + CHECK);
    out.extend_from_slice(&[b'P', b'S', of.kind.letter(), VERSION]);
    out.extend_from_slice(&0u32.to_le_bytes());
    out
}

/// Ends a record with its check.
#[must_use]
pub fn finish(of: Record, mut out: Vec<u8>) -> Bytes {
    let check = checksum(of.seed, &out);
    out.extend_from_slice(&check.to_le_bytes());
    out.into()
}

/// Checks a record's envelope and gives what lies between the fixed fields and the check.
///
/// # Errors
/// `Corrupt` (too short, another kind, wrong check, lies under another name), `UnsupportedFormat` (another
/// version), `Encrypted`.
pub fn open(of: Record, record: &Bytes) -> Result<Bytes> {
    let kind = of.kind;
    check_fixed(kind, record)?;
    let split = record.len().saturating_sub(CHECK);
    let (Some(covered), Some(check)) = (record.get(..split), record.get(split..)) else {
        return Err(too_short(kind));
    };
    let expected = u64::from_le_bytes(check.try_into().map_err(|_| too_short(kind))?);
    check_sum(kind.name(), of.seed, covered, expected)?;
    Ok(record.slice(FIXED..split))
}

/// That bytes have the check that was written for them.
///
/// # Errors
/// `Corrupt`.
pub fn check_sum(what: &str, seed: u64, covered: &[u8], expected: u64) -> Result<()> {
    let got = checksum(seed, covered);
    if got == expected {
        return Ok(());
    }
    Err(Error::corrupt(format!(
        "the checksum of a {what} is {got:016x} where {expected:016x} was written"
    )))
}

/// What lies between the fixed fields and the check of a piece's record, unchecked; other bytes as they are.
#[must_use]
pub fn content(bytes: &[u8]) -> &[u8] {
    if bytes.starts_with(&[b'P', b'S', Kind::Piece.letter()]) {
        let until = bytes.len().saturating_sub(CHECK);
        bytes.get(FIXED..until).unwrap_or_default()
    } else {
        bytes
    }
}

/// Checks the fixed fields alone: for segments, whose parts carry checks of their own.
///
/// # Errors
/// As [`open`].
pub fn check_fixed(kind: Kind, record: &Bytes) -> Result<()> {
    if key_id(kind, record)? != 0 {
        return Err(encrypted());
    }
    if record.len() < FIXED + CHECK {
        return Err(too_short(kind));
    }
    Ok(())
}

/// The key that a record is sealed under, 0 for none.
///
/// # Errors
/// `Corrupt` (too short, another kind), `UnsupportedFormat` (another version).
pub fn key_id(kind: Kind, record: &Bytes) -> Result<u32> {
    let Some((&[p, s, letter, version], rest)) = record.split_first_chunk::<4>() else {
        return Err(too_short(kind));
    };
    if (p, s) != (b'P', b'S') || letter != kind.letter() {
        return Err(broken(kind, "is something else"));
    }
    if version != VERSION {
        return Err(Error::unsupported(format!(
            "a {} is of format version {version}, this library knows {VERSION}",
            kind.name()
        )));
    }
    let (key_id, _) = rest.split_first_chunk().ok_or_else(|| too_short(kind))?;
    Ok(u32::from_le_bytes(*key_id))
}

/// What follows the fixed fields, unchecked.
#[must_use]
pub fn after_fixed(record: &Bytes) -> Bytes {
    record.slice(FIXED.min(record.len())..)
}

/// The error of what is sealed under a key.
#[must_use]
pub fn encrypted() -> Error {
    Error::new(Code::Encrypted, "the patch is encrypted")
}

fn broken(kind: Kind, how: &str) -> Error {
    Error::corrupt(format!("a {} {how}", kind.name()))
}

fn too_short(kind: Kind) -> Error {
    broken(kind, "is too short")
}

#[cfg(test)]
mod tests;
