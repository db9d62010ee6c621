//! Issuing and committing calls.

use super::{World, each_costs_the_same, memory, put, put_all};
use futures_util::future::join_all;

#[test]
fn issuing_calls_at_once() {
    each_costs_the_same(1.5, |count| {
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
    each_costs_the_same(1.5, |count| {
        World::run(async |world| {
            let engine = world.open().await;
            let before = memory::taken();
            put_all(&engine, 0..count).await;
            memory::taken() - before
        })
    });
}
