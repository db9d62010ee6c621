//! Stored documents as the model reads and rewrites them: found, sorted, projected, merged into.

use super::values;
use bytes::Bytes;
use fastrand::Rng;
use patchstore::codec::batch::OpKey;
use patchstore::codec::feature::Feature;
use patchstore::codec::head::OpLog;
use patchstore::codec::js_string::JsString;
use patchstore::codec::marks::{Marks, NEVER};
use patchstore::codec::order::Order;
use patchstore::codec::stamp::Stamp;
use patchstore::codec::value::{Value, from_json};
use patchstore::engine::access::{
    Attempt, Catalog, Cursor, KeyRange, Landed, Measure, Reads, Take, Writes,
};
use patchstore::models::Scope;
use patchstore::models::documents::{
    Changes, Collection, Distinct, Find, FindSpec, Include, Joined, Mark, Query,
};
use std::rc::Rc;

/// A keyspace that holds one document, wherever one looks.
struct OneDocument {
    doc: Bytes,
    written: Option<Bytes>,
}

const PLACE: Order = Order { frame: 1, slot: 0 };

impl Reads for OneDocument {
    fn op_log(&self) -> Option<OpLog> {
        None
    }
    fn catalog(&self) -> Rc<Catalog> {
        Rc::default()
    }
    fn next_stamp(&self) -> Stamp {
        Stamp::default()
    }
    fn is_fresh(&self) -> bool {
        false
    }
    fn landed(&self, _: Order) -> Landed {
        Landed::Forgotten
    }
    fn get_stored(&mut self, key: &[u8]) -> Attempt<Option<Bytes>> {
        self.get(key)
    }

    fn get(&mut self, key: &[u8]) -> Attempt<Option<Bytes>> {
        let is_doc = key.ends_with(&PLACE.to_bytes());
        let place = || Bytes::copy_from_slice(&PLACE.to_bytes());
        Ok(Some(if is_doc { self.doc.clone() } else { place() }))
    }
    fn until(&mut self, _: &[u8]) -> Attempt<Option<u64>> {
        Ok(Some(NEVER))
    }
    fn want(&mut self, _: &[Bytes]) -> Attempt<()> {
        Ok(())
    }
    fn scan(&mut self, cursor: &mut Cursor, _: bool, take: &mut Take<'_>) -> Attempt<bool> {
        if cursor.last.is_none() {
            cursor.last = Some(cursor.range.from.clone());
            take(
                &[&cursor.range.from[..], &PLACE.to_bytes()].concat(),
                &self.doc,
            )?;
        }
        Ok(false)
    }
    fn measure(&mut self, _: &mut Cursor) -> Attempt<Option<Measure>> {
        Ok(None)
    }
    fn estimate(&mut self, _: &KeyRange) -> u64 {
        1
    }
    fn breathe(&mut self) -> Attempt<()> {
        Ok(())
    }
}

impl Writes for OneDocument {
    fn stamp_after(&mut self, _: u64) {}
    fn put(&mut self, _: Bytes, _: Bytes) {}
    fn put_marked(&mut self, _: OpKey, _: Bytes, _: Marks) {}
    fn need(&mut self, _: Feature) {}
    fn delete(&mut self, _: Bytes) {}
    fn delete_range(&mut self, _: KeyRange) {}
    fn new_order(&mut self) -> Order {
        PLACE
    }
    fn put_at(&mut self, _: Bytes, _: Order, value: Bytes) {
        self.written = Some(value);
    }
    fn put_order(&mut self, _: Bytes, _: Order) {}
    fn delete_at(&mut self, _: Bytes, _: Order) {}

    fn is_first(&mut self, _number: u16) -> bool {
        true
    }
}

pub fn a_document(rng: &mut Rng) -> Vec<u8> {
    let json = rng.bool();
    let mut properties: Vec<(JsString, Value)> = vec![
        ("_id".into(), Value::String("x".into())),
        ("_created".into(), Value::Number(1.0)),
        ("_updated".into(), Value::Number(2.0)),
    ];
    for name in ["a", "b", "a.b"] {
        if rng.bool() {
            properties.push((name.into(), values::value(rng, json)));
        }
    }
    values::stored(&Value::Object(properties), json)
}

