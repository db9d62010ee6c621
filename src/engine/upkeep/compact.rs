//! Compacting: everything into the lowest level, nothing that is dead left.

use futures_util::FutureExt;
use std::rc::Rc;

use super::collect;
use super::evict::expire_all;
use super::flip::Flip;
use super::maintain::{in_time, take};
use super::policy::{self, Step};
use crate::engine::core::gate::Pass;
use crate::engine::core::instance::Core;
use crate::engine::store::{garbage, room};
use crate::error::Result;

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
