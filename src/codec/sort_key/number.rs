//! Numbers and bigints in sort keys.

use super::encode::{Encoder, Step, Stop};
use crate::codec::kinds::sort;
use crate::codec::value::{BigInt, Value};

/// Significant bits of an f64.
const SIGNIFICANT: usize = 53;
/// An f64 is below two to the power of this.
const BEYOND: usize = 1024;
/// Bytes of a bigint that is made from its key: its place alone could claim half a GiB.
const MAX_MAGNITUDE: usize = 2 << 10;
/// What the exponent of an f64 is stored with.
const BIAS: u64 = 1023;

impl Encoder {
    pub fn number(&mut self, number: f64) -> Step {
        if number.is_nan() {
            self.out.push(sort::NAN);
        } else if number == 0.0 {
            self.out.push(sort::ZERO);
        } else if number.is_infinite() {
            self.out.push(if number < 0.0 {
                sort::MINUS_INFINITY
            } else {
                sort::INFINITY
            });
        } else {
            let start = self.out.len();
            self.out.push(sort::POSITIVE);
            self.out.extend(number.abs().to_bits().to_be_bytes());
            self.out.push(sort::END);
            self.negate(start, number < 0.0);
        }
        self.room().map(drop)
    }

    pub fn bigint(&mut self, negative: bool, magnitude: &[u8]) -> Step {
        let bits = bits_of(magnitude);
        let start = self.out.len();
        if bits == 0 {
            self.out.push(sort::ZERO);
            return self.room().map(drop);
        }
        let below = if bits > BEYOND {
            // No value is so large that its bits do not fit.
            let place = u32::try_from(bits - 1).map_err(|_| Stop::Full)?;
            self.out.push(sort::HUGE);
            self.out.extend(place.to_be_bytes());
            bits - 1
        } else {
            let below = bits.saturating_sub(SIGNIFICANT);
            self.out.push(sort::POSITIVE);
            let number = float(window(magnitude, below), bits);
            self.out.extend(number.to_be_bytes());
            below
        };
        let outcome = self.bits(magnitude, below);
        self.negate(start, negative);
        outcome
    }

    /// The bits below the one at `top`, left-aligned and escaped.
    fn bits(&mut self, magnitude: &[u8], top: usize) -> Step {
        let lowest = magnitude.iter().position(|&byte| byte != 0).unwrap_or(0);
        let byte = magnitude.get(lowest).copied().unwrap_or_default();
        let lowest = 8 * lowest + byte.trailing_zeros() as usize;
        let mut top = top;
        while top > lowest {
            self.room()?;
            self.escaped(rest_of(magnitude, top));
            top = top.saturating_sub(8);
        }
        self.out.push(sort::END);
        self.room().map(drop)
    }

    /// Turns what is written of a magnitude, from `start` on, into what it is for a negative number.
    fn negate(&mut self, start: usize, negative: bool) {
        if !negative {
            return;
        }
        let mut written = self.out.iter_mut().skip(start);
        if let Some(kind) = written.next() {
            *kind = sort::POSITIVE + sort::NEGATIVE - *kind;
        }
        written.for_each(|byte| *byte = !*byte);
    }
}

/// How many bits a little-endian magnitude has, from its leading one on.
fn bits_of(magnitude: &[u8]) -> usize {
    let last = magnitude.iter().rposition(|&byte| byte != 0);
    let bits = |at: usize| {
        let byte = magnitude.get(at).copied().unwrap_or_default();
        8 * (at + 1) - byte.leading_zeros() as usize
    };
    last.map_or(0, bits)
}

/// 64 bits from the one at `low` on.
fn window(magnitude: &[u8], low: usize) -> u64 {
    let from = magnitude.get(low / 8..).unwrap_or_default();
    let mut bytes = [0; 16];
    for (to, byte) in bytes.iter_mut().zip(from).take(9) {
        *to = *byte;
    }
    (u128::from_le_bytes(bytes) >> (low % 8)) as u64
}

/// The eight bits below the one at `top`; below bit 0 there are zeros.
fn rest_of(magnitude: &[u8], top: usize) -> u8 {
    match top.checked_sub(8) {
        Some(low) => window(magnitude, low) as u8,
        None => (window(magnitude, 0) << (8 - top)) as u8,
    }
}

/// The bits of the f64 with these leading bits, at most 53, of a whole number of so many bits.
fn float(leading: u64, bits: usize) -> u64 {
    if bits <= SIGNIFICANT {
        return (leading as f64).to_bits();
    }
    let fraction = leading & ((1 << (SIGNIFICANT - 1)) - 1);
    (bits as u64 - 1 + BIAS) << (SIGNIFICANT - 1) | fraction
}

/// The number of a key of kind 09 or 07, from the bits of its f64 and those below.
pub(super) fn ordinary(bits: u64, below: &[u8], negative: bool) -> Option<Value> {
    let number = f64::from_bits(bits);
    if !(number > 0.0 && number.is_finite()) {
        return None;
    }
    if below.is_empty() {
        return Some(Value::Number(if negative { -number } else { number }));
    }
    let exponent = usize::try_from((bits >> (SIGNIFICANT - 1)).checked_sub(BIAS)?).ok()?;
    let shift = exponent.checked_sub(SIGNIFICANT - 1)?;
    let leading = bits & ((1 << (SIGNIFICANT - 1)) - 1) | 1 << (SIGNIFICANT - 1);
    whole(leading, shift, below, negative)
}

/// Of kind 0A or 06, from the place of the leading bit and the bits below; `Ok(None)` where that would be too much memory.
pub(super) fn huge(place: u32, below: &[u8], negative: bool) -> Option<Option<Value>> {
    let place = usize::try_from(place).ok()?;
    if place < BEYOND {
        return None;
    }
    if place / 8 >= MAX_MAGNITUDE {
        return Some(None);
    }
    whole(1, place, below, negative).map(Some)
}

/// The leading bits, `shift` places up, and the bits below; `None` if these have no such place.
fn whole(leading: u64, shift: usize, below: &[u8], negative: bool) -> Option<Value> {
    let mut magnitude = vec![0; (shift + SIGNIFICANT).div_ceil(8) + 1];
    let mut add = |bits: u64, low: usize| {
        let bits = (u128::from(bits) << (low % 8)).to_le_bytes();
        for (to, byte) in magnitude.iter_mut().skip(low / 8).zip(bits) {
            *to |= byte;
        }
    };
    add(leading, shift);
    let mut top = shift;
    for &byte in below {
        match top.checked_sub(8) {
            Some(low) => add(u64::from(byte), low),
            None if u32::from(byte).trailing_zeros() as usize + top >= 8 => {
                add(u64::from(byte) >> (8 - top), 0);
            }
            None => return None,
        }
        top = top.saturating_sub(8);
    }
    if below.last() == Some(&0) {
        return None;
    }
    magnitude.truncate(bits_of(&magnitude).div_ceil(8));
    Some(Value::BigInt(BigInt {
        negative,
        magnitude,
    }))
}
