//! Running a flip: its transaction, and what became of it where that did not say.

use std::rc::Rc;

use super::Flip;
use crate::backend::Failure;
use crate::codec::head::Head;
use crate::engine::core::instance::Core;
use crate::engine::core::invariant::{checked, invariant};
use crate::engine::core::notice::Notice;
use crate::engine::log::reload;
use crate::engine::store::{connection, garbage};
use crate::error::Result;

/// By this factor more bytes of replaced records may wait while somebody writes.
const AT_WORK: u64 = 3;

impl Flip {
    /// Runs the transaction. True: it is live. False: another flip was first, or the outcome is unknown;
    /// the view has been built anew.
    ///
    /// # Errors
    /// What the transaction fails with.
    pub async fn run(mut self, core: &Rc<Core>) -> Result<bool> {
        if let Err(error) = self.staging.write().await {
            self.staging.abandon().await;
            return Err(error);
        }
        let pass = core.intake.enter().await;
        if let Some(frozen) = self.frozen.clone() {
            // planted: catalog-of-now
            self.keep_catalog(&frozen.catalog);
        }
        let head = self.new_head(core);
        let epoch = head.epoch;
        for garbage in &mut self.garbage {
            garbage.epoch = head.epoch;
        }
        self.root.epoch = head.epoch;
        // planted: early-delete
        self.root.garbage.append(&mut self.garbage);
        self.check(core, &head)?;
        let mut doubt = false;
        match self.transact_with_room(core, &head, &mut doubt).await {
            Ok(true) if self.fits(core) => {
                self.install(core, head);
                core.reckon(self.hides);
            }
            Ok(true) => reload::reload(core, &pass).await?,
            Ok(false) if !doubt => {
                self.staging.abandon().await;
                reload::reload(core, &pass).await?;
                return Ok(false);
            }
            outcome => {
                if matches!(outcome, Err(Failure::Lost)) {
                    connection::reconnect(core, &core.backend()).await?;
                }
                reload::reload(core, &pass).await?;
                if !self.is_seen(core) {
                    return self.unseen(core, outcome).await;
                }
            }
        }
        core.flipped.set(epoch);
        drop(pass);
        if self.base.clock.is_some() {
            // What has expired may have gone with it.
            core.tell(&Notice::Expiry);
        }
        core.backend().notify();
        garbage::delete_orphans(core, &self.deletes).await;
        garbage::purge(core, AT_WORK * core.options.limits.garbage_bytes).await;
        Ok(true)
    }

    /// What must hold of that which is to be live, before it is.
    fn check(&self, core: &Rc<Core>, head: &Head) -> Result<()> {
        checked(core, head.check())?;
        checked(core, self.root.check())?;
        let are_of_one = head.catalog.is_some() == self.root.catalog.is_some();
        invariant!(core, are_of_one, "a catalog stands in one of head and root");
        invariant!(
            core,
            head.position >= self.base.position,
            "a flip would take frames back"
        );
        let known = core.state.borrow().known;
        invariant!(
            core,
            self.new_generation || head.position <= known || self.frozen.is_none(),
            "a flip would cut frames that were not taken in"
        );
        Ok(())
    }

    /// Whether the root that was just read is the one that the flip installs.
    fn is_seen(&self, core: &Core) -> bool {
        // planted: delete-staged
        *core.state.borrow().view.root == self.root
    }

    /// What it comes to when something has failed and another root is found. It may have been live all the same, and
    /// other flips may have built upon it: then nothing is deleted. The collector finds what is not live.
    async fn unseen(self, core: &Rc<Core>, outcome: Result<bool, Failure>) -> Result<bool> {
        // planted: delete-staged-too
        let nobody_flipped = core.state.borrow().head.epoch == self.base.epoch;
        match outcome {
            Err(failure @ (Failure::Quota(_) | Failure::Aborted(..))) if nobody_flipped => {
                self.staging.abandon().await;
                Err(connection::error_of(core, failure).await)
            }
            _ => Ok(false),
        }
    }

    /// Whether the state is still the one that the flip was built upon. It may have been read
    /// anew without a foreign flip: to find out about a commit of unknown outcome.
    fn fits(&self, core: &Core) -> bool {
        let state = core.state.borrow();
        let layers = self
            .frozen
            .as_ref()
            .is_none_or(|f| f.rebuilt_layers == state.rebuilt_layers);
        // planted: flush-over-rebuilt
        layers && state.head.epoch == self.base.epoch
    }
}
