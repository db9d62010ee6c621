//! The envelope of every stored record, and the place where records are sealed.
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
//! The seed of the checksum is derived from the record's name, so that a record stored under the name of another is
//! detected. It is the first eight bytes (little-endian) of the id for directory pages, segments and pieces, and of the
//! incarnation for the root; it is 0 for the head and frames. A segment that is moved or cited keeps its id and bytes;
//! a copy gets a new id and is sealed again.
//!
//! If the key id is not 0, the record is sealed under a key, as `sealed::record` says. Head and frames end in the
//! checksum all the same; the head and the header of a frame can be read without a key. Everything else is `Encrypted`.

use bytes::Bytes;

use super::kinds::{VERSION, record as letters};
use crate::error::{Code, Error, Result};
use crate::record::Id;

/// The kind of a record.
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

/// The kind of a record, and the seed derived from its name.
#[derive(Debug, Clone, Copy)]
pub struct Record {
    kind: Kind,
    seed: u64,
}

impl Record {
    /// The head, whose seed is 0.
    pub const HEAD: Self = Self {
        kind: Kind::Head,
        seed: 0,
    };
    /// A frame. Its seed is 0, because its number is not known when it is sealed.
    pub const FRAME: Self = Self {
        kind: Kind::Frame,
        seed: 0,
    };

    const fn of(kind: Kind, id: Id) -> Self {
        // planted: no-seed
        let seed = first_number(id);
        Self { kind, seed }
    }

    /// The root of the directory of an incarnation.
    #[must_use]
    pub const fn root(incarnation: Id) -> Self {
        Self::of(Kind::Root, incarnation)
    }

    /// The directory page with an id.
    #[must_use]
    pub const fn directory(id: Id) -> Self {
        Self::of(Kind::Directory, id)
    }

    /// The segment with an id.
    #[must_use]
    pub const fn segment(id: Id) -> Self {
        Self::of(Kind::Segment, id)
    }

    /// The piece with an id.
    #[must_use]
    pub const fn piece(id: Id) -> Self {
        Self::of(Kind::Piece, id)
    }

    /// The seed of the record's checksum.
    #[must_use]
    pub const fn seed(self) -> u64 {
        self.seed
    }
}

