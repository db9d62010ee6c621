//! The space that a patch takes: how much that is, and giving back what is not needed.

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use std::rc::Rc;

use super::Engine;
use super::access::KeyRange;
use super::core::instance::Core;
use super::core::options::{Absent, Options};
use super::core::quota::{Action, Policy};
use super::log::intake;
use super::upkeep::{compact, evict, poll, relief};
use super::whole::open;
use super::whole::stats::{self, Stats};
use crate::codec::feature::Features;
use crate::env::Env;
use crate::error::Result;

/// What an engine that takes a step may keep in memory, bytes.
const RELIEF_CACHE_BYTES: usize = 4 << 20;

impl Engine {
    /// Merges the log into pages and gives back the space of dead data.
    ///
    /// # Errors
    /// `StorageQuotaExceeded`, `ConnectionLost`, `Corrupt`, …
    #[must_use]
    pub fn compact(&self) -> LocalBoxFuture<'static, Result<()>> {
        let core = self.0.clone();
        async move {
            core.check_open()?;
            poll::before(&core).await;
            core.settled_so_far().await;
            // Of a patch that was deleted meanwhile, nothing is left that may need compacting.
            intake::take_in(&core).await?;
            compact::compact(&core).await
        }
        .boxed_local()
    }

    /// Collects all that has expired by now, and gives back its space; whether there was anything.
    ///
    /// # Errors
    /// `StorageQuotaExceeded`, `ConnectionLost`, `Corrupt`, …
    #[must_use]
    pub fn evict_expired(&self) -> LocalBoxFuture<'static, Result<bool>> {
        let core = self.0.clone();
        async move {
            core.check_open()?;
            poll::before(&core).await;
            intake::take_in(&core).await?;
            evict::evict_expired(&core).await
        }
        .boxed_local()
    }

    /// Obeys a policy of room too, with those that it was given before: of each limit, the strictest counts. Looks soon how
    /// full it is.
    pub fn obey(&self, policy: Policy) {
        relief::obey(&self.0, policy);
    }

    /// Has `relieve` take a step where room is short: it removes what is not needed any more, and says whether there was any
    /// (if it says so, it is tried again whether there is room, and once there is none, it may be asked again).
    /// It is given an engine of its own, as another tab would have, since a write of this one may be waiting for it, and the
    /// realm's environment. Asked only where `needs` is on: what it removes is not there otherwise.
    pub fn relieve_by(
        &self,
        action: Action,
        needs: Features,
        relieve: fn(Self, Rc<dyn Env>) -> LocalBoxFuture<'static, Result<bool>>,
    ) {
        let core = Rc::downgrade(&self.0);
        let reliever = move || {
            let core = core.upgrade();
            async move {
                match core {
                    Some(core) if !core.lacks(needs) => relieved(core, relieve).await,
                    _ => Ok(false),
                }
            }
            .boxed_local()
        };
        let mut relievers = self.0.quota.relievers.borrow_mut();
        if let Some(place) = relievers.get_mut(action as usize) {
            *place = Some(Rc::new(reliever));
        }
    }

    /// Bytes that the patch takes, as its budget counts them: before compression, with what is dead. Costs nothing.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        self.0.stored_bytes()
    }

    /// Counts what is stored in some ranges.
    ///
    /// # Errors
    /// What reading fails with.
    #[must_use]
    pub fn stats(&self, ranges: Vec<KeyRange>) -> LocalBoxFuture<'static, Result<Stats>> {
        stats::stats(self.0.clone(), ranges).boxed_local()
    }

    /// Bytes of keys and values, before compression, those included that were replaced and are not
    /// merged away yet. Costs nothing.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        self.0.view().held_bytes()
    }

    /// Bytes handed to the storage since opening. Costs nothing.
    #[must_use]
    pub fn written_bytes(&self) -> u64 {
        self.0.written_bytes.get()
    }

    /// Bytes that the cache holds.
    #[must_use]
    pub fn cached_bytes(&self) -> usize {
        self.0.context.cache.bytes()
    }
}

/// A step, taken by an engine of its own.
async fn relieved(
    core: Rc<Core>,
    relieve: fn(Engine, Rc<dyn Env>) -> LocalBoxFuture<'static, Result<bool>>,
) -> Result<bool> {
    let options = Options {
        cache_bytes: RELIEF_CACHE_BYTES,
        poll_ms: 0,
        absent: Absent::Refuse,
        ..core.options
    };
    let (realm, env) = (core.realm.clone(), core.context.env.clone());
    let other = Engine(
        open::open(
            realm,
            core.connector.clone(),
            env,
            options,
            core.vault.clone(),
        )
        .await?,
    );
    let relieved = relieve(other.clone(), core.context.env.clone()).await;
    other.close().await;
    intake::take_in(&core).await?;
    relieved
}
