//! Switching a feature on: calls keep their order, all tabs hear of it before anything counts that needs it, and what
//! was queued without it, in whatever tab, runs again.

use bytes::Bytes;
use futures_util::future::{join, join_all};
use patchstore::backend::RecordKey;
use patchstore::backend::simulated::{SimConnector, SimDatabase, Timing};
use patchstore::codec::batch::OpKey;
use patchstore::codec::feature::Feature;
use patchstore::codec::head::Head;
use patchstore::codec::marks::{Marks, NEVER};
use patchstore::engine::access::Session;
use patchstore::engine::{Engine, Options};
use patchstore::env::Env;
use patchstore::simulation::SimEnv;
use patchstore::{Code, Result};
use std::cell::Cell;
use std::rc::Rc;

use super::tab::settled;

struct Space {
    env: SimEnv,
    database: SimDatabase,
}

impl Space {
    fn run(seed: u64, body: impl AsyncFnOnce(Self)) {
        let env = SimEnv::new(seed);
        let database = SimDatabase::new(&env);
        env.clone().block_on(body(Self { env, database }));
    }

    async fn open(&self) -> Engine {
        let tab = self.env.new_realm();
        let connector = Rc::new(SimConnector::new(&tab, &self.database));
        let opened = Engine::open(connector, Rc::new(tab), Options::default());
        opened.await.unwrap()
    }

    fn head(&self) -> Head {
        let mut records = self.database.records().into_iter();
        let (_, head) = records.find(|(key, _)| *key == RecordKey::Head).unwrap();
        Head::decode(&head).unwrap()
    }
}

/// Stores what expires, one day, if ever.
async fn put_dated(to: &impl Session, key: &'static str, value: &'static str) -> Result<()> {
    let put = to.write(Box::new(move |w| {
        let marks = Marks::expiring(NEVER - 1);
        w.put_marked(OpKey::plain(key.into()), value.into(), marks);
        Ok(())
    }));
    put.await
}

async fn put(to: &impl Session, key: &'static str, value: &'static str) -> Result<()> {
    let put = to.write(Box::new(move |w| {
        w.put(key.into(), value.into());
        Ok(())
    }));
    put.await
}

async fn get(from: &impl Session, key: &'static str) -> Option<Bytes> {
    let get = from.read(Box::new(move |r| r.get(key.as_bytes())));
    settled(get).await.unwrap()
}

#[test]
fn it_is_on_for_everybody_once_and_for_all() {
    for seed in 0..40 {
        Space::run(seed, async |space| {
            let tabs = join_all((0..3).map(|_| space.open())).await;
            assert!(put(&tabs[0], "old", "1").await.is_ok());
            assert_eq!(space.head().clock, None);
            let began_ms = space.env.now_ms() as u64;
            let (first, second, third) = (&tabs[0], &tabs[1], &tabs[2]);
            let calls = [
                first.switch_on(Feature::Expiry),
                second.switch_on(Feature::Expiry),
                third.switch_on(Feature::Expiry),
            ];
            join_all(calls).await.into_iter().for_each(Result::unwrap);
            let (clock, generation) = (space.head().clock.unwrap(), space.head().generation);
            assert!((began_ms..began_ms + 1_000).contains(&clock));
            assert_eq!(generation, 2, "one of them has switched it on");
            for tab in &tabs {
                assert!(tab.has(Feature::Expiry));
                tab.switch_on(Feature::Expiry).await.unwrap();
            }
            put(second, "new", "2").await.unwrap();
            assert_eq!(space.head().generation, 2);
            join_all(tabs.iter().map(Engine::close)).await;
            let tab = space.open().await;
            assert!(tab.has(Feature::Expiry));
            assert_eq!(get(&tab, "old").await.unwrap(), "1");
            assert_eq!(get(&tab, "new").await.unwrap(), "2");
            tab.close().await;
        });
    }
}

#[test]
fn calls_keep_their_order_and_are_seen_at_once() {
    for seed in 0..40 {
        Space::run(seed, async |space| {
            let tab = space.open().await;
            let first = put(&tab, "a", "1");
            let dated = put_dated(&tab, "a", "2");
            let seen = get(&tab, "a");
            let last = put(&tab, "a", "3");
            let also = put_dated(&tab, "b", "4");
            let ((first, dated), (seen, (last, also))) =
                join(join(first, dated), join(seen, join(last, also))).await;
            for call in [first, dated, last, also] {
                call.unwrap();
            }
            assert_eq!(seen.unwrap(), "2");
            assert_eq!(get(&tab, "a").await.unwrap(), "3");
            assert_eq!(get(&tab, "b").await.unwrap(), "4");
            tab.close().await;
        });
    }
}

