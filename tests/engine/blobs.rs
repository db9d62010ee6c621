//! Values with Blobs beside them: the Blobs go where the value goes, and nowhere else.

use bytes::Bytes;
use futures_util::future::join_all;
use patchstore::backend::simulated::{Fault, SimConnector};
use patchstore::backend::{Id, RecordKey};
use patchstore::blobs;
use patchstore::codec::value::Value;
use patchstore::engine::access::{Answer, Cursor, KeyRange, Session};
use patchstore::engine::{Absent, Engine, Limits, Options};
use patchstore::env::Env;
use patchstore::{Code, Result};
use std::rc::Rc;

use super::World;

/// A value with a Blob whose content is `number`.
fn tree_of(number: u64) -> Value {
    let mut name = [0xb1; 16];
    name[..8].copy_from_slice(&number.to_le_bytes());
    let blob = Value::Attached {
        id: Id(name),
        size: 1_000_000,
        media_type: "text/plain".into(),
        file: None,
    };
    Value::Array(vec![Value::Number(number as f64), blob])
}

fn value_of(number: u64) -> Bytes {
    blobs::offered(tree_of(number).encode().unwrap(), vec![Rc::new(number)]).unwrap()
}

/// The number in a value, which must be that of its Blob.
fn number_of(value: &[u8]) -> u64 {
    let all = blobs::all(value).unwrap();
    let number = *all[0].downcast_ref().unwrap();
    assert_eq!(Value::decode(value).unwrap(), tree_of(number));
    number
}

async fn put(to: &impl Session, key: String, number: u64) -> Result<()> {
    let value = value_of(number);
    let work = to.write(Box::new(move |w| {
        w.put(key.clone().into(), value.clone());
        Ok(())
    }));
    work.await
}

async fn change(to: &impl Session, key: String, number: u64) -> Result<()> {
    let value = value_of(number);
    let work = to.write(Box::new(move |w| {
        if let Some(old) = w.get(key.as_bytes())? {
            // As `update` and `copyNode` do: one value's Blobs go into another.
            w.put(format!("old-{key}").into(), old);
        }
        w.put(key.clone().into(), value.clone());
        Ok(())
    }));
    work.await
}

async fn all(from: &impl Session) -> Vec<(String, u64)> {
    try_all(from).await.unwrap()
}

async fn try_all(from: &impl Session) -> Result<Vec<(String, u64)>> {
    let range = KeyRange {
        from: Bytes::new(),
        until: Bytes::from_static(&[0xff]),
    };
    let (mut cursor, mut found) = (Cursor::new(range, false), Vec::new());
    let work = from.read(Box::new(move |r| {
        if r.is_fresh() {
            found.clear();
        }
        while let Some((key, value)) = r.next(&mut cursor)? {
            let key = String::from_utf8(key.to_vec()).unwrap();
            found.push((key, number_of(&value)));
        }
        Ok(std::mem::take(&mut found))
    }));
    match work {
        Answer::Ready(found) => found,
        Answer::Later(found) => found.await,
    }
}

fn short_log() -> Options {
    let limits = Limits {
        log_frames: 10,
        ..Limits::default()
    };
    Options {
        limits,
        ..Options::default()
    }
}

/// Until what was replaced is deleted, too: that takes eight flips.
async fn compact(engine: &Engine) {
    for _ in 0..12 {
        super::put(engine, "~", 1).await.unwrap();
        let remove = engine.write(Box::new(|w| {
            w.delete("~".into());
            Ok(())
        }));
        remove.await.unwrap();
        engine.compact().await.unwrap();
    }
}

fn pieces(world: &World) -> usize {
    let records = world.database.records();
    records
        .iter()
        .filter(|(key, _)| matches!(key, RecordKey::Piece(_)))
        .count()
}

#[test]
fn they_are_there_after_a_flush_a_merge_and_in_other_tabs_and_go_with_their_values() {
    World::run(1, async |world| {
        let (engine, other) = (world.open(short_log()).await, world.open(short_log()).await);
        for round in 0..6 {
            for n in 0..20 {
                put(&engine, format!("k{n:02}"), 100 * round + n)
                    .await
                    .unwrap();
            }
        }
        let expected: Vec<_> = (0..20).map(|n| (format!("k{n:02}"), 500 + n)).collect();
        assert_eq!(all(&engine).await, expected);
        world.env.sleep(2_000).await;
        assert_eq!(all(&other).await, expected);
        other.close().await;
        drop(other);
        compact(&engine).await;
        assert_eq!(all(&engine).await, expected);
        // The store holds one record each, and nobody keeps a Blob beside it.
        assert_eq!(pieces(&world), 20);
        engine.close().await;
        drop(engine);
        assert_eq!(blobs::kept(), 20);
        let again = world.open(short_log()).await;
        assert_eq!(all(&again).await, expected);
        again
            .write(Box::new(|w| {
                (0..20).for_each(|n| w.delete(format!("k{n:02}").into()));
                Ok(())
            }))
            .await
            .unwrap();
        compact(&again).await;
        again.close().await;
        drop(again);
        assert_eq!((pieces(&world), blobs::kept()), (0, 0));
    });
}

