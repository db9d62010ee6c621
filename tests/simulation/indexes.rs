//! Indexes over the documents: made, dropped, and kept by whatever tabs do.

use bytes::Bytes;
use patchstore::codec::kinds::key;
use patchstore::codec::value::{Form, from_json};
use patchstore::engine::access::{Attempt, Catalog, Writes};
use patchstore::models::Scope;
use patchstore::models::documents::definition::{Definition, flag};
use patchstore::models::documents::index::{Entries, Layout};
use patchstore::models::documents::{Define, Find, Wanted};
use patchstore::models::keys;
use patchstore::models::many::Many;
use std::collections::{BTreeMap, BTreeSet};

use super::documents;
use super::operation::Told;
use super::plan::Op;

/// Under this key the plain map has whether values are unique.
pub const KEY: &[u8] = b"unique";

const INDEXES: &str = r#"{"indexes":[{"fields":["u"],"unique":true},{"fields":["by","n"]}]}"#;

/// An operation that defines what is kept beside the documents. It has progress of its own.
pub struct Defining {
    is_wanted: bool,
    finding: Find,
    numbers: Vec<u8>,
    is_found: bool,
    define: Define,
}

impl Defining {
    /// That of an operation, if it is one.
    pub fn of(op: &Op) -> Option<Self> {
        let is_wanted = match op {
            Op::Index => true,
            Op::Unindex => false,
            _ => return None,
        };
        Some(Self::new(is_wanted))
    }

    fn new(is_wanted: bool) -> Self {
        let definition = from_json(if is_wanted { INDEXES } else { "{}" }.as_bytes());
        let wanted = Wanted::decode(&definition).unwrap();
        Self {
            is_wanted,
            finding: documents::all(),
            numbers: Vec::new(),
            is_found: false,
            define: Define::whole(&documents::collection(), wanted),
        }
    }

    /// Whether it was done: not where two documents have the same value.
    pub fn step(&mut self, w: &mut dyn Writes) -> Attempt<Told> {
        if w.is_fresh() {
            *self = Self::new(self.is_wanted);
        }
        if !self.is_found {
            documents::gather(&mut self.finding, &mut self.numbers, w)?;
            self.is_found = true;
        }
        if self.is_wanted && !documents::are_unique(&documents::numbers_of(&self.numbers)) {
            return Ok(vec![0]);
        }
        self.define.step(w)?;
        Ok(vec![1])
    }
}

/// Whether the catalog defines any of the documents' collection.
pub fn are_there(catalog: &Catalog) -> bool {
    catalog.get(&definition_key()).is_some()
}

fn definition_key() -> Bytes {
    let scope = Scope::Name("sim".into());
    keys::collection_prefix(key::DEFINITION, &scope, "docs".into()).unwrap()
}

/// What a recount gives is what is stored, of each collection, and what is unique is there once.
pub fn check(all: &[(Bytes, Bytes)]) {
    let of = |kind: u8| all.iter().filter(move |(key, _)| key[0] == kind);
    let mut expected = BTreeMap::new();
    // (The others are those of `defined`, of two bytes.)
    for (defined, record) in of(key::DEFINITION).filter(|(key, _)| key.len() > 2) {
        let definition = Definition::decode(record.clone()).unwrap();
        let docs = of(key::DOCUMENT).filter(|(at, _)| at[1..].starts_with(&defined[1..]));
        let docs: Vec<_> = docs.collect();
        for index in definition.indexes {
            let layout = Layout::new(&index);
            let mut different = BTreeSet::new();
            for (at, doc) in &docs {
                let entries = Entries::of(&layout, Form::of(doc).unwrap()).unwrap();
                for entry in entries.keys() {
                    // (Nothing is unique that is not there.)
                    let has_value = index.is(flag::UNIQUE) && documents::has_value(doc);
                    let is_new = different.insert(entry.clone());
                    assert!(is_new || !has_value, "two documents have a unique value");
                    let entry = [&entry[..], &at[at.len() - 12..]].concat();
                    expected.insert(Bytes::from(entry), Bytes::copy_from_slice(entries.value()));
                }
            }
        }
    }
    let stored: BTreeMap<_, _> = of(key::INDEX_ENTRY).cloned().collect();
    assert_eq!(stored, expected, "an index is not what a recount gives");
}
