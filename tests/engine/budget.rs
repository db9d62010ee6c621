//! The patch's own budget and the steps of the quota policy, natively.

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, join_all};
use patchstore::codec::feature::Features;
use patchstore::engine::access::{KeyRange, Session};
use patchstore::engine::{Action, Engine, Notice, Options, Policy, Subscription};
use patchstore::env::Env;
use patchstore::{Code, Result};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::{World, get};

const MIB: usize = 1 << 20;

/// What was told of room.
type Told = Rc<RefCell<Vec<(Action, f64, f64)>>>;

fn listen(engine: &Engine) -> (Told, Subscription) {
    let told = Told::default();
    let heard = told.clone();
    let subscription = engine.subscribe(Rc::new(move |notice| {
        if let Notice::Quota { level, action } = notice {
            heard.borrow_mut().push((*action, level.0, level.1));
        }
    }));
    (told, subscription)
}

fn actions(told: &Told) -> Vec<Action> {
    told.borrow().iter().map(|(action, ..)| *action).collect()
}

fn budget(max_bytes: usize) -> Policy {
    Policy {
        threshold: 0.8,
        max_bytes: max_bytes as f64,
    }
}

/// Stores bytes that cannot be compressed.
fn put(to: &impl Session, key: &str, bytes: usize) -> LocalBoxFuture<'static, Result<()>> {
    put_all(to, &[key], bytes)
}

fn put_all(to: &impl Session, keys: &[&str], bytes: usize) -> LocalBoxFuture<'static, Result<()>> {
    let entries = keys.iter().map(|key| {
        let mut value = vec![0; bytes];
        let seed = key
            .bytes()
            .fold(bytes as u64, |seed, byte| seed * 31 + u64::from(byte));
        fastrand::Rng::with_seed(seed).fill(&mut value);
        // As that of a user's value, never that of what accompanies a removal.
        value[0] = 1;
        (Bytes::copy_from_slice(key.as_bytes()), Bytes::from(value))
    });
    let entries: Vec<(Bytes, Bytes)> = entries.collect();
    to.write(Box::new(move |w| {
        for (key, value) in &entries {
            w.put(key.clone(), value.clone());
        }
        Ok(())
    }))
}

fn delete(to: &impl Session, key: &str) -> LocalBoxFuture<'static, Result<()>> {
    let key = Bytes::copy_from_slice(key.as_bytes());
    to.write(Box::new(move |w| {
        w.delete(key.clone());
        Ok(())
    }))
}

/// Stores as many values as there is room for; how many, and what the last one fails with.
async fn fill(engine: &Engine, bytes: usize) -> (usize, patchstore::Error) {
    let mut count = 0;
    loop {
        match put(engine, &format!("{count:05}"), bytes).await {
            Ok(()) => count += 1,
            Err(error) => return (count, error),
        }
    }
}

#[test]
fn a_budget_refuses_what_grows_and_lets_in_what_does_not() {
    for bytes in [1_000, 10_020, 20_000, 200_000, MIB] {
        World::run(1, async |world| {
            let engine = world.open(Options::default()).await;
            let (told, _subscription) = listen(&engine);
            engine.obey(budget(8 * MIB));
            let (count, full) = fill(&engine, bytes).await;
            assert_eq!(full.code(), Code::StorageQuotaExceeded);
            let text = full.message();
            assert!(text.contains("maxBytes"), "{text}");
            assert!(text.contains("bytes are needed"), "{text}");
            let (usage, quota) = full.usage_and_quota().unwrap();
            assert_eq!(quota as usize, 8 * MIB);
            assert!(
                usage < 1.01 * quota && usage + 2.0 * bytes as f64 > quota,
                "{usage}"
            );
            // As much as that, and no less than what is left by some for keys and frames.
            assert!(
                count * bytes > 8 * MIB * 9 / 10 - bytes,
                "{count} of {bytes}"
            );
            assert_eq!(actions(&told).last(), Some(&Action::Full));
            assert!(actions(&told).contains(&Action::Compact));
            // What is replaced by as much or less, or deleted, needs no room.
            put(&engine, "00000", bytes).await.unwrap();
            put(&engine, "00001", bytes / 2).await.unwrap();
            put(&engine, "00002", 3 * bytes).await.unwrap_err();
            for n in 0..count / 2 {
                delete(&engine, &format!("{n:05}")).await.unwrap();
            }
            for n in 0..count / 3 {
                put(&engine, &format!("more {n}"), bytes).await.unwrap();
            }
            assert!(engine.stored_bytes() as usize <= 9 * MIB);
            // Nothing that was acknowledged is lost.
            let reopened = world.open(Options::default()).await;
            for key in [count / 2, count - 1] {
                let key: &'static str = format!("{key:05}").leak();
                assert!(get(&reopened, key).await.unwrap().is_some(), "{key}");
            }
        });
    }
}

