use super::*;
use crate::codec::value::compare::equal;
use crate::codec::value::testing::{any_value, stored, stringify};
use crate::codec::value::{Value, json_tree};
use crate::error::Code;
use proptest::prelude::*;

/// The contract, said once more on trees.
fn look_up<'a>(doc: &'a Value, field: &str) -> Option<&'a Value> {
    let get = |value: &'a Value, name: &str| match value {
        Value::Object(properties) => properties
            .iter()
            .find(|(key, _)| key.as_bytes() == name.as_bytes())
            .map(|(_, v)| v),
        Value::Array(items) => {
            let index = name
                .parse::<usize>()
                .ok()
                .filter(|index| index.to_string() == name);
            index.and_then(|index| items.get(index))
        }
        _ => None,
    };
    if let Value::Object(_) = doc
        && let Some(value) = get(doc, field)
    {
        return Some(value);
    }
    field.split('.').try_fold(doc, get)
}

fn small() -> impl Strategy<Value = Value> {
    let leaf = prop::sample::select(vec![
        Value::Null,
        Value::Bool(true),
        Value::Number(0.0),
        Value::Number(1.0),
        Value::Number(0.25),
        Value::Number(1e21),
        Value::String("x".into()),
        Value::String("\"\u{1}é".into()),
        Value::String("1".into()),
        Value::String("\"a\":1".into()),
        Value::String(JsString::from_units(&[0x61, 0xD800])),
    ]);
    let name = prop::sample::select(vec!["a", "b", "0", "1", "a.b", "a.0", ""]);
    leaf.prop_recursive(3, 12, 3, move |inner| {
        let properties = prop::collection::btree_map(name.clone(), inner.clone(), 0..4);
        prop_oneof![
            prop::collection::vec(inner, 0..3).prop_map(Value::Array),
            properties.prop_map(|map| {
                Value::Object(map.into_iter().rev().map(|(n, v)| (n.into(), v)).collect())
            }),
        ]
    })
}

fn object(value: Value) -> Value {
    Value::Object(vec![
        ("a".into(), value.clone()),
        ("a.b".into(), Value::Null),
        ("b".into(), value),
    ])
}

proptest! {
    #[test]
    fn matches_as_the_naive_evaluation_does(
        doc in small(), wanted in small(), bend in 0..4,
        field in prop::sample::select(vec!["a", "b", "a.b", "a.0", "b.a", "b.1.a", "a.a.b", "b.", "b.00", "c"]),
        doc_exact in any::<bool>(), query_exact in any::<bool>(),
    ) {
        let doc = object(doc);
        let found = look_up(&doc, field);
        let wanted = match (bend, found) {
            (0, Some(found)) => found.clone(),
            (1, _) => Value::Undefined,
            _ => wanted,
        };
        let query_exact = query_exact || wanted == Value::Undefined;
        let query = Value::Object(vec![(field.into(), wanted.clone())]);
        let compiled = Query::compile(&stored(&query, query_exact), std::rc::Rc::new(())).unwrap();
        let expected = equal(found.unwrap_or(&Value::Undefined), &wanted);
        prop_assert_eq!(compiled.matches(&stored(&doc, doc_exact)).unwrap(), expected);
    }

    #[test]
    fn a_needle_is_found_where_it_is(
        text in prop::collection::vec(0..3u8, 0..80), wanted in prop::collection::vec(0..3u8, 0..40),
        from in 0..80usize,
    ) {
        let inner = text.get(from.min(text.len())..).unwrap();
        for wanted in [&wanted[..], inner, &inner[..inner.len().min(5)]] {
            let sought = &wanted[wanted.len().saturating_sub(32)..];
            let there = text.windows(sought.len().max(1)).any(|at| at == sought);
            let needle = Needle::new(wanted);
            prop_assert_eq!(needle.is_none(), wanted.is_empty());
            prop_assert!(needle.is_none_or(|needle| needle.is_in(&text) == there));
        }
    }

    #[test]
    fn exact_values_match_themselves(a in any_value(), b in any_value()) {
        let doc = Value::Object(vec![("k".into(), a.clone())]);
        let compile = |wanted: &Value| {
            Query::compile(&Value::Object(vec![("k".into(), wanted.clone())]).encode().unwrap(), std::rc::Rc::new(()))
        };
        let has_operator = |value: &Value| matches!(value, Value::Object(p)
            if p.iter().any(|(n, _)| n.as_bytes().starts_with(b"$")));
        prop_assume!(!has_operator(&a) && !has_operator(&b));
        let doc = doc.encode().unwrap();
        prop_assert!(compile(&a).unwrap().matches(&doc).unwrap());
        prop_assert_eq!(compile(&b).unwrap().matches(&doc).unwrap(), equal(&a, &b));
    }
}

