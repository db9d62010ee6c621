//! When to flush and merge.

use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, ready};
use std::rc::Rc;

use super::collect;
use super::dead;
use super::expire;
use super::flip::{self, Flip};
use super::flush;
use super::merge;
use super::policy::{self, Pick, Step, Tail};
use crate::codec::marks::NEVER;
use crate::codec::root::Garbage;
use crate::engine::core::gate::Pass;
use crate::engine::core::instance::Core;
use crate::engine::core::notice::Notice;
use crate::engine::log::intake;
use crate::engine::store::{garbage, room};
use crate::error::{Code, Result};

/// Between two looks for what has expired, ms: each may write.
const EXPIRY_PAUSE_MS: f64 = 10_000.0;
/// How often it is tried to collect something, where others are faster.
const EXPIRY_TRIES: u32 = 3;

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
    let view = core.view();
    let stored_ms = core.state.borrow().head.clock.unwrap_or(0);
    match policy::next(&view.root, tail(core), limits, pressed, dice) {
        Step::Flush => Step::Flush,
        _ if view.least_expiry_in_directory() <= stored_ms => Step::Expire,
        step => step,
    }
}

/// Tells those who listen that something may have expired, and has it collected in the background, now and then.
pub fn consider_expired(core: &Rc<Core>) {
    if !has_expired(core) {
        return;
    }
    core.tell(&Notice::Expiry);
    let now_ms = core.env().monotonic_ms();
    let (lost, closing) = {
        let state = core.state.borrow();
        (state.lost, state.closing)
    };
    let is_soon = now_ms < core.next_expiry_ms.get() || lost || closing;
    if is_soon || core.maintenance_wanted.replace(true) {
        return;
    }
    core.next_expiry_ms.set(now_ms + EXPIRY_PAUSE_MS);
    let inner = core.clone();
    core.env().spawn(
        async move {
            expire(&inner).await;
            // What fails is tried again.
            drop(run(&inner).await);
            inner.maintenance_wanted.set(false);
        }
        .boxed_local(),
    );
}

/// Whether anything may have expired that is not collected.
fn has_expired(core: &Core) -> bool {
    let view = core.view();
    let least_ms = view.least_expiry_in_layers();
    let least_ms = least_ms.min(view.least_expiry_in_directory());
    least_ms != NEVER && core.state.borrow().head.clock.is_some() && least_ms <= core.now_ms()
}

/// If anything has expired: moves the stored clock, and takes one step to collect it.
pub fn expire(core: &Rc<Core>) -> LocalBoxFuture<'_, ()> {
    expire_now(core).boxed_local()
}

async fn expire_now(core: &Rc<Core>) {
    if core.check_open_or_closing().is_err() || core.state.borrow().lost || !has_expired(core) {
        return;
    }
    let pass = core.maintenance.enter().await;
    for _ in 0..EXPIRY_TRIES {
        // Others flip too.
        if !matches!(expire_some(core, &pass).await, Ok(false)) {
            return;
        }
    }
}

fn expire_some<'a>(core: &'a Rc<Core>, pass: &'a Pass) -> LocalBoxFuture<'a, Result<bool>> {
    // planted: tail-unexpired
    let in_log = core.view().least_expiry_in_layers() <= core.now_ms();
    let step = if in_log { Step::Flush } else { Step::Expire };
    take(core, pass, step)
}

/// Collects all that has expired, and gives back its space; whether there was any.
///
/// # Errors
/// What reading or writing fails with.
pub async fn evict_expired(core: &Rc<Core>) -> Result<bool> {
    let before = core.expired.get();
    let pass = core.maintenance.enter().await;
    core.compacting.set(true);
    let done = expire_all(core, &pass).await;
    core.compacting.set(false);
    done?;
    let has_freed = core.expired.get() != before;
    if has_freed {
        garbage::purge(core, 0).await;
    }
    Ok(has_freed)
}

async fn expire_all(core: &Rc<Core>, pass: &Pass) -> Result<()> {
    let mut in_vain = 0;
    while has_expired(core) && in_vain < EXPIRY_TRIES {
        core.check_open_or_closing()?;
        let is_live = expire_some(core, pass).await?;
        in_vain = if is_live { 0 } else { in_vain + 1 };
    }
    Ok(())
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
async fn in_time(core: &Rc<Core>, step: LocalBoxFuture<'_, Result<bool>>) -> Result<bool> {
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

/// Flushes the log, which says what was removed for room: only then is what that took garbage, and goes.
pub async fn flush_for_room(core: &Rc<Core>) {
    let pass = core.maintenance.enter().await;
    core.compacting.set(true);
    drop(flush_all(core, &pass).await);
    core.compacting.set(false);
    garbage::purge(core, 0).await;
}

async fn compact_all(core: &Rc<Core>, pass: &Pass) -> Result<()> {
    if core.pressed.get() && core.compacting.get() {
        room::Attempts::new(true, None).make_room(core).await;
    }
    flush_all(core, pass).await?;
    expire_all(core, pass).await?;
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
    let collected = async { collect::collect(core, pass).await.map(|()| true) };
    in_time(core, collected.boxed_local()).await?;
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
