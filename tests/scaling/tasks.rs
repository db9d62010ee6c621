//! No task takes long, however much one call works on: counted in allocations and releases of memory between two
//! moments at which the host can do other work.

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use patchstore::backend::memory::MemoryConnector;
use patchstore::codec::marks::NEVER;
use patchstore::codec::value::from_json;
use patchstore::engine::access::{Answer, Cursor, Session, WriteWork, afresh};
use patchstore::engine::{Engine, Options};
use patchstore::env::Env;
use patchstore::error::Error;
use patchstore::models::Scope;
use patchstore::models::documents::definition::{Definition, Index, OnDelete, Reference, flag};
use patchstore::models::documents::{
    Changes, Collection, Find, FindSpec, Ids, Insert, NewDoc, WriteMany,
};
use patchstore::models::kv::{DeleteMany, Kv, SetMany};
use patchstore::models::many::{self, Many};
use patchstore::models::query::Query;
use patchstore::models::{keys, nodes};
use patchstore::simulation::SimEnv;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;

use super::memory;

/// What a task may do: a slice of the engine's ends after a few looks at the clock, with some hundred records between
/// two of them and some allocations for each.
const MOST_STEPS: usize = 40_000;
/// Records of a call: done in one piece, they take several times that.
const RECORDS: usize = 60_000;

/// The world, which remembers the longest task of those it was given.
#[derive(Clone)]
struct Watched {
    env: SimEnv,
    longest: Rc<Cell<usize>>,
    looks: Rc<Cell<f64>>,
}

impl Watched {
    fn watch<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        let longest = self.longest.clone();
        async move {
            let mut future = pin!(future);
            poll_fn(|context| {
                let before = memory::steps();
                let polled = future.as_mut().poll(context);
                longest.set(longest.get().max(memory::steps() - before));
                polled
            })
            .await
        }
    }
}

impl Env for Watched {
    fn now_ms(&self) -> f64 {
        self.env.now_ms()
    }

    /// Each look finds that a millisecond has passed: slices are of one length.
    fn monotonic_ms(&self) -> f64 {
        self.looks.set(self.looks.get() + 1.0);
        self.looks.get()
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        self.env.fill_random(bytes);
    }

    fn sleep(&self, ms: u32) -> LocalBoxFuture<'static, ()> {
        self.env.sleep(ms)
    }

    fn yield_now(&self) -> LocalBoxFuture<'static, ()> {
        self.env.yield_now()
    }

    fn spawn(&self, future: LocalBoxFuture<'static, ()>) {
        self.env.spawn(Box::pin(self.watch(future)));
    }
}

/// Runs `body` on an engine, and tells of the longest task that it and the engine took.
fn longest_task(body: impl AsyncFnOnce(&Watched, &Engine)) -> usize {
    let env = SimEnv::new(1);
    let longest = Rc::new(Cell::new(0));
    let watched = Watched {
        env: env.clone(),
        longest: longest.clone(),
        looks: Rc::default(),
    };
    env.block_on(async {
        let connector = Rc::new(MemoryConnector::new());
        let options = Options::default();
        let engine = Engine::open(connector, Rc::new(watched.clone()), options)
            .await
            .unwrap();
        body(&watched, &engine).await;
        engine.flush().await.unwrap();
        env.sleep(5_000).await;
    });
    longest.get()
}

fn scope(name: &str) -> Scope {
    Scope::Node(name.into())
}

fn collection() -> Collection {
    Collection::new(&scope("a"), "docs".into()).unwrap()
}

fn insert(records: usize) -> Insert {
    let mut ids = Ids::default();
    let mut next = 0u64;
    let mut random = |bytes: &mut [u8]| {
        for byte in bytes {
            next = next.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *byte = (next >> 33) as u8;
        }
    };
    let docs = (0..records).map(|n| {
        let text = format!("{{\"n\":{n},\"m\":{}}}", n * 7_919 % records);
        NewDoc::prepare(&from_json(text.as_bytes()), 1.0, &mut ids, &mut random).unwrap()
    });
    Insert::new(&collection(), docs.collect())
}

