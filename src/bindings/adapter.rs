//! What storage adapters keep: records, meta and a log of their own.

use futures_util::FutureExt;
use js_sys::{Array, Float64Array, Promise};
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use super::collect::Collector;
use super::host;
use super::kv::KvPort;
use super::kv::batch::KvBatchPort;
use super::outcome::{self, Returned};
use super::session::AnySession;
use crate::engine::Engine;
use crate::engine::access::{Session, Writes, afresh};
use crate::env::Env;
use crate::models::adapter_log::{self, Append, Pending, Prune};
use crate::models::{keys, many};

/// One adapter on a patch.
#[wasm_bindgen(js_name = "AdapterPortLater")]
pub struct AdapterPort {
    engine: Engine,
    /// What the entries are known by that this one appends.
    owner: u64,
}

impl AdapterPort {
    /// Another one.
    #[must_use]
    pub fn new(engine: &Engine) -> Self {
        let mut owner = [0; 8];
        host::env().fill_random(&mut owner);
        Self {
            engine: engine.clone(),
            owner: u64::from_le_bytes(owner),
        }
    }
}

/// An id as the facade names it: a number that it has checked.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an `as` of too large a number is the largest"
)]
fn id(number: f64) -> u64 {
    number as u64
}

#[wasm_bindgen(js_class = "AdapterPortLater")]
impl AdapterPort {
    /// The records.
    #[must_use]
    pub fn data(&self) -> KvPort {
        KvPort::of_kind(
            AnySession::Engine(self.engine.clone()),
            keys::ADAPTER_RECORD,
        )
    }

    /// The meta.
    #[must_use]
    pub fn meta(&self) -> KvPort {
        KvPort::of_kind(AnySession::Engine(self.engine.clone()), keys::ADAPTER_META)
    }

    /// Stores the values that were pushed to `batch` but the last, removes the keys that were pushed, and appends that
    /// last value to the log; its id.
    #[wasm_bindgen(unchecked_return_type = "Promise<number>")]
    pub fn append(&self, batch: &KvBatchPort) -> Promise {
        let (mut stored, removed) = batch.take();
        let (_, entry, _) = stored.pop().unwrap_or_default();
        let stored = stored.into_iter().map(|(key, value, _)| (key, Some(value)));
        let removed = removed.into_iter().map(|key| (key, None));
        let append = Append::new(self.owner, entry, stored.chain(removed).collect());
        let done = many::write(&self.engine, Rc::new(host::env()), append);
        outcome::promise(done, outcome::count)
    }

    /// Resolves when every earlier call is settled.
    pub fn settled(&self) -> Promise {
        let settled = self.engine.settled().map(Ok);
        outcome::promise(settled.boxed_local(), outcome::nothing)
    }

    /// The ids of all entries that are committed, and their values.
    #[expect(clippy::cast_precision_loss, reason = "ids end before that")]
    pub fn pending(&self) -> Returned {
        let begin = || Ok((Pending::default(), Vec::new(), Collector::default()));
        let work = afresh(begin, |(pending, ids, out), r| {
            pending.step(r, &mut |id, stored| {
                ids.push(id as f64);
                out.value(stored)
            })?;
            let both = Array::new();
            both.push(&Float64Array::from(&ids[..]));
            both.push(&out.finish()?);
            Ok(both.into())
        });
        outcome::read(self.engine.read_committed(work), Ok)
    }

    /// Removes the entries up to an id that this one has appended, or that are not above `handed_out`.
    pub fn prune(&self, handed_out: f64, up_to: f64) -> Promise {
        let mut prune = Prune::new(self.owner, id(handed_out), id(up_to));
        let done = self.engine.write(Box::new(move |w| prune.step(w)));
        outcome::promise(done, outcome::nothing)
    }

    /// Removes an entry, if it is there.
    #[wasm_bindgen(js_name = deleteOp)]
    pub fn delete_op(&self, number: f64) -> Promise {
        let work = Box::new(move |w: &mut dyn Writes| adapter_log::delete(w, id(number)));
        outcome::promise(self.engine.write(work), outcome::nothing)
    }
}
