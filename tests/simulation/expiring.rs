//! Pairs that expire: gone from that moment on, for good, and their space comes back by itself.

use bytes::Bytes;
use patchstore::backend::RecordKey;
use patchstore::backend::simulated::{SimConnector, SimDatabase};
use patchstore::codec::head::Head;
use patchstore::codec::marks::NEVER;
use patchstore::codec::value::from_json;
use patchstore::engine::access::Session;
use patchstore::engine::{Engine, Limits, Options};
use patchstore::env::Env;
use patchstore::models::Scope;
use patchstore::models::kv::{self, Kv};
use patchstore::models::watch::Watch;
use patchstore::simulation::SimEnv;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::cells::Clocked;
use super::later::noise;
use super::tab::settled;

const DAY_MS: u64 = 86_400_000;

struct Space {
    env: SimEnv,
    database: SimDatabase,
    /// How far the wall clock is off, ms.
    off_ms: Rc<Cell<f64>>,
}

impl Space {
    fn run(seed: u64, body: impl AsyncFnOnce(Self)) {
        let env = SimEnv::new(seed);
        let database = SimDatabase::new(&env);
        let off_ms = Rc::default();
        env.clone().block_on(body(Self {
            env,
            database,
            off_ms,
        }));
    }

    async fn open_with(&self, options: Options) -> (Rc<Clocked>, Engine) {
        let tab = self.env.new_realm();
        let connector = Rc::new(SimConnector::new(&tab, &self.database));
        let env = Rc::new(Clocked::off(tab, self.off_ms.clone()));
        let opened = Engine::open(connector, env.clone(), options).await;
        (env, opened.unwrap())
    }

    async fn open(&self) -> Engine {
        self.open_with(Options::default()).await.1
    }

    fn now_ms(&self) -> u64 {
        (self.env.now_ms() + self.off_ms.get()) as u64
    }

    fn clock_ms(&self) -> u64 {
        let mut records = self.database.records().into_iter();
        let (_, head) = records.find(|(key, _)| *key == RecordKey::Head).unwrap();
        Head::decode(&head).unwrap().clock.unwrap()
    }

    /// How many records of values lie beside the log and the directory.
    fn pieces(&self) -> usize {
        let records = self.database.records().into_iter();
        records
            .filter(|(key, _)| matches!(key, RecordKey::Piece(_)))
            .count()
    }
}

fn key(name: &str) -> Bytes {
    let kv = Kv::new(&Scope::Name("s".into())).unwrap();
    kv.key(name.into()).unwrap()
}

async fn set_value(to: &impl Session, name: &str, value: Bytes, until_ms: u64) {
    let key = key(name);
    let set = to.write(Box::new(move |w| {
        kv::set(w, &key, &value, until_ms)?;
        Ok(())
    }));
    set.await.unwrap();
}

async fn set(to: &impl Session, name: &str, json: &str, until_ms: u64) {
    set_value(to, name, from_json(json.as_bytes()), until_ms).await;
}

async fn get(from: &impl Session, name: &str) -> Option<Bytes> {
    let key = key(name);
    settled(from.read(Box::new(move |r| kv::get(r, &key))))
        .await
        .unwrap()
}

#[test]
fn what_has_expired_stays_so_when_the_clock_is_set_back() {
    for way in 0..4 {
        Space::run(way, async |space| {
            let (env, tab) = space.open_with(Options::default()).await;
            set(&tab, "a", "1", space.now_ms() + 1_000).await;
            set(&tab, "b", "2", NEVER).await;
            assert!(get(&tab, "a").await.is_some());
            if way % 2 == 1 {
                tab.compact().await.unwrap();
            }
            space.env.sleep(1_001).await;
            assert_eq!(get(&tab, "a").await, None);
            space.off_ms.set(-3_600_000.0);
            assert_eq!(get(&tab, "a").await, None, "in the same tab");
            if way < 2 {
                tab.close().await;
            } else {
                // It is not closed: some seconds later it has been noted all the same.
                space.env.sleep(12_000).await;
                env.kill();
            }
            let tab = space.open().await;
            assert_eq!(get(&tab, "a").await, None, "{way}: after opening it again");
            assert!(get(&tab, "b").await.is_some());
            // By then, a pair lives as long as it should for the one that was ahead.
            set(&tab, "c", "3", tab.now_ms() + 10).await;
            assert!(get(&tab, "c").await.is_some());
            tab.close().await;
        });
    }
}

