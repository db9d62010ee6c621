//! How a transaction's batch enters the queue: at once, or, where it is large or something waits, in the line, made
//! ready in slices.

use std::rc::Rc;

use super::bury;
use super::core::Core;
use super::done::{Done, Outcome};
use super::draft::{Draft, renumber};
use super::footprint::{ReadSet, Writes};
use super::memtable::Memtable;
use super::queue::{Call, Prepared, Waiting};
use super::submit::{self, SLICE_OPS};

/// Issues the batch of a transaction that began when `since` was the last frame known; its places in the order of
/// insertion are those of the call `drafted_as`. `done` is told of a conflict too.
pub fn issue(core: &Rc<Core>, draft: Draft, drafted_as: u64, since: u64, done: Done) {
    let (id, held) = {
        let mut state = core.state.borrow_mut();
        // Its insertions come after those of the calls that were queued while it ran.
        state.last_call += 1;
        (state.last_call, state.queue.is_held())
    };
    let mut prepared = Prepared {
        id,
        draft,
        drafted_as,
        since,
        done,
    };
    if held || submit::is_large(&prepared.draft) {
        let item = Waiting::Prepared(Box::new(prepared));
        core.state.borrow_mut().queue.line.push_back(item);
        submit::serve(core);
    } else {
        renumber(&mut prepared.draft.ops, drafted_as, id);
        admit(core, prepared, None);
    }
}

/// Makes a batch ready and puts it into the queue; back into the line where the queue is being rebuilt.
pub async fn finish(core: &Rc<Core>, mut prepared: Box<Prepared>) {
    let (from, to) = (prepared.drafted_as, prepared.id);
    if prepared.draft.slots > 0 && from != to {
        for slice in prepared.draft.ops.chunks_mut(SLICE_OPS) {
            renumber(slice, from, to);
            core.env().yield_now().await;
        }
    }
    prepared.drafted_as = to;
    let table = submit::large_table(core, &prepared.draft).await;
    if let Err(error) = core.check_open_or_closing() {
        return prepared.done.tell(Outcome::Failed(error));
    }
    if core.state.borrow().queue.hold > 0 {
        let item = Waiting::Prepared(prepared);
        core.state.borrow_mut().queue.line.push_front(item);
        return;
    }
    admit(core, *prepared, table);
}

fn admit(core: &Rc<Core>, prepared: Prepared, table: Option<Memtable>) {
    let Prepared {
        id,
        mut draft,
        since,
        mut done,
        ..
    } = prepared;
    if touched(core, since, &draft.reads) {
        bury::draft(core, draft);
        bury::table(core, table.map(Rc::new));
        done.tell(Outcome::Conflict);
        return;
    }
    bury::table(core, draft.take_shown());
    submit::enqueue(core, Call::of_draft(id, draft, None, done), table);
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
            let mut writes = Writes::default();
            writes.add_ops(&call.ops);
            reads.meets(&writes)
        });
    queued || submit::touched_since(&state, since, reads)
}
