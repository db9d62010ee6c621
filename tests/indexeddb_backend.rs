//! The conformance suite on IndexedDB in a real browser, and what only a browser can show.
#![cfg(target_arch = "wasm32")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod browser;
mod conformance;

use patchstore::backend::indexeddb::IndexedDbConnector;
use patchstore::env::Env;
use patchstore::env::browser::BrowserEnv;
use wasm_bindgen_test::wasm_bindgen_test_configure;

wasm_bindgen_test_configure!(run_in_browser);

/// A database name that no other test and no earlier run has used.
fn fresh_name(test: &str) -> String {
    let mut random = [0; 8];
    BrowserEnv.fill_random(&mut random);
    format!("patchstore-test-{test}-{:016x}", u64::from_be_bytes(random))
}

/// A door to the database `name`, with time enough to open it.
fn connector(name: &str) -> IndexedDbConnector {
    IndexedDbConnector::new(name, 10_000)
}

mod conforms {
    use super::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    macro_rules! checks {
        ($($name:ident,)*) => {$(
            #[wasm_bindgen_test]
            async fn $name() {
                let name = fresh_name(stringify!($name));
                conformance::$name(conformance::World {
                    connector: Box::new(connector(&name)),
                    pause: Box::new(|| BrowserEnv.sleep(10)),
                })
                .await;
                browser::delete_database(&name).await;
            }
        )*};
    }
    every_check!(checks);
}
