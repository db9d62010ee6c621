//! Random documents, definitions and questions, for tests over whatever keyspace.

use proptest::prelude::*;

use super::definition::{Definition, Index, flag};
use super::{Ids, NewDoc};
use crate::codec::js_string::JsString;
use crate::codec::value::Value;
use crate::codec::value::testing::stored;

/// A document to be inserted, and whether it is removed again.
#[derive(Debug, Clone)]
pub struct Given {
    pub doc: NewDoc,
    pub gone: bool,
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question {
    pub query: Value,
    pub sort: Vec<(&'static str, bool)>,
    pub skip: u64,
    pub limit: Option<u64>,
    pub page: bool,
    pub fields: Option<Vec<&'static str>>,
    /// Behind which document; whether it is one of those that are found; whether a mark says so.
    pub after: Option<(prop::sample::Index, bool, bool)>,
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

fn given(at: usize, doc: &Value, exact: bool, gone: bool) -> Given {
    let Value::Object(properties) = doc else {
        unreachable!()
    };
    let named = ("_id".into(), text(&format!("{:02}", at * 37 % 100)));
    let doc = Value::Object([named].into_iter().chain(properties.clone()).collect());
    let exact = exact || !is_json(&doc);
    let doc = NewDoc::prepare(&stored(&doc, exact), 1.0, &mut Ids::default(), &mut |_| ()).unwrap();
    Given { doc, gone }
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

/// Documents; their ids do not come as their places do.
pub fn docs() -> impl Strategy<Value = Vec<Given>> {
    let property = (field(), some()).prop_map(|(field, value)| match field {
        "d.e" => ("d", object(vec![("e", value)])),
        field => (field, value),
    });
    let doc = prop::collection::vec(property, 0..5).prop_map(object);
    let doc = (doc, any::<bool>(), prop::bool::weighted(0.15));
    prop::collection::vec(doc, 0..40).prop_map(|docs| {
        let docs = docs.into_iter().enumerate();
        docs.map(|(at, (doc, exact, gone))| given(at, &doc, exact, gone))
            .collect()
    })
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

pub fn definition() -> impl Strategy<Value = Definition> {
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

pub fn question() -> impl Strategy<Value = Question> {
    let fields = prop::sample::subsequence(vec!["a", "b", "_id", "d.e"], 0..3);
    let window = (
        0u64..4,
        prop::option::weighted(0.6, 0u64..8),
        prop::bool::weighted(0.2),
    );
    let after = (any::<prop::sample::Index>(), any::<bool>(), any::<bool>());
    (
        query(),
        sort(),
        window,
        prop::option::weighted(0.4, fields),
        prop::option::weighted(0.5, after),
    )
        .prop_map(
            |(query, sort, (skip, limit, page), fields, after)| Question {
                query,
                sort,
                skip,
                limit,
                page,
                fields,
                after,
            },
        )
}
