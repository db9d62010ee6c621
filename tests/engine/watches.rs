//! Watched keys, natively: what a listener is told, and in what order.

use bytes::Bytes;
use patchstore::backend::simulated::SimConnector;
use patchstore::engine::access::{KeyRange, Session};
use patchstore::engine::{Engine, Options};
use patchstore::env::Env;
use patchstore::models::watch::Watch;
use patchstore::simulation::SimEnv;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::{World, put};

/// More than the time after which an engine looks for what others have done.
const SOON_MS: u32 = 3_000;

const KEY: &str = "key";

/// Bytes of a value that the smallest cache does not keep.
const UNKEPT_BYTES: usize = 1 << 20;

/// A tab, and what its listener was told.
struct Watching {
    tab: SimEnv,
    engine: Engine,
    told: Rc<RefCell<Vec<Option<String>>>>,
}

impl Watching {
    async fn open(world: &World) -> Self {
        let (tab, engine) = world.open_tab(Options::default()).await;
        Self {
            tab,
            engine,
            told: Rc::default(),
        }
    }

    fn watch(&self) -> Watch {
        let told = self.told.clone();
        let tell = move |value: Option<&[u8]>| {
            let text = value.map(|value| String::from_utf8(value.to_vec()).unwrap());
            told.borrow_mut().push(text);
        };
        let env = Rc::new(self.tab.clone());
        Watch::new(&self.engine, env, KEY.into(), Box::new(tell))
    }

    fn assert_told(&self, expected: &[Option<&str>]) {
        let told = self.told.borrow();
        let told: Vec<_> = told.iter().map(Option::as_deref).collect();
        assert_eq!(told, expected);
    }
}

async fn set(engine: &Engine, key: &'static str, value: &'static str) {
    let done = engine.write(Box::new(move |w| {
        w.put(key.into(), value.into());
        Ok(())
    }));
    done.await.unwrap();
}

async fn delete(engine: &Engine, key: &'static str) {
    let done = engine.write(Box::new(move |w| {
        w.delete(Bytes::from(key));
        Ok(())
    }));
    done.await.unwrap();
}

async fn clear(engine: &Engine, from: &'static str, until: &'static str) {
    let range = KeyRange {
        from: from.into(),
        until: until.into(),
    };
    let done = engine.write(Box::new(move |w| {
        w.delete_range(range.clone());
        Ok(())
    }));
    done.await.unwrap();
}

/// The key is stored in a segment; a tab that writes, and one that has nothing of it in memory.
async fn cold(world: &World) -> (Engine, Watching) {
    let writer = world.open(Options::default()).await;
    set(&writer, KEY, "0").await;
    writer.compact().await.unwrap();
    (writer, Watching::open(world).await)
}

#[test]
fn each_new_value_is_told_in_order_and_nothing_of_what_does_not_concern_it() {
    World::run(1, async |world| {
        let watching = Watching::open(&world).await;
        let engine = &watching.engine;
        set(engine, KEY, "0").await;
        let watch = watching.watch();
        set(engine, "kez", "x").await;
        set(engine, "ke", "x").await;
        delete(engine, "absent").await;
        watching.assert_told(&[]);
        for value in ["1", "2", "2", "3"] {
            set(engine, KEY, value).await;
        }
        delete(engine, KEY).await;
        delete(engine, KEY).await;
        set(engine, KEY, "4").await;
        let expected = [Some("1"), Some("2"), Some("3"), None, Some("4")];
        watching.assert_told(&expected);
        clear(engine, "kez", "l").await;
        clear(engine, "a", KEY).await;
        watching.assert_told(&expected);
        clear(engine, "a", "kez").await;
        assert_eq!(
            watching.told.borrow().get(expected.len()..),
            Some(&[None][..])
        );
        drop(watch);
    });
}

#[test]
fn what_other_tabs_commit_is_told_in_order_whatever_is_in_memory() {
    for seed in 0..20 {
        World::run(seed, async |world| {
            let (writer, watching) = cold(&world).await;
            let watch = watching.watch();
            for value in ["1", "2", "3"] {
                set(&writer, "other", value).await;
                set(&writer, KEY, value).await;
                world.env.sleep(SOON_MS).await;
            }
            watching.assert_told(&[Some("1"), Some("2"), Some("3")]);
            // Those that come together may be told as one, the last of them always is.
            for value in ["4", "5", "6"] {
                set(&writer, KEY, value).await;
            }
            world.env.sleep(SOON_MS).await;
            let told = watching.told.borrow().clone();
            assert_eq!(told.last(), Some(&Some("6".into())));
            assert!(told.is_sorted(), "never back in time: {told:?}");
            drop(watch);
        });
    }
}

