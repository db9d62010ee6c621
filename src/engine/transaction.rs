//! Transactions over user code that may await anything: optimistic, validated at commit.

use futures_channel::oneshot;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use std::cell::RefCell;
use std::rc::Rc;

use super::access::{Outcome as Ended, ReadWork, Session, Stop, WriteWork};
use super::core::Core;
use super::done::{Done, Outcome};
use super::draft::Draft;
use super::footprint::ReadSet;
use super::gate::Gate;
use super::load::{LoadError, load};
use super::poll;
use super::queue::{Call, Waiting};
use super::slot::Slot;
use super::submit;
use crate::error::{Error, Result};

/// A transaction: reads a snapshot and its own writes; nothing shows outside until `commit`.
#[derive(Clone)]
pub struct Transaction {
    core: Rc<Core>,
    inner: Rc<RefCell<Inner>>,
    /// Work that must await a load holds back what came after it.
    turn: Gate,
}

struct Inner {
    draft: Option<Draft>,
    since: u64,
    call: u64,
    conflict: bool,
}

/// Begins a transaction on what is committed, once the calls issued before are settled.
///
/// # Errors
/// `Closed`, `ConnectionLost`.
pub async fn begin(core: Rc<Core>) -> Result<Transaction> {
    core.check_open()?;
    poll::before(&core).await;
    core.settled_so_far().await;
    core.check_open()?;
    let (since, call, view) = {
        let mut state = core.state.borrow_mut();
        state.last_call += 1;
        (state.known, state.last_call, state.view.clone())
    };
    // Calls issued meanwhile are not part of the snapshot; they are checked at the commit.
    let draft = Draft::new(core.ground.clone(), view.committed(), call);
    let inner = Inner {
        draft: Some(draft),
        since,
        call,
        conflict: false,
    };
    Ok(Transaction {
        core,
        inner: Rc::new(RefCell::new(inner)),
        turn: Gate::default(),
    })
}

impl Transaction {
    /// One attempt on the draft.
    fn attempt(&self, work: &mut WriteWork<()>, again: bool) -> Result<(), Stop> {
        let mut inner = self
            .inner
            .try_borrow_mut()
            .map_err(|_| Error::internal("a transaction's work ran inside of itself"))?;
        let draft = inner.draft.as_mut().ok_or_else(Error::closed)?;
        poll::note_use(&self.core);
        draft.restart(again);
        work(draft)
    }

    fn run<T: 'static>(&self, work: WriteWork<T>) -> Ended<T> {
        let (work, slot) = Slot::around_write(work);
        match self.run_erased(work) {
            Ended::Ready(done) => Ended::Ready(done.and_then(|()| slot.take())),
            Ended::Later(done) => Ended::Later(slot.after(done)),
        }
    }

    fn run_erased(&self, mut work: WriteWork<()>) -> Ended<()> {
        if let Some(pass) = self.turn.try_enter() {
            let mark = self.mark();
            match self.attempt(&mut work, false) {
                Ok(()) => return Ended::Ready(Ok(())),
                Err(Stop::Fail(error)) => {
                    self.undo(mark);
                    return Ended::Ready(Err(error));
                }
                Err(stop) => {
                    let this = self.clone();
                    let later = async move { this.finish(work, Some(stop), mark, pass).await };
                    return Ended::Later(later.boxed_local());
                }
            }
        }
        let this = self.clone();
        Ended::Later(
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
        _pass: super::gate::Pass,
    ) -> Result<()> {
        loop {
            let again = stop.is_some();
            match stop.take() {
                Some(Stop::Need(need)) => match load(&self.core, need).await {
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

    /// Whether its snapshot is gone, so that it must begin anew whatever its work says.
    #[must_use]
    pub fn is_doomed(&self) -> bool {
        self.inner.borrow().conflict
    }

    /// Drops the transaction; later work is `Closed`.
    pub fn abandon(&self) {
        self.inner.borrow_mut().draft = None;
    }

    /// Commits. False: another commit touched what it read, and it must begin anew.
    ///
    /// # Errors
    /// What the commit fails with.
    pub async fn commit(self) -> Result<bool> {
        let _pass = self.turn.enter().await;
        let (draft, since, id, conflict) = {
            let mut inner = self.inner.borrow_mut();
            (
                inner.draft.take().ok_or_else(Error::closed)?,
                inner.since,
                inner.call,
                inner.conflict,
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
        let (mut done, receiver) = Done::waiter();
        let core = self.core.clone();
        let mut draft = draft;
        let start = move || {
            // Its insertions come after those of the calls that were queued while it ran.
            let now = {
                let mut state = core.state.borrow_mut();
                state.last_call += 1;
                state.last_call
            };
            draft.renumber(id, now);
            if touched(&core, since, &draft.reads) {
                done.tell(Outcome::Conflict);
            } else {
                submit::enqueue(&core, Call::of_draft(now, draft, None, done), None);
            }
        };
        if self.core.state.borrow().queue.is_held() {
            self.core
                .state
                .borrow_mut()
                .queue
                .line
                .push_back(Waiting::Turn(Box::new(start)));
            submit::serve(&self.core);
        } else {
            start();
        }
        match receiver.await {
            Ok(Outcome::Committed) => Ok(true),
            Ok(Outcome::Conflict) => Ok(false),
            Ok(Outcome::Failed(error)) => Err(error),
            Err(oneshot::Canceled) => Err(Error::closed()),
        }
    }
}

/// Whether anything since the snapshot touches what was read: frames taken in, or own calls
/// that are queued now (none was when it began).
fn touched(core: &Rc<Core>, since: u64, reads: &ReadSet) -> bool {
    let state = core.state.borrow();
    let queued = state
        .queue
        .groups
        .iter()
        .flat_map(|group| &group.calls)
        .any(|call| {
            let mut writes = super::footprint::Writes::default();
            writes.add_ops(&call.ops);
            reads.meets(&writes)
        });
    queued || submit::touched_since(&state, since, reads)
}

impl Session for Transaction {
    fn read<T: 'static>(&self, mut work: ReadWork<T>) -> Ended<T> {
        self.run(Box::new(move |draft| work(draft)))
    }

    fn write<T: 'static>(&self, work: WriteWork<T>) -> LocalBoxFuture<'static, Result<T>> {
        match self.run(work) {
            Ended::Ready(result) => std::future::ready(result).boxed_local(),
            Ended::Later(future) => future,
        }
    }
}
