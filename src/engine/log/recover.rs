//! Finding out what became of a frame whose transaction did not say.

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use std::rc::Rc;

use super::{intake, reload};
use crate::codec::head::MAX_WRITERS;
use crate::engine::core::group::{Seen, Sighting};
use crate::engine::core::instance::Core;
use crate::engine::store::connection;
use crate::error::{Code, Error, Result};

/// Looks at the log to find out about a frame, before giving up.
const LOOKS: u32 = 5;

/// What became of a frame that was sent.
#[derive(Debug)]
pub enum Outcome {
    /// It has taken effect, and its calls have been told.
    Committed,
    /// It has no effect, for anybody: its calls are to be sealed anew.
    Void,
    /// It is not stored: the same bytes may be sent again.
    Absent,
    /// Whether it has taken effect is unknown.
    Unknown(Error),
}

/// A frame that was sent.
pub struct Sent<'a> {
    /// The epoch that was known when it was sealed.
    pub epoch: u64,
    /// What has been seen of it.
    pub sighting: &'a Sighting,
}

/// After a lost connection: builds all that is known anew from what is stored.
pub fn after_loss<'a>(core: &'a Rc<Core>, frame: &'a Sent<'a>) -> LocalBoxFuture<'a, Outcome> {
    // Boxed, so that its state is not part of every caller's.
    resolve(core, frame).boxed_local()
}

/// After a transaction that the browser says was aborted: it may have said less than it did.
pub async fn after_abort(core: &Rc<Core>, frame: &Sent<'_>) -> Outcome {
    match intake::take_in(core).await {
        Ok(()) => as_stored(core, frame),
        Err(_) => after_loss(core, frame).await,
    }
}

/// After it was appended as `number`, with others' frames between. `lost_race`: it is void unless it has been taken
/// in already.
pub async fn after_others(
    core: &Rc<Core>,
    frame: &Sent<'_>,
    number: u64,
    lost_race: bool,
) -> Outcome {
    if intake::take_in(core).await.is_err() {
        match after_loss(core, frame).await {
            Outcome::Absent => {}
            told => return told,
        }
    }
    let is_cut = number <= core.state.borrow().head.position;
    match frame.sighting.seen() {
        Some(Seen::Committed) => Outcome::Committed,
        Some(Seen::Void(at)) if at == number || at == 0 => Outcome::Void,
        _ if lost_race => Outcome::Void,
        // It was stored; what is not in the table of writers had no effect.
        _ if is_cut => match as_stored(core, frame) {
            Outcome::Absent => Outcome::Void,
            told => told,
        },
        _ => Outcome::Unknown(Error::internal("the log has lost the frame")),
    }
}

async fn resolve(core: &Rc<Core>, frame: &Sent<'_>) -> Outcome {
    let mut tries = 0;
    while let Err(error) = look_again(core).await {
        tries += 1;
        if let Some(told) = told(frame) {
            return told;
        }
        if tries == LOOKS || core.check_open_or_closing().is_err() {
            return Outcome::Unknown(error);
        }
        core.env().sleep(tries * connection::LOOK_AGAIN_MS).await;
    }
    as_stored(core, frame)
}

fn told(frame: &Sent<'_>) -> Option<Outcome> {
    frame.sighting.seen().map(|seen| match seen {
        Seen::Committed => Outcome::Committed,
        Seen::Void(_) => Outcome::Void,
    })
}

/// What everything that is stored, and has been taken in, says of it.
fn as_stored(core: &Rc<Core>, frame: &Sent<'_>) -> Outcome {
    // planted: sent-twice
    if let Some(told) = told(frame) {
        return told;
    }
    let state = core.state.borrow();
    // Writers leave the table only when it is full; while this one is in it, or no writer has left
    // it yet, an absent frame was never committed.
    let remembered = state.head.epoch == frame.epoch
        || state.head.sequence_of(core.writer).is_some()
        || state.head.writers.len() < MAX_WRITERS;
    if remembered {
        Outcome::Absent
    } else {
        Outcome::Unknown(Error::internal("the head no longer lists its writer"))
    }
}

async fn look_again(core: &Rc<Core>) -> Result<()> {
    if core.state.borrow().lost {
        connection::reconnect(core, &core.backend()).await?;
    }
    let pass = core.intake.enter().await;
    reload::reload(core, &pass).await
}

/// The error of a commit that may or may not have taken effect.
#[must_use]
pub fn outcome_unknown(why: &Error) -> Error {
    Error::new(
        Code::ConnectionLost,
        format!(
            "the connection was lost during a commit, and the outcome is unknown ({})",
            why.message()
        ),
    )
}
