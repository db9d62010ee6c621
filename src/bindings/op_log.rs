//! The op-log.
//!
//! An entry crosses as eight items: what it is ("P" or "R", "k" or "d", "n" or "s": put or removal, pair or document, of
//! a node or a named store), the scope's name, the collection, the key, the stamp, when it expires (or ""), its number
//! (or ""), and the stored value (undefined for a removal).

use bytes::Bytes;
use js_sys::{Array, Function, Promise, Uint8Array};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use super::batch::Lines;
use super::collect::Collector;
use super::outcome::{self, Returned};
use super::strings::received;
use super::{errors, host};
use crate::codec::js_string::{JsStr, JsString};
use crate::codec::marks::NEVER;
use crate::codec::stamp::Stamp;
use crate::codec::value::json::parse_number;
use crate::engine::Engine;
use crate::engine::access::{Session, afresh};
use crate::error::{Error, Result};
use crate::models::Scope;
use crate::models::op_log::Name;
use crate::models::op_log::apply::Why;
use crate::models::op_log::log::{self, Count, Mark, Prune, Which};
use crate::models::op_log::merkle::text_of as digest_text;
use crate::models::op_log::records::Records;
use crate::models::op_log::remote::{Remote, expires_of, record_of, stamp_of, text_of};
use crate::models::op_log::service::{Service, answered};
use crate::models::op_log::tail::Tail;

/// Items of an entry.
const ITEMS: usize = 7;

/// The op-log of a patch that has one.
#[wasm_bindgen]
pub struct OpLogPort {
    engine: Engine,
    service: Service,
}

fn thrown(error: Error) -> JsValue {
    errors::to_js(&error)
}

fn plain(out: &mut Collector, text: &str) -> Result<()> {
    out.string(JsString::from(text).as_js())
}

struct Said<'a> {
    record: &'a [u8],
    value: Option<&'a [u8]>,
    expires_ms: u64,
    stamp: Stamp,
    device: &'a [u8],
    id: Option<u64>,
}

fn collect(out: &mut Collector, said: &Said<'_>) -> Result<()> {
    let (scope, collection, key) = Name::of(said.record)?.texts()?;
    let op = if said.value.is_some() { "P" } else { "R" };
    let kind = if collection.is_some() { "d" } else { "k" };
    let (of, scope) = match &scope {
        Scope::Node(name) => ("n", name),
        Scope::Name(name) => ("s", name),
    };
    plain(out, &[op, kind, of].concat())?;
    out.string(scope.as_js())?;
    out.string(collection.unwrap_or_default().as_js())?;
    out.string(key.as_js())?;
    plain(out, &text_of(said.stamp, said.device))?;
    let number = |number: Option<u64>| number.map_or(String::new(), |number| number.to_string());
    plain(
        out,
        &number((said.expires_ms != NEVER).then_some(said.expires_ms)),
    )?;
    plain(out, &number(said.id))?;
    match said.value {
        Some(value) => out.value(value),
        None => out.absent(),
    }
}

fn which(up_to: Option<f64>, ids: Vec<f64>) -> Which {
    up_to.map_or(Which::These(ids), Which::UpTo)
}

async fn bounded(service: &Service, which: Which) -> Result<Which> {
    Ok(match which {
        Which::UpTo(id) => Which::UpTo(service.bounded(id).await?),
        these @ Which::These(_) => these,
    })
}

#[wasm_bindgen]
impl OpLogPort {
    /// The id of the device; throws where writes are not logged.
    #[wasm_bindgen(js_name = deviceId)]
    pub fn device_id(&self) -> Returned {
        let logged = self.service.logged().map_err(thrown)?;
        Ok(text_of_device(&logged.device).into())
    }

    /// The stamp that a write issued now would get.
    pub fn now(&self) -> Returned {
        let logged = self.service.logged().map_err(thrown)?;
        Ok(text_of(self.engine.now(), &logged.device).into())
    }

