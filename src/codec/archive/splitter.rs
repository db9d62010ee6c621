//! Takes a stream apart that comes in pieces of any size.

use bytes::Bytes;

use super::Header;
use super::chunk::{Chunk, FRAME, Kind, frame_of};
use crate::error::{Error, Result};

/// A part of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// What it begins with.
    Header(Header, Bytes),
    /// One chunk, unchecked.
    Chunk(Chunk),
}

/// Collects the bytes of a stream until a part is complete: holds no more than that, and what was pushed last.
#[derive(Default)]
pub struct Splitter {
    waiting: Vec<u8>,
    /// How many of these are used up.
    at: usize,
    has_header: bool,
    number: u64,
    is_over: bool,
}

impl Splitter {
    /// Adds what comes next.
    pub fn push(&mut self, bytes: &[u8]) {
        self.waiting.drain(..self.at);
        self.at = 0;
        self.waiting.extend_from_slice(bytes);
    }

    /// The next part; `None`: more is needed.
    ///
    /// # Errors
    /// `UnsupportedFormat` for what is no archive, `Corrupt`.
    pub fn part(&mut self) -> Result<Option<Part>> {
        let rest = self.waiting.get(self.at..).unwrap_or_default();
        if self.is_over && !rest.is_empty() {
            return Err(Error::corrupt("an archive goes on behind its end"));
        }
        if !self.has_header {
            let Some(header) = Header::len_of(rest)?.and_then(|len| rest.get(..len)) else {
                return Ok(None);
            };
            let bytes = Bytes::copy_from_slice(header);
            self.at += bytes.len();
            self.has_header = true;
            return Ok(Some(Part::Header(Header::decode(&bytes)?, bytes)));
        }
        let Some((stored, kind)) = frame_of(rest)? else {
            return Ok(None);
        };
        let Some(stored) = rest.get(FRAME..FRAME + stored) else {
            return Ok(None);
        };
        let stored = Bytes::copy_from_slice(stored);
        self.at += FRAME + stored.len();
        let number = self.number;
        self.number += 1;
        if (number == 0) != (kind == Kind::Beginning) {
            return Err(Error::corrupt("an archive does not begin as one"));
        }
        self.is_over = kind == Kind::End;
        Ok(Some(Part::Chunk(Chunk {
            number,
            kind,
            stored,
        })))
    }

    /// Checks that the stream has come to its end.
    ///
    /// # Errors
    /// `Corrupt` if it was cut short; `UnsupportedFormat` for what is no archive.
    pub fn end(&self) -> Result<()> {
        let rest = self.waiting.get(self.at..).unwrap_or_default();
        if !self.has_header && rest.is_empty() {
            return Err(Error::unsupported(
                "this is no archive of a patch: it is empty",
            ));
        }
        if self.is_over && rest.is_empty() {
            return Ok(());
        }
        Err(Error::corrupt("an archive is cut short"))
    }
}
