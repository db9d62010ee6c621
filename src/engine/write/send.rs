//! Appending a sealed frame, again if need be, until its outcome is known.

use std::rc::Rc;

use super::acknowledge::{acknowledge, is_of_catalog, unknown, void};
use super::sealing::Sealed;
use crate::backend::{Append, Appended, Durability, Failure, Settled};
use crate::engine::core::instance::Core;
use crate::engine::core::invariant::invariant;
use crate::engine::log::flight::{recall, split_first};
use crate::engine::log::intake;
use crate::engine::log::recover::{self, Outcome};
use crate::engine::store::{connection, room};
use crate::engine::upkeep::relief;
use crate::error::Result;

/// Appends the frame until its outcome is known.
///
/// # Errors
/// Why its calls fail.
pub async fn send(core: &Rc<Core>, sealed: &Sealed) -> Result<()> {
    let frees_room = core.state.borrow().queue.first_frees_room();
    let mut room = room::Attempts::new(frees_room, Some(&relief::HELP));
    let mut resent = false;
    loop {
        // Nothing is under way now.
        core.check_open_or_closing()?;
        let required = sealed.header.required;
        let would_count = {
            let state = core.state.borrow();
            // planted: catalog-resent
            let is_of_catalog = is_of_catalog(&state, sealed);
            // (Making room may have raised the generation.)
            (required == 0 || required == state.known + 1)
                && sealed.header.generation == state.head.generation
                && is_of_catalog
        };
        if !would_count {
            // It would be void.
            recall(core, sealed.header.sequence);
            return Ok(());
        }
        invariant!(core, is_new(core, sealed), "a sequence would be used twice");
        let pending = append(core, sealed);
        // planted: early-ack
        match connection::unless_lost(core, pending.await).await {
            Ok(appended) => return acknowledge(core, sealed, &appended, resent).await,
            Err(Failure::Taken) => return taken(core, sealed, resent).await,
            // planted: unknown-as-failed
            Err(Failure::Lost) => match recover::after_loss(core, &sealed.sent()).await {
                Outcome::Unknown(error) => return Err(unknown(core, error)),
                Outcome::Committed => return Ok(()),
                Outcome::Void => return void(core, sealed, None),
                // Nothing of this writer can have been forgotten: the same again.
                Outcome::Absent => resent = true,
            },
            // planted: aborted-absent
            Err(failure) => match recover::after_abort(core, &sealed.sent()).await {
                Outcome::Committed => return Ok(()),
                Outcome::Unknown(error) => return Err(unknown(core, error)),
                Outcome::Void => return void(core, sealed, None),
                Outcome::Absent => {
                    if refused(core, sealed, failure, &mut room).await? == Next::Anew {
                        return Ok(());
                    }
                }
            },
        }
    }
}

/// Whether nothing of this sequence, or of a later one, has been seen.
fn is_new(core: &Core, sealed: &Sealed) -> bool {
    let state = core.state.borrow();
    let seen = state.seen.get(&core.writer);
    seen.is_none_or(|seen| *seen < sealed.header.sequence)
}

fn append(core: &Rc<Core>, sealed: &Sealed) -> Settled<Appended> {
    let bytes = sealed.frame.len() + sealed.pieces.iter().map(|(_, b)| b.len()).sum::<usize>();
    core.count_written(bytes);
    let append = Append {
        frame: sealed.frame.clone(),
        at: sealed.at,
        pieces: sealed.pieces.clone(),
    };
    let backend = core.backend();
    // planted: large-relaxed
    let durability = if backend.tears(&append) {
        Durability::Strict
    } else {
        core.options.durability
    };
    backend.append(append, durability)
}

/// Its number is taken, perhaps by this very frame, sent before and thought lost: so it stays in flight until the
/// frames between are taken in. Then it is sealed anew; stale calls run again first.
async fn taken(core: &Rc<Core>, sealed: &Sealed, resent: bool) -> Result<()> {
    if sealed.header.required != 0 {
        core.state.borrow_mut().turns.lost_race();
    }
    match intake::take_in(core).await {
        Err(error) if resent && sealed.sighting.seen().is_none() => Err(unknown(core, error)),
        Err(error) => Err(error),
        Ok(()) => {
            recall(core, sealed.header.sequence);
            Ok(())
        }
    }
}

/// How a commit goes on that the storage has refused.
#[derive(PartialEq, Eq)]
enum Next {
    /// The same again: there may be room now.
    Again,
    /// With fewer calls in one frame.
    Anew,
}

/// Nothing was stored: what can be done about it.
///
/// # Errors
/// Why nothing can.
async fn refused(
    core: &Rc<Core>,
    sealed: &Sealed,
    failure: Failure,
    room: &mut room::Attempts,
) -> Result<Next> {
    let is_alone = calls_in_first(core) <= 1;
    let has_more = match &failure {
        // One of its Blobs cannot be read, as it seems: that is no matter of the others.
        Failure::Aborted(why, cause) if sealed.has_blobs() && is_alone => {
            return Err(connection::unreadable(why, cause.clone()));
        }
        Failure::Quota(_) if is_alone => room.make_room(core).await,
        Failure::Quota(_) => room.empty(core).await,
        _ => false,
    };
    let is_halved = matches!(failure, Failure::Quota(_) | Failure::Memory(_)) || sealed.has_blobs();
    if has_more {
        Ok(Next::Again)
    } else if !is_alone && is_halved {
        split_first(core);
        Ok(Next::Anew)
    } else {
        Err(connection::error_of(core, failure).await)
    }
}

/// Calls in the group that is next.
pub fn calls_in_first(core: &Rc<Core>) -> usize {
    core.state
        .borrow()
        .queue
        .groups
        .front()
        .map_or(0, |group| group.calls.len())
}
