//! Opening patches: in which database, and with what options.

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use js_sys::{Function, Promise};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use super::access::AccessPort;
use super::patch::{PatchPort, asking};
use super::{errors, host, outcome};
use crate::backend::indexeddb::IndexedDbConnector;
use crate::backend::memory::MemoryConnector;
use crate::backend::{Connector, Durability};
use crate::codec::feature::Feature;
use crate::engine::{Absent, Action, Conversion, Engine, Options, Realm};
use crate::env::Env;
use crate::error::{Code, Result};
use crate::models::contents::collect_all;
use crate::models::documents;
use crate::models::op_log::service::Service;
use crate::sorted::SortedMap;

/// Opens the engine of one database; `absent`: where there is no patch, 0 creates one, 1 begins one that is not
/// there before something is copied to it, 2 refuses, and 3 resolves to undefined, as does 4, of a database that was
/// listed a moment ago. `access`: of an encrypted patch.
#[wasm_bindgen(js_name = openPort, unchecked_return_type = "Promise<PatchPort | undefined>")]
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
    access: Option<AccessPort>,
) -> Promise {
    let (looks, is_listed) = (absent > 2, absent == 4);
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
    // No other tab can commit to it.
    options.alone = in_memory;
    if !in_memory && absent != Absent::Create {
        // It is open only briefly.
        options.poll_ms = 0;
    }
    let realm = REALM.with(Rc::clone);
    let env = Rc::new(host::env());
    let opening = match access {
        None => Engine::open_in(realm, connector, env, options),
        Some(access) => Engine::open_sealed(realm, connector, env, options, access.access())
            .map(|opened| opened.map(|(engine, _)| engine))
            .boxed_local(),
    };
    opened(opening, looks)
}

/// Converts a patch, which the caller knows to be open nowhere, unless `stopped` returns true first. `from` opens it
/// now, if it is encrypted, and `to` from then on.
#[wasm_bindgen(js_name = "convertPortLater", unchecked_return_type = "Promise<void>")]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the facade has its own numbers"
)]
pub fn convert_port(
    database: &str,
    cache_bytes: f64,
    open_timeout_ms: f64,
    from: Option<AccessPort>,
    to: Option<AccessPort>,
    stopped: Function,
) -> Promise {
    let conversion = Conversion {
        realm: REALM.with(Rc::clone),
        connector: Rc::new(IndexedDbConnector::under_lock(
            database,
            open_timeout_ms as u32,
        )),
        env: Rc::new(host::env()),
        options: Options {
            durability: Durability::Strict,
            cache_bytes: cache_bytes as usize,
            ..Options::default()
        },
        from: from.map(|access| access.access()),
        to: to.map(|access| access.access()),
    };
    let converting = conversion.run(asking(stopped)).boxed_local();
    outcome::promise(converting, outcome::nothing)
}

/// A promise of the engine that is being opened; where it only `looks`, of undefined when there is no patch.
pub(super) fn opened(opening: LocalBoxFuture<'static, Result<Engine>>, looks: bool) -> Promise {
    let port = opening.map(move |opened| match opened {
        Ok(engine) => {
            relieved_by_models(&engine);
            let env = Rc::new(host::env());
            // What fails here has closed the patch, or is met by the next build.
            let burying = documents::bury(engine.clone(), env.clone()).map(drop);
            env.spawn(burying.boxed_local());
            Ok(PatchPort::new(engine).into())
        }
        Err(error) if looks && error.code() == Code::NoPatch => Ok(JsValue::UNDEFINED),
        Err(error) => Err(errors::to_js(&error)),
    });
    host::promise(port.boxed_local())
}

/// Has models make room where it is short.
fn relieved_by_models(engine: &Engine) {
    engine.relieve_by(Action::PruneOplog, Feature::OpLog.into(), |engine, env| {
        let service = Service::new(&engine, env);
        Box::pin(async move { Ok(service.prune_synced().await? > 0) })
    });
    engine.relieve_by(Action::EvictExpired, Feature::Expiry.into(), |engine, _| {
        engine.evict_expired()
    });
    engine.relieve_by(Action::Collect, Feature::Contents.into(), |engine, env| {
        Box::pin(async move { Ok(collect_all(&engine, &env).await? > 0) })
    });
}

thread_local! {
    /// The memory backend's databases by name. They last as long as the page or worker.
    static MEMORIES: RefCell<SortedMap<String, MemoryConnector>> = RefCell::default();
    /// The state that all patches of this page or worker share.
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
