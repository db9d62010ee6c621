//! Commits that do not read the head: of several tabs, natively.

use bytes::Bytes;
use futures_util::future::{LocalBoxFuture, join, join_all};
use patchstore::Result;
use patchstore::backend::simulated::SimConnector;
use patchstore::backend::{Append, Connector, Durability, Id, RecordKey, Write};
use patchstore::engine::access::{Attempt, Session, Writes};
use patchstore::engine::{Engine, Options};
use patchstore::env::Env;
use patchstore::simulation::SimEnv;
use std::cell::Cell;
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

/// A realm in which others get long turns whenever the engine lets them go first.
struct Crowded(SimEnv);

impl Crowded {
    /// How long they take.
    const TURN_MS: u32 = 50;
}

impl Env for Crowded {
    fn now_ms(&self) -> f64 {
        self.0.now_ms()
    }

    fn monotonic_ms(&self) -> f64 {
        self.0.monotonic_ms()
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        self.0.fill_random(bytes);
    }

    fn sleep(&self, ms: u32) -> LocalBoxFuture<'static, ()> {
        self.0.sleep(ms)
    }

    fn yield_now(&self) -> LocalBoxFuture<'static, ()> {
        self.0.sleep(Self::TURN_MS)
    }

    fn spawn(&self, future: LocalBoxFuture<'static, ()>) {
        self.0.spawn(future);
    }
}

impl World {
    /// A new tab in which many other things go on.
    async fn open_crowded(&self) -> Engine {
        let realm = self.env.new_realm();
        let connector = Rc::new(SimConnector::new(&realm, &self.database));
        Engine::open(connector, Rc::new(Crowded(realm)), Options::default())
            .await
            .unwrap()
    }

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
        let orphan = Write::Put(RecordKey::Run(Id([5; 16])), Bytes::from_static(b"orphan"));
        backend
            .write(vec![orphan], Durability::Strict)
            .await
            .unwrap();
    }
}

/// Adds one to a counter, whose value has `bytes` bytes.
fn add_one(w: &mut dyn Writes, bytes: usize) -> Attempt<()> {
    let old = w.get(b"counter")?;
    let old = old.map_or(0, |old| u64::from_le_bytes(old[..8].try_into().unwrap()));
    let mut new = (old + 1).to_le_bytes().to_vec();
    new.resize(bytes, 0);
    w.put(Bytes::from_static(b"counter"), new.into());
    Ok(())
}

async fn increment(engine: &Engine, bytes: usize) -> Result<()> {
    let work = move |w: &mut dyn Writes| add_one(w, bytes);
    engine.write(Box::new(work)).await
}

#[test]
fn what_comes_while_a_large_batch_is_made_ready_is_held_against_it() {
    World::run(1, async |world| {
        let engine = world.open_crowded().await;
        let other = tab(&world).await;
        let tried = Rc::new(Cell::new(0));
        let bulk = {
            let tried = tried.clone();
            engine.write(Box::new(move |w| {
                tried.set(tried.get() + 1);
                (0..3_000).for_each(|n: u32| w.put(n.to_be_bytes().to_vec().into(), Bytes::new()));
                add_one(w, 8)
            }))
        };
        let meanwhile = async {
            world.env.sleep(Crowded::TURN_MS / 2).await;
            increment(&other, 8).await.unwrap();
            engine.refresh().await.unwrap();
        };
        join(async { bulk.await.unwrap() }, meanwhile).await;
        assert_eq!(tried.get(), 2);
        for seen_by in [&engine, &other] {
            seen_by.refresh().await.unwrap();
            let counter = get(seen_by, "counter").await.unwrap().unwrap();
            assert_eq!(counter[..], 2_u64.to_le_bytes());
        }
    });
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
