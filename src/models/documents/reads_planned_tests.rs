//! Whatever is defined of a collection, what is found, and in what order, is what a plain list gives.

use super::index::{Change, Layout, of_document};
use super::plan::explain;
use super::projection::Projection;
use super::tests::collection;
use super::*;
use crate::codec::js_string::JsString;
use crate::codec::order::Order as Place;
use crate::codec::value::compare::{equal, order};
use crate::codec::value::testing::stored;
use crate::codec::value::{Form, Value};
use crate::engine::access::Reads;
use crate::models::documents::definition::{Definition, Index, flag};
use crate::models::fake::Fake;
use crate::models::many::Many;
use crate::models::query::Path;
use proptest::prelude::*;
use std::cmp::Ordering;
use std::rc::Rc;

/// Documents with their places, in a keyspace with their entries.
struct Model {
    fake: Fake,
    docs: Vec<(Place, Bytes)>,
}

fn text(text: &str) -> Value {
    Value::String(text.into())
}

fn object(properties: Vec<(&str, Value)>) -> Value {
    let mut known: Vec<&str> = Vec::new();
    let mut all = Vec::new();
    for (name, value) in properties {
        if !known.contains(&name) {
            known.push(name);
            all.push((name.into(), value));
        }
    }
    Value::Object(all)
}

fn is_json(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => true,
        Value::Number(number) => number.is_finite() && !number.is_sign_negative(),
        Value::Array(items) => items.iter().all(is_json),
        Value::Object(properties) => properties.iter().all(|(_, value)| is_json(value)),
        _ => false,
    }
}

impl Model {
    fn new(docs: &[(Value, bool, bool)], definition: &Definition, seed: u64) -> Self {
        let mut fake = Fake::disturbed(seed);
        let mut kept = Vec::new();
        for (at, (doc, exact, gone)) in docs.iter().enumerate() {
            let Value::Object(properties) = doc else {
                unreachable!()
            };
            // Ids do not come as places do.
            let id = format!("{:02}", at * 37 % 100);
            let named = ("_id".into(), text(&id));
            let doc = Value::Object([named].into_iter().chain(properties.clone()).collect());
            let exact = *exact || !is_json(&doc);
            let new = NewDoc::prepare(&stored(&doc, exact), 1.0, &mut Ids::default(), &mut |_| ());
            let mut insert = Insert::new(&collection(), vec![new.unwrap()]);
            fake.write(|w| insert.step(w)).unwrap();
            if *gone {
                fake.write(|w| collection().delete(w, id.as_str().into(), &mut Cascade::new(0.0)))
                    .unwrap();
            } else {
                kept.push(id);
            }
        }
        let mut found = Vec::new();
        for id in kept {
            let key = collection().id_key(id.as_str().into());
            found.push(
                fake.read(|r| collection().place_of(r, &key))
                    .unwrap()
                    .unwrap(),
            );
        }
        let key = collection().defined.clone();
        let record = definition.encode();
        fake.write(|w| {
            w.put(key.clone(), record.clone());
            Ok(())
        })
        .unwrap();
        let mut model = Self { fake, docs: found };
        model.enter(definition);
        model
    }

    /// Puts the entries of all documents.
    fn enter(&mut self, definition: &Definition) {
        let docs = &self.docs;
        let put = |w: &mut dyn Writes| {
            for index in &definition.indexes {
                let layout = Layout::new(index);
                for (place, doc) in docs {
                    let doc = Some(Form::of(doc)?);
                    of_document(&layout, None, doc, &mut |change| match change {
                        Change::Put(key, value) | Change::Revalue(key, value) => {
                            w.put_at(key, *place, value)
                        }
                        Change::Delete(key) => w.delete_at(key, *place),
                    })?;
                }
            }
            Ok(())
        };
        self.fake.write(put).unwrap();
    }

    fn value(&self, doc: &[u8], field: &str) -> Value {
        let found = Path::from(&field.into()).find(Form::of(doc).unwrap());
        let found = found.unwrap().map(Value::of_form);
        found.transpose().unwrap().unwrap_or(Value::Undefined)
    }

    fn key(&self, doc: &[u8], sort: &[(&str, bool)]) -> Vec<Value> {
        let fields = sort.iter();
        fields.map(|(field, _)| self.value(doc, field)).collect()
    }

