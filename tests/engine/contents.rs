//! Putting and collecting contents, stopped at each of their transactions, or for want of room: a content is here whole or not at
//! all, and in the end nothing is left of what nobody holds.

use bytes::Bytes;
use futures_util::future::join;
use patchstore::backend::simulated::{Fault, SimConnector};
use patchstore::codec::feature::Features;
use patchstore::codec::kinds::key as kinds;
use patchstore::codec::marks::NEVER;
use patchstore::codec::value::Value;
use patchstore::engine::access::{Answer, Cursor, KeyRange, Session, afresh};
use patchstore::engine::{Action, Engine, Options, Policy};
use patchstore::env::Env;
use patchstore::models::contents::{
    Finish, HOUR_MS, PIECE_BYTES, Piece, Pieces, abandon, collect_all, content, put_piece,
};
use patchstore::models::kv::{self, Kv};
use patchstore::models::{Scope, keys};
use patchstore::record::{ContentHash, Id};
use patchstore::simulation::SimEnv;
use patchstore::{Code, Result};
use std::collections::BTreeMap;
use std::rc::Rc;

use super::World;

const SEED: u64 = 5;
/// Three pieces.
const BYTES: usize = 2 * PIECE_BYTES + 100;

/// When a tab dies over one of its transactions.
#[derive(Debug, Clone, Copy)]
enum Death {
    Before,
    After,
    /// With all other tabs.
    ByPowerCut,
}

const DEATHS: [Death; 3] = [Death::Before, Death::After, Death::ByPowerCut];

/// Bytes that cannot be compressed, by what they are called.
fn bytes(name: u8) -> Vec<u8> {
    let mut bytes = vec![0; BYTES];
    fastrand::Rng::with_seed(name.into()).fill(&mut bytes);
    bytes
}

fn hash(name: u8) -> ContentHash {
    std::array::from_fn(|at| name ^ at as u8)
}

/// A tab: its realm, its connector and its engine.
struct Tab {
    realm: SimEnv,
    connector: SimConnector,
    engine: Engine,
}

impl Tab {
    async fn open(world: &World) -> Self {
        let realm = world.env.new_realm();
        let connector = SimConnector::new(&realm, &world.database);
        let (by, env) = (Rc::new(connector.clone()), Rc::new(realm.clone()));
        let engine = Engine::open(by, env, Options::default()).await.unwrap();
        Self {
            realm,
            connector,
            engine,
        }
    }

    fn env(&self) -> Rc<dyn Env> {
        Rc::new(self.realm.clone())
    }

    /// Puts a content as it is done for callers.
    async fn put(&self, name: u8, now_ms: u64) -> Result<()> {
        let put = put(&self.engine, name, now_ms).await;
        if put.is_err() {
            let gone = self.engine.write(Box::new(move |w| abandon(w, id(name))));
            gone.await?;
        }
        put
    }

    /// The bytes of a content, if it is here.
    async fn get(&self, name: u8) -> Option<Vec<u8>> {
        let begin = || Ok((None, Vec::new()));
        let work = move |(pieces, read): &mut (Option<Pieces>, Vec<u8>),
                         r: &mut dyn patchstore::engine::access::Reads| {
            if pieces.is_none() {
                let Some(found) = content(r, &hash(name))? else {
                    return Ok(None);
                };
                *pieces = Some(Pieces::new(found, 0, u64::MAX));
            }
            if let Some(pieces) = pieces {
                pieces.step(r, &mut |piece| {
                    let Piece::Bytes(piece) = piece else {
                        unreachable!("it is no Blob")
                    };
                    read.extend_from_slice(piece);
                    Ok(())
                })?;
            }
            Ok(Some(std::mem::take(read)))
        };
        settled(self.engine.read(afresh(begin, work))).await
    }

