//! Issuing and committing calls.

use super::{World, all, each_costs_the_same, key, memory, put, put_all, read};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{join, join_all};
use patchstore::Code;
use patchstore::backend::simulated::{SimConnector, SimDatabase};
use patchstore::engine::access::{Answer, Cursor, Reads, Session};
use patchstore::engine::{Engine, Options};
use patchstore::simulation::SimEnv;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;

#[test]
fn issuing_calls_at_once() {
    each_costs_the_same(400, 1.5, |count| {
        World::run(async |world| {
            let engine = world.open().await;
            let before = memory::taken();
            let issued: Vec<_> = (0..count).map(|n| put(&engine, n)).collect();
            let cost = memory::taken() - before;
            join_all(issued).await;
            cost
        })
    });
}

#[test]
fn committing_calls_issued_at_once() {
    each_costs_the_same(400, 1.5, |count| {
        World::run(async |world| {
            let engine = world.open().await;
            let before = memory::taken();
            put_all(&engine, 0..count).await;
            memory::taken() - before
        })
    });
}

#[test]
fn issuing_calls_between_reads_that_are_under_way() {
    each_costs_the_same(400, 1.5, |count| {
        World::run(async |world| {
            // What is not in memory of this tab.
            let other = world.open().await;
            put_all(&other, 0..count).await;
            other.compact().await.unwrap();
            let engine = world.open().await;
            let before = memory::taken();
            let mut reads = Vec::new();
            let mut writes = Vec::new();
            for n in 0..count {
                match engine.read(Box::new(move |r| r.get(&key(n)))) {
                    Answer::Ready(_) => {}
                    Answer::Later(read) => reads.push(read),
                }
                writes.push(put(&engine, n));
            }
            let cost = memory::taken() - before;
            assert!(reads.len() > count / 2);
            join_all(reads).await;
            join_all(writes).await;
            cost
        })
    });
}

#[test]
fn committing_calls_while_others_hold_what_was_there_before() {
    each_costs_the_same(40, 1.3, |count| {
        World::run(async |world| {
            let engine = world.open().await;
            put_all(&engine, 0..count).await;
            let mut cost = 0;
            for n in 0..count {
                // Whoever reads holds what was there then.
                let cursor = Rc::new(RefCell::new(Cursor::new(all(), false)));
                let held = cursor.clone();
                let work = move |r: &mut dyn Reads| r.next_key(&mut held.borrow_mut());
                read(&engine, Box::new(work)).await;
                let before = memory::taken();
                put(&engine, n).await.unwrap();
                cost += memory::taken() - before;
                drop(cursor);
            }
            cost
        })
    });
}

/// An engine over a database whose transactions take time.
fn in_time<T>(body: impl AsyncFnOnce(Engine, SimDatabase) -> T) -> T {
    let env = SimEnv::new(1);
    env.clone().block_on(async move {
        let database = SimDatabase::new(&env);
        let tab = env.new_realm();
        let connector = Rc::new(SimConnector::new(&tab, &database));
        let engine = Engine::open(connector, Rc::new(tab), Options::default());
        body(engine.await.unwrap(), database).await
    })
}

#[test]
fn calls_that_all_fail_at_once() {
    each_costs_the_same(100, 2.0, |count| {
        in_time(async |engine, database| {
            database.set_quota(Some(0));
            let before = memory::taken();
            for failed in join_all((0..count).map(|n| put(&engine, n))).await {
                assert_eq!(failed.unwrap_err().code(), Code::StorageQuotaExceeded);
            }
            memory::taken() - before
        })
    });
}

/// How often those who wait for all calls issued are woken, while `count` calls of which a few make a frame
/// are committed.
fn wakes_of_waiting(count: usize) -> usize {
    in_time(async |engine, _| {
        let issue = |n| {
            let value = Bytes::from(vec![7; 50_000]);
            engine.write(Box::new(move |w| {
                w.put(key(n), value.clone());
                Ok(())
            }))
        };
        let issued: Vec<_> = (0..count).map(issue).collect();
        let wakes = Cell::new(0);
        let wait = |_| {
            let (mut begun, wakes) = (engine.begin(), &wakes);
            poll_fn(move |context| {
                wakes.set(wakes.get() + 1);
                begun.poll_unpin(context)
            })
        };
        let waits = join_all((0..count).map(wait));
        join(join_all(issued), waits).await;
        wakes.get()
    })
}

#[test]
fn waiting_for_calls_issued_before() {
    each_costs_the_same(50, 1.5, wakes_of_waiting);
}
