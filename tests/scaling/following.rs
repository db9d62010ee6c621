//! What a tab takes and holds that follows another.

use super::{World, all, each_costs_the_same, key, memory, put, put_all, read};
use bytes::Bytes;
use patchstore::engine::access::Session;
use patchstore::engine::{Engine, Notice};
use patchstore::env::Env;
use std::cell::Cell;
use std::rc::Rc;

/// Commits in a round, rounds, and the bytes of each commit.
const ROUND: usize = 250;
const ROUNDS: usize = 40;
const COMMIT_BYTES: usize = 10_000;
/// Keys that are written again and again.
const KEYS: usize = 100;

#[test]
fn following_calls() {
    each_costs_the_same(40, 1.1, |count| {
        World::run(async |world| {
            let (writer, follower) = (world.open().await, world.open().await);
            // What has been written it may take in at any time: as soon as it hears of it.
            let before = memory::taken();
            for n in 0..count {
                put(&writer, n).await.unwrap();
            }
            follower.refresh().await.unwrap();
            let found = read(&follower, Box::new(move |r| r.get(&key(count - 1)))).await;
            assert!(found.is_some());
            memory::taken() - before
        })
    });
}

#[test]
fn dependent_calls_beside_another_tab() {
    each_costs_the_same(40, 1.5, |count| {
        World::run(async |world| {
            let (writer, other) = (world.open().await, world.open().await);
            put_all(&other, 0..count).await;
            let before = memory::taken();
            for n in 0..count {
                put(&other, n).await.unwrap();
                let work = writer.write(Box::new(move |w| {
                    w.get(&key(count + n))?;
                    w.put(key(count + n), Bytes::from_static(b"seen"));
                    Ok(())
                }));
                work.await.unwrap();
            }
            memory::taken() - before
        })
    });
}

async fn overwrite(writer: &Engine, n: usize) {
    let written = writer.write(Box::new(move |w| {
        w.put(key(n % KEYS), vec![n as u8; COMMIT_BYTES].into());
        Ok(())
    }));
    written.await.unwrap();
}

#[test]
fn a_tab_that_follows_holds_no_more_after_ten_thousand_commits() {
    World::run(async |world| {
        let (writer, follower) = (world.open().await, world.open().await);
        let heard = Rc::new(Cell::new(0));
        let count = heard.clone();
        let listener = Rc::new(move |notice: &Notice| {
            count.set(count.get() + usize::from(!matches!(notice, Notice::Closed(_))));
        });
        let _watching = follower.subscribe(listener);
        let mut held = Vec::new();
        let mut seen = 0;
        for _ in 0..ROUNDS {
            for n in 0..ROUND {
                overwrite(&writer, n).await;
                let found = read(&follower, Box::new(move |r| r.get(&key(n % KEYS)))).await;
                seen += usize::from(found.is_some());
            }
            // Nobody writes for a while.
            world.env.sleep(3_000).await;
            // (The caches have budgets of their own.)
            let cached = writer.cached_bytes() + follower.cached_bytes();
            held.push(memory::held() - cached);
        }
        assert!(seen > ROUND * ROUNDS / 2 && heard.get() > 100);
        assert_eq!(
            follower.stats(vec![all()]).await.unwrap().records,
            KEYS as u64
        );
        let (first, last) = held.split_at(ROUNDS / 2);
        let (first, last) = (*first.iter().max().unwrap(), *last.iter().max().unwrap());
        assert!(last < first + (1 << 20), "{first} bytes became {last}");
        assert!(last < 8 << 20, "{last} bytes");
    });
}

#[test]
fn a_tab_that_only_follows_holds_little_of_what_is_written() {
    World::run(async |world| {
        let (writer, follower) = (world.open().await, world.open().await);
        overwrite(&writer, 0).await;
        follower.refresh().await.unwrap();
        let mut most = 0;
        let before = memory::held();
        for n in 0..3_000 {
            overwrite(&writer, n % KEYS).await;
            follower.refresh().await.unwrap();
            most = most.max(memory::held() - before);
        }
        // The log and what it becomes, stored and in the memory of two tabs.
        assert!(most < 24 << 20, "{most} bytes");
    });
}
