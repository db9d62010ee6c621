//! An encrypted patch that another implementation has written (`fixtures/sealed.py`): opened, read, written, tidied up. What
//! is there then lies in `target/tmp/sealed` for that implementation to read: `make test-sealed`.

#![cfg(not(target_arch = "wasm32"))]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected must fail"
)]

use bytes::Bytes;
use futures_util::FutureExt;
use patchstore::backend::simulated::{SimConnector, SimDatabase};
use patchstore::backend::{Connector, Durability, Id, RecordKey, Write};
use patchstore::codec::value::from_json;
use patchstore::engine::access::{Answer, Session};
use patchstore::engine::{Access, Engine, Options};
use patchstore::models::Scope;
use patchstore::models::keys;
use patchstore::models::kv::Kv;
use patchstore::sealed::aead::Secret;
use patchstore::sealed::keys::{Credential, Passphrase, RawKey};
use patchstore::sealed::table::Argon2;
use patchstore::sealed::vault::NoBulk;
use patchstore::simulation::SimEnv;
use patchstore::{Code, Error, Result};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::rc::Rc;

const RECORDS: &str = include_str!("fixtures/sealed/records.txt");
const SHOWN: &str = include_str!("fixtures/sealed/shown.txt");

fn unhex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap() as u8;
    let digits: Vec<u8> = text.bytes().map(digit).collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    let mut out = String::new();
    for byte in bytes {
        write!(out, "{byte:02x}").unwrap();
    }
    out
}

fn record(line: &str) -> (RecordKey, Bytes) {
    let mut parts = line.split(' ');
    let (store, key, bytes) = (
        parts.next().unwrap(),
        parts.next().unwrap(),
        parts.next().unwrap(),
    );
    let id = || Id(unhex(key).try_into().unwrap());
    let key = match (store, key) {
        ("head", "head") => RecordKey::Head,
        ("head", _) => RecordKey::Root,
        ("log", number) => RecordKey::Frame(number.parse().unwrap()),
        ("runs", _) => RecordKey::Run(id()),
        _ => RecordKey::Piece(id()),
    };
    (key, Bytes::from(unhex(bytes)))
}

fn line((key, record): &(RecordKey, Bytes)) -> String {
    let key = match key {
        RecordKey::Head => "head head".to_owned(),
        RecordKey::Root => "head root".to_owned(),
        RecordKey::Frame(number) => format!("log {number}"),
        RecordKey::Run(id) => format!("runs {}", hex(&id.0)),
        RecordKey::Piece(id) => format!("blobs {}", hex(&id.0)),
    };
    format!("{key} {}\n", hex(record))
}

/// The line of this kind.
fn shown(kind: &str) -> &str {
    let mut found = SHOWN.lines().filter_map(|line| line.split_once(' '));
    found.find(|(each, _)| *each == kind).unwrap().1
}

fn secret(bytes: &[u8]) -> Secret {
    Secret::filled(|out| out.copy_from_slice(bytes))
}

fn key() -> Rc<dyn Credential> {
    Rc::new(RawKey::new(secret(&unhex(shown("key")))))
}

/// (The facade has normalised it: to NFC.)
fn passphrase(text: &str) -> Rc<dyn Credential> {
    let text = text.as_bytes().to_vec();
    let derive = move |argon2: Argon2| {
        let Argon2 {
            salt,
            memory_kib,
            passes,
            lanes,
        } = argon2;
        let key = patchstore_kdf::derive(text.clone(), &salt, memory_kib, passes, lanes);
        async move { Ok(secret(&key.unwrap())) }.boxed_local()
    };
    let fresh = Argon2 {
        salt: [0; 16],
        memory_kib: 64,
        passes: 1,
        lanes: 1,
    };
    Rc::new(Passphrase::new(Box::new(derive), fresh))
}

struct Space {
    env: SimEnv,
    database: SimDatabase,
}

impl Space {
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

    async fn open(&self, credential: Rc<dyn Credential>) -> Result<Engine> {
        let realm = self.env.new_realm();
        let connector = Rc::new(SimConnector::new(&realm, &self.database));
        let bulk = Rc::new(NoBulk);
        let access = Access { credential, bulk };
        let opening = Engine::open_sealed(
            Rc::default(),
            connector,
            Rc::new(realm),
            Options::default(),
            access,
        );
        Ok(opening.await?.0)
    }
}

async fn got<T>(answer: Answer<T>) -> Result<T> {
    match answer {
        Answer::Ready(found) => found,
        Answer::Later(found) => found.await,
    }
}