    /// What a plain list gives.
    fn expected(
        &self,
        query: &Query,
        sort: &[(&str, bool)],
        after: Option<&(Vec<Value>, Place)>,
    ) -> Vec<(Place, Bytes)> {
        let matching = self.docs.iter();
        let matching = matching.filter(|(_, doc)| query.matches(doc).unwrap());
        let mut all: Vec<_> = matching.cloned().collect();
        let compared = |a: &[Value], b: &[Value]| {
            let mut orders = a.iter().zip(b).zip(sort).map(|((a, b), (_, down))| {
                let order = order(a, b);
                if *down { order.reverse() } else { order }
            });
            orders
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal)
        };
        all.sort_by(|(x, a), (y, b)| {
            compared(&self.key(a, sort), &self.key(b, sort)).then(x.cmp(y))
        });
        if let Some((key, at)) = after {
            all.retain(|(place, doc)| {
                compared(&self.key(doc, sort), key)
                    .then(place.cmp(at))
                    .is_gt()
            });
        }
        all
    }
}

fn few() -> impl Strategy<Value = Value> {
    let texts = ["", "a", "ab", "b"].map(text);
    let numbers = [0.0, 1.0, 2.0, 3.0, -0.0, f64::NAN, 0.5].map(Value::Number);
    let long = ["a", "b", "b\0", ""].map(|end| text(&("x".repeat(600) + end)));
    let whole = |n: f64| Value::BigInt(crate::codec::value::compare::whole(n).unwrap());
    let others = [
        Value::Null,
        Value::Undefined,
        Value::Bool(true),
        Value::Date(5.0),
        whole(1.0),
        whole(2.0),
        Value::Bytes(crate::codec::value::BytesKind::ArrayBuffer, vec![1]),
        object(vec![("e", Value::Number(1.0))]),
    ];
    prop_oneof![
        4 => prop::sample::select(numbers.to_vec()),
        2 => prop::sample::select(texts.to_vec()),
        1 => prop::sample::select(long.to_vec()),
        1 => prop::sample::select(others.to_vec()),
    ]
}

fn some() -> impl Strategy<Value = Value> {
    prop_oneof![5 => few(), 1 => prop::collection::vec(few(), 0..4).prop_map(Value::Array)]
}

fn field() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "c", "d.e"])
}

fn docs() -> impl Strategy<Value = Vec<(Value, bool, bool)>> {
    let property = (field(), some()).prop_map(|(field, value)| match field {
        "d.e" => ("d", object(vec![("e", value)])),
        field => (field, value),
    });
    let doc = prop::collection::vec(property, 0..5).prop_map(object);
    prop::collection::vec((doc, any::<bool>(), prop::bool::weighted(0.15)), 0..40)
}

fn tested() -> impl Strategy<Value = Value> {
    let compared = prop::sample::select(vec!["$gt", "$gte", "$lt", "$lte", "$ne", "$contains"]);
    let listed = prop::sample::select(vec!["$in", "$in", "$all", "$nin"]);
    let list = || prop::collection::vec(some(), 0..5).prop_map(Value::Array);
    let begins = prop::sample::select(vec![text("a"), text(""), text(&"x".repeat(550))]);
    prop_oneof![
        5 => some(),
        4 => (compared.clone(), some()).prop_map(|(name, value)| object(vec![(name, value)])),
        3 => (listed, list()).prop_map(|(name, list)| object(vec![(name, list)])),
        1 => begins.prop_map(|begin| object(vec![("$startsWith", begin)])),
        1 => (some(), some()).prop_map(|(a, b)| {
            object(vec![("$elemMatch", object(vec![("$gte", a), ("$lt", b)]))])
        }),
        1 => (some(), some()).prop_map(|(a, b)| object(vec![("$gte", a), ("$lte", b)])),
        1 => any::<bool>().prop_map(|there| object(vec![("$exists", Value::Bool(there))])),
    ]
}

fn query() -> impl Strategy<Value = Value> {
    let ids = || prop::sample::select(vec!["00", "37", "74", "11", "xx"]).prop_map(text);
    let id = prop_oneof![
        ids(),
        prop::collection::vec(ids(), 0..6).prop_map(|ids| object(vec![("$in", Value::Array(ids))])),
    ];
    let leaf = prop_oneof![
        12 => (field(), tested()).prop_map(|(field, test)| object(vec![(field, test)])),
        1 => id.prop_map(|id| object(vec![("_id", id)])),
    ];
    let all = |leaves| object(vec![("$and", Value::Array(leaves))]);
    let branch = prop::collection::vec(leaf.clone(), 1..3).prop_map(all);
    let or = prop::collection::vec(branch, 1..4).prop_map(Value::Array);
    let flat = prop::collection::vec(leaf, 0..4);
    (flat, prop::option::weighted(0.3, or)).prop_map(move |(mut leaves, or)| {
        leaves.extend(or.map(|or| object(vec![("$or", or)])));
        object(vec![("$and", Value::Array(leaves))])
    })
}

