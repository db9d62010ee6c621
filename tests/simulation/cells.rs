//! Cells that expire, and pieces that several cells cite: every reader agrees with a plain map, over flushes, merges,
//! cuts, large batches and copies, whatever the clock does.

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use patchstore::backend::RecordKey;
use patchstore::backend::simulated::{SimConnector, SimDatabase};
use patchstore::codec::batch::OpKey;
use patchstore::codec::marks::Marks;
use patchstore::engine::access::{Cursor, KeyRange, Reads, Session, Stop, afresh};
use patchstore::engine::{Absent, Engine, Limits, Options};
use patchstore::env::Env;
use patchstore::simulation::SimEnv;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::directory::check_pieces;
use super::later::noise;
use super::operation::range;
use super::tab::{scan, settled};

/// A tab whose wall clock is moved at will.
#[derive(Clone)]
pub struct Clocked {
    tab: SimEnv,
    wall_ms: Rc<Cell<f64>>,
    runs: bool,
}

impl Clocked {
    /// One whose clock runs, and is off by so many ms.
    pub fn off(tab: SimEnv, off_ms: Rc<Cell<f64>>) -> Self {
        Self {
            tab,
            wall_ms: off_ms,
            runs: true,
        }
    }

    /// Ends the tab in the midst of what it does.
    pub fn kill(&self) {
        self.tab.kill();
    }
}

impl Env for Clocked {
    fn now_ms(&self) -> f64 {
        let runs_ms = if self.runs { self.tab.now_ms() } else { 0.0 };
        runs_ms + self.wall_ms.get()
    }

    fn monotonic_ms(&self) -> f64 {
        self.tab.monotonic_ms()
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        self.tab.fill_random(bytes);
    }

    fn sleep(&self, ms: u32) -> LocalBoxFuture<'static, ()> {
        self.tab.sleep(ms)
    }

    fn yield_now(&self) -> LocalBoxFuture<'static, ()> {
        self.tab.yield_now()
    }

    fn spawn(&self, future: LocalBoxFuture<'static, ()>) {
        self.tab.spawn(future);
    }
}

/// A database, and the clock of the tabs over it.
struct Space {
    env: SimEnv,
    database: SimDatabase,
    wall_ms: Rc<Cell<f64>>,
}

const START_MS: u64 = 1_700_000_000_000;
const KEYS: u64 = 24;

/// What lies under a key, and when it expires, if ever.
type Model = BTreeMap<Bytes, (Bytes, Option<u64>)>;

fn key(n: u64) -> Bytes {
    format!("q/{n:02}").into()
}

impl Space {
    fn run(seed: u64, body: impl AsyncFnOnce(Self)) {
        let env = SimEnv::new(seed);
        let database = SimDatabase::new(&env);
        let wall_ms = Rc::new(Cell::new(START_MS as f64));
        env.clone().block_on(body(Self {
            env,
            database,
            wall_ms,
        }));
    }

    fn now_ms(&self) -> u64 {
        self.wall_ms.get() as u64
    }

    async fn open_as(&self, database: &SimDatabase, absent: Absent) -> Engine {
        let tab = self.env.new_realm();
        let connector = Rc::new(SimConnector::new(&tab, database));
        let wall_ms = self.wall_ms.clone();
        let options = Options {
            poll_ms: 0,
            absent,
            cache_bytes: 16 << 20,
            limits: Limits {
                log_frames: 12,
                log_bytes: 400_000,
                piece_bytes: 200_000,
                garbage_bytes: 100_000,
                level0_bytes: 40_000,
                level1_bytes: 200_000,
            },
            ..Options::default()
        };
        let opened = Engine::open(
            connector,
            Rc::new(Clocked {
                tab,
                wall_ms,
                runs: false,
            }),
            options,
        );
        opened.await.unwrap()
    }

    async fn open(&self) -> Engine {
        self.open_as(&self.database, Absent::Create).await
    }

    /// What a reader sees at a time.
    fn shown(model: &Model, now_ms: u64) -> BTreeMap<Bytes, Bytes> {
        let live = model
            .iter()
            .filter(|(_, (_, expiry))| expiry.is_none_or(|at_ms| at_ms > now_ms));
        live.map(|(key, (value, _))| (key.clone(), value.clone()))
            .collect()
    }

    /// A tab closes and another one is opened: what had expired for the one has for the other, whatever the clock says.
    async fn reopened(&self, engine: &Engine, model: &Model) -> Engine {
        engine.refresh().await.unwrap();
        let shown = Self::shown(model, engine.now_ms());
        engine.close().await;
        if self.env.chance(50) {
            self.wall_ms.set(START_MS as f64);
        }
        let engine = self.open().await;
        let again = Self::shown(model, engine.now_ms());
        assert!(
            again.keys().all(|key| shown.contains_key(key)),
            "what had expired has come back"
        );
        engine
    }

