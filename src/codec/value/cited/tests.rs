use super::*;
use crate::codec::value::Value;
use crate::codec::value::attached::{has_attached, version_of};
use crate::codec::value::testing::any_value;
use proptest::prelude::*;

fn cited(hash: u8) -> Value {
    Value::BlobRef {
        hash: [hash; 32],
        size: 300,
        media_type: "image/png".into(),
    }
}

fn hashes(stored: &[u8]) -> Vec<ContentHash> {
    let mut found: Vec<_> = contents(stored)
        .unwrap()
        .into_iter()
        .map(|found| found.0)
        .collect();
    found.dedup();
    found
}

fn all(value: &Value, out: &mut Vec<ContentHash>) {
    match value {
        Value::BlobRef { hash, .. } => out.push(*hash),
        Value::Array(items) | Value::Set(items) => items.iter().for_each(|item| all(item, out)),
        Value::Object(properties) => properties.iter().for_each(|(_, value)| all(value, out)),
        Value::Map(entries) => entries.iter().for_each(|(key, value)| {
            all(key, out);
            all(value, out);
        }),
        _ => {}
    }
}

proptest! {
    #[test]
    fn every_reference_is_found(value in any_value()) {
        let stored = value.encode().unwrap();
        let mut expected = Vec::new();
        all(&value, &mut expected);
        expected.sort_unstable();
        expected.dedup();
        prop_assert_eq!(is_citing(&stored), !expected.is_empty());
        prop_assert_eq!(version_of(&stored[2..]), stored[1]);
        prop_assert_eq!(hashes(&stored), expected.clone());
        for hash in expected {
            prop_assert!(names(&stored, &hash));
        }
        prop_assert!(!names(&stored, &[0xAB; 32]));
    }
}

#[test]
fn a_path_leads_to_the_first_reference() {
    let value = Value::Object(vec![
        ("a".into(), Value::Array(vec![Value::Null, cited(1)])),
        (
            "odd name".into(),
            Value::Map(vec![
                (Value::Number(1.0), Value::Null),
                (Value::Number(2.0), Value::Set(vec![cited(2)])),
                (cited(3), Value::Null),
            ]),
        ),
        ("last_1".into(), cited(4)),
    ]);
    let stored = value.encode().unwrap();
    let at = |hash: u8| path(&stored, &[hash; 32]);
    assert_eq!(at(1), "$.a[1]");
    assert_eq!(at(2), "$[\"odd name\"][1][1][0]");
    assert_eq!(at(3), "$[\"odd name\"][2][0]");
    assert_eq!(at(4), "$.last_1");
    assert_eq!(path(&cited(5).encode().unwrap(), &[5; 32]), "$");
}

#[test]
fn a_value_may_have_both_references_and_blobs_beside_it() {
    let beside = Value::Attached {
        id: crate::record::Id([7; 16]),
        size: 3,
        media_type: "".into(),
        file: None,
    };
    for items in [vec![beside.clone(), cited(1)], vec![cited(1), beside]] {
        let stored = Value::Array(items).encode().unwrap();
        assert!(is_citing(&stored) && has_attached(&stored));
        let inlined = crate::codec::value::attached::inlined(&stored, &[vec![1, 2, 3]]).unwrap();
        assert!(is_citing(&inlined) && !has_attached(&inlined));
        assert_eq!(hashes(&inlined), [[1; 32]]);
    }
}
