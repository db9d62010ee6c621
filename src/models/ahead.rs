//! Reading one key after the other: what one lacks is loaded together with what the next ones do.

use bytes::Bytes;

use crate::engine::access::{Attempt, Reads, Stop};

/// Keys that are looked ahead.
const PAGE: usize = 256;

/// The value under `keys[at]`, of keys that are read in their order.
///
/// # Errors
/// A stop.
pub fn get(r: &mut dyn Reads, keys: &[Bytes], at: usize) -> Attempt<Option<Bytes>> {
    let ahead = keys.get(at..).unwrap_or_default();
    let Some(key) = ahead.first() else {
        return Ok(None);
    };
    match r.get(key) {
        Err(Stop::Need(needs)) => {
            r.want(ahead.get(..PAGE).unwrap_or(ahead))?;
            // They lack nothing that can be told beforehand, as of a piece.
            Err(Stop::Need(needs))
        }
        found => found,
    }
}
