//! How calls enter the queue: at once on warm data, else in a line that keeps program order.

use futures_channel::oneshot;
use std::cell::RefCell;
use std::rc::Rc;

use super::access::{Attempt, Outcome as Ended, ReadWork, Stop, WriteWork};
use super::commit;
use super::core::Core;
use super::done::{Done, Outcome, told};
use super::draft::{Draft, Snapshot};
use super::footprint::Writes;
use super::intake;
use super::load::{LoadError, load, run_read};
use super::memtable::Memtable;
use super::poll;
use super::prepared;
use super::queue::{Call, Group, LARGE_BYTES, Submission, Waiting, Work};
use super::read_set::ReadSet;
use super::recent::Since;
use super::slot::Slot;
use super::state::State;
use super::view::View;
use crate::codec::order::PROVISIONAL;
use crate::error::{Error, Result};
use futures_util::future::{LocalBoxFuture, ready};
use futures_util::{FutureExt, TryFutureExt};

/// Operations are put into a large memtable this many at a time.
pub const SLICE_OPS: usize = 1_000;

/// Runs reading work now, if nothing earlier is waiting and the data are warm.
pub fn read<T: 'static>(core: &Rc<Core>, work: ReadWork<T>) -> Ended<T> {
    if let Err(error) = core.check_open() {
        return Ended::Ready(Err(error));
    }
    poll::before_read(core);
    if core.state.borrow().queue.is_held() {
        return Ended::Later(read_in_turn(core, work));
    }
    read_view(core, core.view(), work, false)
}

/// Runs reading work on what is committed, whatever this realm has pending.
pub fn read_committed<T: 'static>(core: &Rc<Core>, work: ReadWork<T>) -> Ended<T> {
    if let Err(error) = core.check_open() {
        return Ended::Ready(Err(error));
    }
    read_view(core, core.view().committed(), work, true)
}

fn read_view<T: 'static>(
    core: &Rc<Core>,
    view: Rc<View>,
    mut work: ReadWork<T>,
    committed: bool,
) -> Ended<T> {
    let mut snapshot = Snapshot::new(core.ground.clone(), view.clone());
    match work(&mut snapshot) {
        Ok(value) => Ended::Ready(Ok(value)),
        Err(Stop::Fail(error)) => Ended::Ready(Err(error)),
        Err(Stop::Need(_) | Stop::Yield) => {
            let (work, slot) = Slot::around_read(work);
            Ended::Later(slot.after(run_read(core.clone(), view, work, committed)))
        }
    }
}

fn read_in_turn<T: 'static>(
    core: &Rc<Core>,
    work: ReadWork<T>,
) -> LocalBoxFuture<'static, Result<T>> {
    let (work, slot) = Slot::around_read(work);
    let (start, turn) = view_to_come(core);
    core.state.borrow_mut().queue.line.push_back(start);
    serve(core);
    let core = core.clone();
    let done = async move {
        let view = turn.await.map_err(|_| Error::closed())?;
        run_read(core, view, work, false).await
    };
    slot.after(done.boxed_local())
}

/// Something to be put in line, and the view of when its turn comes.
fn view_to_come(core: &Rc<Core>) -> (Waiting, oneshot::Receiver<Rc<View>>) {
    let (sender, turn) = oneshot::channel();
    let core = core.clone();
    let start = move || drop(sender.send(core.view()));
    (Waiting::Turn(Box::new(start)), turn)
}

/// The view of the first moment from now on at which what is pending fits what is committed, for who has begun.
///
/// # Errors
/// `Closed`.
pub fn fitting_view(core: &Rc<Core>) -> LocalBoxFuture<'static, Result<Rc<View>>> {
    if !core.state.borrow().queue.is_paused() {
        return ready(Ok(core.view())).boxed_local();
    }
    let (start, turn) = view_to_come(core);
    core.state.borrow_mut().queue.line.push_front(start);
    turn.map_err(|_| Error::closed()).boxed_local()
}

/// Runs writing work in its turn; resolves when its batch is committed.
pub fn write<T: 'static>(
    core: &Rc<Core>,
    work: WriteWork<T>,
) -> LocalBoxFuture<'static, Result<T>> {
    let (work, slot) = Slot::around_write(work);
    let (done, receiver) = Done::waiter();
    submit(core, work, done);
    slot.after(told(receiver))
}

