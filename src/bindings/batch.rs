//! Slices of a batch, as they cross.

use bytes::Bytes;
use js_sys::Uint8Array;

use super::values;
use crate::codec::value;
use crate::error::Result;

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
    /// The stored forms of `count` values.
    ///
    /// # Errors
    /// `Corrupt` where it was not the facade that made them.
    pub fn stored(self, count: usize) -> impl Iterator<Item = Result<Bytes>> + use<'a> {
        let mut exact = self.exact_at.iter().zip(self.exact).peekable();
        self.lines
            .split('\n')
            .zip(0..)
            .take(count)
            .map(
                move |(line, at)| match exact.next_if(|(place, _)| **place == at) {
                    Some((_, bytes)) => values::of_bytes(bytes),
                    None => Ok(value::from_json(line.as_bytes())),
                },
            )
    }
}
