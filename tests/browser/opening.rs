//! Opening what can and what cannot be opened.

use super::{delete_database, script};
use crate::conformance::{append, frame, put, write};
use crate::{connector, fresh_name};
use futures_util::FutureExt;
use patchstore::Code;
use patchstore::backend::indexeddb::{IndexedDbConnector, lock_name};
use patchstore::backend::{Backend, Connector, Event, Failure, RecordKey};
use patchstore::env::Env;
use patchstore::env::browser::BrowserEnv;
use rexie::{ObjectStore, Rexie, TransactionMode};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;

async fn open_with(connector: IndexedDbConnector) -> Result<Rc<dyn Backend>, patchstore::Error> {
    connector.open(Rc::new(|_| {})).await
}

async fn refused(name: &str) -> patchstore::Error {
    open_with(connector(name)).await.err().unwrap()
}

async fn foreign(name: &str, version: u32, stores: &[&str]) -> Rexie {
    let stores = stores
        .iter()
        .map(|store| ObjectStore::new(store).auto_increment(true));
    let builder = stores.fold(Rexie::builder(name).version(version), |builder, store| {
        builder.add_object_store(store)
    });
    builder.build().await.unwrap()
}

#[wasm_bindgen_test]
async fn a_foreign_database_stays_as_it_was() {
    let name = fresh_name("foreign");
    for stores in [
        &["kv"][..],
        &["head", "log", "runs"],
        &["head", "log", "runs", "blobs", "x"],
    ] {
        let database = foreign(&name, 1, stores).await;
        let transaction = database
            .transaction(&[stores[0]], TransactionMode::ReadWrite)
            .unwrap();
        let store = transaction.store(stores[0]).unwrap();
        store
            .put(&"value".into(), Some(&"key".into()))
            .await
            .unwrap();
        transaction.done().await.unwrap();
        database.close();

        let error = refused(&name).await;
        assert_eq!(error.code(), Code::UnsupportedFormat, "{error}");

        let database = foreign(&name, 1, stores).await;
        assert_eq!(database.store_names().len(), stores.len());
        let transaction = database
            .transaction(&[stores[0]], TransactionMode::ReadOnly)
            .unwrap();
        let store = transaction.store(stores[0]).unwrap();
        assert_eq!(store.get("key".into()).await.unwrap(), Some("value".into()));
        transaction.done().await.unwrap();
        database.close();
        delete_database(&name).await;
    }
}

#[wasm_bindgen_test]
async fn stores_of_our_names_but_another_make_are_foreign() {
    let name = fresh_name("make");
    let database = foreign(&name, 1, &["head", "log", "runs", "blobs"]).await;
    database.close();
    assert_eq!(refused(&name).await.code(), Code::UnsupportedFormat);
    delete_database(&name).await;
}

#[wasm_bindgen_test]
async fn a_later_version_is_of_another_format() {
    let name = fresh_name("version");
    let database = foreign(&name, 2, &["head"]).await;
    database.close();
    let error = refused(&name).await;
    assert_eq!(error.code(), Code::UnsupportedFormat);
    assert!(error.message().contains("VersionError"), "{error}");
    assert!(error.cause().unwrap().downcast_ref::<JsValue>().is_some());
    delete_database(&name).await;
}

#[wasm_bindgen_test]
async fn without_indexeddb_it_is_unavailable() {
    let replace = |property: &str| {
        format!(
            "globalThis.savedIndexedDb = Object.getOwnPropertyDescriptor(globalThis, 'indexedDB');
            Object.defineProperty(globalThis, 'indexedDB', {{ configurable: true, {property} }});"
        )
    };
    let restore =
        "if (savedIndexedDb) Object.defineProperty(globalThis, 'indexedDB', savedIndexedDb);
        else delete globalThis.indexedDB;";
    for (property, reason) in [
        ("value: undefined", "no IndexedDB"),
        (
            "get() { throw new DOMException('opaque', 'SecurityError') }",
            "SecurityError: opaque",
        ),
        (
            "value: { open() { throw new DOMException('private', 'InvalidStateError') } }",
            "InvalidStateError: private",
        ),
    ] {
        script(&replace(property), "").await.unwrap();
        let error = refused("anything").await;
        script(restore, "").await.unwrap();
        assert_eq!(error.code(), Code::Unavailable);
        assert!(error.message().contains(reason), "{error}");
    }
    let name = fresh_name("restored");
    drop(open_with(connector(&name)).await.unwrap());
    delete_database(&name).await;
}

/// Whether the browser lists such a database, be it one that is none.
async fn is_listed(name: &str) -> bool {
    let body = "const all = await indexedDB.databases();
        return all.some((info) => info.name === name)";
    script(body, name).await.unwrap().is_truthy()
}

/// Whether there is such a database. (WebKit lists one whose creation was taken back, too, with
/// version 0.)
async fn exists(name: &str) -> bool {
    let body = "const all = await indexedDB.databases();
        return all.some((info) => info.name === name && info.version > 0)";
    script(body, name).await.unwrap().is_truthy()
}

