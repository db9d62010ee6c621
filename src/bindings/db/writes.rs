//! Writes of documents that read what is there.

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use js_sys::{Array, Function, Promise};
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use super::{DbPort, prepared, query_of, thrown};
use crate::bindings::callback::{self, Callback};
use crate::bindings::strings::{self, all_received, received};
use crate::bindings::update::changed;
use crate::bindings::values::{self, decode};
use crate::bindings::{host, outcome};
use crate::codec::js_string::JsStr;
use crate::env::Env;
use crate::error::Result;
use crate::models::documents::{Cascade, Changes, Checked, Checks, WriteMany};
use crate::models::many;

/// A function that gets an encoded object and the id of its document, and returns the encoded object to store; after
/// the last document of a run it is called without any.
struct HostChecks(Callback);

impl Checks for HostChecks {
    fn check(&mut self, object: &Bytes, id: JsStr<'_>) -> Result<Bytes> {
        let object = values::encoded(object)?;
        values::stored(&self.0.call(&object, &strings::to_js(id)?)?)
    }

    fn end(&mut self) -> Result<()> {
        let nothing = JsValue::UNDEFINED;
        self.0.call(&nothing, &nothing).map(|_| ())
    }
}

/// The checks that a function makes, and what tells the end of the call.
fn checks(check: Option<Function>) -> (Checked, Option<Callback>) {
    let callback = check.map(Callback::new);
    let checks = callback.clone().map(|callback| {
        let checks: Box<dyn Checks> = Box::new(HostChecks(callback));
        checks
    });
    (checks, callback)
}

fn settled(callback: Option<Callback>, done: LocalBoxFuture<'static, Result<JsValue>>) -> Promise {
    match callback {
        Some(callback) => callback.settle(done),
        None => outcome::promise(done, Ok),
    }
}

fn changes(encoded: &JsValue, unset: &[String], now_ms: f64) -> Result<Changes> {
    Ok(Changes::new(values::stored(encoded)?, now_ms).without(&all_received(unset)?))
}

#[wasm_bindgen]
impl DbPort {
    /// Calls `change` with the encoded document (or undefined), and stores the encoded object that it returns in its place
    /// (undefined deletes). Resolves to the new document or null; rejects with what `change` throws.
    pub fn modify(&self, collection: &str, id: &str, change: Function) -> Result<Promise, JsValue> {
        let collection = self.collection(collection)?;
        let id = received(id).map_err(thrown)?;
        let now_ms = host::env().now_ms();
        let callback = Callback::new(change);
        let mut cascade = Cascade::new(now_ms);
        let mut change = {
            let callback = callback.clone();
            move |old: Option<&Bytes>| changed(&callback, old)
        };
        let done = callback::write(
            &self.session,
            Box::new(move |w| {
                let new = collection.modify(w, id.as_js(), now_ms, &mut change, &mut cascade)?;
                Ok(new.map_or(Ok(JsValue::NULL), |new| decode::decode(&new))?)
            }),
        );
        Ok(callback.settle(done))
    }

    /// Merges changes into a document, and takes the fields `unset` away. `check` is described at [`HostChecks`].
    /// Resolves to whether the document exists.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "wasm-bindgen hands vectors over"
    )]
    pub fn update(
        &self,
        collection: &str,
        id: &str,
        encoded: &JsValue,
        unset: Vec<String>,
        check: Option<Function>,
    ) -> Result<Promise, JsValue> {
        let collection = self.collection(collection)?;
        let id = received(id).map_err(thrown)?;
        let changes = changes(encoded, &unset, host::env().now_ms()).map_err(thrown)?;
        let (mut checks, callback) = checks(check);
        let done = callback::write(
            &self.session,
            Box::new(move |w| {
                let exists = collection.update(w, id.as_js(), &changes, &mut checks)?;
                Ok(exists.into())
            }),
        );
        Ok(settled(callback, done))
    }

    /// Merges a document into the one of its id, or of the same values in the fields `on` (none: by its id), or inserts it.
    /// Resolves to its id and whether it was inserted.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "wasm-bindgen hands vectors over"
    )]
    pub fn upsert(
        &self,
        collection: &str,
        encoded: &JsValue,
        on: Vec<String>,
        check: Option<Function>,
    ) -> Result<Promise, JsValue> {
        let collection = self.collection(collection)?;
        let now_ms = host::env().now_ms();
        let stored = values::stored(encoded).map_err(thrown)?;
        let doc = prepared(&stored, now_ms, false).map_err(thrown)?;
        let on = all_received(&on).map_err(thrown)?;
        let (mut checks, callback) = checks(check);
        let done = callback::write(
            &self.session,
            Box::new(move |w| {
                let done = collection.upsert(w, &doc, &on, now_ms, &mut checks)?;
                let id = strings::to_js(done.id.as_js())?;
                Ok(Array::of2(&id, &done.inserted.into()).into())
            }),
        );
        Ok(settled(callback, done))
    }

    /// The same as [`DbPort::update`] with all documents that match. Resolves to how many.
    #[wasm_bindgen(js_name = updateMany)]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "wasm-bindgen hands vectors over"
    )]
    pub fn update_many(
        &self,
        collection: &str,
        query: &JsValue,
        patterns: Option<Array>,
        encoded: &JsValue,
        unset: Vec<String>,
        check: Option<Function>,
    ) -> Result<Promise, JsValue> {
        let (collection, query) = (self.collection(collection)?, query_of(query, patterns)?);
        let changes = changes(encoded, &unset, host::env().now_ms()).map_err(thrown)?;
        let (checks, callback) = checks(check);
        let work = WriteMany::update(&collection, query, changes, checks);
        Ok(self.write_many(work, callback))
    }

    /// Deletes all documents that match. Resolves to how many.
    #[wasm_bindgen(js_name = deleteMany)]
    pub fn delete_many(
        &self,
        collection: &str,
        query: &JsValue,
        patterns: Option<Array>,
    ) -> Result<Promise, JsValue> {
        let (collection, query) = (self.collection(collection)?, query_of(query, patterns)?);
        let work = WriteMany::delete(&collection, query, host::env().now_ms());
        Ok(self.write_many(work, None))
    }

    fn write_many(&self, work: WriteMany, callback: Option<Callback>) -> Promise {
        let done = many::write(&self.session, Rc::new(host::env()), work);
        settled(
            callback,
            done.map(|done| done.and_then(outcome::count)).boxed_local(),
        )
    }
}
