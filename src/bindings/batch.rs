//! Slices of a batch, as they cross.

use bytes::Bytes;
use js_sys::Uint8Array;

use super::values;
use crate::codec::value;
use crate::error::Result;
use crate::limits;

/// Encoded values: JSON texts, one a line (JSON text has no line ends of its own), except at
/// `exact_at`, ascending, where the line is empty and the next of `exact` stands for it.
pub struct Lines<'a> {
    /// The texts.
    pub lines: &'a str,
    /// Positions of values in the exact form.
    pub exact_at: &'a [u32],
    /// Those values.
    pub exact: &'a [Uint8Array],
}

impl<'a> Lines<'a> {
    /// The stored forms of `count` values, each `LimitExceeded` where it is too large.
    ///
    /// # Errors
    /// `LimitExceeded`.
    pub fn stored(self, count: usize) -> Result<impl Iterator<Item = Result<Bytes>> + use<'a>> {
        limits::room_for(self.lines.len() + count * limits::ITEM_BYTES)?;
        let mut exact = self.exact_at.iter().zip(self.exact).peekable();
        Ok(self
            .lines
            .split('\n')
            .zip(0..)
            .take(count)
            .map(
                move |(line, at)| match exact.next_if(|(place, _)| **place == at) {
                    Some((_, bytes)) => values::taken(bytes),
                    None => Ok(value::from_json(line.as_bytes())),
                },
            ))
    }
}
