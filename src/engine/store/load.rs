//! Loading what attempts lack, and running attempts to their end.

use bytes::Bytes;
use futures_channel::oneshot;
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, ready};
use std::rc::Rc;

use crate::backend::{Failure, Id, Key, Read, Reply};
use crate::codec::root::decode_directory_page;
use crate::codec::seal::{self, Kind};
use crate::codec::segment::Segment;
use crate::engine::core::instance::Core;
use crate::engine::keyspace::access::{Attempt, Need, ReadWork, Stop};
use crate::engine::keyspace::draft::Snapshot;
use crate::engine::keyspace::view::View;
use crate::engine::log::intake;
use crate::engine::write::submit;
use crate::error::{Error, Result};

/// Why something could not be loaded.
#[derive(Debug, Clone)]
pub enum LoadError {
    /// The record is not there: replaced by a flip, or lost.
    Missing,
    /// Anything else.
    Fail(Error),
}

impl From<Error> for LoadError {
    fn from(error: Error) -> Self {
        Self::Fail(error)
    }
}

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
        Key::Piece(id)
    } else {
        Key::Run(id)
    };
    let record = get_record(core, key).await?.ok_or(LoadError::Missing)?;
    let cache = &core.ground.cache;
    match need {
        Need::Segment(_, fill) => cache.put_segment(id, Segment::open(record, fill)?),
        Need::Directory(_) => cache.put_directory(id, Rc::new(decode_directory_page(&record)?)),
        Need::Piece(_) => {
            let takers = core.loads.borrow().get(&id).map_or(0, Vec::len) + 1;
            cache.lend_piece(id, seal::open(Kind::Piece, &record)?, takers);
        }
    }
    Ok(())
}

/// Reads one record; reconnects once if the connection is gone.
async fn get_record(core: &Rc<Core>, key: Key) -> Result<Option<Bytes>> {
    let replies = read(core, vec![Read::Get(key)]).await?;
    match replies.into_iter().next() {
        Some(Reply::Record(record)) => Ok(record),
        _ => Err(Error::internal("a read was not replied to")),
    }
}

/// A read transaction; a lost connection is reopened, three times at most.
///
/// # Errors
/// `Closed`, `ConnectionLost`, `Unavailable`.
pub fn read(core: &Rc<Core>, reads: Vec<Read>) -> LocalBoxFuture<'static, Result<Vec<Reply>>> {
    read_persistently(core.clone(), reads).boxed_local()
}

async fn read_persistently(core: Rc<Core>, reads: Vec<Read>) -> Result<Vec<Reply>> {
    let core = &core;
    for _ in 0..3 {
        core.check_open_or_closing()?;
        let backend = core.backend();
        match backend.read(reads.clone()).await {
            Ok(replies) => return Ok(replies),
            Err(Failure::Lost) => crate::engine::log::recover::reconnect(core, &backend).await?,
            Err(failure) => return Err(crate::engine::log::recover::error_of(core, failure).await),
        }
    }
    Err(Error::new(
        crate::error::Code::ConnectionLost,
        "the connection is lost again and again",
    ))
}

/// Runs reading work to its end, on `view` or, when that has been cleared away, on a newer one;
/// `committed`: without what this realm has pending.
///
/// # Errors
/// What the work fails with, or what is wrong with the stored data.
pub fn run_read(
    core: Rc<Core>,
    view: Rc<View>,
    work: ReadWork<()>,
    committed: bool,
) -> LocalBoxFuture<'static, Result<()>> {
    read_to_end(core, view, work, committed).boxed_local()
}

async fn read_to_end(
    core: Rc<Core>,
    view: Rc<View>,
    mut work: ReadWork<()>,
    committed: bool,
) -> Result<()> {
    let mut snapshot = Snapshot::new(core.ground.clone(), view.clone());
    let mut view = view;
    loop {
        let attempt = work(&mut snapshot);
        snapshot.go_on();
        match attempt {
            Ok(()) => return Ok(()),
            Err(Stop::Fail(error)) => return Err(error),
            Err(Stop::Yield) => core.env().yield_now().await,
            Err(Stop::Need(need)) => match load(&core, need).await {
                Ok(()) => {}
                Err(LoadError::Fail(error)) => return Err(error),
                Err(LoadError::Missing) => {
                    let renewed = intake::renewed_view(&core, &view).await?;
                    view = if committed {
                        renewed.committed()
                    } else {
                        submit::fitting_view(&core).await?
                    };
                    snapshot.turn_to(view.clone());
                }
            },
        }
        core.check_open_or_closing()?;
    }
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