/// Runs writing work without a result in its turn; tells `done` when its batch is committed.
pub fn submit(core: &Rc<Core>, mut work: WriteWork<()>, mut done: Done) {
    if let Err(error) = core.check_open() {
        done.tell(Outcome::Failed(error));
        return;
    }
    poll::note_use(core);
    let work: Work = Rc::new(RefCell::new(move |draft: &mut Draft| work(draft)));
    let (id, held) = {
        let mut state = core.state.borrow_mut();
        state.last_call += 1;
        (state.last_call, state.queue.is_held())
    };
    let mut submission = Submission { id, work, done };
    if held {
        core.state
            .borrow_mut()
            .queue
            .line
            .push_back(Waiting::Write(Box::new(submission)));
        serve(core);
        return;
    }
    let mut drafted = Drafted::new(core, id);
    let attempt = guarded(core, &submission.work, &mut drafted.draft);
    match attempt {
        Ok(()) if !is_large(&drafted.draft) => {
            accept(core, submission, drafted, None);
        }
        Err(Stop::Fail(error)) => {
            serve(core);
            submission.done.tell(Outcome::Failed(error));
        }
        // Not ready, or large: finished in the line, where it holds its place.
        unfinished => {
            let seed = unfinished.is_ok().then_some(drafted);
            let item = Waiting::Write(Box::new(submission));
            core.state.borrow_mut().queue.line.push_front(item);
            serve_from(core, seed);
        }
    }
}

/// Runs an attempt with newcomers held: work may call back into user code that calls in again.
fn guarded(core: &Rc<Core>, work: &Work, draft: &mut Draft) -> Attempt<()> {
    core.state.borrow_mut().queue.hold += 1;
    let attempt = match work.try_borrow_mut() {
        Ok(mut work) => work(draft).and_then(|()| Ok(draft.check_size()?)),
        Err(_) => Err(Stop::Fail(Error::internal(
            "a call's work ran inside of itself",
        ))),
    };
    release(core);
    attempt
}

/// Ends a hold; closing has ended all of them already.
fn release(core: &Core) {
    let hold = &mut core.state.borrow_mut().queue.hold;
    *hold = hold.saturating_sub(1);
}

/// Puts a finished draft into the queue.
fn accept(core: &Rc<Core>, submission: Submission, drafted: Drafted, table: Option<Memtable>) {
    let Submission { id, work, done } = submission;
    let Drafted { draft, view, .. } = drafted;
    let call = Call::of_draft(id, draft, Some(work), done);
    // Nobody holds what was seen when the gathering memtable is changed: it would be copied.
    drop(view);
    enqueue(core, call, table);
    serve(core);
}

/// Adds a call to the gathering group, or to a new one, and sees to it that it gets committed.
pub fn enqueue(core: &Rc<Core>, mut call: Call, table: Option<Memtable>) {
    let mut state = core.state.borrow_mut();
    if call.ops.is_empty() && state.queue.groups.is_empty() {
        drop(state);
        // It wrote nothing and read only what is committed.
        call.settle(Outcome::Committed);
        return;
    }
    let State {
        queue,
        view,
        interests,
        ..
    } = &mut *state;
    match &table {
        Some(table) => interests.tell_table(table),
        None => interests.tell(&call.ops, PROVISIONAL + call.id),
    }
    let own = &mut Rc::make_mut(view).own;
    let joins = table.is_none()
        && queue
            .groups
            .back()
            .is_some_and(|group| group.takes(call.bytes));
    if !joins {
        queue.groups.push_back(Group::default());
        own.push(Rc::default());
    }
    if let (Some(group), Some(own)) = (queue.groups.back_mut(), own.last_mut()) {
        match table {
            Some(table) => *own = Rc::new(table),
            None => {
                let own = Rc::make_mut(own);
                call.ops.iter().for_each(|op| own.apply(op));
            }
        }
        group.push(call);
    }
    drop(state);
    commit::start(core);
}

/// Puts a call before all that are queued, none of which has been sent: those that read what it writes run again.
pub fn enqueue_first(core: &Rc<Core>, call: Call, table: Option<Memtable>) {
    {
        let mut state = core.state.borrow_mut();
        let mut writes = Writes::default();
        writes.add_ops(&call.ops);
        state.mark_stale(&writes);
        let mut group = Group::default();
        group.push(call);
        let mut own = state.view.own.clone();
        own.insert(0, Rc::new(table.unwrap_or_else(|| group.memtable())));
        state.queue.groups.push_front(group);
        state.replace_own(own);
    }
    commit::start(core);
}

/// Serves the line, if nobody does.
pub fn serve(core: &Rc<Core>) {
    serve_from(core, None);
}

fn serve_from(core: &Rc<Core>, mut seed: Option<Drafted>) {
    {
        let mut state = core.state.borrow_mut();
        if state.queue.serving || state.queue.line.is_empty() {
            return;
        }
        state.queue.serving = true;
    }
    let inner = core.clone();
    core.env().spawn(
        async move {
            loop {
                if inner.state.borrow().queue.is_paused() {
                    // Whoever builds the queue anew serves the line when done.
                    break;
                }
                let item = inner.state.borrow_mut().queue.line.pop_front();
                match item {
                    None => break,
                    Some(Waiting::Turn(start)) => start(),
                    Some(Waiting::Look) => poll::freshen(&inner).await,
                    Some(Waiting::Write(submission)) => {
                        inner.state.borrow_mut().queue.served = Some(submission.id);
                        finish_one(&inner, *submission, seed.take()).await;
                        inner.state.borrow_mut().queue.served = None;
                        inner.tell_idle();
                    }
                    Some(Waiting::Prepared(prepared)) => {
                        inner.state.borrow_mut().queue.served = Some(prepared.id);
                        prepared::finish(&inner, prepared).await;
                        inner.state.borrow_mut().queue.served = None;
                        inner.tell_idle();
                    }
                }
            }
            inner.state.borrow_mut().queue.serving = false;
            inner.tell_idle();
        }
        .boxed_local(),
    );
}

