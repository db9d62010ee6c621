//! How a transaction's batch enters the queue: at once, or, where it is large or something waits, in the line, made
//! ready in slices.

use std::rc::Rc;

use super::barrier::{comes_later, settled_alone};
use super::drafting::{SLICE_OPS, is_plain, large_table, touched_since};
use super::enqueue::{enqueue, enqueue_first};
use super::switch_on::switch_on;
use super::turn;
use crate::backend::Id;
use crate::engine::core::bury::Made;
use crate::engine::core::done::{Done, Verdict};
use crate::engine::core::group::Call;
use crate::engine::core::instance::Core;
use crate::engine::core::queue::{Prepared, Waiting};
use crate::engine::core::recent::Since;
use crate::engine::keyspace::draft::{Draft, renumber};
use crate::engine::keyspace::read_set::ReadSet;
use crate::engine::log::flight;

/// Issues the batch of a transaction that began as the call `began.0`, at the moment `began.1`; the places
/// in the order of insertion are that call's. `ticket`: of the turn that it has. `done` is told of a conflict too.
pub fn issue(core: &Rc<Core>, draft: Draft, began: (u64, Since), ticket: Option<Id>, done: Done) {
    let (drafted_as, since) = began;
    let (id, held) = {
        let mut state = core.state.borrow_mut();
        // Its insertions come after those of the calls that were queued while it ran.
        state.last_call += 1;
        (state.last_call, state.queue.is_held())
    };
    let mut prepared = Box::new(Prepared {
        id,
        draft,
        drafted_as,
        since,
        ticket,
        done,
    });
    if held || !is_plain(core, &prepared.draft) {
        let item = Waiting::Prepared(prepared);
        core.state.borrow_mut().queue.line.push_back(item);
        core.serve();
    } else if goes_first(core, &prepared) {
        admit_first(core, *prepared, None);
    } else {
        renumber(&mut prepared.draft.ops, drafted_as, id);
        note_number(core, &prepared);
        admit(core, *prepared, None);
    }
}

/// Makes a batch ready and puts it into the queue; back into the line where the queue is being rebuilt.
pub async fn finish(core: &Rc<Core>, mut prepared: Box<Prepared>) {
    loop {
        let table = large_table(core, &prepared.draft).await;
        if let Err(error) = core.check_open_or_closing() {
            return prepared.done.tell(Verdict::Failed(error));
        }
        if comes_later(core, prepared.id) {
            let item = Waiting::Prepared(prepared);
            core.state.borrow_mut().queue.put_back(item);
            return;
        }
        if let Some(ticket) = prepared.ticket {
            turn::commits(core, ticket);
        }
        let needs = prepared.draft.needs();
        if core.lacks(needs) {
            if let Err(error) = switch_on(core, needs).await {
                return prepared.done.tell(Verdict::Failed(error));
            }
            // It was made as if that were on.
            prepared.since.features = prepared.since.features.and(needs);
            continue;
        }
        if goes_first(core, &prepared) {
            return admit_first(core, *prepared, table);
        }
        let (from, to) = (prepared.drafted_as, prepared.id);
        let is_alone = prepared.draft.changes_catalog;
        if is_alone && core.state.borrow().queue.has_groups() {
            core.settled_before().await;
            continue;
        }
        if from == to || prepared.draft.slots == 0 {
            admit(core, *prepared, table);
            return settled_alone(core, is_alone).await;
        }
        drop(table);
        note_number(core, &prepared);
        for slice in prepared.draft.ops.chunks_mut(SLICE_OPS) {
            renumber(slice, from, to);
            core.env().yield_now().await;
        }
        prepared.drafted_as = to;
    }
}

/// Whoever knows its places by the number under which it was drafted must find where they land.
fn note_number(core: &Core, prepared: &Prepared) {
    let (from, to) = (prepared.drafted_as, prepared.id);
    if from != to && prepared.draft.slots > 0 {
        core.context.landings.borrow_mut().renumber(from, to);
    }
}

/// Whether it goes before the calls that were queued while it ran, in its turn.
fn goes_first(core: &Rc<Core>, prepared: &Prepared) -> bool {
    let Some(ticket) = prepared.ticket else {
        return false;
    };
    turn::commits(core, ticket);
    // What changes the catalog goes before nothing: what is queued would be shown over a catalog that only pends.
    let may = !prepared.draft.changes_catalog;
    may && prepared.drafted_as != prepared.id && flight::in_flight(core).is_none()
}

fn admit_first(core: &Rc<Core>, mut prepared: Prepared, table: Option<Made>) {
    // planted: turn-blind
    let touched = touched_since(&core.state.borrow(), &prepared.since, &prepared.draft.reads);
    prepared.id = prepared.drafted_as;
    if let Some((call, table)) = call_of(prepared, table, touched) {
        enqueue_first(core, call, table.map(Made::take));
    }
}

fn admit(core: &Rc<Core>, prepared: Prepared, table: Option<Made>) {
    let touched = touched(core, &prepared.since, &prepared.draft.reads);
    if let Some((call, table)) = call_of(prepared, table, touched) {
        enqueue(core, call, table.map(Made::take));
    }
}

/// The call that it comes to, unless what it read has been touched.
fn call_of(prepared: Prepared, table: Option<Made>, touched: bool) -> Option<(Call, Option<Made>)> {
    let Prepared {
        id,
        draft,
        mut done,
        ..
    } = prepared;
    if touched {
        done.tell(Verdict::Conflict);
        return None;
    }
    Some((Call::of_draft(id, draft, None, done), table))
}

/// Whether anything since the snapshot touches what was read: frames taken in, or own calls
/// that are queued now (none was when it began).
fn touched(core: &Rc<Core>, since: &Since, reads: &ReadSet) -> bool {
    let state = core.state.borrow();
    let own = &state.view.own;
    own.iter().any(|queued| reads.meets_table(queued)) || touched_since(&state, since, reads)
}
