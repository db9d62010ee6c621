//! IndexedDB, in a window or any kind of worker.
//!
//! The rules that every transaction here keeps: all its requests are issued at once (a flip
//! issues its second half inside the success event of its first), it is committed explicitly, and
//! it is settled by nothing but `complete`, `abort`, or the loss of the connection. `rexie` and
//! `idb` settle earlier or hide an abort, hence `web-sys`.

mod channel;
mod connection;
mod error;
mod flip;
mod globals;
mod held;
mod link;
mod lock;
mod open;
mod reclaim;
mod records;
mod remains;
mod requests;
mod schema;
mod transaction;

use futures_util::future::{Either, LocalBoxFuture, select};
use js_sys::{Promise, Reflect};
use std::any::Any;
use std::pin::pin;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::{Backend, Connector, Event, Id};
use crate::env::browser::Timeout;
use crate::error::{Code, Error};
use channel::Channel;
use connection::Connection;
use link::Link;
use lock::SharedLock;
use open::Found;

pub use remains::is_remains;

#[wasm_bindgen(module = "/src/backend/indexeddb/listed.js")]
extern "C" {
    /// Whether there is a database of a name, as far as that can be told without opening it.
    #[wasm_bindgen(js_name = isListed)]
    fn is_listed(name: &str) -> Promise;
}

/// Opens connections to the IndexedDB database of one name.
#[derive(Clone)]
pub struct IndexedDbConnector {
    name: Rc<str>,
    open_timeout_ms: u32,
    absent: Absent,
    has_lock: bool,
}

/// What is done where there is no database of the name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Absent {
    /// It is created.
    Create,
    /// It is refused, having looked first.
    Look,
    /// It is refused: it was listed a moment ago.
    Refuse,
}

impl IndexedDbConnector {
    /// Connections to the database `name`; opening one gives up with `Blocked` after
    /// `open_timeout_ms` milliseconds.
    #[must_use]
    pub fn new(name: &str, open_timeout_ms: u32) -> Self {
        Self {
            name: name.into(),
            open_timeout_ms,
            absent: Absent::Create,
            has_lock: false,
        }
    }

    /// The same to a database that is there already: without one of ours, opening is
    /// `NoPatch`.
    #[must_use]
    pub fn to_existing(name: &str, open_timeout_ms: u32) -> Self {
        Self {
            absent: Absent::Look,
            ..Self::new(name, open_timeout_ms)
        }
    }

    /// The same while the caller holds the database's lock alone.
    #[must_use]
    pub fn under_lock(name: &str, open_timeout_ms: u32) -> Self {
        Self {
            has_lock: true,
            ..Self::to_existing(name, open_timeout_ms)
        }
    }

    /// The same to a database that the browser has listed a moment ago.
    #[must_use]
    pub fn to_listed(name: &str, open_timeout_ms: u32) -> Self {
        Self {
            absent: Absent::Refuse,
            ..Self::new(name, open_timeout_ms)
        }
    }
}

/// The name of the Web Lock that every open connection to the database `name` shares, and of the
/// channel on which they wake and signal each other. Whoever holds the lock exclusively knows that no
/// connection is open.
#[must_use]
pub fn lock_name(name: &str) -> String {
    format!("patchstore:{name}")
}

/// Opens without a limit of time. Dropped before its end, it leaves nothing open.
async fn connect(
    name: Rc<str>,
    absent: Absent,
    has_lock: bool,
    events: Rc<dyn Fn(Event)>,
) -> Result<Rc<dyn Backend>, Error> {
    // (A promise of ours, which does not reject.)
    let is_absent = absent == Absent::Look
        && JsFuture::from(is_listed(&name))
            .await
            .is_ok_and(|is| is.is_falsy());
    if is_absent {
        return Err(Error::no_patch());
    }
    let shared_name = lock_name(&name);
    let lock = if has_lock {
        None
    } else {
        SharedLock::acquire(&shared_name).await
    };
    let Found::Ours(database) = open::open(&name, absent == Absent::Create).await? else {
        return Err(Error::no_patch());
    };
    let channel = Channel::join(&shared_name, Rc::clone(&events));
    Ok(Rc::new(Connection::new(Link::new(
        database, events, channel, lock,
    ))))
}

impl Connector for IndexedDbConnector {
    fn open(
        &self,
        events: Rc<dyn Fn(Event)>,
    ) -> LocalBoxFuture<'static, Result<Rc<dyn Backend>, Error>> {
        let Self {
            name,
            open_timeout_ms,
            absent,
            has_lock,
        } = self.clone();
        Box::pin(async move {
            let timeout = Timeout::after_ms(open_timeout_ms);
            let opening = connect(Rc::clone(&name), absent, has_lock, events);
            match select(pin!(opening), timeout).await {
                Either::Left((opened, _)) => opened,
                Either::Right(_) => Err(Error::new(
                    Code::Blocked,
                    format!(
                        "the database \"{name}\" could not be opened within {open_timeout_ms} ms"
                    ),
                )),
            }
        })
    }

    fn open_existing(
        &self,
        events: Rc<dyn Fn(Event)>,
    ) -> LocalBoxFuture<'static, Result<Rc<dyn Backend>, Error>> {
        let mut existing = self.clone();
        existing.absent = Absent::Look;
        existing.open(events)
    }

    fn reserve_bytes(&self) -> usize {
        reclaim::RESERVE_BYTES
    }

    fn hold(&self, life: Id, epoch: u64) -> LocalBoxFuture<'static, Option<Box<dyn Any>>> {
        Box::pin(held::hold(life, epoch))
    }

    fn held(&self, life: Id) -> LocalBoxFuture<'static, Option<u64>> {
        Box::pin(held::held(life))
    }

    fn estimate(&self) -> LocalBoxFuture<'static, Option<(f64, f64)>> {
        Box::pin(estimate())
    }
}

async fn estimate() -> Option<(f64, f64)> {
    let storage = globals::path(&["navigator", "storage"])?;
    let estimate = Reflect::get(&storage, &"estimate".into()).ok()?;
    let promise = estimate
        .dyn_into::<js_sys::Function>()
        .ok()?
        .call0(&storage)
        .ok()?;
    let figures = JsFuture::from(Promise::resolve(&promise)).await.ok()?;
    let number = |name: &str| Reflect::get(&figures, &JsValue::from(name)).ok()?.as_f64();
    Some((number("usage")?, number("quota")?))
}
