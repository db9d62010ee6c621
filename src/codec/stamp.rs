//! Stamps: when a write took place, by a hybrid logical clock.
//!
//! Kulkarni, Demirbas, Madappa, Avva, Leone: "Logical Physical Clocks", OPODIS 2014. A stamp is a wall time in ms since
//! the epoch and a counter; as text it is 12 hex digits of ms, 5 of the counter, and the id of the device, so that texts
//! sort as stamps do. Several tabs share one device, so a stamp follows from the place in the log: every replayer counts
//! on from the frame before, or from the frame's wall time, if that is later. Until the commit it is a *hole*.
//!
//! A value that ends in a stamp begins with [`STAMPED`], which no other value does, and its last [`STAMP_BYTES`] bytes
//! are
//!
//! ```text
//! 8  ms since the epoch, big-endian; in a hole PROVISIONAL + 2^62 (+ the number of the call, before it is sealed)
//! 4  counter, below 2^20; in a hole the slot
//! ```

use bytes::Bytes;

use super::order::{Order, PROVISIONAL};

/// The first byte of a value that ends in a stamp.
pub const STAMPED: u8 = 0xC5;
/// Bytes of an encoded stamp.
pub const STAMP_BYTES: usize = 12;
/// The ms of a hole.
pub const HOLE: u64 = PROVISIONAL | (1 << 62);
/// Counters lie below this.
const COUNTERS: u64 = 1 << 20;
/// Hex digits of the ms, and of the counter.
const DIGITS: (usize, usize) = (12, 5);
/// Half of what a stamp can hold: the year 6429.
pub const MAX_WALL_MS: u64 = 1 << 47;
/// The latest ms of a stamp.
pub const MAX_MS: u64 = (1 << 48) - 1;

/// When a write took place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Stamp {
    /// Wall time, ms since the epoch.
    pub ms: u64,
    /// Which of those that have the same ms; below 2^20.
    pub counter: u32,
}

/// What goes into the holes of a frame's cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Fill {
    /// Into orders: base + number of the frame; 0: not known yet.
    pub frame: u64,
    /// Into stamps: that of slot 0.
    pub stamp: Stamp,
}

impl Stamp {
    /// The stamp so many places further on; a carry goes into the ms.
    #[must_use]
    pub const fn plus(self, count: u32) -> Self {
        let sum = self.counter as u64 + count as u64;
        let ms = self.ms + sum / COUNTERS;
        Self {
            ms: if ms > MAX_MS { MAX_MS } else { ms },
            counter: (sum % COUNTERS) as u32,
        }
    }

    /// The first one that a frame of this wall time may have, where this one is the next. Wall times from [`MAX_WALL_MS`]
    /// on are those of a broken clock, and do not count: stamps must not come to their end.
    #[must_use]
    pub const fn not_before(self, wall_ms: u64) -> Self {
        if wall_ms > self.ms && wall_ms < MAX_WALL_MS {
            Self {
                ms: wall_ms,
                counter: 0,
            }
        } else {
            self
        }
    }

    /// The encoded stamp.
    #[must_use]
    pub fn to_bytes(self) -> [u8; STAMP_BYTES] {
        let Self { ms, counter } = self;
        Order {
            frame: ms,
            slot: counter,
        }
        .to_bytes()
    }

    /// Reads an encoded stamp; `None` for anything else, a hole too.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let Order { frame, slot } = Order::from_bytes(bytes)?;
        let is_stamp = frame <= MAX_MS && u64::from(slot) < COUNTERS;
        is_stamp.then_some(Self {
            ms: frame,
            counter: slot,
        })
    }

    /// The digits, without the device.
    #[must_use]
    pub fn digits(self) -> String {
        let mut out = String::with_capacity(DIGITS.0 + DIGITS.1);
        put_hex(&mut out, self.ms, DIGITS.0);
        put_hex(&mut out, u64::from(self.counter), DIGITS.1);
        out
    }

    /// Reads the digits that a text begins with, and the rest.
    #[must_use]
    pub fn from_digits(text: &[u8]) -> Option<(Self, &[u8])> {
        let (ms, rest) = hex(text, DIGITS.0)?;
        let (counter, rest) = hex(rest, DIGITS.1)?;
        let counter = counter as u32;
        Some((Self { ms, counter }, rest))
    }
}