    /// Whether a content is here; if it is, it is whole.
    async fn has(&self, name: u8) -> bool {
        let found = self.get(name).await;
        assert!(found.as_ref().is_none_or(|found| *found == bytes(name)));
        found.is_some()
    }

    /// All keys that have to do with contents.
    async fn left(&self) -> Vec<Bytes> {
        let range = KeyRange {
            from: keys::all_of(kinds::CONTENT).from,
            until: keys::all_of(kinds::SIZED).until,
        };
        let begin = move || Ok((Cursor::new(range.clone(), false), Vec::new()));
        let work = afresh(begin, |(cursor, found): &mut (Cursor, Vec<Bytes>), r| {
            while let Some(key) = r.next_key(cursor)? {
                found.push(key);
            }
            Ok(std::mem::take(found))
        });
        settled(self.engine.read(work)).await
    }

    /// Has a pair hold a content.
    async fn hold(&self, name: u8) {
        let key = Kv::new(&Scope::Name("s".into()))
            .unwrap()
            .key("a".into())
            .unwrap();
        let reference = Value::BlobRef {
            hash: hash(name),
            size: BYTES as u64,
            media_type: "".into(),
        };
        let value = reference.encode().unwrap();
        let set =
            move |w: &mut dyn patchstore::engine::access::Writes| kv::set(w, &key, &value, NEVER);
        self.engine.write(Box::new(set)).await.unwrap();
    }

    async fn collect(&self) -> u64 {
        collect_all(&self.engine, &self.env()).await.unwrap()
    }
}

async fn settled<T>(answer: Answer<T>) -> T {
    match answer {
        Answer::Ready(found) => found.unwrap(),
        Answer::Later(found) => found.await.unwrap(),
    }
}

fn id(name: u8) -> Id {
    Id([name; 16])
}

async fn put(engine: &Engine, name: u8, now_ms: u64) -> Result<()> {
    for (n, piece) in bytes(name).chunks(PIECE_BYTES).enumerate() {
        let piece = Bytes::from([&[0], piece].concat());
        let stored = engine.write(Box::new(move |w| {
            put_piece(w, id(name), n as u32, &piece, now_ms)
        }));
        stored.await?;
    }
    let finish = Finish {
        upload: id(name),
        hash: hash(name),
        size: BYTES as u64,
        piece_bytes: PIECE_BYTES as u64,
        now_ms,
    };
    engine.write(Box::new(move |w| finish.step(w))).await
}

/// Runs what a tab does until it dies over the `at`-th of its transactions; then, who else is there.
async fn dying<F: Future<Output = ()> + 'static>(
    world: &World,
    at: u64,
    death: Death,
    work: impl FnOnce(Tab) -> F,
) -> Tab {
    let other = Tab::open(world).await;
    let tab = Tab::open(world).await;
    let (realm, connector) = (tab.realm.clone(), tab.connector.clone());
    let fault = match death {
        Death::Before => Fault::FrozenBefore,
        Death::After | Death::ByPowerCut => Fault::FrozenAfter,
    };
    connector.fault_at(connector.issued() + at, fault);
    realm.spawn(Box::pin(work(tab)));
    while world.database.faults_met().is_empty() {
        world.env.sleep_us(100).await;
    }
    // (It has only been issued.)
    world.env.sleep_us(100_000).await;
    connector.sever();
    realm.kill();
    connector.thaw();
    match death {
        Death::ByPowerCut => {
            other.realm.kill();
            drop(other);
            world.database.cut_power();
            Tab::open(world).await
        }
        _ => other,
    }
}

/// How many transactions something takes that nothing stops.
async fn transactions(tab: &Tab, work: impl Future<Output = ()>) -> u64 {
    let before = tab.connector.issued();
    work.await;
    tab.connector.issued() - before
}