    /// Entries that are pending (or all, `with_synced`), above a number.
    pub fn entries(&self, after: f64, limit: f64, with_synced: bool) -> Promise {
        let service = self.service.clone();
        promised(async move {
            let device = service.logged()?.device;
            let begin = move || {
                Ok((
                    log::Read::new(after, limit, with_synced),
                    Collector::default(),
                ))
            };
            let work = afresh(begin, move |(read, out): &mut (log::Read, Collector), r| {
                read.step(r, &mut |id, entry, value| {
                    let said = Said {
                        record: &entry.record,
                        value: value.map(|value| &value[..]),
                        expires_ms: entry.expires_ms,
                        stamp: entry.stamp,
                        device: &device,
                        id: Some(id),
                    };
                    collect(out, &said)
                })?;
                Ok(out.finish()?)
            });
            service.read(work).await
        })
    }

    /// How many are pending.
    pub fn count(&self) -> Promise {
        let service = self.service.clone();
        promised(async move {
            service.logged()?;
            let work = afresh(|| Ok(Count::default()), Count::step);
            outcome::count(service.read(work).await?)
        })
    }

    /// Marks entries up to a number, or of these numbers; how many.
    #[wasm_bindgen(js_name = markSynced)]
    pub fn mark_synced(&self, up_to: Option<f64>, ids: Vec<f64>) -> Promise {
        let (service, engine) = (self.service.clone(), self.engine.clone());
        promised(async move {
            service.logged()?;
            let mut mark = Mark::new(bounded(&service, which(up_to, ids)).await?);
            outcome::count(engine.write(Box::new(move |w| mark.step(w))).await?)
        })
    }

    /// Deletes entries up to a number, or of these numbers; how many.
    pub fn prune(&self, up_to: Option<f64>, ids: Vec<f64>) -> Promise {
        let (service, engine) = (self.service.clone(), self.engine.clone());
        promised(async move {
            service.logged()?;
            let mut prune = Prune::new(bounded(&service, which(up_to, ids)).await?);
            outcome::count(engine.write(Box::new(move |w| prune.step(w))).await?)
        })
    }

    /// Forgets removals older than a stamp; how many.
    #[wasm_bindgen(js_name = collectTombstones)]
    pub fn collect_tombstones(&self, before: &str) -> Result<Promise, JsValue> {
        let (stamp, device) = stamp_of(before).map_err(thrown)?;
        let service = self.service.clone();
        Ok(promised(async move {
            outcome::count(service.collect(stamp, device).await?)
        }))
    }

    /// What is live, or a tombstone, below a path.
    pub fn records(
        &self,
        path: &str,
        after: Option<String>,
        limit: f64,
    ) -> Result<Promise, JsValue> {
        let after = after.as_deref().map(received).transpose().map_err(thrown)?;
        let path = path.to_owned();
        let make = move || Records::new(&path, after.as_ref().map(JsString::as_js), limit);
        make().map_err(thrown)?;
        let service = self.service.clone();
        Ok(promised(async move {
            service.seeded().await?;
            let begin = move || Ok((make()?, Collector::default()));
            let work = afresh(begin, |(records, out): &mut (Records, Collector), r| {
                records.step(r, &mut |found: &Remote| {
                    let said = Said {
                        record: &found.record,
                        value: found.value.as_deref(),
                        expires_ms: found.expires_ms,
                        stamp: found.stamp,
                        device: &found.device,
                        id: None,
                    };
                    collect(out, &said)
                })?;
                Ok(out.finish()?)
            });
            service.read(work).await
        }))
    }

    /// The digest of a path, then each child's path and digest.
    pub fn merkle(&self, path: &str) -> Promise {
        let (service, path) = (self.service.clone(), path.to_owned());
        promised(async move {
            let found = service.look(&path).await?;
            let out = Array::of1(&digest_text(found.sum).into());
            for (path, sum) in found.children {
                out.push(&path.into());
                out.push(&digest_text(sum).into());
            }
            Ok(out.into())
        })
    }

    /// Entries to be applied, to be filled and committed.
    pub fn batch(&self) -> ApplyPort {
        ApplyPort {
            service: self.service.clone(),
            entries: RefCell::default(),
        }
    }

    /// Calls `listener` when there may be new entries, until the port is freed.
    pub fn watch(&self, listener: Function) -> TailPort {
        let told = Rc::new(move || {
            // The facade's callback only queues work; it does not throw.
            let _ = listener.call0(&JsValue::UNDEFINED);
        });
        TailPort(Tail::new(&self.engine, told))
    }

