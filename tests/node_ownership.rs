//! What nodes own, over a real engine: several tabs, calls under way, data large and small.
#![cfg(not(target_arch = "wasm32"))]
#![expect(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected must fail"
)]

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use patchstore::backend::memory::MemoryConnector;
use patchstore::codec::js_string::JsString;
use patchstore::codec::marks::NEVER;
use patchstore::codec::value::from_json;
use patchstore::engine::access::{Answer, ReadWork, Session, WriteWork, afresh};
use patchstore::engine::{Engine, Options};
use patchstore::models::documents::{Collection, Find, FindSpec, Ids, Insert, NewDoc, Query};
use patchstore::models::kv::{self, Kv};
use patchstore::models::many::Many;
use patchstore::models::{Scope, keys, nodes};
use patchstore::simulation::SimEnv;
use patchstore::{Code, Result};
use std::rc::Rc;

type Done<T> = LocalBoxFuture<'static, Result<T>>;

fn node(id: &str) -> Scope {
    Scope::Node(id.into())
}

fn collection(scope: &Scope) -> Collection {
    Collection::new(scope, JsString::from("c").as_js()).unwrap()
}

async fn open(connector: &MemoryConnector, env: &SimEnv) -> Engine {
    let env = Rc::new(env.clone());
    Engine::open(Rc::new(connector.clone()), env, Options::default())
        .await
        .unwrap()
}

async fn read<T: 'static>(engine: &Engine, work: ReadWork<T>) -> T {
    match engine.read(work) {
        Answer::Ready(result) => result.unwrap(),
        Answer::Later(result) => result.await.unwrap(),
    }
}

fn write<T: 'static>(engine: &Engine, work: WriteWork<T>) -> Done<T> {
    engine.write(work)
}

fn insert(engine: &Engine, scope: &Scope, id: &str, text: &str) -> Done<()> {
    let stored = from_json(format!("{{\"_id\":\"{id}\",\"text\":\"{text}\"}}").as_bytes());
    let doc = NewDoc::prepare(&stored, 5.0, &mut Ids::default(), &mut |_| {}).unwrap();
    let mut insert = Insert::new(&collection(scope), vec![doc]);
    write(engine, Box::new(move |w| insert.step(w)))
}

fn set(engine: &Engine, scope: &Scope, key: &str, text: &str) -> Done<()> {
    let key = Kv::new(scope).unwrap().key(JsString::from(key).as_js());
    let (key, value) = (key.unwrap(), from_json(format!("\"{text}\"").as_bytes()));
    let work = move |w: &mut dyn patchstore::engine::access::Writes| {
        kv::set(w, &key, &value, NEVER)?;
        Ok(())
    };
    write(engine, Box::new(work))
}

fn copy(engine: &Engine, from: &Scope, to: &Scope) -> Done<()> {
    let mut copy = nodes::Copy::new(encoded(from), encoded(to));
    write(engine, Box::new(move |w| copy.step(w)))
}

fn encoded(scope: &Scope) -> Bytes {
    keys::encoded_scope(scope).unwrap()
}

fn delete(engine: &Engine, scope: &Scope) -> Done<bool> {
    let scope = encoded(scope);
    let mut delete = nodes::Delete::new(scope);
    write(engine, Box::new(move |w| delete.step(w)))
}

async fn list(engine: &Engine) -> Vec<(String, u64)> {
    let begin = || Ok((nodes::Nodes::default(), Vec::new()));
    let work = afresh(begin, |(nodes, found), r| {
        while let Some(node) = nodes.step(r)? {
            found.push(node);
        }
        Ok(std::mem::take(found))
    });
    let found = read(engine, work).await;
    let named = |(id, bytes): (JsString, u64)| (id.as_js().to_display().to_string(), bytes);
    found.into_iter().map(named).collect()
}

/// Everything under a scope, without the scope.
async fn owned(engine: &Engine, scope: &Scope) -> Vec<(usize, Bytes, Bytes)> {
    let mut all = Vec::new();
    for (at, kind) in keys::OWNED.into_iter().enumerate() {
        let range = keys::range_of(kind, &encoded(scope));
        let begin = range.from.len();
        let mut cursor = patchstore::engine::access::Cursor::new(range, false);
        let mut some = Vec::new();
        let work: ReadWork<Vec<_>> = Box::new(move |r| {
            while let Some((key, value)) = r.next(&mut cursor)? {
                some.push((at, key.slice(begin..), value));
            }
            Ok(std::mem::take(&mut some))
        });
        all.extend(read(engine, work).await);
    }
    all
}

async fn texts(engine: &Engine, scope: &Scope) -> Vec<Bytes> {
    let (of, query) = (
        collection(scope),
        Query::compile(&from_json(b"{}"), std::rc::Rc::new(())),
    );
    let mut find = Find::new(&of, query.unwrap(), FindSpec::default());
    let mut all = Vec::new();
    let work: ReadWork<Vec<Bytes>> = Box::new(move |r| {
        find.step(r, &mut |doc| {
            all.push(Bytes::copy_from_slice(doc));
            Ok(())
        })?;
        Ok(std::mem::take(&mut all))
    });
    read(engine, work).await
}

