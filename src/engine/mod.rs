//! An ordered map of bytes to bytes with snapshots and atomic commits, shared by several tabs.
//!
//! The rooms, from the bottom up; each may name those below it (`make check` sees to that):
//!
//! - `keyspace`: what is seen at a moment, in memory;
//! - `core`: what an open engine consists of;
//! - `store`: records, read and written;
//! - `log`: frames, taken in and found out about;
//! - `upkeep`: flushing, merging, collecting;
//! - `write`: from a call to a frame;
//! - `whole`: opening, closing, copying, deleting.
//!
//! [`Engine`] is the door: models and bindings come in here only. `docs/architecture/log-and-tabs.md`
//! describes the protocol.

mod core;
mod keyspace;
mod log;
mod store;
mod upkeep;
mod whole;
mod write;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use std::rc::Rc;

use crate::backend::{Connector, Id};
use crate::codec::feature::{Feature, Features};
use crate::codec::frame;
use crate::codec::head::OpLog;
use crate::codec::stamp::Stamp;
use crate::env::Env;
use crate::error::Result;
use access::{Answer, KeyRange, ReadWork, Session, WriteWork};
use core::done;
use core::instance::Core;
use log::intake;
use upkeep::{maintain, poll, relief};
use whole::{close, copy, harden, lifecycle, open, probe, stats};
use write::{submit, transaction};

pub use core::instance::Realm;
pub use core::interest::Interest;
pub use core::notice::{Notice, Subscription};
pub use core::options::{Absent, Limits, Options, Reason};
pub use core::quota::{Action, Policy};
pub use keyspace::footprint::WriteSet;
pub use keyspace::{access, cache};
pub use whole::lifecycle::delete;
pub use whole::open::is_dead;
pub use whole::probe::Look;
pub use whole::stats::Stats;
pub use write::transaction::Transaction;

/// What an engine that takes a step may keep in memory, bytes.
const RELIEF_CACHE_BYTES: usize = 4 << 20;

/// An open engine. Clones share it.
#[derive(Clone)]
pub struct Engine(Rc<Core>);

