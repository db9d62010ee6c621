//! Looking for the commits of other tabs: now and then, and when woken. When there are none, tidying up.

use futures_util::FutureExt;
use std::rc::{Rc, Weak};

use super::core::Core;
use super::intake;
use super::maintain;

/// After so many looks at a log that stays as it is, any tab tidies up.
const LONG_IDLE: u32 = 16;

/// Starts the poll of an engine; it ends with the engine.
pub fn start(core: &Rc<Core>) {
    let every_ms = core.options.poll_ms;
    if every_ms == 0 {
        return;
    }
    let env = core.ground.env.clone();
    let weak: Weak<Core> = Rc::downgrade(core);
    core.env().spawn(
        async move {
            let (mut known, mut idle) = (0, 0);
            loop {
                env.sleep(every_ms).await;
                let Some(core) = weak.upgrade() else { return };
                if core.state.borrow().closed.is_some() {
                    return;
                }
                look(&core).await;
                let before = std::mem::replace(&mut known, core.state.borrow().known);
                idle = if known == before { idle + 1 } else { 0 };
                if idle > 0 {
                    // Nobody writes just now. After a while, whose it was to tidy up is gone.
                    maintain::tidy(&core, idle == LONG_IDLE).await;
                }
            }
        }
        .boxed_local(),
    );
}

/// Looks now.
pub fn wake(core: &Rc<Core>) {
    let inner = core.clone();
    core.env()
        .spawn(async move { look(&inner).await }.boxed_local());
}

/// A failed look is tried again by the next one; a call that needs the data gets the error.
async fn look(core: &Rc<Core>) {
    if let Some(pass) = core.intake.try_enter() {
        drop(intake::take_in_holding(core, &pass).await);
    }
}
