//! Documents, in the order of their insertion: that of the commits, over all tabs.

use bytes::Bytes;
use patchstore::codec::value::{Form, fields, from_json};
use patchstore::engine::access::{Attempt, Reads, Writes};
use patchstore::models::Scope;
use patchstore::models::documents::{Collection, Find, FindSpec, Ids, Insert, NewDoc, Query};
use patchstore::models::many::Many;

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
    collection().delete(w, text(name).as_str().into())
}

/// Changes the document of a name; whether it was there.
pub fn rewrite(w: &mut dyn Writes, name: u8, call: u64) -> Attempt<bool> {
    let changes = from_json(format!("{{\"by\":{call}}}").as_bytes());
    collection().update(w, text(name).as_str().into(), &changes, 0.0)
}

/// A query for all documents.
pub fn all() -> Find {
    Find::new(&collection(), Query::default(), FindSpec::default())
}

/// Goes on with a query until it has the numbers of all documents, as the plain map has them.
pub fn gather(find: &mut Find, numbers: &mut Vec<u8>, r: &mut dyn Reads) -> Attempt<Option<Bytes>> {
    find.step(r, &mut |doc| {
        let form = Form::of(doc)?;
        let n = fields::field(form, &fields::FieldName::new("n".into()))?;
        let n = n.map(Form::number).transpose()?.flatten().unwrap_or(-1.0);
        numbers.extend((n as u64).to_le_bytes());
        Ok(())
    })?;
    Ok((!numbers.is_empty()).then(|| Bytes::copy_from_slice(numbers)))
}