#[test]
fn a_change_during_the_first_read_is_told_though_that_read_has_started_over() {
    for seed in 0..20 {
        World::run(seed, async |world| {
            let (writer, watching) = cold(&world).await;
            // What it has begun to read is merged away before it is loaded.
            watching.tab.freeze();
            let watch = watching.watch();
            set(&writer, KEY, "1").await;
            writer.compact().await.unwrap();
            watching.tab.thaw();
            world.env.sleep(SOON_MS).await;
            watching.assert_told(&[Some("1")]);
            set(&writer, KEY, "2").await;
            world.env.sleep(SOON_MS).await;
            watching.assert_told(&[Some("1"), Some("2")]);
            drop(watch);
        });
    }
}

#[test]
fn what_was_cut_is_compared_and_told_once() {
    for seed in 0..20 {
        World::run(seed, async |world| {
            let (writer, watching) = cold(&world).await;
            let watch = watching.watch();
            world.env.sleep(SOON_MS).await;
            // Each time, the frames are gone before they were seen.
            watching.tab.freeze();
            set(&writer, "other", "1").await;
            writer.compact().await.unwrap();
            watching.tab.thaw();
            world.env.sleep(SOON_MS).await;
            watching.assert_told(&[]);
            watching.tab.freeze();
            set(&writer, KEY, "1").await;
            set(&writer, KEY, "2").await;
            writer.compact().await.unwrap();
            watching.tab.thaw();
            world.env.sleep(SOON_MS).await;
            watching.assert_told(&[Some("2")]);
            drop(watch);
        });
    }
}

#[test]
fn nothing_is_told_once_the_watch_is_dropped() {
    World::run(1, async |world| {
        let (writer, watching) = cold(&world).await;
        let watch = watching.watch();
        world.env.sleep(SOON_MS).await;
        drop(watch);
        set(&writer, KEY, "1").await;
        world.env.sleep(SOON_MS).await;
        watching.assert_told(&[]);
    });
    // With a read under way that would tell.
    let mut untold = 0;
    for seed in 0..100 {
        World::run(seed, async |world| {
            let (writer, watching) = cold(&world).await;
            watching.tab.freeze();
            let watch = watching.watch();
            set(&writer, KEY, "1").await;
            writer.compact().await.unwrap();
            watching.tab.thaw();
            world.env.sleep_us(seed * 200).await;
            let told = watching.told.borrow().len();
            drop(watch);
            world.env.sleep(SOON_MS).await;
            assert_eq!(watching.told.borrow().len(), told, "{seed}");
            untold += usize::from(told == 0);
        });
    }
    assert!(
        (5..95).contains(&untold),
        "{untold} of 100 were dropped before"
    );
}

#[test]
fn what_does_not_concern_it_makes_it_read_nothing() {
    World::run(1, async |world| {
        let tab = world.env.new_realm();
        let connector = SimConnector::new(&tab, &world.database);
        let options = Options {
            cache_bytes: 0,
            ..Options::default()
        };
        let opened = Engine::open(Rc::new(connector.clone()), Rc::new(tab.clone()), options);
        let engine = opened.await.unwrap();
        put(&engine, KEY, UNKEPT_BYTES).await.unwrap();
        let told = Rc::new(Cell::new(0));
        let tell = {
            let told = told.clone();
            move |_: Option<&[u8]>| told.set(told.get() + 1)
        };
        let watch = Watch::new(&engine, Rc::new(tab), KEY.into(), Box::new(tell));
        world.env.sleep(SOON_MS).await;
        let cost = async |key: &'static str| {
            let before = connector.issued();
            put(&engine, key, 10).await.unwrap();
            world.env.sleep(100).await;
            connector.issued() - before
        };
        let of_another = cost("other").await;
        assert_eq!(told.get(), 0);
        put(&engine, KEY, UNKEPT_BYTES + 1).await.unwrap();
        world.env.sleep(100).await;
        assert_eq!(told.get(), 1);
        drop(watch);
        assert_eq!(cost("other").await, of_another);
    });
}

#[test]
fn a_watch_that_another_listener_ends_is_told_nothing_of_that_commit() {
    World::run(1, async |world| {
        let watching = Watching::open(&world).await;
        let slot = Rc::new(RefCell::new(None));
        let ends = slot.clone();
        let _first = watching
            .engine
            .subscribe(Rc::new(move |_| drop(ends.borrow_mut().take())));
        slot.replace(Some(watching.watch()));
        set(&watching.engine, KEY, "1").await;
        assert!(slot.borrow().is_none());
        watching.assert_told(&[]);
    });
}