pub fn document(input: &[u8]) -> Option<Vec<u8>> {
    let whole = Value::decode(input);
    let collection = Collection::new(&Scope::Name("s".into()), "c".into()).unwrap();
    let mut space = OneDocument {
        doc: Bytes::copy_from_slice(input),
        written: None,
    };
    let names = |names: &[&str]| names.iter().map(|&name| name.into()).collect();
    let specs: [(&[&str], &[&str], &str); 3] = [
        (&[], &["a", "a.b", "b.0", "b.1.a", "a.a.a"], "{}"),
        (&["a", "b.0", "c"], &["b.b"], "{}"),
        (&[], &[], r#"{"a":1,"a.b":null,"b.0.a":[1]}"#),
    ];
    for (sort, fields, query) in specs {
        let spec = FindSpec {
            sort: sort.iter().map(|&field| (field.into(), true)).collect(),
            fields: Some(names(fields)).filter(|_: &Vec<JsString>| !fields.is_empty()),
            ..FindSpec::default()
        };
        let query = Query::compile(&from_json(query.as_bytes()), std::rc::Rc::new(())).unwrap();
        let mut find = Find::new(&collection, query, spec);
        let found = find.step(&mut space, &mut |doc| {
            if whole.is_ok() {
                drop(Value::decode(doc).unwrap());
            }
            Ok(())
        });
        drop(found);
    }
    drop(joined(&collection, &mut space, whole.is_ok()));
    let exact = Value::Object(vec![("a".into(), Value::Undefined)])
        .encode()
        .unwrap();
    for changes in [from_json(br#"{"a":{"b":1},"_id":7}"#), exact] {
        let update = Changes::new(changes.clone(), 3.0).without(&names(&["b", "a.b", "_id"]));
        let done = collection
            .update(&mut space, "x".into(), &update, &mut None)
            .is_ok();
        let replaced = collection
            .replace(&mut space, "x".into(), &changes, 3.0)
            .is_ok();
        if (done || replaced) && whole.is_ok() {
            drop(Value::decode(&space.written.take().unwrap()).unwrap());
        }
    }
    whole.ok().map(|_| input.to_vec())
}

/// The document with itself in it, and the values of a field.
fn joined(collection: &Collection, space: &mut OneDocument, is_whole: bool) -> Attempt<()> {
    let include = Include {
        name: "b".into(),
        collection: collection.clone(),
        local: "a".into(),
        foreign: "a".into(),
        one: false,
        query: Query::all(),
        spec: FindSpec::default(),
        include: Vec::new(),
    };
    let spec = FindSpec::default();
    let mut joined = Joined::new(collection, Query::all(), spec, &[include]);
    let mut distinct = Distinct::new(collection, &"a".into(), Query::all());
    let out = &mut |stored: &[u8]| {
        if is_whole {
            drop(Value::decode(stored).unwrap());
        }
        Ok(())
    };
    joined.step(space, out)?;
    distinct.step(space, out)
}

/// Where a page ended, as a sandbox may send it, behind the number of fields that are sorted by.
pub fn an_end(rng: &mut Rng) -> Vec<u8> {
    let fields = rng.u8(0..3);
    let mut number = || if rng.bool() { rng.u64(..) } else { 7 };
    let mark = Mark {
        place: Order {
            frame: number(),
            slot: 1,
        },
        floor: PLACE,
        values: (0..fields).map(|_| values::value(rng, false)).collect(),
    };
    let mut out = vec![fields];
    out.extend(mark.to_text().unwrap().into_bytes());
    out
}

pub fn end(input: &[u8]) -> Option<Vec<u8>> {
    let (fields, text) = input.split_first()?;
    let mark = Mark::from_text(text, usize::from(*fields)).ok()?;
    let mut out = vec![*fields];
    out.extend(mark.to_text().ok()?.into_bytes());
    Some(out)
}