impl Engine {
    /// Opens the engine on what `connector` connects to, creating an empty one if need be.
    ///
    /// # Errors
    /// `Unavailable`, `Blocked`, `UnsupportedFormat`, `Corrupt`, `Encrypted`, `ConnectionLost`.
    #[must_use]
    pub fn open(
        connector: Rc<dyn Connector>,
        env: Rc<dyn Env>,
        options: Options,
    ) -> LocalBoxFuture<'static, Result<Self>> {
        Self::open_in(Rc::default(), connector, env, options)
    }

    /// The same, of a page whose engines share their timer and their memory.
    ///
    /// # Errors
    /// As [`Engine::open`].
    #[must_use]
    pub fn open_in(
        realm: Rc<Realm>,
        connector: Rc<dyn Connector>,
        env: Rc<dyn Env>,
        options: Options,
    ) -> LocalBoxFuture<'static, Result<Self>> {
        async move { open::open(realm, connector, env, options).await.map(Self) }.boxed_local()
    }

    /// Begins a transaction, once every earlier call of this realm is settled.
    ///
    /// # Errors
    /// `Closed`, `ConnectionLost`.
    #[must_use]
    pub fn begin(&self) -> LocalBoxFuture<'static, Result<Transaction>> {
        transaction::begin(self.0.clone(), false).boxed_local()
    }

    /// The same in a turn of its own, for one that has conflicted before: other commits, this realm's too, wait for
    /// it if they hear of it, for 1.5 s at most.
    ///
    /// # Errors
    /// `Closed`, `ConnectionLost`.
    #[must_use]
    pub fn begin_in_turn(&self) -> LocalBoxFuture<'static, Result<Transaction>> {
        transaction::begin(self.0.clone(), true).boxed_local()
    }

    /// Resolves when every write acknowledged so far would survive a power cut.
    ///
    /// # Errors
    /// `StorageQuotaExceeded`, `ConnectionLost`, …
    #[must_use]
    pub fn flush(&self) -> LocalBoxFuture<'static, Result<()>> {
        harden::harden(self.0.clone()).boxed_local()
    }

    /// Resolves when every commit that this realm has seen would survive a power cut; at once where that is known.
    ///
    /// # Errors
    /// As [`Engine::flush`].
    #[must_use]
    pub fn flush_seen(&self) -> LocalBoxFuture<'static, Result<()>> {
        harden::harden_seen(self.0.clone()).boxed_local()
    }

    /// What the head says of the op-log; `None`: writes are not logged.
    #[must_use]
    pub fn op_log(&self) -> Option<OpLog> {
        self.0.context.op_log.borrow().clone()
    }

    /// The least stamp that a write issued now gets.
    #[must_use]
    pub fn now(&self) -> Stamp {
        let wall_ms = frame::wall_ms(self.0.env().now_ms());
        self.0.context.next_stamp.get().not_before(wall_ms)
    }

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
            maintain::compact(&core).await
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
            maintain::evict_expired(&core).await
        }
        .boxed_local()
    }

    /// The time by which it judges what has expired, in ms since the epoch: never goes back while it is open.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.0.now_ms()
    }

    /// Obeys a policy of room too, with those that it was given before: of each limit, the strictest counts. Looks soon how
    /// full it is.
    pub fn obey(&self, policy: Policy) {
        relief::obey(&self.0, policy);
    }

    /// Has `relieve` take a step where room is short: it removes what is not needed any more, and says whether there was any
    /// (if it says so, it is tried again whether there is room, and once there is none, it may be asked again).
    /// It is given an engine of its own, as another tab would have, since a write of this one may be waiting for it. Asked only
    /// where `needs` is on: what it removes is not there otherwise.
    pub fn relieve_by(
        &self,
        action: Action,
        needs: Features,
        relieve: fn(Self) -> LocalBoxFuture<'static, Result<bool>>,
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
        if let Some(place) = relievers.get_mut(usize::from(action == Action::EvictExpired)) {
            *place = Some(Rc::new(reliever));
        }
    }

    /// Which life of the patch it was opened on.
    #[must_use]
    pub fn incarnation(&self) -> Id {
        self.0.state.borrow().head.incarnation
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

    /// Whether anything in some ranges is committed.
    pub fn holds_any(&self, ranges: &[KeyRange]) -> Answer<bool> {
        lifecycle::holds_any(&self.0, ranges)
    }

    /// Copies everything to a target that holds nothing in `ranges`; it is there at once. It is begun anew when
    /// something was written to the target or the source was merged meanwhile. `stopped` is asked now and then.
    ///
    /// # Errors
    /// `Exists` when the target holds anything in `ranges`, `Closed` when it was stopped, `Conflict` when it was
    /// begun too often, `StorageQuotaExceeded`, …; the target is as it was then.
    #[must_use]
    pub fn copy_to(
        &self,
        target: &Self,
        ranges: Vec<KeyRange>,
        stopped: Rc<dyn Fn() -> bool>,
    ) -> LocalBoxFuture<'static, Result<()>> {
        copy::copy(self.0.clone(), target.0.clone(), ranges, stopped).boxed_local()
    }

    /// Whether the storage takes a value's Blobs and gives them back, as `look` finds them: some browsers refuse
    /// them in private windows, or lose them. Nothing is left of it.
    ///
    /// # Errors
    /// Why that could not be found out: `StorageQuotaExceeded`, `ConnectionLost`, …
    #[must_use]
    pub fn takes(&self, value: bytes::Bytes, look: Look) -> LocalBoxFuture<'static, Result<bool>> {
        probe::takes(self.0.clone(), value, look).boxed_local()
    }

    /// Looks for other tabs' commits now.
    ///
    /// # Errors
    /// What reading fails with.
    #[must_use]
    pub fn refresh(&self) -> LocalBoxFuture<'static, Result<()>> {
        let core = self.0.clone();
        async move { intake::take_in(&core).await }.boxed_local()
    }

    /// Resolves when every earlier call of this realm is settled; an engine that has not looked for other tabs' commits
    /// lately does so.
    #[must_use]
    pub fn settled(&self) -> LocalBoxFuture<'static, ()> {
        let core = self.0.clone();
        async move {
            poll::before(&core).await;
            core.settled_so_far().await;
        }
        .boxed_local()
    }

    /// Runs `work` on what is committed, without the writes of this realm that are pending: for
    /// listeners, who hear of commits only.
    pub fn read_committed<T: 'static>(&self, work: ReadWork<T>) -> Answer<T> {
        submit::read_committed(&self.0, work)
    }

    /// Runs `work` as [`Session::write`] does, and calls `tell` at its end, perhaps before this
    /// returns: it must not call back into the engine.
    pub fn write_and_tell(&self, work: WriteWork<()>, tell: Box<dyn FnOnce(Result<()>)>) {
        submit::submit(&self.0, work, done::Done::callback(tell));
    }

    /// Switches a feature on, for good: older libraries cannot open the patch any more. Fine if it is on. Calls issued
    /// later run with it.
    ///
    /// # Errors
    /// `Conflict` when other tabs have written all the while, `StorageQuotaExceeded`, `ConnectionLost`, …
    #[must_use]
    pub fn switch_on(&self, feature: Feature) -> LocalBoxFuture<'static, Result<()>> {
        self.write(Box::new(move |w| {
            w.need(feature);
            Ok(())
        }))
    }

    /// Whether a feature is on, as far as this realm knows.
    #[must_use]
    pub fn has(&self, feature: Feature) -> bool {
        self.0.state.borrow().head.features().has(feature)
    }

    /// Calls `listener` at every commit that this engine sees, and when it closes.
    #[must_use]
    pub fn subscribe(&self, listener: Rc<dyn Fn(&Notice)>) -> Subscription {
        self.0.subscribers.add(listener)
    }

    /// Tells `interest` of every change of what readers see in its ranges, as long as somebody else holds it.
    pub fn interested(&self, interest: &Rc<dyn Interest>) {
        self.0.state.borrow_mut().interests.add(interest);
    }

    /// Whether a read would run at once, on the view of this moment: it is open, and nothing waits in line.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.pace.note_use();
        let state = self.0.state.borrow();
        let is_open = !state.closing && state.closed.is_none();
        is_open && !state.queue.is_held() && !self.0.pace.is_stale()
    }

    /// Whether anything that can expire has been met: what was read may be gone without any commit.
    #[must_use]
    pub fn is_dated(&self) -> bool {
        self.0.context.clock.is_dated()
    }

    /// Refuses newcomers, waits for the calls issued, and closes. Closing twice is fine.
    #[must_use]
    pub fn close(&self) -> LocalBoxFuture<'static, ()> {
        close::close(self.0.clone()).boxed_local()
    }

    /// Why it is closed, if it is.
    #[must_use]
    pub fn closed(&self) -> Option<Reason> {
        let state = self.0.state.borrow();
        state.closed.or(state.closing.then_some(Reason::Closed))
    }

    /// The error of a closed engine, if it is closed.
    ///
    /// # Errors
    /// `Closed`, `ConnectionLost`.
    pub fn check_open(&self) -> Result<()> {
        self.0.check_open()
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
    relieve: fn(Engine) -> LocalBoxFuture<'static, Result<bool>>,
) -> Result<bool> {
    let options = Options {
        cache_bytes: RELIEF_CACHE_BYTES,
        poll_ms: 0,
        absent: Absent::Refuse,
        ..core.options
    };
    let (realm, env) = (core.realm.clone(), core.context.env.clone());
    let other = Engine(open::open(realm, core.connector.clone(), env, options).await?);
    let relieved = relieve(other.clone()).await;
    other.close().await;
    intake::take_in(&core).await?;
    relieved
}

impl Session for Engine {
    fn read<T: 'static>(&self, work: ReadWork<T>) -> Answer<T> {
        submit::read(&self.0, work)
    }

    fn write<T: 'static>(&self, work: WriteWork<T>) -> LocalBoxFuture<'static, Result<T>> {
        submit::write(&self.0, work)
    }
}