/// Runs one submission to its end and puts it into the queue; back into the line where the queue is being rebuilt.
async fn finish_one(core: &Rc<Core>, mut submission: Submission, mut seed: Option<Drafted>) {
    loop {
        let done = match seed.take() {
            Some(drafted) => Ok(drafted),
            None => run_draft(core, &submission).await,
        };
        let table = match &done {
            Ok(drafted) => large_table(core, &drafted.draft).await,
            Err(_) => None,
        };
        // Other tabs' frames, and calls of this realm that have run again, may have come meanwhile; what it has
        // made, an error too, may be of a view that did not fit.
        if core.state.borrow().queue.is_paused() {
            let item = Waiting::Write(Box::new(submission));
            core.state.borrow_mut().queue.line.push_front(item);
            return;
        }
        match done.and_then(|drafted| core.check_open_or_closing().map(|()| drafted)) {
            Ok(drafted) => {
                if drafted.is_overtaken(core) {
                    continue;
                }
                return accept(core, submission, drafted, table);
            }
            Err(error) => return submission.done.tell(Outcome::Failed(error)),
        }
    }
}

/// A draft, and upon what it was made.
struct Drafted {
    draft: Draft,
    /// What was known then.
    since: Since,
    /// What was seen then.
    view: Rc<View>,
}

impl Drafted {
    /// Nothing yet, upon what is seen now.
    fn new(core: &Rc<Core>, id: u64) -> Self {
        let view = core.view();
        Self {
            draft: Draft::new(core.ground.clone(), view.clone(), id),
            since: core.state.borrow().since_now(),
            view,
        }
    }

    fn is_overtaken(&self, core: &Rc<Core>) -> bool {
        overtaken(core, &self.since, &self.draft.reads, &self.view)
    }
}

/// Whether a draft is shown, and written ahead, in slices.
pub fn is_large(draft: &Draft) -> bool {
    draft.bytes > LARGE_BYTES || draft.ops.len() > SLICE_OPS
}

/// The memtable of a large draft, built in slices.
pub async fn large_table(core: &Rc<Core>, draft: &Draft) -> Option<Memtable> {
    if !is_large(draft) {
        return None;
    }
    let mut table = Memtable::default();
    for slice in draft.ops.chunks(SLICE_OPS) {
        slice.iter().for_each(|op| table.apply(op));
        core.env().yield_now().await;
    }
    Some(table)
}

/// Runs a submission's work until it has a batch that nothing has overtaken.
async fn run_draft(core: &Rc<Core>, submission: &Submission) -> Result<Drafted> {
    'fresh: loop {
        core.check_open_or_closing()?;
        let mut drafted = Drafted::new(core, submission.id);
        loop {
            match guarded(core, &submission.work, &mut drafted.draft) {
                Ok(()) => break,
                Err(Stop::Fail(error)) => return Err(error),
                Err(Stop::Yield) => core.env().yield_now().await,
                Err(Stop::Need(need)) => match load(core, need).await {
                    Ok(()) => {}
                    Err(LoadError::Fail(error)) => return Err(error),
                    Err(LoadError::Missing) => {
                        intake::renewed_view(core, &drafted.view).await?;
                        continue 'fresh;
                    }
                },
            }
            drafted.draft.again();
        }
        if !drafted.is_overtaken(core) {
            return Ok(drafted);
        }
    }
}

/// Whether frames taken in after `since` touch what was read, or own calls under it failed.
fn overtaken(core: &Rc<Core>, since: &Since, reads: &ReadSet, view: &Rc<View>) -> bool {
    if reads.is_empty() {
        return false;
    }
    let state = core.state.borrow();
    // Own calls may have been committed (which changes their provisional places), rebuilt or
    // failed meanwhile: cheaper to run again than to tell these apart.
    let own_changed = view.own.len() != state.view.own.len()
        || view
            .own
            .iter()
            .zip(&state.view.own)
            .any(|(a, b)| !Rc::ptr_eq(a, b));
    own_changed || touched_since(&state, since, reads)
}

/// Whether frames after `since` touch what was read; true also when that cannot be told.
#[must_use]
pub fn touched_since(state: &State, since: &Since, reads: &ReadSet) -> bool {
    // (Where a damaged log has lost frames, less is known than is remembered.)
    since.known != state.known && state.recent.touched(since, reads)
}
