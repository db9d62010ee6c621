//! What only a browser can show.

mod environment;
mod failures;
mod opening;
mod outside;
mod reclaim;

use js_sys::{Function, Promise};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// Runs the body of an async JavaScript function with one argument, `name`.
pub async fn script(body: &str, name: &str) -> Result<JsValue, JsValue> {
    let source = format!("return (async () => {{ {body} }})()");
    let promise = Function::new_with_args("name", &source).call1(&JsValue::NULL, &name.into())?;
    JsFuture::from(promise.unchecked_into::<Promise>()).await
}

/// Deletes a database; fails if anybody keeps it open.
pub async fn delete_database(name: &str) {
    let body = "await new Promise((done, failed) => {
        const request = indexedDB.deleteDatabase(name);
        request.onsuccess = done;
        request.onerror = () => failed(request.error);
        // A connection that is closing may still have a transaction to end.
        request.onblocked = () => setTimeout(failed, 2000, new Error('still open: ' + name));
    })";
    script(body, name).await.unwrap();
}
