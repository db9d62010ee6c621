//! What replaced and removed values take on the disk, natively: at work and at rest, for each way of replacing.

use bytes::Bytes;
use futures_util::future::{LocalBoxFuture, join_all};
use patchstore::codec::marks::NEVER;
use patchstore::codec::value::from_json;
use patchstore::engine::access::{KeyRange, Session};
use patchstore::engine::{Engine, Options};
use patchstore::env::Env;
use patchstore::models::Scope;
use patchstore::models::documents::{Cascade, Changes, Collection, Ids, Insert, NewDoc};
use patchstore::models::kv::{self, Kv, SetMany};
use patchstore::models::many::Many;
use patchstore::{Code, Result};
use std::ops::Range;

use super::{World, get, put};

const MIB: usize = 1 << 20;
const SEEDS: Range<u64> = 1..4;

fn everything() -> KeyRange {
    KeyRange {
        from: Bytes::new(),
        until: Bytes::from_static(&[0xff]),
    }
}

fn stored(world: &World) -> usize {
    let held = world.database.snapshot();
    held.runs.bytes + held.blobs.bytes
}

/// What is dead may take as much as what lives, and 32 MiB.
fn check_at_work(world: &World, live: usize, what: &str) {
    let dead = stored(world).saturating_sub(live);
    assert!(dead <= live + 32 * MIB, "{what}: {dead} dead, {live} live");
}

/// A quarter of what lives, and 8 MiB.
async fn check_at_rest(world: &World, live: usize, what: &str) {
    world.env.sleep(10_000).await;
    let dead = stored(world).saturating_sub(live);
    assert!(
        dead <= live / 4 + 8 * MIB,
        "{what}: {dead} dead at rest, {live} live"
    );
}

fn delete(to: &impl Session, key: &str) -> LocalBoxFuture<'static, Result<()>> {
    let key = Bytes::copy_from_slice(key.as_bytes());
    to.write(Box::new(move |w| kv::delete(w, &key).map(drop)))
}

fn put_many(to: &impl Session, keys: usize, bytes: usize) -> LocalBoxFuture<'static, Result<()>> {
    let key = |n: usize| kv_store().key(format!("{n:03}").as_str().into()).unwrap();
    // (Not to be compressed.)
    let mut rng = fastrand::Rng::with_seed(1);
    let mut value = || {
        let mut value = vec![0; bytes];
        rng.fill(&mut value);
        Bytes::from(value)
    };
    let entries = (0..keys).map(|n| (key(n), value(), NEVER)).collect();
    let mut set = SetMany::new(entries);
    to.write(Box::new(move |w| set.step(w)))
}

fn kv_store() -> Kv {
    Kv::new(&Scope::Name("s".into())).unwrap()
}

fn collection() -> Collection {
    Collection::new(&Scope::Name("s".into()), "docs".into()).unwrap()
}

fn insert(to: &impl Session, id: usize, bytes: usize) -> LocalBoxFuture<'static, Result<()>> {
    let json = format!("{{\"_id\":\"{id}\",\"text\":\"{}\"}}", "x".repeat(bytes));
    let mut rng = fastrand::Rng::with_seed(id as u64);
    let mut random = |bytes: &mut [u8]| rng.fill(bytes);
    let stored = from_json(json.as_bytes());
    let doc = NewDoc::prepare(&stored, 0.0, &mut Ids::default(), &mut random).unwrap();
    to.write(Box::new(move |w| {
        Insert::new(&collection(), vec![doc.clone()]).step(w)
    }))
}

fn remove(to: &impl Session, ids: std::ops::Range<usize>) -> LocalBoxFuture<'static, Result<()>> {
    to.write(Box::new(move |w| {
        for id in ids.clone() {
            collection().delete(w, id.to_string().as_str().into(), &mut Cascade::new(0.0))?;
        }
        Ok(())
    }))
}

fn change(to: &impl Session, id: usize, n: usize) -> LocalBoxFuture<'static, Result<()>> {
    let changes = Changes::new(from_json(format!("{{\"by\":{n}}}").as_bytes()), 0.0);
    to.write(Box::new(move |w| {
        let id = id.to_string();
        let changed = collection().update(w, id.as_str().into(), &changes, &mut None)?;
        assert!(changed);
        Ok(())
    }))
}

