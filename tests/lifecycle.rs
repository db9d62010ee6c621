//! Patches as a whole, natively: deleted under other tabs' feet, looked at, copied.
#![cfg(not(target_arch = "wasm32"))]
#![expect(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected must fail"
)]

use bytes::Bytes;
use patchstore::backend::simulated::{SimConnector, SimDatabase, Timing};
use patchstore::backend::{Connector, Key};
use patchstore::engine::access::{Cursor, KeyRange, Outcome, Session};
use patchstore::engine::{self, Absent, Engine, Limits, Notice, Options, Reason};
use patchstore::env::Env;
use patchstore::simulation::SimEnv;
use patchstore::{Code, Error, Result};
use std::cell::Cell;
use std::rc::Rc;

struct World {
    env: SimEnv,
    database: SimDatabase,
}

impl World {
    fn new(seed: u64) -> Self {
        let env = SimEnv::new(seed);
        let database = SimDatabase::new(&env);
        Self { env, database }
    }

    /// The same world with another database.
    fn beside(&self) -> Self {
        Self {
            env: self.env.clone(),
            database: SimDatabase::new(&self.env),
        }
    }

    fn connector(&self) -> Rc<dyn Connector> {
        Rc::new(SimConnector::new(&self.env.new_realm(), &self.database))
    }

    fn env(&self) -> Rc<dyn Env> {
        Rc::new(self.env.clone())
    }

    async fn open_where(&self, absent: Absent) -> Result<Engine> {
        let limits = Limits {
            log_frames: 20,
            ..Limits::default()
        };
        let options = Options {
            limits,
            absent,
            ..Options::default()
        };
        Engine::open(self.connector(), self.env(), options).await
    }

    async fn open(&self) -> Engine {
        self.open_where(Absent::Create).await.unwrap()
    }

    async fn delete(&self) -> Result<bool> {
        engine::delete(self.connector(), Rc::new(|| false)).await
    }

    fn sweep(&self) {
        self.database.sweep(engine::is_dead);
    }

    async fn size(&self) -> Result<Option<u64>> {
        match self.open_where(Absent::Refuse).await {
            Err(error) if error.code() == Code::InvalidArgument => Ok(None),
            opened => Ok(Some(opened?.held_bytes())),
        }
    }

    async fn has_records(&self) -> Result<bool> {
        match self.open_where(Absent::Refuse).await {
            Err(error) if error.code() == Code::InvalidArgument => Ok(false),
            opened => match opened?.holds_any(&[range("k")]) {
                Outcome::Ready(found) => found,
                Outcome::Later(found) => found.await,
            },
        }
    }

    async fn copy_to(&self, to: &Self) -> Result<()> {
        self.copy_while(to, Rc::new(|| false)).await
    }

    async fn copy_while(&self, to: &Self, stopped: Rc<dyn Fn() -> bool>) -> Result<()> {
        let source = self.open_where(Absent::Refuse).await?;
        let target = to.open_where(Absent::Draft).await?;
        let copied = copy_between(&source, &target, stopped).await;
        target.close().await;
        source.close().await;
        to.sweep();
        copied
    }

    /// Whether the database holds no record at all.
    fn is_bare(&self) -> bool {
        self.database.records().is_empty()
    }
}

/// As the facade does it.
async fn copy_between(
    source: &Engine,
    target: &Engine,
    stopped: Rc<dyn Fn() -> bool>,
) -> Result<()> {
    for _ in 0..10 {
        let ranges = vec![range("k")];
        if source.copy_to(target, ranges, stopped.clone()).await? {
            return Ok(());
        }
        target.refresh().await?;
    }
    Err(Error::new(Code::Conflict, "too often"))
}

fn range(prefix: &str) -> KeyRange {
    KeyRange {
        from: prefix.to_owned().into(),
        until: format!("{prefix}\u{7f}").into(),
    }
}

