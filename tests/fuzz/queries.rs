//! What queries make of two stored values.

use super::values::{a_json_value, an_exact_value, leaf, stored, value};
use fastrand::Rng;
use patchstore::codec::io::{Input, put_bytes};
use patchstore::codec::value::Value;
use patchstore::codec::value::compare::{equal, order};
use patchstore::models::query::Query;

/// The value with something else deep in it.
fn altered(rng: &mut Rng, value: &Value) -> Value {
    let mut items = |items: &[Value]| -> Vec<Value> {
        let at = rng.usize(..items.len());
        let other = altered(rng, &items[at]);
        [&items[..at], &[other], &items[at + 1..]].concat()
    };
    match value {
        Value::Array(inner) if !inner.is_empty() => Value::Array(items(inner)),
        Value::Set(inner) if !inner.is_empty() => Value::Set(items(inner)),
        Value::Map(entries) if !entries.is_empty() => {
            let (keys, values): (Vec<_>, Vec<_>) = entries.iter().cloned().unzip();
            Value::Map(items(&keys).into_iter().zip(values).collect())
        }
        _ => leaf(rng),
    }
}

/// The value with its Sets and Maps the other way round, which is nothing to queries.
fn turned(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(turned).collect()),
        Value::Set(items) => Value::Set(items.iter().rev().map(turned).collect()),
        Value::Map(entries) => {
            let entries = entries.iter().rev();
            Value::Map(entries.map(|(k, v)| (turned(k), turned(v))).collect())
        }
        other => other.clone(),
    }
}

/// Two values, the second often the first with something else in it.
pub fn two_values(rng: &mut Rng) -> Vec<u8> {
    let a = value(rng, false);
    let b = match rng.u8(..4) {
        0 => an_exact_value(rng),
        1 => a_json_value(rng),
        2 => stored(&turned(&a), false),
        _ => stored(&altered(rng, &a), false),
    };
    let mut out = Vec::new();
    put_bytes(&mut out, &stored(&a, false));
    put_bytes(&mut out, &b);
    out
}

pub fn compared(input: &[u8]) -> Option<Vec<u8>> {
    let mut input = Input::new(bytes::Bytes::copy_from_slice(input), "test");
    let (a, b) = (input.bytes().ok()?, input.bytes().ok()?);
    if let Ok(query) = Query::compile(&a, std::rc::Rc::new(())) {
        drop((query.matches(&a), query.matches(&b)));
    }
    let (x, y) = (Value::decode(&a).ok()?, Value::decode(&b).ok()?);
    assert!(equal(&x, &turned(&x)), "the order of a Set counts");
    assert_eq!(equal(&x, &y), equal(&y, &x), "equal one way only");
    assert_eq!(order(&x, &y), order(&y, &x).reverse(), "no order");
    let mut out = Vec::new();
    put_bytes(&mut out, &a);
    put_bytes(&mut out, &b);
    input.end().ok().map(|()| out)
}
