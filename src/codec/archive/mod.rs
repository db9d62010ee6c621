//! An archive: a whole patch as one stream of bytes. Its format stands in docs/architecture/archive.md.
//!
//! Here is what an archive begins with; [`chunk`] has the chunks that follow, [`contents`] what is in them, and [`splitter`]
//! takes a stream apart. How chunks are checked or sealed is above, in `sealed`.

pub mod chunk;
pub mod contents;
pub mod splitter;

use bytes::Bytes;

use super::io::Input;
use super::seal::{check_sum, checksum};
use crate::error::{Error, Result};
use crate::record::Id;

/// The first bytes. (What a transfer as text, or of 7 bits, would change.)
pub const MAGIC: [u8; 8] = [0x89, b'P', b'S', b'A', 0x0D, 0x0A, 0x1A, 0x0A];
/// The version of the format.
pub const VERSION: u8 = 1;
/// Bytes before the key table.
pub const FIXED: usize = 30;
/// The largest key table: more than sixteen slots take.
const MAX_TABLE_BYTES: usize = 64 << 10;
const CHECK: usize = 8;
/// The flag of an archive that is sealed.
const SEALED: u8 = 0x01;

/// What an archive begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Of this archive; random.
    pub id: Id,
    /// The key table of one that is sealed, as `sealed::table` encodes it; otherwise empty.
    pub keys: Bytes,
}

impl Header {
    /// Encodes it.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = MAGIC.to_vec();
        out.push(VERSION);
        out.push(if self.keys.is_empty() { 0 } else { SEALED });
        out.extend_from_slice(&self.id.0);
        out.extend_from_slice(&(self.keys.len() as u32).to_le_bytes());
        out.extend_from_slice(&self.keys);
        let check = checksum(0, &out);
        out.extend_from_slice(&check.to_le_bytes());
        out.into()
    }

    /// How long a header is, by its fixed bytes; `None`: there are not enough of them yet.
    ///
    /// # Errors
    /// `UnsupportedFormat` for what is no archive, or of another version; `Corrupt` for an impossible length.
    pub fn len_of(bytes: &[u8]) -> Result<Option<usize>> {
        let known = bytes.len().min(MAGIC.len());
        if bytes.get(..known) != MAGIC.get(..known) {
            return Err(Error::unsupported("this is no archive of a patch"));
        }
        if let Some(&version) = bytes.get(MAGIC.len())
            && version != VERSION
        {
            return Err(Error::unsupported(format!(
                "an archive has format version {version}; this library supports {VERSION}"
            )));
        }
        let Some(&[a, b, c, d]) = bytes.get(FIXED - 4..).and_then(|rest| rest.first_chunk()) else {
            return Ok(None);
        };
        let table = u32::from_le_bytes([a, b, c, d]) as usize;
        if table > MAX_TABLE_BYTES {
            return Err(Error::corrupt(
                "an archive has a key table that is too long",
            ));
        }
        Ok(Some(FIXED + table + CHECK))
    }

    /// Decodes the whole of a header, as long as [`Header::len_of`] says.
    ///
    /// # Errors
    /// As there; `Corrupt`.
    pub fn decode(bytes: &Bytes) -> Result<Self> {
        if Self::len_of(bytes)? != Some(bytes.len()) {
            return Err(Error::corrupt("the beginning of an archive ends too early"));
        }
        let covered = bytes.slice(..bytes.len() - CHECK);
        let mut check = Input::new(bytes.slice(covered.len()..), "archive");
        check_sum("beginning of an archive", 0, &covered, check.u64()?)?;
        let mut input = Input::new(covered.slice(MAGIC.len() + 1..), "archive");
        let flags = input.u8()?;
        if flags & !SEALED != 0 {
            return Err(super::io::later("archive"));
        }
        let id = Id(input.array()?);
        input.u32()?;
        let keys = input.take(input.remaining())?;
        if keys.is_empty() == (flags & SEALED != 0) {
            return Err(Error::corrupt(
                "an archive is sealed and has no keys, or the reverse",
            ));
        }
        Ok(Self { id, keys })
    }
}

#[cfg(test)]
mod tests;