async fn put(engine: &Engine, key: &str, value: &[u8]) -> Result<()> {
    let (key, value) = (Bytes::from(key.to_owned()), Bytes::copy_from_slice(value));
    let work = Box::new(move |w: &mut dyn patchstore::engine::access::Writes| {
        w.put(key.clone(), value.clone());
        Ok(())
    });
    engine.write(work).await
}

async fn remove(engine: &Engine, key: &str) {
    let key = Bytes::from(key.to_owned());
    let work = Box::new(move |w: &mut dyn patchstore::engine::access::Writes| {
        w.delete(key.clone());
        Ok(())
    });
    engine.write(work).await.unwrap();
}

async fn all(engine: &Engine) -> Vec<(Bytes, Bytes)> {
    let mut cursor = Cursor::new(range(""), false);
    let mut out = Vec::new();
    let outcome = engine.read(Box::new(move |r| {
        while let Some(pair) = r.next(&mut cursor)? {
            out.push(pair);
        }
        Ok(std::mem::take(&mut out))
    }));
    match outcome {
        Outcome::Ready(result) => result.unwrap(),
        Outcome::Later(future) => future.await.unwrap(),
    }
}

#[test]
fn deleting_closes_every_tab_within_a_second_and_the_patch_can_be_opened_at_once() {
    for wake_loss_percent in [0, 100] {
        let world = World::new(1);
        world.database.set_timing(Timing {
            wake_loss_percent,
            ..Timing::default()
        });
        world.env.clone().block_on(async {
            let tabs = [world.open().await, world.open().await];
            for (tab, engine) in tabs.iter().enumerate() {
                for n in 0..50 {
                    put(engine, &format!("k{tab}-{n}"), &[7; 3_000])
                        .await
                        .unwrap();
                }
            }
            assert!(world.delete().await.unwrap());
            assert!(world.is_bare());
            let late = put(&tabs[0], "k-late", b"x").await;
            assert_eq!(late.unwrap_err().code(), Code::Closed);
            let again = world.open().await;
            assert_eq!(all(&again).await, []);
            for n in 0..50 {
                put(&again, &format!("k-new-{n}"), &[8; 10]).await.unwrap();
            }
            world.env.sleep(1_000).await;
            for engine in &tabs {
                assert_eq!(engine.closed(), Some(Reason::Deleted));
            }
            assert_eq!(all(&again).await.len(), 50);
            again.close().await;
            assert_eq!(all(&world.open().await).await.len(), 50);
        });
    }
}

#[test]
fn there_is_nothing_to_delete_twice() {
    let world = World::new(1);
    world.env.clone().block_on(async {
        assert!(!world.delete().await.unwrap());
        assert!(world.is_bare());
        world.open().await.close().await;
        assert!(world.delete().await.unwrap());
        assert!(!world.delete().await.unwrap());
        world.sweep();
        let engine = world.open().await;
        put(&engine, "k", b"v").await.unwrap();
        world.sweep();
        engine.close().await;
        world.sweep();
        assert!(
            world.has_records().await.unwrap(),
            "a sweep takes no living patch"
        );
    });
}

#[test]
fn what_cannot_be_read_and_what_has_no_room_can_be_deleted() {
    let world = World::new(1);
    world.env.clone().block_on(async {
        let engine = world.open().await;
        for n in 0..30 {
            put(&engine, &format!("k{n}"), b"v").await.unwrap();
        }
        world.database.set_quota(Some(10));
        assert!(world.delete().await.unwrap());
        world.database.set_quota(None);
        drop(engine);
        let engine = world.open().await;
        engine.close().await;
        for spoiled in [Bytes::from_static(b"rot"), Bytes::new()] {
            world.database.spoil(Key::Head, spoiled);
            assert!(world.size().await.is_err());
            assert!(world.has_records().await.is_err());
            assert!(world.delete().await.unwrap());
            put(&world.open().await, "k", b"v").await.unwrap();
        }
    });
}

