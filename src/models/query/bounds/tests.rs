use super::super::{Path, Query};
use super::*;
use crate::codec::value::from_json;
use crate::codec::value::testing::{any_json, any_value, stored};
use proptest::prelude::*;
use std::rc::Rc;

fn bounds(query: &str) -> Bounds {
    let stored = from_json(query.as_bytes());
    assert!(Query::compile(&stored, Rc::new(())).is_ok(), "{query}");
    Bounds::of(&stored).unwrap()
}

/// The keys of the values there, and of the elements if they are arrays.
fn holds(bound: &Bound, doc: Form<'_>) -> bool {
    let found = Path::from(&bound.path).find(doc).unwrap();
    let key = |form| SortKey::of(form).unwrap().bytes;
    let mut elements = Vec::new();
    if let Some(mut items) = found.and_then(|found| Items::of(found).unwrap()) {
        while let Some(item) = items.next().unwrap() {
            elements.push(key(Some(item)));
        }
    }
    let has_element = elements.iter().any(|key| bound.values.has(key));
    match bound.of {
        Of::Whole => bound.values.has(&key(found)),
        Of::Element => has_element,
        Of::ElementOrText => {
            has_element || found.is_some_and(|found| found.text().unwrap().is_some())
        }
    }
}

fn all_hold(bounds: &Bounds, doc: Form<'_>) -> bool {
    !bounds.is_never
        && bounds.all.iter().all(|bound| holds(bound, doc))
        && bounds
            .any
            .iter()
            .all(|branches| branches.iter().any(|branch| all_hold(branch, doc)))
}

/// Whether the bounds tell of all that is asked.
fn is_exact(bounds: &Bounds) -> bool {
    !bounds.has_residue
        && bounds
            .all
            .iter()
            .all(|bound| bound.is_exact && bound.of != Of::ElementOrText)
        && bounds.any.iter().flatten().all(is_exact)
}

/// Few, so that what is asked for is there.
fn few() -> impl Strategy<Value = Value> {
    let texts = ["", "a", "ab", "b"].map(|text| Value::String(text.into()));
    let numbers = [0.0, 1.0, 2.5, -1.0, f64::NAN, f64::INFINITY].map(Value::Number);
    let dates = [0.0, 5.0, f64::NAN].map(Value::Date);
    let long = ["x".repeat(600), "x".repeat(601), "x".repeat(700) + "y"];
    let long = long.map(|text| Value::String(text.as_str().into()));
    let all = [&texts[..], &numbers, &dates, &long].concat();
    prop_oneof![
        8 => prop::sample::select(all),
        1 => Just(Value::Null),
        1 => Just(Value::Undefined),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => (0u8..3).prop_map(|n| Value::BigInt(crate::codec::value::compare::whole(f64::from(n)).unwrap())),
        1 => prop::collection::vec(0u8..3, 0..3).prop_map(|content| Value::Blob("t".into(), content)),
        1 => any_value(),
        1 => any_json(),
    ]
}

fn some() -> impl Strategy<Value = Value> {
    prop_oneof![3 => few(), 1 => prop::collection::vec(few(), 0..4).prop_map(Value::Array)]
}

fn object(properties: Vec<(String, Value)>) -> Value {
    let mut seen = std::collections::BTreeSet::new();
    let named = properties
        .into_iter()
        .filter(|(name, _)| seen.insert(name.clone()));
    Value::Object(
        named
            .map(|(name, value)| (name.as_str().into(), value))
            .collect(),
    )
}

fn operator() -> impl Strategy<Value = (String, Value)> {
    let list = prop::collection::vec(some(), 0..4).prop_map(Value::Array);
    let named = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        prop::sample::select(names)
    };
    let text =
        prop::sample::select(vec!["", "a", "ab"]).prop_map(|text| Value::String(text.into()));
    let long = Just(Value::String("x".repeat(650).as_str().into()));
    prop_oneof![
        6 => (named(&["$eq", "$gt", "$gte", "$lt", "$lte", "$ne", "$contains"]), some()),
        2 => (named(&["$in", "$nin", "$all"]), list),
        1 => (Just("$startsWith".to_string()), prop_oneof![3 => text, 1 => long]),
        1 => (Just("$exists".to_string()), any::<bool>().prop_map(Value::Bool)),
        1 => (Just("$size".to_string()), (0u8..3).prop_map(|n| Value::Number(f64::from(n)))),
    ]
}

fn tests() -> impl Strategy<Value = Value> {
    let operators = || prop::collection::vec(operator(), 1..3).prop_map(object);
    let element = prop_oneof![
        3 => operators(),
        1 => some().prop_map(|value| object(vec![("a".into(), value)])),
    ];
    prop_oneof![
        2 => some(),
        4 => operators(),
        1 => element.prop_map(|operand| object(vec![("$elemMatch".into(), operand)])),
        1 => operators().prop_map(|operand| object(vec![("$not".into(), operand)])),
    ]
}

fn query() -> impl Strategy<Value = Value> {
    let field = prop::sample::select(vec!["a", "b", "a.x", "b.0"]).prop_map(String::from);
    let leaf = prop::collection::vec((field, tests()), 0..3).prop_map(object);
    leaf.prop_recursive(3, 12, 3, |inner| {
        let logic = prop::sample::select(vec!["$and", "$or", "$nor"]).prop_map(String::from);
        let list = prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array);
        (logic, list, inner).prop_map(|(name, list, beside)| {
            let Value::Object(beside) = beside else {
                panic!()
            };
            let text = |name: &JsString| name.as_js().to_display();
            let beside = beside
                .iter()
                .map(|(name, value)| (text(name), value.clone()));
            object([(name, list)].into_iter().chain(beside).collect())
        })
    })
}

