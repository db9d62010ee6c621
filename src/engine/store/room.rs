//! Room: what is done where there is none left, and what is kept against that moment.
//!
//! Where a quota is hit, a put fails even in the transaction that deletes: so a delete, and the
//! merge that gives its space back, need room from elsewhere. There are three ways to some:
//! what is dead (garbage that only slow readers wait for, pieces that the log hides); what the storage has not given back yet of records
//! deleted long ago ([`crate::backend::Backend::reclaim`]); and the reserve, a record of store
//! `runs` under a fixed id, large enough for the storage to free it at once.

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use std::rc::Rc;

use super::connection::read;
use super::sources::{Situation, Source, next};
use super::{garbage, held};
use crate::backend::{Durability, Id, IdStore, Read, RecordKey, Reply, Write};
use crate::engine::core::instance::{Core, Estimate, Reserve};
use crate::engine::core::quota::{self, Action};

/// The reserve's id.
pub const RESERVE: Id = Id([0xff; 16]);
/// Bytes written by a realm from which on it sees to the reserve: small patches need none.
const WORTH_BYTES: u64 = 1 << 20;
/// How long the next caller is spared the waiting after an attempt that was futile.
const FUTILE_MS: f64 = 5_000.0;

/// For how long an estimate of the browser's counts, ms: many patches may ask for one.
const ESTIMATE_MS: f64 = 1_000.0;

/// What is done for room that lies above this.
pub struct Help {
    /// Flushes the log for the room that its dead pieces take; whether that may have freed any.
    pub free_pieces: for<'a> fn(&'a Rc<Core>) -> LocalBoxFuture<'a, bool>,
    /// Takes a step for a write that needs so many bytes; whether that may have freed any.
    pub step: for<'a> fn(&'a Rc<Core>, Action, u64) -> LocalBoxFuture<'a, bool>,
}

/// Attempts of one caller to make room.
pub struct Attempts {
    /// Whether what is to be written frees room itself. For what only stores, none is made unless
    /// there must be plenty: else the last of it would be full of data, with nothing left to delete
    /// them by.
    frees: bool,
    /// What else may be done for it: not by maintenance itself, which holds the gate.
    help: Option<&'static Help>,
    emptied: bool,
    stepped: Option<Action>,
    made: u32,
    /// How many were made when it gave up the reserve.
    given_up: Option<u32>,
}

impl Attempts {
    /// No attempt made yet.
    #[must_use]
    pub const fn new(frees: bool, help: Option<&'static Help>) -> Self {
        Self {
            frees,
            help,
            emptied: false,
            stepped: None,
            made: 0,
            given_up: None,
        }
    }

    /// Deletes dead pieces, once. (What else is garbage is left as room to delete by.) True when there was something, and trying again is worth while.
    pub async fn empty(&mut self, core: &Rc<Core>) -> bool {
        if std::mem::replace(&mut self.emptied, true) {
            return false;
        }
        match self.help {
            Some(help) => (help.free_pieces)(core).await,
            None => garbage::purge_pieces(core).await > 0,
        }
    }

    /// Takes the next step that makes room; `compacts`: compacting is one. True when trying again is worth while.
    pub async fn relieve(&mut self, core: &Rc<Core>, compacts: bool) -> bool {
        let Some(help) = self.help else {
            return false;
        };
        core.pressed.set(true);
        let before = core.view().root.epoch;
        if garbage::purge_held(core).await > 0 {
            return true;
        }
        let needed = core.state.borrow().queue.first_bytes() as u64;
        while let Some(action) = quota::next(self.stepped)
            && (compacts || action != Action::Compact)
        {
            self.stepped = Some(action);
            if (help.step)(core, action, needed).await {
                return true;
            }
        }
        // Another's maintenance may have done meanwhile what was left to do.
        core.view().root.epoch != before
    }

