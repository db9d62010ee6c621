//! Building the committed part of the view anew: after a flip of another tab, or when it is unknown what became of one's own.

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use std::rc::Rc;

use super::flight;
use super::life::{check_life, check_version, stopped_by_later};
use super::replay::{replay_quietly, take_frame};
use super::stored::{Stored, decode_stored, stored_reads};
use crate::backend::{Id, Reply};
use crate::engine::core::gate::Pass;
use crate::engine::core::instance::Core;
use crate::engine::core::notice::Notice;
use crate::engine::core::options::Reason;
use crate::engine::core::shut::shut;
use crate::engine::keyspace::catalog::Catalog;
use crate::engine::keyspace::view::View;
use crate::engine::store::connection::read;
use crate::error::{Error, Result};
use crate::sorted::SortedMap;

/// Times that a reload may find less in the log than is known before the store counts as broken.
const RELOADS: usize = 5;

/// Builds the committed part of the view anew from head, root and log.
///
/// # Errors
/// What is wrong with the connection or the stored data.
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
        let stored = decode_stored(&replies, core.backend().seals())?;
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
/// `Corrupt`, `UnsupportedFormat`; `Closed`, where the data are of another version than was declared.
pub fn install(core: &Rc<Core>, stored: Stored) -> Result<()> {
    let Stored { head, root, frames } = stored;
    let catalog = Catalog::stored(&root, head.catalog, &core.view().catalog)?;
    let moved;
    let (was_known, missed) = {
        let mut state = core.state.borrow_mut();
        let was_known = state.known;
        let missed = head.position > was_known;
        if missed {
            state.recent.forget_to(head.position);
            state.mark_all_stale();
        }
        if head.catalog > Some(was_known) {
            state.mark_made_under_another();
        }
        state.seen = head.writers.iter().copied().collect::<SortedMap<Id, u64>>();
        let mut view = View::of_root(root, catalog);
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
    check_version(core, &core.view().catalog)?;
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
