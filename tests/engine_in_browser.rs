//! The engine and the models over real IndexedDB, in each of the three browser engines.
#![cfg(target_arch = "wasm32")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected must fail"
)]

use bytes::Bytes;
use futures_util::future::join_all;
use patchstore::Code;
use patchstore::backend::indexeddb::IndexedDbConnector;
use patchstore::codec::cell::{Cell, PieceRef};
use patchstore::codec::marks::NEVER;
use patchstore::codec::page::Page;
use patchstore::codec::page_builder::{CellHoles, PageBuilder};
use patchstore::codec::stamp::Fill;
use patchstore::codec::value::from_json;
use patchstore::engine::access::{Answer, Session};
use patchstore::engine::{self, Absent, Engine, Options, Reason};
use patchstore::env::Env;
use patchstore::env::browser::BrowserEnv;
use patchstore::models::documents::{Collection, Find, FindSpec, Ids, Insert, NewDoc};
use patchstore::models::keys::record_ranges;
use patchstore::models::kv;
use patchstore::models::many::Many;
use patchstore::models::query::Query;
use patchstore::models::scope::Scope;
use patchstore::record::Id;
use std::rc::Rc;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

fn fresh_name(test: &str) -> String {
    let mut random = [0; 8];
    BrowserEnv.fill_random(&mut random);
    format!("patchstore-test-{test}-{:016x}", u64::from_be_bytes(random))
}

async fn open(name: &str) -> Engine {
    let connector = IndexedDbConnector::new(name, 10_000);
    Engine::open(Rc::new(connector), Rc::new(BrowserEnv), Options::default())
        .await
        .unwrap()
}

async fn ready<T: 'static>(outcome: Answer<T>) -> T {
    match outcome {
        Answer::Ready(result) => result.unwrap(),
        Answer::Later(future) => future.await.unwrap(),
    }
}

fn scope() -> Scope {
    Scope::Name("store".into())
}

fn key(text: &str) -> Bytes {
    kv::Kv::new(&scope()).unwrap().key(text.into()).unwrap()
}

async fn set(engine: &Engine, at: &str, value: Bytes) {
    let at = key(at);
    let work = engine.write(Box::new(move |w| {
        kv::set(w, &at, &value, NEVER)?;
        Ok(())
    }));
    work.await.unwrap();
}

async fn get(engine: &Engine, at: &str) -> Option<Bytes> {
    let at = key(at);
    ready(engine.read(Box::new(move |r| kv::get(r, &at)))).await
}