    /// Makes room, by what costs least. True when trying again is worth while.
    pub async fn make_room(&mut self, core: &Rc<Core>) -> bool {
        if self.empty(core).await {
            return true;
        }
        core.pressed.set(true);
        if held::least(core).await.is_some() && garbage::purge_held(core).await > 0 {
            return true;
        }
        if !self.frees && self.help.is_some() {
            note_failure(core).await;
            // (Compacting takes room first. Where little is waste, that is what deleting will need.)
            let compacts = is_mostly_waste(core).await;
            if self.relieve(core, compacts).await {
                return true;
            }
        }
        let is_relieved = self.help.is_some() && is_relieved(core);
        let source = next(&Situation {
            frees: self.frees,
            is_mostly_waste: self.frees || is_mostly_waste(core).await,
            is_relieved,
            made: self.made,
            is_futile: core.env().monotonic_ms() < core.futile_until_ms.get(),
            reserve: core.reserve.get(),
            given_up: self.given_up,
        });
        match source {
            Source::Reclaim => {
                garbage::purge_held(core).await;
                let position = core.state.borrow().head.position;
                let attempt = self.made - self.given_up.unwrap_or(0);
                core.backend().reclaim(position, attempt).await;
                self.made += 1;
                return true;
            }
            Source::Reserve if give_up(core).await => {
                self.given_up = Some(self.made);
                return true;
            }
            Source::Reserve | Source::Futile => {
                let now_ms = core.env().monotonic_ms();
                core.futile_until_ms.set(now_ms + FUTILE_MS);
                if is_relieved {
                    core.quota.held.set(0);
                }
            }
            Source::Refuse => {}
        }
        false
    }
}

/// Whether the origin takes much more than what this patch has stored.
async fn is_mostly_waste(core: &Rc<Core>) -> bool {
    let stored = core.view().held_bytes() as f64;
    estimate(core)
        .await
        .is_some_and(|(usage, _)| usage > 3.0 * stored)
}

/// Whether the first write of the queue makes the patch no larger than it was before the last step that removed something.
fn is_relieved(core: &Core) -> bool {
    let needed = core.state.borrow().queue.first_bytes() as u64;
    // planted: unrelieved
    core.stored_bytes() + needed <= core.quota.held.get()
}

/// The origin's usage and quota, as told a moment ago at most.
pub async fn estimate(core: &Rc<Core>) -> Option<(f64, f64)> {
    let now_ms = core.env().monotonic_ms();
    let before = core.realm.estimated.get();
    if now_ms < before.until_ms {
        return before.told;
    }
    let told = core.connector.estimate().await;
    let until_ms = now_ms + ESTIMATE_MS;
    core.realm.estimated.set(Estimate { until_ms, told });
    told
}

/// Notes at which usage there is no room: browsers report quotas that they do not enforce.
async fn note_failure(core: &Rc<Core>) {
    core.realm.estimated.set(Estimate::default());
    if let Some((usage, _)) = estimate(core).await {
        core.realm.failed_at.set(usage);
    }
}

/// Gives the reserve up. True when it may have been there.
async fn give_up(core: &Rc<Core>) -> bool {
    if core.reserve.replace(Reserve::Gone) == Reserve::Gone {
        return false;
    }
    let deletes = vec![Write::Delete(RecordKey::Run(RESERVE))];
    let deleted = core.backend().write(deletes, Durability::Strict).await;
    deleted.is_ok()
}

/// Whether there is reason to set the reserve up: it is not known to be there, and this realm has
/// written as much as makes it worth while.
#[must_use]
pub fn is_reserve_wanted(core: &Core) -> bool {
    core.connector.reserve_bytes() > 0
        && core.reserve.get() != Reserve::There
        && !core.pressed.get()
        && core.written_bytes.get() >= WORTH_BYTES
}

/// Sets the reserve up, where it is wanted and missing. Failing to is no failure.
pub async fn restore_reserve(core: &Rc<Core>) {
    if !is_reserve_wanted(core) {
        return;
    }
    if core.reserve.get() == Reserve::Unknown
        && let Ok(replies) = read(core, vec![Read::Ids(IdStore::Runs)]).await
        && matches!(replies.first(), Some(Reply::Ids(ids)) if ids.contains(&RESERVE))
    {
        core.reserve.set(Reserve::There);
        return;
    }
    // Of random bytes: a storage may compress, and zeros would keep next to no room.
    let mut record = vec![0; core.connector.reserve_bytes()];
    core.env().fill_random(&mut record);
    let record = Bytes::from(record);
    core.count_written(record.len());
    let put = vec![Write::Put(RecordKey::Run(RESERVE), record)];
    if core.backend().write(put, Durability::Relaxed).await.is_ok() {
        core.reserve.set(Reserve::There);
    }
}
