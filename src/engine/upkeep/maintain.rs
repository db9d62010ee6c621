//! When to flush and merge.

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use std::rc::Rc;

use super::collect;
use super::dead;
use super::flip::{self, Flip};
use super::flush;
use super::merge;
use crate::codec::root::Garbage;
use crate::engine::core::gate::Pass;
use crate::engine::core::instance::Core;
use crate::engine::log::intake;
use crate::engine::store::{garbage, room};
use crate::error::{Code, Result};

/// Runs in level 0 from which on a commit waits for a merge.
const CROWDED_RUNS: usize = 16;

/// How full the log has to be for a flush as soon as nobody writes: what is in it is read and replayed by whoever
/// opens the patch next.
const WORTH_A_FLUSH: f64 = 0.125;

/// How full the log is, 1.0 being the line.
fn fullness(core: &Core) -> f64 {
    let state = core.state.borrow();
    let limits = &core.options.limits;
    let frames = state.tail_frames as f64 / limits.log_frames as f64;
    let bytes = state.tail_bytes as f64 / limits.log_bytes as f64;
    let pieces = state.tail_pieces as f64 / limits.piece_bytes as f64;
    frames.max(bytes).max(pieces)
}

/// Starts maintenance in the background if a commit of this realm has made it due.
pub fn consider(core: &Rc<Core>) {
    let due = fullness(core) >= 1.0 || room::is_reserve_wanted(core);
    if !due || core.maintenance_wanted.replace(true) {
        return;
    }
    let inner = core.clone();
    core.env().spawn(
        async move {
            // A failure (no room, a lost connection) leaves everything as it was; the next
            // commit asks again.
            drop(run(&inner).await);
            inner.maintenance_wanted.set(false);
        }
        .boxed_local(),
    );
}

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
    if fullness(core) >= WORTH_A_FLUSH || hides_much(core).await {
        let pass = core.maintenance.enter().await;
        drop(step(core, flush::flush(core, &pass)).await);
    }
    let pass = core.maintenance.enter().await;
    drop(flip::clean(core, &pass).await);
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
        drop(step(core, flush::flush(core, &pass)).await);
        core.compacting.set(false);
        freed += garbage::purge_pieces(core).await;
    }
    freed > 0 || core.view().root.epoch != before
}

/// The pieces that flushing the log would list; none if that cannot be told.
async fn dead_in_log(core: &Rc<Core>) -> Vec<Garbage> {
    let dead = dead::of_tail(core, &core.view().committed()).await;
    dead.unwrap_or_default()
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
    bytes_of(&dead_in_log(core).await) as f64
        >= WORTH_A_FLUSH * core.options.limits.piece_bytes as f64
}

async fn run(core: &Rc<Core>) -> Result<()> {
    {
        let pass = core.maintenance.enter().await;
        if fullness(core) >= 1.0 {
            step(core, flush::flush(core, &pass)).await?;
        }
    }
    room::restore_reserve(core).await;
    loop {
        core.check_open_or_closing()?;
        // Let go between two steps: a flush may wait.
        let pass = core.maintenance.enter().await;
        let due = merge::due(core);
        let Some(level) = due else { return Ok(()) };
        if !step(core, merge::step(core, &pass, level, false)).await? {
            return Ok(());
        }
    }
}

/// Runs one step of maintenance. A record that was missing because another tab's flip has
/// replaced it means that the step was too late (false), not that data are damaged.
async fn step(core: &Rc<Core>, step: impl Future<Output = Result<bool>>) -> Result<bool> {
    let before = core.state.borrow().head.epoch;
    match step.await {
        Err(error) if error.code() == Code::Corrupt => {
            intake::take_in(core).await?;
            if core.state.borrow().head.epoch == before {
                Err(error)
            } else {
                Ok(false)
            }
        }
        other => other,
    }
}

/// Before a commit: if the log is twice full, flushes first. If that fails, the commit goes on:
/// it may be the delete that makes room.
pub async fn relieve(core: &Rc<Core>) {
    let crowded = || core.view().root.runs.len() >= CROWDED_RUNS;
    if fullness(core) < 2.0 && !crowded() {
        return;
    }
    let pass = core.maintenance.enter().await;
    if crowded() {
        // Flushes have outrun the merges, here or in other tabs.
        drop(merge::step(core, &pass, 0, false).await);
    }
    if fullness(core) >= 2.0 {
        drop(flush::flush(core, &pass).await);
    }
}

/// Merges everything into the lowest level, and gives back the space of what is dead.
///
/// # Errors
/// `StorageQuotaExceeded`, `ConnectionLost`, `Corrupt`, …
pub async fn compact(core: &Rc<Core>) -> Result<()> {
    let pass = core.maintenance.enter().await;
    core.compacting.set(true);
    let done = compact_all(core, &pass).await;
    core.compacting.set(false);
    done?;
    core.pressed.set(false);
    room::restore_reserve(core).await;
    Ok(())
}

async fn compact_all(core: &Rc<Core>, pass: &Pass) -> Result<()> {
    if core.pressed.get() {
        room::Attempts::new(true, None).make_room(core).await;
    }
    flush_all(core, pass).await?;
    while let Some(level) = uppermost_to_merge(core) {
        core.check_open_or_closing()?;
        step(core, merge::step(core, pass, level, true)).await?;
    }
    garbage::purge(core, 0).await;
    if !core.view().root.garbage.is_empty() {
        Flip::new(core).run(core).await?;
    }
    step(core, async {
        collect::collect(core, pass).await.map(|()| true)
    })
    .await?;
    Ok(())
}

/// Flushes until nothing is left that was there at the call, whoever else flushes.
async fn flush_all(core: &Rc<Core>, pass: &Pass) -> Result<()> {
    let target = core.state.borrow().known;
    // (Of a damaged log, less may be known than before.)
    let is_left = || {
        let state = core.state.borrow();
        state.head.position < target.min(state.known)
    };
    while is_left() {
        core.check_open_or_closing()?;
        step(core, flush::flush(core, pass)).await?;
    }
    Ok(())
}

/// The uppermost level that is not empty and has something to be merged into.
fn uppermost_to_merge(core: &Core) -> Option<usize> {
    let root = core.view().root.clone();
    if !root.runs.is_empty() {
        return Some(0);
    }
    let filled: Vec<usize> = root
        .levels
        .iter()
        .enumerate()
        .filter(|(_, l)| !l.is_empty())
        .map(|(at, _)| at)
        .collect();
    match filled.as_slice() {
        [upper, _, ..] => Some(upper + 1),
        _ => None,
    }
}
