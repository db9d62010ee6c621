//! The stores as others see them.

use super::{delete_database, script};
use crate::conformance::{append, frames, get, id, open, put, text, write};
use crate::{connector, fresh_name};
use bytes::Bytes;
use js_sys::Uint8Array;
use patchstore::backend::{Append, RecordKey};
use patchstore::env::Env;
use patchstore::env::browser::BrowserEnv;
use rexie::{Rexie, TransactionMode};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::wasm_bindgen_test;

fn world(name: &str) -> crate::conformance::World {
    crate::conformance::World {
        connector: Box::new(connector(name)),
        pause: Box::new(|| BrowserEnv.sleep(10)),
    }
}

#[wasm_bindgen_test]
async fn records_lie_where_they_should() {
    let name = fresh_name("outside");
    let backend = open(&world(&name)).await;
    let large = Bytes::from(vec![7; 100_000]);
    let slice = large.slice(10..20);
    let pieces = vec![(id(0xab), slice)];
    append(
        &backend,
        Append {
            frame: text("frame"),
            at: Some(5),
            pieces,
        },
    )
    .await
    .unwrap();
    let writes = vec![
        put(RecordKey::Head, "h"),
        put(RecordKey::Root, "r"),
        put(RecordKey::Run(id(0x01)), "run"),
    ];
    write(&backend, writes).await.unwrap();
    backend.close();

    let database = Rexie::builder(&name).version(1).build().await.unwrap();
    let mut names = database.store_names();
    names.sort();
    assert_eq!(names, ["blobs", "head", "log", "runs"]);
    let transaction = database
        .transaction(&names, TransactionMode::ReadOnly)
        .unwrap();
    let expected: [(&str, JsValue, &[u8]); 5] = [
        ("head", "head".into(), b"h"),
        ("head", "root".into(), b"r"),
        ("log", 5.into(), b"frame"),
        ("runs", "01".repeat(16).into(), b"run"),
        ("blobs", "ab".repeat(16).into(), &[7; 10]),
    ];
    let mut records = 0;
    for store in &names {
        records += transaction.store(store).unwrap().count(None).await.unwrap();
    }
    assert_eq!(records, 5);
    for (store, key, bytes) in expected {
        let value = transaction
            .store(store)
            .unwrap()
            .get(key)
            .await
            .unwrap()
            .unwrap();
        let array: Uint8Array = value.dyn_into().unwrap();
        assert_eq!(array.to_vec(), bytes);
        // The array's own buffer and nothing else was stored, not the memory it came from.
        assert_eq!(array.buffer().byte_length() as usize, bytes.len());
    }
    transaction.done().await.unwrap();
    database.close();
    delete_database(&name).await;
}

#[wasm_bindgen_test]
async fn what_is_not_bytes_reads_as_no_bytes() {
    let name = fresh_name("tampered");
    drop(open(&world(&name)).await);
    let tamper = "const database = await new Promise((done) => {
            const request = indexedDB.open(name, 1);
            request.onsuccess = () => done(request.result);
        });
        const transaction = database.transaction(['head', 'log', 'runs'], 'readwrite');
        transaction.objectStore('head').put('text', 'head');
        transaction.objectStore('log').put({ an: 'object' }, 3);
        transaction.objectStore('log').put('a key that no frame has', 'key');
        transaction.objectStore('runs').put(1, 'not an id');
        await new Promise((done) => { transaction.oncomplete = done; });
        database.close();";
    script(tamper, &name).await.unwrap();
    let backend = open(&world(&name)).await;
    assert_eq!(get(&backend, RecordKey::Head).await, Some(Bytes::new()));
    assert_eq!(frames(&backend).await, [(3, String::new())]);
    let ids = backend.read(vec![patchstore::backend::Read::Ids(
        patchstore::backend::IdStore::Runs,
    )]);
    assert_eq!(
        ids.await.unwrap(),
        [patchstore::backend::Reply::Ids(vec![])]
    );
    drop(backend);
    delete_database(&name).await;
}
