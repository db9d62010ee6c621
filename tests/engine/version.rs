//! The version of the data's shape: whoever has declared another one ends before anything of it is seen, and nothing of theirs
//! lands behind that.

use bytes::Bytes;
use futures_util::future::join;
use patchstore::backend::simulated::Timing;
use patchstore::codec::data_version::DataVersion;
use patchstore::engine::access::{Answer, Cursor, KeyRange, Reads, Session};
use patchstore::engine::{Engine, Options, Reason, Transaction};
use patchstore::models::migration;
use patchstore::{Code, Result};
use std::rc::Rc;

use super::{World, put};
use patchstore::backend::simulated::SimConnector;

impl World {
    async fn versioned(&self, version: u64) -> Engine {
        let realm = self.env.new_realm();
        let connector = SimConnector::new(&realm, &self.database);
        let options = Options {
            poll_ms: 0,
            ..Options::default()
        };
        let engine = Engine::open(Rc::new(connector), Rc::new(realm), options);
        let engine = engine.await.unwrap();
        if version > 0 {
            if engine.data_version().unwrap().version == 0 {
                assert!(migration::adopt(&engine, version).await.unwrap());
            }
            assert!(engine.declare(version, 0).unwrap());
        }
        engine
    }

    async fn begin(&self, engine: &Engine) -> Transaction {
        let env = Rc::new(self.env.clone());
        migration::begin(engine.clone(), env, false).await.unwrap()
    }

    async fn finish(&self, transaction: Transaction, version: u64) -> bool {
        let env = Rc::new(self.env.clone());
        migration::finish(transaction, env, version).await.unwrap()
    }
}

/// The keys of pairs.
async fn keys(of: &impl Session) -> Vec<Bytes> {
    let work = |r: &mut dyn Reads| {
        let range = KeyRange {
            from: Bytes::from_static(b"k"),
            until: Bytes::from_static(b"l"),
        };
        let (mut cursor, mut keys) = (Cursor::new(range, false), Vec::new());
        while let Some(key) = r.next_key(&mut cursor)? {
            keys.push(key);
        }
        Ok(keys)
    };
    match of.read(Box::new(work)) {
        Answer::Ready(found) => found.unwrap(),
        Answer::Later(found) => found.await.unwrap(),
    }
}

/// Writes until the engine ends; what was acknowledged.
async fn write_on(world: &World, engine: &Engine) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for n in 0..200 {
        let (blind, dependent) = (format!("k-blind-{n:03}"), format!("k-read-{n:03}"));
        let keys = [blind.clone(), dependent.clone()];
        let first = engine.write(Box::new(move |w| {
            w.put(blind.clone().into(), Bytes::new());
            Ok(())
        }));
        let second = engine.write(Box::new(move |w| {
            w.get(b"k-migrated")?;
            w.put(dependent.clone().into(), Bytes::new());
            Ok(())
        }));
        let outcomes: [Result<()>; 2] = join(first, second).await.into();
        for (outcome, key) in outcomes.into_iter().zip(keys) {
            match outcome {
                Ok(()) => acknowledged.push(key),
                Err(error) => assert_eq!(error.code(), Code::Closed, "{error}"),
            }
        }
        if engine.closed().is_some() {
            break;
        }
        world.env.sleep_us(world.env.random_below(500)).await;
    }
    acknowledged
}

#[test]
fn nothing_of_a_tab_of_a_lower_version_lands_behind_the_mark() {
    let (mut void, mut some) = (0, 0);
    for seed in 0..60 {
        World::run(seed, async |world| {
            let old = world.versioned(1).await;
            let new = world.versioned(0).await;
            put(&new, "k-before", 3).await.unwrap();
            old.refresh().await.unwrap();
            world.database.set_timing(Timing {
                effect_us: 2_000,
                settle_us: 1_000,
                wake_loss_percent: if seed % 2 == 0 { 100 } else { 0 },
                ..Timing::default()
            });
            let migrating = async {
                world.env.sleep_us(world.env.random_below(20_000)).await;
                assert!(migration::mark(&new, 2).await.unwrap() > 0);
                let transaction = world.begin(&new).await;
                let seen = keys(&transaction).await;
                world.env.sleep_us(world.env.random_below(9_000)).await;
                put(&transaction, "k-migrated", 3).await.unwrap();
                // (It has read all of them: whatever lands beside it is a conflict.)
                assert!(world.finish(transaction, 2).await);
                seen
            };
            let (acknowledged, seen) = join(write_on(&world, &old), migrating).await;
            assert_eq!(old.closed(), Some(Reason::VersionChange));
            void += usize::from(acknowledged.len() % 2 == 1);
            some += acknowledged.len();
            for key in &acknowledged {
                assert!(seen.iter().any(|seen| *seen == key.as_bytes()), "{key}");
            }
            new.compact().await.unwrap();
            let fresh = world.versioned(2).await;
            let mut now = keys(&fresh).await;
            now.retain(|key| *key != "k-migrated");
            assert_eq!(now, seen);
            assert_eq!(fresh.data_version().unwrap().version, 2);
            assert!(!fresh.declare(1, 0).unwrap());
        });
    }
    assert!(some > 60, "{void} {some}");
}