const fn first_number(Id([a, b, c, d, e, f, g, h, ..]): Id) -> u64 {
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

/// The size of the fixed fields.
pub const FIXED: usize = 8;
const CHECK: usize = 8;
/// The key id of what did not open, in memory.
const FORGED: u32 = u32::MAX;

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

/// The checksum of everything stored: XXH64 of the xxHash family. It is fast without tables; CRC-32 of similar
/// speed would add 16 KiB of tables to the wasm.
#[must_use]
pub fn checksum(seed: u64, bytes: &[u8]) -> u64 {
    // planted: no-checksum
    twox_hash::XxHash64::oneshot(seed, bytes)
}

/// Starts a record with its fixed fields. Append the header and the body, then call [`finish`].
#[must_use]
pub fn start(of: Record, capacity: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(FIXED + capacity + CHECK);
    out.extend_from_slice(&[b'P', b'S', of.kind.letter(), VERSION]);
    out.extend_from_slice(&0u32.to_le_bytes());
    out
}

/// Ends a record with its checksum.
#[must_use]
pub fn finish(of: Record, mut out: Vec<u8>) -> Bytes {
    let check = checksum(of.seed, &out);
    out.extend_from_slice(&check.to_le_bytes());
    out.into()
}

/// Checks a record's envelope and returns the bytes between the fixed fields and the checksum.
///
/// # Errors
/// `Corrupt` (too short, another kind, wrong checksum, stored under another name), `UnsupportedFormat` (another
/// version), `Encrypted`.
pub fn open(of: Record, record: &Bytes) -> Result<Bytes> {
    check_fixed(of.kind, record)?;
    open_clear(of, record)
}

/// The same, whether or not parts of the record are sealed under a key.
///
/// # Errors
/// `Corrupt`, `UnsupportedFormat`.
pub fn open_clear(of: Record, record: &Bytes) -> Result<Bytes> {
    let kind = of.kind;
    key_id(kind, record)?;
    let split = record.len().saturating_sub(CHECK);
    let (Some(covered), Some(check)) = (record.get(..split), record.get(split..)) else {
        return Err(too_short(kind));
    };
    let expected = u64::from_le_bytes(check.try_into().map_err(|_| too_short(kind))?);
    check_sum(kind.name(), of.seed, covered, expected)?;
    if split < FIXED {
        return Err(too_short(kind));
    }
    Ok(record.slice(FIXED..split))
}

/// Stands in memory for a record that did not open under the patch's keys: whoever decodes it is told so.
#[must_use]
pub fn forged(kind: Kind) -> Bytes {
    let mut out = vec![b'P', b'S', kind.letter(), VERSION];
    out.extend_from_slice(&FORGED.to_le_bytes());
    out.into()
}

/// Checks that bytes have the expected checksum. `what` names them in the message.
///
/// # Errors
/// `Corrupt`.
pub fn check_sum(what: &str, seed: u64, covered: &[u8], expected: u64) -> Result<()> {
    let got = checksum(seed, covered);
    if got == expected {
        return Ok(());
    }
    Err(Error::corrupt(format!(
        "the checksum of a {what} is {got:016x}, not {expected:016x} as stored"
    )))
}

/// The content of a piece's record, between the fixed fields and the checksum, unchecked. Other bytes are returned as
/// they are.
#[must_use]
pub fn content(bytes: &[u8]) -> &[u8] {
    if bytes.starts_with(&[b'P', b'S', Kind::Piece.letter()]) {
        // Of what is sealed, nothing can be told.
        if bytes.get(4..FIXED) != Some(&[0; 4]) {
            return &[];
        }
        let until = bytes.len().saturating_sub(CHECK);
        bytes.get(FIXED..until).unwrap_or_default()
    } else {
        bytes
    }
}

/// Checks only the fixed fields. This is for segments, whose parts have their own checksums.
///
/// # Errors
/// See [`open`].
pub fn check_fixed(kind: Kind, record: &Bytes) -> Result<()> {
    if key_id(kind, record)? != 0 {
        return Err(encrypted());
    }
    if record.len() < FIXED + CHECK {
        return Err(too_short(kind));
    }
    Ok(())
}

/// The id of the key that a record is sealed under; 0 if it is not encrypted.
///
/// # Errors
/// `Corrupt` (too short, another kind), `UnsupportedFormat` (another version).
pub fn key_id(kind: Kind, record: &Bytes) -> Result<u32> {
    let Some((&[p, s, letter, version], rest)) = record.split_first_chunk::<4>() else {
        return Err(too_short(kind));
    };
    if (p, s) != (b'P', b'S') || letter != kind.letter() {
        return Err(broken(kind, "is a record of another kind"));
    }
    if version != VERSION {
        return Err(Error::unsupported(format!(
            "a {} has format version {version}; this library supports {VERSION}",
            kind.name()
        )));
    }
    let (key_id, _) = rest.split_first_chunk().ok_or_else(|| too_short(kind))?;
    match u32::from_le_bytes(*key_id) {
        FORGED => Err(broken(kind, "was changed, or belongs elsewhere")),
        key_id => Ok(key_id),
    }
}

/// The bytes after the fixed fields, unchecked.
#[must_use]
pub fn after_fixed(record: &Bytes) -> Bytes {
    record.slice(FIXED.min(record.len())..)
}

/// The error for a record that is sealed under a key.
#[must_use]
pub fn encrypted() -> Error {
    Error::new(
        Code::Encrypted,
        "the patch is encrypted, and no passphrase or key was given",
    )
}

fn broken(kind: Kind, how: &str) -> Error {
    Error::corrupt(format!("a {} {how}", kind.name()))
}

fn too_short(kind: Kind) -> Error {
    broken(kind, "is too short")
}

#[cfg(test)]
mod tests;
