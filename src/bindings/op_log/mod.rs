//! The op-log: what is in it, marked and pruned; records and digests. [`apply`] takes entries of other devices in, [`entries`]
//! says how one crosses.

pub mod apply;
mod entries;

use js_sys::{Array, Function, Promise};
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use super::collect::Collector;
use super::outcome::{self, Returned};
use super::strings::received;
use super::{errors, host};
use crate::codec::js_string::JsString;
use crate::engine::Engine;
use crate::engine::access::{Session, afresh};
use crate::error::{Error, Result};
use crate::models::op_log::log::{self, Count, Mark, Prune, Which};
use crate::models::op_log::merkle::text_of as digest_text;
use crate::models::op_log::records::Records;
use crate::models::op_log::remote::{Remote, stamp_of, text_of};
use crate::models::op_log::service::{Service, answered};
use crate::models::op_log::tail::Tail;
use entries::{Said, collect};

/// The op-log of a patch that has one.
#[wasm_bindgen]
pub struct OpLogPort {
    engine: Engine,
    service: Service,
}

fn thrown(error: Error) -> JsValue {
    errors::to_js(&error)
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
    #[wasm_bindgen(js_name = "entriesLater")]
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
                        device: entry.device.as_ref().unwrap_or(&device),
                        id: Some(id),
                        version: entry.version,
                    };
                    collect(out, &said)
                })?;
                Ok(out.finish()?)
            });
            service.read(work).await
        })
    }

    /// How many are pending.
    #[wasm_bindgen(js_name = "countLater")]
    pub fn count(&self) -> Promise {
        let service = self.service.clone();
        promised(async move {
            service.logged()?;
            let work = afresh(|| Ok(Count::default()), Count::step);
            outcome::count(service.read(work).await?)
        })
    }

    /// Marks entries up to a number, or of these numbers; how many.
    #[wasm_bindgen(js_name = "markSyncedLater")]
    pub fn mark_synced(&self, up_to: Option<f64>, ids: Vec<f64>) -> Promise {
        let (service, engine) = (self.service.clone(), self.engine.clone());
        promised(async move {
            service.logged()?;
            let mut mark = Mark::new(bounded(&service, which(up_to, ids)).await?);
            outcome::count(engine.write(Box::new(move |w| mark.step(w))).await?)
        })
    }

    /// Deletes entries up to a number, or of these numbers; how many.
    #[wasm_bindgen(js_name = "pruneLater")]
    pub fn prune(&self, up_to: Option<f64>, ids: Vec<f64>) -> Promise {
        let (service, engine) = (self.service.clone(), self.engine.clone());
        promised(async move {
            service.logged()?;
            let mut prune = Prune::new(bounded(&service, which(up_to, ids)).await?);
            outcome::count(engine.write(Box::new(move |w| prune.step(w))).await?)
        })
    }

    /// Forgets removals older than a stamp; how many.
    #[wasm_bindgen(js_name = "collectTombstonesLater")]
    pub fn collect_tombstones(&self, before: &str) -> Result<Promise, JsValue> {
        let (stamp, device) = stamp_of(before).map_err(thrown)?;
        let service = self.service.clone();
        Ok(promised(async move {
            outcome::count(service.collect(stamp, device).await?)
        }))
    }

    /// What is live, or a tombstone, below a path.
    #[wasm_bindgen(js_name = "recordsLater")]
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
                        version: found.version,
                    };
                    collect(out, &said)
                })?;
                Ok(out.finish()?)
            });
            service.read(work).await
        }))
    }

    /// The digest of a path, then each child's path and digest.
    #[wasm_bindgen(js_name = "merkleLater")]
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