async fn insert(engine: &Engine, count: usize, from: usize) {
    let collection = Collection::new(&scope(), "notes".into()).unwrap();
    let mut ids = Ids::default();
    let mut random = |bytes: &mut [u8]| BrowserEnv.fill_random(bytes);
    let docs = (from..from + count).map(|n| {
        let text = from_json(format!(r#"{{"n":{n},"text":"{}"}}"#, "x".repeat(250)).as_bytes());
        NewDoc::prepare(&text, 1.0, &mut ids, &mut random).unwrap()
    });
    let mut insert = Insert::new(&collection, docs.collect());
    let done = engine.write(Box::new(move |w| insert.step(w)));
    done.await.unwrap();
}

async fn found(engine: &Engine, query: Query) -> Vec<Bytes> {
    let collection = Collection::new(&scope(), "notes".into()).unwrap();
    let mut find = Find::new(&collection, query, FindSpec::default());
    let mut out = Vec::new();
    ready(engine.read(Box::new(move |r| {
        find.step(r, &mut |doc| {
            out.push(Bytes::copy_from_slice(doc));
            Ok(())
        })?;
        Ok(std::mem::take(&mut out))
    })))
    .await
}

fn number_in(doc: &[u8]) -> usize {
    let text = String::from_utf8_lossy(doc);
    let (_, rest) = text.split_once("\"n\":").unwrap();
    rest.split(',').next().unwrap().parse().unwrap()
}

#[wasm_bindgen_test]
async fn values_and_documents_outlive_flushes_merges_and_reopening() {
    let name = fresh_name("outlive");
    let mut engine = open(&name).await;
    let large = Bytes::from((0..300_000u32).map(|n| (n % 251) as u8).collect::<Vec<_>>());
    set(&engine, "large", large.clone()).await;
    set(&engine, "", Bytes::from_static(b"\x011")).await;
    // Above a mebibyte: written ahead, with holes where the frame's number goes.
    insert(&engine, 6000, 0).await;
    insert(&engine, 10, 6000).await;
    for round in 0..3 {
        let docs = found(&engine, Query::all()).await;
        let numbers: Vec<usize> = docs.iter().map(|doc| number_in(doc)).collect();
        assert_eq!(numbers, (0..6010).collect::<Vec<_>>(), "round {round}");
        let wanted = Query::compile(&from_json(br#"{"n":6003}"#), std::rc::Rc::new(())).unwrap();
        assert_eq!(found(&engine, wanted).await.len(), 1);
        assert_eq!(get(&engine, "large").await, Some(large.clone()));
        assert_eq!(get(&engine, "").await, Some(Bytes::from_static(b"\x011")));
        assert_eq!(get(&engine, "other").await, None);
        if round == 0 {
            engine.compact().await.unwrap();
        }
        engine.close().await;
        engine = open(&name).await;
    }
    engine.close().await;
    rexie::Rexie::delete(&name).await.unwrap();
}

#[wasm_bindgen_test]
async fn two_connections_lose_no_update() {
    let name = fresh_name("two");
    let tabs = [open(&name).await, open(&name).await];
    let add = |tab: &Engine| {
        let at = key("counter");
        let work = tab.write(Box::new(move |w| {
            let old = kv::get(w, &at)?.map_or(0, |v| u32::from_le_bytes(v[..].try_into().unwrap()));
            let new = Bytes::copy_from_slice(&(old + 1).to_le_bytes());
            kv::set(w, &at, &new, NEVER)?;
            Ok(())
        }));
        async move { work.await.unwrap() }
    };
    for _ in 0..40 {
        let both = tabs.iter().flat_map(|tab| [add(tab), add(tab), add(tab)]);
        join_all(both).await;
    }
    for tab in &tabs {
        tab.refresh().await.unwrap();
        assert_eq!(get(tab, "counter").await.unwrap(), 240u32.to_le_bytes()[..]);
        tab.close().await;
    }
    rexie::Rexie::delete(&name).await.unwrap();
}

async fn open_where(name: &str, absent: Absent) -> Result<Engine, patchstore::Error> {
    let connector = IndexedDbConnector::to_existing(name, 10_000);
    let options = Options {
        absent,
        ..Options::default()
    };
    Engine::open(Rc::new(connector), Rc::new(BrowserEnv), options).await
}

async fn delete(name: &str) -> bool {
    let connector = IndexedDbConnector::to_existing(name, 10_000);
    let deleted = engine::delete(Rc::new(connector), Rc::new(|| false)).await;
    deleted.unwrap()
}

#[wasm_bindgen_test]
async fn a_deleted_patch_is_gone_for_all_and_can_be_opened_at_once() {
    let name = fresh_name("deleted");
    assert!(!delete(&name).await);
    let refused = open_where(&name, Absent::Refuse).await.err().unwrap();
    assert_eq!(refused.code(), Code::NoPatch);
    let engines = [open(&name).await, open(&name).await];
    for n in 0..20 {
        set(
            &engines[n % 2],
            &format!("key {n}"),
            Bytes::from(vec![7; 9_000]),
        )
        .await;
    }
    assert!(delete(&name).await);
    assert!(!delete(&name).await);
    let again = open(&name).await;
    assert!(!ready(again.holds_any(&record_ranges())).await);
    for n in 0..20 {
        set(&again, &format!("new {n}"), Bytes::from_static(b"v")).await;
    }
    BrowserEnv.sleep(1_500).await;
    for engine in &engines {
        assert_eq!(engine.closed(), Some(Reason::Deleted));
    }
    assert_eq!(again.closed(), None);
    again.close().await;
    let last = open_where(&name, Absent::Refuse).await.unwrap();
    let stats = last.stats(record_ranges()).await.unwrap();
    assert_eq!(stats.records, 20);
    last.close().await;
    assert!(delete(&name).await);
}

#[wasm_bindgen_test]
async fn a_copy_is_there_at_once_and_is_the_same() {
    let (from, to) = (fresh_name("source"), fresh_name("copy"));
    let source = open(&from).await;
    for n in 0..30 {
        set(&source, &format!("key {n}"), Bytes::from(vec![n; 20_000])).await;
    }
    set(&source, "large", Bytes::from(vec![9; 200_000])).await;
    let target = Engine::open(
        Rc::new(IndexedDbConnector::new(&to, 10_000)),
        Rc::new(BrowserEnv),
        Options {
            absent: Absent::Prepare,
            ..Options::default()
        },
    );
    let target = target.await.unwrap();
    let refused = open_where(&to, Absent::Refuse).await.err().unwrap();
    assert_eq!(refused.code(), Code::NoPatch, "a draft is not there");
    let never = || Rc::new(|| false);
    let copied = source.copy_to(&target, record_ranges(), never());
    copied.await.unwrap();
    let again = source.copy_to(&target, record_ranges(), never()).await;
    assert_eq!(again.unwrap_err().code(), Code::Exists);
    target.close().await;
    let copy = open(&to).await;
    let all = |engine: &Engine| engine.stats(record_ranges());
    let (one, other) = (all(&source).await.unwrap(), all(&copy).await.unwrap());
    assert_eq!(
        (one.records, one.live_bytes),
        (other.records, other.live_bytes)
    );
    set(&copy, "key 0", Bytes::from_static(b"changed")).await;
    source.close().await;
    copy.close().await;
    assert!(delete(&from).await && delete(&to).await);
}

#[wasm_bindgen_test]
fn lengths_above_the_memory_are_read_as_written() {
    // Where addresses have 32 bits.
    for len in [1 << 32, 5 << 30, 1 << 35, 1 << 63, u64::MAX] {
        let piece = Cell::piece(PieceRef {
            id: Id([7; 16]),
            len,
            shared: false,
        });
        let mut builder = PageBuilder::default();
        builder.push(b"large", &piece, CellHoles::default());
        let page = Page::decode(builder.take(), Fill::default()).unwrap();
        assert_eq!(page.cell(0), Some(piece));
    }
    // An inline value that claims 4 GiB and a byte more, of which the low 32 bits say one.
    let mut builder = PageBuilder::default();
    let value = Cell::inline(Bytes::from_static(b"v"));
    builder.push(b"key", &value, CellHoles::default());
    let mut page = builder.take();
    page.truncate(page.len() - 2);
    page.extend([0x81, 0x80, 0x80, 0x80, 0x10, b'v']);
    assert_eq!(
        Page::decode(page, Fill::default()).unwrap_err().code(),
        Code::Corrupt
    );
}