fn clear(to: &impl Session, range: KeyRange) -> LocalBoxFuture<'static, Result<()>> {
    to.write(Box::new(move |w| {
        w.delete_range(range.clone());
        Ok(())
    }))
}

/// Nothing can be freed in the commit that removes it, but soon.
async fn go_on(engine: &Engine) {
    for n in 0..40 {
        put(engine, "small", n).await.unwrap();
    }
}

async fn transact(engine: &Engine, key: &str, bytes: usize) {
    let transaction = engine.begin().await.unwrap();
    put(&transaction, key, bytes).await.unwrap();
    assert!(transaction.commit().await.unwrap());
}

/// Runs a way of replacing, step by step; each step tells how many bytes live then.
fn replace(what: &str, steps: usize, step: impl AsyncFn(&Engine, usize) -> usize) {
    World::run_each(SEEDS, async |world| {
        let engine = world.open(Options::default()).await;
        let mut live = 0;
        for n in 0..steps {
            live = step(&engine, n).await;
            check_at_work(&world, live, what);
        }
        check_at_rest(&world, live, what).await;
        // What it says is what there is.
        let stats = engine.stats(vec![everything()]).await.unwrap();
        let dead = stored(&world).saturating_sub(live);
        let told = stats.garbage_bytes as usize;
        assert!(
            told.abs_diff(dead) < MIB,
            "{what}: {told} told, {dead} dead"
        );
    });
}

#[test]
fn a_value_that_is_set_again_and_again() {
    replace("set", 150, async |engine, n| {
        put(engine, "large", 2 * MIB + n).await.unwrap();
        2 * MIB
    });
    replace("set, small at last", 40, async |engine, n| {
        let bytes = if n % 2 == 0 { 4 * MIB } else { 100 };
        put(engine, "large", bytes).await.unwrap();
        bytes
    });
    replace("set, very large", 8, async |engine, _| {
        put(engine, "large", 20 * MIB).await.unwrap();
        20 * MIB
    });
    replace("one of many", 150, async |engine, n| {
        let key = format!("{}", (n * 7) % 20);
        put(engine, &key, 2 * MIB).await.unwrap();
        2 * MIB * 20.min(n + 1)
    });
}

#[test]
fn a_value_that_is_set_and_deleted() {
    replace("set and delete", 60, async |engine, n| {
        put(engine, &format!("{n}"), 2 * MIB).await.unwrap();
        delete(engine, &format!("{n}")).await.unwrap();
        0
    });
}

#[test]
fn values_that_are_deleted_or_made_small_one_by_one() {
    for small in [false, true] {
        replace("one by one", 160, async |engine, n| {
            let key = format!("{:03}", n % 80);
            match (n < 80, small) {
                (true, _) => put(engine, &key, MIB).await.unwrap(),
                (false, true) => put(engine, &key, 10).await.unwrap(),
                (false, false) => delete(engine, &key).await.unwrap(),
            }
            MIB * if n < 80 { n + 1 } else { 159 - n }
        });
    }
}

#[test]
fn values_of_transactions() {
    replace("transactions", 40, async |engine, _| {
        transact(engine, "large", 3 * MIB).await;
        3 * MIB
    });
}

#[test]
fn values_that_are_set_together() {
    replace("set together", 20, async |engine, _| {
        put_many(engine, 4, MIB / 2).await.unwrap();
        2 * MIB
    });
    // These are written ahead.
    replace("set together, large", 20, async |engine, _| {
        put_many(engine, 8, MIB).await.unwrap();
        8 * MIB
    });
    replace("set together, then small ones", 6, async |engine, n| {
        let bytes = if n % 2 == 0 { 100_000 } else { 10_000 };
        put_many(engine, 200, bytes).await.unwrap();
        go_on(engine).await;
        200 * bytes
    });
}

#[test]
fn documents_of_which_a_small_field_changes() {
    replace("updates", 60, async |engine, n| {
        if n == 0 {
            insert(engine, 1, MIB).await.unwrap();
        }
        change(engine, 1, n).await.unwrap();
        MIB
    });
}

