//! Batches of a store: entries and keys that come in slices, for one call.

use bytes::Bytes;
use js_sys::{Promise, Uint8Array};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use super::{KvPort, delete_many, get_many, thrown};
use crate::bindings::batch::Lines;
use crate::bindings::host;
use crate::bindings::outcome::{self, Returned};
use crate::bindings::session::AnySession;
use crate::bindings::strings::all_received;
use crate::codec::marks::NEVER;
use crate::models::kv::{AddMany, Kv, SetMany};
use crate::models::many;

#[wasm_bindgen]
impl KvPort {
    /// An empty batch for keys and values.
    pub fn batch(&self) -> KvBatchPort {
        KvBatchPort {
            session: self.session.clone(),
            kv: self.kv.clone().into(),
            entries: RefCell::default(),
            keys: RefCell::default(),
        }
    }
}

/// Records' keys, stored values, and until when.
pub type Pairs = Vec<(Bytes, Bytes, u64)>;

/// A batch of entries to store, or of keys to read or delete.
#[wasm_bindgen]
pub struct KvBatchPort {
    session: AnySession,
    kv: RefCell<Kv>,
    entries: RefCell<Pairs>,
    keys: RefCell<Vec<Bytes>>,
}

impl KvBatchPort {
    /// The pairs and the keys that were pushed.
    #[must_use]
    pub fn take(&self) -> (Pairs, Vec<Bytes>) {
        (self.entries.take(), self.keys.take())
    }
}

#[wasm_bindgen]
impl KvBatchPort {
    /// Adds entries; [`Lines`] describes how values are passed. `until_ms`: of each as in [`KvPort::set`]; none: for good.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "wasm-bindgen hands vectors over"
    )]
    pub fn push(
        &self,
        keys: Vec<String>,
        lines: &str,
        exact_at: Vec<u32>,
        exact: Vec<Uint8Array>,
        _count: usize,
        until_ms: Option<Vec<f64>>,
    ) -> Result<(), JsValue> {
        let stored = Lines {
            lines,
            exact_at: &exact_at,
            exact: &exact,
        }
        .stored(keys.len())
        .map_err(thrown)?;
        let keys = all_received(&keys).map_err(thrown)?;
        let mut entries = self.entries.borrow_mut();
        let kv = self.kv.borrow();
        let mut until_ms = until_ms.into_iter().flatten();
        for (key, stored) in keys.iter().zip(stored) {
            let key = kv.key(key.as_js()).map_err(thrown)?;
            let until_ms = until_ms.next().map_or(NEVER, |ms| ms as u64);
            entries.push((key, stored.map_err(thrown)?, until_ms));
        }
        Ok(())
    }

    /// Adds keys.
    #[wasm_bindgen(js_name = pushKeys)]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "wasm-bindgen hands vectors over"
    )]
    pub fn push_keys(&self, keys: Vec<String>) -> Result<(), JsValue> {
        let kv = self.kv.borrow();
        for key in all_received(&keys).map_err(thrown)? {
            let key = kv.key(key.as_js()).map_err(thrown)?;
            self.keys.borrow_mut().push(key);
        }
        Ok(())
    }

    /// The values of the pushed keys, undefined for absent ones.
    #[wasm_bindgen(js_name = getMany)]
    pub fn get_many(&self) -> Returned {
        get_many(&self.session, self.keys.take())
    }

    /// Deletes the pushed keys. Resolves to how many existed.
    #[wasm_bindgen(js_name = deleteMany)]
    pub fn delete_many(&self) -> Promise {
        delete_many(&self.session, self.keys.take())
    }

    /// Directs later pushes to another store.
    #[wasm_bindgen(js_name = turnTo)]
    pub fn turn_to(&self, store: &KvPort) {
        self.kv.replace(store.kv.clone());
    }

    /// Stores the pushed entries whose keys do not exist yet. Resolves to how many were stored.
    #[wasm_bindgen(js_name = commitNew)]
    pub fn commit_new(&self) -> Promise {
        let many = AddMany::new(self.entries.take());
        let done = many::write(&self.session, Rc::new(host::env()), many);
        outcome::promise(done, outcome::count)
    }

    /// Stores the pushed entries.
    pub fn commit(&self) -> Promise {
        let many = SetMany::new(self.entries.take());
        let done = many::write(&self.session, Rc::new(host::env()), many);
        outcome::promise(done, outcome::nothing)
    }
}
