//! What an engine does about failures and delays of the storage, natively.

use bytes::Bytes;
use futures_util::future::{LocalBoxFuture, join, join_all, join3};
use patchstore::backend::simulated::{Fault, SimConnector, Timing};
use patchstore::backend::{Connector, Durability, Id, RecordKey, Write};
use patchstore::engine::access::{Session, Writes};
use patchstore::engine::{Engine, Options};
use patchstore::env::Env;
use patchstore::{Code, Result};
use std::cell::Cell;
use std::rc::Rc;

use super::{World, get, put};

/// A tab that looks at the log only when told to, and its connector.
async fn open(world: &World) -> (Engine, SimConnector) {
    let realm = world.env.new_realm();
    let connector = SimConnector::new(&realm, &world.database);
    let options = Options {
        poll_ms: 0,
        ..Options::default()
    };
    let engine = Engine::open(Rc::new(connector.clone()), Rc::new(realm), options);
    (engine.await.unwrap(), connector)
}

fn slow() -> Timing {
    Timing {
        effect_us: 2_000,
        wake_loss_percent: 100,
        ..Timing::default()
    }
}

/// Writes that "cold" was read, if there is "hot".
fn look(w: &mut dyn Writes) -> patchstore::engine::access::Attempt<()> {
    if w.contains(b"hot")? {
        w.get(b"cold")?;
    }
    w.put("seen".into(), Bytes::new());
    Ok(())
}

impl World {
    /// "cold" in a segment, which a new tab has not in memory.
    async fn with_cold(&self) -> (Engine, Engine) {
        let (first, _) = open(self).await;
        put(&first, "cold", 5).await.unwrap();
        first.compact().await.unwrap();
        first.close().await;
        (open(self).await.0, open(self).await.0)
    }

    /// Removes the segments behind everybody's back.
    async fn lose_segments(&self) {
        let connector = SimConnector::new(&self.env.new_realm(), &self.database);
        let backend = connector.open(Rc::new(|_| ())).await.unwrap();
        let records = self.database.records();
        let runs = records.into_iter().filter_map(|(key, _)| match key {
            RecordKey::Run(_) => Some(Write::Delete(key)),
            _ => None,
        });
        let lost = backend.write(runs.collect(), Durability::Strict);
        lost.await.unwrap();
    }
}

#[test]
fn a_call_that_runs_again_and_lacks_a_record_for_good_is_told() {
    World::run(1, async |world| {
        let (engine, other) = world.with_cold().await;
        world.lose_segments().await;
        world.database.set_timing(slow());
        put(&other, "hot", 5).await.unwrap();
        let (told, after) = join(
            engine.write(Box::new(|w: &mut dyn Writes| look(w))),
            put(&engine, "after", 5),
        )
        .await;
        assert_eq!(told.unwrap_err().code(), Code::Corrupt);
        after.unwrap();
        assert!(get(&engine, "seen").await.unwrap().is_none());
    });
}

#[test]
fn a_transaction_begun_while_calls_run_again_sees_the_earlier_ones() {
    World::run(1, async |world| {
        let (engine, other) = world.with_cold().await;
        world.database.set_timing(slow());
        put(&other, "hot", 5).await.unwrap();
        let looked = engine.write(Box::new(|w: &mut dyn Writes| look(w)));
        let written = put(&engine, "written", 5);
        let calls = async move {
            looked.await.unwrap();
            written.await.unwrap();
        };
        let transactions = join_all((0..100).map(async |n| {
            world.env.sleep_us(n * 100).await;
            let transaction = engine.begin().await.unwrap();
            assert!(get(&transaction, "written").await.unwrap().is_some());
        }));
        join(calls, transactions).await;
    });
}

#[test]
fn an_own_commit_that_was_given_up_and_counts_all_the_same_is_news() {
    World::run(1, async |world| {
        let (engine, connector) = open(&world).await;
        let (other, _) = open(&world).await;
        put(&engine, "first", 5).await.unwrap();
        world.database.set_timing(slow());
        put(&other, "between", 5).await.unwrap();
        // It cannot be found out what becomes of the next commit.
        let next = connector.issued() + 1;
        (1..7).for_each(|n| connector.fault_at(next + n, Fault::Abort("UnknownError".into())));
        let given_up = put(&engine, "read", 5);
        world.env.sleep_us(100).await;
        let built_on_it = engine.write(Box::new(|w| {
            let name = if w.contains(b"read")? {
                "with"
            } else {
                "without"
            };
            w.put(name.into(), Bytes::new());
            Ok(())
        }));
        let (given_up, built_on_it) = join(given_up, built_on_it).await;
        assert_eq!(given_up.unwrap_err().code(), Code::ConnectionLost);
        built_on_it.unwrap();
        assert!(get(&engine, "read").await.unwrap().is_some());
        assert!(get(&engine, "with").await.unwrap().is_some());
        assert!(get(&engine, "without").await.unwrap().is_none());
    });
}

#[test]
fn flushing_and_compacting_do_not_wait_for_calls_that_come_after() {
    World::run(1, async |world| {
        let (engine, _) = open(&world).await;
        let ended = Cell::new(false);
        let writing = async |key: &'static str, pause_us| {
            world.env.sleep_us(pause_us).await;
            while !ended.get() {
                put(&engine, key, 5).await.unwrap();
            }
        };
        let tidying = async {
            world.env.sleep(10).await;
            engine.flush().await.unwrap();
            engine.compact().await.unwrap();
            ended.set(true);
        };
        join3(writing("a", 0), writing("b", 700), tidying).await;
    });
}

