//! What an engine keeps in memory, natively: within its budget, whatever is written and read.

use bytes::Bytes;
use futures_util::future::join_all;
use patchstore::engine::access::{
    Answer, Attempt, Cursor, KeyRange, ReadWork, Reads, Session, WriteWork, Writes,
};
use patchstore::engine::{Engine, Options};

use super::{World, get, put};

const MIB: usize = 1 << 20;
/// The least that there is.
const BUDGET_BYTES: usize = 2 * MIB;
/// Pages that were decoded since something was put last come on top.
const MOST_BYTES: usize = BUDGET_BYTES * 9 / 8;

async fn open(world: &World) -> Engine {
    let options = Options {
        cache_bytes: BUDGET_BYTES,
        ..Options::default()
    };
    world.open(options).await
}

fn key(n: usize) -> Bytes {
    Bytes::from(format!("key-{n:05}"))
}

/// Runs `work`; how many values it has found.
async fn count(engine: &Engine, work: ReadWork<usize>) -> usize {
    match engine.read(work) {
        Answer::Ready(found) => found.unwrap(),
        Answer::Later(found) => found.await.unwrap(),
    }
}

/// Reads some keys, keeping what it has.
fn many(keys: Vec<Bytes>) -> ReadWork<usize> {
    let mut found: Vec<Bytes> = Vec::new();
    Box::new(move |r| {
        while let Some(key) = keys.get(found.len()) {
            found.push(r.get(key)?.unwrap_or_default());
        }
        Ok(found.len())
    })
}

/// Reads some keys, beginning anew with each attempt.
fn anew(keys: Vec<Bytes>) -> ReadWork<usize> {
    Box::new(move |r: &mut dyn Reads| -> Attempt<usize> {
        for key in &keys {
            r.get(key)?;
        }
        Ok(keys.len())
    })
}

fn scan() -> ReadWork<usize> {
    let range = KeyRange {
        from: Bytes::new(),
        until: Bytes::from_static(&[0xff]),
    };
    let mut cursor = Cursor::new(range, false);
    let mut found = 0;
    Box::new(move |r| {
        r.scan(&mut cursor, true, &mut |_, _| {
            found += 1;
            Ok(true)
        })?;
        Ok(found)
    })
}

#[test]
fn large_values_are_not_kept_whether_written_or_read() {
    World::run(1, async |world| {
        let engine = open(&world).await;
        for n in 0..72 {
            put(&engine, &format!("key-{n:05}"), MIB).await.unwrap();
            assert!(engine.cached_bytes() < BUDGET_BYTES, "write {n}");
        }
        let other = open(&world).await;
        for n in 0..72 {
            let found = count(&other, many(vec![key(n)])).await;
            assert_eq!(found, 1);
            let held = other.cached_bytes();
            assert!(held < BUDGET_BYTES, "read {n}: {held}");
        }
        assert_eq!(count(&other, scan()).await, 72);
        assert!(other.cached_bytes() < BUDGET_BYTES);
    });
}

#[test]
fn values_that_are_kept_stay_within_the_budget() {
    World::run(2, async |world| {
        let engine = open(&world).await;
        for n in 0..60 {
            put(&engine, &format!("key-{n:05}"), 400_000).await.unwrap();
            let held = engine.cached_bytes();
            assert!(held <= BUDGET_BYTES, "write {n}: {held}");
        }
        assert!(engine.cached_bytes() > BUDGET_BYTES / 2);
    });
}

#[test]
fn reads_of_more_than_fits_come_to_their_end() {
    World::run(3, async |world| {
        let engine = open(&world).await;
        for n in 0..12 {
            put(&engine, &format!("key-{n:05}"), 3 * MIB).await.unwrap();
        }
        let other = open(&world).await;
        let all: Vec<Bytes> = (0..12).map(key).collect();
        let reads = [
            many(all.clone()),
            many(all.into_iter().rev().collect()),
            scan(),
            anew(vec![key(3), key(7), key(11)]),
            anew(vec![key(11), key(7), key(3)]),
        ];
        let found = join_all(reads.map(|work| count(&other, work))).await;
        assert_eq!(found, [12, 12, 12, 3, 3]);
        // Many that want the same share what was loaded for them.
        let same = join_all((0..20).map(|_| get(&other, "key-00005"))).await;
        assert!(same.iter().all(|found| found.as_ref().unwrap().is_some()));
        assert!(other.cached_bytes() < BUDGET_BYTES);
        // And writing work, which is run in a draft.
        let both: WriteWork<usize> = Box::new(|w| {
            let (a, b) = (w.get(b"key-00001")?, w.get(b"key-00002")?);
            w.put(key(99), Bytes::from_static(b"v"));
            Ok(a.map_or(0, |a| a.len()) + b.map_or(0, |b| b.len()))
        });
        assert_eq!(other.write(both).await.unwrap(), 6 * MIB);
    });
}

#[test]
fn pages_and_directories_stay_within_the_budget() {
    World::run(4, async |world| {
        let engine = open(&world).await;
        let mut noise = 1_u64;
        for part in 0..80 {
            let entries: Vec<(Bytes, Bytes)> = (0..1000)
                .map(|n| {
                    // Half of it does not compress.
                    let mut value = vec![7; 200];
                    for byte in &mut value[..100] {
                        noise ^= noise << 13;
                        noise ^= noise >> 7;
                        noise ^= noise << 17;
                        *byte = noise.to_le_bytes()[0];
                    }
                    (key(part * 1000 + n), value.into())
                })
                .collect();
            let work = Box::new(move |w: &mut dyn Writes| {
                for (key, value) in &entries {
                    w.put(key.clone(), value.clone());
                }
                Ok(())
            });
            engine.write(work).await.unwrap();
        }
        engine.compact().await.unwrap();
        let held = engine.cached_bytes();
        assert!(held <= MOST_BYTES, "compacted: {held}");
        for _ in 0..2 {
            assert_eq!(count(&engine, scan()).await, 80_000);
            let held = engine.cached_bytes();
            assert!(held <= MOST_BYTES, "scanned: {held}");
        }
        // Where all that a lookup needs is there, nothing is loaded.
        for n in 0..500 {
            assert_eq!(count(&engine, many(vec![key(n * 160)])).await, 1);
            let held = engine.cached_bytes();
            assert!(held <= MOST_BYTES, "read {n}: {held}");
        }
    });
}
