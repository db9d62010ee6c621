//! Slices of a batch from JavaScript.

use bytes::Bytes;
use js_sys::Uint8Array;

use super::values;
use crate::codec::value;
use crate::error::Result;
use crate::limits;

/// Encoded values. Each is one line of JSON (which the facade writes without line breaks), except at the
/// positions `exact_at`, where the line is empty and the next element of `exact` is the value.
pub struct Lines<'a> {
    /// The JSON texts, joined by newlines.
    pub lines: &'a str,
    /// The positions of the values in the exact form, ascending.
    pub exact_at: &'a [u32],
    /// The values in the exact form, one for each of `exact_at`.
    pub exact: &'a [Uint8Array],
}

impl<'a> Lines<'a> {
    /// The stored forms of `count` values; a value that is too large yields `LimitExceeded`.
    ///
    /// # Errors
    /// `LimitExceeded` if there is not enough memory.
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
