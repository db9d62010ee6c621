//! Patches as earlier libraries have stored them (`fixtures/README.md`): opened, read, written, tidied up, opened again.

#![cfg(not(target_arch = "wasm32"))]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected must fail"
)]

use bytes::Bytes;
use patchstore::backend::simulated::{SimConnector, SimDatabase};
use patchstore::backend::{Connector, Durability, Id, RecordKey, Write};
use patchstore::codec::head::Head;
use patchstore::codec::js_string::JsString;
use patchstore::codec::root::Root;
use patchstore::codec::value::from_json;
use patchstore::engine::access::{Answer, Cursor, Session, afresh};
use patchstore::engine::{Engine, Options};
use patchstore::models::keys::{self, DOCUMENT};
use patchstore::models::kv::Kv;
use patchstore::models::{Scope, documents::Collection};
use patchstore::simulation::SimEnv;
use patchstore::{Code, Result};
use std::collections::BTreeMap;
use std::rc::Rc;

const RECORDS: &str = include_str!("fixtures/format-2/records.txt");
const SHOWN: &str = include_str!("fixtures/format-2/shown.txt");

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .map(|digit| digit.to_digit(16).unwrap() as u8)
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

/// The bytes of a record: hex, with runs of a byte.
fn bytes_of(mut text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some((plain, rest)) = text.split_once('(') {
        let (run, rest) = rest.split_once(')').unwrap();
        let (byte, count) = run.split_once('*').unwrap();
        out.extend(unhex(plain));
        out.extend(unhex(byte).repeat(count.parse().unwrap()));
        text = rest;
    }
    out.extend(unhex(text));
    out
}

fn records() -> Vec<(RecordKey, Bytes)> {
    let record = |line: &str| {
        let (store, rest) = line.split_once(' ').unwrap();
        let (key, bytes) = rest.split_once(' ').unwrap();
        let id = || Id(unhex(key).try_into().unwrap());
        let key = match (store, key) {
            ("head", "head") => RecordKey::Head,
            ("head", _) => RecordKey::Root,
            ("log", number) => RecordKey::Frame(number.parse().unwrap()),
            ("runs", _) => RecordKey::Run(id()),
            _ => RecordKey::Piece(id()),
        };
        (key, Bytes::from(bytes_of(bytes)))
    };
    RECORDS.lines().map(record).collect()
}

/// What is shown of a kind: name and stored value, in order.
fn shown(kind: &str) -> Vec<(String, Bytes)> {
    let line = |line: &str| {
        let mut parts = line.split('\t');
        let is_it = parts.next() == Some(kind);
        let (name, value) = (parts.next().unwrap(), parts.next().unwrap());
        let json = match value.split_once('*') {
            Some((letter, count)) => format!("\"{}\"", letter.repeat(count.parse().unwrap())),
            None => value.to_string(),
        };
        is_it.then(|| (name.to_string(), from_json(json.as_bytes())))
    };
    SHOWN.lines().filter_map(line).collect()
}

struct Space {
    env: SimEnv,
    database: SimDatabase,
}

impl Space {
    /// A database that holds the records.
    fn run(records: Vec<(RecordKey, Bytes)>, body: impl AsyncFnOnce(Self)) {
        let env = SimEnv::new(1);
        let database = SimDatabase::new(&env);
        let space = Self { env, database };
        space.env.clone().block_on(async move {
            let connector = SimConnector::new(&space.env.new_realm(), &space.database);
            let backend = connector.open(Rc::new(|_| ())).await.unwrap();
            let write = |(key, record)| match key {
                RecordKey::Frame(number) => Write::Add(Some(number), record),
                key => Write::Put(key, record),
            };
            let writes = records.into_iter().map(write).collect();
            let flip = backend.flip(Box::new(|_| Some(writes)), Durability::Strict);
            assert!(flip.await.unwrap());
            backend.close();
            body(space).await;
        });
    }

    async fn open(&self) -> Result<Engine> {
        let realm = self.env.new_realm();
        let connector = Rc::new(SimConnector::new(&realm, &self.database));
        Engine::open(connector, Rc::new(realm), Options::default()).await
    }
}

