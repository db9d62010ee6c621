//! The line: calls that are not ready, and what came behind them, in program order.

use futures_util::FutureExt;
use std::rc::Rc;

use super::barrier::{comes_later, settled_alone};
use super::drafting::{Drafted, large_table, run_draft};
use super::enqueue::enqueue;
use super::prepared;
use super::switch_on::switch_on;
use crate::engine::core::bury::Made;
use crate::engine::core::done::Verdict;
use crate::engine::core::group::Call;
use crate::engine::core::instance::Core;
use crate::engine::core::queue::{Submission, Waiting};
use crate::engine::upkeep::poll;

/// Serves the line, unless it is being served.
pub fn serve(core: &Rc<Core>) {
    serve_from(core, None);
}

/// The same; `seed`: the draft of the first call, if it has one.
pub fn serve_from(core: &Rc<Core>, mut seed: Option<Drafted>) {
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
        if comes_later(core, submission.id) {
            let item = Waiting::Write(Box::new(submission));
            core.state.borrow_mut().queue.put_back(item);
            return;
        }
        match done.and_then(|drafted| core.check_open_or_closing().map(|()| drafted)) {
            Ok(drafted) => {
                // planted: overtaken
                if drafted.is_overtaken(core) {
                    continue;
                }
                let needs = drafted.draft.needs();
                if core.lacks(needs) {
                    match switch_on(core, needs).await {
                        Ok(()) => continue,
                        Err(error) => return submission.done.tell(Verdict::Failed(error)),
                    }
                }
                let is_alone = drafted.draft.changes_catalog;
                if is_alone && core.state.borrow().queue.has_groups() {
                    core.settled_before().await;
                    seed = Some(drafted);
                    continue;
                }
                accept(core, submission, drafted, table);
                return settled_alone(core, is_alone).await;
            }
            Err(error) => return submission.done.tell(Verdict::Failed(error)),
        }
    }
}

/// Puts a finished draft into the queue.
pub fn accept(core: &Rc<Core>, submission: Submission, drafted: Drafted, table: Option<Made>) {
    let Submission { id, work, done } = submission;
    let Drafted { draft, view, .. } = drafted;
    let call = Call::of_draft(id, draft, Some(work), done);
    // Nobody holds what was seen when the gathering memtable is changed: it would be copied.
    drop(view);
    enqueue(core, call, table.map(Made::take));
    serve(core);
}
