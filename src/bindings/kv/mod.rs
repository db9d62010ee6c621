//! Key-value stores. [`batch`] takes entries and keys in slices, [`listing`] hands out what a range holds.

pub mod batch;
mod listing;

use js_sys::{Function, Promise};
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use super::changes::ChangesPort;
use super::collect::Collector;
use super::errors;
use super::host;
use super::outcome::{self, Returned};
use super::range::spec;
use super::session::AnySession;
use super::strings::{all_received, received};
use super::update;
use super::values::{self, decode};
use super::watch::WatchPort;
use crate::engine::access::{Session, WriteWork, afresh};
use crate::error::{Error, Result};
use crate::models::Scope;
use crate::models::freshness::Freshness;
use crate::models::kv::{self, Clear, DeleteMany, GetMany, Kv};
use crate::models::many;
use listing::Listing;

/// A store of a patch or of a transaction. String arguments are encoded for [`received`].
#[wasm_bindgen]
pub struct KvPort {
    session: AnySession,
    kv: Kv,
}

impl KvPort {
    /// The store of a scope.
    ///
    /// # Errors
    /// `InvalidArgument` if the scope's name is not valid.
    pub fn new(session: AnySession, scope: &Scope) -> Result<Self> {
        Ok(Self {
            session,
            kv: Kv::new(scope)?,
        })
    }

    /// The store of a kind of keys that belong to no scope.
    #[must_use]
    pub fn of_kind(session: AnySession, kind: u8) -> Self {
        let kv = Kv::of_kind(kind);
        Self { session, kv }
    }

    fn record(&self, key: &str) -> Result<bytes::Bytes, JsValue> {
        received(key)
            .and_then(|key| self.kv.key(key.as_js()))
            .map_err(thrown)
    }

    fn records(&self, keys: &[String]) -> Result<Vec<bytes::Bytes>, JsValue> {
        let keys = all_received(keys).map_err(thrown)?;
        keys.iter()
            .map(|key| self.kv.key(key.as_js()))
            .collect::<Result<_>>()
            .map_err(thrown)
    }
}

fn thrown(error: Error) -> JsValue {
    errors::to_js(&error)
}

#[wasm_bindgen]
impl KvPort {
    /// Starts recording changes of the store; undefined in a transaction.
    #[must_use]
    pub fn changes(&self) -> Option<ChangesPort> {
        ChangesPort::new(&self.session, Freshness::of_pairs(self.kv.clone()))
    }

    /// The value, or undefined. Returns a promise if it must be loaded.
    pub fn get(&self, key: &str) -> Returned {
        let key = self.record(key)?;
        let found = self.session.read(Box::new(move |r| kv::get(r, &key)));
        outcome::read(found, |stored| {
            stored.map_or(Ok(JsValue::UNDEFINED), |it| decode::decode(&it))
        })
    }

    /// The time at which what is stored now expires, in ms since the epoch: after so many ms (`is_ttl`), or at that time;
    /// 0 where that has passed.
    pub fn until(&self, ms: f64, is_ttl: bool) -> Result<f64, JsValue> {
        let until_ms = kv::until_ms(ms, is_ttl, self.session.now_ms());
        until_ms.map(|until_ms| until_ms as f64).map_err(thrown)
    }

    /// Stores an encoded value until a time (0: removes it; infinite: for good). Reports the end to `done`, as
    /// [`outcome::tell`] describes.
    pub fn set(
        &self,
        key: &str,
        encoded: &JsValue,
        until_ms: f64,
        done: Function,
    ) -> Result<(), JsValue> {
        let key = self.record(key)?;
        let stored = values::stored(encoded).map_err(thrown)?;
        let work: WriteWork<()> = Box::new(move |w| {
            kv::set(w, &key, &stored, until_ms as u64)?;
            Ok(())
        });
        self.session.write_and_tell(work, outcome::tell(done));
        Ok(())
    }

