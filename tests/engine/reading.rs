//! What is read for the first time, natively: in how few transactions.

use bytes::Bytes;
use patchstore::backend::simulated::SimConnector;
use patchstore::codec::marks::NEVER;
use patchstore::codec::value::from_json;
use patchstore::engine::access::{Answer, Cursor, KeyRange, Session, afresh};
use patchstore::engine::{Engine, Options};
use patchstore::models::documents::{Collection, Find, FindSpec, Ids, Insert, NewDoc, Query};
use patchstore::models::kv::{GetMany, Kv, SetMany};
use patchstore::models::many::Many;
use patchstore::models::{Scope, keys};
use std::rc::Rc;

use super::World;

const ITEMS: usize = 15_500;

async fn done<T>(answer: Answer<T>) -> T {
    match answer {
        Answer::Ready(found) => found.unwrap(),
        Answer::Later(found) => found.await.unwrap(),
    }
}

/// Another tab, which has read nothing, and its door, which counts transactions. It does not look for commits.
async fn newcomer(world: &World) -> (Engine, SimConnector) {
    let realm = world.env.new_realm();
    let connector = SimConnector::new(&realm, &world.database);
    let options = Options {
        poll_ms: 0,
        ..Options::default()
    };
    let engine = Engine::open(Rc::new(connector.clone()), Rc::new(realm), options);
    (engine.await.unwrap(), connector)
}

/// Some 300 bytes, which are not all alike.
fn text(n: usize) -> String {
    let mut rng = fastrand::Rng::with_seed(n as u64);
    let words = std::iter::repeat_with(|| format!("{:x}", rng.u32(..)));
    let words: Vec<_> = words.take(30).collect();
    words.join(" ")
}

fn collection() -> Collection {
    Collection::new(&Scope::Name("main".into()), "docs".into()).unwrap()
}

