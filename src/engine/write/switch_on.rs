//! Switching a feature on, for a call that needs it.
//!
//! The head says so from a flip on that raises the generation over an empty log: who has that patch open hears of it
//! before anything counts that needs it. What others have sealed before is void, and all that is queued, in any realm,
//! runs again ([`State::take_head`](crate::engine::core::state::State::take_head)).

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use std::rc::Rc;

use super::turn::Turn;
use crate::codec::feature::{Feature, Features};
use crate::engine::core::instance::Core;
use crate::engine::log::intake;
use crate::engine::upkeep::flip::Flip;
use crate::engine::upkeep::policy::Step;
use crate::engine::upkeep::{maintain, poll};
use crate::error::{Code, Error, Result};

/// How often the log may be outrun by others before the call fails. All but the first are tried in a turn.
const TRIES: u32 = 12;

/// Switches on what the call needs that is being served in the line; fine if it is on. The calls before it are settled
/// first.
///
/// # Errors
/// `Conflict` when others have written all the while; what reading or writing fails with.
pub fn switch_on(core: &Rc<Core>, needs: Features) -> LocalBoxFuture<'_, Result<()>> {
    // Boxed, so that its state is not part of every caller's.
    switch_on_now(core, needs).boxed_local()
}

async fn switch_on_now(core: &Rc<Core>, needs: Features) -> Result<()> {
    core.settled_before().await;
    let mut turn = None;
    for attempt in 0..TRIES {
        if attempt > 0 {
            drop(turn.take());
            turn = Turn::take(core).await?;
        }
        let pass = core.maintenance.enter().await;
        intake::take_in(core).await?;
        maintain::take(core, &pass, Step::Flush).await?;
        core.check_open_or_closing()?;
        if !core.lacks(needs) {
            return Ok(());
        }
        if core.state.borrow().tail_frames > 0 {
            continue;
        }
        let mut flip = Flip::new(core);
        flip.switch_on(core, needs);
        if flip.run(core).await? {
            if core.options.alone && needs.has(Feature::Expiry) {
                poll::start(core);
            }
            return Ok(());
        }
    }
    drop(turn);
    if core.lacks(needs) {
        let why = "other tabs have written all the while; try again";
        return Err(Error::new(Code::Conflict, why));
    }
    Ok(())
}
