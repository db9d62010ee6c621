//! What the engine costs by itself, over the memory backend: commits, the memtable, warm reads, merging.
//!
//! `cargo bench --bench engine` compares with the run before and says what got slower.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that meets the unexpected must fail"
)]

use bytes::Bytes;
use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use patchstore::backend::memory::MemoryConnector;
use patchstore::engine::access::{Answer, Cursor, KeyRange, Session};
use patchstore::engine::{Engine, Options};
use patchstore::simulation::SimEnv;
use std::rc::Rc;
use std::time::Duration;

const RECORDS: u64 = 10_000;

/// Calls per measurement: what the simulated world costs by itself is shared by them.
const CALLS: u64 = 100;

fn key(n: u64) -> Bytes {
    format!("key-{n:08}").into()
}

fn value(n: u64) -> Bytes {
    format!("value {n} {}", "patch node store frame page ".repeat(9)).into()
}

async fn ready<T: 'static>(outcome: Answer<T>) -> T {
    match outcome {
        Answer::Ready(result) => result.unwrap(),
        Answer::Later(future) => future.await.unwrap(),
    }
}

/// One commit that stores `count` records, scattered over all keys: runs overlap, and merging has work to do.
async fn store(engine: &Engine, from: u64, count: u64) {
    let work = engine.write(Box::new(move |w| {
        for n in from..from + count {
            w.put(key(n * 7919 % RECORDS), value(n));
        }
        Ok(())
    }));
    work.await.unwrap();
}

async fn read(engine: &Engine, n: u64) -> Option<Bytes> {
    let key = key(n);
    ready(engine.read(Box::new(move |r| r.get(&key)))).await
}

/// How many records there are, by a scan of all.
async fn scan(engine: &Engine) -> usize {
    let range = KeyRange {
        from: Bytes::new(),
        until: Bytes::from_static(&[0xff]),
    };
    let mut cursor = Cursor::new(range, false);
    let mut count = 0;
    let work = engine.read(Box::new(move |r| {
        while r.next(&mut cursor)?.is_some() {
            count += 1;
            r.breathe()?;
        }
        Ok(count)
    }));
    ready(work).await
}

fn open(env: &SimEnv) -> Engine {
    let connector = Rc::new(MemoryConnector::new());
    let opened = Engine::open(connector, Rc::new(env.clone()), Options::default());
    env.block_on(opened).unwrap()
}

/// Runs `work`, then lets the world rest for a moment: it takes one that never does for stuck.
fn run<T>(env: &SimEnv, work: impl Future<Output = T>) -> T {
    env.block_on(async {
        let result = work.await;
        env.sleep_us(10_000).await;
        result
    })
}

/// An engine that holds `RECORDS`, in frames of 100.
fn filled(env: &SimEnv) -> Engine {
    let engine = open(env);
    env.block_on(async {
        for from in (0..RECORDS).step_by(100) {
            store(&engine, from, 100).await;
            env.sleep_us(10_000).await;
        }
    });
    engine
}

fn writes(group: &mut BenchmarkGroup<'_, WallTime>) {
    let env = SimEnv::new(1);
    let engine = open(&env);
    group.throughput(Throughput::Elements(1));
    let mut n = 0;
    group.bench_function("commit one record", |b| {
        b.iter(|| {
            n += 1;
            run(&env, store(&engine, n % RECORDS, 1));
        });
    });
    group.throughput(Throughput::Elements(CALLS));
    group.bench_function("commit 100 records (memtable)", |b| {
        b.iter(|| {
            n += CALLS;
            run(&env, store(&engine, n % RECORDS, CALLS));
        });
    });
}

fn reads(group: &mut BenchmarkGroup<'_, WallTime>) {
    let env = SimEnv::new(2);
    let engine = filled(&env);
    for state in ["in the memtable", "in pages"] {
        if state == "in pages" {
            run(&env, engine.compact()).unwrap();
        }
        assert_eq!(run(&env, scan(&engine)), usize::try_from(RECORDS).unwrap());
        let mut n = 0;
        group.throughput(Throughput::Elements(CALLS));
        group.bench_function(format!("100 warm gets, {state}"), |b| {
            b.iter(|| {
                run(&env, async {
                    for _ in 0..CALLS {
                        n = (n + 7919) % RECORDS;
                        assert!(read(&engine, n).await.is_some());
                    }
                });
            });
        });
        group.throughput(Throughput::Elements(RECORDS));
        group.bench_function(format!("scan 10 000, {state}"), |b| {
            b.iter(|| run(&env, scan(&engine)));
        });
    }
}

fn merging(group: &mut BenchmarkGroup<'_, WallTime>) {
    group.throughput(Throughput::Elements(RECORDS));
    group.bench_function("flush and merge 10 000", |b| {
        let mut seed = 0;
        let fill = || {
            seed += 1;
            let env = SimEnv::new(seed);
            let engine = filled(&env);
            (env, engine)
        };
        b.iter_batched(
            fill,
            |(env, engine)| {
                env.block_on(engine.compact()).unwrap();
                (env, engine)
            },
            BatchSize::PerIteration,
        );
    });
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20)
        .configure_from_args();
    let mut group = criterion.benchmark_group("engine");
    writes(&mut group);
    reads(&mut group);
    merging(&mut group);
    group.finish();
    criterion.final_summary();
}
