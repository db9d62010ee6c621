//! Collecting what has expired by the head's stored clock, which moves with it.

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use std::rc::Rc;

use super::cut;
use super::flip::Flip;
use crate::engine::core::gate::Pass;
use crate::engine::core::instance::Core;
use crate::error::Result;

/// Moves the stored clock, and takes some of what has expired by it out of the directory. True when the step is live.
///
/// # Errors
/// What reading or writing fails with; nothing is changed then.
pub fn step<'a>(core: &'a Rc<Core>, maintenance: &'a Pass) -> LocalBoxFuture<'a, Result<bool>> {
    // Boxed, so that its state is not part of every caller's.
    step_now(core, maintenance).boxed_local()
}

async fn step_now(core: &Rc<Core>, _maintenance: &Pass) -> Result<bool> {
    let mut flip = Flip::new(core);
    flip.move_clock(core);
    match cut::expired(core, &mut flip).await {
        Ok(_) if flip.garbage.is_empty() && !flip.moves_clock(core) => Ok(false),
        Ok(gone) => {
            let is_live = flip.run(core).await?;
            core.expired
                .set(core.expired.get() + if is_live { gone } else { 0 });
            Ok(is_live)
        }
        Err(error) => {
            flip.staging.abandon().await;
            Err(error)
        }
    }
}
