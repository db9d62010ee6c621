//! Open patches.

use crate::sorted::SortedMap;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use js_sys::{Array, Float64Array, Function, Promise, Uint8Array};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::db::DbPort;
use super::errors;
use super::host;
use super::kv::KvPort;
use super::outcome::{self, Returned};
use super::scope::scope;
use super::session::AnySession;
use super::strings;
use super::transaction::TransactionPort;
use super::values;
use crate::backend::indexeddb::IndexedDbConnector;
use crate::backend::memory::MemoryConnector;
use crate::backend::{Connector, Durability};
use crate::engine::access::{Session, Writes, afresh};
use crate::engine::{Absent, Engine, Notice, Options, Policy, Realm, Reason, Stats, Subscription};
use crate::error::Result;
use crate::models::{Scope, keys, many, nodes};

/// Opens the engine of one database; `absent`: 0 creates a patch where there is none, 1 begins one that is
/// not there before something is copied to it, 2 refuses, and so does 3, of a database that was listed a moment ago.
#[wasm_bindgen(js_name = openPort, unchecked_return_type = "Promise<PatchPort>")]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the facade checks these; an `as` of too large a number is the largest"
)]
pub fn open_port(
    database: &str,
    in_memory: bool,
    strict: bool,
    cache_bytes: f64,
    open_timeout_ms: f64,
    absent: u8,
) -> Promise {
    let is_listed = absent == 3;
    let absent = match absent {
        0 => Absent::Create,
        1 => Absent::Prepare,
        _ => Absent::Refuse,
    };
    let timeout_ms = open_timeout_ms as u32;
    let connector: Rc<dyn Connector> = match absent {
        _ if in_memory => Rc::new(memory(database)),
        Absent::Refuse if is_listed => Rc::new(IndexedDbConnector::to_listed(database, timeout_ms)),
        Absent::Refuse => Rc::new(IndexedDbConnector::to_existing(database, timeout_ms)),
        _ => Rc::new(IndexedDbConnector::new(database, timeout_ms)),
    };
    let mut options = Options {
        durability: if strict {
            Durability::Strict
        } else {
            Durability::Relaxed
        },
        cache_bytes: cache_bytes as usize,
        absent,
        ..Options::default()
    };
    if in_memory || absent != Absent::Create {
        // Nobody else can commit to it, or it is not open for long.
        options.poll_ms = 0;
    }
    let realm = REALM.with(Rc::clone);
    opened(Engine::open_in(
        realm,
        connector,
        Rc::new(host::env()),
        options,
    ))
}

/// A promise of the engine that is being opened.
pub(super) fn opened(opening: LocalBoxFuture<'static, Result<Engine>>) -> Promise {
    outcome::promise(opening, |engine| Ok(PatchPort { engine }.into()))
}

thread_local! {
    /// The databases in memory, by name: they last as long as the page does.
    static MEMORIES: RefCell<SortedMap<String, MemoryConnector>> = RefCell::default();
    /// What all patches of this page or worker share.
    static REALM: Rc<Realm> = Rc::default();
}

fn memory(database: &str) -> MemoryConnector {
    MEMORIES.with_borrow_mut(|memories| {
        if let Some(known) = memories.get(database) {
            return known.clone();
        }
        let made = MemoryConnector::default();
        memories.insert(database.into(), made.clone());
        made
    })
}

/// One open engine.
#[wasm_bindgen]
pub struct PatchPort {
    engine: Engine,
}