#[test]
fn a_large_batch_and_a_transaction_meet_the_budget_whole_or_not_at_all() {
    World::run(1, async |world| {
        let engine = world.open(Options::default()).await;
        engine.obey(budget(4 * MIB));
        let keys: Vec<String> = (0..600).map(|n| format!("{n:03}")).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let written = engine.written_bytes();
        let full = put_all(&engine, &keys, 10_000).await.unwrap_err();
        assert_eq!(full.code(), Code::StorageQuotaExceeded);
        assert!(full.message().contains("needed"));
        assert_eq!(engine.written_bytes(), written, "nothing was written ahead");
        put_all(&engine, &keys[..300], 10_000).await.unwrap();
        let transaction = engine.begin().await.unwrap();
        put_all(&transaction, &keys[300..450], 10_000)
            .await
            .unwrap();
        assert_eq!(
            transaction.commit().await.unwrap_err().code(),
            Code::StorageQuotaExceeded
        );
        assert!(get(&engine, "300").await.unwrap().is_none());
        assert!(get(&engine, "299").await.unwrap().is_some());
    });
}

#[test]
fn of_calls_at_once_those_that_fit_are_let_in() {
    World::run(1, async |world| {
        let engine = world.open(Options::default()).await;
        engine.obey(budget(MIB));
        let keys: Vec<String> = (0..200).map(|n| format!("{n}")).collect();
        let outcomes = join_all(keys.iter().map(|key| put(&engine, key, 10_000))).await;
        let stored = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert!((90..=104).contains(&stored), "{stored}");
        for (key, outcome) in keys.into_iter().zip(outcomes) {
            let found = get(&engine, key.leak()).await.unwrap();
            assert_eq!(found.is_some(), outcome.is_ok());
        }
    });
}

#[test]
fn compacting_that_is_in_vain_is_not_done_again_and_again() {
    World::run_each(1..9, async |world| {
        let engine = world.open(Options::default()).await;
        engine.obey(budget(4 * MIB));
        let (_, _) = fill(&engine, 10_000).await;
        assert!(engine.stored_bytes() <= 4 * MIB as u64);
        let (told, _subscription) = listen(&engine);
        let written = engine.written_bytes();
        let mut refused = 0;
        for n in 0..100 {
            let put = put(&engine, &format!("more {n}"), 10_000).await;
            refused += usize::from(put.is_err());
        }
        assert!(engine.stored_bytes() <= 4 * MIB as u64);
        assert_eq!(refused, 100);
        assert!(
            !actions(&told).contains(&Action::Compact),
            "{:?}",
            actions(&told)
        );
        assert_eq!(actions(&told).len(), refused);
        assert!(engine.written_bytes() < written + MIB as u64);
        // One in, one out: compacted every now and then.
        for n in 0..200 {
            delete(&engine, &format!("{n:05}")).await.unwrap();
            drop(put(&engine, &format!("more {n}"), 10_000).await);
        }
        let compacted = actions(&told)
            .iter()
            .filter(|action| **action == Action::Compact)
            .count();
        assert!((1..=16).contains(&compacted), "{compacted} times");
    });
}

#[test]
fn what_is_dead_goes_in_the_background_above_the_threshold() {
    World::run(1, async |world| {
        let engine = world.open(Options::default()).await;
        for n in 0..100 {
            put(&engine, &format!("{n}"), 40_000).await.unwrap();
        }
        for n in 0..90 {
            delete(&engine, &format!("{n}")).await.unwrap();
        }
        let (told, _subscription) = listen(&engine);
        engine.obey(budget(6 * MIB));
        world.env.sleep(100).await;
        assert_eq!(actions(&told), [], "below the threshold");
        engine.obey(budget(4 * MIB));
        world.env.sleep(5_000).await;
        assert_eq!(actions(&told), [Action::Compact]);
        let (_, usage, quota) = told.borrow()[0];
        assert!(
            usage > 0.8 * quota && quota as usize == 4 * MIB,
            "{usage} of {quota}"
        );
        assert!(
            engine.stored_bytes() < MIB as u64,
            "{}",
            engine.stored_bytes()
        );
    });
}

