//! The engine over a backend that aborts, loses connections, runs out of room and kills tabs:
//! what was acknowledged is there, nothing is there twice, and the tabs agree.
#![cfg(not(target_arch = "wasm32"))]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that meets the unexpected must fail"
)]

use bytes::Bytes;
use futures_util::future::join_all;
use patchstore::backend::simulated::{Fault, SimConnector, SimDatabase};
use patchstore::engine::access::{Answer, Cursor, KeyRange, Session};
use patchstore::engine::{Engine, Options};
use patchstore::env::Env;
use patchstore::simulation::SimEnv;
use patchstore::{Code, Result};
use std::cell::Cell;
use std::rc::Rc;

fn counter() -> Bytes {
    Bytes::from_static(b"counter")
}

fn number_of(value: Option<Bytes>) -> u64 {
    value.map_or(0, |v| u64::from_le_bytes(v[..].try_into().unwrap()))
}

async fn increment(engine: &Engine, log: Bytes) -> Result<u64> {
    let work = Box::new(move |w: &mut dyn patchstore::engine::access::Writes| {
        let next = number_of(w.get(&counter())?) + 1;
        w.put(counter(), Bytes::copy_from_slice(&next.to_le_bytes()));
        w.put(log.clone(), Bytes::from_static(b"x"));
        Ok(next)
    });
    engine.write(work).await
}

async fn scan(engine: &Engine, prefix: &'static str) -> Result<Vec<(Bytes, Bytes)>> {
    let until = format!("{prefix}\u{7f}");
    let mut cursor = Cursor::new(
        KeyRange {
            from: prefix.into(),
            until: until.into(),
        },
        false,
    );
    let mut out = Vec::new();
    let outcome = engine.read(Box::new(move |r| {
        while let Some(pair) = r.next(&mut cursor)? {
            out.push(pair);
        }
        Ok(std::mem::take(&mut out))
    }));
    match outcome {
        Answer::Ready(result) => result,
        Answer::Later(future) => future.await,
    }
}

async fn read_counter(engine: &Engine) -> Result<u64> {
    match engine.read(Box::new(|r| r.get(b"counter"))) {
        Answer::Ready(result) => result.map(number_of),
        Answer::Later(future) => future.await.map(number_of),
    }
}

async fn open(connector: &SimConnector, tab: &SimEnv) -> Result<Engine> {
    let options = Options {
        cache_bytes: 1 << 20,
        ..Options::default()
    };
    Engine::open(Rc::new(connector.clone()), Rc::new(tab.clone()), options).await
}

#[derive(Default)]
struct Tally {
    acknowledged: Cell<u64>,
    unknown: Cell<u64>,
}

/// One tab's life: increments, large batches and compactions under random faults; it reopens
/// when it has lost its connection for good.
async fn live(env: SimEnv, database: SimDatabase, tally: Rc<Tally>, name: usize, faults: bool) {
    let tab = env.new_realm();
    let connector = SimConnector::new(&tab, &database);
    let mut engine = open(&connector, &tab).await.unwrap();
    for n in 0..40u64 {
        if faults && env.chance(25) {
            let fault = match env.random_below(6) {
                0 => Fault::Abort("no reason".into()),
                5 => Fault::Misreported("no reason".into()),
                1 => Fault::Quota,
                2 => Fault::LostBefore,
                _ => Fault::LostAfter,
            };
            connector.fault_at(connector.issued() + 1 + env.random_below(4), fault);
        }
        let log = |i: u64| Bytes::from(format!("log-{name}-{n}-{i}"));
        let outcomes = match env.random_below(12) {
            0 => {
                if let Err(error) = engine.compact().await {
                    assert_ne!(error.code(), Code::Corrupt, "{error}");
                }
                Vec::new()
            }
            1 => {
                let value = Bytes::from(vec![n as u8; 2000]);
                let many = (0..700u32).map(move |i| (format!("bulk-{i:05}"), value.clone()));
                let many: Vec<_> = many.collect();
                let done = engine.write(Box::new(move |w| {
                    many.iter()
                        .for_each(|(k, v)| w.put(k.clone().into(), v.clone()));
                    Ok(())
                }));
                drop(done.await);
                Vec::new()
            }
            _ => join_all((0..1 + env.random_below(3)).map(|i| increment(&engine, log(i)))).await,
        };
        for outcome in outcomes {
            match outcome {
                Ok(_) => tally.acknowledged.set(tally.acknowledged.get() + 1),
                Err(error) => match error.code() {
                    Code::Unavailable | Code::StorageQuotaExceeded => {}
                    Code::ConnectionLost | Code::Closed => {
                        tally.unknown.set(tally.unknown.get() + 1);
                    }
                    other => panic!("{other:?}: {error}"),
                },
            }
        }
        if engine.closed().is_some() {
            engine = open(&connector, &tab).await.unwrap();
        }
        if env.chance(20) {
            env.sleep(env.random_below(900) as u32).await;
        }
    }
    engine.close().await;
}

fn run(seed: u64, faults: bool) {
    let env = SimEnv::new(seed);
    env.clone().block_on(async move {
        let database = SimDatabase::new(&env);
        let tally = Rc::new(Tally::default());
        let tabs =
            (0..3).map(|name| live(env.clone(), database.clone(), tally.clone(), name, faults));
        join_all(tabs).await;
        let tab = env.new_realm();
        let engine = open(&SimConnector::new(&tab, &database), &tab)
            .await
            .unwrap();
        let counter = read_counter(&engine).await.unwrap();
        let logged = scan(&engine, "log-").await.unwrap().len() as u64;
        let (sure, unknown) = (tally.acknowledged.get(), tally.unknown.get());
        assert_eq!(
            counter, logged,
            "seed {seed}: a batch was seen in part, or twice"
        );
        assert!(
            sure <= counter && counter <= sure + unknown,
            "seed {seed}: {sure}+{unknown} {counter}"
        );
        let bulk = scan(&engine, "bulk-").await.unwrap();
        assert!(bulk.is_empty() || bulk.len() == 700, "seed {seed}");
        assert!(
            bulk.iter().all(|(_, v)| *v == bulk[0].1),
            "seed {seed}: a torn batch"
        );
        engine.compact().await.unwrap();
        assert_eq!(scan(&engine, "bulk-").await.unwrap(), bulk, "seed {seed}");
        assert_eq!(read_counter(&engine).await.unwrap(), counter, "seed {seed}");
    });
}

#[test]
fn without_faults_every_increment_counts() {
    seeds(6).for_each(|seed| run(seed, false));
}

#[test]
fn with_faults_nothing_is_lost_or_doubled() {
    seeds(60).for_each(|seed| run(seed, true));
}

/// The seeds to run: those of `FAULT_SEEDS` in the environment ("n" or "from..until"), or `usual`.
fn seeds(usual: u64) -> std::ops::Range<u64> {
    let text = std::env::var("FAULT_SEEDS").unwrap_or_default();
    let (from, until) = text.split_once("..").unwrap_or(("0", &text));
    from.parse().unwrap_or(0)..until.parse().unwrap_or(usual)
}