    /// The number of the last entry.
    pub fn last(&self) -> Promise {
        let engine = self.engine.clone();
        promised(async move {
            outcome::count(answered(engine.read_committed(Box::new(log::last))).await?)
        })
    }
}

impl OpLogPort {
    /// Of an engine.
    #[must_use]
    pub fn new(engine: &Engine) -> Self {
        Self {
            service: Service::new(engine, Rc::new(host::env())),
            engine: engine.clone(),
        }
    }
}

fn text_of_device(device: &[u8]) -> String {
    String::from_utf8_lossy(device).into_owned()
}

fn promised(future: impl Future<Output = Result<JsValue>> + 'static) -> Promise {
    outcome::promise(Box::pin(future), Ok)
}

/// Who is told of new entries, until it is dropped.
#[wasm_bindgen]
pub struct TailPort(#[expect(dead_code, reason = "held")] Tail);

/// Entries that are to be applied.
#[wasm_bindgen]
pub struct ApplyPort {
    service: Service,
    entries: RefCell<Vec<Remote>>,
}

#[wasm_bindgen]
impl ApplyPort {
    /// Adds entries: of each the first five items (see the module), when it expires (or ""), and "v" if it has a
    /// version (or ""); and rows of values (see [`Lines`]), any for a removal.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "wasm-bindgen hands vectors over"
    )]
    pub fn push(
        &self,
        items: Vec<String>,
        lines: &str,
        exact_at: Vec<u32>,
        exact: Vec<Uint8Array>,
    ) -> Result<(), JsValue> {
        let count = items.len() / ITEMS;
        let lines = Lines {
            lines,
            exact_at: &exact_at,
            exact: &exact,
        };
        let stored = lines.stored(count).map_err(thrown)?;
        for (items, stored) in items.chunks(ITEMS).zip(stored) {
            let entry = stored.and_then(|stored| entry_of(items, stored));
            self.entries.borrow_mut().push(entry.map_err(thrown)?);
        }
        Ok(())
    }

    /// Applies them: how many changed the state, then of each that was refused its place in the list, and why.
    pub fn commit(&self) -> Promise {
        let (service, entries) = (self.service.clone(), self.entries.take());
        promised(async move {
            let applied = service.apply(entries).await?;
            let out = Array::of1(&outcome::count(applied.applied)?);
            for (at, why) in applied.refused {
                out.push(&outcome::count(at as u64)?);
                out.push(&JsValue::from_str(match why {
                    Why::Clock => "clock",
                    Why::Floor => "floor",
                    Why::Version => "version",
                }));
            }
            Ok(out.into())
        })
    }
}

fn entry_of(items: &[String], stored: Bytes) -> Result<Remote> {
    let unknown = || Error::invalid("an entry reached wasm in an unknown form");
    let [what, scope, collection, key, hlc, expires, version] = items else {
        return Err(unknown());
    };
    let (is_put, is_document, is_node) = match what.as_bytes() {
        [op @ (b'P' | b'R'), kind @ (b'k' | b'd'), of @ (b'n' | b's')] => {
            (*op == b'P', *kind == b'd', *of == b'n')
        }
        _ => return Err(unknown()),
    };
    let scope = super::scope::scope(scope, is_node)?;
    let collection = is_document.then(|| received(collection)).transpose()?;
    let key = received(key)?;
    let record = record_of(&scope, collection.as_ref(), key.as_js())?;
    let (stamp, device) = stamp_of(hlc)?;
    if is_document && is_put {
        check_document(&stored, key.as_js())?;
    }
    let expires = match expires.as_str() {
        "" => -1.0,
        // Not by `str::parse`, whose tables would be a twentieth of the wasm.
        expires => parse_number(expires.as_bytes()).map_err(|_| unknown())?,
    };
    Ok(Remote {
        record,
        value: is_put.then_some(stored),
        expires_ms: expires_of(expires)?,
        stamp,
        device,
        has_version: !version.is_empty(),
    })
}

fn check_document(stored: &[u8], id: JsStr<'_>) -> Result<()> {
    crate::models::documents::check_whole(stored, id)
}
