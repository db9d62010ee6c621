//! Issuing and committing calls.

use super::{World, all, each_costs_the_same, key, memory, put, put_all, read};
use futures_util::future::join_all;
use patchstore::engine::access::{Cursor, Outcome, Reads, Session};
use std::cell::RefCell;
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
                    Outcome::Ready(_) => {}
                    Outcome::Later(read) => reads.push(read),
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
