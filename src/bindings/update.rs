//! Updates of one key by a JavaScript function.

use bytes::Bytes;
use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;

use super::callback::{self, Callback};
use super::session::AnySession;
use super::values;
use crate::engine::access::Writes;
use crate::error::Result;
use crate::models::kv;

/// Calls `change` with the encoded old value (or undefined) and stores the encoded value that it
/// returns (undefined deletes). If `change` throws, the promise rejects with that and nothing is written.
pub fn run(session: &AnySession, key: Bytes, change: Function) -> Promise {
    let callback = Callback::new(change);
    let mut change = {
        let callback = callback.clone();
        move |old: Option<Bytes>| changed(&callback, old.as_ref())
    };
    let work = Box::new(move |w: &mut dyn Writes| {
        kv::update(w, &key, &mut change)?;
        Ok(JsValue::UNDEFINED)
    });
    callback.settle(callback::write(session, work))
}

/// The stored value that a function gives for an old one; `None` for undefined.
///
/// # Errors
/// Those of [`Callback::call`], and of a value that cannot be taken.
pub fn changed(callback: &Callback, old: Option<&Bytes>) -> Result<Option<Bytes>> {
    let old = old.map_or(Ok(JsValue::UNDEFINED), |old| values::encoded(old))?;
    let new = callback.call(&old, &JsValue::UNDEFINED)?;
    if new.is_undefined() {
        return Ok(None);
    }
    values::stored(&new).map(Some)
}
