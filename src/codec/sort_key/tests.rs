use super::*;
use crate::codec::js_string::JsString;
use crate::codec::value::compare::{equal, order};
use crate::codec::value::testing::{any_json, any_string, any_value, stored};
use crate::codec::value::{BigInt, BytesKind};
use crate::record::Id;
use proptest::prelude::*;

fn key(value: &Value) -> Vec<u8> {
    SortKey::of_value(value).unwrap().bytes
}

fn bigint(negative: bool, magnitude: &[u8]) -> Value {
    let mut magnitude = magnitude.to_vec();
    while magnitude.last() == Some(&0) {
        magnitude.pop();
    }
    Value::BigInt(BigInt {
        negative: negative && !magnitude.is_empty(),
        magnitude,
    })
}

/// Two to a power, and something added that is one or minus one in some bit.
fn power(bits: usize, negative: bool, less: bool, more: bool) -> Value {
    let mut magnitude = vec![0; bits / 8 + 1];
    magnitude[bits / 8] = 1 << (bits % 8);
    if less {
        magnitude = vec![0xFF; bits / 8];
        magnitude.push((1u16 << (bits % 8)).wrapping_sub(1) as u8);
    }
    if more {
        magnitude[0] |= 1;
    }
    bigint(negative, &magnitude)
}

/// Values next to each other, where an encoding is likely to be wrong.
fn neighbours() -> Vec<Value> {
    let mut all = vec![
        Value::Undefined,
        Value::Null,
        Value::Bool(false),
        Value::Bool(true),
    ];
    let numbers = [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        0.0,
        -0.0,
        5e-324,
        -5e-324,
        f64::MIN_POSITIVE,
        f64::MAX,
        f64::MIN,
        0.5,
        -0.5,
        1.0,
        1.0 + f64::EPSILON,
        -1.0,
        255.0,
        256.0,
        257.0,
        9_007_199_254_740_991.0,
        9_007_199_254_740_992.0,
        9_007_199_254_740_994.0,
        -9_007_199_254_740_992.0,
        8.64e15,
    ];
    all.extend(numbers.map(Value::Number));
    all.extend(numbers.map(Value::Date));
    for bits in [
        0, 1, 8, 9, 52, 53, 54, 63, 64, 65, 970, 1022, 1023, 1024, 1025, 1032, 4000, 9000,
    ] {
        for flags in 0..8u8 {
            let [negative, less, more] = [flags & 1 > 0, flags & 2 > 0, flags & 4 > 0];
            all.push(power(bits, negative, less, more));
        }
    }
    // ±(2^1024 − 2^970): the largest f64, as a bigint; and one below and above it.
    for negative in [false, true] {
        let mut most = vec![0; 128];
        most[121] = 0b1111_1100;
        most[122..].fill(0xFF);
        all.push(bigint(negative, &most));
        most[0] = 1;
        all.push(bigint(negative, &most));
        most.fill(0xFF);
        most[121] = 0b1111_1011;
        all.push(bigint(negative, &most));
    }
    let texts = [
        "", "a", "a\0", "a\0\0", "a\x01", "a\x01\0", "a\x02", "b", "\0", "\x01", "😀", "\u{FFFF}",
        "\u{E000}",
    ];
    all.extend(texts.map(|text| Value::String(text.into())));
    for units in [
        &[0xD83D][..],
        &[0xDE00],
        &[0xD83D, 0xDE00],
        &[0xD83D, 0xD83D],
        &[0xDE00, 0xD83D],
        &[0xD7FF],
    ] {
        all.push(Value::String(JsString::from_units(units)));
    }
    let content = |content: &[u8]| {
        [
            Value::Bytes(BytesKind::Uint8, content.into()),
            Value::Bytes(BytesKind::ArrayBuffer, content.into()),
            Value::Blob("t".into(), content.into()),
        ]
    };
    for bytes in [&[][..], &[0], &[1], &[1, 0], &[1, 1], &[1, 2], &[2], &[255]] {
        all.extend(content(bytes));
    }
    for name in [0, 1, 255] {
        all.push(Value::Attached {
            id: Id([name; 16]),
            size: 5,
            media_type: "t".into(),
            file: None,
        });
    }
    let number = |n: f64| Value::Number(n);
    let object = |properties: &[(&str, Value)]| {
        let named = |(name, value): &(&str, Value)| ((*name).into(), value.clone());
        Value::Object(properties.iter().map(named).collect())
    };
    let array = |items: &[Value]| Value::Array(items.to_vec());
    all.extend([
        array(&[]),
        array(&[Value::Undefined]),
        array(&[Value::Undefined, Value::Undefined]),
        array(&[array(&[])]),
        array(&[array(&[]), Value::Undefined]),
        array(&[array(&[Value::Undefined])]),
        object(&[]),
        object(&[("a", Value::Undefined)]),
        object(&[("", number(1.0))]),
        object(&[("a", number(2.0))]),
        object(&[("b", number(1.0))]),
        object(&[("a", number(1.0))]),
        object(&[("b", number(0.0)), ("a", number(1.0))]),
        object(&[("a", number(1.0)), ("b", number(0.0))]),
        object(&[("a", number(1.0)), ("b", Value::Undefined)]),
        object(&[("a\0", number(0.0))]),
        object(&[("a", object(&[])), ("b", object(&[]))]),
        Value::Set(vec![]),
        Value::Set(vec![number(2.0), number(1.0)]),
        Value::Set(vec![number(1.0), number(2.0)]),
        Value::Set(vec![number(1.0), number(1.0)]),
        Value::Set(vec![array(&[number(9.0)]), array(&[])]),
        Value::Map(vec![]),
        Value::Map(vec![(number(2.0), Value::Null), (number(1.0), Value::Null)]),
        Value::Map(vec![(number(1.0), Value::Null), (number(2.0), Value::Null)]),
        Value::Map(vec![
            (number(1.0), Value::Bool(true)),
            (number(1.0), Value::Null),
        ]),
    ]);
    all
}

