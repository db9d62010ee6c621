//! Making room, step by step: what is not needed any more goes, then what is dead.
//!
//! The steps are taken where a write has no room, and in the background where it is getting scarce. What they are and
//! when they are worth while is decided in `core/quota.rs`.

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use std::rc::Rc;

use super::{compact, fill, tidy};
use crate::engine::core::instance::Core;
use crate::engine::core::notice::Notice;
use crate::engine::core::quota::{self, Action, Collected, Policy, Reliever};
use crate::engine::store::garbage;
use crate::engine::store::room::Help;
use crate::error::{Code, Error};

/// Bytes written by a realm after which it is looked again how full it is.
const LOOK_BYTES: u64 = 4 << 20;
/// Whoever opens a patch goes first, and its listeners are there when the first step is told of, ms.
const AFTER_OPENING_MS: u32 = 20;

/// How who commits gets room. Maintenance has none of this: it holds the gate that these steps go through.
pub const HELP: Help = Help {
    free_pieces: tidy::free_pieces,
    step: step_for_write,
};

/// Has the engine obey a policy too, and looks soon how full it is.
pub fn obey(core: &Rc<Core>, policy: Policy) {
    let present = core.quota.policy.get();
    core.quota.policy.set(present.strictest(policy));
    look(core, AFTER_OPENING_MS);
}

/// Looks how full it is, if this realm has written much since it last did.
pub fn consider(core: &Rc<Core>) {
    if core.written_bytes.get() >= core.quota.looked.get() + LOOK_BYTES
        && core.quota.policy.get().threshold.is_finite()
    {
        look(core, 0);
    }
}

fn look(core: &Rc<Core>, after_ms: u32) {
    core.quota.looked.set(core.written_bytes.get());
    let inner = core.clone();
    let looking = async move {
        if after_ms > 0 {
            inner.env().sleep(after_ms).await;
        }
        relieve(&inner).await;
    };
    core.env().spawn(looking.boxed_local());
}

/// Takes steps until usage is below the threshold, or none is left.
async fn relieve(core: &Rc<Core>) {
    let mut last = None;
    while core.check_open().is_ok() {
        let level = fill::level(core).await;
        let is_above = quota::is_above(level, core.quota.policy.get().threshold);
        let Some(action) = quota::next(last).filter(|_| is_above) else {
            return;
        };
        last = Some(action);
        step(core, action, None).await;
    }
}

fn step_for_write(core: &Rc<Core>, action: Action, needed: u64) -> LocalBoxFuture<'_, bool> {
    step(core, action, Some(needed)).boxed_local()
}

/// Takes a step, for a write that needs so many bytes or for none. Whether anything was done.
async fn step(core: &Rc<Core>, action: Action, needed: Option<u64>) -> bool {
    // One at a time: what another removes is given back only once that one has flushed it, and this one would find nothing.
    let steps = core.quota.steps.get();
    // planted: steps-at-once
    let _pass = core.quota.stepping.enter().await;
    if core.quota.steps.get() != steps {
        return true;
    }
    let held = core.stored_bytes();
    let is_done = take(core, action, needed).await;
    if is_done {
        core.quota.steps.set(steps + 1);
        core.quota.held.set(held);
    }
    is_done
}

async fn take(core: &Rc<Core>, action: Action, needed: Option<u64>) -> bool {
    let reliever = core.quota.relievers.borrow().get(action as usize).cloned();
    let reliever = match (reliever.flatten(), action) {
        (None, Action::Compact) if is_worth_compacting(core, needed) => None,
        (None, _) => return false,
        reliever => reliever.0,
    };
    let level = fill::level(core).await;
    let is_done = match reliever {
        Some(relieve) => {
            let is_done = match action {
                Action::Collect => collect(core, relieve, needed.is_some()).await,
                _ => relieve().await.unwrap_or(false),
            };
            if is_done {
                compact::flush_for_room(core).await;
            }
            is_done
        }
        None => {
            core.state.borrow_mut().gained = 0;
            compact::compact_for_room(core).await
        }
    };
    if is_done {
        core.tell(&Notice::Quota { level, action });
    }
    is_done
}

/// Has a model collect, which looks at all that there is; not where that is in vain, or too soon after the last time.
async fn collect(core: &Rc<Core>, relieve: Reliever, for_write: bool) -> bool {
    let known = || core.state.borrow().known;
    let now_ms = core.env().monotonic_ms();
    let collected = core.quota.collected.get();
    // planted: collects-at-once
    let Some(rest_ms) = collected.rests_ms(known(), now_ms, for_write) else {
        return false;
    };
    if rest_ms > 0.0 {
        core.env().sleep(rest_ms as u32).await;
    }
    // Before: what is committed beside it may have let go of more than it saw.
    let known = known();
    let begun_ms = core.env().monotonic_ms();
    let is_done = relieve().await.unwrap_or(false);
    let ended_ms = core.env().monotonic_ms();
    core.quota.collected.set(Collected {
        known,
        ended_ms,
        took_ms: ended_ms - begun_ms,
    });
    is_done
}

fn is_worth_compacting(core: &Rc<Core>, needed: Option<u64>) -> bool {
    let (stored, root) = (core.stored_bytes(), core.view().root.clone());
    let state = core.state.borrow();
    let is_compact = state.tail_frames == 0 && quota::is_merged(&root);
    let gained = state.gained;
    drop(state);
    quota::is_worth_compacting(gained, stored, needed)
        && !(is_compact && garbage::listed(core).is_empty())
}

/// The error of a write that does not fit into the patch's budget.
#[must_use]
pub fn over_budget(core: &Core) -> Error {
    let max_bytes = core.quota.policy.get().max_bytes;
    let error = Error::new(
        Code::StorageQuotaExceeded,
        "the patch's own budget (quota.maxBytes) leaves no room to store this",
    );
    error.with_usage(core.stored_bytes() as f64, max_bytes)
}

/// Tells of it where a write of so many bytes is refused for lack of room, and has the error say how many.
#[must_use]
pub fn refused(core: &Core, error: Error, bytes: usize) -> Error {
    if error.code() != Code::StorageQuotaExceeded {
        return error;
    }
    let unknown = || (core.stored_bytes() as f64, 0.0);
    let level = error.usage_and_quota().unwrap_or_else(unknown);
    let action = Action::Full;
    core.tell(&Notice::Quota { level, action });
    error.needing(bytes)
}
