//! Pages, different values and includes are what plain lists would give, whatever stops the work.

use super::indexing_tests::{create, spec};
use super::tests::{collection, find, insert, json, sort_value};
use super::*;
use crate::codec::js_string::JsString;
use crate::codec::value::Value;
use crate::codec::value::compare::{equal, order};
use crate::codec::value::testing::{any_json, stored};
use crate::engine::access::Reads;
use crate::error::Code;
use crate::models::fake::Fake;
use crate::models::many::Many;
use crate::models::scope::Scope;
use proptest::prelude::*;
use std::rc::Rc;

/// Documents of which many have the same values.
fn docs() -> impl Strategy<Value = Vec<Value>> {
    let few = prop_oneof![
        3 => (0u8..4).prop_map(|n| Value::Number(f64::from(n))),
        1 => Just(Value::Null),
        1 => Just(Value::String("x".into())),
        1 => any_json(),
    ];
    let doc = (prop::option::of(few.clone()), prop::option::of(few)).prop_map(|(a, b)| {
        let named = |name: &str, value: Option<Value>| value.map(|value| (name.into(), value));
        Value::Object(named("a", a).into_iter().chain(named("b", b)).collect())
    });
    prop::collection::vec(doc, 0..40)
}

fn filled(fake: &mut Fake, docs: &[Value], of: &Collection, exact: bool) -> Vec<Value> {
    let mut all = Vec::new();
    for (at, doc) in docs.iter().enumerate() {
        let Value::Object(properties) = doc else {
            unreachable!()
        };
        let id = (
            "_id".into(),
            Value::String(format!("{at:03}").as_str().into()),
        );
        let doc = Value::Object([id].into_iter().chain(properties.clone()).collect());
        let new = NewDoc::prepare(&stored(&doc, exact), 1.0, &mut Ids::default(), &mut |_| ());
        let mut work = Insert::new(of, vec![new.unwrap()]);
        fake.write(|w| work.step(w)).unwrap();
        let found = fake.read(|r| of.get(r, format!("{at:03}").as_str().into()));
        all.push(Value::decode(&found.unwrap().unwrap()).unwrap());
    }
    all
}

/// What is found, and where it ended.
fn page(fake: &mut Fake, spec: FindSpec) -> (Vec<Value>, Option<Mark>) {
    let mut find = Find::new(&collection(), Query::all(), spec);
    let mut all = Vec::new();
    let work = |r: &mut dyn Reads| {
        find.step(r, &mut |doc| {
            all.push(Value::decode(doc)?);
            Ok(())
        })
    };
    fake.read(work).unwrap();
    (all, find.mark())
}

