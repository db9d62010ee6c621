//! Lost connections, and commits whose outcome is unknown.

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use std::any::Any;
use std::rc::Rc;

use super::close::shut;
use super::core::Core;
use super::flight::is_in_flight;
use super::intake;
use super::options::Reason;
use crate::backend::{Backend, Event, Failure};
use crate::codec::head::MAX_WRITERS;
use crate::error::{Code, Error, Result};

/// How often a connection is opened again before it counts as lost.
const REOPENINGS: u32 = 3;
/// Looks at the log to find out about a frame, before giving up.
const LOOKS: u32 = 5;
/// Pause before the second look, ms; each later one is longer by this.
const LOOK_AGAIN_MS: u32 = 50;

/// What an engine does when its backend tells something.
#[must_use]
pub fn listener(core: &std::rc::Weak<Core>) -> Rc<dyn Fn(Event)> {
    let core = core.clone();
    Rc::new(move |event| {
        let Some(core) = core.upgrade() else { return };
        match event {
            Event::Wake => super::poll::wake(&core),
            Event::Signal(signal) => super::turn::hear(&core, signal),
            Event::Lost => core.state.borrow_mut().lost = true,
            Event::VersionChange => shut(&core, Reason::VersionChange),
            Event::Deleted => shut(&core, Reason::Deleted),
        }
    })
}

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
        let events = listener(&Rc::downgrade(core));
        // What was deleted while nobody used it here is not made anew.
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
            Err(error) if asleep && error.code() == Code::InvalidArgument => {
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

/// Finds out what became of the frame in flight. True when it has been dealt with; false when
/// the same bytes may be sent again.
///
/// # Errors
/// `ConnectionLost` when nobody can tell.
pub fn resolve<'a>(
    core: &'a Rc<Core>,
    sequence: u64,
    epoch: u64,
) -> LocalBoxFuture<'a, Result<bool>> {
    // Boxed, so that its state is not part of every caller's.
    resolve_now(core, sequence, epoch).boxed_local()
}

/// Whether the frame in flight has taken effect, though its transaction is said to have been aborted.
///
/// # Errors
/// `ConnectionLost` when nobody can tell.
pub async fn has_landed(core: &Rc<Core>, sequence: u64, epoch: u64) -> Result<bool> {
    match intake::take_in(core).await {
        Ok(()) => fate_of(core, sequence, epoch),
        Err(_) => resolve(core, sequence, epoch).await,
    }
}

/// The same of the frame in flight, appended as `number`: whether it was committed; else it is void. `lost_race`:
/// it is void for certain unless it has been taken in already.
///
/// # Errors
/// `ConnectionLost` when nobody can tell.
pub async fn look(core: &Rc<Core>, frame: Sent, number: u64, lost_race: bool) -> Result<bool> {
    let Sent { sequence, epoch } = frame;
    let seen = intake::take_in(core).await.is_ok();
    if !seen && resolve(core, sequence, epoch).await? || !is_in_flight(core, sequence) {
        return Ok(true);
    }
    let is_cut = number <= core.state.borrow().head.position;
    if lost_race || is_void(core, number) {
        Ok(false)
    } else if is_cut {
        fate_of(core, sequence, epoch)
    } else {
        Err(Error::internal("the log has lost it"))
    }
}

/// A frame that was sent: its sequence, and the epoch that was known then.
#[derive(Clone, Copy)]
pub struct Sent {
    /// Its writer's sequence.
    pub sequence: u64,
    /// The epoch.
    pub epoch: u64,
}

/// Whether the frame in flight has been seen under this number, void.
fn is_void(core: &Rc<Core>, number: u64) -> bool {
    let state = core.state.borrow();
    let first = state.queue.groups.front();
    let flight = first.and_then(|group| group.flight.as_ref());
    flight.is_some_and(|flight| flight.void_at == Some(number))
}

async fn resolve_now(core: &Rc<Core>, sequence: u64, epoch: u64) -> Result<bool> {
    let mut tries = 0;
    while let Err(error) = look_again(core).await {
        tries += 1;
        if !is_in_flight(core, sequence) {
            return Ok(true);
        }
        if tries == LOOKS || core.check_open_or_closing().is_err() {
            return Err(error);
        }
        core.env().sleep(tries * LOOK_AGAIN_MS).await;
    }
    fate_of(core, sequence, epoch)
}

/// What everything that is stored says of the frame in flight.
fn fate_of(core: &Rc<Core>, sequence: u64, epoch: u64) -> Result<bool> {
    // planted: sent-twice
    if !is_in_flight(core, sequence) {
        return Ok(true);
    }
    let state = core.state.borrow();
    // Writers leave the table only when it is full; while this one is in it, or nobody has left
    // it yet, an absent frame was never committed.
    let remembered = state.head.epoch == epoch
        || state.head.sequence_of(core.writer).is_some()
        || state.head.writers.len() < MAX_WRITERS;
    if remembered {
        Ok(false)
    } else {
        Err(outcome_unknown(&Error::internal(
            "its writer has been forgotten",
        )))
    }
}

async fn look_again(core: &Rc<Core>) -> Result<()> {
    if core.state.borrow().lost {
        reconnect(core, &core.backend()).await?;
    }
    let pass = core.intake.enter().await;
    intake::reload(core, &pass).await
}

/// The error of a commit that may or may not have taken effect.
#[must_use]
pub fn outcome_unknown(why: &Error) -> Error {
    Error::new(
        Code::ConnectionLost,
        format!(
            "the connection was lost during a commit, and whether it took effect cannot be told ({})",
            why.message()
        ),
    )
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
        Failure::Taken => Error::internal("a number of the log was taken"),
        Failure::Lost => Error::new(
            Code::ConnectionLost,
            "the connection to the database was lost",
        ),
    }
}
