//! Stored patches as the fixtures have them.

use bytes::Bytes;
use patchstore::Result;
use patchstore::backend::simulated::{SimConnector, SimDatabase};
use patchstore::backend::{Connector, Durability, Id, RecordKey, Write};
use patchstore::codec::value::from_json;
use patchstore::engine::access::{Answer, Cursor, Session, afresh};
use patchstore::engine::{Engine, Options};
use patchstore::models::keys;
use patchstore::simulation::SimEnv;
use std::rc::Rc;

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

/// The records of a `records.txt`.
pub fn records(text: &str) -> Vec<(RecordKey, Bytes)> {
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
    text.lines().map(record).collect()
}

/// What a `shown.txt` shows of a kind: name and stored value, in order.
pub fn shown(text: &str, kind: &str) -> Vec<(String, Bytes)> {
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
    text.lines().filter_map(line).collect()
}

/// A database and the tabs over it.
pub struct Space {
    pub env: SimEnv,
    pub database: SimDatabase,
}

impl Space {
    /// A database that holds the records.
    pub fn run(records: Vec<(RecordKey, Bytes)>, body: impl AsyncFnOnce(Self)) {
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

    pub async fn open(&self) -> Result<Engine> {
        let realm = self.env.new_realm();
        let connector = Rc::new(SimConnector::new(&realm, &self.database));
        Engine::open(connector, Rc::new(realm), Options::default()).await
    }
}

/// The keys and values of everything of a kind.
pub async fn all_of(engine: &Engine, kind: u8) -> Result<Vec<(Bytes, Bytes)>> {
    let range = keys::all_of(kind);
    let begin = move || Ok((Cursor::new(range.clone(), false), Vec::new()));
    settled(engine.read(afresh(begin, |(cursor, out), r| {
        while let Some(pair) = r.next(cursor)? {
            out.push(pair);
        }
        Ok(std::mem::take(out))
    })))
    .await
}

pub async fn settled<T>(answer: Answer<T>) -> Result<T> {
    match answer {
        Answer::Ready(found) => found,
        Answer::Later(found) => found.await,
    }
}
