//! A collection does what a plain list of documents would.

use super::tests::{collection, find, get, insert, json, prepare, sort_value};
use super::*;
use crate::codec::js_string::JsString;
use crate::codec::value::Value;
use crate::codec::value::compare::{equal, order};
use crate::codec::value::testing::{any_json, stored};
use crate::models::fake::Fake;
use crate::models::many::Many;
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

    fn has(&self, name: &str) -> bool {
        self.properties
            .iter()
            .any(|(other, _)| *other == JsString::from(name))
    }

    fn merge(&mut self, changes: Properties, unset: &[&str], now: f64) {
        self.times.1 = now;
        for (name, value) in changes {
            match self.properties.iter_mut().find(|(other, _)| *other == name) {
                Some((_, old)) => *old = value,
                None => self.properties.push((name, value)),
            }
        }
        let is_unset = |name: &JsString| unset.iter().any(|other| *name == JsString::from(*other));
        self.properties.retain(|(name, _)| !is_unset(name));
    }
}

type Properties = Vec<(JsString, Value)>;

#[derive(Debug, Clone)]
enum Op {
    Insert(Vec<(u8, Properties)>, bool),
    Update(u8, Properties, bool),
    Replace(u8, Properties, bool),
    Delete(u8),
    /// Puts these properties in the place of the document's, or deletes it.
    Modify(u8, Option<Properties>, bool),
    Upsert(u8, Properties, bool),
    /// Of all documents that have the first property.
    UpdateMany(&'static str, Properties, Vec<&'static str>, bool),
    DeleteMany(&'static str),
    CreateIndex(Vec<&'static str>, bool),
    DropIndex(Vec<&'static str>),
}

const NAMES: [&str; 4] = ["a", "b", "c", "é\""];

fn properties() -> impl Strategy<Value = Properties> {
    let name = prop::sample::select(NAMES.to_vec());
    prop::collection::btree_map(name, any_json(), 0..4)
        .prop_map(|map| map.into_iter().map(|(n, v)| (n.into(), v)).collect())
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(NAMES.to_vec())
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
        2 => (0u8..200, prop::option::of(properties()), any::<bool>())
            .prop_map(|(id, p, e)| Op::Modify(id, p, e)),
        1 => (0u8..200, properties(), any::<bool>()).prop_map(|(id, p, e)| Op::Upsert(id, p, e)),
        2 => (name(), properties(), prop::collection::vec(name(), 0..3), any::<bool>())
            .prop_map(|(name, p, unset, e)| Op::UpdateMany(name, p, unset, e)),
        1 => name().prop_map(Op::DeleteMany),
        3 => (fields(), any::<bool>()).prop_map(|(fields, multi)| Op::CreateIndex(fields, multi)),
        1 => fields().prop_map(Op::DropIndex),
    ]
}

fn fields() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(NAMES.to_vec(), 1..3)
}

/// The document that an arbitrary number means, or one that may not be there.
fn pick(model: &[Held], number: u8) -> (Option<usize>, String) {
    if model.is_empty() || number < 20 {
        let at = model.iter().position(|held| held.id == "nobody");
        return (at, "nobody".into());
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
            let was = super::tests::update(fake, &id, &stored, now);
            assert_eq!(was.unwrap(), at.is_some());
            if let Some(held) = at.and_then(|at| model.get_mut(at)) {
                held.merge(changes, &[], now);
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
            let was =
                fake.write(|w| collection().delete(w, id.as_str().into(), &mut Cascade::new(0.0)));
            assert_eq!(was.unwrap(), at.is_some());
            if let Some(at) = at {
                model.remove(at);
            }
        }
        Op::Modify(number, properties, exact) => {
            let (at, id) = pick(model, number);
            let new = properties.clone().map(|p| stored(&Value::Object(p), exact));
            let held = at.and_then(|at| model.get(at)).map(Held::value);
            let given = fake.write(|w| {
                collection().modify(
                    w,
                    id.as_str().into(),
                    now,
                    &mut |old| {
                        let old = old.map(|old| Value::decode(old).unwrap());
                        assert_eq!(old, held);
                        Ok(new.clone())
                    },
                    &mut Cascade::new(now),
                )
            });
            match (at, properties) {
                (Some(at), None) => drop(model.remove(at)),
                (None, None) => {}
                (Some(at), Some(properties)) => {
                    model[at].times.1 = now;
                    model[at].properties = properties;
                }
                (None, Some(properties)) => model.push(Held {
                    id: id.clone(),
                    times: (now, now),
                    properties,
                }),
            }
            let new = model.iter().find(|held| held.id == id).map(Held::value);
            let given = given.unwrap().map(|doc| Value::decode(&doc).unwrap());
            assert_eq!(given, new);
        }
        Op::Upsert(number, changes, exact) => {
            let (at, id) = pick(model, number);
            let given_id = [("_id".into(), Value::String(id.as_str().into()))];
            let object = given_id.into_iter().chain(changes.clone()).collect();
            let doc = prepare(&stored(&Value::Object(object), exact), now).unwrap();
            let done = fake.write(|w| collection().upsert(w, &doc, &[], now, &mut None));
            let done = done.unwrap();
            assert_eq!((done.id, done.inserted), (id.as_str().into(), at.is_none()));
            match at.and_then(|at| model.get_mut(at)) {
                Some(held) => held.merge(changes, &[], now),
                None => model.push(Held {
                    id,
                    times: (now, now),
                    properties: changes,
                }),
            }
        }
        Op::UpdateMany(name, changes, unset, exact) => {
            let stored = stored(&Value::Object(changes.clone()), exact);
            let names: Vec<JsString> = unset.iter().map(|name| (*name).into()).collect();
            let all = Changes::new(stored, now).without(&names);
            let mut work = WriteMany::update(&collection(), having(name), all, None);
            let count = fake.write(|w| work.step(w)).unwrap();
            let matching = model.iter_mut().filter(|held| held.has(name));
            let expected = matching.map(|held| held.merge(changes.clone(), &unset, now));
            assert_eq!(count, expected.count() as u64);
        }
        Op::DeleteMany(name) => {
            let mut work = WriteMany::delete(&collection(), having(name), now);
            let count = fake.write(|w| work.step(w)).unwrap();
            let before = model.len();
            model.retain(|held| !held.has(name));
            assert_eq!(count, (before - model.len()) as u64);
        }
        Op::CreateIndex(fields, multi) => {
            let fields = fields.into_iter().map(JsString::from).collect();
            let unique = false;
            let spec = IndexSpec {
                fields,
                unique,
                multi,
            };
            indexing_tests::create(fake, &spec).unwrap();
        }
        Op::DropIndex(fields) => drop(indexing_tests::drop_index(fake, &fields)),
    }
}

/// What has a property.
fn having(name: &str) -> Query {
    let exists = Value::Object(vec![("$exists".into(), Value::Bool(true))]);
    let query = stored(&Value::Object(vec![(name.into(), exists)]), true);
    Query::compile(&query, std::rc::Rc::new(())).unwrap()
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
            indexing_tests::recount(&fake);
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
        let spec = FindSpec { sort, skip, limit, ..FindSpec::default() };
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
        let compiled = Query::compile(&stored(&Value::Object(wanted.clone()), query_exact), std::rc::Rc::new(()));
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
