//! Transactions that do not end well, and connections that are cut.

use super::{delete_database, script};
use crate::conformance::{World, append, frame, get, id, open, open_noting, put, text, write};
use crate::{connector, fresh_name};
use futures_util::future::join;
use patchstore::backend::{Append, Backend, Durability, Event, Failure, Read, RecordKey};
use patchstore::env::Env;
use patchstore::env::browser::BrowserEnv;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;

fn world(name: &str) -> World {
    World {
        connector: Box::new(connector(name)),
        pause: Box::new(|| BrowserEnv.sleep(10)),
    }
}

/// Replaces a method of a prototype for the time of one call of it.
async fn sabotage(prototype: &str, method: &str, replacement: &str) {
    let body = format!(
        "const original = {prototype}.prototype.{method};
        {prototype}.prototype.{method} = function (...args) {{
            {prototype}.prototype.{method} = original;
            {replacement}
        }};"
    );
    script(&body, "").await.unwrap();
}

async fn is_untouched(backend: &Rc<dyn Backend>) {
    assert_eq!(get(backend, RecordKey::Head).await, None);
    write(backend, vec![put(RecordKey::Root, "goes on")])
        .await
        .unwrap();
}

#[wasm_bindgen_test]
async fn a_bare_abort_is_a_failure_for_lack_of_room() {
    let name = fresh_name("bare");
    let backend = open(&world(&name)).await;
    sabotage("IDBTransaction", "commit", "this.abort()").await;
    let outcome = write(&backend, vec![put(RecordKey::Head, "h")]).await;
    assert!(matches!(outcome, Err(Failure::Quota(_))), "{outcome:?}");
    is_untouched(&backend).await;
    sabotage("IDBTransaction", "commit", "this.abort()").await;
    let outcome = append(&backend, frame("a", Some(1))).await;
    assert!(matches!(outcome, Err(Failure::Quota(_))), "{outcome:?}");
    sabotage("IDBTransaction", "commit", "this.abort()").await;
    let decide = |_| Some(vec![put(RecordKey::Head, "h")]);
    let outcome = backend.flip(Box::new(decide), Durability::Relaxed).await;
    assert!(matches!(outcome, Err(Failure::Quota(_))), "{outcome:?}");
    sabotage("IDBTransaction", "commit", "this.abort()").await;
    let outcome = backend.read(vec![Read::Get(RecordKey::Head)]).await;
    assert!(matches!(outcome, Err(Failure::Aborted(..))), "{outcome:?}");
    is_untouched(&backend).await;
    drop(backend);
    delete_database(&name).await;
}

/// In WebKit, a transaction that is aborted just before its connection is closed stays silent.
#[wasm_bindgen_test]
async fn a_flip_that_fails_before_the_connection_closes_is_settled() {
    let name = fresh_name("silent");
    let backend = open(&world(&name)).await;
    let closing = Rc::clone(&backend);
    let decide = move |_| {
        BrowserEnv.spawn(Box::pin(async move { closing.close() }));
        Some(vec![
            put(RecordKey::Head, "h"),
            put(RecordKey::Frame(1), "refused"),
        ])
    };
    let outcome = backend.flip(Box::new(decide), Durability::Relaxed).await;
    assert!(matches!(outcome, Err(Failure::Aborted(..))), "{outcome:?}");
    drop(backend);
    delete_database(&name).await;
}

/// Gecko commits the rest when a request fails after an explicit commit, unless it is the last.
#[wasm_bindgen_test]
async fn a_request_that_fails_takes_the_whole_transaction_back() {
    let name = fresh_name("partial");
    let backend = open(&world(&name)).await;
    write(
        &backend,
        vec![
            put(RecordKey::Head, "old"),
            put(RecordKey::Piece(id(1)), "old"),
        ],
    )
    .await
    .unwrap();
    // A put that becomes an add fails when its time has come, not when it is issued.
    let add = "return this.add(...args)";
    sabotage("IDBObjectStore", "put", add).await;
    let writes = vec![put(RecordKey::Head, "new"), put(RecordKey::Root, "new")];
    let outcome = write(&backend, writes.clone()).await;
    assert!(matches!(outcome, Err(Failure::Aborted(..))), "{outcome:?}");
    assert_eq!(get(&backend, RecordKey::Root).await, None);

    sabotage("IDBObjectStore", "put", add).await;
    let flip = backend
        .flip(Box::new(|_| Some(writes)), Durability::Relaxed)
        .await;
    assert!(matches!(flip, Err(Failure::Aborted(..))), "{flip:?}");
    assert_eq!(get(&backend, RecordKey::Root).await, None);

    sabotage("IDBObjectStore", "put", add).await;
    let pieces = vec![(id(1), text("new")), (id(2), text("new"))];
    let outcome = append(
        &backend,
        Append {
            frame: text("a"),
            at: None,
            pieces,
        },
    )
    .await;
    assert!(matches!(outcome, Err(Failure::Aborted(..))), "{outcome:?}");
    assert_eq!(get(&backend, RecordKey::Piece(id(2))).await, None);
    assert_eq!(get(&backend, RecordKey::Frame(1)).await, None);
    assert_eq!(append(&backend, frame("b", None)).await.unwrap().number, 1);
    drop(backend);
    delete_database(&name).await;
}