#[test]
fn a_put_that_is_stopped_at_any_of_its_transactions_is_whole_or_gone() {
    let mut all = 0;
    World::run(SEED, async |world| {
        let tab = Tab::open(&world).await;
        let now_ms = tab.realm.now_ms() as u64;
        all = transactions(&tab, async { tab.put(1, now_ms).await.unwrap() }).await;
        assert!(tab.has(1).await);
    });
    let mut ended = BTreeMap::new();
    for at in 1..=all {
        for death in DEATHS {
            World::run(SEED, async |world| {
                let tab = dying(&world, at, death, async |tab: Tab| {
                    let now_ms = tab.realm.now_ms() as u64;
                    drop(put(&tab.engine, 1, now_ms).await);
                })
                .await;
                tab.engine.refresh().await.unwrap();
                let opened = Tab::open(&world).await;
                let is_here = tab.has(1).await;
                assert_eq!(opened.has(1).await, is_here, "{at} {death:?}");
                // It has an hour.
                assert_eq!(opened.collect().await, 0);
                assert_eq!(opened.has(1).await, is_here);
                join(tab.engine.close(), opened.engine.close()).await;
                world.env.sleep(HOUR_MS as u32 + 1_000).await;
                let later = Tab::open(&world).await;
                later.collect().await;
                assert_eq!(later.left().await, [] as [Bytes; 0], "{at} {death:?}");
                // And can be put again, under the same name.
                let now_ms = later.realm.now_ms() as u64;
                later.put(1, now_ms).await.unwrap();
                assert!(later.has(1).await);
                *ended.entry(is_here).or_insert(0) += 1;
            });
        }
    }
    println!("{all} transactions, whole or gone: {ended:?}");
    assert!(all > 3 && ended.len() == 2, "{all}: {ended:?}");
}

/// One content that is held, and one that is not, and was put two hours ago.
async fn held_and_dead(world: &World) {
    let tab = Tab::open(world).await;
    let now_ms = tab.realm.now_ms() as u64;
    tab.put(1, now_ms).await.unwrap();
    tab.hold(1).await;
    tab.put(2, now_ms - 2 * HOUR_MS).await.unwrap();
    tab.engine.flush().await.unwrap();
    tab.engine.close().await;
}

#[test]
fn a_pass_that_is_stopped_at_any_of_its_transactions_takes_what_nothing_holds() {
    let mut all = 0;
    World::run(SEED, async |world| {
        held_and_dead(&world).await;
        let tab = Tab::open(&world).await;
        all = transactions(&tab, async { assert_eq!(tab.collect().await, 1) }).await;
        assert!(tab.has(1).await && !tab.has(2).await);
    });
    let mut ended = BTreeMap::new();
    for at in 1..=all {
        for death in DEATHS {
            World::run(SEED, async |world| {
                held_and_dead(&world).await;
                let tab = dying(&world, at, death, async |tab: Tab| {
                    drop(collect_all(&tab.engine, &tab.env()).await);
                })
                .await;
                // (What the other one has committed is heard of later.)
                tab.engine.refresh().await.unwrap();
                let is_here = tab.has(2).await;
                assert!(tab.has(1).await, "{at} {death:?}");
                assert_eq!(tab.collect().await, u64::from(is_here));
                let opened = Tab::open(&world).await;
                assert!(opened.has(1).await && !opened.has(2).await);
                // The content, its size, its citation and its pieces.
                assert_eq!(opened.left().await.len(), 6, "{at} {death:?}");
                *ended.entry(is_here).or_insert(0) += 1;
            });
        }
    }
    println!("{all} transactions, still there or gone: {ended:?}");
    assert_eq!(ended.len(), 2, "{all}: {ended:?}");
}