#[test]
fn it_is_looked_again_after_some_mebibytes() {
    World::run(1, async |world| {
        let engine = world.open(Options::default()).await;
        engine.obey(budget(40 * MIB));
        let (told, _subscription) = listen(&engine);
        for n in 0..36 {
            put(&engine, &format!("{n}"), MIB).await.unwrap();
            assert!(n > 30 || actions(&told).is_empty(), "{n}");
        }
        world.env.sleep(5_000).await;
        assert_eq!(actions(&told), [Action::Compact]);
    });
}

/// Removes every key that begins so.
fn remove(engine: Engine, prefix: &'static str) -> LocalBoxFuture<'static, Result<bool>> {
    async move {
        let range = KeyRange {
            from: prefix.into(),
            until: Bytes::from(format!("{prefix}~")),
        };
        if !holds(&engine, &range).await? {
            return Ok(false);
        }
        let work = engine.write(Box::new(move |w| {
            w.delete_range(range.clone());
            Ok(())
        }));
        work.await.map(|()| true)
    }
    .boxed_local()
}

async fn holds(engine: &Engine, range: &KeyRange) -> Result<bool> {
    match engine.holds_any(std::slice::from_ref(range)) {
        patchstore::engine::access::Answer::Ready(found) => found,
        patchstore::engine::access::Answer::Later(found) => found.await,
    }
}

thread_local! {
    static COLLECTED: Cell<u32> = const { Cell::new(0) };
    static LOOKING_MS: Cell<u32> = const { Cell::new(0) };
}

#[test]
fn who_looks_at_all_that_there_is_does_so_now_and_then_only() {
    // Ten times as long as it takes; but a write, which would be refused in vain, waits for a second at most.
    for (looking_ms, rest_ms) in [(50, 500.0), (5_000, 1_000.0)] {
        World::run(1, async |world| {
            LOOKING_MS.set(looking_ms);
            looks_now_and_then(&world, rest_ms).await;
        });
    }
}

async fn looks_now_and_then(world: &World, rest_ms: f64) {
    let engine = world.open(Options::default()).await;
    COLLECTED.set(0);
    engine.relieve_by(Action::Collect, Features::NONE, |_, env| {
        async move {
            env.sleep(LOOKING_MS.get()).await;
            COLLECTED.set(COLLECTED.get() + 1);
            Ok(false)
        }
        .boxed_local()
    });
    put(&engine, "a", 100_000).await.unwrap();
    engine.obey(Policy {
        threshold: 1.0,
        ..budget(MIB / 2)
    });
    for expected in 1..4 {
        for _ in 0..10 {
            let refused = put(&engine, "b", MIB).await.unwrap_err();
            assert_eq!(refused.code(), Code::StorageQuotaExceeded);
        }
        assert_eq!(COLLECTED.get(), expected, "once, as nothing has changed");
        put(&engine, "c", 100).await.unwrap();
        let begun_ms = world.env.monotonic_ms();
        put(&engine, "b", MIB).await.unwrap_err();
        assert_eq!(COLLECTED.get(), expected + 1);
        let took_ms = world.env.monotonic_ms() - begun_ms;
        let looking_ms = f64::from(LOOKING_MS.get());
        let expected_ms = looking_ms + rest_ms;
        assert!(
            (expected_ms - 100.0..expected_ms + 100.0).contains(&took_ms),
            "{looking_ms}: {took_ms}"
        );
        // Time alone may bring something, too.
        world.env.sleep(61_000).await;
        COLLECTED.set(expected);
    }
}

#[test]
fn models_make_room_before_anything_is_compacted_or_refused() {
    World::run(1, async |world| {
        let engine = world.open(Options::default()).await;
        engine.relieve_by(Action::PruneOplog, Features::NONE, |engine, _| {
            remove(engine, "log")
        });
        engine.relieve_by(Action::EvictExpired, Features::NONE, |engine, _| {
            remove(engine, "old")
        });
        for n in 0..10 {
            put(&engine, &format!("log{n}"), 100_000).await.unwrap();
            put(&engine, &format!("old{n}"), 100_000).await.unwrap();
        }
        let (told, _subscription) = listen(&engine);
        let policy = Policy {
            threshold: 1.0,
            ..budget(5 * MIB / 2)
        };
        engine.obey(policy);
        world.env.sleep(100).await;
        assert_eq!(actions(&told), []);
        // Calls wait behind what needs room, and none is lost or overtaken.
        let puts = (0..8).map(|n| put(&engine, &format!("new{n}"), 250_000));
        join_all(puts).await.into_iter().for_each(Result::unwrap);
        let taken = actions(&told);
        assert_eq!(
            taken[..2],
            [Action::PruneOplog, Action::EvictExpired],
            "{taken:?}"
        );
        assert!(!taken.contains(&Action::Full), "{taken:?}");
        for key in ["new0", "new7"] {
            assert!(get(&engine, key).await.unwrap().is_some());
        }
        assert!(get(&engine, "log1").await.unwrap().is_none());
        // Above the threshold in the background, the same, in the same order.
        put(&engine, "log", 50_000).await.unwrap();
        told.borrow_mut().clear();
        engine.obey(Policy {
            threshold: 0.1,
            ..policy
        });
        world.env.sleep(5_000).await;
        assert_eq!(actions(&told).first(), Some(&Action::PruneOplog));
        assert!(
            !actions(&told).contains(&Action::EvictExpired),
            "there is none"
        );
    });
}

#[test]
fn at_a_full_disk_the_steps_are_taken_and_deleting_works_still() {
    for (bytes, obeys) in [
        (20_000, false),
        (60_000, false),
        (20_000, true),
        (60_000, true),
    ] {
        World::run(1, async |world| {
            world.database.set_quota(Some(8 * MIB));
            let engine = world.open(Options::default()).await;
            let (told, _subscription) = listen(&engine);
            if obeys {
                engine.obey(Policy {
                    max_bytes: f64::INFINITY,
                    ..budget(0)
                });
            }
            // Most of it is dead.
            for n in 0..3 * MIB / bytes {
                put(&engine, &format!("{}", n % 100), bytes).await.unwrap();
            }
            let (count, full) = fill(&engine, bytes).await;
            assert_eq!(full.code(), Code::StorageQuotaExceeded);
            assert!(
                full.message().contains("bytes are needed"),
                "{}",
                full.message()
            );
            assert_eq!(full.usage_and_quota().unwrap().1 as usize, 8 * MIB);
            assert!(count * bytes > 4 * MIB, "{count} of {bytes}");
            assert_eq!(actions(&told).last(), Some(&Action::Full));
            for n in 0..count / 2 {
                delete(&engine, &format!("{n:05}")).await.unwrap();
            }
        });
    }
}

#[test]
fn a_document_that_is_saved_again_and_again_takes_its_own_size() {
    World::run(1, async |world| {
        let engine = world.open(Options::default()).await;
        engine.obey(budget(40 * MIB));
        let (told, _subscription) = listen(&engine);
        for n in 0..100 {
            put(&engine, "document", 2 * MIB + n).await.unwrap();
            // (Nothing is being deleted just then.)
            world.env.sleep(100).await;
            let held = world.database.snapshot();
            let held = held.log.bytes + held.runs.bytes + held.blobs.bytes;
            let stored = engine.stored_bytes() as usize;
            assert!(
                stored.abs_diff(held) <= 2 * MIB,
                "{n}: {stored} told, {held} held"
            );
        }
        assert_eq!(actions(&told), []);
    });
}

#[test]
fn keys_in_no_order_take_as_much_as_others() {
    World::run(1, async |world| {
        let engine = world.open(Options::default()).await;
        engine.obey(budget(4 * MIB));
        let mut count = 0;
        let full = loop {
            match put(&engine, &format!("k{count}"), 10_020).await {
                Ok(()) => count += 1,
                Err(error) => break error,
            }
        };
        let (usage, quota) = full.usage_and_quota().unwrap();
        assert!(usage < 1.01 * quota, "{usage} of {count}");
        assert!(count > 400, "{count}");
    });
}
