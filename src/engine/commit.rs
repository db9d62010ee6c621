//! The committer: one frame in flight at a time, sealed before its transaction opens.

use futures_util::FutureExt;
use std::rc::Rc;

use super::core::Core;
use super::flight::{apply_own, fail_group, ground, is_flying, is_in_flight, split_first};
use super::flip;
use super::intake;
use super::maintain;
use super::options::Reason;
use super::rebuild;
use super::recover::{self, Sent};
use super::room;
use super::sealing::{Sealed, seal_first};
use super::submit;
use super::turn;
use crate::backend::{Append, Appended, Durability, Failure, Key};
use crate::codec::batch::Op;
use crate::codec::frame::FrameHeader;
use crate::codec::head::Head;
use crate::error::Result;

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
                    // The error is that group's. If it has landed all the same, it is nobody's.
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
        recover::reconnect(core, &core.backend()).await?;
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
        ground(core, sealed.header.sequence);
        return Ok(());
    }
    let mut uncertain = false;
    let sent = send(core, &sealed, &mut uncertain).await;
    if uncertain && is_in_flight(core, sealed.header.sequence) {
        // It may have taken effect, whatever it was that failed afterwards. With a patch that is deleted, its
        // effect is gone.
        if core.state.borrow().closed == Some(Reason::Deleted) {
            return sent;
        }
        return sent.map_err(|error| recover::outcome_unknown(&error));
    }
    sent
}

/// Appends the frame until its outcome is known.
async fn send(core: &Rc<Core>, sealed: &Sealed, uncertain: &mut bool) -> Result<()> {
    let mut room = room::Attempts::new(frees_room(core), true);
    let mut resent = false;
    loop {
        // Nothing is under way now.
        core.check_open_or_closing()?;
        let required = sealed.header.required;
        if required != 0 && required != core.state.borrow().known + 1 {
            // It would be void.
            ground(core, sealed.header.sequence);
            return Ok(());
        }
        let bytes = sealed.frame.len() + sealed.pieces.iter().map(|(_, b)| b.len()).sum::<usize>();
        core.count_written(bytes);
        let append = Append {
            frame: sealed.frame.clone(),
            at: sealed.at,
            pieces: sealed.pieces.clone(),
        };
        let durability = if sealed.is_large() {
            Durability::Strict
        } else {
            core.options.durability
        };
        let pending = core.backend().append(append, durability);
        match recover::unless_lost(core, pending.await).await {
            Ok(appended) => {
                *uncertain = true;
                return appended_first(core, sealed, &appended, resent).await;
            }
            Err(Failure::Taken) => {
                // Perhaps by this very frame, sent before and thought lost: so it stays in flight
                // until the frames between are taken in. Then it is sealed anew; stale calls run
                // again first.
                *uncertain = resent;
                if required != 0 {
                    core.state.borrow_mut().turns.lost_race();
                }
                intake::take_in(core).await?;
                *uncertain = false;
                ground(core, sealed.header.sequence);
                return Ok(());
            }
            Err(Failure::Lost) => {
                *uncertain = true;
                if recover::resolve(core, sealed.header.sequence, sealed.epoch).await? {
                    return Ok(());
                }
                // Absent and nothing of this writer can have been forgotten: the same again.
                *uncertain = false;
                resent = true;
            }
            Err(failure) => {
                *uncertain = true;
                if recover::has_landed(core, sealed.header.sequence, sealed.epoch).await? {
                    return Ok(());
                }
                *uncertain = false;
                let is_alone = calls_in_first(core) <= 1;
                let has_more = match &failure {
                    // One of its Blobs cannot be read, as it seems: that is no matter of the others.
                    Failure::Aborted(why, cause) if sealed.has_blobs() && is_alone => {
                        return Err(recover::unreadable(why, cause.clone()));
                    }
                    Failure::Quota(_) if is_alone => room.make_room(core).await,
                    Failure::Quota(_) => room.empty(core).await,
                    _ => false,
                };
                let is_halved =
                    matches!(failure, Failure::Quota(_) | Failure::Memory(_)) || sealed.has_blobs();
                if !has_more && !is_alone && is_halved {
                    split_first(core);
                    return Ok(());
                }
                if !has_more {
                    return Err(recover::error_of(core, failure).await);
                }
            }
        }
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
    if follows(core, sealed, appended) {
        apply_own(core, sealed, appended.number);
    } else if is_in_flight(core, sequence) {
        // Frames of others lie between. Not before they are taken in, and this one with them, is it
        // acknowledged: a tab sees what it was told.
        let other_number = required != 0 && required != appended.number;
        let lost_race = !resent && (other_number || agrees(sealed, appended) == Some(false));
        let epoch = sealed.epoch;
        if !recover::look(core, Sent { sequence, epoch }, appended.number, lost_race).await? {
            void(core, sealed, appended.number);
        }
    }
    core.backend().notify();
    maintain::consider(core);
    Ok(())
}

/// Whether a frame that was appended counts, as far as can be told without looking: it directly follows what
/// is known, and nothing that makes it void can have come before, since that uses up a number of the log.
fn follows(core: &Rc<Core>, sealed: &Sealed, appended: &Appended) -> bool {
    let state = core.state.borrow();
    let required = sealed.header.required;
    state.looked
        && appended.number == state.known + 1
        && counts_under(&state.head, sealed, appended.number)
        && (required == 0 || required == appended.number)
        && (sealed.at.is_none() || agrees(sealed, appended) == Some(true))
        && is_flying(&state, sealed.header.sequence)
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

/// The frame in flight is void for everybody: its calls are sealed anew. Its pieces are not referred to.
fn void(core: &Rc<Core>, sealed: &Sealed, number: u64) {
    {
        let mut state = core.state.borrow_mut();
        // The log's numbers have started over: naming the next one explicitly sets them right.
        state.repair_log = number <= state.head.position;
        if sealed.header.required != 0 {
            state.contended = CONTENDED;
            state.turns.lost_race();
        }
    }
    ground(core, sealed.header.sequence);
    let pieces = sealed.pieces.iter().map(|(id, _)| Key::Piece(*id));
    let pieces: Vec<_> = pieces.collect();
    if !pieces.is_empty() {
        let inner = core.clone();
        let delete = async move {
            let _deleted = flip::delete(&inner, &pieces).await;
        };
        core.env().spawn(delete.boxed_local());
    }
}

/// Whether the first group only removes.
pub fn frees_room(core: &Rc<Core>) -> bool {
    let state = core.state.borrow();
    let mut ops = state
        .queue
        .groups
        .iter()
        .take(1)
        .flat_map(|g| &g.calls)
        .flat_map(|c| &c.ops);
    ops.all(|op| !matches!(op, Op::Put(..)))
}

/// Whether any call must run again before the next is sent. When none must any more, those in line go on.
fn has_stale(core: &Rc<Core>) -> bool {
    let (was, is) = {
        let queue = &mut core.state.borrow_mut().queue;
        (queue.unfit, queue.has_stale())
    };
    if was && !is {
        submit::serve(core);
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