fn matches(query: &str, doc: &str) -> bool {
    let json = crate::codec::value::from_json;
    Query::compile(&json(query.as_bytes()), std::rc::Rc::new(()))
        .unwrap()
        .matches(&json(doc.as_bytes()))
        .unwrap()
}

#[test]
fn examples_of_the_contract() {
    assert!(!matches(r#"{"list":7}"#, r#"{"list":[7]}"#));
    assert!(matches(r#"{"list.0":7}"#, r#"{"list":[7]}"#));
    assert!(matches(r#"{"a":{"x":1,"y":2}}"#, r#"{"a":{"y":2,"x":1}}"#));
    assert!(!matches(r#"{"a":null}"#, "{}"));
    assert!(
        matches(r#"{"a.b":1}"#, r#"{"a":{"b":2},"a.b":1}"#),
        "a name with a dot comes first"
    );
    assert!(matches("{}", "{}"));
}

#[test]
fn what_looks_like_a_match_is_looked_at() {
    for (query, doc, expected) in [
        (r#"{"a":1}"#, r#"{"b":{"a":1},"a":2}"#, false),
        (r#"{"a":1}"#, r#"{"b":{"a":1},"a":1}"#, true),
        (r#"{"a":1}"#, r#"{"a":10}"#, false),
        (r#"{"a":"x"}"#, r#"{"b":"\"a\":\"x\""}"#, false),
        (r#"{"a":1e+21}"#, r#"{"a":1e+21}"#, true),
        (r#"{"a":"x","b":2}"#, r#"{"a":"x","b":3}"#, false),
        (r#"{"a.b":true}"#, r#"{"a":{"b":true}}"#, true),
        (r#"{"a.1":"\\"}"#, r#"{"a":[0,"\\"]}"#, true),
        (r#"{"a":[1]}"#, r#"{"a":[1]}"#, true),
        (
            r#"{"a":{"x":1,"y":2},"b":1}"#,
            r#"{"b":1,"a":{"y":2,"x":1}}"#,
            true,
        ),
    ] {
        assert_eq!(matches(query, doc), expected, "{query} {doc}");
    }
}

#[test]
fn what_is_no_query_is_refused() {
    for query in [
        r#"{"a":{"$near":1}}"#,
        r#"{"$or":{}}"#,
        r#"{"a":{"x":1,"$gt":1}}"#,
        r#"{"a":{"$regex":{"$\u0000":0}}}"#,
        "[]",
        "1",
    ] {
        let stored = crate::codec::value::from_json(query.as_bytes());
        let compiled = Query::compile(&stored, std::rc::Rc::new(()));
        let code = compiled.err().map(|error| error.code());
        assert_eq!(code, Some(Code::InvalidArgument), "{query}");
    }
}

#[test]
fn leaves_decide_as_the_whole_does() {
    let query = r#"{"a":1,"$or":[{"b":{"$gt":1,"$lt":5}},{"$nor":[{"c":1},{"c":2}]}]}"#;
    let stored = crate::codec::value::from_json(query.as_bytes());
    let query = Query::compile(&stored, std::rc::Rc::new(())).unwrap();
    let mut seen = [0, 0];
    for (a, b, c) in (0..60).map(|n| (n % 2, n % 6, n % 5)) {
        let doc = format!(r#"{{"a":{a},"b":{b},"c":{c}}}"#);
        let doc = crate::codec::value::from_json(doc.as_bytes());
        let form = Form::of(&doc).unwrap();
        let leaves = (0..query.len()).map(|at| query.holds(at, form).unwrap());
        let leaves: Vec<bool> = leaves.collect();
        let expected = a == 1 && ((b > 1 && b < 5) || !(c == 1 || c == 2));
        assert_eq!(query.decide(&leaves), expected);
        assert_eq!(query.matches(&doc).unwrap(), expected);
        seen[usize::from(expected)] += 1;
    }
    assert!(seen.iter().all(|count| *count > 5), "{seen:?}");
}

#[test]
fn negative_zero_asks_for_zero() {
    let query = Value::Object(vec![("a".into(), Value::Number(-0.0))])
        .encode()
        .unwrap();
    let query = Query::compile(&query, std::rc::Rc::new(())).unwrap();
    assert!(
        query
            .matches(&crate::codec::value::from_json(b"{\"a\":0}"))
            .unwrap()
    );
    let doc = json_tree::parse(b"{\"a\":0}").unwrap();
    assert!(query.matches(&doc.encode().unwrap()).unwrap());
    assert_eq!(stringify(&doc), b"{\"a\":0}");
}
