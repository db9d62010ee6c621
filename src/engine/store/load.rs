//! Loading what attempts lack, and running attempts to their end.

use bytes::Bytes;
use futures_channel::oneshot;
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, ready};
use std::rc::Rc;

use super::connection;
use crate::backend::{Read, RecordKey, Reply};
use crate::codec::root::decode_directory_page;
use crate::codec::seal::{self, Record};
use crate::codec::segment::Segment;
use crate::engine::core::instance::Core;
use crate::engine::core::loading::LoadError;
use crate::engine::keyspace::access::{Attempt, Need, Needs, Stop};
use crate::error::{Error, Result};

/// Stored bytes that an attempt waits for together. Those behind them come in a transaction of their own, while it goes on.
const AT_ONCE_BYTES: u64 = 256 << 10;

/// Loads what an attempt lacks into the cache, and what it will want next behind that. Callers that want the same thing share
/// one request.
///
/// # Errors
/// [`LoadError`], of what the attempt has stopped at; whatever is wrong with the others is told when they are needed.
pub fn load(core: &Rc<Core>, needs: Needs) -> LocalBoxFuture<'static, Result<(), LoadError>> {
    load_together(core.clone(), needs).boxed_local()
}

async fn load_together(core: Rc<Core>, needs: Needs) -> Result<(), LoadError> {
    let core = &core;
    let (mut mine, mut later, mut waiter) = (Vec::new(), Vec::new(), None);
    {
        let mut loads = core.loads.borrow_mut();
        let mut bytes = 0;
        for (need, stored) in needs.sized() {
            match loads.get_mut(&need.id()) {
                None => {
                    loads.insert(need.id(), Vec::new());
                    bytes += stored;
                    // Who waits for what is under way waits for nothing else.
                    if waiter.is_none() && (mine.is_empty() || bytes <= AT_ONCE_BYTES) {
                        mine.push(need);
                    } else {
                        later.push(need);
                    }
                }
                // Under way already. (Each is there once.)
                Some(waiting) if need == needs.first() => {
                    let (sender, receiver) = oneshot::channel();
                    waiting.push(sender);
                    waiter = Some(receiver);
                }
                Some(_) => {}
            }
        }
    }
    let first = load_records(core.clone(), mine, needs.first()).boxed_local();
    if !later.is_empty() {
        // (Whatever is wrong with them is told to those who need them.)
        let others = load_records(core.clone(), later, needs.first());
        core.env().spawn(others.map(drop).boxed_local());
    }
    let first = first.await;
    match waiter {
        None => first,
        Some(waiter) => waiter.await.unwrap_or_else(|_| Err(Error::closed().into())),
    }
}

/// Loads records; what became of `first`, if it is one of them.
async fn load_records(core: Rc<Core>, needs: Vec<Need>, first: Need) -> Result<(), LoadError> {
    let core = &core;
    let mut of_first = Ok(());
    if needs.is_empty() {
        return of_first;
    }
    let key = |need: &Need| match need {
        Need::Piece(id) => RecordKey::Piece(*id),
        Need::Segment(id, _) | Need::Directory(id) => RecordKey::Run(*id),
    };
    let reads = needs.iter().map(|need| Read::Get(key(need))).collect();
    let replies = connection::read(core, reads).await;
    // The first last: what comes late stays longest.
    for (at, need) in needs.iter().enumerate().rev() {
        let record = match &replies {
            Ok(replies) => match replies.get(at) {
                Some(Reply::Record(record)) => record.clone().ok_or(LoadError::Missing),
                _ => Err(Error::internal("a read was not replied to").into()),
            },
            Err(error) => Err(error.clone().into()),
        };
        let result = record.and_then(|record| take(core, *need, record));
        let waiting = core.loads.borrow_mut().remove(&need.id());
        for sender in waiting.unwrap_or_default() {
            drop(sender.send(result.clone()));
        }
        if *need == first {
            of_first = result;
        }
    }
    of_first
}

/// Puts a record into the cache.
fn take(core: &Rc<Core>, need: Need, record: Bytes) -> Result<(), LoadError> {
    let cache = &core.context.cache;
    match need {
        Need::Segment(id, fill) => cache.put_segment(id, Segment::open(id, &record, fill)?),
        Need::Directory(id) => {
            cache.put_directory(id, Rc::new(decode_directory_page(id, &record)?));
        }
        Need::Piece(id) => {
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
        Stop::Need(needs) => load(core, *needs),
    }
}
