//! At rest, and where room is short: flushing the log for the room that it hides, deleting garbage.

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use std::rc::Rc;

use super::dead;
use super::flip::Flip;
use super::maintain::{tail, take};
use super::policy::{self, Step};
use crate::codec::root::Garbage;
use crate::engine::core::gate::Pass;
use crate::engine::core::instance::Core;
use crate::engine::store::garbage;
use crate::error::Result;

/// Flushes the log if that is worth while for who opens the patch next, or for the room that it gives, and deletes
/// garbage. Seen to by the tab that wrote last, or (`anybody`) by any.
pub async fn tidy(core: &Rc<Core>, anybody: bool) {
    let (is_open, is_mine) = {
        let state = core.state.borrow();
        let is_mine = match state.tail_writers.last() {
            Some((writer, _)) => *writer == core.writer,
            None => core.flipped.get() == state.head.epoch,
        };
        (!state.lost && state.closed.is_none(), is_mine)
    };
    if !is_open || !(is_mine || anybody) {
        return;
    }
    // What fails leaves everything as it was.
    if tail(core).is_worth_a_flush(&core.options.limits) || hides_much(core).await {
        let pass = core.maintenance.enter().await;
        drop(take(core, &pass, Step::Flush).await);
    }
    let pass = core.maintenance.enter().await;
    drop(clean(core, &pass).await);
}

/// Flushes the log for the room that its dead pieces take, and deletes those listed. Whether that, or another's
/// maintenance meanwhile, may have freed any.
pub fn free_pieces(core: &Rc<Core>) -> LocalBoxFuture<'_, bool> {
    free_pieces_now(core).boxed_local()
}

async fn free_pieces_now(core: &Rc<Core>) -> bool {
    let before = core.view().root.epoch;
    let pass = core.maintenance.enter().await;
    let mut freed = garbage::purge_pieces(core).await;
    if bytes_of(&dead_in_log(core).await) > 0 {
        // What it writes frees room in the end.
        core.compacting.set(true);
        drop(take(core, &pass, Step::Flush).await);
        core.compacting.set(false);
        freed += garbage::purge_pieces(core).await;
    }
    freed > 0 || core.view().root.epoch != before
}

/// The pieces that flushing the log would list; none if that is unknown.
async fn dead_in_log(core: &Rc<Core>) -> Vec<Garbage> {
    let dead = dead::of_tail(core, &core.view().committed()).await;
    dead.unwrap_or_default().garbage
}

fn bytes_of(garbage: &[Garbage]) -> u64 {
    garbage.iter().map(|garbage| garbage.bytes).sum()
}

/// Whether flushing the log would give room: looked up once for what is in it.
async fn hides_much(core: &Rc<Core>) -> bool {
    let known = core.state.borrow().known;
    if core.reckoned.replace(known) == known {
        return false;
    }
    let dead_bytes = bytes_of(&dead_in_log(core).await);
    policy::is_worth_freeing(dead_bytes, &core.options.limits)
}

/// At rest: deletes what need not wait, and has the list tell the truth if that was much.
///
/// # Errors
/// What the flip fails with.
async fn clean(core: &Rc<Core>, _maintenance: &Pass) -> Result<bool> {
    let keep_bytes = core.options.limits.garbage_bytes;
    garbage::purge(core, keep_bytes).await;
    let all = bytes_of(&core.view().root.garbage);
    // (What an export holds is listed rightly.)
    // planted: tidied-held
    if all <= keep_bytes || all == bytes_of(&garbage::listed(core)) {
        return Ok(true);
    }
    Flip::new(core).run(core).await
}
