//! What the storage is asked for so that it gives back the room of deleted records.

use super::{delete_database, script};
use crate::{connector, fresh_name};
use js_sys::Array;
use patchstore::backend::Connector;
use std::collections::BTreeSet;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use wasm_bindgen_test::wasm_bindgen_test;

/// Frames that are cut by then.
const POSITION: u64 = 10_000;

/// What is got from the log until [`looked_up`].
async fn listen() {
    let body = "const get = globalThis.originalGet = IDBObjectStore.prototype.get;
        globalThis.lookedUp = [];
        IDBObjectStore.prototype.get = function (key) {
            if (typeof key === 'number') lookedUp.push(key);
            return get.call(this, key);
        };";
    script(body, "").await.unwrap();
}

async fn looked_up() -> Vec<f64> {
    let body = "IDBObjectStore.prototype.get = originalGet;
        return lookedUp;";
    let keys: Array = script(body, "").await.unwrap().unchecked_into();
    keys.iter().filter_map(|key| key.as_f64()).collect()
}

#[wasm_bindgen_test]
async fn what_is_looked_up_in_vain_is_spread_over_the_last_frames_that_were_cut() {
    let name = fresh_name("reclaim");
    let opened = connector(&name).open(Rc::new(|_| {})).await;
    let backend = opened.unwrap();
    listen().await;
    backend.reclaim(POSITION, 0).await;
    let keys = looked_up().await;
    // A file of the storage is compacted once a hundred were looked up in it in vain.
    let different: BTreeSet<u64> = keys.iter().map(|key| *key as u64).collect();
    assert!(different.len() >= 400, "{}", different.len());
    let (first, last) = (different.first().unwrap(), different.last().unwrap());
    assert!((5_000..6_000).contains(first), "{first}");
    assert!((9_900..=10_000).contains(last), "{last}");
    drop(backend);
    delete_database(&name).await;
}
