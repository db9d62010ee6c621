//! One device: a database, and its tabs.

use bytes::Bytes;
use patchstore::backend::simulated::{SimConnector, SimDatabase};
use patchstore::codec::feature::Feature;
use patchstore::codec::js_string::JsString;
use patchstore::codec::kinds::key as kinds;
use patchstore::codec::marks::NEVER;
use patchstore::codec::stamp::Stamp;
use patchstore::codec::value::from_json;
use patchstore::engine::access::{Answer, Cursor, KeyRange, Session, afresh};
use patchstore::engine::{Engine, Limits, Options};
use patchstore::env::Env;
use patchstore::models::documents::{self, Changes, Collection, Ids, Insert, NewDoc};
use patchstore::models::kv::{self, Clear, Kv};
use patchstore::models::op_log::log::{Mark, Prune, Read, Which};
use patchstore::models::op_log::merkle::Found;
use patchstore::models::op_log::records::Records;
use patchstore::models::op_log::remote::Remote;
use patchstore::models::op_log::service::Service;
use patchstore::models::{Scope, many};
use patchstore::simulation::SimEnv;
use patchstore::{Code, Result};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A tab: its realm, and its engine.
pub struct Tab {
    pub env: SimEnv,
    pub engine: Engine,
}

/// A device.
pub struct Device {
    pub env: SimEnv,
    pub database: SimDatabase,
    pub tabs: RefCell<Vec<Tab>>,
    /// Every entry that it has ever shown, by number: none may come again as another.
    shown: RefCell<BTreeMap<u64, Remote>>,
}

pub async fn settled<T: 'static>(outcome: Answer<T>) -> Result<T> {
    match outcome {
        Answer::Ready(result) => result,
        Answer::Later(future) => future.await,
    }
}

fn scope() -> Scope {
    Scope::Name("s".into())
}

fn pair(key: u64) -> Bytes {
    let key = JsString::from(&*format!("k{key}"));
    Kv::new(&scope()).unwrap().key(key.as_js()).unwrap()
}

fn collection() -> Collection {
    Collection::new(&scope(), JsString::from("c").as_js()).unwrap()
}

impl Device {
    pub fn new(env: &SimEnv) -> Self {
        Self {
            env: env.clone(),
            database: SimDatabase::new(env),
            tabs: RefCell::default(),
            shown: RefCell::default(),
        }
    }

    pub async fn open(&self) -> Result<Tab> {
        let env = self.env.new_realm();
        let connector = Rc::new(SimConnector::new(&env, &self.database));
        let options = Options {
            limits: Limits {
                log_frames: 6,
                ..Limits::default()
            },
            ..Options::default()
        };
        let engine = Engine::open(connector, Rc::new(env.clone()), options).await?;
        engine.switch_on(Feature::OpLog).await?;
        Ok(Tab { env, engine })
    }

    /// One of its tabs; a new one where there is none.
    pub async fn tab(&self) -> (SimEnv, Engine) {
        if self.tabs.borrow().is_empty() {
            let tab = self.open().await.unwrap();
            self.tabs.borrow_mut().push(tab);
        }
        let tabs = self.tabs.borrow();
        let at = self.env.random_below(tabs.len() as u64) as usize;
        (tabs[at].env.clone(), tabs[at].engine.clone())
    }

    /// One of its tabs, which has seen what the others have done.
    async fn fresh(&self) -> (SimEnv, Engine) {
        let (env, engine) = self.tab().await;
        engine.refresh().await.unwrap();
        (env, engine)
    }

    /// Has all tabs see what the others have done.
    pub async fn refresh(&self) {
        let engines: Vec<Engine> = (self.tabs.borrow().iter())
            .map(|tab| tab.engine.clone())
            .collect();
        for engine in engines {
            engine.refresh().await.unwrap();
        }
    }

    pub async fn service(&self) -> Service {
        let (env, engine) = self.fresh().await;
        Service::new(&engine, Rc::new(env))
    }

    /// Kills one tab, in the middle of whatever it does.
    pub fn kill(&self) {
        if let Some(tab) = self.tabs.borrow_mut().pop() {
            tab.env.kill();
        }
    }