fn pair(name: &str) -> Bytes {
    let kv = Kv::new(&Scope::Name("s".into())).unwrap();
    kv.key(name.into()).unwrap()
}

/// What the other implementation says is there.
fn expected() -> BTreeMap<&'static str, Option<String>> {
    BTreeMap::from([
        ("a", Some("in a run of level 0".to_owned())),
        ("large", Some("in a piece ".repeat(20))),
        ("old 1", Some("old 1 in a level".to_owned())),
        ("old 2", None),
        ("old 3", None),
        ("in the log", Some("of a frame".to_owned())),
    ])
}

async fn check(engine: &Engine, expected: &BTreeMap<&'static str, Option<String>>) {
    for (name, value) in expected {
        let name = pair(name);
        let found = got(engine.read(Box::new(move |r| r.get(&name)))).await;
        let value = value
            .as_ref()
            .map(|value| from_json(format!("\"{value}\"").as_bytes()));
        assert_eq!(found.unwrap(), value);
    }
    let stats = engine.stats(keys::record_ranges()).await.unwrap();
    let live = expected.values().flatten().count();
    assert_eq!(stats.records, live as u64);
}

fn records() -> Vec<(RecordKey, Bytes)> {
    RECORDS.lines().map(record).collect()
}

#[test]
fn what_another_implementation_has_encrypted_is_gone_on_with() {
    Space::run(records(), async |space| {
        let mut all = expected();
        let engine = space.open(key()).await.unwrap();
        check(&engine, &all).await;
        assert_eq!(
            engine.key_names().await.unwrap(),
            ["main", "spare \u{e9}"].map(str::to_owned)
        );
        engine.close().await;
        let engine = space
            .open(passphrase("c\u{e1}rdu\u{e9} horse battery"))
            .await
            .unwrap();
        check(&engine, &all).await;
        let large = "made by the engine ".repeat(8000);
        let puts = [("added", "added by the engine".to_owned()), ("long", large)];
        for (name, value) in puts {
            let (at, stored) = (pair(name), from_json(format!("\"{value}\"").as_bytes()));
            let write = engine.write(Box::new(move |w| {
                w.put(at.clone(), stored.clone());
                Ok(())
            }));
            write.await.unwrap();
            all.insert(name, Some(value));
        }
        engine.compact().await.unwrap();
        let at = pair("a");
        let write = engine.write(Box::new(move |w| {
            w.put(at.clone(), from_json(b"\"in a later frame\""));
            Ok(())
        }));
        write.await.unwrap();
        all.insert("a", Some("in a later frame".to_owned()));
        engine.close().await;
        keep(&space, &all);
        let engine = space.open(key()).await.unwrap();
        check(&engine, &all).await;
        engine.close().await;
    });
}

/// For the other implementation.
fn keep(space: &Space, all: &BTreeMap<&'static str, Option<String>>) {
    let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("sealed");
    std::fs::create_dir_all(&directory).unwrap();
    let lines: String = space.database.records().iter().map(line).collect();
    std::fs::write(directory.join("records.txt"), lines).unwrap();
    let mut said: String = (SHOWN.lines())
        .filter(|line| !line.starts_with("text"))
        .map(|line| format!("{line}\n"))
        .collect();
    for value in all.values().flatten() {
        writeln!(said, "text {value}").unwrap();
    }
    std::fs::write(directory.join("shown.txt"), said).unwrap();
}

#[test]
fn another_key_and_a_changed_record_are_refused() {
    Space::run(records(), async |space| {
        for wrong in [
            passphrase("cardue horse battery"),
            Rc::new(RawKey::new(secret(&[1; 32]))),
        ] {
            let code = space.open(wrong).await.err().map(|error| error.code());
            assert_eq!(code, Some(Code::WrongKey));
        }
    });
    for changed in 0..records().len() {
        let mut stored = records();
        let record = stored[changed].1.to_vec();
        // In what is sealed, before the tag and a checksum.
        let at = record.len() - 25;
        let mut other = record;
        other[at] ^= 1;
        stored[changed].1 = other.into();
        Space::run(stored, async |space| {
            let outcome = async {
                let engine = space.open(key()).await?;
                for name in expected().into_keys().map(pair) {
                    got(engine.read(Box::new(move |r| r.get(&name)))).await?;
                }
                engine.close().await;
                Ok::<_, Error>(())
            };
            let code = outcome.await.err().map(|error| error.code());
            assert_eq!(code, Some(Code::Corrupt), "record {changed}");
        });
    }
}
