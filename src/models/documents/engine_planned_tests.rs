//! The same of the engine: just written, after a flush, after a merge, and by an engine that has just opened the patch.
//!
//! `SEEDS=from..until` chooses other engines, each of which has [`SETS`] collections.

use std::ops::Range;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::listed_testing::{Asked, Found};
use super::plan::explain;
use super::set_testing::{QUESTIONS, read, sets};
use super::*;
use crate::backend::RecordKey;
use crate::backend::simulated::{SimConnector, SimDatabase};
use crate::engine::access::{Reads, Session, afresh};
use crate::engine::{Engine, Limits, Options};
use crate::models::scope::Scope;
use crate::simulation::SimEnv;

/// Collections in one engine's patch.
const SETS: usize = 250;
const ENGINES: Range<u64> = 0..40;

fn collection_of(number: usize) -> Collection {
    Collection::new(
        &Scope::Node("n".into()),
        format!("c{number}").as_str().into(),
    )
    .unwrap()
}

/// Of an engine. Every other one has levels before anybody asks for them, and little memory.
fn options(seed: u64) -> Options {
    if seed.is_multiple_of(2) {
        let limits = Limits {
            log_frames: usize::MAX,
            log_bytes: usize::MAX,
            ..Limits::default()
        };
        return Options {
            limits,
            ..Options::default()
        };
    }
    Options {
        cache_bytes: 200_000,
        limits: Limits {
            log_frames: 100,
            log_bytes: 200_000,
            level0_bytes: 100_000,
            level1_bytes: 300_000,
            ..Limits::default()
        },
        ..Options::default()
    }
}

async fn open(env: &SimEnv, database: &SimDatabase, options: Options) -> Engine {
    let realm = env.new_realm();
    let connector = Rc::new(SimConnector::new(&realm, database));
    let opened = Engine::open(connector, Rc::new(realm), options);
    opened.await.unwrap()
}

fn frames_in(database: &SimDatabase) -> usize {
    let records = database.records();
    let frames = records
        .iter()
        .filter(|(key, _)| matches!(key, RecordKey::Frame(_)));
    frames.count()
}

/// Another tab flushes, and merges nothing.
async fn flush(env: &SimEnv, database: &SimDatabase) {
    let limits = Limits {
        log_frames: 1,
        level0_bytes: u64::MAX,
        level1_bytes: u64::MAX,
        ..Limits::default()
    };
    let options = Options {
        limits,
        ..Options::default()
    };
    let tab = open(env, database, options).await;
    let put = |w: &mut dyn Writes| {
        w.put(Bytes::from_static(b"z/"), Bytes::new());
        Ok(())
    };
    tab.write(Box::new(put)).await.unwrap();
    env.sleep_us(5_000_000).await;
    tab.close().await;
    assert_eq!(frames_in(database), 0, "it has not been flushed");
}

/// What the engine finds, and how.
async fn ask(engine: &Engine, of: &Collection, asked: &Asked) -> (Found, String) {
    let (query, spec) = (asked.query.clone(), asked.spec.clone());
    let explained = {
        let (of, query, spec) = (of.clone(), query.clone(), spec.clone());
        read(engine, move |r| Ok(explain(&of, &query, &spec, r)?)).await
    };
    let of = of.clone();
    let begin = move || Ok((Find::new(&of, query.clone(), spec.clone()), Vec::new()));
    let work = afresh(begin, |(find, docs), r: &mut dyn Reads| {
        find.step(r, &mut |doc| {
            docs.push(Bytes::copy_from_slice(doc));
            Ok(())
        })?;
        let (docs, places) = (std::mem::take(docs), find.places().unwrap().to_vec());
        Ok(Found {
            docs,
            places,
            mark: find.mark(),
        })
    });
    (read(engine, work).await, explained.to_string())
}

/// One patch through all stages: how many answers came of an index.
async fn run(env: SimEnv, seed: u64) -> usize {
    let database = SimDatabase::new(&env);
    let mut engine = open(&env, &database, options(seed)).await;
    let mut all = Vec::new();
    for (number, set) in sets(seed, SETS).into_iter().enumerate() {
        let of = collection_of(number);
        set.write(&engine, &of).await;
        let listed = set.listed(&engine, &of).await;
        let asked: Vec<_> = set
            .questions
            .iter()
            .map(|question| listed.ask(question))
            .collect();
        all.push((of, set, listed, asked));
    }
    assert!(
        !seed.is_multiple_of(2) || frames_in(&database) > SETS,
        "it has been flushed already"
    );
    let mut by_index = 0;
    for stage in ["just written", "flushed", "merged", "opened again"] {
        match stage {
            "flushed" => {
                flush(&env, &database).await;
                engine.refresh().await.unwrap();
            }
            "merged" => engine.compact().await.unwrap(),
            "opened again" => {
                engine.close().await;
                engine = open(&env, &database, options(seed)).await;
            }
            _ => {}
        }
        for (number, (of, set, listed, asked)) in all.iter().enumerate() {
            for asked in asked {
                let (found, plan) = ask(&engine, of, asked).await;
                if let Err(wrong) = listed.check(asked, &found) {
                    panic!("seed {seed}, set {number}, {stage}: {wrong}, by {plan}: {set:#?}");
                }
                by_index += usize::from(plan.contains("\"index\""));
            }
        }
    }
    engine.close().await;
    by_index
}

#[test]
#[cfg_attr(miri, ignore)]
fn the_engine_finds_what_a_plain_list_gives_at_every_stage() {
    let seeds = match std::env::var("SEEDS") {
        Err(_) => ENGINES,
        Ok(given) => {
            let (from, until) = given.split_once("..").unwrap();
            from.parse().unwrap()..until.parse().unwrap()
        }
    };
    let (next, by_index) = (AtomicU64::new(seeds.start), AtomicUsize::new(0));
    let engine = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let env = SimEnv::new(seed);
            let found = env.clone().block_on(run(env, seed));
            by_index.fetch_add(found, Ordering::Relaxed);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(engine))));
    let sets = (seeds.end - seeds.start) as usize * SETS;
    let by_index = by_index.into_inner();
    let answers = 4 * QUESTIONS * sets;
    println!("{sets} sets, {answers} answers, {by_index} of them by an index");
    assert!(by_index > answers / 8, "indexes are hardly of use");
}
