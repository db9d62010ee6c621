//! The connection: reading over it, opening it again when it was lost, and what a failure means.

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use std::any::Any;
use std::rc::Rc;

use crate::backend::{Backend, Failure, Read, Reply};
use crate::engine::core::instance::Core;
use crate::engine::core::options::Reason;
use crate::engine::core::shut::shut;
use crate::error::{Code, Error, Result};

/// How often a connection is opened again before it counts as lost.
const REOPENINGS: u32 = 3;
/// Pause after a failure whose cause the browser may tell a moment later, ms.
pub const LOOK_AGAIN_MS: u32 = 50;

/// Opens the database again after `failed` was lost, unless somebody else has done so.
///
/// # Errors
/// `ConnectionLost`: it cannot be opened; the engine is closed then.
pub fn reconnect<'a>(
    core: &'a Rc<Core>,
    failed: &'a Rc<dyn Backend>,
) -> LocalBoxFuture<'a, Result<()>> {
    // Boxed, so that its state is not part of every caller's.
    reconnect_now(core, failed).boxed_local()
}

async fn reconnect_now(core: &Rc<Core>, failed: &Rc<dyn Backend>) -> Result<()> {
    let _pass = core.reconnecting.enter().await;
    core.check_open_or_closing()?;
    if !Rc::ptr_eq(failed, &core.backend()) {
        return Ok(());
    }
    core.state.borrow_mut().lost = true;
    failed.close();
    let mut why = Error::closed();
    for _ in 0..REOPENINGS {
        let events = core.events.clone();
        // What was deleted while it was not in use here is not created again.
        let asleep = core.state.borrow().asleep;
        let opened = if asleep {
            core.connector.open_existing(events)
        } else {
            core.connector.open(events)
        };
        match opened.await {
            Ok(backend) => {
                if let Err(closed) = core.check_open_or_closing() {
                    backend.close();
                    return Err(closed);
                }
                let mut state = core.state.borrow_mut();
                state.backend = backend;
                state.lost = false;
                // What is known may be of another life of the database, or of one that was restored since.
                // planted: same-life
                state.looked = false;
                return Ok(());
            }
            Err(error) if asleep && error.code() == Code::NoPatch => {
                shut(core, Reason::Deleted);
                return Err(Error::closed());
            }
            Err(error) => why = error,
        }
        core.check_open_or_closing()?;
        core.env().sleep(LOOK_AGAIN_MS).await;
    }
    shut(core, Reason::Lost);
    Err(Error::new(
        Code::ConnectionLost,
        format!(
            "the connection was lost and could not be reopened: {}",
            why.message()
        ),
    ))
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
            Err(Failure::Lost) => reconnect(core, &backend).await?,
            Err(failure) => return Err(error_of(core, failure).await),
        }
    }
    Err(Error::new(
        crate::error::Code::ConnectionLost,
        "the connection keeps getting lost",
    ))
}

/// An abort that we did not ask for may be the beginning of the connection's end, of which the browser
/// tells a moment later (Chromium, when an origin's storage is cleared: `UnknownError`, "Force close
/// delete origin").
pub async fn unless_lost<T>(core: &Rc<Core>, outcome: Result<T, Failure>) -> Result<T, Failure> {
    if matches!(outcome, Err(Failure::Aborted(..))) {
        core.env().sleep(LOOK_AGAIN_MS).await;
        let state = core.state.borrow();
        if state.lost || state.closed.is_some() {
            return Err(Failure::Lost);
        }
    }
    outcome
}

/// The error for a transaction that was aborted and has Blobs in it: the browser could not read one, as of a file
/// that has changed or gone.
pub fn unreadable(why: &str, cause: Option<Rc<dyn Any>>) -> Error {
    let error = Error::new(
        Code::NotStorable,
        format!("the browser could not store a Blob: {why}"),
    );
    match cause {
        Some(cause) => error.with_cause(cause),
        None => error,
    }
}

/// The error for a transaction that failed.
pub fn error_of<'a>(core: &'a Rc<Core>, failure: Failure) -> LocalBoxFuture<'a, Error> {
    // Boxed, so that its state is not part of every caller's.
    error_of_now(core, failure).boxed_local()
}

async fn error_of_now(core: &Rc<Core>, failure: Failure) -> Error {
    let with_cause = |error: Error, cause: Option<Rc<dyn Any>>| match cause {
        Some(cause) => error.with_cause(cause),
        None => error,
    };
    match unless_lost::<()>(core, Err(failure))
        .await
        .err()
        .unwrap_or(Failure::Lost)
    {
        Failure::Quota(cause) => {
            let error = Error::new(
                Code::StorageQuotaExceeded,
                "there is no room left to store this",
            );
            let error = match core.connector.estimate().await {
                Some((usage, quota)) => error.with_usage(usage, quota),
                None => error,
            };
            with_cause(error, cause)
        }
        Failure::Aborted(why, cause) => with_cause(
            Error::new(
                Code::Unavailable,
                format!("the browser's storage refused: {why}"),
            ),
            cause,
        ),
        Failure::Memory(why) => Error::new(Code::LimitExceeded, why),
        Failure::Taken => Error::internal("a log number was already in use"),
        Failure::Lost => Error::new(
            Code::ConnectionLost,
            "the connection to the database was lost",
        ),
    }
}

/// The error of a transaction that failed while nothing was open yet.
pub fn open_error(failure: Failure) -> Error {
    match failure {
        Failure::Aborted(why, cause) => {
            let error = Error::new(
                Code::Unavailable,
                format!("the browser's storage refused: {why}"),
            );
            match cause {
                Some(cause) => error.with_cause(cause),
                None => error,
            }
        }
        Failure::Memory(why) => Error::new(Code::LimitExceeded, why),
        Failure::Quota(cause) => {
            let error = Error::new(Code::StorageQuotaExceeded, "there is no room left");
            match cause {
                Some(cause) => error.with_cause(cause),
                None => error,
            }
        }
        _ => Error::new(
            Code::ConnectionLost,
            "the connection was lost while opening",
        ),
    }
}
