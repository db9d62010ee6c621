//! Clearing many small stores.

use super::{World, each_costs_the_same, memory, put_all};
use bytes::Bytes;
use futures_util::future::join_all;
use patchstore::engine::Engine;
use patchstore::engine::access::{KeyRange, Session};

const STORES: usize = 2_000;
/// Values in each, and their bytes.
const VALUES: usize = 5;
const VALUE_BYTES: usize = 270;

fn store(n: usize) -> KeyRange {
    KeyRange {
        from: format!("store-{n:05}/").into(),
        until: format!("store-{n:05}/\u{7f}").into(),
    }
}

/// Bytes that do not compress.
fn noise(seed: usize) -> Bytes {
    let mut random = noise_of(seed as u64 + 1);
    (0..VALUE_BYTES).map(|_| random()).collect()
}

fn noise_of(mut state: u64) -> impl FnMut() -> u8 {
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    }
}

async fn fill(engine: &Engine, stores: usize) {
    let fills = (0..stores).map(|n| {
        engine.write(Box::new(move |w| {
            for value in 0..VALUES {
                let key = format!("store-{n:05}/{value}");
                w.put(key.into(), noise(n * VALUES + value));
            }
            Ok(())
        }))
    });
    for done in join_all(fills).await {
        done.unwrap();
    }
}

async fn clear(engine: &Engine, numbers: impl Iterator<Item = usize>) {
    let clears = numbers.map(|n| {
        engine.write(Box::new(move |w| {
            w.delete_range(store(n));
            Ok(())
        }))
    });
    for done in join_all(clears).await {
        done.unwrap();
    }
}

/// Bytes written by clearing all stores, `at_once` at a time, by those that the stores hold.
async fn written_by_clearing(world: World, at_once: usize) -> f64 {
    let engine = world.open().await;
    fill(&engine, STORES).await;
    engine.compact().await.unwrap();
    let before = engine.written_bytes();
    for from in (0..STORES).step_by(at_once) {
        clear(&engine, from..STORES.min(from + at_once)).await;
    }
    // Flushes whatever is in the log.
    engine.compact().await.unwrap();
    let written = engine.written_bytes() - before;
    written as f64 / (STORES * VALUES * VALUE_BYTES) as f64
}

#[test]
fn clearing_all_stores_writes_little_of_what_they_hold() {
    for at_once in [STORES, 10, 1] {
        let times = World::run(async |world| written_by_clearing(world, at_once).await);
        assert!(times < 1.0, "{at_once} at once: {times:.2} times");
    }
}

#[test]
fn clearing_every_other_store_writes_about_what_they_hold() {
    World::run(async |world| {
        let engine = world.open().await;
        fill(&engine, STORES).await;
        engine.compact().await.unwrap();
        let before = engine.written_bytes();
        clear(&engine, (0..STORES).step_by(2)).await;
        engine.compact().await.unwrap();
        let written = engine.written_bytes() - before;
        let held = (STORES * VALUES * VALUE_BYTES) as u64;
        assert!(written < 2 * held, "{written} bytes for {held}");
    });
}

#[test]
fn clearing_stores_in_memory() {
    each_costs_the_same(400, 1.5, |count| {
        World::run(async |world| {
            let engine = world.open().await;
            fill(&engine, 10).await;
            // Others in the same table.
            put_all(&engine, 0..count).await;
            let before = memory::taken();
            clear(&engine, 0..count).await;
            memory::taken() - before
        })
    });
}
