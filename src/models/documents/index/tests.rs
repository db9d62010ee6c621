use super::*;
use crate::codec::js_string::JsString;
use crate::codec::order::Order;
use crate::codec::sort_key::SortKey;
use crate::codec::value::compare::{equal, order};
use crate::codec::value::testing::{any_json, any_value, stored};
use crate::codec::value::{BigInt, Form, Value};
use crate::engine::access::KeyRange;
use crate::models::documents::definition::{Index, flag};
use bytes::Bytes;
use proptest::prelude::*;
use std::cmp::Ordering;
use std::collections::BTreeMap;

const FIELDS: [&str; 4] = ["a", "b", "c.d", "é"];

fn layout(fields: &[&str], flags: u8) -> Layout {
    Layout::new(&Index {
        number: 300,
        flags,
        fields: fields.iter().map(|field| (*field).into()).collect(),
    })
}

fn entries(layout: &Layout, stored: &[u8]) -> Entries {
    Entries::of(layout, Form::of(stored).unwrap()).unwrap()
}

/// What a document has at a path, as a plain model looks for it; nothing is undefined.
fn at(doc: &Value, path: &str) -> Value {
    let property = |value: &Value, name: &str| match value {
        Value::Object(properties) => {
            let found = properties.iter().find(|(other, _)| *other == name.into());
            found.map(|(_, value)| value.clone())
        }
        _ => None,
    };
    let parts = path.split('.');
    let deep = || {
        let first = Some(doc.clone());
        parts.fold(first, |value, name| property(&value?, name))
    };
    property(doc, path)
        .or_else(deep)
        .unwrap_or(Value::Undefined)
}

/// The keys' components, as a model makes them.
fn model(doc: &Value, fields: &[&str], multi: bool) -> Vec<Vec<(u8, Value)>> {
    let whole: Vec<_> = fields.iter().map(|field| (WHOLE, at(doc, field))).collect();
    let expanded = whole
        .iter()
        .position(|(_, value)| multi && matches!(value, Value::Array(items) if !items.is_empty()));
    let Some(expanded) = expanded else {
        return vec![whole];
    };
    let Value::Array(items) = &whole[expanded].1 else {
        return Vec::new();
    };
    let mut different: Vec<Value> = Vec::new();
    for item in items {
        if !different.iter().any(|other| equal(other, item)) {
            different.push(item.clone());
        }
    }
    different.sort_by(order);
    let with = |item: Value| {
        let mut components = whole.clone();
        components[expanded] = (ELEMENT, item);
        components
    };
    different.into_iter().map(with).collect()
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => any_json(),
        2 => any_value(),
        1 => prop::collection::vec(any_value(), 0..5).prop_map(Value::Array),
        1 => Just(Value::Number(-0.0)),
        1 => Just(Value::Undefined),
        1 => (-3i64..3).prop_map(|n| Value::BigInt(crate::codec::value::compare::whole(n as f64).unwrap())),
        1 => Just(Value::Object(vec![("d".into(), Value::Number(1.0))])),
        1 => any_value().prop_map(|value| Value::Object(vec![("d".into(), value)])),
    ]
}

/// Documents with some of the fields, in some order.
fn document() -> impl Strategy<Value = Value> {
    let names = prop::sample::subsequence(vec!["a", "b", "c", "c.d", "é", "x"], 0..6);
    let names = names.prop_shuffle();
    names.prop_flat_map(|names| {
        let values = prop::collection::vec(value(), names.len());
        values.prop_map(move |values| {
            let named = names.iter().map(|name| JsString::from(*name)).zip(values);
            Value::Object(named.collect())
        })
    })
}

fn fields() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(FIELDS.to_vec(), 1..4).prop_shuffle()
}

fn is_json(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => true,
        Value::Number(number) => number.is_finite(),
        Value::Array(items) => items.iter().all(is_json),
        Value::Object(properties) => properties.iter().all(|(_, value)| is_json(value)),
        _ => false,
    }
}

