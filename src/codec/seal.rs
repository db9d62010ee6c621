//! The envelope of every stored record, and the seam where records are sealed.
//!
//! ```text
//! 0        2  "PS"
//! 2        1  kind: H head, R root, D directory page, F frame, S segment, B piece
//! 3        1  version of the kind's format, 1
//! 4        4  key id, u32 little-endian; 0 = not encrypted
//! 8        h  header of the kind, in the clear, of fixed length
//! 8 + h    n  body
//! 8 + h + n 8 XXH64 (seed 0) of everything before, u64 little-endian
//! ```
//!
//! With a key id other than 0 the body will be ciphertext and the check an AEAD tag; until there
//! are keys, such a record is `Encrypted`.

use bytes::Bytes;

use crate::error::{Code, Error, Result};

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

const VERSION: u8 = 1;
const FIXED: usize = 8;
const CHECK: usize = 8;

impl Kind {
    fn letter(self) -> u8 {
        match self {
            Self::Head => b'H',
            Self::Root => b'R',
            Self::Directory => b'D',
            Self::Frame => b'F',
            Self::Segment => b'S',
            Self::Piece => b'B',
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

/// The check of everything stored: XXH64 of the xxHash family, seed 0. Fast without tables, of
/// which CRC-32 at a like speed would bring 16 KiB into the wasm.
#[must_use]
pub fn checksum(bytes: &[u8]) -> u64 {
    // planted: no-checksum
    twox_hash::XxHash64::oneshot(0, bytes)
}

/// Starts a record: the fixed fields. The header and body follow, then [`finish`].
#[must_use]
pub fn start(kind: Kind, capacity: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(FIXED + capacity + CHECK);
    out.extend_from_slice(&[b'P', b'S', kind.letter(), VERSION]);
    out.extend_from_slice(&0u32.to_le_bytes());
    out
}

/// Ends a record with its check.
#[must_use]
pub fn finish(mut out: Vec<u8>) -> Bytes {
    let check = checksum(&out);
    out.extend_from_slice(&check.to_le_bytes());
    out.into()
}

/// Checks a record's envelope and gives what lies between the fixed fields and the check.
///
/// # Errors
/// `Corrupt` (too short, another kind, wrong check), `UnsupportedFormat` (another version),
/// `Encrypted`.
pub fn open(kind: Kind, record: &Bytes) -> Result<Bytes> {
    check_fixed(kind, record)?;
    let split = record.len().saturating_sub(CHECK);
    let (Some(covered), Some(check)) = (record.get(..split), record.get(split..)) else {
        return Err(too_short(kind));
    };
    let expected = u64::from_le_bytes(check.try_into().map_err(|_| too_short(kind))?);
    let got = checksum(covered);
    if got != expected {
        return Err(Error::corrupt(format!(
            "the checksum of a {} is {got:016x} where {expected:016x} was written",
            kind.name()
        )));
    }
    Ok(record.slice(FIXED..split))
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
    let Some((&[p, s, letter, version], rest)) = record.split_first_chunk::<4>() else {
        return Err(too_short(kind));
    };
    if (p, s) != (b'P', b'S') || letter != kind.letter() {
        return Err(Error::corrupt(format!("a record is not a {}", kind.name())));
    }
    if version != VERSION {
        return Err(Error::unsupported(format!(
            "a {} is of format version {version}, this library knows {VERSION}",
            kind.name()
        )));
    }
    let Some((key_id, _)) = rest.split_first_chunk::<4>() else {
        return Err(too_short(kind));
    };
    if u32::from_le_bytes(*key_id) != 0 {
        return Err(Error::new(Code::Encrypted, "the patch is encrypted"));
    }
    if record.len() < FIXED + CHECK {
        return Err(too_short(kind));
    }
    Ok(())
}

fn too_short(kind: Kind) -> Error {
    Error::corrupt(format!("a {} is too short", kind.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flip_and_every_cut_is_an_error() {
        let mut out = start(Kind::Frame, 9);
        out.extend_from_slice(b"some body");
        let record = finish(out);
        assert_eq!(open(Kind::Frame, &record).unwrap().as_ref(), b"some body");
        for at in 0..record.len() * 8 {
            let mut bad = record.to_vec();
            bad[at / 8] ^= 1 << (at % 8);
            assert!(open(Kind::Frame, &bad.into()).is_err(), "bit {at}");
        }
        for n in 0..record.len() {
            assert!(open(Kind::Frame, &record.slice(..n)).is_err(), "cut at {n}");
        }
    }

    #[test]
    fn another_version_is_unsupported() {
        let mut record = finish(start(Kind::Head, 0)).to_vec();
        record[3] = 2;
        let error = open(Kind::Head, &record.into()).unwrap_err();
        assert_eq!(error.code(), Code::UnsupportedFormat);
    }
}