    /// Writes something.
    pub async fn write(&self, what: u64, key: u64, value: u64) -> Result<()> {
        let (env, engine) = self.tab().await;
        match what {
            0..5 => {
                let text = "x".repeat(if value.is_multiple_of(9) { 3_000 } else { 3 });
                let stored = from_json(format!("\"{text}{value}\"").as_bytes());
                let key = pair(key);
                let set = move |w: &mut dyn patchstore::engine::access::Writes| {
                    kv::set(w, &key, &stored, NEVER)
                };
                engine.write(Box::new(set)).await
            }
            5..7 => {
                let key = pair(key);
                let deleted = engine.write(Box::new(move |w| kv::delete(w, &key)));
                deleted.await.map(drop)
            }
            7..9 => {
                let given = format!(r#"{{"_id":"d{}","n":{value}}}"#, key % 4);
                let mut random = |bytes: &mut [u8]| env.fill_random(bytes);
                let stored = from_json(given.as_bytes());
                let doc = NewDoc::prepare(&stored, 5.0, &mut Ids::default(), &mut random)?;
                let insert = Insert::new(&collection(), vec![doc]);
                let done = many::write(&engine, Rc::new(env.clone()), insert).await;
                match done {
                    Err(error) if error.code() == Code::Exists => Ok(()),
                    done => done,
                }
            }
            9 => {
                let id = JsString::from(&*format!("d{}", key % 4));
                let changes = from_json(format!(r#"{{"n":{value}}}"#).as_bytes());
                let changes = Changes::new(changes, 6.0);
                let update = engine.write(Box::new(move |w| {
                    collection().update(w, id.as_js(), &changes, &mut None)
                }));
                update.await.map(drop)
            }
            10 => {
                let mut clear = Clear::new(&Kv::new(&scope())?);
                engine.write(Box::new(move |w| clear.step(w))).await
            }
            11 => {
                let mut drop = documents::Drop::new(&collection(), 0.0);
                engine.write(Box::new(move |w| drop.step(w))).await
            }
            _ => engine.compact().await,
        }
    }

    /// What is pending, checked against all that was ever shown.
    pub async fn pending(&self) -> Result<Vec<(u64, Remote)>> {
        let service = self.service().await;
        let device = service.logged()?.device;
        let begin = || Ok((Read::new(-1.0, f64::INFINITY, false), Vec::new()));
        let work = afresh(begin, move |(read, out): &mut (Read, Vec<_>), r| {
            read.step(r, &mut |id, entry, value| {
                let remote = Remote {
                    record: entry.record.clone(),
                    value: value.cloned(),
                    expires_ms: entry.expires_ms,
                    stamp: entry.stamp,
                    device: device.clone(),
                    version: 0,
                };
                out.push((id, remote));
                Ok(())
            })?;
            Ok(std::mem::take(out))
        });
        let found = service.read(work).await?;
        let mut shown = self.shown.borrow_mut();
        for (id, entry) in &found {
            let known = shown.entry(*id).or_insert_with(|| entry.clone());
            assert_eq!(known, entry, "the number {id} was used twice");
        }
        let stamps: Vec<Stamp> = shown.values().map(|entry| entry.stamp).collect();
        assert!(
            stamps.windows(2).all(|pair| pair[0] < pair[1]),
            "stamps do not follow the log"
        );
        Ok(found)
    }

    pub async fn acknowledge(&self, ids: &[u64], how: u64) -> Result<()> {
        let (_, engine) = self.tab().await;
        let upto = ids.iter().max().map_or(-1.0, |id| *id as f64);
        let these = Which::These(ids.iter().map(|id| *id as f64).collect());
        match how {
            0 => {
                let mut mark = Mark::new(Which::UpTo(upto));
                engine
                    .write(Box::new(move |w| mark.step(w)))
                    .await
                    .map(drop)
            }
            1 => {
                let mut mark = Mark::new(these);
                engine
                    .write(Box::new(move |w| mark.step(w)))
                    .await
                    .map(drop)
            }
            2 => {
                let mut prune = Prune::new(these);
                engine
                    .write(Box::new(move |w| prune.step(w)))
                    .await
                    .map(drop)
            }
            _ => self.service().await.prune_synced().await.map(drop),
        }
    }

    pub async fn records(&self) -> Result<Vec<Remote>> {
        let service = self.service().await;
        service.seeded().await?;
        let begin = || Ok((Records::new("", None, f64::INFINITY)?, Vec::new()));
        let work = afresh(begin, |(records, out): &mut (Records, Vec<_>), r| {
            records.step(r, &mut |record| {
                out.push(record.clone());
                Ok(())
            })?;
            Ok(std::mem::take(out))
        });
        service.read(work).await
    }

    pub async fn root(&self) -> Result<Found> {
        self.service().await.look("").await
    }

    async fn scan(&self, kind: u8) -> Vec<(Bytes, Bytes)> {
        let (_, engine) = self.fresh().await;
        let range = KeyRange {
            from: Bytes::copy_from_slice(&[kind]),
            until: Bytes::copy_from_slice(&[kind + 1]),
        };
        let begin = move || Ok((Cursor::new(range.clone(), false), Vec::new()));
        let work = afresh(begin, |(cursor, out): &mut (Cursor, Vec<_>), r| {
            while let Some(pair) = r.next(cursor)? {
                out.push(pair);
                r.breathe()?;
            }
            Ok(std::mem::take(out))
        });
        settled(engine.read_committed(work)).await.unwrap()
    }

    /// What users see: pairs, and documents by their ids.
    pub async fn data(&self) -> BTreeMap<Bytes, Bytes> {
        let mut data: BTreeMap<Bytes, Bytes> = self.scan(kinds::PAIR).await.into_iter().collect();
        for (_, doc) in self.scan(kinds::DOCUMENT).await {
            let id = Collection::id_of(&doc).unwrap();
            data.insert(Bytes::copy_from_slice(id.as_bytes()), doc);
        }
        data
    }

    /// Every record has its state, and no other is live.
    pub async fn check(&self) {
        let found = self.records().await.unwrap();
        let live = found.iter().filter(|record| record.value.is_some());
        let data = self.data().await;
        assert_eq!(
            live.count(),
            data.len(),
            "a record is there without its state, or a state without its record"
        );
    }
}