    async fn check(&self, engine: &Engine, model: &Model) {
        let before = engine.now_ms();
        assert!(before >= self.now_ms(), "the time goes back");
        let shown = Self::shown(model, before);
        let found: BTreeMap<Bytes, Bytes> = scan(engine, "q/").await.unwrap().into_iter().collect();
        assert_eq!(found, shown, "what a scan finds");
        let begin = || Ok((0, Vec::new()));
        let looked = engine.read(afresh(begin, |(at, out): &mut (u64, Vec<_>), r| {
            while *at < KEYS {
                let key = key(*at);
                let found = r.get(&key)?;
                assert_eq!(r.contains(&key)?, found.is_some());
                out.extend(found.map(|value| (key, value)));
                *at += 1;
            }
            Ok(std::mem::take(out))
        }));
        let looked = settled(looked).await.unwrap();
        let looked: BTreeMap<Bytes, Bytes> = looked.into_iter().collect();
        assert_eq!(looked, shown, "what is there under the keys");
        let counted = engine.read(afresh(
            || Ok((Cursor::new(range("q/"), false), 0)),
            |(cursor, count), r: &mut dyn Reads| {
                while let Some(measure) = r.measure(cursor)? {
                    *count += measure.records;
                }
                Ok(*count)
            },
        ));
        let count = settled(counted).await.unwrap();
        assert_eq!(count, shown.len() as u64, "what a count finds");
        let stats = engine.stats(vec![range("q/")]).await.unwrap();
        assert_eq!(stats.records, count, "what statistics say");
        let bytes: usize = shown
            .iter()
            .map(|(key, value)| key.len() + value.len())
            .sum();
        assert_eq!(stats.live_bytes, bytes as u64);
    }

    /// Some values, some of which expire soon, or have already.
    fn values(&self, count: u64) -> Model {
        let one = |_| {
            let env = &self.env;
            let len = match env.random_below(8) {
                0 => 70_000,
                1..4 => 2_000,
                _ => 50,
            };
            let soon = self.now_ms() + env.random_below(10_000) - 4_000;
            let expiry = env.chance(60).then_some(soon);
            let value = noise(env.random_below(1 << 40), len);
            (key(env.random_below(KEYS)), (value, expiry))
        };
        (0..count).map(one).collect()
    }

    async fn copied(&self, engine: &Engine, model: &Model) {
        let other = SimDatabase::new(&self.env);
        let target = self.open_as(&other, Absent::Prepare).await;
        let everything = vec![KeyRange::everything()];
        let copied = engine.copy_to(&target, everything, Rc::new(|| false));
        copied.await.unwrap();
        target.close().await;
        // What had expired is not there, whatever becomes of the clock.
        let copy: Model = (Self::shown(model, engine.now_ms()).into_iter())
            .map(|(key, value)| (key.clone(), (value, model[&key].1)))
            .collect();
        let before = self.wall_ms.replace(START_MS as f64);
        let engine = self.open_as(&other, Absent::Refuse).await;
        self.check(&engine, &copy).await;
        self.wall_ms.set(before + 3_000.0);
        self.check(&engine, &copy).await;
        self.wall_ms.set(before);
        engine.close().await;
    }
}

async fn put(engine: &Engine, values: Model) {
    let put = engine.write(Box::new(move |w| {
        for (key, (value, expiry)) in &values {
            let marks = expiry.map_or(Marks::NONE, Marks::expiring);
            w.put_marked(OpKey::plain(key.clone()), value.clone(), marks);
        }
        Ok(())
    }));
    put.await.unwrap();
}

async fn delete(engine: &Engine, range: KeyRange) {
    let delete = engine.write(Box::new(move |w| {
        w.delete_range(range.clone());
        Ok(())
    }));
    delete.await.unwrap();
}

async fn remove(engine: &Engine, key: Bytes) {
    let remove = engine.write(Box::new(move |w| {
        w.delete(key.clone());
        Ok(())
    }));
    remove.await.unwrap();
}

fn pieces(database: &SimDatabase) -> usize {
    let records = database.records().into_iter();
    let is_piece = |key: &RecordKey| matches!(key, RecordKey::Piece(_));
    records.filter(|(key, _)| is_piece(key)).count()
}

