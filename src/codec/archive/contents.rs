//! What is in the chunks of an archive, but for the pages of cells.

use bytes::Bytes;

use crate::codec::head::Head;
use crate::codec::io::{Input, later, put_bytes, put_varint, varint_in};
use crate::error::{Error, Result};
use crate::record::Id;

/// The flag of an archive with the entries of the op-log.
const WITH_LOG: u8 = 0x01;
/// Places and numbers at and above this are refused: the patch could not go on for long.
const MAX_PLACE: u64 = 1 << 62;

/// What holds of the whole patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beginning {
    /// What the head of the patch says, but for its keys and its log.
    pub head: Head,
    /// How many bytes of keys and values are to be expected, about.
    pub expected: u64,
    /// Whether the entries of the op-log are there.
    pub with_log: bool,
}

impl Beginning {
    /// Encodes it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_bytes(&mut out, &self.head.encode());
        put_varint(&mut out, self.expected);
        out.push(if self.with_log { WITH_LOG } else { 0 });
        out
    }

    /// Decodes and checks it.
    ///
    /// # Errors
    /// `Corrupt`, `UnsupportedFormat`.
    pub fn decode(content: Bytes) -> Result<Self> {
        let mut input = Input::new(content, "beginning of an archive");
        let head = Head::decode(&input.bytes()?)?;
        let expected = input.varint()?;
        let flags = input.u8()?;
        input.end()?;
        if flags & !WITH_LOG != 0 {
            return Err(later("beginning of an archive"));
        }
        let last = head.base.checked_add(head.position);
        if last.is_none_or(|last| last >= MAX_PLACE) || !head.keys.is_empty() {
            return Err(Error::corrupt("an archive has an impossible head"));
        }
        Ok(Self {
            head,
            expected,
            with_log: flags & WITH_LOG != 0,
        })
    }
}

/// How much there was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Cells.
    pub cells: u64,
    /// Large values among them.
    pub large: u64,
    /// Bytes of keys and values.
    pub bytes: u64,
}

impl Totals {
    /// Counts a cell.
    pub const fn add(&mut self, key: usize, value: u64, is_large: bool) {
        self.cells = self.cells.saturating_add(1);
        self.large = self.large.saturating_add(is_large as u64);
        self.bytes = self.bytes.saturating_add(key as u64).saturating_add(value);
    }

    /// Encodes them.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for number in [self.cells, self.large, self.bytes] {
            put_varint(&mut out, number);
        }
        out
    }

    /// Decodes them.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn decode(content: Bytes) -> Result<Self> {
        let mut input = Input::new(content, "end of an archive");
        let totals = Self {
            cells: input.varint()?,
            large: input.varint()?,
            bytes: input.varint()?,
        };
        input.end()?;
        Ok(totals)
    }
}

/// What stands for the id of a piece: which of the large values it is.
#[must_use]
pub const fn place_of(number: u64) -> Id {
    let [a, b, c, d, e, f, g, h] = number.to_be_bytes();
    Id([0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d, e, f, g, h])
}

/// The content of the first part of a large value of so many bytes.
#[must_use]
pub fn first_part(length: usize, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 5);
    put_varint(&mut out, length as u64);
    out.extend_from_slice(bytes);
    out
}

/// The length of a large value, and its first bytes.
///
/// # Errors
/// `Corrupt`.
pub fn split_first_part(content: &Bytes) -> Result<(u64, Bytes)> {
    let (length, at) = varint_in(content)
        .ok_or_else(|| Error::corrupt("a large value of an archive has no length"))?;
    Ok((length, content.slice(at..)))
}