/// What the facade's function says of whether work is still wanted.
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
    // The facade's function promises.
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
            .map(|scope| DbPort::new(session, scope))
            .map_err(|error| errors::to_js(&error))
    }

    /// Begins a transaction; `in_turn`: others wait for it, since it has conflicted before.
    #[wasm_bindgen(unchecked_return_type = "Promise<TransactionPort>")]
    pub fn begin(&self, in_turn: bool) -> Promise {
        let beginning = match in_turn {
            true => self.engine.begin_in_turn(),
            false => self.engine.begin(),
        };
        outcome::promise(beginning, |begun| Ok(TransactionPort::new(begun).into()))
    }

    /// Makes what was acknowledged survive a power cut.
    pub fn flush(&self) -> Promise {
        outcome::promise(self.engine.flush(), outcome::nothing)
    }

    /// About how many bytes are stored, before compression.
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

    /// Copies everything to a patch that holds no record, unless `stopped` says that it is not wanted
    /// any more. False: it must be begun anew.
    #[wasm_bindgen(js_name = copyTo, unchecked_return_type = "Promise<boolean>")]
    pub fn copy_to(&self, target: &PatchPort, stopped: Function) -> Promise {
        let ranges = keys::record_ranges();
        let copied = self.engine.copy_to(&target.engine, ranges, asking(stopped));
        outcome::promise(copied, outcome::plain)
    }

    /// Whether the storage takes the Blobs of an encoded value: `look` is given what comes back, and promises
    /// to say whether it is the same.
    #[wasm_bindgen(unchecked_return_type = "Promise<boolean>")]
    pub fn takes(&self, encoded: &Uint8Array, look: Function) -> Result<Promise, JsValue> {
        let value = values::taken(encoded).map_err(|error| errors::to_js(&error))?;
        let looking = Box::new(move |found: Bytes| looked_at(look, found).boxed_local());
        let taken = self.engine.takes(value, looking);
        Ok(outcome::promise(taken, outcome::plain))
    }

    /// Looks for what other tabs have done.
    pub fn refresh(&self) -> Promise {
        outcome::promise(self.engine.refresh(), outcome::nothing)
    }

    /// Merges, and gives back the space of dead data.
    pub fn compact(&self) -> Promise {
        outcome::promise(self.engine.compact(), outcome::nothing)
    }

    /// Records, and bytes: live, in the log, garbage, of large values.
    pub fn stats(&self) -> Promise {
        outcome::promise(self.engine.stats(keys::record_ranges()), |stats| {
            Ok(numbers(&stats).into())
        })
    }

    /// The nodes that own data, as ids and bytes in turn.
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

    /// Removes all that a node owns; whether it owned something.
    #[wasm_bindgen(js_name = deleteNode)]
    pub fn delete_node(&self, id: &str) -> Result<Promise, JsValue> {
        let scope = node(id)?;
        let work = Box::new(move |w: &mut dyn Writes| nodes::delete(w, &scope));
        Ok(outcome::promise(self.engine.write(work), outcome::plain))
    }

    /// Copies all that a node owns to another, which owns nothing yet.
    #[wasm_bindgen(js_name = copyNode)]
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
        if let Some(reason) = self.engine.closed() {
            // While it was being opened, or between the openings of two handles.
            let _ = ended.call1(&JsValue::UNDEFINED, &reason_name(reason).into());
        }
        let listener = move |notice: &Notice| tell(notice, &changed, &short, &ended);
        let subscription = self.engine.subscribe(Rc::new(listener));
        subscription.attend(false);
        SubscriptionPort { subscription }
    }

    /// Waits for what was issued, and closes.
    pub fn close(&self) -> Promise {
        let engine = self.engine.clone();
        outcome::promise(
            Box::pin(async move {
                engine.close().await;
                Ok(())
            }),
            outcome::nothing,
        )
    }
}

/// A subscription; it lasts until this is freed.
#[wasm_bindgen]
pub struct SubscriptionPort {
    subscription: Subscription,
}

#[wasm_bindgen]
impl SubscriptionPort {
    /// Whether others' commits are to be told soon; else whenever they are taken in.
    pub fn attend(&self, attends: bool) {
        self.subscription.attend(attends);
    }
}

#[expect(clippy::cast_precision_loss, reason = "no count comes near 2^53")]
fn numbers(stats: &Stats) -> Float64Array {
    let counts = [
        stats.records,
        stats.live_bytes,
        stats.log_bytes,
        stats.garbage_bytes,
        0,
    ];
    Float64Array::from(&counts.map(|count| count as f64)[..])
}

fn tell(notice: &Notice, changed: &Function, short: &Function, ended: &Function) {
    // The facade's callbacks only queue its listeners; they do not throw.
    let none = JsValue::UNDEFINED;
    let _ = match notice {
        Notice::Commit { remote, writes } => {
            let ranges = writes.ranges().iter().map(|(from, _)| from);
            let touched = writes.keys().iter().chain(ranges).map(|key| &**key);
            // Of a large batch only the ends of its segments are known.
            let mut ends = writes.segments().iter();
            let is_vague = ends.any(|(first, last)| keys::scopes_of([&**first, last]).len() > 1);
            let scopes = if is_vague {
                Array::new()
            } else {
                // Which ones they are cannot be told where there is no room for their names.
                flat(keys::scopes_of(touched)).unwrap_or_default()
            };
            changed.call2(&none, &(*remote).into(), &scopes)
        }
        // What others committed is not known one by one any more.
        Notice::Cut => changed.call2(&none, &true.into(), &Array::new()),
        Notice::Quota { level, action } => {
            let (usage, quota) = *level;
            short.call3(&none, &usage.into(), &quota.into(), &action.name().into())
        }
        Notice::Closed(reason) => ended.call1(&none, &reason_name(*reason).into()),
    };
}

fn flat(scopes: Vec<Scope>) -> Result<Array> {
    let out = Array::new();
    for scope in scopes {
        let (kind, name) = match &scope {
            Scope::Node(name) => ("node", name),
            Scope::Name(name) => ("name", name),
        };
        out.push(&kind.into());
        out.push(&strings::to_js(name.as_js())?);
    }
    Ok(out)
}

fn reason_name(reason: Reason) -> &'static str {
    match reason {
        Reason::Closed => "closed",
        Reason::Deleted => "deleted",
        Reason::VersionChange => "versionchange",
        Reason::Lost | Reason::Broken(_) => "lost",
    }
}
