//! The order of values, which is their equality in queries, too.

use std::cmp::Ordering;

use super::{BigInt, Value};
use crate::codec::js_string::JsString;

/// The properties that are not `undefined`, by name.
fn sorted_properties(properties: &[(JsString, Value)]) -> Vec<(&JsString, &Value)> {
    let mut sorted: Vec<_> = properties
        .iter()
        .filter(|(_, value)| *value != Value::Undefined)
        .map(|(name, value)| (name, value))
        .collect();
    sorted.sort_unstable_by_key(|(name, _)| *name);
    sorted
}

/// The order. Types sort as: undefined, null, boolean, number and bigint together, string, Date, bytes
/// (buffers, Blobs and Files, by their content), array, object, Map, Set, reference to a content (by its hash). Within a type: false
/// before true; NaN below all numbers; strings by code units; bytes and arrays element by element, the shorter
/// first; objects by their sorted names, then by their values; Maps and Sets by their sorted entries. The content of a
/// Blob beside its value is not at hand: such come behind other bytes, by their names.
#[must_use]
pub fn order(a: &Value, b: &Value) -> Ordering {
    // Sorted once, from the inside out: sorting at every level would double the time with each.
    match (has_no_order(a), has_no_order(b)) {
        (true, true) => compare(&sorted(a), &sorted(b)),
        (true, false) => compare(&sorted(a), b),
        (false, true) => compare(a, &sorted(b)),
        (false, false) => compare(a, b),
    }
}

/// Deep equality: neither sorts before the other. So the order of properties and of the entries of Maps and Sets is
/// irrelevant; NaN equals NaN, -0 equals 0, and a bigint the number of its value; a property that is `undefined` equals an
/// absent one; bytes of any kind are equal if their content is.
#[must_use]
pub fn equal(a: &Value, b: &Value) -> bool {
    order(a, b).is_eq()
}

/// Whether a value contains a Set or a Map.
fn has_no_order(value: &Value) -> bool {
    match value {
        Value::Set(_) | Value::Map(_) => true,
        Value::Array(items) => items.iter().any(has_no_order),
        Value::Object(properties) => properties.iter().any(|(_, value)| has_no_order(value)),
        _ => false,
    }
}

/// The value with the entries of all Sets and Maps sorted.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        Value::Object(properties) => {
            let sorted = |(name, value): &(JsString, Value)| (name.clone(), sorted(value));
            Value::Object(properties.iter().map(sorted).collect())
        }
        Value::Set(items) => {
            let mut items: Vec<_> = items.iter().map(sorted).collect();
            items.sort_unstable_by(compare);
            Value::Set(items)
        }
        Value::Map(entries) => {
            let sorted = |(key, value): &(Value, Value)| (sorted(key), sorted(value));
            let mut entries: Vec<_> = entries.iter().map(sorted).collect();
            entries.sort_unstable_by(|a, b| compare(&a.0, &b.0).then_with(|| compare(&a.1, &b.1)));
            Value::Map(entries)
        }
        other => other.clone(),
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Undefined => 0,
        Value::Null => 1,
        Value::Bool(_) => 2,
        Value::Number(_) | Value::BigInt(_) => 3,
        Value::String(_) => 4,
        Value::Date(_) => 5,
        Value::Bytes(..) | Value::Blob(..) | Value::File { .. } | Value::Attached { .. } => 6,
        Value::Array(_) => 7,
        Value::Object(_) => 8,
        Value::Map(_) => 9,
        Value::Set(_) => 10,
        Value::BlobRef { .. } => 11,
    }
}

/// The order of values whose Sets and Maps are sorted.
fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) | (Value::Date(a), Value::Date(b)) => {
            compare_numbers(*a, *b)
        }
        (Value::BigInt(a), Value::BigInt(b)) => compare_bigints(a, b),
        (Value::Number(a), Value::BigInt(b)) => compare_mixed(*a, b),
        (Value::BigInt(a), Value::Number(b)) => compare_mixed(*b, a).reverse(),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Array(a), Value::Array(b)) | (Value::Set(a), Value::Set(b)) => {
            let pairs = a.iter().zip(b).map(|(a, b)| compare(a, b));
            first_difference(pairs).then(a.len().cmp(&b.len()))
        }
        (Value::BlobRef { hash: a, .. }, Value::BlobRef { hash: b, .. }) => a.cmp(b),
        (Value::Object(a), Value::Object(b)) => compare_objects(a, b),
        (Value::Map(a), Value::Map(b)) => {
            let pairs = a.iter().zip(b);
            let pairs = pairs.map(|(a, b)| compare(&a.0, &b.0).then_with(|| compare(&a.1, &b.1)));
            first_difference(pairs).then(a.len().cmp(&b.len()))
        }
        _ => match (content(a), content(b)) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => rank(a).cmp(&rank(b)),
        },
    }
}

