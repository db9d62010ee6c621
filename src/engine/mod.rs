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
//! [`Engine`] is the door: models and bindings come in here only. Its calls for [`space`], for [keys](keyring) and for what is [switched on](switches),
//! and for the [version](version) of the data's shape, are beside it. `docs/architecture/log-and-tabs.md`
//! describes the protocol.

mod core;
mod keyring;
mod keyspace;
mod log;
mod space;
mod store;
mod switches;
mod upkeep;
mod version;
mod whole;
mod write;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use std::rc::Rc;

use crate::backend::{Connector, Id};
use crate::env::Env;
use crate::error::Result;
use access::{Answer, KeyRange, ReadWork, Session, WriteWork};
use core::done;
use core::instance::Core;
use log::intake;
use upkeep::poll;
use whole::{close, copy, harden, lifecycle, open, probe, unlock};
use write::transaction::Purpose;
use write::{submit, transaction};

pub use core::instance::Realm;
pub use core::interest::Interest;
pub use core::notice::{Notice, Subscription};
pub use core::options::{Absent, Limits, Options, Reason};
pub use core::quota::{Action, Policy};
pub use keyspace::footprint::WriteSet;
pub use keyspace::{access, cache};
pub use whole::convert::Conversion;
pub use whole::export::{Export, ExportOptions};
pub use whole::import::{Carried, Import, ImportOptions};
pub use whole::lifecycle::{delete, holds_records};
pub use whole::open::is_dead;
pub use whole::probe::Look;
pub use whole::stats::Stats;
pub use whole::unlock::Access;
pub use write::transaction::Transaction;

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
        async move {
            open::open(realm, connector, env, options, None)
                .await
                .map(Self)
        }
        .boxed_local()
    }

    /// The same, of a patch whose records are sealed under keys: and the id of the key slot that was opened.
    ///
    /// # Errors
    /// As [`Engine::open`]; `WrongKey`, `NotEncrypted`.
    #[must_use]
    pub fn open_sealed(
        realm: Rc<Realm>,
        connector: Rc<dyn Connector>,
        env: Rc<dyn Env>,
        options: Options,
        access: Access,
    ) -> LocalBoxFuture<'static, Result<(Self, Id)>> {
        async move {
            let (core, slot) = unlock::open_sealed(realm, connector, env, options, access).await?;
            Ok((Self(core), slot))
        }
        .boxed_local()
    }

    /// Begins a transaction, once every earlier call of this realm is settled.
    ///
    /// # Errors
    /// `Closed`, `ConnectionLost`.
    #[must_use]
    pub fn begin(&self) -> LocalBoxFuture<'static, Result<Transaction>> {
        transaction::begin(self.0.clone(), Purpose::Change, false).boxed_local()
    }

    /// The same in a turn of its own, for one that has conflicted before: other commits, this realm's too, wait for
    /// it if they hear of it, for 1.5 s at most.
    ///
    /// # Errors
    /// `Closed`, `ConnectionLost`.
    #[must_use]
    pub fn begin_in_turn(&self) -> LocalBoxFuture<'static, Result<Transaction>> {
        transaction::begin(self.0.clone(), Purpose::Change, true).boxed_local()
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

    /// Which life of the patch it was opened on.
    #[must_use]
    pub fn incarnation(&self) -> Id {
        self.0.state.borrow().head.incarnation
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

    /// Begins to make an archive of what is stored once the calls issued before are settled.
    ///
    /// # Errors
    /// What reading fails with; `Unavailable` where the key that is to seal it cannot be used.
    #[must_use]
    pub fn export(&self, options: ExportOptions) -> LocalBoxFuture<'static, Result<Export>> {
        Export::begin(self.0.clone(), options).boxed_local()
    }

    /// Begins to fill this patch, which holds nothing, with what an archive has; it is there at the end of that, at once.
    ///
    /// # Errors
    /// `Exists` when it holds data; what reading or writing fails with.
    #[must_use]
    pub fn import(&self, options: ImportOptions) -> LocalBoxFuture<'static, Result<Import>> {
        Import::begin(self.0.clone(), options).boxed_local()
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

    /// Resolves when every earlier call of this realm is settled, and it is known where its insertions are; an engine that has
    /// not looked for other tabs' commits lately does so.
    #[must_use]
    pub fn settled(&self) -> LocalBoxFuture<'static, ()> {
        let core = self.0.clone();
        async move {
            poll::before(&core).await;
            let last = core.state.borrow().last_call;
            core.settled_up_to(last).await;
            core.context.landings.borrow_mut().settle(last);
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
}

impl Session for Engine {
    fn read<T: 'static>(&self, work: ReadWork<T>) -> Answer<T> {
        submit::read(&self.0, work)
    }

    fn write<T: 'static>(&self, work: WriteWork<T>) -> LocalBoxFuture<'static, Result<T>> {
        submit::write(&self.0, work)
    }
}
