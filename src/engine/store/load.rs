//! Loading what attempts lack, and running attempts to their end.

use futures_channel::oneshot;
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, ready};
use std::rc::Rc;

use super::connection;
use crate::backend::{Id, RecordKey};
use crate::codec::root::decode_directory_page;
use crate::codec::seal::{self, Record};
use crate::codec::segment::Segment;
use crate::engine::core::instance::Core;
use crate::engine::core::loading::LoadError;
use crate::engine::keyspace::access::{Attempt, Need, Stop};
use crate::error::{Error, Result};

/// Loads one thing into the cache. Callers that want the same thing share one request.
///
/// # Errors
/// [`LoadError`].
pub fn load(core: &Rc<Core>, need: Need) -> LocalBoxFuture<'static, Result<(), LoadError>> {
    load_once(core.clone(), need).boxed_local()
}

async fn load_once(core: Rc<Core>, need: Need) -> Result<(), LoadError> {
    let core = &core;
    let (Need::Segment(id, _) | Need::Directory(id) | Need::Piece(id)) = need;
    let waiter = {
        let mut loads = core.loads.borrow_mut();
        if let Some(waiting) = loads.get_mut(&id) {
            let (sender, receiver) = oneshot::channel();
            waiting.push(sender);
            Some(receiver)
        } else {
            loads.insert(id, Vec::new());
            None
        }
    };
    if let Some(receiver) = waiter {
        return receiver
            .await
            .unwrap_or_else(|_| Err(Error::closed().into()));
    }
    let result = load_alone(core, need, id).await;
    let waiting = core.loads.borrow_mut().remove(&id).unwrap_or_default();
    for sender in waiting {
        drop(sender.send(result.clone()));
    }
    result
}

async fn load_alone(core: &Rc<Core>, need: Need, id: Id) -> Result<(), LoadError> {
    let key = if matches!(need, Need::Piece(_)) {
        RecordKey::Piece(id)
    } else {
        RecordKey::Run(id)
    };
    let record = connection::get_record(core, key)
        .await?
        .ok_or(LoadError::Missing)?;
    let cache = &core.context.cache;
    match need {
        Need::Segment(_, fill) => cache.put_segment(id, Segment::open(id, &record, fill)?),
        Need::Directory(_) => {
            cache.put_directory(id, Rc::new(decode_directory_page(id, &record)?));
        }
        Need::Piece(_) => {
            let takers = core.loads.borrow().get(&id).map_or(0, Vec::len) + 1;
            cache.lend_piece(id, seal::open(Record::piece(id), &record)?, takers);
        }
    }
    Ok(())
}

/// Runs an attempt on a changing context until it ends, is missing data, or fails.
///
/// # Errors
/// [`LoadError`].
pub async fn run_attempts<T>(
    core: &Rc<Core>,
    mut attempt: impl FnMut() -> Attempt<T>,
) -> Result<T, LoadError> {
    loop {
        match attempt() {
            Ok(value) => return Ok(value),
            Err(stop) => overcome(core, stop).await?,
        }
    }
}

/// Does what an attempt has stopped for.
///
/// # Errors
/// What it failed with, [`LoadError`].
pub fn overcome(core: &Rc<Core>, stop: Stop) -> LocalBoxFuture<'_, Result<(), LoadError>> {
    match stop {
        Stop::Fail(error) => ready(Err(error.into())).boxed_local(),
        Stop::Yield => core.env().yield_now().map(Ok).boxed_local(),
        Stop::Need(need) => load(core, need),
    }
}
