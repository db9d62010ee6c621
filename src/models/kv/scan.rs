//! Going through a range of keys.

use super::{KeyRangeSpec, Kv};
use crate::engine::access::{Attempt, Cursor, Reads};
use crate::error::Result;

/// Who wants no more entries than this is unlikely to read all of a range.
const FEW: u64 = 64;
/// Items of a page.
const PAGE_ITEMS: u64 = 512;
/// Bytes after which a page ends, whatever it holds.
const PAGE_BYTES: usize = 256 * 1024;

/// A scan of a range. Goes on where its last call stopped.
pub struct Scan {
    cursor: Cursor,
    left: u64,
    bytes_left: usize,
}

/// Takes the key of a record and the stored value, or its marks where values are not wanted.
pub type Out<'a> = dyn FnMut(&[u8], &[u8]) -> Result<()> + 'a;

impl Scan {
    /// A scan of the keys of `kv` that `spec` means.
    ///
    /// # Errors
    /// `InvalidArgument` when a bound is longer than a key may be.
    pub fn new(kv: &Kv, spec: &KeyRangeSpec) -> Result<Self> {
        spec.check()?;
        let mut cursor = Cursor::new(spec.of(kv), spec.reverse);
        cursor.reads_ahead = spec.limit.is_none_or(|limit| limit > FEW);
        Ok(Self {
            cursor,
            left: spec.limit.unwrap_or(u64::MAX),
            bytes_left: usize::MAX,
        })
    }

    /// Only the first entries, as many as make a page.
    #[must_use]
    pub fn page(mut self) -> Self {
        self.left = self.left.min(PAGE_ITEMS);
        self.bytes_left = PAGE_BYTES;
        self
    }

    /// Hands every record to `out`, with its marks in place of the value if values are not wanted. Runs until it does not
    /// stop.
    ///
    /// # Errors
    /// A stop; nothing is lost by it, and nothing handed out twice. What `out` fails with.
    pub fn step(&mut self, r: &mut dyn Reads, values: bool, out: &mut Out<'_>) -> Attempt<()> {
        let (left, bytes_left) = (&mut self.left, &mut self.bytes_left);
        if *left > 0 {
            r.scan(&mut self.cursor, values, &mut |key, value| {
                out(key, value)?;
                *left -= 1;
                *bytes_left = bytes_left.saturating_sub(key.len() + value.len());
                Ok(*left > 0 && *bytes_left > 0)
            })?;
        }
        Ok(())
    }
}