#[test]
fn an_expired_pair_hides_what_lies_deeper_until_it_has_sunk() {
    for seed in 0..60 {
        Space::run(seed, async |space| {
            let options = Options {
                limits: Limits {
                    log_frames: 4,
                    level0_bytes: 1_000,
                    level1_bytes: 20_000,
                    ..Limits::default()
                },
                ..Options::default()
            };
            let (_, tab) = space.open_with(options).await;
            set(&tab, "a", "\"old\"", NEVER).await;
            for n in 0..space.env.random_below(12) {
                set_value(&tab, "pad", noise(n, 3_000), NEVER).await;
            }
            let large = space.env.chance(30);
            let value = if large {
                noise(seed, 70_000)
            } else {
                from_json(b"1")
            };
            set_value(&tab, "a", value, space.now_ms() + 500).await;
            for n in 0..space.env.random_below(12) {
                set_value(&tab, "pad", noise(n, 3_000), NEVER).await;
            }
            space.env.sleep(600).await;
            assert_eq!(get(&tab, "a").await, None);
            for n in 0..8 {
                match space.env.random_below(4) {
                    0 => space.env.sleep(space.env.random_below(15_000) as u32).await,
                    1 => drop(tab.evict_expired().await.unwrap()),
                    2 => tab.compact().await.unwrap(),
                    _ => set_value(&tab, "pad", noise(n, 3_000), NEVER).await,
                }
                assert_eq!(get(&tab, "a").await, None);
                let cold = space.open().await;
                assert_eq!(get(&cold, "a").await, None);
                cold.close().await;
            }
            tab.compact().await.unwrap();
            assert_eq!(space.pieces(), 0);
            tab.close().await;
        });
    }
}

#[test]
fn space_comes_back_by_itself() {
    for way in 0..3 {
        Space::run(way, async |space| {
            let (tab, other) = (space.open().await, space.open().await);
            let until_ms = space.now_ms() + 5_000;
            for n in 0..20 {
                set_value(&tab, &format!("small {n}"), noise(n, 2_000), until_ms).await;
            }
            set_value(&tab, "large", noise(7, 100_000), until_ms).await;
            if way == 1 {
                tab.compact().await.unwrap();
            }
            if way == 2 {
                set(&tab, "stays", "1", NEVER).await;
            }
            assert!(tab.held_bytes() > 100_000);
            space.env.sleep(40_000).await;
            assert!(
                tab.held_bytes() < 100,
                "{way}: {} bytes are left",
                tab.held_bytes()
            );
            assert!(other.held_bytes() < 100);
            assert!(space.clock_ms() >= until_ms);
            // Nothing is written as long as nothing can expire.
            let written = tab.written_bytes() + other.written_bytes();
            space.env.sleep(60_000).await;
            assert_eq!(tab.written_bytes() + other.written_bytes(), written);
            tab.close().await;
            other.close().await;
        });
    }
}

#[test]
fn all_that_has_expired_goes_at_once_when_asked_to() {
    for compacts in [false, true] {
        Space::run(1, async |space| {
            let options = Options {
                poll_ms: 0,
                ..Options::default()
            };
            let (_, tab) = space.open_with(options).await;
            assert!(!tab.evict_expired().await.unwrap());
            for n in 0..300 {
                let until_ms = space.now_ms() + 2_000;
                set_value(&tab, &format!("{n}"), noise(n, 20_000), until_ms).await;
            }
            set_value(&tab, "large", noise(7, 100_000), space.now_ms() + 2_000).await;
            assert!(!tab.evict_expired().await.unwrap());
            space.env.sleep(30 * DAY_MS as u32).await;
            if compacts {
                tab.compact().await.unwrap();
            } else {
                assert!(tab.evict_expired().await.unwrap());
            }
            assert_eq!((tab.held_bytes(), space.pieces()), (0, 0));
            let runs = space.database.records().into_iter();
            let bytes: usize = runs.map(|(_, record)| record.len()).sum();
            // (The record that keeps room for deleting is one.)
            assert!(bytes < 540_000, "{bytes}");
            assert!(!tab.evict_expired().await.unwrap());
            tab.close().await;
        });
    }
}

