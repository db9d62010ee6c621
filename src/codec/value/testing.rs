//! Values for property tests.

use proptest::prelude::*;

use super::{BigInt, BytesKind, Value};
use crate::codec::js_string::JsString;
use crate::codec::js_string::tests::any_units;
use crate::record::Id;

pub fn any_string() -> impl Strategy<Value = JsString> {
    any_units().prop_map(|units| JsString::from_units(&units))
}

fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![
        prop::sample::select(vec![
            0.0,
            -0.0,
            1.0,
            -1.0,
            0.5,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            1e21,
            1e-7,
            9_007_199_254_740_991.0,
            9_007_199_254_740_992.0,
            9_007_199_254_740_994.0,
            5e-324,
        ]),
        any::<i32>().prop_map(f64::from),
        any::<f64>(),
    ]
}

pub fn any_bigint() -> impl Strategy<Value = BigInt> {
    (any::<bool>(), prop::collection::vec(any::<u8>(), 0..12)).prop_map(
        |(negative, mut magnitude)| {
            while magnitude.last() == Some(&0) {
                magnitude.pop();
            }
            BigInt {
                negative: negative && !magnitude.is_empty(),
                magnitude,
            }
        },
    )
}

fn any_bytes() -> impl Strategy<Value = Value> {
    let kinds = prop::sample::select(BytesKind::ALL.to_vec());
    (kinds, prop::collection::vec(any::<u8>(), 0..4))
        .prop_map(|(kind, part)| Value::Bytes(kind, part.repeat(kind.element_bytes())))
}

fn names(values: Vec<(JsString, Value)>) -> Vec<(JsString, Value)> {
    let mut seen = std::collections::BTreeSet::new();
    values
        .into_iter()
        .filter(|(name, _)| seen.insert(name.clone()))
        .collect()
}

/// Any storable value.
pub fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Undefined),
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any_number().prop_map(Value::Number),
        any_bigint().prop_map(Value::BigInt),
        any_string().prop_map(Value::String),
        any_number().prop_map(Value::Date),
        any_bytes(),
        (any_string(), prop::collection::vec(any::<u8>(), 0..4))
            .prop_map(|(t, b)| Value::Blob(t, b)),
        (
            any::<[u8; 16]>(),
            any::<u64>(),
            any_string(),
            prop::option::of((any_string(), any_number()))
        )
            .prop_map(|(id, size, media_type, file)| Value::Attached {
                id: Id(id),
                size,
                media_type,
                file
            }),
        (0..3_u8, any::<u64>(), any_string()).prop_map(|(hash, size, media_type)| {
            Value::BlobRef {
                hash: [hash; 32],
                size,
                media_type,
            }
        }),
        (any_string(), any_string(), any_number()).prop_map(|(name, media_type, modified_ms)| {
            Value::File {
                name,
                media_type,
                modified_ms,
                content: vec![1, 2],
            }
        }),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Set),
            prop::collection::vec((inner.clone(), inner.clone()), 0..3).prop_map(Value::Map),
            prop::collection::vec((any_string(), inner), 0..4)
                .prop_map(|properties| Value::Object(names(properties))),
        ]
    })
}

/// Any value that JSON represents exactly.
pub fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-50i32..50).prop_map(|n| Value::Number(f64::from(n) / 4.0)),
        any_string().prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((any_string(), inner), 0..4)
                .prop_map(|properties| Value::Object(names(properties))),
        ]
    })
}

/// The text that `JSON.stringify` returns, for numbers that Rust formats identically.
pub fn stringify(value: &Value) -> Vec<u8> {
    let joined = |parts: Vec<Vec<u8>>, open: u8, close: u8| {
        let mut out = vec![open];
        out.extend(parts.join(&b','));
        out.push(close);
        out
    };
    let quoted = |text: &JsString| {
        let mut out = Vec::new();
        crate::codec::js_string::json::write_quoted(text.as_js(), &mut out);
        out
    };
    match value {
        Value::Bool(value) => value.to_string().into_bytes(),
        Value::Number(value) => value.to_string().into_bytes(),
        Value::String(text) => quoted(text),
        Value::Array(items) => joined(items.iter().map(stringify).collect(), b'[', b']'),
        Value::Object(properties) => {
            let member =
                |(name, value): &(JsString, Value)| [quoted(name), stringify(value)].join(&b':');
            joined(properties.iter().map(member).collect(), b'{', b'}')
        }
        _ => b"null".to_vec(),
    }
}

/// The stored form of a value: the exact form if `exact`, otherwise JSON text, which must represent it.
pub fn stored(value: &Value, exact: bool) -> bytes::Bytes {
    if exact {
        value.encode().unwrap()
    } else {
        super::from_json(&stringify(value))
    }
}
