//! Taking in what other tabs committed.

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use std::rc::Rc;

use super::flight;
use super::life::{check_life, stopped_by_later};
use super::reload::reload;
use super::replay::take_frame;
use super::stored::ALL;
use crate::backend::{Read, RecordKey, Reply};
use crate::engine::core::gate::Pass;
use crate::engine::core::instance::Core;
use crate::engine::store::connection::read;
use crate::error::{Error, Result};

/// Takes in every frame after the last known one. Waits for its turn.
///
/// # Errors
/// What is wrong with the connection or the stored data.
pub fn take_in<'a>(core: &'a Rc<Core>) -> LocalBoxFuture<'a, Result<()>> {
    // Boxed, so that its state is not part of every caller's.
    take_in_now(core).boxed_local()
}

async fn take_in_now(core: &Rc<Core>) -> Result<()> {
    let pass = core.intake.enter().await;
    take_in_holding(core, &pass).await
}

/// The same, for a holder of the intake gate.
///
/// # Errors
/// As [`take_in`].
pub async fn take_in_holding(core: &Rc<Core>, pass: &Pass) -> Result<()> {
    stopped_by_later(core, take_in_next(core, pass).await)
}

async fn take_in_next(core: &Rc<Core>, pass: &Pass) -> Result<()> {
    let after = core.state.borrow().known;
    let flight = flight::in_flight(core);
    let replies = read(
        core,
        vec![
            Read::Get(RecordKey::Head),
            Read::Frames { after, limit: ALL },
        ],
    )
    .await?;
    let [Reply::Record(head), Reply::Frames(frames)] = replies.as_slice() else {
        return Err(Error::internal("a read got no reply"));
    };
    let head = check_life(core, head.as_ref(), flight, frames)?;
    if head.epoch != core.state.borrow().head.epoch {
        return reload(core, pass).await;
    }
    for (number, record) in frames {
        take_frame(core, *number, record)?;
    }
    let mut state = core.state.borrow_mut();
    state.looked = true;
    state.asleep = false;
    drop(state);
    core.pace.is_fresh();
    Ok(())
}
