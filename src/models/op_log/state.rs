//! The state of a record: when it was written last, or removed, and by which device.
//!
//! ```text
//! C5      it ends in a stamp (see `codec::stamp`)
//! 1       flags: 01 removed, 02 expires
//! varint  when it expires, ms since the epoch (flag 02)
//! bytes   the id of the device
//! 12      the stamp
//! ```

use bytes::Bytes;
use std::cmp::Ordering;

use crate::codec::io::{Input, later, put_bytes, put_varint};
use crate::codec::marks::NEVER;
use crate::codec::stamp::{STAMP_BYTES, STAMPED, Stamp, hole_of};
use crate::error::{Error, Result};

const REMOVED: u8 = 0x01;
const EXPIRES: u8 = 0x02;

/// The state of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Whether it was removed.
    pub is_removed: bool,
    /// When it expires, in ms since the epoch; `NEVER`.
    pub expires_ms: u64,
    /// The device that wrote it.
    pub device: Bytes,
    /// When; `None` of what is not committed yet.
    pub stamp: Option<Stamp>,
}

impl State {
    /// Appends the stored form; `tail`: the stamp, or a hole for it.
    pub fn put(
        out: &mut Vec<u8>,
        is_removed: bool,
        expires_ms: u64,
        device: &[u8],
        tail: [u8; STAMP_BYTES],
    ) {
        let expires = if expires_ms == NEVER { 0 } else { EXPIRES };
        out.extend([STAMPED, expires | if is_removed { REMOVED } else { 0 }]);
        if expires_ms != NEVER {
            put_varint(out, expires_ms);
        }
        put_bytes(out, device);
        out.extend_from_slice(&tail);
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// `Corrupt`, `UnsupportedFormat`.
    pub fn decode(stored: &Bytes) -> Result<Self> {
        let mut input = Input::new(stored.clone(), "record's state");
        let (first, flags) = (input.u8()?, input.u8()?);
        if first != STAMPED || flags & !(REMOVED | EXPIRES) != 0 {
            return Err(later("record's state"));
        }
        let expires_ms = if flags & EXPIRES == 0 {
            NEVER
        } else {
            input.varint()?
        };
        let device = input.bytes()?;
        let stamp = stamp_at_end(&mut input, stored)?;
        Ok(Self {
            is_removed: flags & REMOVED != 0,
            expires_ms,
            device,
            stamp,
        })
    }

    /// Whether what another device wrote then is later; ties are broken by the devices' ids, by code units (they are
    /// ASCII). `next`: what is not committed yet gets no stamp below this. `None`: it cannot be told until then.
    #[must_use]
    pub fn is_before(&self, stamp: Stamp, device: &[u8], next: Stamp) -> Option<bool> {
        let Some(own) = self.stamp else {
            return (stamp < next).then_some(false);
        };
        // planted: tie-by-arrival
        let order = own.cmp(&stamp).then_with(|| self.device[..].cmp(device));
        Some(order == Ordering::Less)
    }

    /// Whether nothing is lost with it once everything before a stamp is known everywhere: it is of a removal, or of a
    /// record that has expired.
    #[must_use]
    pub fn is_forgettable(&self, stamp: Stamp, device: &[u8], now_ms: u64) -> bool {
        let is_old = self.is_before(stamp, device, Stamp::default()) == Some(true);
        is_old && (self.is_removed || self.expires_ms <= now_ms)
    }

    /// Whether digests cover it.
    #[must_use]
    pub fn is_digested(&self) -> bool {
        !self.is_removed && self.expires_ms == NEVER
    }
}

/// The stamp that a value ends in, when all before it has been read; `None`: a hole.
///
/// # Errors
/// `Corrupt`.
pub fn stamp_at_end(input: &mut Input, stored: &[u8]) -> Result<Option<Stamp>> {
    let stamp = Stamp::from_bytes(&input.array::<STAMP_BYTES>()?);
    input.end()?;
    if stamp.is_none() && hole_of(stored).is_none() {
        return Err(Error::corrupt("a stored stamp is broken"));
    }
    Ok(stamp)
}
