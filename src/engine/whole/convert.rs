//! Converting a patch in place: the same patch, under another key or none.
//!
//! Everything is written anew into a draft over the same database ([`super::onto`]), whose flip takes the old records away:
//! before it there is the old patch, after it the new one. Other than in a copy, device, log, stamps and clock stay.
//! Whoever calls has seen to it that no other tab has the patch open; where one has it all the same, the flip
//! finds out.
//!
//! What is written ahead in the clear must not be left in an encrypted patch, whatever happens: its head says so before,
//! and whoever opens it next collects that.

use std::rc::Rc;

use super::copy::fill_and_flip;
use super::onto::{OntoConnector, Plan};
use super::open::open;
use super::unlock::{Access, open_sealed};
use crate::backend::{Connector, IdStore, Read, RecordKey, Reply};
use crate::engine::core::instance::{Core, Realm};
use crate::engine::core::options::{Absent, Options, Reason};
use crate::engine::core::shut::shut;
use crate::engine::log::intake;
use crate::engine::store::connection::read;
use crate::engine::store::room::RESERVE;
use crate::engine::upkeep::collect;
use crate::engine::upkeep::flip::Flip;
use crate::env::Env;
use crate::error::{Code, Error, Result};

/// How often a conversion is begun before it is given up.
const TRIES: u32 = 5;

/// A patch that is to be converted.
pub struct Conversion {
    /// The page or worker.
    pub realm: Rc<Realm>,
    /// To its database, which is there.
    pub connector: Rc<dyn Connector>,
    /// Time, randomness and scheduling.
    pub env: Rc<dyn Env>,
    /// How it is opened.
    pub options: Options,
    /// What opens it now; none: it is not encrypted.
    pub from: Option<Access>,
    /// What is to open it.
    pub to: Option<Access>,
}

impl Conversion {
    /// Converts the patch, which is as it was until it is converted.
    ///
    /// # Errors
    /// `NoPatch`, `Encrypted`, `NotEncrypted`, `WrongKey`; `Closed` when `stopped` says so, `Conflict` when others got in between
    /// each time, `NotStorable` of a Blob that cannot be encrypted, `StorageQuotaExceeded`, …
    pub async fn run(self, stopped: Rc<dyn Fn() -> bool>) -> Result<()> {
        let source = self
            .open(self.connector.clone(), Absent::Refuse, &self.from)
            .await?;
        let pass = source.maintenance.enter().await;
        let done = self.try_often(&source, &*stopped).await;
        if done.is_err() && self.to.is_none() {
            // What fails is done by whoever opens it next.
            drop(collect::collect(&source, &pass).await);
        }
        drop(pass);
        shut(&source, Reason::Closed);
        done
    }

    async fn open(
        &self,
        connector: Rc<dyn Connector>,
        absent: Absent,
        access: &Option<Access>,
    ) -> Result<Rc<Core>> {
        let (realm, env) = (self.realm.clone(), self.env.clone());
        let mut options = self.options;
        options.absent = absent;
        // It is open only briefly, and nobody else has it open.
        options.poll_ms = 0;
        match access.clone() {
            None => open(realm, connector, env, options, None).await,
            Some(access) => {
                let (core, _) = open_sealed(realm, connector, env, options, access).await?;
                Ok(core)
            }
        }
    }

    async fn try_often(&self, source: &Rc<Core>, stopped: &dyn Fn() -> bool) -> Result<()> {
        for _ in 0..TRIES {
            if self.try_once(source, stopped).await? {
                return Ok(());
            }
            intake::take_in(source).await?;
        }
        Err(Error::new(
            Code::Conflict,
            "the patch is being written while it is to be converted",
        ))
    }

    /// False: it must be begun anew, since somebody else has written.
    async fn try_once(&self, source: &Rc<Core>, stopped: &dyn Fn() -> bool) -> Result<bool> {
        if stopped() {
            return Err(Error::closed());
        }
        if self.to.is_none() && !is_swept_later(source).await? {
            return Ok(false);
        }
        let (view, from, last, next_stamp) = {
            let state = source.state.borrow();
            let view = state.view.committed();
            (
                view,
                state.head.clone(),
                state.known,
                state.next_stamp.get(),
            )
        };
        let plan = Plan {
            from: from.clone(),
            last,
            records: records(source).await?,
            life: source.new_id(),
        };
        let onto = Rc::new(OntoConnector::new(self.connector.clone(), plan));
        let target = self.open(onto, Absent::Prepare, &self.to).await?;
        let mut flip = Flip::new(&target);
        flip.new_generation = true;
        flip.position += 1;
        flip.go_on(&from, next_stamp);
        flip.root.more = view.root.more.clone();
        let converted = fill_and_flip(source, &target, flip, &view, true, stopped).await;
        shut(&target, Reason::Closed);
        converted
    }
}

/// Has whoever opens the patch collect what is about to be written in the clear. A flip, even where the head says so already:
/// another's collector must not take that back now.
async fn is_swept_later(source: &Rc<Core>) -> Result<bool> {
    let mut flip = Flip::new(source);
    flip.sweep(true);
    let is_live = flip.run(source).await?;
    // (Another's flip may look like this one but for the head.)
    Ok(is_live && source.state.borrow().head.sweep)
}

/// Every record but those of the log and the head, and what is kept for deleting.
async fn records(source: &Rc<Core>) -> Result<Vec<RecordKey>> {
    let reads = vec![Read::Ids(IdStore::Runs), Read::Ids(IdStore::Blobs)];
    let replies = read(source, reads).await?;
    let [Reply::Ids(runs), Reply::Ids(blobs)] = replies.as_slice() else {
        return Err(Error::internal("a read got no reply"));
    };
    let runs = runs.iter().filter(|id| **id != RESERVE);
    let runs = runs.copied().map(RecordKey::Run);
    Ok(runs
        .chain(blobs.iter().copied().map(RecordKey::Piece))
        .collect())
}
