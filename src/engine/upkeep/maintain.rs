//! When to flush and merge.

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use std::rc::Rc;

use super::collect;
use super::dead;
use super::flip::{self, Flip};
use super::flush;
use super::merge;
use super::policy::{self, Pick, Step, Tail};
use crate::codec::root::Garbage;
use crate::engine::core::gate::Pass;
use crate::engine::core::instance::Core;
use crate::engine::log::intake;
use crate::engine::store::{garbage, room};
use crate::error::{Code, Result};

fn tail(core: &Core) -> Tail {
    let state = core.state.borrow();
    Tail {
        frames: state.tail_frames,
        bytes: state.tail_bytes,
        pieces: state.tail_pieces,
    }
}

/// Starts maintenance in the background if a commit of this realm has made it due.
pub fn consider(core: &Rc<Core>) {
    let is_full = tail(core).fullness(&core.options.limits) >= 1.0;
    let due = is_full || room::is_reserve_wanted(core);
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
    if tail(core).is_worth_a_flush(&core.options.limits) || hides_much(core).await {
        let pass = core.maintenance.enter().await;
        drop(take(core, &pass, Step::Flush).await);
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

async fn run(core: &Rc<Core>) -> Result<()> {
    let mut seen_to_reserve = false;
    loop {
        core.check_open_or_closing()?;
        // Let go between two steps: a flush may wait.
        let pass = core.maintenance.enter().await;
        let step = next(core);
        if !seen_to_reserve && step != Step::Flush {
            drop(pass);
            seen_to_reserve = true;
            room::restore_reserve(core).await;
            continue;
        }
        if step == Step::Rest || !take(core, &pass, step).await? {
            return Ok(());
        }
    }
}

fn next(core: &Core) -> Step {
    let mut dice = [0; 8];
    core.env().fill_random(&mut dice);
    let (limits, pressed) = (&core.options.limits, core.pressed.get());
    let dice = u64::from_le_bytes(dice);
    policy::next(&core.view().root, tail(core), limits, pressed, dice)
}

/// Takes a step; whether it is live.
async fn take(core: &Rc<Core>, pass: &Pass, step: Step) -> Result<bool> {
    match step {
        Step::Rest => Ok(false),
        Step::Flush => in_time(core, flush::flush(core, pass)).await,
        Step::Merge(level, pick) => in_time(core, merge::step(core, pass, level, pick)).await,
    }
}

/// Runs one step of maintenance. A record that was missing because another tab's flip has
/// replaced it means that the step was too late (false), not that data are damaged.
async fn in_time(core: &Rc<Core>, step: impl Future<Output = Result<bool>>) -> Result<bool> {
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

/// Before a commit: does what it must wait for. If that fails, the commit goes on: it may be the delete that makes
/// room.
pub async fn relieve(core: &Rc<Core>) {
    let is_crowded = || policy::is_crowded(&core.view().root);
    let is_overfull = || policy::is_overfull(tail(core), &core.options.limits);
    if !is_crowded() && !is_overfull() {
        return;
    }
    let pass = core.maintenance.enter().await;
    if is_crowded() {
        drop(take(core, &pass, Step::Merge(0, Pick::All)).await);
    }
    if is_overfull() {
        drop(take(core, &pass, Step::Flush).await);
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

/// The same where room is short, without taking what is kept for deleting. Whether it was done.
pub async fn compact_for_room(core: &Rc<Core>) -> bool {
    let pass = core.maintenance.enter().await;
    garbage::purge(core, 0).await;
    let done = compact_all(core, &pass).await;
    drop(pass);
    if done.is_ok() {
        core.pressed.set(false);
        room::restore_reserve(core).await;
    }
    done.is_ok()
}

async fn compact_all(core: &Rc<Core>, pass: &Pass) -> Result<()> {
    if core.pressed.get() && core.compacting.get() {
        room::Attempts::new(true, None).make_room(core).await;
    }
    flush_all(core, pass).await?;
    loop {
        core.check_open_or_closing()?;
        match policy::compacting(&core.view().root) {
            Step::Rest => break,
            step => take(core, pass, step).await?,
        };
    }
    garbage::purge(core, 0).await;
    if !core.view().root.garbage.is_empty() {
        Flip::new(core).run(core).await?;
    }
    in_time(core, async {
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
        take(core, pass, Step::Flush).await?;
    }
    Ok(())
}
