use super::super::testing::{any_bigint, any_value};
use super::*;
use proptest::prelude::*;

fn shuffled(value: &Value) -> Value {
    match value {
        Value::Object(properties) => Value::Object(
            properties
                .iter()
                .rev()
                .map(|(n, v)| (n.clone(), shuffled(v)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(shuffled).collect()),
        other => other.clone(),
    }
}

fn as_bigint(number: i64) -> BigInt {
    let mut magnitude = number.unsigned_abs().to_le_bytes().to_vec();
    while magnitude.last() == Some(&0) {
        magnitude.pop();
    }
    BigInt {
        negative: number < 0,
        magnitude,
    }
}

proptest! {
    #[test]
    fn the_order_of_properties_does_not_count(value in any_value()) {
        prop_assert!(equal(&value, &value));
        prop_assert!(equal(&value, &shuffled(&value)));
        prop_assert_eq!(order(&value, &shuffled(&value)), Ordering::Equal);
    }

    #[test]
    fn order_is_an_order(a in any_value(), b in any_value(), c in any_value()) {
        prop_assert_eq!(order(&a, &b), order(&b, &a).reverse());
        if order(&a, &b).is_le() && order(&b, &c).is_le() {
            prop_assert!(order(&a, &c).is_le());
        }
        prop_assert_eq!(equal(&a, &b), order(&a, &b).is_eq());
    }

    #[test]
    fn numbers_and_bigints_compare_exactly(a in any::<i64>(), b in any::<i64>(), shift in 0..60u32) {
        let (a, b) = (a >> shift, b >> shift);
        let expected = a.cmp(&b);
        prop_assert_eq!(compare_bigints(&as_bigint(a), &as_bigint(b)), expected);
        // The number may be rounded, but its exact value fits into an i128.
        let number = a as f64;
        prop_assert_eq!(compare_mixed(number, &as_bigint(b)), (number as i128).cmp(&i128::from(b)));
    }

    #[test]
    fn no_bigint_is_beyond_infinity(b in any_bigint()) {
        prop_assert_eq!(compare_mixed(f64::INFINITY, &b), Ordering::Greater);
        prop_assert_eq!(compare_mixed(f64::NEG_INFINITY, &b), Ordering::Less);
        prop_assert_eq!(compare_mixed(f64::NAN, &b), Ordering::Less);
    }
}

#[test]
fn types_sort_in_the_order_of_the_contract() {
    use crate::codec::value::BytesKind;
    let bigint = |n| Value::BigInt(as_bigint(n));
    let ordered = [
        Value::Undefined,
        Value::Null,
        Value::Bool(false),
        Value::Bool(true),
        Value::Number(f64::NAN),
        Value::Number(f64::NEG_INFINITY),
        bigint(-3),
        Value::Number(-2.5),
        bigint(-2),
        Value::Number(0.0),
        Value::Number(0.5),
        bigint(1),
        Value::Number(1.5),
        Value::String("a".into()),
        Value::String("\u{10000}".into()),
        Value::String("\u{FFFF}".into()),
        Value::Date(0.0),
        Value::Bytes(BytesKind::Uint8, vec![1]),
        Value::Bytes(BytesKind::ArrayBuffer, vec![1, 0]),
        Value::Blob("text/plain".into(), vec![2]),
        Value::Array(vec![]),
        Value::Array(vec![Value::Null]),
        Value::Object(vec![]),
        Value::Map(vec![]),
        Value::Set(vec![]),
        Value::Set(vec![Value::Null]),
    ];
    for (i, a) in ordered.iter().enumerate() {
        for (j, b) in ordered.iter().enumerate() {
            assert_eq!(order(a, b), i.cmp(&j), "{a:?} and {b:?}");
        }
    }
}

#[test]
fn what_is_equal_and_what_is_not() {
    use crate::codec::value::BytesKind;
    let object = |properties: &[(&str, Value)]| {
        Value::Object(
            properties
                .iter()
                .map(|(n, v)| ((*n).into(), v.clone()))
                .collect(),
        )
    };
    assert!(equal(&object(&[("a", Value::Undefined)]), &object(&[])));
    assert!(!equal(&object(&[("a", Value::Null)]), &object(&[])));
    assert!(equal(&Value::Number(-0.0), &Value::Number(0.0)));
    assert!(equal(&Value::Date(f64::NAN), &Value::Date(f64::NAN)));
    assert!(equal(&Value::Number(1.0), &Value::BigInt(as_bigint(1))));
    assert!(!equal(&Value::Number(1.5), &Value::BigInt(as_bigint(1))));
    let bytes = |kind| Value::Bytes(kind, vec![1, 0]);
    let of_kinds = [
        bytes(BytesKind::Uint8),
        bytes(BytesKind::Uint16),
        Value::Blob("a".into(), vec![1, 0]),
    ];
    assert!(of_kinds.iter().all(|other| equal(&of_kinds[0], other)));
    assert!(!equal(
        &of_kinds[0],
        &Value::Blob("a".into(), vec![1, 0, 0])
    ));
    assert!(!equal(
        &Value::Array(vec![Value::Undefined]),
        &Value::Array(vec![])
    ));
    let set = |items: &[f64]| Value::Set(items.iter().copied().map(Value::Number).collect());
    assert!(equal(&set(&[1.0, 2.0]), &set(&[2.0, 1.0])));
    assert!(!equal(&set(&[1.0, 2.0]), &set(&[2.0, 2.0])));
}

#[test]
fn sets_in_sets_are_compared_in_time() {
    // Each level of nested Sets used to compare the level below twice, so forty levels took forever.
    let nested = |leaf: f64| {
        let leaf = Value::Number(leaf);
        (0..500).fold(leaf, |inner, _| Value::Set(vec![Value::Null, inner]))
    };
    assert!(!equal(&nested(1.0), &nested(2.0)));
    let maps = |leaf: f64| {
        let leaf = Value::Number(leaf);
        (0..500).fold(leaf, |inner, _| Value::Map(vec![(inner, Value::Null)]))
    };
    assert!(!equal(&maps(1.0), &maps(2.0)));
}

#[test]
fn the_order_in_sets_of_sets_does_not_count() {
    // Sets used to be sorted before the Sets inside them, and so into different orders.
    let set = |items: Vec<Value>| Value::Set(items);
    let of = |numbers: &[f64]| set(numbers.iter().copied().map(Value::Number).collect());
    let a = set(vec![of(&[1.0, 9.0]), of(&[5.0])]);
    let b = set(vec![of(&[5.0]), of(&[9.0, 1.0])]);
    assert!(equal(&a, &b));
    let in_map = |key: &Value| Value::Map(vec![(key.clone(), a.clone()), (of(&[5.0]), b.clone())]);
    let other_way = Value::Map(vec![(of(&[5.0]), a.clone()), (b.clone(), b.clone())]);
    assert!(equal(&in_map(&a), &other_way));
    assert!(!equal(&a, &set(vec![of(&[5.0]), of(&[9.0, 2.0])])));
}