/// A document that is not committed yet has no place yet: its copy must get the real one.
#[test]
fn what_is_under_way_is_copied_and_gets_its_real_place() {
    let env = SimEnv::new(1);
    env.clone().block_on(async move {
        let connector = MemoryConnector::new();
        let engine = open(&connector, &env).await;
        let (a, b) = (node("a"), node("b"));
        insert(&engine, &a, "committed", "0").await.unwrap();
        let calls = [
            insert(&engine, &a, "one", "1"),
            insert(&engine, &a, "two", "2"),
            set(&engine, &a, "k", "v"),
            copy(&engine, &a, &b),
            insert(&engine, &b, "three", "3"),
            insert(&engine, &a, "four", "4"),
        ];
        assert_eq!(list(&engine).await.len(), 2, "its own writes show at once");
        for call in calls {
            call.await.unwrap();
        }
        engine.close().await;
        let other = open(&connector, &env).await;
        for (scope, ids) in [(&a, ["one", "two", "four"]), (&b, ["one", "two", "three"])] {
            let docs = texts(&other, scope).await;
            assert_eq!(docs.len(), 4);
            for (doc, id) in docs.iter().skip(1).zip(ids) {
                assert!(doc.windows(id.len()).any(|it| it == id.as_bytes()), "{id}");
                let (of, id) = (collection(scope), JsString::from(id));
                let found = read(&other, Box::new(move |r| of.get(r, id.as_js()))).await;
                assert_eq!(found.as_ref(), Some(doc));
            }
        }
    });
}

#[test]
fn large_nodes_are_copied_listed_and_deleted_whole() {
    let env = SimEnv::new(2);
    env.clone().block_on(async move {
        let connector = MemoryConnector::new();
        let engine = open(&connector, &env).await;
        let (a, b) = (node("a"), node("b"));
        let text = "x".repeat(900);
        for n in 0..3000 {
            let doc = insert(&engine, &a, &n.to_string(), &text);
            drop(set(&engine, &a, &n.to_string(), &text));
            doc.await.unwrap();
            if n == 2000 {
                engine.compact().await.unwrap();
            }
        }
        set(&engine, &a, "piece", &"y".repeat(300_000))
            .await
            .unwrap();
        set(&engine, &Scope::Name("a".into()), "k", &text)
            .await
            .unwrap();
        // More of its own under way than fits one frame.
        let call = copy(&engine, &a, &b);
        let after = set(&engine, &b, "after", "v");
        call.await.unwrap();
        after.await.unwrap();
        for round in 0..2 {
            let mut copied = owned(&engine, &b).await;
            copied.retain(|(at, key, _)| *at != 0 || !key.starts_with(b"after"));
            assert!(copied == owned(&engine, &a).await, "round {round}");
            assert_eq!(copied.len(), 3 * 3000 + 2);
            let ranges = [&a, &b].map(|scope| {
                [keys::KV, keys::DOCUMENT].map(|kind| keys::range_of(kind, &encoded(scope)))
            });
            let found = list(&engine).await;
            for ((id, bytes), ranges) in found.iter().zip(ranges) {
                let stats = engine.stats(ranges.into()).await;
                assert_eq!(*bytes, stats.unwrap().live_bytes, "{id} in round {round}");
            }
            assert_eq!(found.len(), 2);
            engine.compact().await.unwrap();
        }
        let other = open(&connector, &env).await;
        assert!(delete(&other, &a).await.unwrap());
        assert!(!delete(&other, &a).await.unwrap());
        assert!(!delete(&engine, &a).await.unwrap());
        assert_eq!(list(&engine).await.len(), 1);
        assert_eq!(owned(&engine, &a).await, []);
        assert_eq!(owned(&engine, &b).await.len(), 3 * 3000 + 3);
        assert!(owned(&engine, &Scope::Name("a".into())).await.len() == 1);
    });
}

/// Another tab that writes to the target is either before the copy, which then is refused, or
/// after it: there is no half.
#[test]
fn a_copy_and_a_write_to_its_target_exclude_each_other() {
    let (mut refused, mut copied) = (0, 0);
    for seed in 0..60 {
        let env = SimEnv::new(seed);
        let ok = env.clone().block_on(async move {
            let connector = MemoryConnector::new();
            let one = open(&connector, &env).await;
            let two = open(&connector, &env).await;
            let (a, b) = (node("a"), node("b"));
            for n in 0..20 {
                set(&one, &a, &n.to_string(), "v").await.unwrap();
            }
            two.refresh().await.unwrap();
            let (first, second) = if env.random_below(2) == 0 {
                let first = copy(&one, &a, &b);
                (first, set(&two, &b, "7", "mine"))
            } else {
                let second = set(&two, &b, "7", "mine");
                (copy(&one, &a, &b), second)
            };
            let (first, second) = futures_util::future::join(first, second).await;
            second.unwrap();
            one.refresh().await.unwrap();
            let owned = owned(&one, &b).await;
            match first {
                Ok(()) => assert_eq!(owned.len(), 20),
                Err(ref error) => {
                    assert_eq!(error.code(), Code::Exists);
                    assert_eq!(owned.len(), 1);
                }
            }
            let mine = from_json(b"\"mine\"");
            assert_eq!(owned.iter().filter(|(_, _, v)| *v == mine).count(), 1);
            first.is_ok()
        });
        if ok { copied += 1 } else { refused += 1 }
    }
    assert!(
        refused > 0 && copied > 0,
        "{refused} refused, {copied} copied"
    );
}
