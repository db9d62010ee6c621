//! The engine against a plain map: random work in one and in several tabs over one database.
#![cfg(not(target_arch = "wasm32"))]
#![expect(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected must fail"
)]

use bytes::Bytes;
use futures_util::future::join_all;
use patchstore::backend::memory::MemoryConnector;
use patchstore::engine::access::{Answer, Cursor, KeyRange, Session};
use patchstore::engine::{Engine, Options};
use patchstore::simulation::SimEnv;
use std::collections::BTreeMap;
use std::rc::Rc;

fn key(n: u64) -> Bytes {
    format!("key-{n:06}").into()
}

fn value(n: u64, len: usize) -> Bytes {
    let mut out = format!("value-{n}-").into_bytes();
    let mut x = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    while out.len() < len {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        out.push(x as u8);
    }
    out.into()
}

async fn settled<T: 'static>(outcome: Answer<T>) -> patchstore::Result<T> {
    match outcome {
        Answer::Ready(result) => result,
        Answer::Later(future) => future.await,
    }
}

async fn ready<T: 'static>(outcome: Answer<T>) -> T {
    settled(outcome).await.unwrap()
}

async fn get(engine: &impl Session, key: Bytes) -> Option<Bytes> {
    ready(engine.read(Box::new(move |r| r.get(&key)))).await
}

async fn scan(engine: &impl Session, range: KeyRange, reverse: bool) -> Vec<(Bytes, Bytes)> {
    let mut cursor = Cursor::new(range, reverse);
    let mut out = Vec::new();
    ready(engine.read(Box::new(move |r| {
        loop {
            // Many at once, and ended here and there, as by a limit.
            let until = out.len() + 1 + out.len() % 97;
            let ended = r.scan(&mut cursor, true, &mut |key, value| {
                let copied = Bytes::copy_from_slice;
                out.push((copied(key), copied(value)));
                Ok(out.len() < until)
            })?;
            if !ended {
                return Ok(std::mem::take(&mut out));
            }
            out.extend(r.next(&mut cursor)?);
        }
    })))
    .await
}

async fn keys(engine: &impl Session, range: KeyRange) -> Vec<Bytes> {
    let mut cursor = Cursor::new(range, false);
    let mut out = Vec::new();
    ready(engine.read(Box::new(move |r| {
        r.scan(&mut cursor, false, &mut |key, value| {
            assert!(value.is_empty());
            out.push(Bytes::copy_from_slice(key));
            Ok(true)
        })?;
        Ok(std::mem::take(&mut out))
    })))
    .await
}

fn all() -> KeyRange {
    KeyRange {
        from: Bytes::new(),
        until: Bytes::from_static(&[0xff]),
    }
}

async fn open(connector: &MemoryConnector, env: &SimEnv, cache_bytes: usize) -> Engine {
    let options = Options {
        cache_bytes,
        ..Options::default()
    };
    Engine::open(Rc::new(connector.clone()), Rc::new(env.clone()), options)
        .await
        .unwrap()
}

async fn check(engine: &Engine, model: &BTreeMap<Bytes, Bytes>) {
    let want: Vec<(Bytes, Bytes)> = model.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    let got = scan(engine, all(), false).await;
    assert_eq!(got.len(), want.len());
    assert!(got == want, "the scan differs");
    let mut back = scan(engine, all(), true).await;
    back.reverse();
    assert!(back == want, "the reverse scan differs");
    let keys = keys(engine, all()).await;
    assert!(keys.iter().eq(model.keys()), "the scan of keys differs");
    let stats = engine.stats(vec![all()]).await.unwrap();
    assert_eq!(stats.records, model.len() as u64);
    let bytes: usize = model.iter().map(|(k, v)| k.len() + v.len()).sum();
    assert_eq!(stats.live_bytes, bytes as u64);
}

