//! What the catalog has: the version of the data's shape, what is defined of collections; and the entries of indexes.

use super::values::value;
use super::{corpus, records, texts};
use bytes::Bytes;
use fastrand::Rng;
use patchstore::codec::data_version::DataVersion;
use patchstore::codec::io::{Input, put_bytes};
use patchstore::codec::tags::Tags;
use patchstore::codec::value::{Form, Value};
use patchstore::models::documents::definition::{
    Definition, Index, OnDelete, Reference, Sequence, flag,
};
use patchstore::models::documents::index::{Entries, Layout, place_of};

fn list<T>(rng: &mut Rng, make: impl Fn(&mut Rng) -> T) -> Vec<T> {
    (0..rng.usize(..4)).map(|_| make(rng)).collect()
}

fn an_index(rng: &mut Rng) -> Index {
    let mut fields = list(rng, texts::string);
    fields.push(texts::string(rng));
    Index {
        number: records::number(rng),
        flags: rng.u8(..) & flag::OF_INDEX,
        fields,
    }
}

fn a_reference(rng: &mut Rng) -> Reference {
    let all = [OnDelete::Restrict, OnDelete::Cascade, OnDelete::SetNull];
    Reference {
        field: texts::string(rng),
        collection: texts::string(rng),
        on_delete: all[rng.usize(..3)],
        flags: rng.u8(..) & flag::OF_REFERENCES,
        index: records::number(rng),
    }
}

fn a_sequence(rng: &mut Rng) -> Sequence {
    Sequence {
        field: texts::string(rng),
        flags: rng.u8(..) & flag::OF_SEQUENCE & !flag::PER,
        per: rng.bool().then(|| texts::string(rng)),
    }
}

pub fn a_version(rng: &mut Rng) -> Vec<u8> {
    let version = DataVersion {
        version: records::number(rng),
        target: records::number(rng),
        attempt: records::number(rng),
    };
    version.encode().to_vec()
}

/// Whatever it says, who has declared a version suits it or not, and one that is to be left behind does not.
pub fn version(input: &[u8]) -> Option<Vec<u8>> {
    let version = DataVersion::decode(&Bytes::copy_from_slice(input)).ok()?;
    for declared in [0, version.version, version.target, u64::MAX] {
        let suits = version.suits(declared, 0);
        let is_left_behind = version.target > declared && version.attempt != 0;
        assert!(!suits || version.version == declared && !is_left_behind);
    }
    Some(version.encode().to_vec())
}

pub fn a_record(rng: &mut Rng) -> Vec<u8> {
    let definition = Definition {
        indexes: list(rng, an_index),
        references: list(rng, a_reference),
        sequences: list(rng, a_sequence),
        build: rng.bool().then(|| records::number(rng)),
        more: match rng.u8(..4) {
            0 => Tags::of_field(5, &corpus::bytes(rng, 9)),
            _ => Tags::default(),
        },
    };
    definition.encode().to_vec()
}

pub fn record(input: &[u8]) -> Option<Vec<u8>> {
    let definition = Definition::decode(Bytes::copy_from_slice(input)).ok()?;
    drop(definition.check());
    for index in &definition.indexes {
        assert!(!index.fields.is_empty() && index.flags & !flag::OF_INDEX == 0);
    }
    Some(definition.encode().to_vec())
}

fn layout() -> Layout {
    Layout::new(&Index {
        number: 300,
        flags: 0,
        fields: vec!["a".into(), "b".into()],
    })
}

/// An entry's key and value.
pub fn an_entry(rng: &mut Rng) -> Vec<u8> {
    let mut both = vec![
        ("a".into(), value(rng, false)),
        ("b".into(), value(rng, false)),
    ];
    if rng.bool() {
        both.reverse();
    }
    let doc = Value::Object(both).encode().unwrap();
    let entries = Entries::of(&layout(), Form::of(&doc).unwrap()).unwrap();
    let key = entries.keys().next().unwrap();
    let key = [&key[..], &texts::place(rng).to_bytes()].concat();
    let mut out = Vec::new();
    put_bytes(&mut out, &key);
    put_bytes(&mut out, entries.value());
    out
}

/// What comes back of an entry has that entry.
pub fn entry(input: &[u8]) -> Option<Vec<u8>> {
    let mut input = Input::new(Bytes::copy_from_slice(input), "test");
    let (key, value) = (input.bytes().ok()?, input.bytes().ok()?);
    input.end().ok()?;
    let layout = layout();
    let place = place_of(&key).ok()?;
    drop(layout.first_value(&key, &value));
    let (first, rest) = layout.first(layout.components(&key).ok()?).ok()?;
    let (second, rest) = layout
        .first(rest)
        .ok()
        .filter(|(_, rest)| rest.is_empty())?;
    assert!(rest.is_empty());
    if let Some(doc) = layout.restore(&key, &value, &[0, 1]).ok()? {
        let again = Entries::of(&layout, Form::of(&doc).unwrap()).unwrap();
        let again = again.keys().next().unwrap();
        let (a, b) = layout.first(&again[layout.prefix().len()..]).unwrap();
        assert_eq!([a.bytes, b].concat(), [first.bytes, second.bytes].concat());
    }
    let mut out = Vec::new();
    put_bytes(
        &mut out,
        &[&key[..key.len() - 12], &place.to_bytes()].concat(),
    );
    put_bytes(&mut out, &value);
    Some(out)
}