#[test]
fn contents_that_nothing_holds_make_room_for_a_write() {
    World::run(SEED, async |world| {
        let tab = Tab::open(&world).await;
        tab.engine
            .relieve_by(Action::Collect, Features::NONE, |engine, env| {
                Box::pin(async move { Ok(collect_all(&engine, &env).await? > 0) })
            });
        let now_ms = tab.realm.now_ms() as u64;
        for name in [1, 2, 3] {
            tab.put(name, now_ms - 2 * HOUR_MS).await.unwrap();
        }
        tab.hold(1).await;
        tab.put(4, now_ms).await.unwrap();
        tab.engine.obey(Policy {
            threshold: 1.0,
            max_bytes: tab.engine.stored_bytes() as f64 + 1_000.0,
        });
        // As much as two of them take; but not as much as three.
        let write = |bytes: usize| {
            let mut value = vec![0; bytes];
            fastrand::Rng::with_seed(bytes as u64).fill(&mut value);
            value.insert(0, 1);
            let value = Bytes::from(value);
            tab.engine.write(Box::new(move |w| {
                w.put(Bytes::from_static(b"z/new"), value.clone());
                Ok(())
            }))
        };
        let refused = write(5 * BYTES / 2).await.unwrap_err();
        assert_eq!(refused.code(), Code::StorageQuotaExceeded);
        write(3 * BYTES / 2).await.unwrap();
        assert!(tab.has(1).await && tab.has(4).await);
        assert!(!tab.has(2).await && !tab.has(3).await);
    });
}

#[test]
fn a_pass_goes_on_past_keys_that_are_damaged_and_tells_of_them() {
    World::run(SEED, async |world| {
        let tab = Tab::open(&world).await;
        let long_ago_ms = tab.realm.now_ms() as u64 - 2 * HOUR_MS;
        let mut damaged = Vec::new();
        for kind in [kinds::CONTENT, kinds::CITATION] {
            // Before all that is here, and behind.
            damaged.extend([&[0, 1][..], &[0, 1, 2], &[0xFE; 31]].map(|end| {
                let key = [&[kind][..], end].concat();
                Bytes::from(key)
            }));
        }
        let written = damaged.clone();
        let put = tab.engine.write(Box::new(move |w| {
            let all = written.iter();
            all.for_each(|key| w.put(key.clone(), Bytes::from_static(b"damaged")));
            Ok(())
        }));
        put.await.unwrap();
        tab.put(1, long_ago_ms).await.unwrap();
        tab.hold(1).await;
        for name in [2, 3] {
            tab.put(name, long_ago_ms).await.unwrap();
        }
        let collected = collect_all(&tab.engine, &tab.env()).await;
        assert_eq!(collected.unwrap_err().code(), Code::Corrupt);
        assert!(tab.has(1).await && !tab.has(2).await && !tab.has(3).await);
        let left = tab.left().await;
        assert!(damaged.iter().all(|key| left.contains(key)));
    });
}

#[test]
fn a_put_for_which_there_is_no_room_leaves_nothing() {
    let mut ended = BTreeMap::new();
    for room in (0..12).map(|n| n * 400_000) {
        World::run(SEED, async |world| {
            let tab = Tab::open(&world).await;
            tab.put(1, tab.realm.now_ms() as u64).await.unwrap();
            tab.hold(1).await;
            tab.engine.compact().await.unwrap();
            let before = tab.left().await;
            let records = world.database.records().into_iter();
            let bytes: usize = records.map(|(_, record)| record.len()).sum();
            world.database.set_quota(Some(bytes + room));
            let put = tab.put(2, tab.realm.now_ms() as u64).await;
            if let Err(error) = &put {
                assert_eq!(error.code(), Code::StorageQuotaExceeded);
                assert_eq!(tab.left().await, before, "{room}");
            }
            assert_eq!(tab.has(2).await, put.is_ok());
            assert!(tab.has(1).await);
            world.database.set_quota(None);
            tab.put(2, tab.realm.now_ms() as u64).await.unwrap();
            assert!(tab.has(2).await);
            *ended.entry(put.is_ok()).or_insert(0) += 1;
        });
    }
    println!("for want of room, or put: {ended:?}");
    assert_eq!(ended.len(), 2, "{ended:?}");
}
