//! Different values, found again by their equality.

use crate::codec::value::compare::equal;
use crate::codec::value::{BigInt, Value};

/// Different values, numbered from 0 as they came: a hash table with open addressing.
#[derive(Default)]
pub(super) struct Values {
    values: Vec<Value>,
    hashes: Vec<u64>,
    /// The number of a value, and one; 0: free. Twice as many as values, or more: a power of two.
    slots: Vec<u32>,
}

const FEWEST_SLOTS: usize = 16;

impl Values {
    /// The values, by their numbers.
    pub fn all(&self) -> &[Value] {
        &self.values
    }

    /// Takes them out.
    pub fn take(&mut self) -> Vec<Value> {
        std::mem::take(self).values
    }

    /// The number of the value that equals this one.
    pub fn find(&self, value: &Value) -> Option<usize> {
        self.look(hash(value), value).ok()
    }

    /// Adds a value, if none equals it: the number of that, and whether it is new.
    pub fn add(&mut self, value: Value) -> (usize, bool) {
        if self.slots.len() <= 2 * self.values.len() {
            self.grow();
        }
        let hash = hash(&value);
        match self.look(hash, &value) {
            Ok(number) => (number, false),
            Err(slot) => {
                let number = self.values.len();
                if let Some(slot) = self.slots.get_mut(slot) {
                    *slot = number as u32 + 1;
                }
                self.values.push(value);
                self.hashes.push(hash);
                (number, true)
            }
        }
    }

    /// The number of an equal value, or else the slot where one would be.
    fn look(&self, hash: u64, value: &Value) -> Result<usize, usize> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut slot = hash as usize & mask;
        while let Some(number) = self.number_in(slot) {
            let is_it = self.hashes.get(number) == Some(&hash)
                && (self.values.get(number)).is_some_and(|known| equal(known, value));
            if is_it {
                return Ok(number);
            }
            slot = (slot + 1) & mask;
        }
        Err(slot)
    }

    fn number_in(&self, slot: usize) -> Option<usize> {
        Some(self.slots.get(slot)?.checked_sub(1)? as usize)
    }

    fn grow(&mut self) {
        let count = (2 * self.slots.len()).max(FEWEST_SLOTS);
        self.slots.clear();
        self.slots.resize(count, 0);
        for (number, hash) in self.hashes.iter().enumerate() {
            let mut at = *hash as usize & (count - 1);
            while self.number_in(at).is_some() {
                at = (at + 1) & (count - 1);
            }
            if let Some(slot) = self.slots.get_mut(at) {
                *slot = number as u32 + 1;
            }
        }
    }
}

/// The same for equal values.
fn hash(value: &Value) -> u64 {
    match value {
        Value::Undefined => 0,
        Value::Null => 1,
        Value::Bool(value) => 2 + u64::from(*value),
        Value::Number(number) => hash_number(4, *number),
        Value::BigInt(number) => hash_number(4, nearest(number)),
        Value::Date(time) => hash_number(5, *time),
        Value::String(text) => hash_bytes(6, text.as_bytes()),
        Value::Bytes(_, content) | Value::Blob(_, content) | Value::File { content, .. } => {
            hash_bytes(7, content)
        }
        Value::Attached { id, .. } => hash_bytes(8, &id.0),
        Value::BlobRef { hash, .. } => hash_bytes(13, hash),
        Value::Array(items) => items.iter().fold(9, |so_far, item| mix(so_far, hash(item))),
        // In any order.
        Value::Set(items) => (items.iter()).fold(10, |sum, item| sum.wrapping_add(spread(item))),
        Value::Map(entries) => entries.iter().fold(11, |sum, (key, value)| {
            sum.wrapping_add(mix(hash(key), hash(value)))
        }),
        Value::Object(properties) => {
            let there = properties
                .iter()
                .filter(|(_, value)| *value != Value::Undefined);
            there.fold(12, |sum, (name, value)| {
                sum.wrapping_add(mix(hash_bytes(6, name.as_bytes()), hash(value)))
            })
        }
    }
}

fn spread(value: &Value) -> u64 {
    mix(10, hash(value))
}

fn mix(so_far: u64, more: u64) -> u64 {
    let mixed = (so_far.rotate_left(23) ^ more).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^ (mixed >> 29)
}

fn hash_bytes(kind: u64, bytes: &[u8]) -> u64 {
    let mixed = bytes.chunks(8).fold(kind, |so_far, chunk| {
        let mut word = [0; 8];
        word.iter_mut()
            .zip(chunk)
            .for_each(|(to, from)| *to = *from);
        mix(so_far, u64::from_le_bytes(word))
    });
    mix(mixed, bytes.len() as u64)
}

fn hash_number(kind: u64, number: f64) -> u64 {
    // NaN equals NaN, and 0 equals -0.
    let same = if number.is_nan() {
        f64::NAN
    } else {
        number + 0.0
    };
    mix(kind, same.to_bits())
}

/// A number that is this one's value, where there is such a number.
fn nearest(number: &BigInt) -> f64 {
    let first = number.magnitude.len().saturating_sub(8);
    let highest = number.magnitude.iter().skip(first).rev();
    let highest = highest.fold(0u64, |so_far, byte| so_far << 8 | u64::from(*byte));
    let mut value = highest as f64;
    for _ in 0..first {
        if value.is_infinite() {
            break;
        }
        value *= 256.0;
    }
    if number.negative { -value } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::value::testing::any_value;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn a_value_is_found_again_by_those_that_equal_it(
            values in prop::collection::vec(any_value(), 0..60),
        ) {
            let mut known = Values::default();
            let mut first: Vec<Value> = Vec::new();
            for value in values {
                let expected = first.iter().position(|other| equal(other, &value));
                prop_assert_eq!(known.find(&value), expected);
                let number = expected.unwrap_or(first.len());
                prop_assert_eq!(known.add(value.clone()), (number, expected.is_none()));
                if expected.is_none() {
                    first.push(value);
                }
            }
            let kept = known.take();
            prop_assert!(kept.iter().zip(&first).all(|(a, b)| equal(a, b)) && kept.len() == first.len());
        }
    }

    fn big(negative: bool, magnitude: &[u8]) -> Value {
        let magnitude = magnitude.to_vec();
        Value::BigInt(BigInt {
            negative,
            magnitude,
        })
    }

    #[test]
    fn numbers_equal_bigints_and_bytes_their_content() {
        let mut shifted = vec![0; 64];
        shifted.extend([0x34, 0x12]);
        let pairs = [
            (Value::Number(2.0), big(false, &[2])),
            (Value::Number(-0.0), big(false, &[])),
            (Value::Number(-258.0), big(true, &[2, 1])),
            (
                Value::Number(f64::from(0x1234) * 2f64.powi(512)),
                big(false, &shifted),
            ),
        ];
        let mut known = Values::default();
        for (at, (number, bigint)) in pairs.into_iter().enumerate() {
            assert_eq!(known.add(number), (at, true));
            assert_eq!(known.add(bigint), (at, false));
        }
        let mut many = Values::default();
        for n in 0..10_000 {
            assert_eq!(many.add(Value::Number(f64::from(n))), (n as usize, true));
        }
        assert_eq!(many.find(&big(false, &[0x10, 0x27])), None);
        assert_eq!(many.find(&big(false, &[0x0F, 0x27])), Some(9_999));
    }
}