async fn insert_all(engine: &Engine) {
    for from in (0..ITEMS).step_by(500) {
        let mut ids = Ids::default();
        let mut random = |bytes: &mut [u8]| fastrand::Rng::with_seed(from as u64).fill(bytes);
        let mut prepare = |n: usize| {
            let stored =
                from_json(format!(r#"{{"_id":"{n:05}","text":"{}"}}"#, text(n)).as_bytes());
            NewDoc::prepare(&stored, 0.0, &mut ids, &mut random).unwrap()
        };
        let docs = (from..from + 500).map(&mut prepare).collect();
        let mut insert = Insert::new(&collection(), docs);
        let work = move |w: &mut dyn patchstore::engine::access::Writes| insert.step(w);
        engine.write(Box::new(work)).await.unwrap();
    }
}

#[test]
fn many_cold_keys_are_read_together() {
    for compact in [false, true] {
        World::run(1, async |world| {
            let engine = world.open(Options::default()).await;
            let kv = Kv::new(&Scope::Name("main".into())).unwrap();
            let key = |n: usize| kv.key(format!("{n:05}").as_str().into()).unwrap();
            for from in (0..ITEMS).step_by(500) {
                let entries = (from..from + 500).map(|n| {
                    (
                        key(n),
                        from_json(format!("{:?}", text(n)).as_bytes()),
                        NEVER,
                    )
                });
                let mut set = SetMany::new(entries.collect());
                engine.write(Box::new(move |w| set.step(w))).await.unwrap();
            }
            if compact {
                engine.compact().await.unwrap();
            }
            engine.close().await;
            let (cold, connector) = newcomer(&world).await;
            let keys: Rc<Vec<Bytes>> =
                Rc::new((0..200).map(|n| key((n * 7_919) % ITEMS)).collect());
            let before = connector.issued();
            let mut get = GetMany::new(keys);
            let mut found = 0;
            let read = cold.read(Box::new(move |r| {
                get.step(r, &mut |value| {
                    found += usize::from(value.is_some());
                    Ok(())
                })?;
                Ok(found)
            }));
            assert_eq!(done(read).await, 200);
            let transactions = connector.issued() - before;
            // (Each time two: what is waited for, and what comes behind.)
            assert!(
                transactions <= 6,
                "{transactions} transactions, compacted: {compact}"
            );
        });
    }
}

#[test]
fn what_a_page_has_just_written_is_read_from_memory() {
    World::run(1, async |world| {
        let options = Options {
            poll_ms: 0,
            cache_bytes: 8 << 20,
            ..Options::default()
        };
        let realm = world.env.new_realm();
        let connector = SimConnector::new(&realm, &world.database);
        let engine = Engine::open(Rc::new(connector.clone()), Rc::new(realm), options);
        let engine = engine.await.unwrap();
        let kv = Kv::new(&Scope::Name("main".into())).unwrap();
        let key = |n: usize| kv.key(format!("{n:05}").as_str().into()).unwrap();
        let entries = (0..10_000).map(|n| {
            let value = from_json(format!("{:?}", text(n)).as_bytes());
            (key(n), value, NEVER)
        });
        let mut set = SetMany::new(entries.collect());
        engine.write(Box::new(move |w| set.step(w))).await.unwrap();

        let before = connector.issued();
        for n in (0..10_000).step_by(7) {
            let mut get = GetMany::new(Rc::new(vec![key(n)]));
            let read = engine.read(Box::new(move |r| {
                let mut is_there = false;
                get.step(r, &mut |value| {
                    is_there = value.is_some();
                    Ok(())
                })?;
                Ok(is_there)
            }));
            assert!(done(read).await, "{n}");
        }
        let transactions = connector.issued() - before;
        assert_eq!(transactions, 0);
    });
}

#[test]
fn what_a_range_holds_is_estimated_without_reading() {
    for compact in [false, true] {
        World::run(1, async |world| {
            let engine = world.open(Options::default()).await;
            let none = engine.read(Box::new(|r| Ok(r.estimate(&collection().all()))));
            assert_eq!(done(none).await, 0);
            insert_all(&engine).await;
            if compact {
                engine.compact().await.unwrap();
            }
            engine.close().await;
            let (cold, connector) = newcomer(&world).await;
            let part = |from: usize, until: usize| {
                let ids =
                    keys::collection_prefix(keys::ID, &Scope::Name("main".into()), "docs".into());
                let ids = ids.unwrap();
                let id = |n: usize| keys::with_string(&ids, format!("{n:05}").as_str().into());
                KeyRange {
                    from: id(from),
                    until: id(until),
                }
            };
            for is_warm in [false, true] {
                let before = connector.issued();
                let all = collection().all();
                // A part of one page, or of what is stored, of which nothing else is known.
                let few = if is_warm { 1_000 } else { 8_000 };
                // A range, what it holds, and what an estimate may be wrong by beside three times. (In a segment, records of one kind may
                // be ten times as long as those of another.)
                let ranges = [
                    (all, ITEMS, 0),
                    (part(0, ITEMS), ITEMS, 0),
                    (part(4_000, 8_000), 4_000, 0),
                    (part(7_000, 7_001), 1, few),
                    (part(ITEMS, ITEMS + 9), 0, few),
                ];
                for (range, holds, more) in ranges {
                    let shown = format!("{range:?}, warm: {is_warm}, compacted: {compact}");
                    let found = cold.read(Box::new(move |r| Ok(r.estimate(&range))));
                    let found = done(found).await as usize;
                    let is_near = found <= 3 * holds + more && holds <= 3 * found + more;
                    assert!(is_near, "{found} for {holds} in {shown}");
                }
                assert_eq!(connector.issued(), before, "something was read");
                let mut cursor = Cursor::new(part(0, ITEMS), false);
                let read = cold.read(Box::new(move |r| {
                    while r.next_key(&mut cursor)?.is_some() {}
                    Ok(())
                }));
                done(read).await;
            }
        });
    }
}

#[test]
fn a_cold_scan_reads_ahead() {
    for compact in [false, true] {
        World::run(1, async |world| {
            let engine = world.open(Options::default()).await;
            insert_all(&engine).await;
            if compact {
                engine.compact().await.unwrap();
            }
            engine.close().await;
            let stored = world.database.snapshot().runs.bytes;
            let (cold, connector) = newcomer(&world).await;
            let count = async |limit: Option<u64>| {
                let before = connector.issued();
                let found = Rc::new(std::cell::Cell::new(0));
                let out = found.clone();
                let begin = move || {
                    let query = Query::compile(&from_json(b"{}"), std::rc::Rc::new(()))?;
                    let spec = FindSpec {
                        limit,
                        ..FindSpec::default()
                    };
                    Ok(Find::new(&collection(), query, spec))
                };
                let work = afresh(begin, move |find, r| {
                    find.step(r, &mut |_| {
                        out.set(out.get() + 1);
                        Ok(())
                    })
                });
                done(cold.read(work)).await;
                (found.get(), connector.issued() - before)
            };
            // Who wants few of them does not load all.
            let (found, few) = count(Some(10)).await;
            assert_eq!(found, 10);
            assert!(few <= 4, "{few} transactions for ten documents");
            let (found, all) = count(None).await;
            assert_eq!(found, ITEMS);
            let most = stored.div_ceil(512 << 10) as u64;
            assert!(
                few + all <= most,
                "{few} and {all} transactions, {stored} bytes, compacted: {compact}"
            );
        });
    }
}
