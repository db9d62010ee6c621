//! How far a build has come, and when it last moved.
//!
//! ```text
//! 31 varint build → 12 the place of the last document that was looked at, zeros before the first · varint wall ms
//! ```

use bytes::Bytes;

use super::definition::of_build;
use super::index::place_of;
use crate::codec::io::{put_varint, varint_in};
use crate::codec::kinds::key::BUILD;
use crate::codec::order::ORDER_BYTES;
use crate::engine::access::Writes;
use crate::error::Result;

/// A build that has not moved for so long is dead.
const DEAD_MS: u64 = 60_000;

/// What is stored of it.
pub struct Progress(Vec<u8>);

impl Progress {
    /// Before the first document.
    #[must_use]
    pub fn none(now_ms: u64) -> Self {
        Self::at([0; ORDER_BYTES], now_ms)
    }

    /// At the document with this key.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn of(key: Option<&[u8]>, now_ms: u64) -> Result<Self> {
        let place = key.map(place_of).transpose()?;
        let place = place.map_or([0; ORDER_BYTES], |place| place.to_bytes());
        Ok(Self::at(place, now_ms))
    }

    fn at(place: [u8; ORDER_BYTES], now_ms: u64) -> Self {
        let mut value = place.to_vec();
        put_varint(&mut value, now_ms);
        Self(value)
    }

    /// Stores it.
    pub fn put(self, w: &mut dyn Writes, build: u64) {
        w.put(of_build(BUILD, build), self.0.into());
    }

    /// Whether a build does not go on, by the wall clock: what is stored of it is old, or nothing is.
    #[must_use]
    pub fn is_dead(stored: Option<&Bytes>, now_ms: u64) -> bool {
        let at = stored.and_then(|stored| stored.get(ORDER_BYTES..));
        let at_ms = at.and_then(varint_in).map(|(ms, _)| ms);
        at_ms.is_none_or(|at_ms| at_ms.saturating_add(DEAD_MS) < now_ms)
    }
}
