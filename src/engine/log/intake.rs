//! Taking in what other tabs committed, and building the view anew after their flips.

use crate::sorted::SortedMap;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use std::rc::Rc;

use super::flight;
use super::stored::{ALL, Stored, decode_stored, stored_reads};
use crate::backend::{Id, Read, RecordKey, Reply};
use crate::codec::frame::{self, FrameHeader};
use crate::codec::head::Head;
use crate::engine::core::gate::Pass;
use crate::engine::core::group::Seen;
use crate::engine::core::instance::Core;
use crate::engine::core::notice::Notice;
use crate::engine::core::options::Reason;
use crate::engine::core::shut::shut;
use crate::engine::core::state::State;
use crate::engine::keyspace::view::View;
use crate::engine::store::connection::read;
use crate::error::{Code, Error, Result};

/// Times that a reload may find less in the log than is known before the store counts as broken.
const RELOADS: usize = 5;

/// Takes in every frame after the last known one. Waits for its turn.
///
/// # Errors
/// What is wrong with the connection or the stored data.
pub fn take_in<'a>(core: &'a Rc<Core>) -> LocalBoxFuture<'a, Result<()>> {
    // Boxed, so that its state is not part of every caller's.
    take_in_now(core).boxed_local()
}

async fn take_in_now(core: &Rc<Core>) -> Result<()> {
    let pass = core.intake.enter().await;
    take_in_holding(core, &pass).await
}

/// The same, for a holder of the intake gate.
///
/// # Errors
/// As [`take_in`].
pub async fn take_in_holding(core: &Rc<Core>, pass: &Pass) -> Result<()> {
    stopped_by_later(core, take_in_next(core, pass).await)
}

/// Closes the engine where it has met what a later library has stored, or what is sealed under a key: it could not
/// follow any more. The frame in flight may count all the same, so it is not recalled.
fn stopped_by_later<T>(core: &Rc<Core>, outcome: Result<T>) -> Result<T> {
    if outcome.as_ref().is_err_and(is_of_later) {
        // planted: later-recalls
        shut(core, Reason::VersionChange);
    }
    outcome
}

fn is_of_later(error: &Error) -> bool {
    matches!(error.code(), Code::UnsupportedFormat | Code::Encrypted)
}

async fn take_in_next(core: &Rc<Core>, pass: &Pass) -> Result<()> {
    let after = core.state.borrow().known;
    let flight = flight::in_flight(core);
    let replies = read(
        core,
        vec![
            Read::Get(RecordKey::Head),
            Read::Frames { after, limit: ALL },
        ],
    )
    .await?;
    let [Reply::Record(head), Reply::Frames(frames)] = replies.as_slice() else {
        return Err(Error::internal("a read got no reply"));
    };
    let head = check_life(core, head.as_ref(), flight, frames)?;
    if head.epoch != core.state.borrow().head.epoch {
        return reload(core, pass).await;
    }
    for (number, record) in frames {
        take_frame(core, *number, record)?;
    }
    let mut state = core.state.borrow_mut();
    state.looked = true;
    state.asleep = false;
    drop(state);
    core.pace.is_fresh();
    Ok(())
}

/// The stored head, if it is of the life of the database that this engine was opened on;
/// otherwise, or if it is of a later format or encrypted, the engine is closed. `flight`: what was in flight when that was read, with `frames`.
///
/// # Errors
/// `ConnectionLost`, `Closed`, or that the head cannot be read.
fn check_life(
    core: &Rc<Core>,
    record: Option<&Bytes>,
    flight: Option<u64>,
    frames: &[(u64, Bytes)],
) -> Result<Head> {
    let head = record.map(Head::decode).transpose();
    let known = core.state.borrow().head.incarnation;
    match head {
        Ok(Some(head)) if head.incarnation == known => Ok(head),
        // It could only do harm here. Whoever writes such a head has cut the log before.
        Err(error) if is_of_later(&error) => {
            flight::recall_void(core, flight, frames);
            shut(core, Reason::VersionChange);
            Err(error)
        }
        Err(error) => Err(error),
        Ok(_) => {
            // Deleted, and perhaps created again since. After a lost connection it is unknown what has become
            // of the data.
            let lost = {
                let state = core.state.borrow();
                !state.asleep && (state.lost || !state.looked)
            };
            let reason = if lost { Reason::Lost } else { Reason::Deleted };
            flight::recall_void(core, flight, frames);
            shut(core, reason);
            core.check_open()?;
            Err(Error::closed())
        }
    }
}

/// Takes in one frame, if it is the next.
fn take_frame(core: &Rc<Core>, number: u64, record: &Bytes) -> Result<()> {
    let (known, base) = {
        let state = core.state.borrow();
        (state.known, state.head.base)
    };
    if number <= known {
        return Ok(());
    }
    if number != known + 1 {
        return Err(Error::corrupt(format!(
            "frame {} of the log is missing",
            known + 1
        )));
    }
    // planted: needs-first
    let frame = frame::open(record)?;
    let header = frame.header;
    let fate = fate_of(&core.state.borrow(), &header, number);
    if fate != Fate::Applies {
        let mut state = core.state.borrow_mut();
        state.skip_to(number, record.len());
        note_void(core, &state, &header, number);
        return Ok(());
    }
    let mut batch = frame.batch()?;
    let fill = (core.state.borrow_mut()).place(number, header.wall_ms, batch.stamps);
    batch.resolve(fill);
    let own = header.writer == core.writer;
    let writes = {
        let mut state = core.state.borrow_mut();
        // An own one that is not in flight was given up: what is queued was made without it.
        let is_news = !own || !flight::is_flying(&state, header.sequence);
        let writes = state.apply(
            &core.context.cache,
            number,
            (header.writer, header.sequence),
            &batch,
            record.len(),
        );
        state.recent.push(number, &writes);
        if is_news {
            // planted: touch-overlooked
            state.mark_stale(&writes);
        }
        writes
    };
    if own {
        flight::landed(core, header.sequence, Some(base + number));
    }
    core.tell(&Notice::Commit {
        remote: !own,
        writes,
    });
    Ok(())
}

