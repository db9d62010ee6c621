//! Putting calls into the queue.

use std::rc::Rc;

use crate::codec::order::PROVISIONAL;
use crate::engine::core::done::Verdict;
use crate::engine::core::group::{Call, Group};
use crate::engine::core::instance::Core;
use crate::engine::core::state::State;
use crate::engine::keyspace::footprint::WriteSet;
use crate::engine::keyspace::memtable::Memtable;
use crate::engine::log::flight::check_queue;

/// Adds a call to the gathering group, or to a new one, and sees to it that it gets committed.
pub fn enqueue(core: &Rc<Core>, mut call: Call, table: Option<Memtable>) {
    let mut state = core.state.borrow_mut();
    if call.ops.is_empty() && state.queue.groups.is_empty() {
        drop(state);
        // It wrote nothing and read only what is committed.
        call.settle(Verdict::Committed);
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
        // planted: untold-call
        None => interests.tell(&call.ops, PROVISIONAL + call.id),
    }
    let own = &mut Rc::make_mut(view).own;
    let joins = table.is_none() && queue.groups.back().is_some_and(|group| group.takes(&call));
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
    check_queue(core);
    core.commit();
}

/// Puts a call before all that are queued, none of which has been sent: those that read what it writes run again.
pub fn enqueue_first(core: &Rc<Core>, call: Call, table: Option<Memtable>) {
    {
        let mut state = core.state.borrow_mut();
        let mut writes = WriteSet::default();
        writes.add_ops(&call.ops);
        // planted: turn-alone
        state.mark_stale(&writes);
        let mut group = Group::default();
        group.push(call);
        let mut own = state.view.own.clone();
        own.insert(0, Rc::new(table.unwrap_or_else(|| group.memtable())));
        state.queue.groups.push_front(group);
        state.replace_own(own);
    }
    check_queue(core);
    core.commit();
}
