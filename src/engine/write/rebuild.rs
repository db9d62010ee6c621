//! Running uncommitted calls again whose reads were overtaken, in program order.

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use std::rc::Rc;

use crate::codec::batch::Op;
use crate::engine::core::done::Verdict;
use crate::engine::core::group::{Ahead, Call, Group};
use crate::engine::core::instance::Core;
use crate::engine::core::queue::{Submission, Waiting};

use crate::engine::core::loading::LoadError;
use crate::engine::keyspace::draft::Draft;
use crate::engine::keyspace::memtable::Memtable;
use crate::engine::keyspace::view::View;
use crate::engine::log::flight::{check_queue, fail_call};
use crate::engine::log::reload;
use crate::engine::store::garbage;
use crate::engine::store::load::run_attempts;

/// Rebuilds the queue: stale calls run again, and those that read what such a call wrote before
/// or writes now; the others keep their operations. Newcomers wait in line meanwhile, and no
/// frame is taken in.
pub fn rebuild<'a>(core: &'a Rc<Core>) -> LocalBoxFuture<'a, ()> {
    // Boxed, so that its state is not part of every caller's.
    rebuild_now(core).boxed_local()
}

async fn rebuild_now(core: &Rc<Core>) {
    let pass = core.intake.enter().await;
    let groups = {
        let mut state = core.state.borrow_mut();
        state.queue.hold += 1;
        let first = state.queue.groups.front();
        let first = first.and_then(|group| group.calls.first());
        state.queue.rebuilt_from = first.map(|call| call.id);
        std::mem::take(&mut state.queue.groups)
    };
    let tables = core.view().own.clone();
    let mut rebuilt = Rebuilt::new(core);
    let mut missed = None;
    for (group, table) in groups.into_iter().zip(tables) {
        let stale = group.calls.iter().any(|call| rebuilt.is_stale(call));
        if !stale && rebuilt.in_line.is_empty() {
            // With its memtable, and what has been written ahead of it.
            rebuilt.keep_group(group, table);
            continue;
        }
        if let Some(ahead) = group.ahead {
            discard(core, ahead);
        }
        for call in group.calls {
            if !rebuilt.in_line.is_empty() {
                rebuilt.put_in_line(call);
            } else if missed.is_none() {
                missed = rebuilt.take(core, call).await;
            } else {
                rebuilt.put_off(call);
            }
        }
    }
    {
        let mut state = core.state.borrow_mut();
        state.queue.rebuilt_from = None;
        state.replace_own(rebuilt.own);
        state.queue.groups = rebuilt.groups.into();
        for item in rebuilt.in_line.into_iter().rev() {
            state.queue.line.push_front(item);
        }
        // Closing has ended every hold; the committer then finds the groups and fails them.
        state.queue.hold = state.queue.hold.saturating_sub(1);
        state.queue.has_stale();
    }
    check_queue(core);
    if let Some(call) = missed
        && let Err(error) = reload::reload(core, &pass).await
    {
        // It lacks what cannot be had.
        fail_call(core, call, &error);
    }
    drop(pass);
    core.tell_idle();
    core.serve();
}

/// Deletes what was written ahead of a batch that is not that any more: no frame cites it that counts.
fn discard(core: &Rc<Core>, ahead: Ahead) {
    let inner = core.clone();
    let delete = async move {
        garbage::delete(&inner, &ahead.written).await;
    };
    core.env().spawn(delete.boxed_local());
}

struct Rebuilt {
    committed: View,
    groups: Vec<Group>,
    own: Vec<Rc<Memtable>>,
    /// What calls that run again wrote before, or write now.
    dirty: Memtable,
    /// Calls that go back into the line.
    in_line: Vec<Waiting>,
}

impl Rebuilt {
    fn new(core: &Rc<Core>) -> Self {
        let mut committed = View::clone(&core.view());
        committed.own.clear();
        Self {
            committed,
            groups: Vec::new(),
            own: Vec::new(),
            dirty: Memtable::default(),
            in_line: Vec::new(),
        }
    }

    fn soil(&mut self, ops: &[Op]) {
        ops.iter().for_each(|op| self.dirty.apply(op));
    }

    fn is_stale(&self, call: &Call) -> bool {
        call.stale || call.reads.meets_table(&self.dirty)
    }

    fn keep_group(&mut self, mut group: Group, table: Rc<Memtable>) {
        group.flight = None;
        // planted: group-forgotten
        self.groups.push(group);
        self.own.push(table);
    }

    /// Has a call begin anew in the line, and with it all that come behind it.
    fn put_in_line(&mut self, mut call: Call) {
        let mut done = std::mem::take(&mut call.done);
        let (id, work) = (call.id, call.work);
        match work {
            Some(work) => {
                let submission = Submission { id, work, done };
                self.in_line.push(Waiting::Write(Box::new(submission)));
            }
            // A transaction, which its driver begins anew.
            None => done.tell(Verdict::Conflict),
        }
    }

    /// Keeps what a call has, to be run again later if that is stale: another rebuild does not know what was
    /// dirty in this one.
    fn put_off(&mut self, mut call: Call) {
        call.stale = self.is_stale(&call);
        if call.stale {
            self.soil(&call.ops);
        }
        self.keep(call);
    }

    fn keep(&mut self, call: Call) {
        if !self.groups.last().is_some_and(|group| group.takes(&call)) {
            self.groups.push(Group::default());
            self.own.push(Rc::default());
        }
        if let (Some(group), Some(own)) = (self.groups.last_mut(), self.own.last_mut()) {
            let own = Rc::make_mut(own);
            call.ops.iter().for_each(|op| own.apply(op));
            group.push(call);
        }
    }

    /// Runs a call again, if it is stale. Its number, when a record was missing that a flip may have replaced.
    async fn take(&mut self, core: &Rc<Core>, mut call: Call) -> Option<u64> {
        if !self.is_stale(&call) {
            self.keep(call);
            return None;
        }
        self.soil(&call.ops);
        let Some(work) = call.work.clone() else {
            call.settle(Verdict::Conflict);
            return None;
        };
        let mut view = self.committed.clone();
        view.own = self.own.clone();
        let mut draft = Draft::new(core.context.clone(), Rc::new(view), call.id);
        let mut first = true;
        let attempt = || {
            if !std::mem::take(&mut first) {
                draft.again();
            }
            (work.borrow_mut())(&mut draft)
        };
        match run_attempts(core, attempt).await {
            Ok(()) => {
                // planted: changing-kept
                let is_alone = draft.changes_catalog && !call.changes_catalog;
                if is_alone || core.lacks(draft.needs()) {
                    // It is another kind of call now, of which those behind it have to wait for the end.
                    drop(draft);
                    self.put_in_line(call);
                    return None;
                }
                self.soil(&draft.ops);
                // Lets go of the view, so that the memtable is changed in place.
                call.take(draft);
                self.keep(call);
            }
            Err(LoadError::Missing) if call.missed_in != Some(self.committed.root.epoch) => {
                call.missed_in = Some(self.committed.root.epoch);
                call.stale = true;
                let missed = call.id;
                self.keep(call);
                return Some(missed);
            }
            Err(LoadError::Missing) => {
                // Nothing has replaced it since.
                call.settle(Verdict::Failed(LoadError::Missing.into_error()));
            }
            Err(LoadError::Fail(error)) => call.settle(Verdict::Failed(error)),
        }
        None
    }
}
