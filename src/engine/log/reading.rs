//! Reading work that goes on, on a newer view, when a flip has cleared away what it reads.

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use std::rc::Rc;

use super::intake;
use crate::engine::core::fitting::fitting_view;
use crate::engine::core::instance::Core;
use crate::engine::core::loading::LoadError;
use crate::engine::keyspace::access::{ReadWork, Stop};
use crate::engine::keyspace::snapshot::Snapshot;
use crate::engine::keyspace::view::View;
use crate::engine::store::load::load;
use crate::error::{Error, Result};

/// Runs reading work to its end, on the view of `snapshot` or, when that has been cleared away, on a newer one, at
/// the moment that its first attempt has met; `committed`: without what this realm has pending.
///
/// # Errors
/// What the work fails with, or what is wrong with the stored data.
pub fn run_read(
    core: Rc<Core>,
    snapshot: Snapshot,
    work: ReadWork<()>,
    committed: bool,
) -> LocalBoxFuture<'static, Result<()>> {
    read_to_end(core, snapshot, work, committed).boxed_local()
}

async fn read_to_end(
    core: Rc<Core>,
    mut snapshot: Snapshot,
    mut work: ReadWork<()>,
    committed: bool,
) -> Result<()> {
    loop {
        let attempt = work(&mut snapshot);
        snapshot.go_on();
        match attempt {
            Ok(()) => return Ok(()),
            Err(Stop::Fail(error)) => return Err(error),
            Err(Stop::Yield) => core.env().yield_now().await,
            Err(Stop::Need(need)) => match load(&core, *need).await {
                Ok(()) => {}
                Err(LoadError::Fail(error)) => return Err(error),
                Err(LoadError::Missing) => {
                    let renewed = renewed_view(&core, snapshot.view()).await?;
                    let view = if committed {
                        renewed.committed()
                    } else {
                        fitting_view(&core).await?
                    };
                    snapshot.turn_to(view);
                }
            },
        }
        core.check_open_or_closing()?;
    }
}

/// A view to go on with after a record of `old` was missing.
///
/// # Errors
/// `Corrupt` when nothing has replaced what is missing.
pub async fn renewed_view(core: &Rc<Core>, old: &View) -> Result<Rc<View>> {
    intake::take_in(core).await?;
    let view = core.view();
    if view.root.epoch == old.root.epoch {
        return Err(Error::corrupt(
            "a segment, directory page or piece is missing",
        ));
    }
    Ok(view)
}