#[wasm_bindgen_test]
async fn who_cannot_open_in_time_is_blocked_and_leaves_nothing_open() {
    let name = fresh_name("blocked");
    // A deletion that has to wait for an old connection holds up every later open.
    let hold = "globalThis.held = await new Promise((done) => {
            const request = indexedDB.open(name, 1);
            request.onsuccess = () => done(request.result);
        });
        globalThis.deleted = new Promise((done) => {
            indexedDB.deleteDatabase(name).onsuccess = done;
        });";
    script(hold, &name).await.unwrap();
    let error = open_with(IndexedDbConnector::new(&name, 150))
        .await
        .err()
        .unwrap();
    assert_eq!(error.code(), Code::Blocked, "{error}");
    script("held.close(); await deleted", &name).await.unwrap();
    // The open that nobody waits for comes through now, and takes back what it created.
    BrowserEnv.sleep(200).await;
    assert!(!exists(&name).await);
    delete_database(&name).await;
}

#[wasm_bindgen_test]
async fn an_open_that_is_dropped_leaves_nothing_open() {
    let name = fresh_name("dropped");
    drop(open_with(connector(&name)).await.unwrap());
    for polls in [0, 1, 2, 3, 4, 6, 10, 20] {
        let connector = connector(&name);
        let mut opening = connector.open(Rc::new(|_| {}));
        // The further it is, the more there is to take back.
        for _ in 0..polls {
            if opening.as_mut().now_or_never().is_some() {
                break;
            }
            BrowserEnv.yield_now().await;
        }
        drop(opening);
    }
    BrowserEnv.sleep(100).await;
    delete_database(&name).await;
    holders_become(&name, 0).await;
}

/// Waits until so many hold the lock of a database or wait for it.
async fn holders_become(name: &str, expected: u32) {
    let body = "const { held, pending } = await navigator.locks.query();
        return [...held, ...pending].filter((lock) => lock.name === name).length";
    for _ in 0..100 {
        let count = script(body, &lock_name(name)).await.unwrap();
        if count == expected {
            return;
        }
        BrowserEnv.sleep(20).await;
    }
    panic!("the lock does not come to {expected} holders");
}

#[wasm_bindgen_test]
async fn open_connections_share_a_lock() {
    let name = fresh_name("lock");
    let (one, two) = (
        open_with(connector(&name)).await.unwrap(),
        open_with(connector(&name)).await.unwrap(),
    );
    holders_become(&name, 2).await;
    drop(one);
    let under_way = append(&two, frame("a", None));
    two.close();
    under_way.await.unwrap();
    BrowserEnv.sleep(50).await;
    holders_become(&name, 0).await;

    // Who deletes holds it alone; nobody gets in meanwhile.
    let exclusive = "globalThis.letGo = await new Promise((held) => {
        navigator.locks.request(name, () => new Promise((done) => held(done)));
    })";
    script(exclusive, &lock_name(&name)).await.unwrap();
    let error = open_with(IndexedDbConnector::new(&name, 100))
        .await
        .err()
        .unwrap();
    assert_eq!(error.code(), Code::Blocked, "{error}");
    script("letGo()", "").await.unwrap();
    holders_become(&name, 0).await;
    drop(open_with(connector(&name)).await.unwrap());
    delete_database(&name).await;
}

#[wasm_bindgen_test]
async fn a_deletion_closes_the_connection() {
    let name = fresh_name("deleted");
    let noted = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&noted);
    let events = Rc::new(move |event| sink.borrow_mut().push(event));
    let backend = connector(&name).open(events).await.unwrap();
    write(&backend, vec![put(RecordKey::Head, "h")])
        .await
        .unwrap();
    let under_way = append(&backend, frame("a", None));
    delete_database(&name).await;
    assert_eq!(*noted.borrow(), [Event::Deleted]);
    assert_eq!(under_way.await.unwrap().number, 1);
    assert!(matches!(
        append(&backend, frame("b", None)).await,
        Err(Failure::Lost)
    ));
    let again = open_with(connector(&name)).await.unwrap();
    let appended = append(&again, frame("c", None)).await.unwrap();
    assert_eq!((appended.number, appended.head), (1, None));
    drop(again);
    delete_database(&name).await;
}

#[wasm_bindgen_test]
async fn the_origins_room_is_known() {
    if let Some((usage, quota)) = connector("any").estimate().await {
        assert!(usage >= 0.0 && quota > usage, "{usage} of {quota}");
    }
}

#[wasm_bindgen_test]
async fn an_existing_database_is_opened_and_none_is_created() {
    let name = fresh_name("existing");
    let existing = || open_with(IndexedDbConnector::to_existing(&name, 5_000));
    for _ in 0..2 {
        let error = existing().await.err().unwrap();
        assert_eq!(error.code(), Code::NoPatch, "{error}");
        assert!(!is_listed(&name).await, "what is looked at is made");
    }
    drop(open_with(connector(&name)).await.unwrap());
    drop(existing().await.unwrap());
    delete_database(&name).await;
    for version in [1, 2] {
        foreign(&name, version, &["head"]).await.close();
        let error = existing().await.err().unwrap();
        assert_eq!(error.code(), Code::NoPatch, "{error}");
        assert!(exists(&name).await, "it stays");
        delete_database(&name).await;
    }
}