#[test]
fn a_tab_that_hears_of_it_only_by_the_root_ends_as_well() {
    World::run(3, async |world| {
        let old = world.versioned(1).await;
        let new = world.versioned(0).await;
        world.database.set_timing(Timing {
            wake_loss_percent: 100,
            ..Timing::default()
        });
        migration::mark(&new, 2).await.unwrap();
        let transaction = world.begin(&new).await;
        put(&transaction, "k-migrated", 3).await.unwrap();
        assert!(world.finish(transaction, 2).await);
        new.compact().await.unwrap();
        assert!(old.closed().is_none());
        assert_eq!(old.refresh().await.unwrap_err().code(), Code::Closed);
        assert_eq!(old.closed(), Some(Reason::VersionChange));
    });
}

#[test]
fn the_mark_of_a_dead_migration_shuts_nobody_out_and_the_next_one_does() {
    World::run(4, async |world| {
        let old = world.versioned(1).await;
        let dead = world.versioned(0).await;
        let attempt = migration::mark(&dead, 2).await.unwrap();
        drop(dead);
        assert!(old.refresh().await.is_err());
        let (one, two) = (world.versioned(0).await, world.versioned(0).await);
        for engine in [&one, &two] {
            assert!(!engine.declare(1, 0).unwrap());
            assert!(engine.declare(1, attempt).unwrap());
        }
        put(&one, "k-after", 3).await.unwrap();
        // What changes the catalog in another way says nothing new of it; nor does the root.
        one.write(Box::new(|w| {
            w.put(Bytes::from_static(b"\x01c"), "defined".into());
            Ok(())
        }))
        .await
        .unwrap();
        two.refresh().await.unwrap();
        two.compact().await.unwrap();
        one.refresh().await.unwrap();
        assert_eq!(keys(&one).await, ["k-after"]);
        let next = world.versioned(0).await;
        assert_eq!(migration::mark(&next, 2).await.unwrap(), attempt + 1);
        for engine in [&one, &two] {
            assert!(engine.refresh().await.is_err());
            assert_eq!(engine.closed(), Some(Reason::VersionChange));
        }
        // One that has failed leaves nothing behind, and not in the place of the next one.
        migration::unmark(&next, attempt).await.unwrap();
        assert_eq!(next.data_version().unwrap().target, 2);
        migration::unmark(&next, attempt + 1).await.unwrap();
        let expected = DataVersion {
            version: 1,
            target: 0,
            attempt: attempt + 1,
        };
        assert_eq!(next.data_version().unwrap(), expected);
        assert!(world.versioned(1).await.closed().is_none());
    });
}

#[test]
fn of_two_that_migrate_at_once_one_takes_effect() {
    World::run(5, async |world| {
        let (one, two) = (world.versioned(0).await, world.versioned(0).await);
        for engine in [&one, &two] {
            assert!(migration::mark(engine, 7).await.unwrap() > 0);
        }
        one.refresh().await.unwrap();
        let (first, second) = (world.begin(&one).await, world.begin(&two).await);
        put(&first, "k-first", 3).await.unwrap();
        put(&second, "k-second", 3).await.unwrap();
        assert!(world.finish(second, 7).await);
        assert!(!world.finish(first, 7).await);
        one.refresh().await.unwrap();
        assert_eq!(keys(&one).await, ["k-second"]);
        assert_eq!(migration::mark(&one, 7).await.unwrap(), 0);
    });
}

#[test]
fn only_what_holds_nothing_gets_a_version_for_nothing() {
    World::run(6, async |world| {
        let one = world.versioned(0).await;
        let pair = Bytes::from_static(b"\x10\x02s\0k\0");
        let at = pair.clone();
        let writing = one.write(Box::new(move |w| {
            w.put(at.clone(), Bytes::from_static(b"v"));
            Ok(())
        }));
        writing.await.unwrap();
        assert!(!migration::adopt(&one, 3).await.unwrap());
        assert_eq!(one.data_version().unwrap(), DataVersion::default());
        let deleting = one.write(Box::new(move |w| {
            w.delete(pair.clone());
            Ok(())
        }));
        deleting.await.unwrap();
        assert!(migration::adopt(&one, 3).await.unwrap());
        assert!(migration::adopt(&one, 3).await.unwrap());
        assert!(!migration::adopt(&one, 4).await.unwrap());
    });
}
