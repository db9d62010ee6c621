//! A collection does what a plain list of documents would.

use super::tests::{collection, find, get, insert, json, sort_value};
use super::*;
use crate::codec::value::Value;
use crate::codec::value::compare::{equal, order};
use crate::codec::value::testing::{any_json, stored};
use crate::models::fake::Fake;
use proptest::prelude::*;

/// A document of the model: its properties after the three, and its times.
#[derive(Debug, Clone)]
struct Held {
    id: String,
    times: (f64, f64),
    properties: Vec<(JsString, Value)>,
}

impl Held {
    fn value(&self) -> Value {
        let meta = [
            ("_id".into(), Value::String(self.id.as_str().into())),
            ("_created".into(), Value::Number(self.times.0)),
            ("_updated".into(), Value::Number(self.times.1)),
        ];
        Value::Object(meta.into_iter().chain(self.properties.clone()).collect())
    }
}

type Properties = Vec<(JsString, Value)>;

#[derive(Debug, Clone)]
enum Op {
    Insert(Vec<(u8, Properties)>, bool),
    Update(u8, Properties, bool),
    Replace(u8, Properties, bool),
    Delete(u8),
}

fn properties() -> impl Strategy<Value = Properties> {
    let name = prop::sample::select(vec!["a", "b", "c", "é\""]);
    prop::collection::btree_map(name, any_json(), 0..4)
        .prop_map(|map| map.into_iter().map(|(n, v)| (n.into(), v)).collect())
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => (prop::collection::vec((0u8..200, properties()), 0..6), any::<bool>())
            .prop_map(|(docs, exact)| Op::Insert(docs, exact)),
        1 => (prop::collection::vec((0u8..200, properties()), 40..60), any::<bool>())
            .prop_map(|(docs, exact)| Op::Insert(docs, exact)),
        2 => (0u8..200, properties(), any::<bool>()).prop_map(|(id, p, e)| Op::Update(id, p, e)),
        1 => (0u8..200, properties(), any::<bool>()).prop_map(|(id, p, e)| Op::Replace(id, p, e)),
        1 => (0u8..200).prop_map(Op::Delete),
    ]
}

/// The existing document that an arbitrary number means, or one that is not there.
fn pick(model: &[Held], number: u8) -> (Option<usize>, String) {
    if model.is_empty() || number < 20 {
        return (None, "nobody".into());
    }
    let at = usize::from(number) % model.len();
    (Some(at), model[at].id.clone())
}

fn apply(fake: &mut Fake, model: &mut Vec<Held>, op: Op, now: f64) {
    match op {
        Op::Insert(docs, exact) => {
            let with_id = |(at, (_, properties)): (usize, &(u8, Properties))| Held {
                id: format!("{now}-{at}"),
                times: (now, now),
                properties: properties.clone(),
            };
            let held: Vec<_> = docs.iter().enumerate().map(with_id).collect();
            let stored: Vec<_> = held
                .iter()
                .map(|held| stored(&held.value(), exact))
                .collect();
            insert(fake, &stored, now).unwrap();
            model.extend(held);
        }
        Op::Update(number, changes, exact) => {
            let (at, id) = pick(model, number);
            let stored = stored(&Value::Object(changes.clone()), exact);
            let was = fake.write(|w| collection().update(w, id.as_str().into(), &stored, now));
            assert_eq!(was.unwrap(), at.is_some());
            let Some(held) = at.and_then(|at| model.get_mut(at)) else {
                return;
            };
            held.times.1 = now;
            for (name, value) in changes {
                match held.properties.iter_mut().find(|(other, _)| *other == name) {
                    Some((_, old)) => *old = value,
                    None => held.properties.push((name, value)),
                }
            }
        }
        Op::Replace(number, properties, exact) => {
            let (at, id) = pick(model, number);
            let stored = stored(&Value::Object(properties.clone()), exact);
            let was = fake.write(|w| collection().replace(w, id.as_str().into(), &stored, now));
            assert_eq!(was.unwrap(), at.is_some());
            let Some(held) = at.and_then(|at| model.get_mut(at)) else {
                return;
            };
            held.times.1 = now;
            held.properties = properties;
        }
        Op::Delete(number) => {
            let (at, id) = pick(model, number);
            let was = fake.write(|w| collection().delete(w, id.as_str().into()));
            assert_eq!(was.unwrap(), at.is_some());
            if let Some(at) = at {
                model.remove(at);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_collection_is_a_list_whatever_stops_it(
        ops in prop::collection::vec(op(), 1..8), seed in any::<u64>(),
        wanted in properties(), skip in 0u64..4, limit in prop::option::of(0u64..70),
        descending in any::<bool>(), query_exact in any::<bool>(),
    ) {
        let mut fake = Fake::disturbed(seed);
        let mut model = Vec::new();
        for (at, op) in ops.into_iter().enumerate() {
            apply(&mut fake, &mut model, op, at as f64 + 1.0);
        }
        let decoded = |docs: Vec<Bytes>| -> Vec<Value> {
            docs.iter().map(|doc| Value::decode(doc).unwrap()).collect()
        };
        let expected: Vec<Value> = model.iter().map(Held::value).collect();
        let all = json("{}");
        prop_assert_eq!(decoded(find(&mut fake, &all, FindSpec::default()).unwrap()), expected.clone());

        for held in model.iter().take(3) {
            let found = get(&mut fake, &held.id).unwrap();
            prop_assert_eq!(Value::decode(&found).unwrap(), held.value());
        }

        let cut = |docs: Vec<Value>| -> Vec<Value> {
            let limit = limit.map_or(usize::MAX, |limit| limit as usize);
            docs.into_iter().skip(skip as usize).take(limit).collect()
        };
        let sort = vec![("a".into(), descending), ("_updated".into(), false)];
        let spec = FindSpec { sort, skip, limit, fields: None };
        let mut sorted = expected.clone();
        sorted.sort_by(|x, y| {
            let first = order(&sort_value(x, "a"), &sort_value(y, "a"));
            let first = if descending { first.reverse() } else { first };
            first.then_with(|| order(&sort_value(x, "_updated"), &sort_value(y, "_updated")))
        });
        prop_assert_eq!(decoded(find(&mut fake, &all, spec).unwrap()), cut(sorted));

        // Ask for what some document holds, so that something is found.
        let wanted = model.last().map_or(wanted, |held| {
            held.properties.iter().take(1).cloned().collect()
        });
        let matching: Vec<_> = expected.into_iter().filter(|doc| {
            wanted.iter().all(|(name, value)| {
                equal(&sort_value(doc, name.as_js().as_str().unwrap()), value)
            })
        }).collect();
        let compiled = Query::compile(&stored(&Value::Object(wanted.clone()), query_exact));
        // A name of a property may look like an operator.
        prop_assume!(compiled.is_ok());
        let mut count = Count::new(&collection(), compiled.unwrap());
        prop_assert_eq!(fake.read(|r| count.step(r)).unwrap(), matching.len() as u64);
        let spec = FindSpec { skip, limit, ..FindSpec::default() };
        let query = stored(&Value::Object(wanted), query_exact);
        prop_assert_eq!(decoded(find(&mut fake, &query, spec).unwrap()), cut(matching));
        let mut count = Count::new(&collection(), Query::all());
        prop_assert_eq!(fake.read(|r| count.step(r)).unwrap(), model.len() as u64);
    }
}
