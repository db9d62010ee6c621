//! What is stored: scanning, opening and maintaining.

use super::{World, all, each_costs_the_same, key, memory, put_all, read};
use futures_util::FutureExt;
use patchstore::engine::access::{Cursor, Reads, Session};

/// The cost of `work` on `count` stored records, of which none is in memory.
fn cost_with_stored(count: usize, work: impl AsyncFnOnce(World)) -> usize {
    World::run(async |world| {
        let engine = world.open().await;
        put_all(&engine, 0..count).await;
        engine.compact().await.unwrap();
        engine.close().await;
        let before = memory::taken();
        work(world).await;
        memory::taken() - before
    })
}

async fn open_and_get(world: World) {
    let engine = world.open().await;
    let found = read(&engine, Box::new(|r| r.get(&key(7)))).await;
    assert!(found.is_some());
}

#[test]
fn opening_and_looking_something_up() {
    let (of_few, of_many) = (
        cost_with_stored(10_000, open_and_get),
        cost_with_stored(100_000, open_and_get),
    );
    assert!(
        of_many < of_few + of_few / 2,
        "{of_few} bytes among few, {of_many} among many"
    );
}

#[test]
fn scanning() {
    each_costs_the_same(5_000, 1.1, |count| {
        cost_with_stored(count, async |world| {
            let engine = world.open().await;
            let mut cursor = Cursor::new(all(), false);
            let work = move |r: &mut dyn Reads| {
                let mut seen = 0;
                r.scan(&mut cursor, true, &mut |_, _| {
                    seen += 1;
                    Ok(true)
                })?;
                Ok(seen)
            };
            assert!(read(&engine, Box::new(work)).await > 0);
        })
    });
}

#[test]
fn maintaining() {
    each_costs_the_same(5_000, 1.05, |count| {
        World::run(async |world| {
            let engine = world.open().await;
            put_all(&engine, 0..count).await;
            let before = memory::taken();
            engine.compact().await.unwrap();
            memory::taken() - before
        })
    });
}

#[test]
fn transactions_beside_calls_that_wait() {
    let cost = |waiting: usize| {
        World::run(async |world| {
            let engine = world.open().await;
            let transaction = engine.begin().await.unwrap();
            let work = |w: &mut dyn patchstore::engine::access::Writes| {
                w.get(&key(1_000_000))?;
                w.put(key(1_000_000), vec![1].into());
                Ok(())
            };
            transaction.write(Box::new(work)).await.unwrap();
            let calls: Vec<_> = (0..waiting).map(|n| super::put(&engine, n)).collect();
            let before = memory::taken();
            // Up to where it waits in line itself.
            let mut commit = std::pin::pin!(transaction.commit());
            assert!(commit.as_mut().now_or_never().is_none());
            let cost = memory::taken() - before;
            for call in calls {
                call.await.unwrap();
            }
            assert!(commit.await.unwrap());
            cost
        })
    };
    let (of_few, of_many) = (cost(100), cost(10_000));
    assert!(
        of_many < of_few + 8_000,
        "{of_few} bytes beside few calls, {of_many} beside many"
    );
}
