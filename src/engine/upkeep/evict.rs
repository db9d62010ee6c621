//! When to collect what has expired: now and then, before closing, and when the user asks for it.

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use std::rc::Rc;

use super::maintain::{run, take};
use super::policy::Step;
use crate::codec::marks::NEVER;
use crate::engine::core::gate::Pass;
use crate::engine::core::instance::Core;
use crate::engine::core::notice::Notice;
use crate::engine::store::garbage;
use crate::error::Result;

/// Between two looks for what has expired, ms: each may write.
const EXPIRY_PAUSE_MS: f64 = 10_000.0;
/// How often it is tried to collect something, where others are faster.
const EXPIRY_TRIES: u32 = 3;

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

/// Takes step after step until nothing is left that has expired.
///
/// # Errors
/// What a step fails with.
pub(super) async fn expire_all(core: &Rc<Core>, pass: &Pass) -> Result<()> {
    let mut in_vain = 0;
    while has_expired(core) && in_vain < EXPIRY_TRIES {
        core.check_open_or_closing()?;
        let is_live = expire_some(core, pass).await?;
        in_vain = if is_live { 0 } else { in_vain + 1 };
    }
    Ok(())
}
