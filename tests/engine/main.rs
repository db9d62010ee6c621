//! The engine, natively, in worlds of a few tabs: how commits, transactions and upkeep go.
//!
//! `SHIFT=n` adds n to the seeds of all worlds.
#![cfg(not(target_arch = "wasm32"))]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected must fail"
)]

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use patchstore::Result;
use patchstore::backend::simulated::{SimConnector, SimDatabase};
use patchstore::engine::access::{Answer, Session};
use patchstore::engine::{Engine, Options};
use patchstore::simulation::SimEnv;
use std::ops::Range;
use std::rc::Rc;

mod blobs;
mod bounds;
mod budget;
mod building;
mod catalog;
mod commits;
mod constraints;
mod contents;
mod following;
mod memory;
mod misreported;
mod pages;
mod paging;
mod pending;
mod reading;
mod recovery;
mod room;
mod space;
mod steps;
mod stopped_builds;
mod storage;
mod transactions;
mod turns;
mod unique;
mod upkeep;
mod version;
mod watches;

/// Bytes of a value that is kept out of line.
const LARGE_BYTES: usize = 100_000;

/// A database and the tabs over it.
struct World {
    env: SimEnv,
    database: SimDatabase,
}

impl World {
    fn run(seed: u64, body: impl AsyncFnOnce(Self)) {
        let shift = std::env::var("SHIFT").map_or(0, |shift| shift.parse().unwrap());
        let env = SimEnv::new(seed + shift);
        let database = SimDatabase::new(&env);
        env.clone().block_on(body(Self { env, database }));
    }

    /// In several worlds, one after the other: what holds must not hang on when things happen.
    fn run_each(seeds: Range<u64>, body: impl AsyncFn(Self)) {
        seeds.for_each(|seed| Self::run(seed, &body));
    }

    /// A new tab.
    async fn open(&self, options: Options) -> Engine {
        self.open_tab(options).await.1
    }

    /// A new tab, and its realm.
    async fn open_tab(&self, options: Options) -> (SimEnv, Engine) {
        let realm = self.env.new_realm();
        let connector = Rc::new(SimConnector::new(&realm, &self.database));
        let engine = Engine::open(connector, Rc::new(realm.clone()), options);
        (realm, engine.await.unwrap())
    }
}

/// Stores a value of `bytes` bytes.
fn put(to: &impl Session, key: &str, bytes: usize) -> LocalBoxFuture<'static, Result<()>> {
    let key = Bytes::copy_from_slice(key.as_bytes());
    to.write(Box::new(move |w| {
        w.put(key.clone(), vec![7; bytes].into());
        Ok(())
    }))
}

async fn get(from: &impl Session, key: &'static str) -> Result<Option<Bytes>> {
    match from.read(Box::new(move |r| r.get(key.as_bytes()))) {
        Answer::Ready(found) => found,
        Answer::Later(found) => found.await,
    }
}
