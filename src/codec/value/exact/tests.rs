use super::super::testing::any_value;
use super::super::{Form, MAX_DEPTH, Value};
use super::*;
use crate::error::Code;
use bytes::Bytes;
use proptest::prelude::*;

/// Distinguishes -0 from 0, and makes NaN equal itself.
fn bits(value: &Value) -> String {
    format!("{value:?}")
}

proptest! {
    #[test]
    fn values_come_back(value in any_value()) {
        let stored = value.encode().unwrap();
        prop_assert_eq!(bits(&Value::decode(&stored).unwrap()), bits(&value));
        let Form::Exact(node) = Form::of(&stored).unwrap() else { panic!("not exact") };
        let mut rest = node;
        prop_assert_eq!(skip_node(&mut rest).unwrap(), node);
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn a_prefix_is_corrupt(value in any_value(), cut in any::<prop::sample::Index>()) {
        let stored = value.encode().unwrap();
        let cut = cut.index(stored.len());
        prop_assert_eq!(Value::decode(&stored[..cut]).unwrap_err().code(), Code::Corrupt);
    }

    #[test]
    fn a_flipped_bit_never_panics(value in any_value(), at in any::<prop::sample::Index>(), bit in 0..8) {
        let mut stored = value.encode().unwrap().to_vec();
        let at = at.index(stored.len());
        stored[at] ^= 1u8 << bit;
        if let Ok(other) = Value::decode(&stored) {
            other.encode().unwrap();
        }
        let mut rest = &stored[..];
        let _ = skip_node(&mut rest);
    }

    #[test]
    fn noise_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = Value::of_form(Form::Exact(&bytes));
        let _ = Value::of_form(Form::Json(&bytes));
        let mut rest = &bytes[..];
        let _ = skip_node(&mut rest);
    }
}

fn nested(levels: usize) -> Value {
    (0..levels).fold(Value::Null, |inner, level| match level % 3 {
        0 => Value::Array(vec![inner]),
        1 => Value::Object(vec![("a".into(), inner)]),
        _ => Value::Map(vec![(Value::Null, inner)]),
    })
}

#[test]
fn a_thousand_levels_and_no_more() {
    let deep = nested(MAX_DEPTH);
    let stored = deep.encode().unwrap();
    assert_eq!(Value::decode(&stored).unwrap(), deep);
    assert_eq!(
        nested(MAX_DEPTH + 1).encode().unwrap_err().code(),
        Code::NotStorable
    );

    let too_deep = [
        vec![super::super::EXACT, 1],
        [tag::ARRAY, 1].repeat(MAX_DEPTH + 1),
        vec![0],
    ]
    .concat();
    assert_eq!(Value::decode(&too_deep).unwrap_err().code(), Code::Corrupt);
    let text = |levels: usize| [b"[".repeat(levels), b"]".repeat(levels)].concat();
    assert!(super::super::json_tree::parse(&text(MAX_DEPTH)).is_ok());
    assert!(super::super::json_tree::parse(&text(MAX_DEPTH + 1)).is_err());
    assert!(super::super::json_tree::parse(&b"[".repeat(1_000_000)).is_err());
}

#[test]
fn a_claimed_length_allocates_nothing() {
    for tag in [tag::ARRAY, tag::OBJECT, tag::MAP, tag::SET, tag::STRING] {
        let huge = [tag, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F];
        assert_eq!(
            Value::of_form(Form::Exact(&huge)).unwrap_err().code(),
            Code::Corrupt
        );
    }
}

#[test]
fn integers_are_small_and_negative_zero_stays() {
    let number = |value: f64| Value::Number(value).encode().unwrap();
    assert_eq!(&number(-1.0)[..], &[2, 1, tag::INTEGER, 1]);
    assert_eq!(number(-0.0).len(), 2 + 9);
    let Value::Number(back) = Value::decode(&number(-0.0)).unwrap() else {
        panic!("no number")
    };
    assert!(back == 0.0 && back.is_sign_negative());
}

#[test]
fn contents_may_come_later() {
    let mut writer = ExactWriter::new();
    writer.begin_array(3).unwrap();
    writer.blob_later("text/plain".into());
    writer.number(7.0);
    writer.file_later("n".into(), "t".into(), 5.0);
    writer.end();
    assert_eq!(writer.holes(), 2);
    let stored = writer
        .finish_filled(&[Bytes::from_static(b"ab"), Bytes::from_static(b"")])
        .unwrap();
    let expected = Value::Array(vec![
        Value::Blob("text/plain".into(), b"ab".to_vec()),
        Value::Number(7.0),
        Value::File {
            name: "n".into(),
            media_type: "t".into(),
            modified_ms: 5.0,
            content: vec![],
        },
    ]);
    assert_eq!(Value::decode(&stored).unwrap(), expected);
}

#[test]
fn unknown_forms_are_told_from_damage() {
    assert_eq!(Form::of(&[9]).unwrap_err().code(), Code::UnsupportedFormat);
    assert_eq!(
        Form::of(&[2, 9]).unwrap_err().code(),
        Code::UnsupportedFormat
    );
    assert_eq!(Form::of(&[]).unwrap_err().code(), Code::Corrupt);
}