/// If it is this realm's frame in flight: leaves word that it has no effect.
fn note_void(core: &Core, state: &State, header: &FrameHeader, number: u64) {
    if header.writer == core.writer {
        flight::see(state, header.sequence, Seen::Void(number));
    }
}

#[derive(PartialEq, Eq)]
enum Fate {
    Applies,
    Void,
    Repeated,
}

fn fate_of(state: &State, header: &FrameHeader, number: u64) -> Fate {
    let is_of_now =
        header.incarnation == state.head.incarnation && header.generation == state.head.generation;
    // planted: other-number, void-applies, applies-twice
    if !is_of_now || (header.required != 0 && header.required != number) {
        Fate::Void
    } else if state
        .seen
        .get(&header.writer)
        .is_some_and(|seen| header.sequence <= *seen)
    {
        Fate::Repeated
    } else {
        Fate::Applies
    }
}

/// Builds the committed part of the view anew from head, root and log.
///
/// # Errors
/// As [`take_in`].
pub fn reload<'a>(core: &'a Rc<Core>, pass: &'a Pass) -> LocalBoxFuture<'a, Result<()>> {
    // Boxed, so that its state is not part of every caller's.
    async { stopped_by_later(core, reload_now(core, pass).await) }.boxed_local()
}

async fn reload_now(core: &Rc<Core>, _pass: &Pass) -> Result<()> {
    let mut failed = 0;
    while failed < RELOADS {
        let known = core.state.borrow().known;
        let flight = flight::in_flight(core);
        let replies = read(core, stored_reads()).await?;
        let frames = match replies.last() {
            Some(Reply::Frames(frames)) => frames.as_slice(),
            _ => &[],
        };
        check_life(core, record_of(&replies), flight, frames)?;
        let stored = decode_stored(&replies)?;
        let Some(stored) = stored else {
            return Err(Error::closed());
        };
        let last = stored
            .frames
            .last()
            .map_or(stored.head.position, |(number, _)| *number);
        // What a realm sees does not go back. Commits of its own may have landed since the read began, again
        // and again; without one, the store lacks what is known.
        let known_now = core.state.borrow().known;
        if known_now > last {
            failed += usize::from(known_now == known);
            continue;
        }
        return install(core, stored);
    }
    // The store has lost frames that it had acknowledged.
    shut(core, Reason::Lost);
    core.check_open_or_closing()
}

fn record_of(replies: &[Reply]) -> Option<&Bytes> {
    match replies.first() {
        Some(Reply::Record(record)) => record.as_ref(),
        _ => None,
    }
}

/// Replaces head, root and committed layers, then takes in the tail: quietly as far as it was
/// known, aloud beyond.
///
/// # Errors
/// `Corrupt`, `UnsupportedFormat`.
pub fn install(core: &Rc<Core>, stored: Stored) -> Result<()> {
    let Stored { head, root, frames } = stored;
    let moved;
    let (was_known, missed) = {
        let mut state = core.state.borrow_mut();
        let was_known = state.known;
        let missed = head.position > was_known;
        if missed {
            state.recent.forget_to(head.position);
            state.mark_all_stale();
        }
        state.seen = head.writers.iter().copied().collect::<SortedMap<Id, u64>>();
        let mut view = View::of_root(root);
        view.own = state.view.own.clone();
        core.context
            .cache
            .retain_directories(|id| view.root.levels.iter().flatten().any(|page| page.id == id));
        state.view = Rc::new(view);
        // planted: untold-cut
        state.interests.tell_all();
        state.known = head.position;
        if let Some(op_log) = &head.op_log {
            state.next_stamp.set(op_log.next_stamp);
        }
        state.tail_frames = 0;
        state.tail_bytes = 0;
        state.tail_pieces = 0;
        state.tail_beside = 0;
        state.tail_writers.clear();
        state.rebuilt_layers += 1;
        moved = head.clock != state.head.clock;
        core.context.note_head(&head);
        state.take_head(head);
        state.looked = true;
        state.asleep = false;
        (was_known, missed)
    };
    if missed {
        flight::find_cut(core);
    }
    for (number, record) in &frames {
        if *number <= was_known {
            replay_quietly(core, *number, record)?;
        } else {
            take_frame(core, *number, record)?;
        }
    }
    if missed {
        core.tell(&Notice::Cut);
    } else if moved {
        // It may have been collected meanwhile.
        core.tell(&Notice::Expiry);
    }
    Ok(())
}

/// Applies a frame that this realm has seen before.
fn replay_quietly(core: &Rc<Core>, number: u64, record: &Bytes) -> Result<()> {
    let mut state = core.state.borrow_mut();
    if number != state.known + 1 {
        return Err(Error::corrupt(format!(
            "frame {} of the log is missing",
            state.known + 1
        )));
    }
    let frame = frame::open(record)?;
    let header = frame.header;
    if fate_of(&state, &header, number) != Fate::Applies {
        state.skip_to(number, record.len());
        note_void(core, &state, &header, number);
        return Ok(());
    }
    let mut batch = frame.batch()?;
    let fill = state.place(number, header.wall_ms, batch.stamps);
    batch.resolve(fill);
    state.apply(
        &core.context.cache,
        number,
        (header.writer, header.sequence),
        &batch,
        record.len(),
    );
    Ok(())
}