fn number(value: &Value) -> usize {
    let Value::String(id) = sort_value(value, "_id") else {
        unreachable!()
    };
    id.as_js().as_str().unwrap().parse().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn pages_together_are_the_whole(
        docs in docs(), seed in any::<u64>(), exact in any::<bool>(), limit in 1u64..7,
        sorted in prop::sample::subsequence(vec!["a", "b"], 0..=2), descending in any::<bool>(),
        gone in any::<bool>(), by_value in any::<bool>(),
    ) {
        let mut fake = Fake::disturbed(seed);
        let all = filled(&mut fake, &docs, &collection(), exact);
        let sort: Vec<_> = sorted.iter().map(|name| (JsString::from(*name), descending)).collect();
        let mut expected = all;
        expected.sort_by(|x, y| {
            let orders = sorted.iter().map(|name| order(&sort_value(x, name), &sort_value(y, name)));
            let first = orders.reduce(std::cmp::Ordering::then).unwrap_or(std::cmp::Ordering::Equal);
            if descending { first.reverse() } else { first }
        });
        let mut found: Vec<Value> = Vec::new();
        let mut after = None;
        loop {
            let spec = FindSpec { sort: sort.clone(), limit: Some(limit), after: after.take(), ..FindSpec::default() };
            let (part, mark) = page(&mut fake, spec);
            let Some(last) = part.last() else { break };
            prop_assert!(part.len() as u64 <= limit);
            let id = format!("{:03}", number(last));
            let text = mark.unwrap().to_text().unwrap();
            let mark = Mark::from_text(text.as_bytes(), sort.len()).unwrap();
            let values = sorted.iter().map(|name| sort_value(last, name)).collect();
            after = Some(Rc::new(if by_value && !gone {
                After { id: id.as_str().into(), mark: None, values }
            } else {
                After { id: id.as_str().into(), mark: Some(mark), values: Vec::new() }
            }));
            if gone {
                fake.write(|w| collection().delete(w, id.as_str().into(), &mut Cascade::new(0.0))).unwrap();
            }
            found.extend(part);
        }
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn different_values_are_those_of_the_earliest(
        docs in docs(), seed in any::<u64>(), exact in any::<bool>(),
    ) {
        let mut fake = Fake::disturbed(seed);
        let all = filled(&mut fake, &docs, &collection(), exact);
        let mut expected: Vec<Value> = Vec::new();
        for value in all.iter().map(|doc| sort_value(doc, "a")) {
            if value != Value::Undefined && !expected.iter().any(|known| equal(known, &value)) {
                expected.push(value);
            }
        }
        expected.sort_by(order);
        let mut distinct = Distinct::new(&collection(), &"a".into(), Query::all());
        let mut found = Vec::new();
        let work = |r: &mut dyn Reads| distinct.step(r, &mut |value| {
            found.push(Value::decode(value)?);
            Ok(())
        });
        fake.read(work).unwrap();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn each_gets_what_belongs_to_it(
        docs in docs(), others in docs(), seed in any::<u64>(), exact in any::<(bool, bool)>(),
        limit in prop::option::of(0u64..4), one in any::<bool>(), descending in prop::option::of(any::<bool>()),
        by_id in any::<bool>(),
    ) {
        let mut fake = Fake::disturbed(seed);
        let there = Collection::new(&Scope::Node("n".into()), "others".into()).unwrap();
        let all = filled(&mut fake, &docs, &collection(), exact.0);
        let others = filled(&mut fake, &others, &there, exact.1);
        let (local, foreign) = if by_id { ("_id", "_id") } else { ("a", "b") };
        let sort: Vec<_> = descending.map(|down| (JsString::from("a"), down)).into_iter().collect();
        let back = Include {
            name: "back".into(), collection: collection(), local: "a".into(), foreign: "a".into(), one: false,
            query: Query::all(), include: Vec::new(),
            spec: FindSpec { fields: Some(vec!["b".into()]), ..FindSpec::default() },
        };
        let include = Include {
            name: "b".into(), collection: there, local: local.into(), foreign: foreign.into(), one,
            query: Query::all(), spec: FindSpec { sort, limit, ..FindSpec::default() }, include: vec![back],
        };
        let belonging = |doc: &Value, local: &str, others: &[Value], foreign: &str| -> Vec<Value> {
            let value = sort_value(doc, local);
            let is_any = !matches!(value, Value::Undefined | Value::Null);
            let mine = others.iter().filter(|other| is_any && equal(&sort_value(other, foreign), &value));
            mine.cloned().collect()
        };
        let with = |doc: &Value, name: &str, value: Value| {
            let Value::Object(mut properties) = doc.clone() else { unreachable!() };
            match properties.iter_mut().find(|(other, _)| *other == JsString::from(name)) {
                Some((_, old)) => *old = value,
                None => properties.push((name.into(), value)),
            }
            Value::Object(properties)
        };
        let expected: Vec<Value> = all.iter().map(|doc| {
            let mut mine = belonging(doc, local, &others, foreign);
            if let Some(down) = descending {
                mine.sort_by(|x, y| {
                    let order = order(&sort_value(x, "a"), &sort_value(y, "a"));
                    if down { order.reverse() } else { order }
                });
            }
            mine.truncate(limit.map_or(usize::MAX, |limit| limit as usize));
            let mine = mine.iter().map(|other| {
                let back = belonging(other, "a", &all, "a");
                let back = back.iter().map(|doc| {
                    let Value::Object(properties) = doc else { unreachable!() };
                    let chosen = properties.iter().filter(|(name, _)| [JsString::from("_id"), "b".into()].contains(name));
                    Value::Object(chosen.cloned().collect())
                });
                with(other, "back", Value::Array(back.collect()))
            });
            let mine: Vec<_> = mine.collect();
            let value = match (one, mine.first()) {
                (true, first) => first.cloned().unwrap_or(Value::Null),
                (false, _) => Value::Array(mine),
            };
            with(doc, "b", value)
        }).collect();
        let mut joined = Joined::new(&collection(), Query::all(), FindSpec::default(), &[include]);
        let mut found = Vec::new();
        let work = |r: &mut dyn Reads| joined.step(r, &mut |doc| {
            found.push(Value::decode(doc)?);
            Ok(())
        });
        fake.read(work).unwrap();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn a_page_that_is_asked_for_is_bounded() {
    let mut fake = Fake::default();
    let one = |n: usize| {
        json(&format!(
            "{{\"_id\":\"{n}\",\"text\":\"{}\"}}",
            "x".repeat(4096)
        ))
    };
    for n in 0..600 {
        insert(&mut fake, &[one(n)], 1.0).unwrap();
    }
    let spec = || FindSpec {
        page: true,
        ..FindSpec::default()
    };
    let (first, mark) = page(&mut fake, spec());
    assert!((250..=260).contains(&first.len()), "{}", first.len());
    let after = After {
        id: "".into(),
        mark,
        values: Vec::new(),
    };
    let after = Some(Rc::new(after));
    let (second, _) = page(&mut fake, FindSpec { after, ..spec() });
    assert_eq!(number(&second[0]), first.len());
}

#[test]
fn what_is_no_mark_is_refused() {
    let mark = Mark {
        place: Order { frame: 7, slot: 1 },
        floor: Order { frame: 7, slot: 1 },
        values: vec![Value::Number(1.0)],
    };
    let text = mark.to_text().unwrap();
    let cut = |length| text.get(..length).unwrap();
    let read = |text: &str, fields| Mark::from_text(text.as_bytes(), fields);
    assert_eq!(read(&text, 1).unwrap().values, mark.values);
    assert_eq!(read(&text, 1).unwrap().place, mark.place);
    for (text, fields) in [
        (cut(text.len()), 0),
        (cut(text.len()), 2),
        (cut(text.len() - 2), 1),
        (cut(text.len() - 1), 1),
        (cut(20), 0),
        ("", 0),
        ("zz", 0),
    ] {
        let error = read(text, fields).unwrap_err();
        assert_eq!(error.code(), crate::error::Code::InvalidArgument, "{text}");
    }
    let waits = Order {
        frame: crate::codec::order::PROVISIONAL + 3,
        slot: 0,
    };
    let mark = Mark {
        place: waits,
        ..mark
    };
    let read = read(&mark.to_text().unwrap(), 1).unwrap();
    assert_eq!((read.place, read.floor), (waits, mark.floor));
}

#[test]
fn what_is_too_large_to_be_sorted_by_is_refused_with_an_index_and_without() {
    let ones = |count: usize| vec!["1"; count].join(",");
    let text = format!("\"{}\"", "x".repeat(300 << 10));
    let sorted = |fake: &mut Fake, descending: bool, limit: Option<u64>| -> Result<String> {
        let spec = FindSpec {
            sort: vec![("a".into(), descending)],
            limit,
            ..FindSpec::default()
        };
        let found = find(fake, &json("{}"), spec)?;
        let ids = found.iter().map(|doc| Collection::id_of(doc));
        let ids = ids.map(|id| Ok(id?.as_js().to_display().to_string()));
        Ok(ids.collect::<Result<Vec<_>>>()?.concat())
    };
    let with = |value: &str| {
        let second = format!(r#"{{"_id":"2","a":{value}}}"#);
        let docs = [r#"{"_id":"1","a":1}"#, &second, r#"{"_id":"3","a":[2]}"#];
        let mut fake = Fake::default();
        insert(&mut fake, &docs.map(json), 1.0).unwrap();
        fake
    };
    // The first is short, but its key in an index is not; that of the last is cut.
    let large = [
        format!("[{}]", ones(60_000)),
        format!("{{\"b\":[{}]}}", ones(60_000)),
        format!("[{text}]"),
        text.clone(),
    ];
    for value in large {
        let mut fake = with(&value);
        for is_indexed in [false, true] {
            if is_indexed {
                create(&mut fake, &spec(&["a"], false, false)).unwrap();
            }
            for descending in [false, true] {
                let refused = sorted(&mut fake, descending, None).unwrap_err();
                assert_eq!(refused.code(), Code::LimitExceeded, "{refused}");
            }
        }
        // By an index it is not come to.
        assert_eq!(sorted(&mut fake, false, Some(1)).unwrap(), "1");
    }
    let mut fake = with(&format!("[{}]", ones(20_000)));
    for is_indexed in [false, true] {
        if is_indexed {
            create(&mut fake, &spec(&["a"], false, false)).unwrap();
        }
        assert_eq!(sorted(&mut fake, false, None).unwrap(), "123");
        assert_eq!(sorted(&mut fake, true, None).unwrap(), "321");
    }
}