#[test]
fn one_that_cannot_be_stored_fails_its_own_call_alone() {
    World::run(1, async |world| {
        let realm = world.env.new_realm();
        let connector = SimConnector::new(&realm, &world.database);
        let opening = Engine::open(
            Rc::new(connector.clone()),
            Rc::new(realm),
            Options::default(),
        );
        let engine = opening.await.unwrap();
        put(&engine, "first".into(), 1).await.unwrap();
        // All together, in halves, and alone.
        let refusal = || Fault::Abort("NotReadableError".into());
        let next = connector.issued() + 1;
        // (After each, it is looked whether it has taken effect all the same.)
        [next, next + 2, next + 4]
            .into_iter()
            .for_each(|number| connector.fault_at(number, refusal()));
        let done = join_all((2..6).map(|n| put(&engine, format!("k{n}"), n))).await;
        let failed = done.iter().filter_map(|done| done.as_ref().err());
        let codes: Vec<_> = failed.map(patchstore::Error::code).collect();
        assert_eq!(codes, [Code::NotStorable]);
        assert_eq!(all(&engine).await.len(), 4);
    });
}

#[test]
fn a_large_batch_is_written_ahead_with_them() {
    World::run(1, async |world| {
        let engine = world.open(short_log()).await;
        let values: Vec<_> = (0..3_000).map(value_of).collect();
        let work = engine.write(Box::new(move |w| {
            for (n, value) in values.iter().enumerate() {
                w.put(format!("k{n:04}").into(), value.clone());
            }
            w.put("large".into(), vec![7; 5_000_000].into());
            w.delete("large".into());
            Ok(())
        }));
        work.await.unwrap();
        engine.close().await;
        drop(engine);
        let again = world.open(short_log()).await;
        assert_eq!(all(&again).await.len(), 3_000);
    });
}

#[test]
fn a_copy_of_a_patch_has_them_for_itself() {
    World::run(1, async |world| {
        let copy = World {
            env: world.env.clone(),
            database: patchstore::backend::simulated::SimDatabase::new(&world.env),
        };
        let source = world.open(short_log()).await;
        for n in 0..30 {
            put(&source, format!("k{n:02}"), n).await.unwrap();
        }
        let draft = Options {
            absent: Absent::Prepare,
            ..short_log()
        };
        let target = copy.open(draft).await;
        source
            .copy_to(&target, Vec::new(), Rc::new(|| false))
            .await
            .unwrap();
        let expected = all(&source).await;
        source.close().await;
        world.database.clear();
        drop(source);
        assert_eq!(all(&target).await, expected);
        assert_eq!(pieces(&copy), 30);
    });
}

async fn live(world: &World, tab: u64) {
    let env = &world.env;
    let realm = env.new_realm();
    let connector = SimConnector::new(&realm, &world.database);
    let open = || {
        let env: Rc<dyn Env> = Rc::new(realm.clone());
        Engine::open(Rc::new(connector.clone()), env, short_log())
    };
    let mut engine = open().await.unwrap();
    for n in 0..30 {
        if env.chance(25) {
            let fault = match env.random_below(5) {
                0 => Fault::Abort("no reason".into()),
                1 => Fault::Quota,
                2 => Fault::LostBefore,
                _ => Fault::LostAfter,
            };
            connector.fault_at(connector.issued() + 1 + env.random_below(4), fault);
        }
        let calls = (0..1 + env.random_below(3)).map(|i| {
            let number = tab * 1_000 + n * 10 + i;
            change(&engine, format!("k{}", env.random_below(5)), number)
        });
        for failed in join_all(calls).await.into_iter().filter_map(Result::err) {
            assert!(
                !matches!(failed.code(), Code::Corrupt | Code::Internal),
                "{failed}"
            );
        }
        if env.chance(5) {
            drop(engine.compact().await);
        }
        if engine.closed().is_some() {
            engine = open().await.unwrap();
        }
        if let Err(failed) = try_all(&engine).await {
            assert_ne!(failed.code(), Code::Corrupt, "{failed}");
        }
    }
    engine.close().await;
}

#[test]
fn under_faults_and_beside_other_tabs_every_value_has_its_own() {
    let seeds = std::env::var("SEEDS").ok();
    let count = seeds.and_then(|seeds| seeds.split("..").last()?.parse().ok());
    for seed in 0..count.unwrap_or(60).min(2_000) {
        World::run(seed, async |world| {
            join_all((0..3).map(|tab| live(&world, tab))).await;
            let engine = world.open(short_log()).await;
            let found = all(&engine).await;
            compact(&engine).await;
            assert_eq!(all(&engine).await, found, "seed {seed}");
            assert_eq!(pieces(&world), found.len(), "seed {seed}");
            engine.close().await;
        });
    }
    assert_eq!(blobs::kept(), 0);
}
