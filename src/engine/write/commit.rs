//! The committer: one frame in flight at a time, sealed before its transaction opens.

use futures_util::FutureExt;
use std::rc::Rc;

use super::admit::admit;
use super::rebuild;
use super::sealing::{Sealed, seal_first};
use super::turn;
use crate::backend::{Append, Appended, Durability, Failure, RecordKey, Settled};
use crate::codec::frame::FrameHeader;
use crate::codec::head::Head;
use crate::engine::core::group::Seen;
use crate::engine::core::instance::Core;
use crate::engine::core::invariant::invariant;
use crate::engine::core::options::Reason;
use crate::engine::log::flight::{apply_own, fail_group, recall, split_first};
use crate::engine::log::intake;
use crate::engine::log::recover::{self, Outcome};
use crate::engine::store::{connection, garbage, room};
use crate::engine::upkeep::{maintain, relief};
use crate::error::{Error, Result};

/// So many dependent frames name their numbers after one has lost a race: of several tabs that do so, one always
/// gets on, since a frame that fails for its number uses none up.
const CONTENDED: u32 = 16;

/// Starts the committer, if it does not run.
pub fn start(core: &Rc<Core>) {
    {
        let mut state = core.state.borrow_mut();
        if state.queue.committing || state.queue.groups.is_empty() {
            return;
        }
        state.queue.committing = true;
    }
    let inner = core.clone();
    core.env().spawn(
        async move {
            let mut turn = None;
            while let Some(first) = first_call(&inner) {
                if let Err(error) = commit_first(&inner).await {
                    // The error is for that group. If the group has landed all the same, it is for no call.
                    let bytes = inner.state.borrow().queue.first_bytes();
                    let error = relief::refused(&inner, error, bytes);
                    fail_group(&inner, first, &error);
                }
                turn::after_step(&inner, &mut turn);
            }
            drop(turn);
            // What nothing is left of is not stale.
            has_stale(&inner);
            inner.state.borrow_mut().queue.committing = false;
            inner.tell_idle();
        }
        .boxed_local(),
    );
}

/// Brings the first group of the queue to its end, or makes one step towards it (a rebuild, a
/// split): the caller calls again while there are groups.
async fn commit_first(core: &Rc<Core>) -> Result<()> {
    core.check_open_or_closing()?;
    if core.state.borrow().lost {
        connection::reconnect(core, &core.backend()).await?;
    }
    if !has_stale(core) {
        maintain::relieve(core).await;
        if turn::hold(core).await {
            // Much may have come meanwhile.
            return Ok(());
        }
    }
    if has_stale(core) {
        rebuild::rebuild(core).await;
        return Ok(());
    }
    if !admit(core).await? {
        return Ok(());
    }
    let sealed = match seal_first(core).await {
        Ok(Some(sealed)) => sealed,
        Ok(None) => return Ok(()),
        // One of its values has no room in memory: that is no matter of the others.
        Err(_) if calls_in_first(core) > 1 => {
            split_first(core);
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    if has_stale(core) {
        // Overtaken while a large batch was written ahead.
        recall(core, sealed.header.sequence);
        return Ok(());
    }
    send(core, &sealed).await
}

/// Appends the frame until its outcome is known.
async fn send(core: &Rc<Core>, sealed: &Sealed) -> Result<()> {
    let frees_room = core.state.borrow().queue.first_frees_room();
    let mut room = room::Attempts::new(frees_room, Some(&relief::HELP));
    let mut resent = false;
    loop {
        // Nothing is under way now.
        core.check_open_or_closing()?;
        let required = sealed.header.required;
        let (known, generation) = {
            let state = core.state.borrow();
            (state.known, state.head.generation)
        };
        // (Making room may have raised the generation.)
        if required != 0 && required != known + 1 || sealed.header.generation != generation {
            // It would be void.
            recall(core, sealed.header.sequence);
            return Ok(());
        }
        invariant!(core, is_new(core, sealed), "a sequence would be used twice");
        let pending = append(core, sealed);
        // planted: early-ack
        match connection::unless_lost(core, pending.await).await {
            Ok(appended) => return appended_first(core, sealed, &appended, resent).await,
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

/// The error of a commit whose outcome is unknown. If the patch was deleted, its effect is gone.
fn unknown(core: &Core, error: Error) -> Error {
    if core.state.borrow().closed == Some(Reason::Deleted) {
        return error;
    }
    recover::outcome_unknown(&error)
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

/// What follows when the transaction has completed.
async fn appended_first(
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
}

/// The frame in flight is void for everybody: its calls are sealed anew. Its pieces are not referred to. `number`: its
/// own, if that is known.
#[expect(clippy::unnecessary_wraps, reason = "what sending ends in")]
fn void(core: &Rc<Core>, sealed: &Sealed, number: Option<u64>) -> Result<()> {
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

/// Whether any call must run again before the next is sent. When none must any more, those in line go on.
fn has_stale(core: &Rc<Core>) -> bool {
    let (was, is) = {
        let queue = &mut core.state.borrow_mut().queue;
        (queue.unfit, queue.has_stale())
    };
    if was && !is {
        core.serve();
    }
    is
}

/// The call that the first group begins with; groups are never empty.
fn first_call(core: &Rc<Core>) -> Option<u64> {
    let state = core.state.borrow();
    let first = state.queue.groups.front()?.calls.first()?;
    Some(first.id)
}

fn calls_in_first(core: &Rc<Core>) -> usize {
    core.state
        .borrow()
        .queue
        .groups
        .front()
        .map_or(0, |group| group.calls.len())
}
