//! Transactions over user code that may await anything: optimistic, validated at commit.

use bytes::Bytes;
use futures_channel::oneshot;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use std::cell::RefCell;
use std::rc::Rc;

use super::prepared;
use super::turn::Turn;
use crate::engine::core::done::{Done, Verdict};
use crate::engine::core::gate::Gate;
use crate::engine::core::instance::Core;
use crate::engine::core::loading::LoadError;
use crate::engine::core::recent::Since;
use crate::engine::core::slot::Slot;
use crate::engine::keyspace::access::{Answer, ReadWork, Session, Stop, WriteWork};
use crate::engine::keyspace::draft::Draft;
use crate::engine::store::load::load;
use crate::engine::upkeep::poll;
use crate::error::{Error, Result};

/// A transaction: reads a snapshot and its own writes; nothing shows outside until `commit`.
#[derive(Clone)]
pub struct Transaction {
    core: Rc<Core>,
    inner: Rc<RefCell<Inner>>,
    purpose: Purpose,
    /// Work that must await a load holds back what came after it.
    turn: Gate,
}

struct Inner {
    draft: Option<Draft>,
    since: Option<Since>,
    call: u64,
    conflict: bool,
    /// Taken, if it has conflicted before.
    turn: Option<Turn>,
}

/// What a transaction may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Change data.
    Change,
    /// Change definitions too; what it writes of records is set aside for work that ends it.
    Migrate,
}

/// Begins a transaction on what is committed, once the calls issued before are settled; `in_turn`: in a turn of its own.
///
/// # Errors
/// `Closed`, `ConnectionLost`.
pub async fn begin(core: Rc<Core>, purpose: Purpose, in_turn: bool) -> Result<Transaction> {
    core.check_open()?;
    let call = next_call(&core);
    poll::before(&core).await;
    core.settled_so_far().await;
    core.check_open()?;
    let turn = match in_turn {
        true => Turn::take(&core).await?,
        false => None,
    };
    core.check_open()?;
    let (since, view) = {
        let state = core.state.borrow();
        (state.since_now(), state.view.clone())
    };
    // Calls issued meanwhile are not part of the snapshot; they are checked at the commit.
    let mut draft = Draft::new(core.context.clone(), view.committed(), call);
    draft.aside = (purpose == Purpose::Migrate).then(Vec::new);
    let inner = Inner {
        draft: Some(draft),
        since: Some(since),
        call,
        conflict: false,
        turn,
    };
    Ok(Transaction {
        core,
        inner: Rc::new(RefCell::new(inner)),
        purpose,
        turn: Gate::default(),
    })
}

impl Transaction {
    /// One attempt on the draft.
    fn attempt(&self, work: &mut WriteWork<()>, again: bool) -> Result<(), Stop> {
        let mut inner = self
            .inner
            .try_borrow_mut()
            .map_err(|_| Error::internal("a transaction's work ran inside itself"))?;
        if let Some(turn) = &inner.turn {
            turn.goes_on();
        }
        let draft = inner.draft.as_mut().ok_or_else(Error::closed)?;
        self.core.pace.note_use();
        draft.restart(again);
        work(draft)?;
        Ok(draft.check_size()?)
    }

