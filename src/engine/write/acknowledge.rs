//! Whether a frame that was appended counts: only then are its calls acknowledged.

use futures_util::FutureExt;
use std::rc::Rc;

use super::sealing::Sealed;
use crate::backend::{Appended, RecordKey};
use crate::codec::frame::FrameHeader;
use crate::codec::head::Head;
use crate::engine::core::group::Seen;
use crate::engine::core::instance::Core;
use crate::engine::core::options::Reason;
use crate::engine::core::state::State;
use crate::engine::log::flight::{apply_own, recall};
use crate::engine::log::recover::{self, Outcome};
use crate::engine::store::garbage;
use crate::engine::upkeep::{maintain, relief};
use crate::error::{Error, Result};

/// So many dependent frames name their numbers after one has lost a race: of several tabs that do so, one always
/// gets on, since a frame that fails for its number uses none up.
const CONTENDED: u32 = 16;

/// What follows when the transaction has completed.
///
/// # Errors
/// That the outcome is unknown.
pub async fn acknowledge(
    core: &Rc<Core>,
    sealed: &Sealed,
    appended: &Appended,
    resent: bool,
) -> Result<()> {
    {
        let mut state = core.state.borrow_mut();
        state.repair_log = false;
        if sealed.header.required != 0 {
            state.contended = state.contended.saturating_sub(1);
        }
    }
    let FrameHeader {
        sequence, required, ..
    } = sealed.header;
    let mut ended = Ok(());
    if follows(core, sealed, appended) {
        apply_own(core, sequence, sealed.frame.len(), appended.number);
    } else if sealed.sighting.seen() != Some(Seen::Committed) {
        // Frames of others lie between. Not before they are taken in, and this one with them, is it
        // acknowledged: a tab sees what it was told.
        let other_number = required != 0 && required != appended.number;
        let lost_race = !resent && (other_number || agrees(sealed, appended) == Some(false));
        // planted: ack-unseen
        let outcome = recover::after_others(core, &sealed.sent(), appended.number, lost_race).await;
        ended = match outcome {
            Outcome::Committed => Ok(()),
            Outcome::Void | Outcome::Absent => void(core, sealed, Some(appended.number)),
            Outcome::Unknown(error) => return Err(unknown(core, error)),
        };
    }
    core.backend().notify();
    maintain::consider(core);
    relief::consider(core);
    ended
}

/// Whether a frame that was appended counts, as far as can be told without looking: it directly follows what
/// is known, and nothing that makes it void can have come before, since that uses up a number of the log.
fn follows(core: &Rc<Core>, sealed: &Sealed, appended: &Appended) -> bool {
    let state = core.state.borrow();
    let required = sealed.header.required;
    // planted: other-number-own, any-number
    state.looked
        && appended.number == state.known + 1
        && counts_under(&state.head, sealed, appended.number)
        && is_of_catalog(&state, sealed)
        && (required == 0 || required == appended.number)
        && (sealed.at.is_none() || agrees(sealed, appended) == Some(true))
        && sealed.sighting.seen().is_none()
}

/// A number that was asked for tells nothing: whether the head that was read with it agrees.
fn agrees(sealed: &Sealed, appended: &Appended) -> Option<bool> {
    let head = Head::decode(appended.head.as_ref()?).ok()?;
    Some(counts_under(&head, sealed, appended.number))
}

fn counts_under(head: &Head, sealed: &Sealed, number: u64) -> bool {
    head.incarnation == sealed.header.incarnation
        && head.generation == sealed.header.generation
        && head.position < number
        && head.catalog <= Some(sealed.header.catalog)
}

/// Whether the catalog is still the one that the frame was made under. (It may have been taken in what has changed it, since
/// the frame was sent, and the frame directly follows that.)
pub fn is_of_catalog(state: &State, sealed: &Sealed) -> bool {
    // planted: catalog-unasked-own
    sealed.header.catalog == state.view.catalog.change
}

/// The frame in flight is void for everybody: its calls are sealed anew. Its pieces are not referred to. `number`: its
/// own, if that is known.
///
/// # Errors
/// Never fails.
#[expect(clippy::unnecessary_wraps, reason = "what sending ends in")]
pub fn void(core: &Rc<Core>, sealed: &Sealed, number: Option<u64>) -> Result<()> {
    let number = match sealed.sighting.seen() {
        Some(Seen::Void(at)) if at > 0 => Some(at),
        _ => number,
    };
    {
        let mut state = core.state.borrow_mut();
        // The log's numbers have started over: naming the next one explicitly sets them right.
        state.repair_log = number.is_some_and(|number| number <= state.head.position);
        if sealed.header.required != 0 {
            state.contended = CONTENDED;
            state.turns.lost_race();
        }
    }
    recall(core, sealed.header.sequence);
    let pieces = sealed.pieces.iter().map(|(id, _)| RecordKey::Piece(*id));
    let pieces: Vec<_> = pieces.collect();
    if !pieces.is_empty() {
        let inner = core.clone();
        let delete = async move {
            let _deleted = garbage::delete(&inner, &pieces).await;
        };
        core.env().spawn(delete.boxed_local());
    }
    Ok(())
}

/// The error of a commit whose outcome is unknown. If the patch was deleted, its effect is gone.
pub fn unknown(core: &Core, error: Error) -> Error {
    if core.state.borrow().closed == Some(Reason::Deleted) {
        return error;
    }
    recover::outcome_unknown(&error)
}