#[test]
fn the_stored_clock_follows_a_wrong_one_by_a_day_at_most() {
    Space::run(1, async |space| {
        let tab = space.open().await;
        let until_ms = space.now_ms() + 10 * DAY_MS;
        set(&tab, "a", "1", until_ms).await;
        tab.compact().await.unwrap();
        let before = space.clock_ms();
        space.off_ms.set(1_000.0 * DAY_MS as f64);
        assert_eq!(get(&tab, "a").await, None);
        space.env.sleep(25_000).await;
        let after = space.clock_ms();
        assert!(
            after > before && after <= before + 4 * DAY_MS,
            "{}",
            after - before
        );
        space.off_ms.set(0.0);
        tab.close().await;
        let tab = space.open().await;
        assert!(get(&tab, "a").await.is_some(), "its day has not come");
        tab.close().await;
    });
}

#[test]
fn who_watches_is_told_within_a_second() {
    for seed in 0..40 {
        Space::run(seed, async |space| {
            let first = space.open().await;
            space.env.sleep(space.env.random_below(700) as u32).await;
            let tabs = [first, space.open().await];
            let told: [Rc<RefCell<Vec<Option<Bytes>>>>; 2] = Default::default();
            let watches: Vec<Watch> = (tabs.iter().zip(&told))
                .map(|(tab, told)| {
                    let told = told.clone();
                    let tell = Box::new(move |value: Option<&[u8]>| {
                        told.borrow_mut().push(value.map(Bytes::copy_from_slice));
                    });
                    Watch::new(tab, Rc::new(space.env.clone()), key("a"), tell)
                })
                .collect();
            set(&tabs[0], "a", "1", space.now_ms() + 3_000).await;
            space.env.sleep(1_500).await;
            for told in &told {
                assert_eq!(told.borrow().as_slice(), [Some(from_json(b"1"))]);
            }
            if space.env.chance(30) {
                space.env.sleep(1_501).await;
                tabs[1].compact().await.unwrap();
                space.env.sleep(999).await;
            } else {
                space.env.sleep(1_500 + 1_000).await;
            }
            for told in &told {
                assert_eq!(told.borrow().len(), 2);
                assert_eq!(told.borrow()[1], None);
            }
            space.env.sleep(30_000).await;
            assert!(
                told.iter().all(|told| told.borrow().len() == 2),
                "told once"
            );
            drop(watches);
            for tab in &tabs {
                tab.close().await;
            }
        });
    }
}

#[test]
fn an_update_keeps_the_expiry_and_a_set_without_one_removes_it() {
    Space::run(1, async |space| {
        let tab = space.open().await;
        let soon = space.now_ms() + 1_000;
        for name in ["updated", "set", "past", "again"] {
            set(&tab, name, "1", soon).await;
        }
        let update = |name: &str, json: &'static str| {
            let key = key(name);
            tab.write(Box::new(move |w| {
                kv::update(w, &key, &mut |_| Ok(Some(from_json(json.as_bytes()))))?;
                Ok(())
            }))
        };
        update("updated", "2").await.unwrap();
        set(&tab, "set", "2", NEVER).await;
        set(&tab, "past", "2", kv::PAST).await;
        assert!(get(&tab, "updated").await.is_some());
        assert_eq!(get(&tab, "past").await, None);
        space.env.sleep(1_000).await;
        assert_eq!(get(&tab, "updated").await, None);
        assert!(get(&tab, "set").await.is_some());
        // Of what has expired nothing is kept.
        update("again", "3").await.unwrap();
        space.env.sleep(100_000).await;
        assert!(get(&tab, "again").await.is_some());
        tab.close().await;
    });
}