fn first_difference(mut pairs: impl Iterator<Item = Ordering>) -> Ordering {
    pairs.find(|found| found.is_ne()).unwrap_or(Ordering::Equal)
}

fn compare_objects(a: &[(JsString, Value)], b: &[(JsString, Value)]) -> Ordering {
    let (a, b) = (sorted_properties(a), sorted_properties(b));
    let names = a.iter().map(|(name, _)| name);
    let names = names.cmp(b.iter().map(|(name, _)| name));
    names.then_with(|| first_difference(a.iter().zip(&b).map(|((_, a), (_, b))| compare(a, b))))
}

/// The content of a buffer, Blob or File; of one beside its value, the name, which permanently identifies one content.
fn content(value: &Value) -> Option<(bool, &[u8])> {
    match value {
        Value::Bytes(_, content) | Value::Blob(_, content) | Value::File { content, .. } => {
            Some((false, content))
        }
        Value::Attached { id, .. } => Some((true, &id.0)),
        _ => None,
    }
}

/// How two values compare if operators of comparison take them: they are of one kind, and neither is NaN.
#[must_use]
pub fn within_kind(a: &Value, b: &Value) -> Option<Ordering> {
    let is_comparable = |value: &Value| match value {
        Value::Number(number) | Value::Date(number) => !number.is_nan(),
        Value::Bool(_) | Value::BigInt(_) | Value::String(_) => true,
        Value::Bytes(..) | Value::Blob(..) | Value::File { .. } => true,
        _ => false,
    };
    let is_same = rank(a) == rank(b) && is_comparable(a) && is_comparable(b);
    is_same.then(|| compare(a, b))
}

fn compare_numbers(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b)
        .unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

fn compare_bigints(a: &BigInt, b: &BigInt) -> Ordering {
    let magnitudes = compare_magnitudes(&a.magnitude, &b.magnitude);
    match (a.negative, b.negative) {
        (false, false) => magnitudes,
        (true, true) => magnitudes.reverse(),
        (a, b) => b.cmp(&a),
    }
}

fn compare_magnitudes(a: &[u8], b: &[u8]) -> Ordering {
    a.len()
        .cmp(&b.len())
        .then_with(|| a.iter().rev().cmp(b.iter().rev()))
}

/// Compares exactly, even if no number equals the bigint.
fn compare_mixed(a: f64, b: &BigInt) -> Ordering {
    if a.is_nan() {
        return Ordering::Less;
    }
    let b_sign = if b.negative { -1.0 } else { 1.0 };
    if b.magnitude.is_empty() || a * b_sign <= 0.0 {
        let b_side = if b.magnitude.is_empty() { 0.0 } else { b_sign };
        return compare_numbers(a, b_side);
    }
    if a.is_infinite() {
        return compare_numbers(a, 0.0);
    }
    let whole = magnitude_of(a.abs().trunc());
    let magnitudes = compare_magnitudes(&whole, &b.magnitude).then(if a.fract() == 0.0 {
        Ordering::Equal
    } else {
        Ordering::Greater
    });
    if b.negative {
        magnitudes.reverse()
    } else {
        magnitudes
    }
}

/// The bigint that equals a number; `None` if there is none.
#[must_use]
pub fn whole(number: f64) -> Option<BigInt> {
    (number.is_finite() && number.fract() == 0.0).then(|| BigInt {
        negative: number < 0.0,
        magnitude: magnitude_of(number.abs()),
    })
}

/// The little-endian magnitude of a non-negative whole number.
fn magnitude_of(number: f64) -> Vec<u8> {
    let bits = number.to_bits();
    let exponent = (bits >> 52 & 0x7FF) as usize;
    let mantissa = bits & ((1 << 52) - 1) | 1 << 52;
    if exponent < 1023 {
        return Vec::new();
    }
    let shift = exponent - 1023;
    let (bytes, value) = if shift <= 52 {
        (0, u128::from(mantissa >> (52 - shift)))
    } else {
        ((shift - 52) / 8, u128::from(mantissa) << ((shift - 52) % 8))
    };
    let mut out = vec![0; bytes];
    out.extend(value.to_le_bytes());
    let used = out
        .iter()
        .rposition(|&byte| byte != 0)
        .map_or(0, |at| at + 1);
    out.truncate(used);
    out
}

#[cfg(test)]
mod tests;