#[test]
fn one_tab_behaves_like_a_map() {
    for seed in 0..12 {
        let env = SimEnv::new(seed);
        env.clone().block_on(async move {
            let connector = MemoryConnector::new();
            let mut engine = open(&connector, &env, 3 << 20).await;
            let mut model = BTreeMap::new();
            for round in 0..60u64 {
                let mut waiting = Vec::new();
                for _ in 0..env.random_below(60) {
                    let at = env.random_below(3000);
                    match env.random_below(100) {
                        0..60 => {
                            let len = match env.random_below(40) {
                                0 => 70_000,
                                1..4 => 9_000,
                                _ => 200,
                            };
                            let (k, v) = (key(at), value(round * 1000 + at, len));
                            model.insert(k.clone(), v.clone());
                            waiting.push(engine.write(Box::new(move |w| {
                                w.put(k.clone(), v.clone());
                                Ok(())
                            })));
                        }
                        60..80 => {
                            let k = key(at);
                            let existed = model.remove(&k).is_some();
                            let found = engine.write(Box::new(move |w| {
                                let found = w.contains(&k)?;
                                w.delete(k.clone());
                                Ok(found)
                            }));
                            waiting.push(Box::pin(async move {
                                assert_eq!(found.await.unwrap(), existed);
                                Ok(())
                            }));
                        }
                        80..84 => {
                            let (from, until) = (key(at), key(at + env.random_below(200)));
                            model.retain(|k, _| !(from <= *k && *k < until));
                            waiting.push(engine.write(Box::new(move |w| {
                                w.delete_range(KeyRange {
                                    from: from.clone(),
                                    until: until.clone(),
                                });
                                Ok(())
                            })));
                        }
                        84..86 => {
                            let many: Vec<(Bytes, Bytes)> = (0..900)
                                .map(|n| (key(at + n * 3), value(round + n, 1500)))
                                .collect();
                            model.extend(many.iter().cloned());
                            waiting.push(engine.write(Box::new(move |w| {
                                many.iter().for_each(|(k, v)| w.put(k.clone(), v.clone()));
                                Ok(())
                            })));
                        }
                        _ => {
                            let k = key(at);
                            assert_eq!(get(&engine, k.clone()).await, model.get(&k).cloned());
                        }
                    }
                }
                for result in join_all(waiting).await {
                    result.unwrap();
                }
                match env.random_below(12) {
                    0 => engine.compact().await.unwrap(),
                    1 => {
                        engine.close().await;
                        engine = open(&connector, &env, 3 << 20).await;
                    }
                    2 => check(&engine, &model).await,
                    _ => {}
                }
            }
            check(&engine, &model).await;
            engine.compact().await.unwrap();
            check(&engine, &model).await;
            engine.close().await;
            let engine = open(&connector, &env, 3 << 20).await;
            check(&engine, &model).await;
        });
    }
}

async fn add(engine: &Engine, at: u64, amount: i64) -> i64 {
    engine
        .write(Box::new(move |w| {
            let old = w
                .get(&key(at))?
                .map_or(0, |v| i64::from_le_bytes(v[..].try_into().unwrap()));
            w.put(
                key(at),
                Bytes::copy_from_slice(&(old + amount).to_le_bytes()),
            );
            Ok(old + amount)
        }))
        .await
        .unwrap()
}

async fn try_number(session: &impl Session, at: u64) -> patchstore::Result<i64> {
    let found = settled(session.read(Box::new(move |r| r.get(&key(at))))).await?;
    Ok(found.map_or(0, |v| i64::from_le_bytes(v[..].try_into().unwrap())))
}

async fn number(session: &impl Session, at: u64) -> i64 {
    try_number(session, at).await.unwrap()
}

/// Moves an amount in a transaction; the sum stays.
async fn transfer(engine: &Engine, env: &SimEnv, from: u64, to: u64, amount: i64) {
    use patchstore::env::Env;
    loop {
        let tx = engine.begin().await.unwrap();
        let a = try_number(&tx, from).await;
        env.sleep(env.random_below(5) as u32).await;
        let b = try_number(&tx, to).await;
        let (Ok(a), Ok(b)) = (a, b) else {
            // Its snapshot was cleared away by two flips of others: it begins anew.
            assert!(tx.is_doomed());
            continue;
        };
        for (at, n) in [(from, a - amount), (to, b + amount)] {
            tx.write(Box::new(move |w| {
                w.put(key(at), Bytes::copy_from_slice(&n.to_le_bytes()));
                Ok(())
            }))
            .await
            .unwrap();
        }
        if tx.commit().await.unwrap() {
            return;
        }
        env.sleep(1 + env.random_below(20) as u32).await;
    }
}

