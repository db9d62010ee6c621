//! Lost connections, and commits whose outcome is unknown.

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use std::rc::Rc;

use super::flight::is_in_flight;
use super::intake;
use crate::codec::head::MAX_WRITERS;
use crate::engine::core::instance::Core;
use crate::engine::store::connection;
use crate::error::{Code, Error, Result};

/// Looks at the log to find out about a frame, before giving up.
const LOOKS: u32 = 5;

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
        core.env().sleep(tries * connection::LOOK_AGAIN_MS).await;
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
        connection::reconnect(core, &core.backend()).await?;
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