#[test]
fn a_large_batch_of_deletes_finds_room_where_there_is_none_left() {
    World::run(1, async |world| {
        let (engine, _) = open(&world).await;
        let key = |n: u32| Bytes::from(format!("a key that is rather long, of number {n:06}"));
        for from in (0..20_000).step_by(500) {
            let fill = engine.write(Box::new(move |w| {
                (from..from + 500).for_each(|n| w.put(key(n), vec![n as u8; 60].into()));
                Ok(())
            }));
            fill.await.unwrap();
        }
        engine.compact().await.unwrap();
        let stored: usize = world.database.records().iter().map(|(_, r)| r.len()).sum();
        world.database.set_quota(Some(stored + 1_000));
        let delete = engine.write(Box::new(move |w| {
            (0..20_000).for_each(|n| w.delete(key(n)));
            Ok(())
        }));
        delete.await.unwrap();
        assert!(
            engine
                .write(Box::new(move |w| w.contains(&key(7))))
                .await
                .is_ok_and(|is| !is)
        );
    });
}

/// Writes by what it finds, so that it depends on it.
fn depend(engine: &Engine, key: &'static str) -> LocalBoxFuture<'static, Result<()>> {
    let key = Bytes::from_static(key.as_bytes());
    engine.write(Box::new(move |w| {
        w.get(&key)?;
        w.put(key.clone(), Bytes::new());
        Ok(())
    }))
}

#[test]
fn an_error_behind_a_commit_is_not_that_of_the_next_call() {
    World::run(1, async |world| {
        let (engine, connector) = open(&world).await;
        let (other, _) = open(&world).await;
        world.database.set_timing(slow());
        // Having lost a race, dependent commits name their number.
        put(&other, "race", 5).await.unwrap();
        depend(&engine, "race").await.unwrap();
        engine.compact().await.unwrap();
        let aside = SimConnector::new(&world.env.new_realm(), &world.database);
        let aside = aside.open(Rc::new(|_| ())).await.unwrap();
        let last_frame = || {
            let records = world.database.records();
            let frames = records.into_iter().filter_map(|(key, record)| match key {
                RecordKey::Frame(number) => Some((number, record)),
                _ => None,
            });
            frames.max_by_key(|(number, _)| *number)
        };
        assert!(last_frame().is_none());
        let issued = connector.issued();
        connector.fault_next(Fault::LostAfter);
        let lost = depend(&engine, "lost");
        world.env.sleep_us(10).await;
        let next = put(&engine, "next", 5);
        let unhappy = async {
            // Its effect comes late: when the log is looked at, it is not there yet. Behind it comes what
            // nobody can read, for a while.
            while last_frame().is_none() {
                world.env.sleep_us(10).await;
            }
            let (number, frame) = last_frame().unwrap();
            let cut = Write::CutLog { through: number };
            aside.write(vec![cut], Durability::Relaxed).await.unwrap();
            while connector.issued() < issued + 2 {
                world.env.sleep_us(10).await;
            }
            let frames = vec![
                Write::Add(Some(number), frame),
                Write::Add(Some(number + 1), Bytes::from_static(b"unreadable")),
            ];
            aside.write(frames, Durability::Relaxed).await.unwrap();
            number + 1
        };
        let lost = async {
            lost.await.unwrap();
            let (number, _) = last_frame().unwrap();
            let repaired = patchstore::codec::frame::void(Id([0; 16]));
            world.database.spoil(RecordKey::Frame(number), repaired);
            number
        };
        let (unreadable, told, next) = join3(unhappy, lost, next).await;
        assert_eq!(told, unreadable);
        next.unwrap();
        assert!(get(&engine, "lost").await.unwrap().is_some());
    });
}

#[test]
fn a_call_that_cannot_run_again_takes_no_other_with_it() {
    let mut unavailable = 0;
    // Among what fails: the look at the log after the first commit, the load of "cold", and the look for what has
    // replaced it.
    for (seed, fails) in (1..5).flat_map(|seed| (1..8).map(move |fails| (seed, fails))) {
        World::run(seed, async |world| {
            let (engine, other) = world.with_cold().await;
            let (engine, connector) = {
                engine.close().await;
                open(&world).await
            };
            world.lose_segments().await;
            world.database.set_timing(slow());
            put(&other, "hot", 5).await.unwrap();
            let fails = connector.issued() + fails;
            connector.fault_at(fails, Fault::Abort("no reason".into()));
            let first = put(&engine, "first", 5);
            world.env.sleep_us(10).await;
            let large = engine.write(Box::new(|w| {
                (0..20).for_each(|n| w.put(format!("large {n}").into(), vec![7; 60_000].into()));
                Ok(())
            }));
            let looked = engine.write(Box::new(|w: &mut dyn Writes| look(w)));
            let (first, large, looked) = join3(first, large, looked).await;
            match looked.unwrap_err().code() {
                Code::Unavailable => {
                    unavailable += 1;
                    first.unwrap();
                    large.unwrap();
                }
                // The fault was that of another call, or of none.
                code => {
                    assert_eq!(code, Code::Corrupt);
                    assert!(first.is_ok() || large.is_ok());
                }
            }
        });
    }
    assert!(unavailable > 4, "{unavailable}");
}
