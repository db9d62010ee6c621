//! Stored values: both forms, and their fields.

use super::{corpus, texts};
use fastrand::Rng;
use patchstore::codec::js_string::{JsString, json as quoting};
use patchstore::codec::sort_key::{MAX_BYTES, SortKey, decode, split};
use patchstore::codec::value::cited;
use patchstore::codec::value::exact::skip_node;
use patchstore::codec::value::fields::{FieldName, Fields, Items, field};
use patchstore::codec::value::json::skip_value;
use patchstore::codec::value::{BigInt, BytesKind, Form, Value, from_json};
use patchstore::models::query::Path;

const NUMBERS: [f64; 10] = [
    0.0,
    -0.0,
    1.0,
    -1.5,
    1e21,
    5e-324,
    9_007_199_254_740_992.0,
    9_007_199_254_740_994.0,
    123_456_789_012_345_678.0,
    1.797_693_134_862_315_7e308,
];

fn number(rng: &mut Rng) -> f64 {
    match rng.u8(..3) {
        0 => f64::from(rng.i32(..) >> rng.u32(..32)),
        _ => NUMBERS[rng.usize(..NUMBERS.len())],
    }
}

fn json_leaf(rng: &mut Rng) -> Value {
    match rng.u8(..4) {
        0 => Value::Null,
        1 => Value::Bool(rng.bool()),
        2 => Value::Number(number(rng)),
        _ => Value::String(texts::string(rng)),
    }
}

/// What holds nothing else.
pub fn leaf(rng: &mut Rng) -> Value {
    let (text, content) = (texts::string(rng), corpus::bytes(rng, 6));
    match rng.u8(..11) {
        0 => Value::Undefined,
        1 => Value::Number(f64::from_bits(rng.u64(..))),
        2 => Value::Date(number(rng)),
        3 => Value::Blob(text, content),
        4 => {
            let kind = BytesKind::ALL[rng.usize(..14)];
            Value::Bytes(kind, content.repeat(kind.element_bytes()))
        }
        5 => {
            let mut magnitude = content;
            magnitude.push(rng.u8(1..));
            let negative = rng.bool();
            Value::BigInt(BigInt {
                negative,
                magnitude,
            })
        }
        7 => Value::Attached {
            id: patchstore::backend::Id([rng.u8(..); 16]),
            size: rng.u64(..),
            media_type: text,
            file: rng.bool().then(|| (texts::string(rng), number(rng))),
        },
        8 => Value::BlobRef {
            hash: [rng.u8(..); 32],
            size: rng.u64(..),
            media_type: text,
        },
        6 => Value::File {
            name: texts::string(rng),
            media_type: text,
            modified_ms: number(rng),
            content,
        },
        _ => json_leaf(rng),
    }
}

/// A container of what `inner` makes; of those that JSON has, or of all.
fn container(rng: &mut Rng, json: bool, inner: &mut dyn FnMut(&mut Rng) -> Value) -> Value {
    let len = rng.usize(..4);
    let mut many = |rng: &mut Rng| (0..len).map(|_| inner(rng)).collect::<Vec<_>>();
    match rng.u8(..if json { 2 } else { 4 }) {
        0 => Value::Array(many(rng)),
        1 => {
            let names = [rng.u16(0x61..0x64)].into_iter().chain(texts::units(rng));
            let names: std::collections::BTreeSet<u16> = names.collect();
            let values = many(rng).into_iter();
            Value::Object(
                names
                    .into_iter()
                    .map(|n| JsString::from_units(&[n]))
                    .zip(values)
                    .collect(),
            )
        }
        2 => Value::Set(many(rng)),
        _ => Value::Map(many(rng).into_iter().zip(many(rng)).collect()),
    }
}

fn tree(rng: &mut Rng, json: bool, depth: usize) -> Value {
    if depth == 0 || rng.u8(..3) == 0 {
        return if json { json_leaf(rng) } else { leaf(rng) };
    }
    container(rng, json, &mut |rng| tree(rng, json, depth - 1))
}

/// A value; now and then a very deep one.
pub fn value(rng: &mut Rng, json: bool) -> Value {
    let mut value = tree(rng, json, 3);
    if rng.u8(..20) == 0 {
        let kind = rng.u8(..if json { 3 } else { 5 });
        for _ in 0..rng.usize(..900) {
            value = match kind {
                0 => Value::Array(vec![value]),
                1 => Value::Object(vec![("a".into(), value)]),
                2 => Value::Array(vec![Value::Null, value]),
                3 => Value::Set(vec![value]),
                _ => Value::Map(vec![(value, Value::Null)]),
            };
        }
    }
    value
}

pub fn an_exact_value(rng: &mut Rng) -> Vec<u8> {
    stored(&value(rng, false), false)
}

pub fn a_json_value(rng: &mut Rng) -> Vec<u8> {
    stored(&value(rng, true), true)
}

/// A whole one.
pub fn a_sort_key(rng: &mut Rng) -> Vec<u8> {
    loop {
        let key = SortKey::of_value(&value(rng, false)).unwrap();
        if !key.is_cut {
            return key.bytes;
        }
    }
}

pub fn sort_key(input: &[u8]) -> Option<Vec<u8>> {
    if let Ok((component, rest)) = split(input) {
        assert_eq!([component.bytes, rest].concat(), input);
    }
    // (What is longer is cut when it is written again.)
    let key = Some(input).filter(|key| key.len() <= MAX_BYTES)?;
    let value = decode(key).ok()??;
    assert_eq!(split(key).unwrap().0.bytes, key, "two ends of one key");
    Some(SortKey::of_value(&value).unwrap().bytes)
}

