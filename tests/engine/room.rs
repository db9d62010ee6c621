//! Where room comes from when there is none left, natively: what is asked for it, in what order, for whom.

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use patchstore::Code;
use patchstore::backend::{Id, RecordKey};
use patchstore::codec::feature::Features;
use patchstore::engine::access::{KeyRange, Session};
use patchstore::engine::{Action, Engine, Options, Policy};
use patchstore::env::Env;
use std::rc::Rc;

use super::storage::Storage;
use super::{World, get, put};

const RESERVE: RecordKey = RecordKey::Run(Id([0xff; 16]));

fn has_reserve(world: &World) -> bool {
    let records = world.database.records();
    records.iter().any(|(key, _)| *key == RESERVE)
}

/// Leaves room for so many bytes.
fn fill_up(world: &World, left: usize) {
    let records = world.database.records();
    let used: usize = records.iter().map(|(_, record)| record.len()).sum();
    world.database.set_quota(Some(used + left));
}

/// Values that cannot be compressed, of 1 KB each.
async fn put_some(engine: &Engine, count: usize, seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut cells: Vec<(Bytes, Bytes)> = Vec::new();
    for n in 0..count {
        let mut value = vec![0; 1_000];
        rng.fill(&mut value);
        cells.push((format!("key-{n:04}").into(), value.into()));
    }
    let work = engine.write(Box::new(move |w| {
        cells.iter().cloned().for_each(|(k, v)| w.put(k, v));
        Ok(())
    }));
    work.await.unwrap();
}

/// A tab that has written enough for a reserve, and whose storage is full but for its log of `count` values.
async fn full(world: &World, count: usize) -> (Engine, Storage) {
    let (engine, storage) = Storage::open(world, Options::default()).await;
    for seed in 0..20 {
        assert!(!has_reserve(world) || seed > 4, "small patches need none");
        put_some(&engine, 100, seed).await;
    }
    engine.compact().await.unwrap();
    assert!(has_reserve(world));
    put_some(&engine, count, 100).await;
    fill_up(world, 1_000);
    (engine, storage)
}

#[test]
fn what_only_stores_has_the_storage_asked_where_it_keeps_much_more_than_there_is() {
    for (usage, is_asked) in [(28, false), (33, true)] {
        World::run(1, async |world| {
            let (engine, storage) = Storage::open(&world, Options::default()).await;
            put_some(&engine, 100, 1).await;
            fill_up(&world, 500);
            let counts = &storage.counts;
            counts.gives_back.set(true);
            counts.usage.set(usage * 100 * 1_008 / 10);
            let more = put(&engine, "more", 1_000).await;
            assert_eq!(*counts.asked.borrow(), vec![0; usize::from(is_asked)]);
            assert_eq!(get(&engine, "more").await.unwrap().is_some(), is_asked);
            let refused = more.err().map(|error| error.code());
            assert_eq!(refused, (!is_asked).then_some(Code::StorageQuotaExceeded));
        });
    }
}

#[test]
fn what_frees_room_gets_the_reserve_when_asking_is_in_vain() {
    World::run(1, async |world| {
        let (engine, storage) = full(&world, 100).await;
        engine.compact().await.unwrap();
        assert_eq!(*storage.counts.asked.borrow(), [0, 1, 2, 3]);
    });
}

#[test]
fn what_frees_room_goes_on_once_the_storage_has_given_some_back() {
    World::run(1, async |world| {
        let (engine, storage) = full(&world, 100).await;
        storage.counts.gives_back.set(true);
        engine.compact().await.unwrap();
        assert_eq!(*storage.counts.asked.borrow(), [0]);
        assert!(has_reserve(&world));
    });
}

#[test]
fn what_frees_room_gets_it_for_its_flip_too() {
    World::run(1, async |world| {
        let (engine, storage) = Storage::open(&world, Options::default()).await;
        put_some(&engine, 100, 1).await;
        storage.counts.refuses_flip.set(true);
        engine.compact().await.unwrap();
        assert_eq!(*storage.counts.asked.borrow(), [0]);
        // Nor is the next one any the worse for it.
        put_some(&engine, 100, 2).await;
        engine.compact().await.unwrap();
        assert_eq!(*storage.counts.asked.borrow(), [0]);
    });
}

