//! Updates of one key by a JavaScript function.

use bytes::Bytes;
use futures_util::FutureExt;
use js_sys::{Function, Promise};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use super::errors;
use super::host;
use super::session::AnySession;
use super::values;
use crate::engine::access::Session;
use crate::error::{Error, Result};
use crate::models::kv;

/// Calls `change` with the encoded old value (or undefined) and stores the encoded value that it
/// returns (undefined deletes). If `change` throws, the promise rejects with that and nothing is written.
pub fn run(session: &AnySession, key: Bytes, change: Function) -> Promise {
    let thrown: Rc<RefCell<Option<JsValue>>> = Rc::default();
    let slot = Rc::clone(&thrown);
    let mut change = move |old: Option<Bytes>| -> Result<Option<Bytes>> {
        slot.take();
        let old = old.map_or(Ok(JsValue::UNDEFINED), |old| values::encoded(&old))?;
        match change.call1(&JsValue::UNDEFINED, &old) {
            Ok(new) if new.is_undefined() => Ok(None),
            Ok(new) => values::stored(&new).map(Some),
            Err(error) => {
                *slot.borrow_mut() = Some(error);
                Err(Error::internal("the change threw"))
            }
        }
    };
    let done = session.write(Box::new(move |w| {
        kv::update(w, &key, &mut change)?;
        Ok(())
    }));
    let settled = done.map(move |done| match done {
        Ok(()) => Ok(JsValue::UNDEFINED),
        Err(error) => Err(thrown.take().unwrap_or_else(|| errors::to_js(&error))),
    });
    host::promise(settled.boxed_local())
}
