//! How calls enter the queue: at once on warm data, else in a line that keeps program order.

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use std::cell::RefCell;
use std::rc::Rc;

use super::drafting::{Drafted, guarded, is_plain};
use super::line::{accept, serve, serve_from};
use crate::engine::core::done::{Done, Verdict, told};
use crate::engine::core::fitting::view_to_come;
use crate::engine::core::group::Work;
use crate::engine::core::instance::Core;
use crate::engine::core::queue::{Submission, Waiting};
use crate::engine::core::slot::Slot;
use crate::engine::keyspace::access::{Answer, ReadWork, Stop, WriteWork};
use crate::engine::keyspace::draft::Draft;
use crate::engine::keyspace::snapshot::Snapshot;
use crate::engine::keyspace::view::View;
use crate::engine::log::reading::run_read;
use crate::engine::upkeep::poll;
use crate::error::{Error, Result};

/// Runs reading work now, if nothing earlier is waiting and the data are warm.
pub fn read<T: 'static>(core: &Rc<Core>, work: ReadWork<T>) -> Answer<T> {
    if let Err(error) = core.check_open() {
        return Answer::Ready(Err(error));
    }
    poll::before_read(core);
    if core.state.borrow().queue.is_held() {
        return Answer::Later(read_in_turn(core, work));
    }
    read_view(core, core.view(), work, false)
}

/// Runs reading work on what is committed, whatever this realm has pending.
pub fn read_committed<T: 'static>(core: &Rc<Core>, work: ReadWork<T>) -> Answer<T> {
    if let Err(error) = core.check_open() {
        return Answer::Ready(Err(error));
    }
    read_view(core, core.view().committed(), work, true)
}

fn read_view<T: 'static>(
    core: &Rc<Core>,
    view: Rc<View>,
    mut work: ReadWork<T>,
    committed: bool,
) -> Answer<T> {
    let mut snapshot = Snapshot::new(core.context.clone(), view);
    match work(&mut snapshot) {
        Ok(value) => Answer::Ready(Ok(value)),
        Err(Stop::Fail(error)) => Answer::Ready(Err(error)),
        Err(Stop::Need(_) | Stop::Yield) => {
            let (work, slot) = Slot::around_read(work);
            snapshot.go_on();
            // planted: two-nows
            Answer::Later(slot.after(run_read(core.clone(), snapshot, work, committed)))
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
        let snapshot = Snapshot::new(core.context.clone(), view);
        run_read(core, snapshot, work, false).await
    };
    slot.after(done.boxed_local())
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
        done.tell(Verdict::Failed(error));
        return;
    }
    core.pace.note_use();
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
        Ok(()) if is_plain(core, &drafted.draft) => {
            accept(core, submission, drafted, None);
        }
        Err(Stop::Fail(error)) => {
            serve(core);
            submission.done.tell(Verdict::Failed(error));
        }
        // Not ready, or more than that: finished in the line, where it holds its place.
        unfinished => {
            let seed = unfinished.is_ok().then_some(drafted);
            let item = Waiting::Write(Box::new(submission));
            core.state.borrow_mut().queue.line.push_front(item);
            serve_from(core, seed);
        }
    }
}