#[test]
fn looking_creates_nothing_and_sees_what_is_there() {
    let world = World::new(1);
    world.env.clone().block_on(async {
        assert_eq!(world.size().await.unwrap(), None);
        assert!(!world.has_records().await.unwrap());
        assert!(world.is_bare());
        let engine = world.open().await;
        assert_eq!(world.size().await.unwrap(), Some(0));
        assert!(!world.has_records().await.unwrap(), "open and empty");
        put(&engine, "other", b"v").await.unwrap();
        assert!(!world.has_records().await.unwrap(), "nothing that counts");
        put(&engine, "k", &[1; 5_000]).await.unwrap();
        assert!(world.has_records().await.unwrap(), "in the log");
        assert!(world.size().await.unwrap() > Some(5_000));
        engine.compact().await.unwrap();
        assert!(world.has_records().await.unwrap(), "in a page");
        assert!(world.size().await.unwrap() > Some(5_000));
        remove(&engine, "k").await;
        assert!(!world.has_records().await.unwrap(), "all removed");
        engine.compact().await.unwrap();
        assert!(!world.has_records().await.unwrap());
        assert!(world.size().await.unwrap() < Some(100));
    });
}

/// Something of every size, in the log and below it.
async fn fill(engine: &Engine) {
    for n in 0..60 {
        put(engine, &format!("k{n}"), &[n; 4_000]).await.unwrap();
        put(engine, &format!("other{n}"), &[n]).await.unwrap();
    }
    put(engine, "k-large", &[9; 200_000]).await.unwrap();
    remove(engine, "k7").await;
}

#[test]
fn a_copy_is_the_same_and_lives_on_by_itself() {
    let world = World::new(1);
    let copy = world.beside();
    world.env.clone().block_on(async {
        let source = world.open().await;
        fill(&source).await;
        world.copy_to(&copy).await.unwrap();
        let target = copy.open().await;
        assert_eq!(all(&target).await, all(&source).await);
        put(&target, "k0", b"of the copy").await.unwrap();
        put(&source, "k1", b"of the source").await.unwrap();
        for n in 0..40 {
            put(&target, &format!("k-more-{n}"), b"v").await.unwrap();
        }
        target.compact().await.unwrap();
        assert_eq!(all(&target).await.len(), all(&source).await.len() + 40);
        let refused = world.copy_to(&copy).await.unwrap_err();
        assert_eq!(refused.code(), Code::Exists);
        assert_eq!(
            world.copy_to(&world).await.unwrap_err().code(),
            Code::Exists
        );
        assert_eq!(all(&target).await.len(), all(&source).await.len() + 40);
    });
}

#[test]
fn without_a_source_nothing_is_created() {
    let world = World::new(1);
    let copy = world.beside();
    world.env.clone().block_on(async {
        let refused = world.copy_to(&copy).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(world.is_bare() && copy.is_bare());
        world.open().await.close().await;
        world.copy_to(&copy).await.unwrap();
        assert_eq!(
            copy.size().await.unwrap(),
            Some(0),
            "a copy of an empty patch"
        );
    });
}

#[test]
fn a_copy_goes_into_a_patch_that_is_open_and_empty() {
    let world = World::new(1);
    let copy = world.beside();
    world.env.clone().block_on(async {
        let (source, target) = (world.open().await, copy.open().await);
        fill(&source).await;
        // What was there before is not there any more, nor hidden traces of it.
        put(&target, "k-before", &[1; 100_000]).await.unwrap();
        put(&target, "other-before", b"x").await.unwrap();
        target.compact().await.unwrap();
        remove(&target, "k-before").await;
        let heard = Rc::new(Cell::new(0));
        let count = heard.clone();
        let _subscription = target.subscribe(Rc::new(move |notice| {
            if matches!(notice, Notice::Cut) {
                count.set(count.get() + 1);
            }
        }));
        world.copy_to(&copy).await.unwrap();
        target.refresh().await.unwrap();
        assert_eq!(all(&target).await, all(&source).await);
        assert_eq!(heard.get(), 1, "it hears that anything may have changed");
        put(&target, "k-after", b"v").await.unwrap();
        let other = copy.open().await;
        put(&other, "k-after too", b"v").await.unwrap();
        target.refresh().await.unwrap();
        assert_eq!(all(&target).await, all(&other).await);
        assert_eq!(all(&target).await.len(), all(&source).await.len() + 2);
    });
}

