//! What is in the catalog: records that calls change, and go by.

use bytes::Bytes;
use patchstore::backend::RecordKey;
use patchstore::codec::catalog;
use patchstore::codec::head::Head;
use patchstore::codec::root::Root;
use patchstore::engine::access::{Attempt, Catalog, Cursor, Reads, Writes};

use super::indexes;
use super::kin;
use super::operation::{Told, data_key, encoded, number, value};
use super::plan::{DEFINED, KEYS, Op};

pub fn key(name: u8) -> Bytes {
    vec![1, name].into()
}

pub fn every_key() -> impl Iterator<Item = Bytes> {
    (0..DEFINED).map(key)
}

/// The records that a call leaves, by what the catalog has under its name.
pub fn notes(id: u64, seen: u64, key: u8, keys: u8, bytes: usize) -> Vec<(Bytes, Bytes)> {
    let note = |n| {
        let key = (key + n) % KEYS;
        (
            data_key(key),
            value(id + 1_000_000 * (seen + 1), key, bytes),
        )
    };
    (0..keys).map(note).collect()
}

/// What an operation on the catalog does, and tells.
pub fn run(op: &Op, id: u64, w: &mut dyn Writes) -> Attempt<Told> {
    match op {
        Op::Define { name, keys, bytes } => {
            w.put(key(*name), encoded(id));
            let own = notes(id, id, 0, *keys, *bytes);
            own.into_iter().for_each(|(key, value)| w.put(key, value));
            Ok(Vec::new())
        }
        Op::Undefine { name } => {
            let is_there = w.catalog().get(&key(*name)).is_some();
            if is_there {
                w.delete(key(*name));
            }
            Ok(vec![is_there.into()])
        }
        Op::Note {
            name,
            key: from,
            keys,
            bytes,
            read,
        } => {
            if *read {
                check(w)?;
            }
            let seen = number(w.catalog().get(&key(*name)), 0);
            let notes = notes(id, seen, *from, *keys, *bytes);
            notes.into_iter().for_each(|(key, value)| w.put(key, value));
            Ok(vec![seen])
        }
        _ => unreachable!("nothing of the catalog"),
    }
}

/// Whoever reads finds the same in the catalog and under its keys.
pub fn check(r: &mut dyn Reads) -> Attempt<()> {
    all(r).map(drop)
}

/// The records of the catalog; in place of those that documents go by, whether there are any.
pub fn all(r: &mut dyn Reads) -> Attempt<Vec<(Bytes, Bytes)>> {
    let mut cursor = Cursor::new(catalog::range(), false);
    let mut stored = Vec::new();
    while let Some(pair) = r.next(&mut cursor)? {
        stored.push(pair);
    }
    assert_eq!(
        pairs(&r.catalog()),
        stored,
        "the catalog is not what its keys say"
    );
    let catalog = r.catalog();
    let (is_indexed, is_bound) = (
        indexes::are_there(&catalog),
        kin::is_bound(|key| catalog.get(key)),
    );
    // (The others are those of this module, of two bytes.)
    stored.retain(|(key, _)| key.len() == 2);
    let there = [(is_indexed, indexes::KEY), (is_bound, kin::BOUND)];
    let there = there.into_iter().filter(|(is_there, _)| *is_there);
    stored.extend(there.map(|(_, key)| (Bytes::from_static(key), Bytes::new())));
    Ok(stored)
}

fn pairs(catalog: &Catalog) -> Vec<(Bytes, Bytes)> {
    let records = catalog.records();
    records
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// The root, of a log that is empty, has what is under the keys.
pub fn check_root(records: &[(RecordKey, Bytes)], stored: &[(Bytes, Bytes)]) {
    let of = |wanted| &records.iter().find(|(key, _)| *key == wanted).unwrap().1;
    let head = Head::decode_any(of(RecordKey::Head)).unwrap();
    let root = Root::decode(head.incarnation, of(RecordKey::Root)).unwrap();
    assert_eq!(head.catalog.is_some(), root.catalog.is_some());
    let in_root = root
        .catalog
        .map(|encoded| catalog::decode(&encoded).unwrap());
    assert_eq!(
        in_root.unwrap_or_default(),
        stored,
        "the root has another catalog"
    );
}