fn check(a: &Value, b: &Value) {
    let (x, y) = (key(a), key(b));
    assert_eq!(order(a, b), x.cmp(&y), "{a:?} and {b:?}: {x:02x?} {y:02x?}");
    assert_eq!(equal(a, b), x == y);
    assert!(
        x == y || !x.starts_with(&y) && !y.starts_with(&x),
        "{a:?} and {b:?}"
    );
}

fn comes_back(value: &Value) {
    let found = key(value);
    let decoded = decode(&found).unwrap().unwrap();
    assert!(equal(&decoded, value), "{value:?} as {decoded:?}");
    assert_eq!(key(&decoded), found);
    let behind = [&found[..], &[0, 0xFF, 1]].concat();
    let (component, rest) = split(&behind).unwrap();
    assert_eq!((component.bytes, rest), (&found[..], &[0, 0xFF, 1][..]));
    assert!(!component.is_cut);
}

#[test]
fn neighbours_sort_as_they_compare() {
    let all: Vec<Value> = neighbours();
    for a in &all {
        if key(a).len() < MAX_BYTES {
            comes_back(a);
        }
        for b in &all {
            // (A cut one sorts right only where others differ from it in what is kept.)
            if key(a).len() < MAX_BYTES || key(b).len() < MAX_BYTES {
                check(a, b);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100_000))]

    #[test]
    fn keys_sort_as_values_compare(a in any_value(), b in any_value()) {
        check(&a, &b);
        comes_back(&a);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn both_forms_have_one_key(value in any_json()) {
        let (json, exact) = (stored(&value, false), stored(&value, true));
        let of = |stored: &[u8]| SortKey::of(Some(Form::of(stored).unwrap())).unwrap();
        prop_assert_eq!(of(&json), of(&exact));
    }

    #[test]
    fn a_text_begins_with_its_beginning(text in any_string(), other in any_string(), at in 0usize..12) {
        let units: Vec<u16> = text.as_js().units().collect();
        let begin = JsString::from_units(&units[..at.min(units.len())]);
        for begin in [begin, other] {
            let begin_units: Vec<u16> = begin.as_js().units().collect();
            let found = key(&Value::String(text.clone()));
            let beginning = SortKey::beginning(begin.as_js());
            prop_assert!(!beginning.is_cut);
            prop_assert_eq!(found.starts_with(&beginning.bytes), units.starts_with(&begin_units));
        }
    }

    #[test]
    fn numbers_and_bigints_of_any_size(
        low in any::<[u8; 9]>(), shift in 0usize..200, cut in 0usize..9, n in any::<f64>(), negative: bool,
    ) {
        let magnitude = |low: &[u8]| [&vec![0; shift][..], low].concat();
        let a = bigint(negative, &magnitude(&low));
        let mut zeroed = low;
        zeroed[..cut].fill(0);
        let b = bigint(negative, &magnitude(&zeroed));
        check(&a, &b);
        check(&a, &Value::Number(n));
        comes_back(&a);
        comes_back(&b);
        // The f64 that is next to it.
        let whole = low.iter().rev().fold(0.0, |sum, byte| sum * 256.0 + f64::from(*byte));
        let near = whole * 256f64.powi(shift as i32) * if negative { -1.0 } else { 1.0 };
        for near in [near, near.next_up(), near.next_down()] {
            check(&a, &Value::Number(near));
        }
    }

    #[test]
    fn noise_is_refused_or_read_alike(noise in prop::collection::vec(prop_oneof![0u8..0x14, any::<u8>()], 0..40)) {
        if let Ok((component, _)) = split(&noise) {
            prop_assert!(noise.starts_with(component.bytes));
        }
        if let Ok(found) = decode(&noise) {
            let (component, rest) = split(&noise).unwrap();
            prop_assert!(rest.is_empty() && (component.is_cut || found.is_some() || noise.len() > 5));
        }
    }
}

#[test]
fn long_values_are_cut_where_they_still_sort() {
    let text =
        |len: usize, end: &str| Value::String(format!("{}{end}", "x".repeat(len)).as_str().into());
    // A whole one has up to 512 bytes: a kind, the text, an end.
    let whole = text(510, "");
    assert_eq!(key(&whole).len(), MAX_BYTES);
    let cut = SortKey::of_value(&text(511, "")).unwrap();
    assert!(cut.is_cut && cut.bytes.len() == CUT_BYTES);
    assert_eq!(cut.sorting().len(), MAX_BYTES);
    check(&whole, &text(511, ""));
    let behind = [&cut.bytes[..], &[7; 12]].concat();
    let (component, rest) = split(&behind).unwrap();
    assert!(component.is_cut && component.bytes == cut.bytes && rest == [7; 12]);
    // What differs within it sorts, and what differs behind it is told apart.
    for (a, b) in [
        (text(500, "a"), text(600, "")),
        (text(509, "a"), text(9000, "")),
    ] {
        assert_eq!(order(&a, &b), key(&a).cmp(&key(&b)));
    }
    assert_ne!(key(&text(600, "a")), key(&text(600, "b")));
    // Bigints that end in FF where they are cut.
    for bytes in [500, 503, 504, 505, 506, 507, 508, 509, 510, 600] {
        let of = |low: u8, second: u8| {
            let magnitude = [&[low][..], &vec![3; bytes - 3], &[second, 3]].concat();
            bigint(true, &magnitude)
        };
        let (a, lower, higher) = (of(3, 3), of(4, 3), of(3, 2));
        assert_eq!(order(&a, &higher), key(&a).cmp(&key(&higher)), "{bytes}");
        let is_cut = key(&a).len() == CUT_BYTES;
        assert_eq!(is_cut, bytes > 506, "{bytes}");
        if !is_cut {
            check(&a, &lower);
        }
        let found = key(&a);
        let (component, rest) = split(&found).unwrap();
        assert_eq!((component.is_cut, rest.len()), (is_cut, 0));
    }
}

#[test]
fn beyond_what_is_hashed_all_are_candidates_of_each_other() {
    let text =
        |len: usize, end: &str| Value::String(format!("{}{end}", "é".repeat(len)).as_str().into());
    let half = MAX_ENCODED / 2;
    assert_ne!(key(&text(half - 2, "a")), key(&text(half - 2, "b")));
    assert_eq!(key(&text(half, "a")), key(&text(half, "b")));
    let content =
        |len: usize, end: u8| Value::Blob("".into(), [&vec![1; len][..], &[end]].concat());
    assert_ne!(key(&content(half - 2, 5)), key(&content(half - 2, 6)));
    assert_eq!(key(&content(half, 5)), key(&content(half, 6)));
    let huge = |end: u8| bigint(true, &[&[end][..], &vec![3; MAX_ENCODED]].concat());
    assert_eq!(key(&huge(5)), key(&huge(6)));
    assert_eq!(
        decode(&key(&power(8 << 20, false, false, false))).unwrap(),
        None
    );
}

#[test]
fn a_text_that_is_cut_in_a_character_has_one_key_in_both_forms() {
    for begin in MAX_ENCODED - 9..=MAX_ENCODED {
        for piece in ["😀", "é", "\u{FFFF}"] {
            let text = "x".repeat(begin) + &piece.repeat(9);
            let value = Value::String(text.as_str().into());
            let (json, exact) = (stored(&value, false), stored(&value, true));
            let of = |stored: &[u8]| SortKey::of(Some(Form::of(stored).unwrap())).unwrap();
            assert_eq!(of(&json), of(&exact), "{begin} {piece:?}");
        }
    }
}

#[test]
fn a_long_text_has_one_key_in_both_forms_wherever_characters_end() {
    for begin in 0..8 {
        for piece in ["😀", "é", "a\n", "\0", "\u{FFFF}b"] {
            let text = "x".repeat(begin) + &piece.repeat(MAX_ENCODED / 3);
            let value = Value::String(text.as_str().into());
            let (json, exact) = (stored(&value, false), stored(&value, true));
            let of = |stored: &[u8]| SortKey::of(Some(Form::of(stored).unwrap())).unwrap();
            assert_eq!(of(&json), of(&exact), "{begin} {piece:?}");
        }
    }
}

#[test]
fn a_container_is_told_up_to_a_limit() {
    let nested = |len: usize, tail: usize| {
        let long = Value::String("y".repeat(len).as_str().into());
        let gone = ("z".repeat(1000).as_str().into(), Value::Undefined);
        let inner = Value::Object(vec![gone, ("a".into(), long)]);
        Value::Array([&vec![Value::Null; tail][..], &[inner]].concat())
    };
    // 10 · 2 for each null · 01 · 11 02 "a" 00 00 · 0C text 00 · 00
    let most = MAX_ENCODED - 1 - 2 - 1 - 5 - 2 - 1;
    let told = SortKey::of_value(&nested(most, 1)).unwrap();
    assert_eq!(told.bytes.len(), CUT_BYTES);
    for (len, tail) in [(most + 1, 1), (most - 1, 2), (1 << 20, 0)] {
        let key = SortKey::of_value(&nested(len, tail)).unwrap();
        assert_eq!(
            key,
            SortKey {
                bytes: vec![sort::ARRAY, sort::TOO_LARGE],
                is_cut: true
            }
        );
        let behind = [&key.bytes[..], &[0; 12]].concat();
        let (component, rest) = split(&behind).unwrap();
        assert!(component.is_cut && rest == [0; 12]);
        assert_eq!(decode(&key.bytes).unwrap(), None);
    }
    // What stands in it is cut with it, not by itself; a Set is measured as it is sorted.
    let big = Value::Set(vec![
        Value::String("b".repeat(MAX_ENCODED).as_str().into()),
        Value::Null,
    ]);
    assert_eq!(key(&big), [sort::SET, sort::TOO_LARGE]);
}

#[test]
fn deep_and_wide_containers_take_no_time() {
    let deep = (0..998).fold(
        Value::String("x".repeat(250_000).as_str().into()),
        |inner, at| match at % 3 {
            0 => Value::Array(vec![inner]),
            1 => Value::Object(vec![("a".into(), inner)]),
            _ => Value::Set(vec![inner]),
        },
    );
    assert!(SortKey::of_value(&deep).unwrap().is_cut);
    let wide = Value::Set((0..60_000).rev().map(|n| Value::Bool(n % 2 == 0)).collect());
    assert!(SortKey::of_value(&wide).unwrap().is_cut);
}

#[test]
fn operators_compare_within_a_kind() {
    let all = neighbours();
    for a in &all {
        for b in &all {
            let (x, y) = (key(a), key(b));
            let found =
                comparable(&x).is_some_and(|(from, until)| from <= &y[..] && &y[..] < until);
            let expected = crate::codec::value::compare::within_kind(a, b).is_some();
            assert_eq!(found, expected, "{a:?} and {b:?}");
        }
    }
}

#[test]
fn broken_values_are_corrupt() {
    for stored in [
        &b"\x01[1,"[..],
        b"\x01{\"a\"1}",
        b"\x01nul",
        b"\x011 ",
        b"\x01\"\\x\"",
        b"\x02\x01\x0C\x02\x00",
        b"\x02\x01\x00\x00",
    ] {
        assert!(
            SortKey::of(Some(Form::of(stored).unwrap())).is_err(),
            "{stored:02x?}"
        );
    }
    let deep = [b"\x01".to_vec(), b"[".repeat(1001), b"]".repeat(1001)].concat();
    assert!(SortKey::of(Some(Form::of(&deep).unwrap())).is_err());
}