/// The keys and values of everything of a kind.
async fn all_of(engine: &Engine, kind: u8) -> Result<Vec<(Bytes, Bytes)>> {
    let range = keys::record_ranges()
        .into_iter()
        .find(|range| range.from[0] == kind);
    let range = range.unwrap();
    let begin = move || Ok((Cursor::new(range.clone(), false), Vec::new()));
    let scanned = engine.read(afresh(begin, |(cursor, out), r| {
        while let Some(pair) = r.next(cursor)? {
            out.push(pair);
        }
        Ok(std::mem::take(out))
    }));
    match scanned {
        Answer::Ready(found) => found,
        Answer::Later(found) => found.await,
    }
}

fn pair_key(name: &str) -> Bytes {
    let kv = Kv::new(&Scope::Name("s".into())).unwrap();
    kv.key(name.into()).unwrap()
}

async fn check(engine: &Engine, pairs: &BTreeMap<Bytes, Bytes>, docs: &[(String, Bytes)]) {
    let found = all_of(engine, keys::KV).await.unwrap();
    assert_eq!(&found.into_iter().collect::<BTreeMap<_, _>>(), pairs);
    let found = all_of(engine, DOCUMENT).await.unwrap();
    let ids = found.iter().map(|(_, doc)| Collection::id_of(doc).unwrap());
    let expected = docs.iter().map(|(id, _)| JsString::from(id.as_str()));
    assert!(
        ids.eq(expected),
        "the documents are others, or in another order"
    );
    assert!(
        found
            .iter()
            .map(|(_, doc)| doc)
            .eq(docs.iter().map(|(_, doc)| doc))
    );
    for (id, doc) in docs {
        let collection = Collection::new(&Scope::Name("d".into()), "c".into()).unwrap();
        let id = id.clone();
        let got = engine.read(Box::new(move |r| collection.get(r, id.as_str().into())));
        let got = match got {
            Answer::Ready(found) => found,
            Answer::Later(found) => found.await,
        };
        assert_eq!(got.unwrap().as_ref(), Some(doc));
    }
    let stats = engine.stats(keys::record_ranges()).await.unwrap();
    assert_eq!(stats.records, (pairs.len() + docs.len()) as u64);
}

#[test]
fn a_patch_of_format_2_is_gone_on_with() {
    Space::run(records(), async |space| {
        let (pairs, docs) = (shown("pair"), shown("document"));
        let mut pairs: BTreeMap<Bytes, Bytes> = pairs
            .into_iter()
            .map(|(name, value)| (pair_key(&name), value))
            .collect();
        let engine = space.open().await.unwrap();
        check(&engine, &pairs, &docs).await;
        let (added, gone) = (pair_key("added"), pair_key("both 1"));
        pairs.insert(added.clone(), from_json(b"1"));
        pairs.remove(&gone);
        let written = engine.write(Box::new(move |w| {
            w.put(added.clone(), from_json(b"1"));
            w.delete(gone.clone());
            Ok(())
        }));
        written.await.unwrap();
        check(&engine, &pairs, &docs).await;
        engine.compact().await.unwrap();
        check(&engine, &pairs, &docs).await;
        engine.close().await;
        let engine = space.open().await.unwrap();
        check(&engine, &pairs, &docs).await;
        engine.close().await;
        let records: BTreeMap<RecordKey, Bytes> = space.database.records().into_iter().collect();
        let head = Head::decode(&records[&RecordKey::Head]).unwrap();
        let root = Root::decode(head.incarnation, &records[&RecordKey::Root]).unwrap();
        assert!(
            !head.more.is_empty() && root.more == head.more,
            "tags are lost"
        );
        assert!(!records.keys().any(|key| matches!(key, RecordKey::Frame(_))));
    });
}

#[test]
fn records_of_other_versions_are_unsupported_and_left_alone() {
    let all = records();
    for version in [1, 3] {
        for letter in *b"HRDFSB" {
            let mut stored = all.clone();
            for (_, record) in &mut stored {
                if record[2] == letter {
                    let mut other = record.to_vec();
                    other[3] = version;
                    *record = other.into();
                }
            }
            Space::run(stored, async |space| {
                let before = space.database.records();
                let code = match space.open().await {
                    Err(error) => Some(error.code()),
                    Ok(engine) => {
                        let found = all_of(&engine, keys::KV).await;
                        engine.close().await;
                        found.err().map(|error| error.code())
                    }
                };
                let which = char::from(letter);
                assert_eq!(code, Some(Code::UnsupportedFormat), "{which} {version}");
                assert_eq!(space.database.records(), before, "{which} {version}");
            });
        }
    }
}
