//! Documents, in the order of their insertion: that of the commits, over all tabs.

use bytes::Bytes;
use patchstore::codec::value::{Form, fields, from_json};
use patchstore::engine::access::{Attempt, Reads, Stop, Writes};
use patchstore::models::Scope;
use patchstore::models::documents::{
    Cascade, Changes, Collection, Find, FindSpec, Ids, Insert, NewDoc, Query,
};
use patchstore::models::many::Many;
use patchstore::{Code, Result};
use std::collections::BTreeSet;

/// Under this key the plain map has the numbers of the documents, in order.
pub const KEY: &[u8] = b"docs";

pub fn collection() -> Collection {
    Collection::new(&Scope::Name("sim".into()), "docs".into()).unwrap()
}

/// The number of the k-th new document of a call; names come first.
pub fn number(call: u64, k: u8) -> u64 {
    100 + call * 10 + u64::from(k)
}

fn text(name: u8) -> String {
    format!("name-{name}")
}

fn new_doc(json: String, seed: u64) -> NewDoc {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut random = |bytes: &mut [u8]| rng.fill(bytes);
    let stored = from_json(json.as_bytes());
    NewDoc::prepare(&stored, 0.0, &mut Ids::default(), &mut random).unwrap()
}

/// Inserts documents with ids made up.
pub fn insert(w: &mut dyn Writes, call: u64, docs: u8) -> Attempt<()> {
    let number = |k| number(call, k);
    let docs = (0..docs).map(|k| new_doc(format!("{{\"n\":{}}}", number(k)), number(k)));
    Insert::new(&collection(), docs.collect()).step(w)
}

/// Inserts the document of a name; whether there was none.
pub fn insert_named(w: &mut dyn Writes, name: u8) -> Attempt<bool> {
    let id = text(name);
    if collection().get(w, id.as_str().into())?.is_some() {
        return Ok(false);
    }
    let doc = new_doc(format!("{{\"_id\":\"{id}\",\"n\":{name}}}"), 0);
    Insert::new(&collection(), vec![doc]).step(w)?;
    Ok(true)
}

/// Removes the document of a name; whether it was there.
pub fn remove(w: &mut dyn Writes, name: u8) -> Attempt<bool> {
    collection().delete(w, text(name).as_str().into(), &mut Cascade::new(0.0))
}

/// Changes the document of a name; whether it was there.
pub fn rewrite(w: &mut dyn Writes, name: u8, call: u64) -> Attempt<bool> {
    let changes = Changes::new(from_json(format!("{{\"by\":{call}}}").as_bytes()), 0.0);
    collection().update(w, text(name).as_str().into(), &changes, &mut None)
}

/// Gives the document of a name a value: 0 where there is none, 2 where another one has it and it is unique, else 1.
pub fn claim(w: &mut dyn Writes, name: u8, value: u8) -> Attempt<u64> {
    let changes = Changes::new(from_json(format!("{{\"u\":{value}}}").as_bytes()), 0.0);
    let claimed = collection().update(w, text(name).as_str().into(), &changes, &mut None);
    match claimed {
        Err(Stop::Fail(error)) if error.code() == Code::ConstraintViolation => Ok(2),
        claimed => claimed.map(u64::from),
    }
}

/// The number of a document whose value, if it has one, stands above it.
pub fn bare(doc: u64) -> u64 {
    doc & u64::from(u32::MAX)
}

/// A document with a value.
pub fn with_value(doc: u64, value: u8) -> u64 {
    bare(doc) | (u64::from(value) + 1) << 32
}

/// Whether a stored document has a value.
pub fn has_value(doc: &[u8]) -> bool {
    let form = Form::of(doc).unwrap();
    let found = fields::field(form, &fields::FieldName::new("u".into()));
    found.unwrap().is_some()
}

/// Whether no two documents have one value.
pub fn are_unique(docs: &[u64]) -> bool {
    let values = || docs.iter().map(|doc| doc >> 32).filter(|value| *value > 0);
    values().count() == values().collect::<BTreeSet<_>>().len()
}

/// The documents, as the plain map has them.
pub fn numbers_of(all: &[u8]) -> Vec<u64> {
    let numbers = all.chunks_exact(8);
    numbers
        .map(|n| u64::from_le_bytes(n.try_into().unwrap()))
        .collect()
}

/// A query for all documents.
pub fn all() -> Find {
    Find::new(&collection(), Query::all(), FindSpec::default())
}

/// Goes on with a query until it has the numbers of all documents, as the plain map has them.
pub fn gather(find: &mut Find, numbers: &mut Vec<u8>, r: &mut dyn Reads) -> Attempt<Option<Bytes>> {
    find.step(r, &mut |doc| {
        let form = Form::of(doc)?;
        let number = |name: &str| -> Result<Option<f64>> {
            let found = fields::field(form, &fields::FieldName::new(name.into()))?;
            Ok(found.map(Form::number).transpose()?.flatten())
        };
        let n = number("n")?.unwrap_or(-1.0) as u64;
        let doc = number("u")?.map_or(n, |value| with_value(n, value as u8));
        numbers.extend(doc.to_le_bytes());
        Ok(())
    })?;
    Ok((!numbers.is_empty()).then(|| Bytes::copy_from_slice(numbers)))
}