fn compare_components(a: &[(u8, Value)], b: &[(u8, Value)]) -> Ordering {
    let pairs = a.iter().zip(b);
    pairs.fold(Ordering::Equal, |found, ((x, a), (y, b))| {
        found.then(x.cmp(y)).then_with(|| order(a, b))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn entries_are_those_of_a_model(a in document(), b in document(), fields in fields(), multi: bool) {
        let layout = layout(&fields, if multi { flag::MULTI } else { 0 });
        let keys = |doc: &Value| entries(&layout, &stored(doc, true)).keys().collect::<Vec<_>>();
        for doc in [&a, &b] {
            let (expected, found) = (model(doc, &fields, multi), keys(doc));
            prop_assert_eq!(found.len(), expected.len());
            for (key, expected) in found.iter().zip(&expected) {
                let whole = [&key[..], &[7; 12]].concat();
                prop_assert_eq!(place_of(&whole).unwrap(), Order::from_bytes(&[7; 12]).unwrap());
                let mut rest = layout.components(&whole).unwrap();
                for (marker, value) in expected {
                    prop_assert!(!multi || rest[0] == *marker);
                    let component;
                    (component, rest) = layout.first(rest).unwrap();
                    prop_assert_eq!(component.bytes, &SortKey::of_value(value).unwrap().bytes[..]);
                }
                prop_assert!(rest.is_empty());
            }
        }
        // They sort as their values do.
        let (x, y) = (&model(&a, &fields, multi)[0], &model(&b, &fields, multi)[0]);
        prop_assert_eq!(keys(&a)[0].cmp(&keys(&b)[0]), compare_components(x, y));
    }

    #[test]
    fn properties_come_back(doc in document(), fields in fields(), json: bool, wanted in prop::collection::vec(0usize..4, 0..4)) {
        let layout = layout(&fields, 0);
        let stored = stored(&doc, !(json && is_json(&doc)));
        let doc = Value::decode(&stored).unwrap();
        let entries = entries(&layout, &stored);
        let key = entries.keys().next().unwrap();
        let key = [&key[..], &[0; 12]].concat();
        let wanted: Vec<usize> = wanted.into_iter().filter(|at| *at < fields.len()).collect();
        let names: Vec<&str> = wanted.iter().map(|at| fields[*at]).collect();
        let restored = layout.restore(&key, entries.value(), &wanted).unwrap();
        let is_scalar = |value: &Value| !matches!(value,
            Value::Bytes(..) | Value::Blob(..) | Value::File { .. } | Value::Attached { .. } | Value::BlobRef { .. }
            | Value::Array(_) | Value::Object(_) | Value::Map(_) | Value::Set(_));
        let of_doc = |name: &str| at(&doc, name);
        let can = names.iter().all(|name| !name.contains('.') && is_scalar(&of_doc(name)));
        prop_assert_eq!(restored.is_some(), can);
        if let Some(restored) = restored {
            let Value::Object(properties) = &doc else { panic!() };
            let chosen = properties.iter().filter(|(name, _)| names.iter().any(|other| *name == (*other).into()));
            let expected = Value::Object(chosen.cloned().collect());
            // Bit by bit: -0, bigints, undefined, the order of properties. (NaN has one spelling in JavaScript, and a Date no -0.)
            let (expected, restored) = (expected.encode().unwrap(), Value::decode(&restored).unwrap());
            let restored = restored.encode().unwrap();
            let has_odd = |value: &Value| matches!(value, Value::Number(n) | Value::Date(n) if n.is_nan() || *n == 0.0);
            if properties.iter().all(|(_, value)| !has_odd(value) || matches!(value, Value::Number(n) if *n == 0.0)) {
                prop_assert_eq!(restored, expected);
            }
        }
        let first = layout.first_value(&key, entries.value()).unwrap();
        let of_first = of_doc(fields[0]);
        prop_assert_eq!(first.is_some(), is_scalar(&of_first));
        if let Some(first) = first {
            prop_assert!(equal(&first.unwrap_or(Value::Undefined), &of_first));
        }
    }

    #[test]
    fn a_change_is_the_difference(
        old in prop::option::of(document()), new in prop::option::of(document()), alike: bool,
        fields in fields(), multi: bool,
    ) {
        let layout = layout(&fields, if multi { flag::MULTI } else { 0 });
        // Often the document stays what it was, but for one property.
        let new = match (&old, new) {
            (Some(Value::Object(old)), Some(Value::Object(new))) if alike => {
                let mut changed = old.clone();
                changed.truncate(old.len().saturating_sub(1));
                let add = new.into_iter().take(1).filter(|(name, _)| old.iter().all(|(other, _)| other != name));
                changed.extend(add);
                Some(Value::Object(changed))
            }
            (_, new) => new,
        };
        let (old, new) = (old.map(|doc| stored(&doc, true)), new.map(|doc| stored(&doc, true)));
        let map = |doc: &Option<Bytes>| -> BTreeMap<Bytes, Bytes> {
            let entries = doc.as_ref().map(|doc| entries(&layout, doc));
            let pairs = entries.iter().flat_map(|entries| {
                entries.keys().map(|key| (key, Bytes::copy_from_slice(entries.value())))
            });
            pairs.collect()
        };
        let (before, after) = (map(&old), map(&new));
        let mut there = before.clone();
        let mut told = 0;
        fn form(doc: &Option<Bytes>) -> Option<Form<'_>> {
            doc.as_ref().map(|doc| Form::of(doc).unwrap())
        }
        of_document(&layout, form(&old), form(&new), &mut |change| {
            told += 1;
            match change {
                Change::Put(key, value) | Change::Revalue(key, value) => {
                    assert_ne!(there.insert(key, value.clone()), Some(value), "what does not differ");
                }
                Change::Delete(key) => assert!(there.remove(&key).is_some(), "what was not there"),
            }
        }).unwrap();
        let differ = |a: &BTreeMap<Bytes, Bytes>, b: &BTreeMap<Bytes, Bytes>| {
            a.iter().filter(|(key, value)| b.get(*key) != Some(*value)).count()
        };
        let gone = before.keys().filter(|key| !after.contains_key(*key)).count();
        prop_assert_eq!(told, gone + differ(&after, &before));
        prop_assert_eq!(there, after);
    }

    #[test]
    fn noise_never_panics(noise in prop::collection::vec(any::<u8>(), 0..40), value in prop::collection::vec(any::<u8>(), 0..5), multi: bool) {
        let layout = layout(&["a", "b"], if multi { flag::MULTI } else { 0 });
        let key = [&layout.prefix()[..], &noise].concat();
        drop((layout.restore(&key, &value, &[0, 1]), layout.first_value(&key, &value), place_of(&key)));
        drop(layout.restore(&noise, &value, &[0]));
    }
}

#[test]
fn entries_are_stored_byte_by_byte() {
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let of = |fields: &[&str], flags: u8, doc: &str| {
        let stored = crate::codec::value::from_json(doc.as_bytes());
        let entries = entries(&layout(fields, flags), &stored);
        let keys: Vec<String> = entries.keys().map(|key| hex(&key)).collect();
        (keys, hex(entries.value()))
    };
    let one = |key: &str| vec![key.to_string()];
    // 30 · varint 300 · "x" · 1
    let key = "30ac02 0c7800 093ff000000000000000".replace(' ', "");
    assert_eq!(
        of(&["a", "b"], 0, r#"{"a":"x","b":1}"#),
        (one(&key), String::new())
    );
    // The other way round in the document.
    assert_eq!(
        of(&["a", "b"], 0, r#"{"b":1,"a":"x"}"#),
        (one(&key), "1000".into())
    );
    let key = "30ac02 0c7800 1000".replace(' ', "");
    assert_eq!(
        of(&["a", "b"], 0, r#"{"a":"x","b":[]}"#),
        (one(&key), "0014".into())
    );
    let keys = ["30ac02 02 01 01 0c7800", "30ac02 02 02 01 0c7800"].map(|key| key.replace(' ', ""));
    let multi = of(
        &["b", "a"],
        flag::MULTI,
        r#"{"a":"x","b":[false,null,false]}"#,
    );
    assert_eq!(multi, (keys.to_vec(), String::new()));
    // Of two arrays one is expanded; an empty one is none.
    let key = "30ac02 01 1000 02 01 01 10010300".replace(' ', "");
    let multi = of(
        &["a", "b", "c"],
        flag::MULTI,
        r#"{"a":[],"b":[null],"c":[true]}"#,
    );
    assert_eq!(multi, (one(&key), String::new()));
}

#[test]
fn what_a_key_does_not_tell_comes_from_the_document() {
    let layout = layout(&["a"], 0);
    let restored = |value: Value| {
        let doc = Value::Object(vec![("a".into(), value)]);
        let entries = entries(&layout, &stored(&doc, true));
        let key = [&entries.keys().next().unwrap()[..], &[0; 12]].concat();
        layout.restore(&key, entries.value(), &[0]).unwrap()
    };
    assert!(restored(Value::String("x".repeat(510).as_str().into())).is_some());
    assert!(restored(Value::String("x".repeat(511).as_str().into())).is_none());
    let mut magnitude = vec![0; 5000];
    magnitude.push(1);
    let huge = BigInt {
        negative: false,
        magnitude,
    };
    assert!(restored(Value::BigInt(huge)).is_none());
    let layout = super::tests::layout(&["a"], flag::MULTI);
    let found = entries(&layout, &stored(&Value::Object(vec![]), true));
    let key = [&found.keys().next().unwrap()[..], &[0; 12]].concat();
    assert_eq!(layout.restore(&key, b"", &[0]).unwrap(), None);
}

#[test]
fn a_long_array_of_few_values_has_few_entries() {
    let items = (0..200_000).map(|n| Value::Number(f64::from(n % 3)));
    let doc = Value::Object(vec![("a".into(), Value::Array(items.collect()))]);
    let layout = layout(&["a"], flag::MULTI);
    assert_eq!(entries(&layout, &stored(&doc, true)).keys().count(), 3);
}

#[test]
fn a_unique_index_lets_no_other_document_have_the_same_values() {
    let of = |flags: u8, doc: &str| -> Vec<Vec<String>> {
        let layout = layout(&["a", "b"], flags);
        let stored = crate::codec::value::from_json(doc.as_bytes());
        let hex = |bytes: &[u8]| {
            bytes
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        };
        let entries = entries(&layout, &stored);
        let rivals = entries.keys().map(|key| {
            let rivals = layout.rivals(&key).unwrap();
            let begin = |range: &KeyRange| hex(&range.from).replacen("30ac02", "", 1);
            rivals.iter().map(begin).collect()
        });
        rivals.collect()
    };
    assert_eq!(of(0, r#"{"a":true,"b":false}"#), [["0302"]]);
    for absent in [r#"{"a":true}"#, r#"{"a":null,"b":1}"#] {
        assert_eq!(of(0, absent), [[""; 0]]);
        assert_eq!(of(flag::MULTI, absent), [[""; 0]]);
    }
    let both = ["02030102", "01030202", "01030102"];
    assert_eq!(of(flag::MULTI, r#"{"a":true,"b":false}"#), [both]);
    let of_two = of(flag::MULTI, r#"{"a":true,"b":[false,null]}"#);
    assert_eq!(of_two, [vec![], both.map(String::from).to_vec()]);
    assert!(layout(&["a"], 0).rivals(b"x").is_err());
}
