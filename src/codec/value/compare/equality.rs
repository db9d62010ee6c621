//! Equality of values as queries define it.

use super::{sorted_properties, total};
use crate::codec::js_string::JsString;
use crate::codec::value::Value;

/// Deep equality. The order of properties and of the entries of Maps and Sets is irrelevant;
/// NaN equals NaN, -0 equals 0; a property that is `undefined` equals an absent one.
/// Blobs beside their values are equal if they have the same name.
/// Buffers are equal if their kinds and bytes are. A number never equals a bigint.
#[must_use]
pub fn equal(a: &Value, b: &Value) -> bool {
    // Sort once, from the inside out. Comparing unsorted and then sorting at every level would double the time
    // with each level.
    alike(a, b) || (has_no_order(a) && alike(&sorted(a), &sorted(b)))
}

/// Like [`equal`], but the order of the entries of Sets and Maps matters.
fn alike(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) | (Value::Set(a), Value::Set(b)) => alike_lists(a, b),
        (Value::Object(a), Value::Object(b)) => alike_objects(a, b),
        (Value::Map(a), Value::Map(b)) => {
            let same =
                |(a, b): (&(Value, Value), &(Value, Value))| alike(&a.0, &b.0) && alike(&a.1, &b.1);
            a.len() == b.len() && a.iter().zip(b).all(same)
        }
        (Value::Number(a), Value::Number(b)) | (Value::Date(a), Value::Date(b)) => {
            same_number(*a, *b)
        }
        (
            Value::File {
                modified_ms: a_ms,
                name: a_name,
                media_type: a_type,
                content: a,
            },
            Value::File {
                modified_ms: b_ms,
                name: b_name,
                media_type: b_type,
                content: b,
            },
        ) => same_number(*a_ms, *b_ms) && a_name == b_name && a_type == b_type && a == b,
        (Value::Attached { id: a, .. }, Value::Attached { id: b, .. }) => a == b,
        _ => a == b,
    }
}

fn same_number(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan())
}

fn alike_lists(a: &[Value], b: &[Value]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b))
}

fn alike_objects(a: &[(JsString, Value)], b: &[(JsString, Value)]) -> bool {
    let same_order = a.len() == b.len()
        && a.iter()
            .zip(b)
            .all(|((a_name, _), (b_name, _))| a_name == b_name);
    if same_order {
        return a.iter().zip(b).all(|((_, a), (_, b))| alike(a, b));
    }
    let (a, b) = (sorted_properties(a), sorted_properties(b));
    a.len() == b.len()
        && a.iter()
            .zip(&b)
            .all(|((a_name, a), (b_name, b))| a_name == b_name && alike(a, b))
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
        Value::Object(properties) => Value::Object(
            properties
                .iter()
                .map(|(name, value)| (name.clone(), sorted(value)))
                .collect(),
        ),
        Value::Set(items) => {
            let mut items: Vec<_> = items.iter().map(sorted).collect();
            items.sort_by(total);
            Value::Set(items)
        }
        Value::Map(entries) => {
            let mut entries: Vec<_> = entries
                .iter()
                .map(|(k, v)| (sorted(k), sorted(v)))
                .collect();
            entries.sort_by(|a, b| total(&a.0, &b.0).then_with(|| total(&a.1, &b.1)));
            Value::Map(entries)
        }
        other => other.clone(),
    }
}