/// Removes what is in the log, as pruning does; whether there was any.
fn prune(engine: Engine, _: Rc<dyn Env>) -> LocalBoxFuture<'static, patchstore::Result<bool>> {
    async move {
        if get(&engine, "log-0").await?.is_none() {
            return Ok(false);
        }
        let range = KeyRange {
            from: "log-".into(),
            until: "log-~".into(),
        };
        let work = engine.write(Box::new(move |w| {
            w.delete_range(range.clone());
            Ok(())
        }));
        work.await.map(|()| true)
    }
    .boxed_local()
}

/// A tab whose storage has room for 30 KB more; a step removes 2 MB.
async fn prunable(world: &World, action: Action) -> (Engine, Storage) {
    let (engine, storage) = Storage::open(world, Options::default()).await;
    engine.relieve_by(action, Features::NONE, prune);
    for n in 0..10 {
        put(&engine, &format!("log-{n}"), 200_000).await.unwrap();
    }
    // (Beside it, so that what is left is not mostly waste.)
    put(&engine, "kept", 1_000).await.unwrap();
    storage.counts.usage.set(1_000);
    fill_up(world, 30_000);
    (engine, storage)
}

#[test]
fn what_only_stores_waits_until_the_storage_frees_what_a_step_has_removed_for_it() {
    for action in [Action::PruneOplog, Action::EvictExpired, Action::Collect] {
        World::run(1, async |world| {
            let (engine, storage) = prunable(&world, action).await;
            storage.counts.keeps_all_but.set(Some(30_000));
            storage.counts.gives_back.set(true);
            put(&engine, "new", 100_000).await.unwrap();
            assert_eq!(*storage.counts.asked.borrow(), [0]);
        });
    }
    // More than was removed is not waited for, nor what does not come for long.
    for (bytes, asked) in [(3_000_000, 0), (100_000, 4)] {
        World::run(1, async |world| {
            let (engine, storage) = prunable(&world, Action::PruneOplog).await;
            storage.counts.keeps_all_but.set(Some(30_000));
            let refused = put(&engine, "new", bytes).await.unwrap_err();
            assert_eq!(refused.code(), Code::StorageQuotaExceeded);
            assert_eq!(storage.counts.asked.borrow().len(), asked);
            put(&engine, "newer", bytes).await.unwrap_err();
            assert_eq!(storage.counts.asked.borrow().len(), asked);
        });
    }
}

#[test]
fn upkeep_waits_for_a_pause_where_there_is_plenty_of_room_and_only_there() {
    for (usage, max_bytes, flips) in [
        (1_000, f64::INFINITY, 0),
        (300_000_000, f64::INFINITY, 2),
        (1_000, 200_000.0, 2),
    ] {
        World::run(1, async |world| {
            let (engine, storage) = Storage::open(&world, Options::default()).await;
            storage.counts.usage.set(usage);
            engine.obey(Policy {
                threshold: 0.9,
                max_bytes,
            });
            world.env.sleep(100).await;
            storage.counts.flips.set(0);
            for n in 0..1_100 {
                put(&engine, &format!("{n}"), 100).await.unwrap();
            }
            assert_eq!(storage.counts.flips.get(), flips, "{usage} {max_bytes}");
            for n in 0..200 {
                put(&engine, &format!("more {n}"), 100).await.unwrap();
            }
            // Not for ever. (Flushing takes its time, too.)
            world.env.sleep(5_000).await;
            assert_eq!(storage.counts.flips.get(), flips + 1);
        });
    }
}

#[test]
fn a_write_waits_for_a_step_that_is_being_taken() {
    for seed in 0..40 {
        World::run(seed, async |world| {
            let (engine, _storage) = prunable(&world, Action::PruneOplog).await;
            engine.obey(Policy {
                threshold: 1e-9,
                ..Policy::default()
            });
            // In the background it begins after 20 ms.
            world.env.sleep(18 + seed as u32 % 8).await;
            put(&engine, "new", 100_000).await.unwrap();
        });
    }
}