#[test]
fn what_has_expired_is_gone_for_every_reader() {
    for seed in 0..30 {
        Space::run(seed, async |space| {
            let mut tabs = [space.open().await, space.open().await];
            let mut model = Model::new();
            for _ in 0..30 {
                let at = space.env.random_below(2) as usize;
                let engine = &tabs[at];
                engine.refresh().await.unwrap();
                match space.env.random_below(14) {
                    0..4 => {
                        let values = space.values(1 + space.env.random_below(4));
                        model.extend(values.clone());
                        put(engine, values).await;
                    }
                    // Enough to be written ahead.
                    4 if space.env.chance(30) => {
                        let mut values = space.values(60);
                        let pad = |(value, _): &mut (Bytes, _)| *value = noise(9, 60_000);
                        values.values_mut().for_each(pad);
                        model.extend(values.clone());
                        put(engine, values).await;
                    }
                    5 => {
                        let (a, b) = (space.env.random_below(KEYS), space.env.random_below(6));
                        let gone = KeyRange {
                            from: key(a),
                            until: key(a + b),
                        };
                        model.retain(|key, _| !(gone.from <= *key && *key < gone.until));
                        delete(engine, gone).await;
                    }
                    6 => {
                        let gone = key(space.env.random_below(KEYS));
                        model.remove(&gone);
                        remove(engine, gone).await;
                    }
                    7 => engine.compact().await.unwrap(),
                    9 => {
                        let count = || engine.stats(vec![range("q/")]);
                        let before = count().await.unwrap();
                        engine.evict_expired().await.unwrap();
                        assert_eq!(before.records, count().await.unwrap().records);
                        assert!(!engine.evict_expired().await.unwrap(), "something is left");
                    }
                    10 => tabs[at] = space.reopened(engine, &model).await,
                    8 if space.env.chance(30) => space.copied(engine, &model).await,
                    // The clock, which is set back now and then.
                    _ => {
                        let moved = space.env.random_below(3_000) as f64 - 1_000.0;
                        space.wall_ms.set(space.wall_ms.get() + moved);
                    }
                }
                let reader = &tabs[space.env.random_below(2) as usize];
                reader.refresh().await.unwrap();
                space.check(reader, &model).await;
                check_pieces(&space.database.records());
            }
            for engine in &tabs {
                engine.close().await;
            }
            let engine = space.open().await;
            space.check(&engine, &model).await;
            engine.close().await;
        });
    }
}

#[test]
fn a_read_is_of_one_moment() {
    Space::run(1, async |space| {
        let engine = space.open().await;
        let soon = space.now_ms() + 1_000;
        let value = (Bytes::from_static(b"value"), Some(soon));
        put(&engine, Model::from([(key(1), value)])).await;
        let clock = space.wall_ms.clone();
        let mut looks = 0;
        let read = engine.read(Box::new(move |r| {
            looks += 1;
            let found = r.get(&key(1))?;
            if looks == 1 {
                assert!(found.is_some());
                clock.set(clock.get() + 2_000.0);
                return Err(Stop::Yield);
            }
            Ok(found)
        }));
        let found = settled(read).await.unwrap();
        assert!(found.is_some(), "a read goes on at another moment");
        let later = engine.read(Box::new(|r| r.get(&key(1))));
        assert_eq!(settled(later).await.unwrap(), None);
        engine.close().await;
    });
}

#[test]
fn an_engine_knows_that_it_has_met_what_expires() {
    Space::run(1, async |space| {
        let (writer, reader) = (space.open().await, space.open().await);
        let value = Bytes::from_static(b"value");
        put(&writer, Model::from([(key(1), (value.clone(), None))])).await;
        reader.refresh().await.unwrap();
        assert_eq!(scan(&reader, "q/").await.unwrap().len(), 1);
        assert!(!writer.is_dated() && !reader.is_dated());
        let soon = Some(space.now_ms() + 1_000);
        put(&writer, Model::from([(key(2), (value, soon))])).await;
        assert!(writer.is_dated() && !reader.is_dated());
        reader.refresh().await.unwrap();
        assert_eq!(scan(&reader, "q/").await.unwrap().len(), 2);
        assert!(reader.is_dated());
        writer.close().await;
        reader.close().await;
    });
}

#[test]
fn a_piece_lives_as_long_as_any_cell_that_cites_it() {
    for seed in 0..24 {
        Space::run(seed, async |space| {
            let engine = space.open().await;
            let value = noise(seed, 70_000);
            let both = [0, 1].map(|n| (key(n), (value.clone(), None)));
            put(&engine, Model::from(both)).await;
            assert_eq!(pieces(&space.database), 1, "one piece for both");
            let mut left = vec![key(0), key(1)];
            if seed % 2 == 1 {
                left.reverse();
            }
            while let Some(gone) = left.pop() {
                if space.env.chance(50) {
                    engine.compact().await.unwrap();
                }
                // Deleted, or replaced.
                if space.env.chance(50) {
                    remove(&engine, gone).await;
                } else {
                    let small = (Bytes::from_static(b"small"), None);
                    put(&engine, Model::from([(gone, small)])).await;
                }
                // What only tidies up must not take it.
                for n in 0..space.env.random_below(20) {
                    put(&engine, Model::from([(key(9), (noise(n, 9_000), None))])).await;
                }
                if space.env.chance(50) {
                    engine.compact().await.unwrap();
                }
                check_pieces(&space.database.records());
                if let Some(other) = left.first() {
                    let other = other.clone();
                    let cold = space.open().await;
                    let found = cold.read(Box::new(move |r| r.get(&other)));
                    assert_eq!(settled(found).await.unwrap(), Some(value.clone()));
                    cold.close().await;
                }
            }
            engine.compact().await.unwrap();
            assert_eq!(pieces(&space.database), 0, "nobody cites it any more");
            engine.close().await;
        });
    }
}