#[test]
fn documents_that_are_inserted_and_deleted() {
    replace("insert and delete", 60, async |engine, n| {
        insert(engine, n, MIB).await.unwrap();
        remove(engine, n..n + 1).await.unwrap();
        0
    });
    replace("delete many", 60, async |engine, n| {
        insert(engine, n, 2 * MIB).await.unwrap();
        if n % 20 == 19 {
            remove(engine, n - 19..n + 1).await.unwrap();
            go_on(engine).await;
        }
        2 * MIB * ((n + 1) % 20)
    });
    replace("drop", 60, async |engine, n| {
        insert(engine, n, 2 * MIB).await.unwrap();
        if n % 20 == 19 {
            clear(engine, collection().all()).await.unwrap();
            clear(engine, collection().all_ids()).await.unwrap();
            go_on(engine).await;
        }
        2 * MIB * ((n + 1) % 20)
    });
}

#[test]
fn values_that_several_tabs_set_in_turn() {
    World::run_each(SEEDS, async |world| {
        let mut tabs = Vec::new();
        for _ in 0..3 {
            tabs.push(world.open(Options::default()).await);
        }
        for n in 0..90 {
            put(&tabs[n % 3], "large", 2 * MIB + n).await.unwrap();
            check_at_work(&world, 2 * MIB, "in turn");
        }
        check_at_rest(&world, 2 * MIB, "in turn").await;
        for tab in &tabs {
            let found = get(tab, "large").await.unwrap().unwrap();
            assert_eq!(found.len(), 2 * MIB + 89);
        }
    });
}

#[test]
fn what_a_tab_leaves_behind_that_is_gone() {
    for closes in [true, false] {
        World::run_each(SEEDS, async |world| {
            let other = world.open(Options::default()).await;
            let engine = world.open(Options::default()).await;
            put_many(&engine, 3, 2 * MIB).await.unwrap();
            engine.compact().await.unwrap();
            for n in 0..3 {
                let key = kv_store().key(format!("{n:03}").as_str().into()).unwrap();
                let work = engine.write(Box::new(move |w| kv::delete(w, &key).map(drop)));
                work.await.unwrap();
            }
            if closes {
                engine.close().await;
                assert!(stored(&world) < 5 * MIB, "{}", stored(&world));
            } else {
                drop(engine);
                world.env.sleep(30_000).await;
                assert!(stored(&world) < 5 * MIB, "{}", stored(&world));
            }
            drop(other);
        });
    }
}

#[test]
fn dead_pieces_make_room_before_anything_is_refused() {
    let live = 2 * MIB;
    for quota in [9, 20, 40] {
        World::run_each(SEEDS, async |world| {
            world.database.set_quota(Some(quota * MIB));
            let engine = world.open(Options::default()).await;
            for n in 0..60 {
                put(&engine, "large", live + n).await.unwrap();
            }
            // Several at once, of which none but the last lives.
            let puts = (0..3).map(|n| put(&engine, "large", live + n));
            join_all(puts).await.into_iter().for_each(Result::unwrap);
            engine.close().await;
            let engine = world.open(Options::default()).await;
            let found = get(&engine, "large").await.unwrap().unwrap();
            assert_eq!(found.len(), live + 2);
        });
    }
    // WriteSet ahead.
    World::run_each(SEEDS, async |world| {
        world.database.set_quota(Some(30 * MIB));
        let engine = world.open(Options::default()).await;
        for _ in 0..20 {
            put_many(&engine, 8, MIB).await.unwrap();
        }
    });
}

#[test]
fn what_does_not_fit_is_refused_and_leaves_nothing_behind() {
    World::run_each(SEEDS, async |world| {
        world.database.set_quota(Some(20 * MIB));
        let engine = world.open(Options::default()).await;
        let mut count = 0;
        let full = loop {
            if let Err(error) = put(&engine, &format!("{count}"), MIB).await {
                break error;
            }
            count += 1;
        };
        assert_eq!(full.code(), Code::StorageQuotaExceeded);
        assert!(count >= 17, "{count}");
        // What is there can be replaced still, if what was there can go for it.
        for n in 0..4 {
            delete(&engine, &format!("{n}")).await.unwrap();
        }
        for n in 0..20 {
            put(&engine, "more", MIB + n).await.unwrap();
        }
        assert!(get(&engine, "16").await.unwrap().is_some());
    });
}