#[test]
fn who_stops_a_copy_leaves_nothing_behind() {
    let world = World::new(1);
    world.env.clone().block_on(async {
        fill(&world.open().await).await;
        for after in [0, 1, 50, 100] {
            let copy = world.beside();
            let asked = Cell::new(0);
            let stopped = move || asked.replace(asked.get() + 1) >= after;
            let refused = world.copy_while(&copy, Rc::new(stopped)).await;
            let refused = refused.unwrap_err();
            assert_eq!(refused.code(), Code::Closed);
            assert!(copy.is_bare(), "stopped after {after}");
        }
    });
}

#[test]
fn killed_at_any_moment_a_copy_is_whole_or_not_there() {
    let (mut whole, mut none) = (0, 0);
    for at_us in (0..60).map(|n| n * 700) {
        let world = World::new(at_us);
        let copy = world.beside();
        world.env.clone().block_on(async {
            let source = world.open().await;
            fill(&source).await;
            let dying = world.env.new_realm();
            let options = |absent| Options {
                absent,
                ..Options::default()
            };
            let open = |database: &SimDatabase, absent| {
                let connector = Rc::new(SimConnector::new(&dying, database));
                Engine::open(connector, Rc::new(dying.clone()), options(absent))
            };
            let from = open(&world.database, Absent::Refuse);
            let to = open(&copy.database, Absent::Draft);
            dying.spawn(Box::pin(async move {
                let (from, to) = (from.await.unwrap(), to.await.unwrap());
                let stopped = Rc::new(|| false);
                drop(copy_between(&from, &to, stopped).await);
            }));
            world.env.sleep_us(at_us).await;
            copy.database.sever();
            dying.kill();
            world.env.sleep(10).await;
            if copy.size().await.unwrap().is_some() {
                whole += 1;
                assert_eq!(all(&copy.open().await).await, all(&source).await);
            } else {
                none += 1;
                assert!(!copy.has_records().await.unwrap());
                assert!(!copy.delete().await.unwrap());
                // The name is free, for another copy too.
                world.copy_to(&copy).await.unwrap();
                assert_eq!(all(&copy.open().await).await, all(&source).await);
            }
        });
    }
    assert!(whole > 0 && none > 5, "{whole} whole, {none} not there");
}

#[test]
fn a_draft_gives_way_to_who_opens_in_earnest() {
    let world = World::new(1);
    let copy = world.beside();
    world.env.clone().block_on(async {
        fill(&world.open().await).await;
        let opened = Cell::new(None);
        let steps = Rc::new(Cell::new(0));
        let counted = steps.clone();
        let counting = move || {
            counted.set(counted.get() + 1);
            false
        };
        let waiting = world.copy_while(&copy, Rc::new(counting));
        let opening = async {
            while steps.get() == 0 {
                world.env.sleep_us(100).await;
            }
            let engine = copy.open().await;
            put(&engine, "k-mine", b"v").await.unwrap();
            opened.set(Some(engine));
        };
        let (copied, ()) = futures_util::future::join(waiting, opening).await;
        let engine = opened.take().unwrap_or_else(|| panic!("it was opened"));
        engine.refresh().await.unwrap();
        match copied {
            // Faster than the opening.
            Ok(()) => assert!(all(&engine).await.len() > 100),
            Err(error) => {
                assert!(
                    matches!(error.code(), Code::Exists | Code::Closed),
                    "{error}"
                );
                assert_eq!(all(&engine).await.len(), 1);
            }
        }
    });
}
