//! The sort order of values, and their equality in queries.

use std::cmp::Ordering;

use super::{BigInt, Value};
use crate::codec::js_string::JsString;

mod equality;

pub use equality::equal;

/// The properties that are not `undefined`, by name.
fn sorted_properties(properties: &[(JsString, Value)]) -> Vec<(&JsString, &Value)> {
    let mut sorted: Vec<_> = properties
        .iter()
        .filter(|(_, value)| *value != Value::Undefined)
        .map(|(name, value)| (name, value))
        .collect();
    sorted.sort_by(|(a, _), (b, _)| a.as_bytes().cmp(b.as_bytes()));
    sorted
}

/// The sort order. Types sort as: undefined, null, boolean, number and bigint together, string, Date, bytes
/// (buffers, Blobs and Files; those beside the value by their names), array, object, Map, Set. Within a type: false
/// before true; NaN below all numbers; strings by code units; bytes and arrays element by element, the shorter
/// first; objects by their sorted names, then by their values.
#[must_use]
pub fn order(a: &Value, b: &Value) -> Ordering {
    compare(a, b, false)
}

/// Like [`order`], but only values that are [`equal`] compare equal, apart from the order in Sets and Maps.
fn total(a: &Value, b: &Value) -> Ordering {
    compare(a, b, true)
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
    }
}

fn compare(a: &Value, b: &Value, total: bool) -> Ordering {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) | (Value::Date(a), Value::Date(b)) => {
            compare_numbers(*a, *b)
        }
        (Value::BigInt(a), Value::BigInt(b)) => compare_bigints(a, b),
        (Value::Number(a), Value::BigInt(b)) => tie(compare_mixed(*a, b), total, Ordering::Less),
        (Value::BigInt(a), Value::Number(b)) => {
            tie(compare_mixed(*b, a).reverse(), total, Ordering::Greater)
        }
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Array(a), Value::Array(b)) => compare_lists(a, b, total),
        (Value::Set(a), Value::Set(b)) => compare_lists(a, b, total),
        (Value::Object(a), Value::Object(b)) => compare_objects(a, b, total),
        (Value::Map(a), Value::Map(b)) => {
            let pairs = a
                .iter()
                .zip(b)
                .map(|(a, b)| compare(&a.0, &b.0, total).then_with(|| compare(&a.1, &b.1, total)));
            first_difference(pairs).then(a.len().cmp(&b.len()))
        }
        _ => match (content(a), content(b)) {
            (Some((a_bytes, a_kind)), Some((b_bytes, b_kind))) => {
                let bytes = a_bytes.cmp(b_bytes);
                if total {
                    bytes.then_with(|| a_kind.cmp(&b_kind))
                } else {
                    bytes
                }
            }
            _ => rank(a).cmp(&rank(b)),
        },
    }
}

fn tie(found: Ordering, total: bool, otherwise: Ordering) -> Ordering {
    if total { found.then(otherwise) } else { found }
}

fn first_difference(mut pairs: impl Iterator<Item = Ordering>) -> Ordering {
    pairs.find(|found| found.is_ne()).unwrap_or(Ordering::Equal)
}

fn compare_lists(a: &[Value], b: &[Value], total: bool) -> Ordering {
    let pairs = a.iter().zip(b).map(|(a, b)| compare(a, b, total));
    first_difference(pairs).then(a.len().cmp(&b.len()))
}

fn compare_objects(a: &[(JsString, Value)], b: &[(JsString, Value)], total: bool) -> Ordering {
    let (a, b) = (sorted_properties(a), sorted_properties(b));
    let names = a
        .iter()
        .map(|(name, _)| name)
        .cmp(b.iter().map(|(name, _)| name));
    names.then_with(|| {
        first_difference(
            a.iter()
                .zip(&b)
                .map(|((_, a), (_, b))| compare(a, b, total)),
        )
    })
}

/// Distinguishes bytes with the same content: kind, type, name, time.
type Label<'a> = (u8, &'a [u8], &'a [u8], u64);

/// The content of a buffer, Blob or File, and its label.
fn content(value: &Value) -> Option<(&[u8], Label<'_>)> {
    match value {
        Value::Bytes(kind, content) => Some((content, (kind.number(), &[], &[], 0))),
        Value::Blob(media_type, content) => Some((content, (0xFE, media_type.as_bytes(), &[], 0))),
        Value::File {
            name,
            media_type,
            modified_ms,
            content,
        } => Some((
            content,
            (
                0xFF,
                media_type.as_bytes(),
                name.as_bytes(),
                modified_ms.to_bits(),
            ),
        )),
        // A name permanently identifies one content.
        Value::Attached { id, .. } => Some((&id.0, (0xFD, &[], &[], 0))),
        _ => None,
    }
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
