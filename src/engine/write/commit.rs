//! The committer: group after group, one frame in flight at a time, sealed before its transaction opens.

use futures_util::FutureExt;
use std::rc::Rc;

use super::admit::admit;
use super::rebuild;
use super::sealing::seal_first;
use super::send::{calls_in_first, send};
use super::turn;
use crate::engine::core::instance::Core;
use crate::engine::log::flight::{fail_group, recall, split_first};
use crate::engine::store::connection;
use crate::engine::upkeep::{maintain, relief};
use crate::error::Result;

/// Starts the committer, if it does not run.
pub fn start(core: &Rc<Core>) {
    {
        let mut state = core.state.borrow_mut();
        if state.queue.committing || state.queue.groups.is_empty() {
            return;
        }
        state.queue.committing = true;
    }
    let inner = core.clone();
    core.env().spawn(
        async move {
            let mut turn = None;
            while let Some(first) = first_call(&inner) {
                if let Err(error) = commit_first(&inner).await {
                    // The error is for that group. If the group has landed all the same, it is for no call.
                    let bytes = inner.state.borrow().queue.first_bytes();
                    let error = relief::refused(&inner, error, bytes);
                    fail_group(&inner, first, &error);
                }
                turn::after_step(&inner, &mut turn);
            }
            drop(turn);
            // What nothing is left of is not stale.
            has_stale(&inner);
            inner.state.borrow_mut().queue.committing = false;
            inner.tell_idle();
        }
        .boxed_local(),
    );
}

/// Brings the first group of the queue to its end, or makes one step towards it (a rebuild, a
/// split): the caller calls again while there are groups.
async fn commit_first(core: &Rc<Core>) -> Result<()> {
    core.check_open_or_closing()?;
    if core.state.borrow().lost {
        connection::reconnect(core, &core.backend()).await?;
    }
    if !has_stale(core) {
        maintain::relieve(core).await;
        if turn::hold(core).await {
            // Much may have come meanwhile.
            return Ok(());
        }
    }
    if has_stale(core) {
        rebuild::rebuild(core).await;
        return Ok(());
    }
    if !admit(core).await? {
        return Ok(());
    }
    let sealed = match seal_first(core).await {
        Ok(Some(sealed)) => sealed,
        Ok(None) => return Ok(()),
        // One of its values has no room in memory: that is no matter of the others.
        Err(_) if calls_in_first(core) > 1 => {
            split_first(core);
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    if has_stale(core) {
        // Overtaken while a large batch was written ahead.
        recall(core, sealed.header.sequence);
        return Ok(());
    }
    send(core, &sealed).await
}

/// Whether any call must run again before the next is sent. When none must any more, those in line go on.
fn has_stale(core: &Rc<Core>) -> bool {
    let (was, is) = {
        let state = &mut *core.state.borrow_mut();
        state.mark_if_made_under_another();
        let queue = &mut state.queue;
        (queue.unfit, queue.has_stale())
    };
    if was && !is {
        core.serve();
    }
    is
}

/// The call that the first group begins with; groups are never empty.
fn first_call(core: &Rc<Core>) -> Option<u64> {
    let state = core.state.borrow();
    let first = state.queue.groups.front()?.calls.first()?;
    Some(first.id)
}
