//! What a call costs does not grow with what lies around it: the work of n calls and of ten times as many,
//! counted in bytes of memory taken, since whatever is copied or made takes memory.
#![cfg(not(target_arch = "wasm32"))]
#![expect(
    clippy::unwrap_used,
    unsafe_code,
    reason = "a test that meets the unexpected must fail; a counting allocator is unsafe by its trait"
)]

use bytes::Bytes;
use futures_util::future::{LocalBoxFuture, join_all};
use patchstore::Result;
use patchstore::backend::memory::MemoryConnector;
use patchstore::engine::access::{Answer, KeyRange, ReadWork, Session};
use patchstore::engine::{Engine, Options};
use patchstore::simulation::SimEnv;
use std::rc::Rc;

mod calls;
mod clearing;
mod contents;
mod following;
mod indexed;
mod lacking;
mod live;
mod logged;
mod memory;
mod paging;
mod reading;
mod stored;
mod tasks;

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

/// What a tab may cache.
const CACHE_BYTES: usize = 2 << 20;

/// A database and the tabs over it.
struct World {
    env: SimEnv,
    /// (The simulated one copies itself at each commit.)
    database: MemoryConnector,
}

impl World {
    fn run<T>(body: impl AsyncFnOnce(Self) -> T) -> T {
        let env = SimEnv::new(1);
        let database = MemoryConnector::new();
        env.clone().block_on(body(Self { env, database }))
    }

    /// A new tab.
    async fn open(&self) -> Engine {
        let connector = Rc::new(self.database.clone());
        let options = Options {
            cache_bytes: CACHE_BYTES,
            ..Options::default()
        };
        Engine::open(connector, Rc::new(self.env.new_realm()), options)
            .await
            .unwrap()
    }
}

/// Bytes of the values stored.
const VALUE_BYTES: usize = 40;

fn key(n: usize) -> Bytes {
    format!("key-{n:08}").into()
}

fn put(to: &impl Session, n: usize) -> LocalBoxFuture<'static, Result<()>> {
    to.write(Box::new(move |w| {
        w.put(key(n), vec![7; VALUE_BYTES].into());
        Ok(())
    }))
}

fn all() -> KeyRange {
    KeyRange {
        from: Bytes::new(),
        until: Bytes::from_static(&[0xff]),
    }
}

async fn read<T: 'static>(from: &impl Session, work: ReadWork<T>) -> T {
    match from.read(work) {
        Answer::Ready(found) => found.unwrap(),
        Answer::Later(found) => found.await.unwrap(),
    }
}

async fn put_all(to: &impl Session, numbers: std::ops::Range<usize>) {
    for done in join_all(numbers.map(|n| put(to, n))).await {
        done.unwrap();
    }
}

/// That `cost` of ten times as many is at most `factor` times that of each of the `few`.
fn each_costs_the_same(few: usize, factor: f64, cost: impl Fn(usize) -> usize) {
    let many = 10 * few;
    let each = |count: usize| cost(count) as f64 / count as f64;
    let (of_few, of_many) = (each(few), each(many));
    assert!(
        of_many <= factor * of_few,
        "{of_few:.1} for each of {few}, {of_many:.1} for each of {many}"
    );
}