fn document() -> impl Strategy<Value = Value> {
    let field = prop::sample::select(vec!["a", "b", "a.x", "c"]).prop_map(String::from);
    let value = prop_oneof![
        4 => some(),
        1 => some().prop_map(|value| object(vec![("x".into(), value)])),
    ];
    prop::collection::vec((field, value), 0..4).prop_map(object)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100_000))]

    #[test]
    fn what_matches_lies_within_and_what_lies_within_exact_ones_matches(query in query(), doc in document()) {
        let stored_query = stored(&query, true);
        let compiled = Query::compile(&stored_query, Rc::new(()));
        prop_assume!(compiled.is_ok());
        let bounds = Bounds::of(&stored_query).unwrap();
        let doc = stored(&doc, true);
        let matches = compiled.unwrap().matches(&doc).unwrap();
        let within = all_hold(&bounds, Form::of(&doc).unwrap());
        prop_assert!(within || !matches, "a match is missed: {bounds:?}");
        prop_assert!(!within || matches || !is_exact(&bounds), "not exact: {bounds:?}");
        for bound in &bounds.all {
            let whole = bounds.all.iter().filter(|other| other.of == Of::Whole && other.path == bound.path);
            prop_assert!(whole.count() <= 1);
        }
    }
}

#[test]
fn bounds_are_as_narrow_as_they_can_be() {
    let key = |text: &str| {
        SortKey::of(Some(Form::Json(text.as_bytes())))
            .unwrap()
            .bytes
    };
    let one = |query: &str| {
        let bounds = bounds(query);
        assert!(!bounds.is_never, "{query}");
        assert_eq!(bounds.all.len(), 1, "{query}");
        (bounds.all[0].clone(), bounds.has_residue)
    };
    let (bound, residue) = one(r#"{"a":5}"#);
    assert!(bound.is_exact && !residue && bound.of == Of::Whole);
    assert_eq!(bound.values, Values::Equal(vec![key("5")]));
    let (bound, residue) = one(r#"{"a":{"$gte":1,"$lt":5},"$and":[{"a":{"$gt":1}}]}"#);
    assert!(bound.is_exact && !residue);
    assert_eq!(
        bound.values,
        Values::Range(after_prefix(&key("1")).to_vec(), key("5"))
    );
    let (bound, _) = one(r#"{"a":{"$in":[5,1,1,9],"$lt":9}}"#);
    assert_eq!(bound.values, Values::Equal(vec![key("1"), key("5")]));
    let (bound, _) = one(r#"{"a":{"$startsWith":"ab"}}"#);
    assert_eq!(
        bound.values,
        Values::Range(b"\x0Cab".to_vec(), b"\x0Cac".to_vec())
    );
    let (bound, residue) = one(r#"{"a":{"$elemMatch":{"$gte":"a","$lt":"b"}}}"#);
    assert!(bound.of == Of::Element && bound.is_exact && !residue);
    assert_eq!(bound.values, Values::Range(key("\"a\""), key("\"b\"")));
    assert_eq!(one(r#"{"a":{"$contains":"a"}}"#).0.of, Of::ElementOrText);
    assert_eq!(one(r#"{"a":{"$contains":1}}"#).0.of, Of::Element);
    assert_eq!(
        one(r#"{"a":{"$exists":false}}"#).0.values,
        Values::Equal(vec![vec![0]])
    );
    assert_eq!(bounds(r#"{"a":{"$all":[1,2]}}"#).all.len(), 2);
    // What no bound tells.
    for residue in [
        r#"{"a":{"$ne":1}}"#,
        r#"{"a":{"$exists":true}}"#,
        r#"{"a":{"$all":[]}}"#,
        r#"{"$nor":[{"a":1}]}"#,
        r#"{"a":{"$elemMatch":{"b":1}}}"#,
    ] {
        let bounds = bounds(residue);
        assert!(
            bounds.has_residue && bounds.all.is_empty() && !bounds.is_never,
            "{residue}"
        );
    }
    assert!(one(r#"{"a":{"$gt":1,"$ne":5}}"#).1);
    // Bytes, containers and cut values may be equal without being so to a query.
    let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(600));
    for inexact in [long.as_str(), r#"{"a":[1]}"#] {
        assert!(!one(inexact).0.is_exact, "{inexact}");
    }
}

#[test]
fn what_excludes_itself_is_never_read() {
    for never in [
        r#"{"a":{"$gt":null}}"#,
        r#"{"a":{"$lt":[1]}}"#,
        r#"{"a":{"$in":[]}}"#,
        r#"{"a":1,"$and":[{"a":2}]}"#,
        r#"{"a":{"$gt":5,"$lt":1}}"#,
        r#"{"a":{"$gt":5,"$lt":"x"}}"#,
        r#"{"a":{"$lt":false}}"#,
        r#"{"$or":[]}"#,
        r#"{"$or":[{"a":{"$in":[]}},{"b":{"$gt":null}}]}"#,
        r#"{"a":{"$elemMatch":{"$gt":5,"$lt":1}}}"#,
    ] {
        assert!(bounds(never).is_never, "{never}");
    }
    let some = bounds(r#"{"$or":[{"a":{"$in":[]}},{"b":1}]}"#);
    assert!(!some.is_never && some.any.len() == 1 && some.any[0].len() == 1);
    // Two elements may be two.
    assert!(!bounds(r#"{"a":{"$all":[1,2]}}"#).is_never);
}
