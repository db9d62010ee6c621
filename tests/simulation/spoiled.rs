//! Stored bytes that change behind the engine's back: an error that says so, never wrong data, and
//! never overwritten.

use bytes::Bytes;
use patchstore::Code;
use patchstore::backend::RecordKey;
use patchstore::backend::simulated::{SimConnector, SimDatabase};
use patchstore::engine::Engine;
use patchstore::engine::access::Session;
use patchstore::simulation::SimEnv;
use std::rc::Rc;

use super::directory::RESERVE;
use super::keys;
use super::plan::Plan;
use super::tab::{options, scan};
use super::world;

/// Spoils one record after the other of the database that a plan leaves behind. How many were
/// noticed, and how many did not matter.
pub fn check(plan: &Plan, times: u64) -> (u64, u64) {
    let env = SimEnv::new(plan.seed);
    let database = world::at_rest(plan, &env);
    let env = env.clone();
    env.clone().block_on(async move {
        let expected = read(plan, &env, &database).await.unwrap();
        let (mut noticed, mut harmless) = (0, 0);
        for _ in 0..times {
            let spoiled = database.fork();
            let is_swap = env.chance(20);
            let (key, bytes) = if is_swap {
                let Some(swapped) = swap(&env, &spoiled) else {
                    continue;
                };
                swapped
            } else {
                spoil(&env, &spoiled)
            };
            match read(plan, &env, &spoiled).await {
                Ok(found) => {
                    assert_eq!(found, expected, "{key:?} is spoiled, and nobody says so");
                    harmless += 1;
                }
                Err(code) => {
                    // (A spoiled key id says that the record is encrypted.)
                    let named = matches!(
                        code,
                        Code::Corrupt | Code::UnsupportedFormat | Code::Encrypted
                    );
                    assert!(named, "{key:?} is spoiled: {code:?}");
                    noticed += 1;
                    write_and_tidy(plan, &env, &spoiled).await;
                    let now = spoiled.records().into_iter().find(|(k, _)| *k == key);
                    // (One of two that were exchanged may be garbage, to be deleted.)
                    let as_it_was = now.map_or(is_swap, |(_, now)| now == bytes);
                    assert!(as_it_was, "{key:?} could not be read and is overwritten");
                }
            }
        }
        (noticed, harmless)
    })
}

async fn open(plan: &Plan, env: &SimEnv, database: &SimDatabase) -> Result<Engine, Code> {
    let realm = env.new_realm();
    let connector = SimConnector::new(&realm, database);
    let opened = keys::open(plan, Rc::new(connector), realm, options(plan)).await;
    opened.map_err(|error| error.code())
}

/// Everything that can be read.
async fn read(
    plan: &Plan,
    env: &SimEnv,
    database: &SimDatabase,
) -> Result<Vec<(Bytes, Bytes)>, Code> {
    let engine = open(plan, env, database).await?;
    let found = scan(&engine, "").await;
    engine.close().await;
    found.map_err(|error| error.code())
}

/// What an unsuspecting user does next.
async fn write_and_tidy(plan: &Plan, env: &SimEnv, database: &SimDatabase) {
    let Ok(engine) = open(plan, env, database).await else {
        return;
    };
    let written = engine.write(Box::new(|w| {
        w.put(Bytes::from_static(b"q/new"), Bytes::from_static(b"new"));
        Ok(())
    }));
    drop(written.await);
    drop(engine.compact().await);
    engine.close().await;
}

/// Exchanges two records of a kind, each whole and well. One of them, if there are two.
fn swap(env: &SimEnv, database: &SimDatabase) -> Option<(RecordKey, Bytes)> {
    let kind_of = |(key, record): &(RecordKey, Bytes)| match key {
        RecordKey::Piece(_) | RecordKey::Run(_) if *key != RESERVE => Some(record[2]),
        _ => None,
    };
    let mut records = database.records();
    records.retain(|record| kind_of(record).is_some());
    let (one, first) = records
        .get(env.random_below(records.len().max(1) as u64) as usize)?
        .clone();
    records.retain(|record| kind_of(record) == Some(first[2]) && record.0 != one);
    let (other, second) = records
        .get(env.random_below(records.len().max(1) as u64) as usize)?
        .clone();
    database.spoil(other, first);
    database.spoil(one, second.clone());
    Some((one, second))
}

/// Flips a bit of some record, or cuts it short.
fn spoil(env: &SimEnv, database: &SimDatabase) -> (RecordKey, Bytes) {
    let records = database.records();
    let (key, bytes) = records[env.random_below(records.len() as u64) as usize].clone();
    let mut spoiled = bytes.to_vec();
    let at = env.random_below(bytes.len() as u64) as usize;
    if env.chance(20) {
        spoiled.truncate(at);
    } else {
        spoiled[at] ^= 1 << env.random_below(8);
    }
    let spoiled = Bytes::from(spoiled);
    database.spoil(key, spoiled.clone());
    (key, spoiled)
}
