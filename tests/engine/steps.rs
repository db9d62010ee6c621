//! What each step of upkeep reads and writes, natively, and how many there are.

use bytes::Bytes;
use futures_util::future::join;
use patchstore::backend::simulated::Fault;
use patchstore::engine::access::Session;
use patchstore::engine::{Engine, Limits, Options};
use patchstore::env::Env;
use std::ops::Range;

use super::storage::Storage;
use super::{World, get, put};

/// Frames at which the log is flushed.
const LOG_FRAMES: usize = 40;
/// Runs at which they are merged.
const RUNS: usize = 10;

async fn open(world: &World) -> (Engine, Storage) {
    let limits = Limits {
        log_frames: LOG_FRAMES,
        ..Limits::default()
    };
    let options = Options {
        limits,
        ..Options::default()
    };
    Storage::open(world, options).await
}

/// As many commits as make a flush due, and some time for it.
async fn burst(world: &World, engine: &Engine) {
    for n in 0..LOG_FRAMES {
        put(engine, &format!("small-{n:02}"), 50).await.unwrap();
    }
    world.env.sleep(1_000).await;
    assert_eq!(world.database.snapshot().log.records, 0);
}

/// Values of 1 KB that cannot be compressed.
async fn fill(engine: &Engine, mut keys: Range<u32>, step: usize) {
    let mut rng = fastrand::Rng::with_seed(u64::from(keys.start));
    while !keys.is_empty() {
        let part = keys.start..keys.end.min(keys.start + 100);
        keys.start = part.end;
        let cells: Vec<(Bytes, Bytes)> = part
            .step_by(step)
            .map(|n| {
                let mut value = vec![0; 1_000];
                rng.fill(&mut value);
                (format!("key-{n:05}").into(), value.into())
            })
            .collect();
        let work = engine.write(Box::new(move |w| {
            cells.iter().cloned().for_each(|(k, v)| w.put(k, v));
            Ok(())
        }));
        work.await.unwrap();
    }
}

/// What a compaction writes, and in how many flips.
async fn compact(engine: &Engine, storage: &Storage) -> (u64, usize) {
    let (bytes, flips) = (engine.written_bytes(), storage.counts.flips.get());
    engine.compact().await.unwrap();
    let written = engine.written_bytes() - bytes;
    (written, storage.counts.flips.get() - flips)
}

#[test]
fn a_flush_reads_nothing_and_leaves_what_is_known_of_the_directory() {
    World::run(1, async |world| {
        let (engine, storage) = open(&world).await;
        fill(&engine, 0..300, 1).await;
        engine.compact().await.unwrap();
        assert!(get(&engine, "key-00007").await.unwrap().is_some());
        let (reads, flips) = (storage.counts.reads.get(), storage.counts.flips.get());
        burst(&world, &engine).await;
        assert_eq!(storage.counts.flips.get(), flips + 1);
        assert!(get(&engine, "key-00008").await.unwrap().is_some());
        assert_eq!(storage.counts.reads.get(), reads);
    });
}

#[test]
fn runs_are_merged_as_soon_as_they_are_due() {
    World::run(1, async |world| {
        let (engine, storage) = open(&world).await;
        let before = storage.counts.flips.get();
        for round in 1..=2 * RUNS {
            burst(&world, &engine).await;
            // One for each flush, and one for each merge.
            let flips = storage.counts.flips.get() - before;
            assert_eq!(flips, round + round / RUNS, "after {round} flushes");
        }
    });
}

#[test]
fn segments_that_nothing_overlaps_are_not_written_again() {
    World::run(1, async |world| {
        let (engine, storage) = Storage::open(&world, Options::default()).await;
        for keys in [0..1_500, 1_500..3_000] {
            fill(&engine, keys, 1).await;
            let (written, _) = compact(&engine, &storage).await;
            // By the flush. (The reserve comes with it once.)
            assert!((1_500_000..2_200_000).contains(&written), "{written}");
        }
    });
}

#[test]
fn a_long_merge_goes_in_steps_which_are_short_where_there_is_no_room() {
    for (is_short, expected) in [(false, 3..8), (true, 20..1_000)] {
        World::run(1, async |world| {
            let (engine, storage) = Storage::open(&world, Options::default()).await;
            fill(&engine, 0..6_000, 1).await;
            compact(&engine, &storage).await;
            fill(&engine, 0..6_000, 10).await;
            storage.counts.refuses_flip.set(is_short);
            let (written, flips) = compact(&engine, &storage).await;
            assert!(written > 6_000_000, "{written}");
            assert!(expected.contains(&flips), "{flips}");
        });
    }
}

#[test]
fn a_commit_of_unknown_outcome_beside_a_flush_stays_in_view() {
    for seed in 0..6 {
        for nth in 1..=8 {
            World::run(seed, async |world| {
                let (engine, storage) = open(&world).await;
                fill(&engine, 0..30, 1).await;
                let simulated = &storage.simulated;
                simulated.fault_at(simulated.issued() + nth, Fault::LostAfter);
                let compacting = engine.compact();
                let writing = async {
                    for key in ["a", "b", "c"] {
                        put(&engine, key, 50).await.unwrap();
                    }
                };
                // A step that is cut short is no error of the commit's.
                drop(join(compacting, writing).await);
                for key in ["a", "b", "c", "key-00029"] {
                    let found = get(&engine, key).await.unwrap();
                    assert!(found.is_some(), "{key}, {seed} {nth}");
                }
            });
        }
    }
}