/// What a call has met each time that it ran.
type Runs = Rc<Cell<(u32, u32)>>;

/// A blind call that says whether the feature was on when it ran: as one that writes more from then on would.
fn blind(to: &Engine, runs: &Runs) -> impl Future<Output = Result<()>> + use<> {
    let (engine, runs) = (to.clone(), runs.clone());
    to.write(Box::new(move |w| {
        let is_on = engine.has(Feature::Expiry);
        let (off, on) = runs.get();
        runs.set(if is_on { (off, on + 1) } else { (off + 1, on) });
        w.put("blind".into(), if is_on { "on" } else { "off" }.into());
        Ok(())
    }))
}

#[test]
fn what_was_queued_without_it_runs_again() {
    let mut again = 0;
    for seed in 0..200 {
        Space::run(seed, async |space| {
            let (a, b) = (space.open().await, space.open().await);
            space.database.set_timing(Timing {
                wake_loss_percent: 50,
                ..Timing::default()
            });
            let runs = Runs::default();
            let committed_first = Cell::new(false);
            let on = async {
                a.switch_on(Feature::Expiry).await.unwrap();
            };
            let written = async {
                space.env.sleep_us(space.env.random_below(3_000)).await;
                let call = blind(&b, &runs);
                call.await.unwrap();
                committed_first.set(runs.get().1 == 0);
            };
            join(on, written).await;
            a.refresh().await.unwrap();
            // A frame that was made without it counts only if it was there before.
            let is_on = runs.get().1 > 0;
            again += u32::from(is_on && runs.get().0 > 0);
            let frames = space.database.records().into_iter();
            let in_log = frames
                .filter(|(key, _)| matches!(key, RecordKey::Frame(_)))
                .any(|(_, frame)| {
                    let frame = patchstore::codec::frame::open(&frame).unwrap();
                    let is_now = frame.header.generation == space.head().generation;
                    is_now && frame.batch().is_ok_and(|batch| !batch.ops.is_empty())
                });
            assert!(
                !in_log || is_on,
                "{seed}: a call counts under the feature that has not run with it"
            );
            let expected = if is_on { "on" } else { "off" };
            assert_eq!(get(&a, "blind").await.unwrap(), expected, "{seed}");
            a.close().await;
            b.close().await;
        });
    }
    assert!(again > 10, "{again}");
}

#[test]
fn it_is_switched_on_against_tabs_that_write_all_the_while() {
    for seed in 0..6 {
        Space::run(seed, async |space| {
            let tabs = join_all((0..3).map(|_| space.open())).await;
            let done = Cell::new(false);
            let busy = async |tab: &Engine| {
                while !done.get() {
                    put(tab, "busy", "1").await.unwrap();
                }
            };
            let on = async {
                let switched = put_dated(&tabs[0], "a", "1").await;
                done.set(true);
                switched.unwrap();
            };
            join(on, join(busy(&tabs[1]), busy(&tabs[2]))).await;
            assert_eq!(get(&tabs[0], "a").await.unwrap(), "1");
            join_all(tabs.iter().map(Engine::close)).await;
        });
    }
}

#[test]
fn a_transaction_that_needs_it_commits_and_one_that_began_without_it_begins_anew() {
    Space::run(1, async |space| {
        let (a, b) = (space.open().await, space.open().await);
        let old = b.begin().await.unwrap();
        put(&old, "old", "1").await.unwrap();
        let dated = a.begin().await.unwrap();
        put_dated(&dated, "dated", "1").await.unwrap();
        assert!(dated.commit().await.unwrap());
        assert_eq!(get(&a, "dated").await.unwrap(), "1");
        b.refresh().await.unwrap();
        assert!(!old.commit().await.unwrap());
        a.close().await;
        b.close().await;
    });
}

#[test]
fn where_there_is_no_room_the_call_fails_and_the_others_go_on() {
    Space::run(1, async |space| {
        let tab = space.open().await;
        put(&tab, "a", "1").await.unwrap();
        space.database.set_quota(Some(0));
        let refused = put_dated(&tab, "b", "2").await.unwrap_err();
        assert_eq!(refused.code(), Code::StorageQuotaExceeded);
        assert!(!tab.has(Feature::Expiry));
        space.database.set_quota(None);
        put(&tab, "a", "3").await.unwrap();
        put_dated(&tab, "b", "4").await.unwrap();
        assert_eq!(get(&tab, "a").await.unwrap(), "3");
        assert_eq!(get(&tab, "b").await.unwrap(), "4");
        tab.close().await;
    });
}
