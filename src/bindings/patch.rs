//! Open patches.

use bytes::Bytes;
use futures_util::FutureExt;
use js_sys::{Array, Float64Array, Function, Promise, Uint8Array};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::adapter::AdapterPort;
use super::contents::{self, Caretaker, ContentsPort};
use super::db::DbPort;
use super::errors;
use super::host;
use super::kv::KvPort;
use super::op_log::OpLogPort;
use super::outcome::{self, Returned};
use super::scope::scope;
use super::session::AnySession;
use super::strings;
use super::subscription::SubscriptionPort;
use super::transaction::TransactionPort;
use super::upload::UploadPort;
use super::values;
use crate::codec::feature::Feature;
use crate::codec::kinds::key::CONTENT_PIECE;
use crate::engine::access::{Session, Writes, afresh};
use crate::engine::{Engine, Policy, Stats};
use crate::error::Result;
use crate::models::documents::live::Live;
use crate::models::{keys, many, nodes};

/// An open engine; the facade shares one between its handles.
#[wasm_bindgen]
pub struct PatchPort {
    engine: Engine,
    live: Live,
    /// Looks after contents, once there may be any.
    caretaker: RefCell<Option<Caretaker>>,
}

impl PatchPort {
    /// Of an open engine.
    #[must_use]
    pub fn new(engine: Engine) -> Self {
        let live = Live::new(&engine, Rc::new(host::env()));
        Self {
            engine,
            live,
            caretaker: RefCell::default(),
        }
    }

    /// The engine.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }
}

/// Whether to stop, as the facade's function answers; false if it throws.
pub fn asking(stopped: Function) -> Rc<dyn Fn() -> bool> {
    Rc::new(move || {
        let answer = stopped.call0(&JsValue::UNDEFINED);
        answer.is_ok_and(|answer| answer.is_truthy())
    })
}

/// The encoded scope of a node.
fn node(id: &str) -> Result<Bytes, JsValue> {
    scope(id, true)
        .and_then(|scope| keys::encoded_scope(&scope))
        .map_err(|error| errors::to_js(&error))
}

async fn looked_at(look: Function, found: Bytes) -> bool {
    let Ok(value) = values::decode::decode(&found) else {
        return false;
    };
    let Ok(looking) = look.call1(&JsValue::UNDEFINED, &value) else {
        return false;
    };
    // The facade's function returns a promise.
    let answer = JsFuture::from(looking.unchecked_into::<Promise>()).await;
    answer.is_ok_and(|answer| answer.is_truthy())
}

#[wasm_bindgen]
impl PatchPort {
    /// The key-value store of a scope.
    pub fn kv(&self, name: &str, is_node: bool) -> Result<KvPort, JsValue> {
        let session = AnySession::Engine(self.engine.clone());
        scope(name, is_node)
            .and_then(|scope| KvPort::new(session, &scope))
            .map_err(|error| errors::to_js(&error))
    }

    /// The document store of a scope.
    pub fn db(&self, name: &str, is_node: bool) -> Result<DbPort, JsValue> {
        let session = AnySession::Engine(self.engine.clone());
        scope(name, is_node)
            .map(|scope| DbPort::new(session, scope, Some(self.live.clone())))
            .map_err(|error| errors::to_js(&error))
    }

    /// Has writes logged from now on, for good.
    #[wasm_bindgen(js_name = switchOnOpLog, unchecked_return_type = "Promise<void>")]
    pub fn switch_on_op_log(&self) -> Promise {
        let switched = self.engine.switch_on(Feature::OpLog);
        outcome::promise(switched, outcome::nothing)
    }

    /// The op-log.
    #[wasm_bindgen(js_name = opLog)]
    #[must_use]
    pub fn op_log(&self) -> OpLogPort {
        OpLogPort::new(&self.engine)
    }

    /// The meta.
    #[must_use]
    pub fn meta(&self) -> KvPort {
        KvPort::of_kind(AnySession::Engine(self.engine.clone()), keys::META)
    }

    /// What storage adapters keep.
    #[wasm_bindgen(js_name = "adapterLater")]
    #[must_use]
    pub fn adapter(&self) -> AdapterPort {
        AdapterPort::new(&self.engine)
    }

    /// Contents.
    #[must_use]
    pub fn contents(&self) -> ContentsPort {
        self.look_after_contents();
        ContentsPort::new(AnySession::Engine(self.engine.clone()))
    }

    /// Begins to put a content; `hashes`: it is hashed along; `beside`: Blobs have its pieces' bytes.
    #[must_use]
    pub fn upload(&self, hashes: bool, beside: bool) -> UploadPort {
        UploadPort::new(&self.engine, hashes, beside)
    }

    /// Collects what nothing holds now and then, until the port is closed or freed.
    #[wasm_bindgen(js_name = lookAfterContents)]
    pub fn look_after_contents(&self) {
        let mut caretaker = self.caretaker.borrow_mut();
        caretaker.get_or_insert_with(|| Caretaker::of(&self.engine));
    }

    /// Deletes the contents that nothing holds. Resolves to how many.
    #[wasm_bindgen(js_name = collectContents)]
    pub fn collect_contents(&self) -> Promise {
        contents::collect(&self.engine)
    }

    /// Begins a transaction. With `in_turn`, other writers wait for it, because it has conflicted before.
    #[wasm_bindgen(unchecked_return_type = "Promise<TransactionPort>")]
    pub fn begin(&self, in_turn: bool) -> Promise {
        let beginning = match in_turn {
            true => self.engine.begin_in_turn(),
            false => self.engine.begin(),
        };
        outcome::promise(beginning, |begun| Ok(TransactionPort::new(begun).into()))
    }

