//! When to flush and merge.

use futures_util::FutureExt;
use std::rc::Rc;

use super::collect;
use super::core::Core;
use super::flip::Flip;
use super::flush;
use super::gate::Pass;
use super::merge;
use crate::error::Result;

/// Frames in the log at which the realm that wrote the last one flushes.
pub const LOG_FRAMES: usize = 400;
/// Bytes in the log at which it does.
pub const LOG_BYTES: usize = 2 << 20;

/// How full the log is, 1.0 being the line.
fn fullness(core: &Core) -> f64 {
    let state = core.state.borrow();
    let frames = state.tail_frames as f64 / LOG_FRAMES as f64;
    frames.max(state.tail_bytes as f64 / LOG_BYTES as f64)
}

/// Starts maintenance in the background if a commit of this realm has made it due.
pub fn consider(core: &Rc<Core>) {
    if fullness(core) < 1.0 || core.maintenance_wanted.replace(true) {
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

async fn run(core: &Rc<Core>) -> Result<()> {
    {
        let pass = core.maintenance.enter().await;
        if fullness(core) >= 1.0 {
            flush::flush(core, &pass).await?;
        }
    }
    loop {
        core.check_open_or_closing()?;
        // Let go between two steps: a flush may wait.
        let pass = core.maintenance.enter().await;
        let due = merge::due(&core.view().root);
        let Some(level) = due else { return Ok(()) };
        if !merge::step(core, &pass, level, false).await? {
            return Ok(());
        }
    }
}

/// Before a commit: if the log is twice full, flushes first. If that fails, the commit goes on:
/// it may be the delete that makes room.
pub async fn relieve(core: &Rc<Core>) {
    if fullness(core) < 2.0 {
        return;
    }
    let pass = core.maintenance.enter().await;
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
    flush_all(core, &pass).await?;
    while let Some(level) = uppermost_to_merge(core) {
        core.check_open_or_closing()?;
        merge::step(core, &pass, level, true).await?;
    }
    if !core.view().root.garbage.is_empty() {
        Flip::new(core).run(core).await?;
    }
    collect::collect(core, &pass).await
}

/// Flushes until nothing is left that was there at the call, whoever else flushes.
async fn flush_all(core: &Rc<Core>, pass: &Pass) -> Result<()> {
    let target = core.state.borrow().known;
    while core.state.borrow().head.position < target {
        core.check_open_or_closing()?;
        flush::flush(core, pass).await?;
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
