//! Places in the order of insertion.
//!
//! A place is the number of the inserting frame (plus the patch's base) and the index
//! of the insertion in that frame, both big-endian, so that the bytes sort in the order of places. The
//! number of a frame is not known until it is committed. Until then a place is *provisional* and sorts
//! after every real one; replaying the frame fills in the number.

/// The length of an encoded place, in bytes.
pub const ORDER_BYTES: usize = 12;

/// Frame numbers at and above this are provisional.
pub const PROVISIONAL: u64 = 1 << 63;

/// A place in the order of insertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Order {
    /// Base + frame number; if provisional, `PROVISIONAL` + the number of the call in its realm.
    pub frame: u64,
    /// The index among the insertions of the frame, or of the call while provisional.
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

    /// Decodes 12 bytes; `None` for any other length.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (frame, slot) = bytes.split_first_chunk::<8>()?;
        Some(Self {
            frame: u64::from_be_bytes(*frame),
            slot: u32::from_be_bytes(slot.try_into().ok()?),
        })
    }

    /// Whether the place is provisional: its frame is not committed yet.
    #[must_use]
    pub const fn is_provisional(self) -> bool {
        self.frame >= PROVISIONAL
    }
}