    fn run<T: 'static>(&self, work: WriteWork<T>) -> Answer<T> {
        let (work, slot) = Slot::around_write(work);
        match self.run_erased(work) {
            Answer::Ready(done) => Answer::Ready(done.and_then(|()| slot.take())),
            Answer::Later(done) => Answer::Later(slot.after(done)),
        }
    }

    fn run_erased(&self, mut work: WriteWork<()>) -> Answer<()> {
        if let Some(pass) = self.turn.try_enter() {
            let mark = self.mark();
            match self.attempt(&mut work, false) {
                Ok(()) => return Answer::Ready(Ok(())),
                Err(Stop::Fail(error)) => {
                    self.undo(mark);
                    return Answer::Ready(Err(error));
                }
                Err(stop) => {
                    let this = self.clone();
                    let later = async move { this.finish(work, Some(stop), mark, pass).await };
                    return Answer::Later(later.boxed_local());
                }
            }
        }
        let this = self.clone();
        Answer::Later(
            async move {
                let pass = this.turn.enter().await;
                let mark = this.mark();
                this.finish(work, None, mark, pass).await
            }
            .boxed_local(),
        )
    }

    async fn finish(
        &self,
        mut work: WriteWork<()>,
        mut stop: Option<Stop>,
        mark: usize,
        _pass: crate::engine::core::gate::Pass,
    ) -> Result<()> {
        loop {
            let again = stop.is_some();
            match stop.take() {
                Some(Stop::Need(need)) => match load(&self.core, *need).await {
                    Ok(()) => {}
                    Err(LoadError::Fail(error)) => {
                        self.undo(mark);
                        return Err(error);
                    }
                    Err(LoadError::Missing) => {
                        // Its snapshot has been cleared away: it must begin anew.
                        self.inner.borrow_mut().conflict = true;
                        return Err(Error::new(
                            crate::error::Code::Conflict,
                            "the transaction's snapshot is gone",
                        ));
                    }
                },
                Some(_) => self.core.env().yield_now().await,
                None => {}
            }
            match self.attempt(&mut work, again) {
                Ok(()) => return Ok(()),
                Err(Stop::Fail(error)) => {
                    self.undo(mark);
                    return Err(error);
                }
                Err(next) => stop = Some(next),
            }
        }
    }

    /// Where its operations end now.
    fn mark(&self) -> usize {
        let inner = self.inner.borrow();
        inner.draft.as_ref().map_or(0, |draft| draft.ops.len())
    }

    /// Takes back what failed work has written.
    fn undo(&self, mark: usize) {
        if let Some(draft) = self.inner.borrow_mut().draft.as_mut() {
            draft.truncate(mark);
        }
    }

    /// Whether it is a migration's: it may change definitions.
    #[must_use]
    pub fn migrates(&self) -> bool {
        self.purpose == Purpose::Migrate
    }

    /// Takes out what was set aside until now, and sets nothing aside from now on.
    #[must_use]
    pub fn take_aside(&self) -> Vec<Bytes> {
        let mut inner = self.inner.borrow_mut();
        let draft = inner.draft.as_mut();
        draft
            .and_then(|draft| draft.aside.take())
            .unwrap_or_default()
    }

    /// The engine's time, in ms since the epoch.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.core.now_ms()
    }

    /// Whether its snapshot is gone, so that it must begin anew whatever its work says.
    #[must_use]
    pub fn is_doomed(&self) -> bool {
        self.inner.borrow().conflict
    }

    /// Drops the transaction; later work is `Closed`.
    pub fn abandon(&self) {
        let mut inner = self.inner.borrow_mut();
        (inner.draft, inner.since, inner.turn) = (None, None, None);
    }

    /// Commits. False: another commit touched what it read, and it must begin anew.
    ///
    /// # Errors
    /// What the commit fails with.
    pub async fn commit(self) -> Result<bool> {
        let _pass = self.turn.enter().await;
        let (draft, since, id, conflict, turn) = {
            let mut inner = self.inner.borrow_mut();
            (
                inner.draft.take().ok_or_else(Error::closed)?,
                inner.since.take().ok_or_else(Error::closed)?,
                inner.call,
                inner.conflict,
                inner.turn.take(),
            )
        };
        if conflict {
            return Ok(false);
        }
        self.core.check_open()?;
        if draft.ops.is_empty() {
            // All that it read is of one snapshot.
            return Ok(true);
        }
        let (done, receiver) = Done::waiter();
        let ticket = turn.as_ref().map(Turn::ticket);
        prepared::issue(&self.core, draft, (id, since), ticket, done);
        let ended = receiver.await;
        drop(turn);
        match ended {
            Ok(Verdict::Committed) => Ok(true),
            Ok(Verdict::Conflict) => Ok(false),
            Ok(Verdict::Failed(error)) => Err(error),
            Err(oneshot::Canceled) => Err(Error::closed()),
        }
    }
}

impl Session for Transaction {
    fn read<T: 'static>(&self, mut work: ReadWork<T>) -> Answer<T> {
        self.run(Box::new(move |draft| work(draft)))
    }

    fn write<T: 'static>(&self, work: WriteWork<T>) -> LocalBoxFuture<'static, Result<T>> {
        match self.run(work) {
            Answer::Ready(result) => std::future::ready(result).boxed_local(),
            Answer::Later(future) => future,
        }
    }
}

fn next_call(core: &Rc<Core>) -> u64 {
    let mut state = core.state.borrow_mut();
    state.last_call += 1;
    state.last_call
}