/// In one of the forms.
pub fn stored(value: &Value, json: bool) -> Vec<u8> {
    if json {
        from_json(&stringify(value)).to_vec()
    } else {
        value.encode().unwrap().to_vec()
    }
}

/// JSON text, for numbers that Rust spells as JavaScript does or that come back all the same.
fn stringify(value: &Value) -> Vec<u8> {
    let joined = |parts: Vec<Vec<u8>>, open: u8, close: u8| {
        [&[open][..], &parts.join(&b','), &[close]].concat()
    };
    let quoted = |text: &JsString| {
        let mut out = Vec::new();
        quoting::write_quoted(text.as_js(), &mut out);
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

pub fn exact(input: &[u8]) -> Option<Vec<u8>> {
    let form = Form::of(input)
        .ok()
        .filter(|form| matches!(form, Form::Exact(_)))?;
    slices(form);
    drop(references(input));
    let value = Value::of_form(form).ok()?;
    let Form::Exact(node) = form else { return None };
    let mut rest = node;
    assert!(
        skip_node(&mut rest).is_ok() && rest.is_empty(),
        "two ends of one node"
    );
    same_slices(form, &value);
    let again = value.encode().unwrap();
    same_references(input, &value, &again);
    Some(again.to_vec())
}

/// The references to contents that are found in something that may be broken, and those of something whole.
fn references(input: &[u8]) -> Option<Vec<([u8; 32], u64)>> {
    let found = cited::contents(input).ok()?;
    for (hash, _) in &found {
        assert!(
            cited::names(input, hash),
            "it does not name what it refers to"
        );
        assert!(cited::path(input, hash).starts_with('$'));
    }
    Some(found)
}

fn same_references(input: &[u8], value: &Value, again: &[u8]) {
    let mut expected = Vec::new();
    gather(value, &mut expected);
    expected.sort_unstable();
    expected.dedup();
    assert_eq!(
        references(again),
        Some(expected.clone()),
        "other references"
    );
    assert_eq!(cited::is_citing(again), !expected.is_empty());
    // (A forgery may say that it has none.)
    if cited::is_citing(input) {
        assert_eq!(references(input), Some(expected), "other references");
    }
}

fn gather(value: &Value, found: &mut Vec<([u8; 32], u64)>) {
    match value {
        Value::BlobRef { hash, size, .. } => found.push((*hash, *size)),
        Value::Array(items) | Value::Set(items) => {
            items.iter().for_each(|item| gather(item, found));
        }
        Value::Object(properties) => {
            properties.iter().for_each(|(_, item)| gather(item, found));
        }
        Value::Map(entries) => entries.iter().for_each(|(key, item)| {
            gather(key, found);
            gather(item, found);
        }),
        _ => {}
    }
}

pub fn json(input: &[u8]) -> Option<Vec<u8>> {
    let form = Form::of(input)
        .ok()
        .filter(|form| matches!(form, Form::Json(_)))?;
    slices(form);
    let value = Value::of_form(form).ok()?;
    let Form::Json(text) = form else { return None };
    let mut rest = text;
    assert!(
        skip_value(&mut rest).is_ok() && rest.is_empty(),
        "two ends of one text"
    );
    same_slices(form, &value);
    Some(from_json(&stringify(&value)).to_vec())
}

/// Goes through the parts of something that may be broken, as queries do.
fn slices(form: Form<'_>) {
    drop((form.number(), form.string(), form.is_undefined()));
    for name in ["a", "", "a.a.a", "a.4000000000", "0.1"] {
        drop(field(form, &FieldName::new(name.into())));
        drop(Path::new(name.into()).find(form));
    }
    if let Ok(Some(mut fields)) = Fields::of(form) {
        while let Ok(Some((name, inner))) = fields.next() {
            drop((name.read(), Value::of_form(inner)));
        }
    }
    if let Ok(Some(mut items)) = Items::of(form) {
        while let Ok(Some(inner)) = items.next() {
            drop((inner.number(), inner.string(), inner.is_undefined()));
        }
    }
}

/// The slices of something whole hold what the tree holds.
fn same_slices(form: Form<'_>, value: &Value) {
    let bits = |value: &Value| value.encode().unwrap();
    let mut fields = Fields::of(form).unwrap();
    assert_eq!(
        fields.is_some(),
        matches!(value, Value::Object(_)),
        "an object or not"
    );
    if let (Some(fields), Value::Object(properties)) = (&mut fields, value) {
        for (name, expected) in properties {
            let (found, inner) = fields.next().unwrap().unwrap();
            assert_eq!(&found.read().unwrap(), name);
            assert_eq!(bits(&Value::of_form(inner).unwrap()), bits(expected));
        }
        assert!(
            fields.next().unwrap().is_none(),
            "one field more than the tree has"
        );
    }
    if let (Some(mut items), Value::Array(expected)) = (Items::of(form).unwrap(), value) {
        for expected in expected {
            let inner = items.next().unwrap().unwrap();
            assert_eq!(bits(&Value::of_form(inner).unwrap()), bits(expected));
        }
        assert!(
            items.next().unwrap().is_none(),
            "one element more than the tree has"
        );
    }
}
