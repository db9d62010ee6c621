//! When to flush and merge, and taking the step that is due.

use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, ready};
use std::rc::Rc;

use super::expire;
use super::fill;
use super::flush;
use super::merge;
use super::policy::{self, Pick, Step, Tail};
use crate::engine::core::gate::Pass;
use crate::engine::core::instance::Core;
use crate::engine::core::options::Limits;
use crate::engine::log::intake;
use crate::engine::store::room;
use crate::error::{Code, Result};

/// Where there is plenty of room, the log may have so many times as many frames as long as writes come: upkeep waits for a pause in them,
/// and each of them for less. (Whoever opens the patch in their midst has more to replay.)
const PLENTY: usize = 3;

/// What of the log is not in the directory.
pub(super) fn tail(core: &Core) -> Tail {
    let state = core.state.borrow();
    Tail {
        frames: state.tail_frames,
        bytes: state.tail_bytes,
        pieces: state.tail_pieces,
    }
}

/// From where on to tidy up while there are writes.
fn limits(core: &Core) -> Limits {
    let mut limits = core.options.limits;
    if fill::has_plenty(core) {
        limits.log_frames = limits.log_frames.saturating_mul(PLENTY);
    }
    limits
}

/// Starts maintenance in the background if a commit of this realm has made it due.
pub fn consider(core: &Rc<Core>) {
    let is_full = tail(core).fullness(&limits(core)) >= 1.0;
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

/// Takes step after step until nothing is due.
///
/// # Errors
/// What a step fails with.
pub(super) async fn run(core: &Rc<Core>) -> Result<()> {
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
    let (limits, pressed) = (&limits(core), core.pressed.get());
    let dice = u64::from_le_bytes(dice);
    let view = core.view();
    let stored_ms = core.state.borrow().head.clock.unwrap_or(0);
    match policy::next(&view.root, tail(core), limits, pressed, dice) {
        Step::Flush => Step::Flush,
        _ if view.least_expiry_in_directory() <= stored_ms => Step::Expire,
        step => step,
    }
}

/// Takes a step; whether it is live.
///
/// # Errors
/// What reading or writing fails with; nothing is changed then.
pub fn take<'a>(
    core: &'a Rc<Core>,
    pass: &'a Pass,
    step: Step,
) -> LocalBoxFuture<'a, Result<bool>> {
    let step = match step {
        Step::Rest => return ready(Ok(false)).boxed_local(),
        Step::Flush => flush::flush(core, pass),
        Step::Expire => expire::step(core, pass),
        Step::Merge(level, pick) => merge::step(core, pass, level, pick),
    };
    // Boxed, so that its state is not part of every caller's.
    in_time(core, step).boxed_local()
}

/// Runs one step of maintenance. A record that was missing because another tab's flip has
/// replaced it means that the step was too late (false), not that data are damaged.
///
/// # Errors
/// What the step fails with otherwise.
pub(super) async fn in_time(
    core: &Rc<Core>,
    step: LocalBoxFuture<'_, Result<bool>>,
) -> Result<bool> {
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
    let is_overfull = || policy::is_overfull(tail(core), &limits(core));
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
