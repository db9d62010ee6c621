//! Commits that do not read the head: of several tabs, natively.

use bytes::Bytes;
use futures_util::future::join_all;
use patchstore::Result;
use patchstore::backend::simulated::SimConnector;
use patchstore::backend::{Append, Connector, Durability, Id, Key, Write};
use patchstore::engine::access::{Session, Writes};
use patchstore::engine::{Engine, Options};
use patchstore::env::Env;
use std::rc::Rc;

use super::{LARGE_BYTES, World, get, put};

/// Tabs that look at the log only when a commit of their own tells them to.
async fn tab(world: &World) -> Engine {
    let options = Options {
        poll_ms: 0,
        ..Options::default()
    };
    world.open(options).await
}

async fn tabs(world: &World, count: usize) -> Vec<Engine> {
    join_all((0..count).map(|_| tab(world))).await
}

impl World {
    /// The next number of the log.
    async fn next_number(&self) -> u64 {
        let connector = SimConnector::new(&self.env.new_realm(), &self.database);
        let backend = connector.open(Rc::new(|_| ())).await.unwrap();
        let append = Append {
            frame: Bytes::new(),
            at: None,
            pieces: Vec::new(),
        };
        let appended = backend.append(append, Durability::Relaxed).await;
        appended.unwrap().number
    }

    /// Leaves a record that nothing refers to.
    async fn leave_orphan(&self) {
        let connector = SimConnector::new(&self.env.new_realm(), &self.database);
        let backend = connector.open(Rc::new(|_| ())).await.unwrap();
        let orphan = Write::Put(Key::Run(Id([5; 16])), Bytes::from_static(b"orphan"));
        backend
            .write(vec![orphan], Durability::Strict)
            .await
            .unwrap();
    }
}

/// Adds one to a counter, whose value has `bytes` bytes.
async fn increment(engine: &Engine, bytes: usize) -> Result<()> {
    let work = move |w: &mut dyn Writes| {
        let old = w.get(b"counter")?;
        let old = old.map_or(0, |old| u64::from_le_bytes(old[..8].try_into().unwrap()));
        let mut new = (old + 1).to_le_bytes().to_vec();
        new.resize(bytes, 0);
        w.put(Bytes::from_static(b"counter"), new.into());
        Ok(())
    };
    engine.write(Box::new(work)).await
}

#[test]
fn tabs_that_contend_for_one_record_all_get_on() {
    for count in [2, 3, 8] {
        World::run(count as u64, async |world| {
            let engines = tabs(&world, count).await;
            join_all(engines.iter().map(async |engine| {
                for _ in 0..100 {
                    increment(engine, 8).await.unwrap();
                }
            }))
            .await;
            let used = world.next_number().await;
            let most = 2 * 100 * count as u64;
            assert!(used < most, "{count} tabs have used up {used} numbers");
        });
    }
}

#[test]
fn what_has_lost_a_race_leaves_no_pieces() {
    World::run(1, async |world| {
        let engines = tabs(&world, 3).await;
        join_all(engines.iter().map(async |engine| {
            for _ in 0..3 {
                increment(engine, LARGE_BYTES).await.unwrap();
            }
        }))
        .await;
        world.env.sleep(100).await;
        assert!(world.next_number().await > 11, "nothing has lost a race");
        // Nothing was flushed yet: what was overwritten is there, and what was void is not.
        assert_eq!(world.database.snapshot().blobs.records, 9);
    });
}

#[test]
fn a_new_writer_among_many_is_told_what_became_of_its_commit() {
    World::run(1, async |world| {
        // More than the head remembers.
        for _ in 0..70 {
            let engine = tab(&world).await;
            put(&engine, "old", 5).await.unwrap();
            engine.compact().await.unwrap();
            engine.close().await;
        }
        let tabs = tabs(&world, 3).await;
        world.leave_orphan().await;
        tabs[0].compact().await.unwrap();
        // Void, since the generation was raised.
        put(&tabs[1], "blind", 5).await.unwrap();
        increment(&tabs[2], 8).await.unwrap();
        put(&tabs[2], "blind again", 5).await.unwrap();
    });
}

#[test]
fn a_connection_that_was_lost_is_made_anew() {
    World::run(1, async |world| {
        let engine = tab(&world).await;
        put(&engine, "before", 5).await.unwrap();
        for name in ["one", "two"] {
            world.database.sever();
            assert!(get(&engine, "before").await.unwrap().is_some());
            put(&engine, name, 5).await.unwrap();
        }
        world.database.sever();
        engine.compact().await.unwrap();
        world.database.sever();
        let other = tab(&world).await;
        assert!(get(&other, "two").await.unwrap().is_some());
        assert!(engine.closed().is_none());
    });
}
