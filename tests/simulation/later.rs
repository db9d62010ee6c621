//! What later libraries store: passed over, kept or refused, as its tags, flags and versions say; never overwritten,
//! never lost.

use bytes::Bytes;
use patchstore::backend::simulated::{SimConnector, SimDatabase};
use patchstore::backend::{Append, Backend, Connector, Durability, Id, RecordKey, Write};
use patchstore::codec::frame::{self, FrameHeader};
use patchstore::codec::head::Head;
use patchstore::codec::io::{put_bytes, put_varint};
use patchstore::codec::kinds::tag::TEST_NEEDED;
use patchstore::codec::root::Root;
use patchstore::codec::seal::{self, Record};
use patchstore::codec::tags::Tags;
use patchstore::engine::access::{Answer, Session};
use patchstore::engine::{Engine, Options, Reason};
use patchstore::simulation::SimEnv;
use patchstore::{Code, Result};
use std::collections::BTreeMap;
use std::rc::Rc;

/// A list of one field.
pub fn tags(tag: u64, payload: &[u8]) -> Tags {
    let mut list = Vec::new();
    put_varint(&mut list, tag);
    put_bytes(&mut list, payload);
    Tags::of(list.into()).unwrap()
}

/// A database and the tabs over it.
struct Space {
    env: SimEnv,
    database: SimDatabase,
}

type Records = BTreeMap<RecordKey, Bytes>;

impl Space {
    fn run(body: impl AsyncFnOnce(Self)) {
        let env = SimEnv::new(7);
        let database = SimDatabase::new(&env);
        env.clone().block_on(body(Self { env, database }));
    }

    /// A tab that looks at the log only when something tells it to.
    async fn open(&self) -> Result<Engine> {
        let realm = self.env.new_realm();
        let connector = Rc::new(SimConnector::new(&realm, &self.database));
        let options = Options {
            poll_ms: 0,
            ..Options::default()
        };
        Engine::open(connector, Rc::new(realm), options).await
    }

    async fn backend(&self) -> Rc<dyn Backend> {
        let connector = SimConnector::new(&self.env.new_realm(), &self.database);
        connector.open(Rc::new(|_| ())).await.unwrap()
    }

    async fn append(&self, frame: Bytes) {
        let append = Append {
            frame,
            at: None,
            pieces: Vec::new(),
        };
        let backend = self.backend().await;
        backend.append(append, Durability::Strict).await.unwrap();
        backend.close();
    }

    async fn write(&self, writes: Vec<Write>) {
        let backend = self.backend().await;
        let flip = backend.flip(Box::new(|_| Some(writes)), Durability::Strict);
        assert!(flip.await.unwrap());
        backend.close();
    }

    fn records(&self) -> Records {
        self.database.records().into_iter().collect()
    }

    fn head(&self) -> Head {
        Head::decode(&self.records()[&RecordKey::Head]).unwrap()
    }

    fn root(&self) -> Root {
        let root = &self.records()[&RecordKey::Root];
        Root::decode(self.head().incarnation, root).unwrap()
    }

    /// The header of the last frame.
    fn last_header(&self) -> FrameHeader {
        let (_, last) = self.records().into_iter().rfind(is_frame).unwrap();
        frame::open(&last).unwrap().header
    }

    /// Every record is as it was; how many have come.
    fn nothing_lost(&self, before: &Records) -> usize {
        let now = self.records();
        for (key, record) in before {
            assert_eq!(now.get(key), Some(record), "{key:?} is not as it was");
        }
        now.len() - before.len()
    }
}

fn is_frame((key, _): &(RecordKey, Bytes)) -> bool {
    matches!(key, RecordKey::Frame(_))
}

async fn set(engine: &Engine, key: &'static str, value: Bytes) -> Result<()> {
    let set = engine.write(Box::new(move |w| {
        w.put(key.into(), value.clone());
        Ok(())
    }));
    set.await
}

async fn get(engine: &Engine, key: &'static str) -> Result<Option<Bytes>> {
    match engine.read(Box::new(move |r| r.get(key.as_bytes()))) {
        Answer::Ready(found) => found,
        Answer::Later(found) => found.await,
    }
}

