//! What a commit costs where many live queries are: one look, and the evaluation of those that it concerns.

use super::{World, memory};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, ready};
use patchstore::codec::value::from_json;
use patchstore::engine::Engine;
use patchstore::engine::access::Session;
use patchstore::env::Env;
use patchstore::models::Scope;
use patchstore::models::documents::live::{Change, Counts, Listener, Live, LiveQuery};
use patchstore::models::documents::{
    Changes, Collection, Drop, FindSpec, Ids, Insert, NewDoc, Query,
};
use patchstore::models::many::Many;
use patchstore::{Error, Result};
use std::cell::Cell;
use std::rc::Rc;

/// So long after a commit all is told.
const SOON_MS: u32 = 60_000;
const DOCS: usize = 1_000;

struct Ear(Rc<Cell<usize>>);

impl Listener for Ear {
    fn tell(&self, _: Change) -> LocalBoxFuture<'static, Result<()>> {
        self.0.set(self.0.get() + 1);
        ready(Ok(())).boxed_local()
    }

    fn end(&self, error: &Error) {
        assert!(error.message().is_empty(), "{error}");
    }
}

fn collection(name: &str) -> Collection {
    Collection::new(&Scope::Name("s".into()), name.into()).unwrap()
}

fn stored(json: &str) -> Bytes {
    from_json(json.as_bytes())
}

/// A tab with documents, each of an owner of its own, and live queries.
struct Room {
    world: World,
    engine: Engine,
    live: Live,
    watches: Vec<LiveQuery>,
    told: Rc<Cell<usize>>,
}

impl Room {
    async fn new(world: World) -> Self {
        let engine = world.open().await;
        let env = Rc::new(world.env.new_realm());
        let room = Self {
            live: Live::new(&engine, env),
            world,
            engine,
            watches: Vec::new(),
            told: Rc::default(),
        };
        let docs = (0..DOCS).map(|n| format!("{{\"_id\":\"{n}\",\"owner\":{n},\"kind\":\"x\"}}"));
        room.insert("c", docs.collect()).await;
        room
    }

    async fn insert(&self, name: &str, docs: Vec<String>) {
        let docs = docs.iter().map(|json| {
            NewDoc::prepare(&stored(json), 0.0, &mut Ids::default(), &mut |_| {}).unwrap()
        });
        let mut insert = Insert::new(&collection(name), docs.collect());
        let done = self.engine.write(Box::new(move |w| insert.step(w)));
        done.await.unwrap();
    }

    async fn update(&self, id: usize, changes: &str) {
        let (id, changes) = (id.to_string(), Changes::new(stored(changes), 0.0));
        let done = self.engine.write(Box::new(move |w| {
            collection("c").update(w, id.as_str().into(), &changes, &mut None)
        }));
        assert!(done.await.unwrap());
    }

    fn watch(&mut self, query: &str) {
        let query = Query::compile(&stored(query), Rc::new(())).unwrap();
        let ear = Box::new(Ear(self.told.clone()));
        let watch = (self.live).watch(&collection("c"), query, FindSpec::default(), ear);
        self.watches.push(watch.unwrap());
    }

    async fn rest(&self) {
        self.world.env.sleep(SOON_MS).await;
    }

    /// What a commit comes to: evaluations, matches, and how often listeners are told.
    async fn cost(&self, commit: impl Future<Output = ()>) -> [u64; 3] {
        let (before, told) = (self.live.counts(), self.told.get());
        commit.await;
        self.rest().await;
        let Counts {
            evaluations,
            matches,
        } = self.live.counts();
        let told = (self.told.get() - told) as u64;
        [
            evaluations - before.evaluations,
            matches - before.matches,
            told,
        ]
    }
}

#[test]
fn a_commit_evaluates_those_that_it_concerns_however_many_there_are() {
    for count in [10, 100, 1_000] {
        World::run(async |world| {
            let mut room = Room::new(world).await;
            for n in 0..count {
                // What all of them want does not tell them apart.
                room.watch(&format!("{{\"kind\":\"x\",\"owner\":{n}}}"));
            }
            room.rest().await;
            let all = count as u64;
            assert_eq!(room.live.counts().evaluations, all);
            assert_eq!(room.told.get(), count);
            // (By what all want, the first of them is told apart: nothing was better then.)
            assert_eq!(room.cost(room.update(7, "{\"n\":1}")).await, [1, 1, 1]);
            assert_eq!(room.cost(room.update(7, "{\"owner\":8}")).await, [2, 2, 2]);
            assert_eq!(room.cost(room.update(7, "{\"owner\":-1}")).await, [1, 1, 1]);
            assert_eq!(room.cost(room.update(7, "{\"n\":2}")).await, [0, 1, 0]);
            let one = || vec!["{\"_id\":\"new\",\"kind\":\"x\",\"owner\":5}".to_string()];
            assert_eq!(room.cost(room.insert("c", one())).await, [1, 2, 1]);
            assert_eq!(room.cost(room.insert("other", one())).await, [0, 0, 0]);
            let of_another_kind =
                || vec!["{\"_id\":\"newer\",\"kind\":\"y\",\"owner\":5}".to_string()];
            assert_eq!(
                room.cost(room.insert("c", of_another_kind())).await,
                [0, 1, 0]
            );
            let mut drop = Drop::new(&collection("c"), 0.0);
            let dropped = room.engine.write(Box::new(move |w| drop.step(w)));
            let dropped = dropped.map(|done| done.unwrap());
            assert_eq!(room.cost(dropped).await, [all, 0, all - 1]);
        });
    }
}

#[test]
fn what_cannot_be_told_apart_is_compared_once_each() {
    for count in [10, 100] {
        World::run(async |world| {
            let mut room = Room::new(world).await;
            for n in 0..count {
                room.watch(&format!("{{\"owner\":{{\"$gte\":{}}}}}", 10_000 + n));
            }
            room.rest().await;
            let all = count as u64;
            assert_eq!(room.cost(room.update(1, "{\"n\":1}")).await, [0, all, 0]);
            assert_eq!(
                room.cost(room.update(1, "{\"owner\":10003}")).await,
                [4, all, 4]
            );
        });
    }
}

#[test]
fn a_commit_takes_as_much_beside_ten_as_beside_a_thousand() {
    let taken = |count: usize| {
        World::run(async |world| {
            let mut room = Room::new(world).await;
            for n in 0..count {
                room.watch(&format!("{{\"owner\":{n}}}"));
            }
            room.rest().await;
            let before = memory::taken();
            for n in 0..20 {
                room.update(7, &format!("{{\"n\":{n}}}")).await;
                room.world.env.sleep(1_000).await;
            }
            assert_eq!(room.told.get(), count + 20);
            (memory::taken() - before) as f64
        })
    };
    let (few, many) = (taken(10), taken(1_000));
    assert!(
        many < 1.2 * few,
        "{few} bytes beside ten, {many} beside a thousand"
    );
}