    /// Deletes a key. Resolves to whether it existed.
    pub fn delete(&self, key: &str) -> Result<Promise, JsValue> {
        let key = self.record(key)?;
        let done = self.session.write(Box::new(move |w| kv::delete(w, &key)));
        Ok(outcome::promise(done, outcome::plain))
    }

    /// Whether a key exists.
    pub fn has(&self, key: &str) -> Returned {
        let key = self.record(key)?;
        outcome::read(
            self.session.read(Box::new(move |r| kv::has(r, &key))),
            outcome::plain,
        )
    }

    /// The contents of a range: its keys (`what` 0), its entries (1), the first page of its entries (2),
    /// the number of its keys (3), or a list of its keys and one of when each expires (4), in ms since the epoch, infinite if never.
    #[expect(
        clippy::too_many_arguments,
        reason = "an object would cost a crossing a field"
    )]
    pub fn range(
        &self,
        what: u8,
        prefix: Option<String>,
        gt: Option<String>,
        gte: Option<String>,
        lt: Option<String>,
        lte: Option<String>,
        reverse: bool,
        limit: f64,
    ) -> Returned {
        let spec = spec([prefix, gt, gte, lt, lte], reverse, limit).map_err(thrown)?;
        spec.check().map_err(thrown)?;
        let kv = self.kv.clone();
        let begin = move || Listing::new(what, &kv, &spec);
        outcome::read(self.session.read(afresh(begin, Listing::step)), Ok)
    }

    /// The values of many keys, undefined for absent ones.
    #[wasm_bindgen(js_name = getMany)]
    pub fn get_many(&self, keys: Vec<String>) -> Returned {
        get_many(&self.session, self.records(&keys)?)
    }

    /// Deletes many keys. Resolves to how many existed.
    #[wasm_bindgen(js_name = deleteMany)]
    pub fn delete_many(&self, keys: Vec<String>) -> Result<Promise, JsValue> {
        Ok(delete_many(&self.session, self.records(&keys)?))
    }

    /// Reads a value, calls `change` for the new encoded value, and stores that.
    pub fn update(&self, key: &str, change: Function) -> Result<Promise, JsValue> {
        Ok(update::run(&self.session, self.record(key)?, change))
    }

    /// Deletes every key.
    pub fn clear(&self) -> Promise {
        let mut clear = Clear::new(&self.kv);
        let done = self.session.write(Box::new(move |w| clear.step(w)));
        outcome::promise(done, outcome::nothing)
    }

    /// Calls `listener` with the encoded value after each commit that changes it, until the port is freed.
    pub fn watch(&self, key: &str, listener: Function) -> Result<WatchPort, JsValue> {
        match &self.session {
            AnySession::Engine(engine) => Ok(WatchPort::new(engine, self.record(key)?, listener)),
            AnySession::Transaction(_) => Err(thrown(Error::invalid(
                "watch is not available in a transaction",
            ))),
        }
    }

    /// The store of a name.
    pub fn store(&self, name: &str) -> Result<KvPort, JsValue> {
        let name = received(name).map_err(thrown)?;
        Self::new(self.session.clone(), &Scope::Name(name)).map_err(thrown)
    }
}

fn get_many(session: &AnySession, keys: Vec<bytes::Bytes>) -> Returned {
    let keys = Rc::new(keys);
    let begin = move || Ok((GetMany::new(keys.clone()), Collector::default()));
    let found = session.read(afresh(begin, |(many, out), r| {
        many.step(r, &mut |stored| match stored {
            Some(stored) => out.value(stored),
            None => out.absent(),
        })?;
        Ok(out.finish()?)
    }));
    outcome::read(found, Ok)
}

fn delete_many(session: &AnySession, keys: Vec<bytes::Bytes>) -> Promise {
    let done = many::write(session, Rc::new(host::env()), DeleteMany::new(keys));
    outcome::promise(done, outcome::count)
}