fn small(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

/// Bytes that cannot be compressed.
pub fn noise(seed: u64, len: usize) -> Bytes {
    let mut next = seed | 1;
    let words = (0..len.div_ceil(8)).flat_map(|_| {
        next ^= next << 13;
        next ^= next >> 7;
        next ^= next << 17;
        next.to_le_bytes()
    });
    words.take(len).collect::<Vec<u8>>().into()
}

/// In how many ways a frame may hold what is not known.
const WAYS: usize = 4;

/// A frame that holds what is not known; its code, where it counts.
fn odd_frame(header: &FrameHeader, way: usize) -> (Bytes, Code) {
    let mut out = seal::start(Record::FRAME, 100);
    out.extend(header.incarnation.0);
    put_varint(&mut out, header.generation);
    out.extend(header.writer.0);
    for number in [
        header.sequence,
        header.wall_ms,
        header.required,
        header.catalog,
    ] {
        put_varint(&mut out, number);
    }
    match way {
        0 => tags(TEST_NEEDED, &[]).put(&mut out),
        1 => tags(TEST_NEEDED, b"full").put(&mut out),
        _ => out.push(0),
    }
    match way {
        // An operation 0.
        2 => out.extend([0, 1, 0]),
        // Under a key, of which nobody knows what the rest means.
        3 => {
            out[4] = 7;
            out.extend([0xEE; 30]);
            return (seal::finish(Record::FRAME, out), Code::Encrypted);
        }
        _ => out.extend([0, 0]),
    }
    (seal::finish(Record::FRAME, out), Code::UnsupportedFormat)
}

#[test]
fn frames_that_do_not_count_are_passed_over_whatever_they_hold() {
    for way in 0..WAYS {
        for is_void in [true, false] {
            Space::run(async |space| {
                let a = space.open().await.unwrap();
                set(&a, "one", small("1")).await.unwrap();
                let mut header = space.last_header();
                header.generation += if is_void { 3 } else { 0 };
                space.append(odd_frame(&header, way).0).await;
                // At opening, and by a tab that runs.
                let b = space.open().await.unwrap();
                a.refresh().await.unwrap();
                set(&b, "two", small("2")).await.unwrap();
                set(&a, "three", small("3")).await.unwrap();
                for engine in [&a, &b] {
                    assert_eq!(engine.closed(), None, "{way} {is_void}");
                    for (key, value) in [("one", "1"), ("two", "2"), ("three", "3")] {
                        engine.refresh().await.unwrap();
                        assert_eq!(get(engine, key).await.unwrap(), Some(small(value)));
                    }
                }
                a.compact().await.unwrap();
                assert!(!space.database.records().iter().any(is_frame));
                a.close().await;
                b.close().await;
                let c = space.open().await.unwrap();
                assert_eq!(get(&c, "three").await.unwrap(), Some(small("3")));
                c.close().await;
            });
        }
    }
}

#[test]
fn a_frame_that_counts_and_is_not_known_ends_the_engine_and_loses_nothing() {
    for way in 0..WAYS {
        Space::run(async |space| {
            let (a, b) = (space.open().await.unwrap(), space.open().await.unwrap());
            set(&a, "one", small("1")).await.unwrap();
            let header = FrameHeader {
                writer: Id([9; 16]),
                ..space.last_header()
            };
            let (odd, code) = odd_frame(&header, way);
            space.append(odd.clone()).await;
            let before = space.records();
            // It is in the log, behind what is not known: nobody here can tell what has become of it.
            let error = set(&a, "two", small("2")).await.unwrap_err();
            assert_eq!(error.code(), Code::ConnectionLost, "{way}: {error}");
            assert!(b.refresh().await.is_err(), "{way}");
            for engine in [&a, &b] {
                assert_eq!(engine.closed(), Some(Reason::VersionChange), "{way}");
                let late = set(engine, "late", small("late")).await.unwrap_err();
                assert_eq!(late.code(), Code::Closed);
                assert_eq!(get(engine, "one").await.unwrap_err().code(), Code::Closed);
            }
            assert_eq!(space.open().await.err().unwrap().code(), code, "{way}");
            assert_eq!(space.nothing_lost(&before), 1, "{way}");
            // Whoever knows it finds both.
            let mut records = space.records().into_iter();
            let (place, _) = records.find(|(_, record)| *record == odd).unwrap();
            space.database.spoil(place, frame::void(header.incarnation));
            let c = space.open().await.unwrap();
            assert_eq!(get(&c, "one").await.unwrap(), Some(small("1")));
            assert_eq!(get(&c, "two").await.unwrap(), Some(small("2")));
            c.close().await;
        });
    }
}

/// The head of an encrypted patch: sealed under a key that is not at hand.
fn sealed(mut head: Head) -> Bytes {
    head.keys = Bytes::from_static(b"some keys");
    let plain = head.encode();
    let mut out = plain[..plain.len() - 8].to_vec();
    out[4] = 7;
    out.extend([0xEE; 40]);
    seal::finish(Record::HEAD, out)
}

#[test]
fn a_head_or_a_root_that_is_not_known_ends_the_engine_and_loses_nothing() {
    let with = |at: usize, byte: u8| {
        move |mut record: Vec<u8>| {
            record[at] = byte;
            record
        }
    };
    let with_version = with(3, 3);
    for way in 0..4 {
        Space::run(async |space| {
            let (a, b) = (space.open().await.unwrap(), space.open().await.unwrap());
            set(&a, "one", small("1")).await.unwrap();
            a.compact().await.unwrap();
            let (mut head, mut root) = (space.head(), space.root());
            head.epoch += 1;
            root.epoch += 1;
            let incarnation = head.incarnation;
            let mut code = Code::UnsupportedFormat;
            let (head, root) = match way {
                0 => (
                    with_version(head.encode().to_vec()).into(),
                    root.encode(incarnation),
                ),
                1 => {
                    code = Code::Encrypted;
                    (sealed(head), root.encode(incarnation))
                }
                2 => {
                    head.more = tags(TEST_NEEDED, b"");
                    (head.encode(), root.encode(incarnation))
                }
                _ => {
                    root.more = tags(TEST_NEEDED, b"");
                    (head.encode(), root.encode(incarnation))
                }
            };
            // As every format does whose frames or heads are others: with the log cut, and a number of it used up.
            space
                .write(vec![
                    Write::Put(RecordKey::Head, head),
                    Write::Put(RecordKey::Root, root),
                    Write::Add(None, frame::void(incarnation)),
                    Write::CutLog { through: u64::MAX },
                ])
                .await;
            let before = space.records();
            let told = set(&a, "late", small("late")).await.unwrap_err().code();
            let may_be = if way < 3 {
                vec![code, Code::Closed]
            } else {
                // Under a head that can be read it may count.
                vec![Code::ConnectionLost]
            };
            assert!(may_be.contains(&told), "{way}: {told:?}");
            // (It may have heard of it by what the other has written.)
            let heard = b.refresh().await.unwrap_err().code();
            assert!([code, Code::Closed].contains(&heard), "{way}: {heard:?}");
            for engine in [&a, &b] {
                assert_eq!(engine.closed(), Some(Reason::VersionChange), "{way}");
                assert_eq!(get(engine, "one").await.unwrap_err().code(), Code::Closed);
            }
            assert_eq!(space.open().await.err().unwrap().code(), code, "{way}");
            assert!(space.nothing_lost(&before) <= 1, "{way}");
        });
    }
}

#[test]
fn records_that_lie_under_each_others_names_are_corrupt() {
    for are_pieces in [true, false] {
        Space::run(async |space| {
            let engine = space.open().await.unwrap();
            let len = if are_pieces { 100_000 } else { 60_000 };
            for (seed, key) in ["a", "b", "c", "d"].into_iter().enumerate() {
                set(&engine, key, noise(seed as u64, len)).await.unwrap();
            }
            engine.compact().await.unwrap();
            engine.close().await;
            let is_it = |(key, record): &(RecordKey, Bytes)| match key {
                RecordKey::Piece(_) => are_pieces,
                RecordKey::Run(_) => !are_pieces && record[2] == b'S',
                _ => false,
            };
            let mut records = space.database.records();
            records.retain(is_it);
            assert!(records.len() > 1, "{are_pieces}");
            let ((one, first), (other, second)) = (records[0].clone(), records[1].clone());
            space.database.spoil(one, second);
            space.database.spoil(other, first);
            let engine = space.open().await.unwrap();
            let mut codes = Vec::new();
            for (seed, key) in ["a", "b", "c", "d"].into_iter().enumerate() {
                match get(&engine, key).await {
                    Ok(found) => assert_eq!(found, Some(noise(seed as u64, len)), "{key}"),
                    Err(error) => codes.push(error.code()),
                }
            }
            assert!(codes.len() >= 2, "{are_pieces}: {codes:?}");
            assert!(codes.iter().all(|code| *code == Code::Corrupt));
            engine.close().await;
        });
    }
}