fn put_hex(out: &mut String, number: u64, digits: usize) {
    for at in (0..digits).rev() {
        let digit = (number >> (4 * at)) & 15;
        out.push(char::from_digit(digit as u32, 16).unwrap_or('0'));
    }
}

/// Lower-case digits alone: what is equal must look equal.
fn hex(text: &[u8], digits: usize) -> Option<(u64, &[u8])> {
    let (digits, rest) = text.split_at_checked(digits)?;
    let mut number = 0;
    for digit in digits {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        number = number << 4 | u64::from(value);
    }
    Some((number, rest))
}

/// What a stamp that a call takes is until the commit, given its place in the order of insertion.
#[must_use]
pub const fn hole(order: Order) -> Order {
    Order {
        frame: order.frame | HOLE,
        slot: order.slot,
    }
}

/// The hole that a value ends in, if it does.
#[must_use]
pub fn hole_of(value: &[u8]) -> Option<Order> {
    if value.first() != Some(&STAMPED) {
        return None;
    }
    let at = value.len().checked_sub(STAMP_BYTES)?;
    let order = Order::from_bytes(value.get(at..)?)?;
    (order.frame >= HOLE).then_some(order)
}

/// The value with other bytes in place of its last [`STAMP_BYTES`].
#[must_use]
pub fn with_tail(value: &[u8], tail: [u8; STAMP_BYTES]) -> Bytes {
    let mut out = value.to_vec();
    let at = out.len().saturating_sub(STAMP_BYTES);
    if let Some(end) = out.get_mut(at..) {
        end.copy_from_slice(&tail);
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_sort_as_stamps_do_and_are_read_back() {
        let stamp = Stamp {
            ms: 0x0123_4567_89ab,
            counter: 0xcdef1,
        };
        assert_eq!(stamp.digits(), "0123456789abcdef1");
        assert_eq!(
            Stamp::from_digits(b"0123456789abcdef1me"),
            Some((stamp, &b"me"[..]))
        );
        for wrong in [
            "",
            "0123456789abcdef",
            "0123456789ABcdef1",
            "0123456789abcdeg1",
        ] {
            assert_eq!(Stamp::from_digits(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn a_counter_that_is_full_carries() {
        let last = Stamp {
            ms: 7,
            counter: (1 << 20) - 1,
        };
        assert_eq!(last.plus(1), Stamp { ms: 8, counter: 0 });
        assert_eq!(last.plus(1 << 21).ms, 9);
        assert_eq!(last.not_before(7), last);
        assert_eq!(last.not_before(8), Stamp { ms: 8, counter: 0 });
        assert_eq!(last.not_before(u64::MAX), last);
    }

    #[test]
    fn only_values_that_say_so_end_in_a_hole() {
        let order = hole(Order {
            frame: PROVISIONAL + 5,
            slot: 3,
        });
        let mut value = vec![STAMPED, 1, 2];
        value.extend(order.to_bytes());
        assert_eq!(hole_of(&value), Some(order));
        value[0] = 1;
        assert_eq!(hole_of(&value), None);
        assert_eq!(hole_of(&[STAMPED]), None);
        assert_eq!(Stamp::from_bytes(&order.to_bytes()), None);
    }

    proptest! {
        #[test]
        fn what_comes_later_is_greater(ms in 0..MAX_MS / 2, counter in 0u32..1 << 20, a in 0u32..1 << 21, b in 1u32..1 << 21, wall in 0..MAX_WALL_MS) {
            let stamp = Stamp { ms, counter };
            prop_assert!(stamp.plus(a) < stamp.plus(a + b));
            prop_assert_eq!(stamp.plus(a).plus(b), stamp.plus(a + b));
            prop_assert!(stamp.not_before(wall) >= stamp);
            let texts = (stamp.plus(a).digits(), stamp.plus(a + b).digits());
            prop_assert!(texts.0 < texts.1);
            prop_assert_eq!(Stamp::from_bytes(&stamp.to_bytes()), Some(stamp));
        }
    }
}
