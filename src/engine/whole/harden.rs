//! Making what was acknowledged survive a power cut.

use std::rc::Rc;

use crate::backend::{Durability, Failure, RecordKey, Seen, Write};
use crate::codec::head::Head;
use crate::engine::core::instance::Core;
use crate::engine::log::intake;
use crate::engine::store::{connection, room};
use crate::engine::upkeep::poll;
use crate::error::{Error, Result};

/// A strict transaction on the same database.
///
/// # Errors
/// What the transaction fails with; `Closed` when the patch is gone.
pub async fn harden(core: Rc<Core>) -> Result<()> {
    core.check_open()?;
    poll::before(&core).await;
    core.settled_so_far().await;
    strictly(&core).await
}

/// The same for what this realm has seen, if anything has come since it was last done.
///
/// # Errors
/// As [`harden`].
pub async fn harden_seen(core: Rc<Core>) -> Result<()> {
    core.check_open()?;
    if core.hardened.get() < core.state.borrow().known {
        strictly(&core).await?;
    }
    Ok(())
}

async fn strictly(core: &Rc<Core>) -> Result<()> {
    let known = core.state.borrow().known;
    let backend = core.backend();
    let incarnation = core.state.borrow().head.incarnation;
    let decide = move |seen: Seen| {
        let record = seen.head?;
        let is_ours = Head::decode(&record).is_ok_and(|head| head.incarnation == incarnation);
        is_ours.then(|| vec![Write::Put(RecordKey::Head, record)])
    };
    // At a full quota too: what is pending in an op-log is handed out after this, and can only then be pruned.
    let mut room = room::Attempts::new(true, None);
    let done = loop {
        match backend.flip(Box::new(decide), Durability::Strict).await {
            Err(Failure::Quota(_)) if room.make_room(core).await => {}
            done => break done,
        }
    };
    match done {
        Ok(true) => {
            core.hardened.set(known.max(core.hardened.get()));
            Ok(())
        }
        // What was acknowledged is gone, with the patch.
        Ok(false) => {
            intake::take_in(core).await?;
            Err(Error::closed())
        }
        Err(failure) => Err(connection::error_of(core, failure).await),
    }
}
