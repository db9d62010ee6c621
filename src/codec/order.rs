//! Places in the order of insertion.
//!
//! A place is the number of the frame that inserted (plus the database's base) and the index
//! of the insertion in that frame, big-endian, so that bytes sort as places do. The number of
//! a frame is not known before it is committed: until then a place is *provisional*, sorts
//! after every real one, and is filled in by whoever replays the frame.

/// Bytes of an encoded place.
pub const ORDER_BYTES: usize = 12;

/// Frame numbers at and above this are provisional.
pub const PROVISIONAL: u64 = 1 << 63;

/// A place in the order of insertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Order {
    /// Base + frame number; or `PROVISIONAL` + the number of the call in its realm.
    pub frame: u64,
    /// The index among the insertions of the frame (of the call, while provisional).
    pub slot: u32,
}

impl Order {
    /// The 12 bytes: `frame` u64 big-endian, `slot` u32 big-endian.
    #[must_use]
    pub fn to_bytes(self) -> [u8; ORDER_BYTES] {
        let mut out = [0; ORDER_BYTES];
        let (frame, slot) = out.split_at_mut(8);
        frame.copy_from_slice(&self.frame.to_be_bytes());
        slot.copy_from_slice(&self.slot.to_be_bytes());
        out
    }

    /// Reads 12 bytes back; `None` for any other length.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (frame, slot) = bytes.split_first_chunk::<8>()?;
        Some(Self {
            frame: u64::from_be_bytes(*frame),
            slot: u32::from_be_bytes(slot.try_into().ok()?),
        })
    }

    /// Whether the frame is not committed yet.
    #[must_use]
    pub fn is_provisional(self) -> bool {
        self.frame >= PROVISIONAL
    }
}