fn keys(records: usize) -> Vec<Bytes> {
    let kv = Kv::new(&scope("a")).unwrap();
    let key = |n| kv.key(format!("key {n}").as_str().into()).unwrap();
    (0..records).map(key).collect()
}

fn set_many(records: usize) -> SetMany {
    let value = from_json(b"1");
    SetMany::new(
        keys(records)
            .into_iter()
            .map(|key| (key, value.clone(), NEVER))
            .collect(),
    )
}

async fn write<M: Many<Done: 'static> + 'static>(world: &Watched, to: &impl Session, many: M) {
    let env = Rc::new(world.clone());
    let written = world.watch(async { many::write(to, env, many).await });
    written.await.unwrap();
}

async fn found(world: &Watched, from: &impl Session, spec: FindSpec) -> usize {
    let begin = move || {
        Ok((
            Find::new(
                &collection(),
                Query::compile(&from_json(b"{}"), std::rc::Rc::new(()))?,
                spec.clone(),
            ),
            0,
        ))
    };
    let work = afresh(begin, |(find, count), r| {
        find.step(r, &mut |_| {
            *count += 1;
            Ok(())
        })?;
        Ok(*count)
    });
    let found = world.watch(async {
        match from.read(work) {
            Answer::Ready(count) => count,
            Answer::Later(count) => count.await,
        }
    });
    found.await.unwrap()
}

fn sorted(limit: Option<u64>) -> FindSpec {
    FindSpec {
        sort: vec![("m".into(), false)],
        limit,
        ..FindSpec::default()
    }
}

/// That no task does much that the engine runs for `body`.
fn stays_short(body: impl AsyncFnOnce(&Watched, &Engine)) {
    let longest = longest_task(body);
    assert!(longest <= MOST_STEPS, "a task of {longest} steps");
}

#[test]
fn inserting_finding_and_merging_many_documents() {
    stays_short(async |world, engine| {
        write(world, engine, insert(RECORDS)).await;
        assert_eq!(found(world, engine, FindSpec::default()).await, RECORDS);
        assert_eq!(found(world, engine, sorted(None)).await, RECORDS);
        assert_eq!(found(world, engine, sorted(Some(2_000))).await, 2_000);
        assert_eq!(
            found(world, engine, sorted(Some(RECORDS as u64))).await,
            RECORDS
        );
        world.watch(engine.compact()).await.unwrap();
    });
}

