//! The conformance suite on IndexedDB in a service worker, which has no `window` and forbids more
//! than any other realm.
#![cfg(target_arch = "wasm32")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod conformance;

use patchstore::backend::indexeddb::IndexedDbConnector;
use patchstore::env::Env;
use patchstore::env::browser::BrowserEnv;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_service_worker);

macro_rules! checks {
    ($($name:ident,)*) => {$(
        #[wasm_bindgen_test]
        async fn $name() {
            let name = format!("{}-{}", stringify!($name), BrowserEnv.now_ms());
            conformance::$name(conformance::World {
                connector: Box::new(IndexedDbConnector::new(&name, 10_000)),
                pause: Box::new(|| BrowserEnv.sleep(10)),
            })
            .await;
        }
    )*};
}
every_check!(checks);

#[wasm_bindgen_test]
async fn yielding_needs_no_window() {
    BrowserEnv.yield_now().await;
    assert!(BrowserEnv.monotonic_ms() > 0.0);
}