#[wasm_bindgen_test]
async fn an_exception_takes_the_whole_transaction_back() {
    let name = fresh_name("thrown");
    let backend = open(&world(&name)).await;
    let throw =
        |exception: &str| format!("throw new DOMException('thrown by the test', '{exception}')");
    // The put goes through, the delete behind it does not.
    let writes = vec![
        put(RecordKey::Head, "h"),
        patchstore::backend::Write::Delete(RecordKey::Root),
    ];
    for (exception, is_quota) in [("QuotaExceededError", true), ("UnknownError", false)] {
        sabotage("IDBObjectStore", "delete", &throw(exception)).await;
        let (quota, cause) = match write(&backend, writes.clone()).await {
            Err(Failure::Quota(cause)) => (true, cause),
            Err(Failure::Aborted(why, cause)) => {
                assert_eq!(why, format!("{exception}: thrown by the test"));
                (false, cause)
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(quota, is_quota);
        assert!(cause.unwrap().downcast_ref::<JsValue>().is_some());
        is_untouched(&backend).await;
        sabotage("IDBObjectStore", "delete", &throw(exception)).await;
        let copy = writes.clone();
        let outcome = backend
            .flip(Box::new(|_| Some(copy)), Durability::Relaxed)
            .await;
        assert_eq!(
            matches!(outcome, Err(Failure::Quota(_))),
            is_quota,
            "{outcome:?}"
        );
        assert!(outcome.is_err());
        is_untouched(&backend).await;
    }
    drop(backend);
    delete_database(&name).await;
}

#[wasm_bindgen_test]
async fn the_close_event_ends_everything_as_lost() {
    let name = fresh_name("cut");
    let (backend, noted) = open_noting(&world(&name)).await;
    let spy = "globalThis.cut = this; return original.apply(this, args)";
    sabotage("IDBDatabase", "transaction", spy).await;
    write(&backend, vec![put(RecordKey::Head, "h")])
        .await
        .unwrap();
    let writing = append(&backend, frame("a", None));
    let reading = backend.read(vec![Read::Get(RecordKey::Head)]);
    let flipping = backend.flip(Box::new(|_| None), Durability::Relaxed);
    js_sys::eval("cut.dispatchEvent(new Event('close'))").unwrap();
    assert_eq!(*noted.borrow(), [Event::Lost]);
    assert!(matches!(writing.await, Err(Failure::Lost)));
    assert!(matches!(reading.await, Err(Failure::Lost)));
    assert!(matches!(flipping.await, Err(Failure::Lost)));
    assert!(matches!(
        write(&backend, vec![put(RecordKey::Root, "r")]).await,
        Err(Failure::Lost)
    ));
    js_sys::eval("cut.dispatchEvent(new Event('close'))").unwrap();
    BrowserEnv.sleep(50).await;
    assert_eq!(*noted.borrow(), [Event::Lost]);
    delete_database(&name).await;
}

#[wasm_bindgen_test]
async fn a_connection_closed_unawares_is_lost() {
    let name = fresh_name("unawares");
    let (backend, noted) = open_noting(&world(&name)).await;
    // The connection closes under our feet, and no event tells.
    let close = "this.close(); return original.apply(this, args)";
    sabotage("IDBDatabase", "transaction", close).await;
    let outcome = append(&backend, frame("a", None));
    assert_eq!(*noted.borrow(), [], "not told in the midst of the call");
    assert!(matches!(outcome.await, Err(Failure::Lost)));
    BrowserEnv.sleep(10).await;
    assert_eq!(*noted.borrow(), [Event::Lost]);
    drop(backend);

    // What is under way is reported as aborted, by nobody, for no reason: not a lack of room.
    let (backend, noted) = open_noting(&world(&name)).await;
    let close = "this.abort(); this.addEventListener('abort', () => this.db.close())";
    sabotage("IDBTransaction", "commit", close).await;
    let outcome = append(&backend, frame("a", None)).await;
    assert!(matches!(outcome, Err(Failure::Lost)), "{outcome:?}");
    BrowserEnv.sleep(10).await;
    assert_eq!(*noted.borrow(), [Event::Lost]);
    drop(backend);
    delete_database(&name).await;
}

/// What the simulated backend takes for granted: nothing that a closed connection has left half-way takes
/// effect in a database made anew.
#[wasm_bindgen_test]
async fn a_deletion_waits_for_the_flip_of_a_closed_connection() {
    let name = fresh_name("late");
    let backend = open(&world(&name)).await;
    let decide = |_| {
        let since_ms = BrowserEnv.monotonic_ms();
        // Time enough for the deletion to reach the browser.
        while BrowserEnv.monotonic_ms() - since_ms < 200.0 {}
        Some(vec![put(RecordKey::Head, "of an earlier life")])
    };
    let flip = backend.flip(Box::new(decide), Durability::Relaxed);
    backend.close();
    let (flip, ()) = join(flip, delete_database(&name)).await;
    assert!(flip.unwrap());
    assert_eq!(get(&open(&world(&name)).await, RecordKey::Head).await, None);
    delete_database(&name).await;
}