#[test]
fn tabs_lose_no_update_and_keep_the_sum() {
    use patchstore::env::Env;
    for seed in 0..5 {
        let env = SimEnv::new(seed);
        env.clone().block_on(async move {
            let connector = MemoryConnector::new();
            let mut tabs = Vec::new();
            for _ in 0..4 {
                tabs.push(open(&connector, &env, 2 << 20).await);
            }
            let work = tabs.iter().map(|tab| {
                let (tab, env) = (tab.clone(), env.clone());
                async move {
                    for n in 0..60u64 {
                        match env.random_below(10) {
                            0..5 => {
                                add(&tab, 0, 1).await;
                            }
                            5 => {
                                join_all((0..5).map(|_| add(&tab, 0, 1))).await;
                                add(&tab, 0, -4).await;
                            }
                            6..8 => {
                                let (a, b) = (1 + env.random_below(5), 6 + env.random_below(5));
                                transfer(&tab, &env, a, b, 7).await;
                                add(&tab, 0, 1).await;
                            }
                            8 if env.chance(40) => {
                                let many: Vec<_> = (0..800)
                                    .map(|i| (key(100 + i), value(n + i, 1500)))
                                    .collect();
                                tab.write(Box::new(move |w| {
                                    many.iter().for_each(|(k, v)| w.put(k.clone(), v.clone()));
                                    Ok(())
                                }))
                                .await
                                .unwrap();
                                add(&tab, 0, 1).await;
                            }
                            _ => {
                                if env.chance(20) {
                                    tab.compact().await.unwrap();
                                }
                                env.sleep(env.random_below(900) as u32).await;
                                add(&tab, 0, 1).await;
                            }
                        }
                    }
                }
            });
            join_all(work).await;
            env.sleep(2_000).await;
            for tab in &tabs {
                assert_eq!(number(tab, 0).await, 4 * 60, "seed {seed}");
                let mut sum = 0;
                for at in 1..11 {
                    sum += number(tab, at).await;
                }
                assert_eq!(sum, 0, "seed {seed}");
            }
        });
    }
}

#[test]
fn insertions_are_ordered_by_commits_and_found_by_their_index() {
    for seed in 0..8 {
        let env = SimEnv::new(seed);
        env.clone().block_on(async move {
            let connector = MemoryConnector::new();
            let tabs = [
                open(&connector, &env, 2 << 20).await,
                open(&connector, &env, 2 << 20).await,
            ];
            let insert = |tab: &Engine, name: String, n: usize| {
                let mut made = 0;
                tab.write(Box::new(move |w| {
                    if w.is_fresh() {
                        made = 0;
                    }
                    while made < n {
                        let order = w.new_order();
                        let id = format!("id-{name}-{made}");
                        w.put_at(Bytes::from_static(b"doc-"), order, id.clone().into());
                        w.put_order(id.into(), order);
                        made += 1;
                        w.breathe()?;
                    }
                    Ok(())
                }))
            };
            let mut count = 0;
            for round in 0..12 {
                let mut waiting = Vec::new();
                for (at, tab) in tabs.iter().enumerate() {
                    for i in 0..env.random_below(6) {
                        let n = if env.chance(10) {
                            9_000
                        } else {
                            1 + env.random_below(20) as usize
                        };
                        count += n;
                        waiting.push(insert(tab, format!("{round}-{at}-{i}"), n));
                    }
                }
                for result in join_all(waiting).await {
                    result.unwrap();
                }
                if env.chance(20) {
                    tabs[0].compact().await.unwrap();
                }
            }
            for tab in &tabs {
                tab.refresh().await.unwrap();
                let docs = KeyRange {
                    from: "doc-".into(),
                    until: "doc.".into(),
                };
                let docs = scan(tab, docs, false).await;
                assert_eq!(docs.len(), count);
                for (place, id) in docs.iter().step_by(37) {
                    let order = get(tab, id.clone()).await.expect("the index knows it");
                    assert_eq!(place[4..], order[..]);
                }
            }
            let a = scan(&tabs[0], all(), false).await;
            let b = scan(&tabs[1], all(), false).await;
            assert!(a == b);
        });
    }
}

/// What is written between changes the view, and the cursor goes on from its last key.
#[test]
fn a_scan_goes_on_after_a_write_of_its_own_batch() {
    let env = SimEnv::new(1);
    env.clone().block_on(async move {
        let connector = MemoryConnector::new();
        let engine = open(&connector, &env, 3 << 20).await;
        // Enough for a run of segments.
        let model: Vec<(Bytes, Bytes)> = (0..900).map(|n| (key(n), value(n, 1500))).collect();
        let many = model.clone();
        let put = engine.write(Box::new(move |w| {
            many.iter().for_each(|(k, v)| w.put(k.clone(), v.clone()));
            Ok(())
        }));
        put.await.unwrap();
        let mut cursor = Cursor::new(all(), false);
        let mut keys = Vec::new();
        let found = engine.write(Box::new(move |w| {
            if w.is_fresh() {
                (cursor, keys) = (Cursor::new(all(), false), Vec::new());
            }
            loop {
                let until = keys.len() + 7;
                let ended = w.scan(&mut cursor, true, &mut |key, _| {
                    keys.push(Bytes::copy_from_slice(key));
                    Ok(keys.len() < until)
                })?;
                if !ended {
                    return Ok(keys.clone());
                }
                assert!(keys.len() <= 900, "it goes in circles");
                w.put(Bytes::from_static(b"aside"), Bytes::new());
            }
        }));
        let expected: Vec<Bytes> = model.into_iter().map(|(k, _)| k).collect();
        assert!(found.await.unwrap() == expected);
    });
}
