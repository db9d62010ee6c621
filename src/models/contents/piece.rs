//! Pieces: the bytes of a content, or a Blob that has them.
//!
//! Where the storage takes Blobs, a piece of a large content is a value that has one beside it, and its bytes do not come into
//! the wasm's memory as a whole: neither when they are stored, nor when they are read. What is stored of them is their checksum.
//! An archive and an encrypted patch have the Blob inside of the value.

use bytes::Bytes;
use std::hash::Hasher;
use twox_hash::XxHash64;

use crate::codec::js_string::JsString;
use crate::codec::seal::Record;
use crate::codec::value::{Attached, BytesKind, EXACT, Event, ExactReader, ExactWriter, Form};
use crate::error::{Error, Result};
use crate::record::Id;

/// The first byte of a piece that is bytes.
const BYTES: u8 = 0x00;

/// A piece as it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Its bytes, which were checked with their record.
    Bytes(&'a [u8]),
    /// A Blob that has them; unchecked.
    Beside(Beside),
}

/// What is stored of a Blob that has the bytes of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beside {
    /// Its name.
    pub name: Id,
    /// Its size, in bytes.
    pub size: u64,
    /// Its checksum, as of [`Sum`].
    pub sum: u64,
}

impl Beside {
    /// The seed of its checksum.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        Record::piece(self.name).seed()
    }

    /// The value that the Blob is to be stored beside.
    ///
    /// # Errors
    /// `Internal`.
    pub fn encode(&self) -> Result<Bytes> {
        let mut out = ExactWriter::new();
        out.begin_array(2)?;
        out.bytes(BytesKind::Uint8, &self.sum.to_le_bytes());
        out.attached(&Attached {
            id: self.name,
            size: self.size,
            media_type: JsString::default().as_js(),
            file: None,
        });
        out.end();
        out.finish()
    }
}

/// What is stored as a piece.
///
/// # Errors
/// `Corrupt`; `UnsupportedFormat` where a later library has written it.
pub(super) fn decode(stored: &[u8]) -> Result<Piece<'_>> {
    match stored {
        [BYTES, bytes @ ..] => Ok(Piece::Bytes(bytes)),
        [EXACT, ..] => match Form::of(stored)? {
            Form::Exact(node) => of_node(node),
            Form::Json(_) => Err(damaged()),
        },
        _ => Err(damaged()),
    }
}

fn of_node(node: &[u8]) -> Result<Piece<'_>> {
    let mut reader = ExactReader::new(node);
    let Some(Event::Array(2)) = reader.next()? else {
        return Err(damaged());
    };
    let Some(Event::Bytes(_, sum)) = reader.next()? else {
        return Err(damaged());
    };
    let sum = u64::from_le_bytes(sum.try_into().map_err(|_| damaged())?);
    match reader.next()? {
        Some(Event::Attached(Attached { id, size, .. })) => Ok(Piece::Beside(Beside {
            name: id,
            size,
            sum,
        })),
        Some(Event::Blob { content, .. }) => Ok(Piece::Bytes(content)),
        _ => Err(damaged()),
    }
}

/// The error of a piece that is not what it must be.
#[must_use]
pub fn damaged() -> Error {
    Error::corrupt("a piece of a content is damaged")
}

/// The checksum of a Blob's bytes as they come: XXH64, its seed the first eight bytes of the Blob's name, as with records. So a
/// Blob in the place of another is noticed.
pub struct Sum(XxHash64);

impl Sum {
    /// Of no bytes of a Blob yet.
    #[must_use]
    pub fn of(name: Id) -> Self {
        Self::seeded(Record::piece(name).seed())
    }

    /// The same, where the seed is known.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(XxHash64::with_seed(seed))
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    /// Of all of them.
    #[must_use]
    pub fn finish(&self) -> u64 {
        self.0.finish()
    }
}