fn definition() -> impl Strategy<Value = Definition> {
    let fields = prop::sample::subsequence(vec!["a", "b", "c", "d.e", "_id"], 1..4).prop_shuffle();
    prop::collection::vec((fields, prop::bool::weighted(0.3)), 0..5).prop_map(|indexes| {
        let made = indexes
            .into_iter()
            .zip(300..)
            .map(|((fields, multi), number)| Index {
                number,
                flags: flag::CREATED | if multi { flag::MULTI } else { 0 },
                fields: fields.into_iter().map(JsString::from).collect(),
            });
        Definition {
            indexes: made.collect(),
            ..Definition::default()
        }
    })
}

fn sort() -> impl Strategy<Value = Vec<(&'static str, bool)>> {
    let field = || prop_oneof![8 => field(), 1 => Just("_id")];
    let mixed = prop::collection::vec((field(), any::<bool>()), 0..4);
    (mixed, prop::option::weighted(0.8, any::<bool>())).prop_map(|(mut sort, all)| {
        if let Some(all) = all {
            sort.iter_mut().for_each(|(_, down)| *down = all);
        }
        sort
    })
}

fn found(fake: &mut Fake, query: &Query, spec: FindSpec) -> (Vec<Bytes>, Vec<Place>, Option<Mark>) {
    let spec = FindSpec {
        places: true,
        ..spec
    };
    let mut find = Find::new(&collection(), query.clone(), spec);
    let mut all = Vec::new();
    let work = |r: &mut dyn Reads| {
        find.step(r, &mut |doc| {
            all.push(Bytes::copy_from_slice(doc));
            Ok(())
        })
    };
    fake.read(work).unwrap();
    let places = find.places().unwrap().to_vec();
    (all, places, find.mark())
}

fn decoded(all: &[Bytes]) -> Vec<Value> {
    all.iter().map(|doc| Value::decode(doc).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 10 } else { 10_000 }))]

    #[test]
    fn what_is_found_is_what_a_plain_list_gives(
        docs in docs(), definition in definition(), query in query(), sort in sort(), seed in any::<u64>(),
        skip in 0u64..4, limit in prop::option::weighted(0.6, 0u64..8), page in prop::bool::weighted(0.2),
        fields in prop::option::weighted(0.4, prop::sample::subsequence(vec!["a", "b", "_id", "d.e"], 0..3)),
        after in prop::option::weighted(0.5, (any::<prop::sample::Index>(), any::<bool>(), any::<bool>())),
    ) {
        let mut model = Model::new(&docs, &definition, seed);
        let query = Query::compile(&stored(&query, true), Rc::new(())).unwrap();
        let by: Vec<(JsString, bool)> = sort.iter().map(|(field, down)| ((*field).into(), *down)).collect();
        let whole = model.expected(&query, &sort, None);
        // Behind one that is found, or any.
        let after = after.and_then(|(at, of_result, by_mark)| {
            let among = if of_result { &whole } else { &model.docs };
            let (place, doc) = among.get(at.index(among.len().max(1)))?.clone();
            Some((place, doc, by_mark))
        });
        let behind = after.as_ref().map(|(place, doc, _)| (model.key(doc, &sort), *place));
        let expected = model.expected(&query, &sort, behind.as_ref());
        let shown: Vec<_> = expected.iter().skip(skip as usize).take(limit.map_or(usize::MAX, |limit| limit as usize)).cloned().collect();
        let after = after.map(|(place, doc, by_mark)| {
            let values = model.key(&doc, &sort);
            let id = Collection::id_of(&doc).unwrap();
            Rc::new(if by_mark {
                After { id: JsString::default(), mark: Some(Mark { place, floor: place, values }), values: Vec::new() }
            } else {
                After { id, mark: None, values }
            })
        });
        let fields: Option<Vec<JsString>> = fields.map(|fields| fields.into_iter().map(JsString::from).collect());
        let spec = FindSpec { sort: by, skip, limit, fields: fields.clone(), after, page, places: true };
        let plan = model.fake.read(|r| Ok(explain(&collection(), &query, &spec, r)?)).unwrap();
        let (all, places, mark) = found(&mut model.fake, &query, spec);
        let expected_docs = shown.iter().map(|(_, doc)| match &fields {
            Some(fields) => Projection::new(fields).apply(doc).unwrap(),
            None => doc.clone(),
        });
        let expected_docs: Vec<_> = expected_docs.collect();
        let expected_places: Vec<_> = shown.iter().map(|(place, _)| *place).collect();
        prop_assert_eq!(places, expected_places, "{}", plan);
        prop_assert_eq!(format!("{:?}", decoded(&all)), format!("{:?}", decoded(&expected_docs)), "{}", plan);
        match (mark, shown.last()) {
            (None, None) => {}
            (Some(mark), Some((place, doc))) => {
                prop_assert_eq!(mark.place, *place);
                let key = model.key(doc, &sort);
                prop_assert!(mark.values.len() == key.len() && mark.values.iter().zip(&key).all(|(a, b)| equal(a, b)));
            }
            _ => prop_assert!(false, "a mark is there or not"),
        }
    }
}