    /// Makes all acknowledged writes survive a power failure.
    pub fn flush(&self) -> Promise {
        outcome::promise(self.engine.flush(), outcome::nothing)
    }

    /// The approximate number of stored bytes, before compression.
    #[wasm_bindgen(js_name = heldBytes)]
    #[expect(clippy::cast_precision_loss, reason = "no size comes near 2^53")]
    #[must_use]
    pub fn held_bytes(&self) -> f64 {
        self.engine.held_bytes() as f64
    }

    /// Whether any record is stored.
    #[wasm_bindgen(js_name = hasRecords)]
    pub fn has_records(&self) -> Returned {
        let found = self.engine.holds_any(&keys::record_ranges());
        outcome::read(found, outcome::plain)
    }

    /// Copies everything to a patch that holds no data, unless `stopped` says that it is not wanted
    /// any more.
    #[wasm_bindgen(js_name = "copyToLater")]
    pub fn copy_to(&self, target: &PatchPort, stopped: Function) -> Promise {
        let ranges = keys::data_ranges();
        let copied = self.engine.copy_to(&target.engine, ranges, asking(stopped));
        outcome::promise(copied, outcome::nothing)
    }

    /// Whether the storage accepts the Blobs of an encoded value. Stores it and passes what it reads back to `look`,
    /// which resolves to whether that is the same.
    #[wasm_bindgen(unchecked_return_type = "Promise<boolean>")]
    pub fn takes(&self, encoded: &Uint8Array, look: Function) -> Result<Promise, JsValue> {
        let value = values::taken(encoded).map_err(|error| errors::to_js(&error))?;
        let looking = Box::new(move |found: Bytes| looked_at(look, found).boxed_local());
        let taken = self.engine.takes(value, looking);
        Ok(outcome::promise(taken, outcome::plain))
    }

    /// Looks for other tabs' commits.
    pub fn refresh(&self) -> Promise {
        outcome::promise(self.engine.refresh(), outcome::nothing)
    }

    /// Merges segments and frees the space of dead data.
    pub fn compact(&self) -> Promise {
        outcome::promise(self.engine.compact(), outcome::nothing)
    }

    /// Resolves to the number of records, and to bytes: live, in the log, garbage, in Blobs.
    pub fn stats(&self) -> Promise {
        let records = self.engine.stats(keys::record_ranges());
        let pieces = self.engine.stats(vec![keys::all_of(CONTENT_PIECE)]);
        let both = async move { Ok((records.await?, pieces.await?)) };
        outcome::promise(both.boxed_local(), |(stats, pieces)| {
            Ok(numbers(&stats, pieces.live_bytes).into())
        })
    }

    /// The nodes that own data, as a flat list that alternates ids and bytes.
    pub fn nodes(&self) -> Returned {
        let begin = || Ok((nodes::Nodes::default(), Array::new()));
        let work = afresh(begin, |(nodes, out), r| {
            while let Some((id, bytes)) = nodes.step(r)? {
                out.push(&strings::to_js(id.as_js())?);
                out.push(&outcome::count(bytes)?);
            }
            Ok(out.clone().into())
        });
        outcome::read(self.engine.read(work), Ok)
    }

    /// Deletes everything that a node owns. Resolves to whether it owned anything.
    #[wasm_bindgen(js_name = deleteNode)]
    pub fn delete_node(&self, id: &str) -> Result<Promise, JsValue> {
        let scope = node(id)?;
        let mut delete = nodes::Delete::new(scope);
        let work = Box::new(move |w: &mut dyn Writes| delete.step(w));
        Ok(outcome::promise(self.engine.write(work), outcome::plain))
    }

    /// Copies everything that a node owns to another one, which must own nothing yet.
    #[wasm_bindgen(js_name = "copyNodeLater")]
    pub fn copy_node(&self, from: &str, to: &str) -> Result<Promise, JsValue> {
        let copy = nodes::Copy::new(node(from)?, node(to)?);
        let done = many::write(&self.engine, Rc::new(host::env()), copy);
        Ok(outcome::promise(done, outcome::nothing))
    }

    /// Obeys a policy of room, with those that it was given before: the strictest counts.
    pub fn limit(&self, threshold: f64, max_bytes: f64) {
        self.engine.obey(Policy {
            threshold,
            max_bytes,
        });
    }

    /// Which life of the patch this is: bytes that no other has.
    #[must_use]
    pub fn incarnation(&self) -> Vec<u8> {
        self.engine.incarnation().0.to_vec()
    }

    /// Calls `changed(remote, scopes)` after each commit, scopes as kinds and names in turn, `short(usage, quota,
    /// action)` where something is done for room, and `ended(reason)` once, until the port is freed.
    pub fn subscribe(
        &self,
        changed: Function,
        short: Function,
        ended: Function,
    ) -> SubscriptionPort {
        SubscriptionPort::new(&self.engine, changed, short, ended)
    }

    /// Waits for the calls in progress, then closes.
    pub fn close(&self) -> Promise {
        let engine = self.engine.clone();
        drop(self.caretaker.take());
        outcome::promise(
            Box::pin(async move {
                engine.close().await;
                Ok(())
            }),
            outcome::nothing,
        )
    }
}

#[expect(clippy::cast_precision_loss, reason = "no count comes near 2^53")]
fn numbers(stats: &Stats, blob_bytes: u64) -> Float64Array {
    let counts = [
        stats.records,
        stats.live_bytes,
        stats.log_bytes,
        stats.garbage_bytes,
        blob_bytes,
    ];
    Float64Array::from(&counts.map(|count| count as f64)[..])
}