fn update_all() -> WriteMany {
    let changes = Changes::new(from_json(br#"{"m":1,"more":2}"#), 2.0).without(&["n".into()]);
    WriteMany::update(&collection(), Query::all(), changes, None)
}

#[test]
fn changing_and_removing_many_documents_in_transactions() {
    let remove_all = || WriteMany::delete(&collection(), Query::all(), 0.0);
    stays_short(async |world, engine| {
        write(world, engine, insert(RECORDS)).await;
        for many in [update_all(), remove_all()] {
            let transaction = engine.begin().await.unwrap();
            write(world, &transaction, many).await;
            assert!(world.watch(transaction.commit()).await.unwrap());
        }
    });
}

/// A reference of documents of "children" to those of the collection, by a field and an index of its own.
fn reference(number: u64, field: &str, on_delete: OnDelete) -> (Index, Reference) {
    let index = Index {
        number,
        flags: flag::OF_REFERENCE,
        fields: vec![field.into()],
    };
    let reference = Reference {
        field: field.into(),
        collection: "docs".into(),
        on_delete,
        flags: 0,
        index: number,
    };
    (index, reference)
}

#[test]
fn many_documents_that_refer_to_one_that_goes() {
    let children = || Collection::new(&scope("a"), "children".into()).unwrap();
    stays_short(async |world, engine| {
        let both = [
            reference(1, "goes", OnDelete::Cascade),
            reference(2, "stays", OnDelete::SetNull),
        ];
        let (indexes, references) = both.into_iter().unzip();
        let definition = Definition {
            indexes,
            references,
            ..Definition::default()
        };
        let (record, name) = (definition.encode(), "children".into());
        let key = keys::collection_prefix(keys::DEFINITION, &scope("a"), name).unwrap();
        let define = engine.write(Box::new(move |w| {
            w.put(key.clone(), record.clone());
            Ok(())
        }));
        define.await.unwrap();
        let parent = Insert::new(&collection(), vec![named("1", "{}")]);
        write(world, engine, parent).await;
        let (mut ids, mut next) = (Ids::default(), 0u64);
        let mut random = |bytes: &mut [u8]| {
            for byte in bytes {
                next = next.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                *byte = (next >> 33) as u8;
            }
        };
        let docs = (0..RECORDS).map(|n| {
            let field = if n % 2 == 0 { "goes" } else { "stays" };
            let doc = from_json(format!(r#"{{"{field}":"1"}}"#).as_bytes());
            NewDoc::prepare(&doc, 1.0, &mut ids, &mut random).unwrap()
        });
        write(world, engine, Insert::new(&children(), docs.collect())).await;
        let everything = WriteMany::delete(&collection(), Query::all(), 2.0);
        write(world, engine, everything).await;
        let (mut cursor, mut count) = (Cursor::new(children().all(), false), 0);
        let left = engine.write(Box::new(move |w| {
            w.scan(&mut cursor, false, &mut |_, _| {
                count += 1;
                Ok(true)
            })?;
            Ok(count)
        }));
        assert_eq!(left.await.unwrap(), RECORDS / 2);
    });
}

fn named(id: &str, rest: &str) -> NewDoc {
    let text = rest.replacen('{', &format!(r#"{{"_id":"{id}","x":0,"#), 1);
    let text = text.replace(",}", "}");
    NewDoc::prepare(
        &from_json(text.as_bytes()),
        1.0,
        &mut Ids::default(),
        &mut |_| {},
    )
    .unwrap()
}

#[test]
fn setting_copying_and_deleting_many_keys() {
    stays_short(async |world, engine| {
        write(world, engine, set_many(RECORDS)).await;
        let [from, to] = ["a", "b"].map(|name| keys::encoded_scope(&scope(name)).unwrap());
        write(world, engine, nodes::Copy::new(from, to)).await;
        write(world, engine, DeleteMany::new(keys(RECORDS))).await;
    });
}

#[test]
fn transactions_of_many_writes() {
    stays_short(async |world, engine| {
        let transaction = engine.begin().await.unwrap();
        write(world, &transaction, insert(RECORDS)).await;
        assert_eq!(
            found(world, &transaction, FindSpec::default()).await,
            RECORDS
        );
        assert!(world.watch(transaction.commit()).await.unwrap());
        assert_eq!(found(world, engine, FindSpec::default()).await, RECORDS);
    });
}

#[test]
fn transactions_of_many_writes_that_meet_others() {
    stays_short(async |world, engine| {
        let transaction = engine.begin().await.unwrap();
        write(world, &transaction, insert(RECORDS)).await;
        assert_eq!(
            found(world, &transaction, FindSpec::default()).await,
            RECORDS
        );
        write(world, engine, insert(1)).await;
        assert!(!world.watch(transaction.commit()).await.unwrap());
    });
}

/// Writes as many keys, and fails then.
fn in_vain(records: usize) -> WriteWork<()> {
    let mut left = keys(records);
    Box::new(move |w| {
        while let Some(key) = left.pop() {
            w.put(key, Bytes::new());
            if left.len().is_multiple_of(32) {
                w.breathe()?;
            }
        }
        Err(Error::invalid("in vain").into())
    })
}

#[test]
fn many_writes_that_come_to_nothing() {
    stays_short(async |world, engine| {
        let failed = world.watch(engine.write(in_vain(RECORDS)));
        assert!(failed.await.is_err());
        let transaction = engine.begin().await.unwrap();
        write(world, &transaction, insert(RECORDS)).await;
        world.watch(async { transaction.abandon() }).await;
    });
}

#[test]
fn flushing_many_small_commits() {
    stays_short(async |world, engine| {
        let all = keys(RECORDS);
        for some in all.chunks(500) {
            let some = some.to_vec();
            let put = engine.write(Box::new(move |w| {
                some.iter().for_each(|key| w.put(key.clone(), Bytes::new()));
                Ok(())
            }));
            put.await.unwrap();
        }
        world.watch(engine.flush()).await.unwrap();
    });
}
