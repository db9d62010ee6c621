//! The frame in flight, and what becomes of the group behind it.

use bytes::Bytes;
use std::rc::Rc;

use crate::backend::Id;
use crate::codec::batch::Batch;
use crate::codec::frame;
use crate::engine::core::bury;
use crate::engine::core::done::Verdict;
use crate::engine::core::group::{Call, Group, Seen};
use crate::engine::core::instance::Core;
use crate::engine::core::invariant::must;
use crate::engine::core::notice::Notice;

use crate::engine::core::state::State;
use crate::engine::keyspace::footprint::{Resolved, WriteSet};
use crate::engine::store::staging::keep_warm;
use crate::error::Error;

/// Whether the frame of this sequence is in flight.
pub fn is_flying(state: &State, sequence: u64) -> bool {
    flying(state) == Some(sequence)
}

/// The sequence of the frame in flight.
pub fn in_flight(core: &Rc<Core>) -> Option<u64> {
    flying(&core.state.borrow())
}

fn flying(state: &State) -> Option<u64> {
    let first = state.queue.groups.front()?;
    first.flight.as_ref().map(|flight| flight.sequence)
}

/// The life of the database is over, as a transaction saw that read `frames`: a frame in flight which it saw
/// came after the end, since the end leaves nothing in the log; so did one that was not under way when that
/// transaction was issued (`before`: the one that was).
pub fn recall_void(core: &Rc<Core>, before: Option<u64>, frames: &[(u64, Bytes)]) {
    let Some(sequence) = in_flight(core) else {
        return;
    };
    let is_it = |record: &Bytes| {
        let found = frame::open(record).map(|frame| frame.header);
        found.is_ok_and(|found| found.writer == core.writer && found.sequence == sequence)
    };
    if before != Some(sequence) || frames.iter().any(|(_, record)| is_it(record)) {
        see(&core.state.borrow(), sequence, Seen::Void(0));
        recall(core, sequence);
    }
}

/// Leaves word for the writer of the frame in flight, if it has this sequence.
pub fn see(state: &State, sequence: u64, seen: Seen) {
    let first = state.queue.groups.front();
    let flight = first.and_then(|group| group.flight.as_ref());
    if let Some(flight) = flight.filter(|flight| flight.sequence == sequence) {
        flight.sighting.leave(seen);
    }
}

/// Takes the frame of this sequence back: it is not in flight any more, and has no effect.
pub fn recall(core: &Rc<Core>, sequence: u64) {
    if let Some(group) = core.state.borrow_mut().queue.groups.front_mut() {
        group.flight.take_if(|flight| flight.sequence == sequence);
    }
}

/// Applies the frame in flight, whose number directly follows what is known.
pub fn apply_own(core: &Rc<Core>, sequence: u64, frame_bytes: usize, number: u64) {
    let taken = take_flying(&mut core.state.borrow_mut(), sequence);
    let Some((wall_ms, mut batch, records)) = taken else {
        must(core, false, "a commit has no frame in flight");
        return;
    };
    let changes_catalog = batch.changes_catalog;
    let (base, writes) = {
        let mut state = core.state.borrow_mut();
        let base = state.head.base;
        let fill = state.place(number, wall_ms, batch.stamps);
        batch.resolve(fill);
        keep_warm(core, records, fill);
        let writes = state.apply(
            &core.context.cache,
            number,
            (core.writer, sequence),
            &batch,
            frame_bytes,
        );
        state.recent.push(number, &writes);
        (base, writes)
    };
    landed(core, sequence, Some(base + number));
    if changes_catalog {
        core.state.borrow_mut().mark_made_under_another();
    }
    core.tell(&Notice::Commit {
        remote: false,
        writes,
    });
}

/// The wall time of a frame, its batch, and the segments to be kept warm.
type Flown = (u64, Batch, Vec<(Id, Bytes)>);

/// Takes out the batch of the frame in flight, if it is of this sequence and writes anything, and the segments to be
/// kept warm.
fn take_flying(state: &mut State, sequence: u64) -> Option<Flown> {
    let group = state.queue.groups.front_mut()?;
    let flight = group
        .flight
        .as_mut()
        .filter(|flight| flight.sequence == sequence)?;
    let batch = std::mem::take(&mut flight.batch);
    let wall_ms = flight.wall_ms;
    let records = group.ahead.take().map(|ahead| ahead.records);
    (!batch.is_empty()).then_some((wall_ms, batch, records.unwrap_or_default()))
}

/// The frame in flight is committed, as the frame base + number; `None` when it has been merged
/// and cut before its number could be learnt, or when there was nothing to write.
pub fn landed(core: &Rc<Core>, sequence: u64, frame: Option<u64>) {
    let (group, table) = {
        let mut state = core.state.borrow_mut();
        let first = state
            .queue
            .groups
            .front()
            .and_then(|group| group.flight.as_ref());
        match first {
            Some(flight) if flight.sequence == sequence => flight.sighting.leave(Seen::Committed),
            _ => return,
        }
        let Some(group) = state.queue.groups.pop_front() else {
            return;
        };
        state.turns.settled();
        let table = {
            let own = &mut Rc::make_mut(&mut state.view).own;
            if own.is_empty() {
                None
            } else {
                Some(own.remove(0))
            }
        };
        settle_places(&mut state, &group, frame);
        let mut landings = core.context.landings.borrow_mut();
        for (call, (id, offset)) in group.calls.iter().zip(group.slot_offsets()) {
            if call.slots > 0 {
                landings.note(id, frame, offset, call.slots);
            }
        }
        (group, table)
    };
    check_queue(core);
    let large = group.is_large();
    let mut calls = group.calls;
    calls
        .iter_mut()
        .for_each(|call| call.settle(Verdict::Committed));
    if large {
        bury::calls(core, calls, table);
    }
    core.tell_idle();
}

/// After a change of the queue: what is shown of it is of the groups that are there.
pub fn check_queue(core: &Rc<Core>) {
    let fits = core.state.borrow().shows_its_queue();
    must(core, fits, "what is shown is not what is queued");
}

/// Fills in, in the calls behind, the places that the landed group took.
fn settle_places(state: &mut State, group: &Group, frame: Option<u64>) {
    if group.calls.iter().all(|call| call.slots == 0) {
        return;
    }
    let Some(frame) = frame else {
        state.mark_all_stale();
        return;
    };
    let resolved: Resolved = group
        .slot_offsets()
        .map(|(call, offset)| (call, (frame, offset)))
        .collect();
    let mut changed = Vec::new();
    for (at, group) in state.queue.groups.iter_mut().enumerate() {
        if group.cites_any(&resolved) && group.resolve(&resolved) {
            changed.push((at, Rc::new(group.memtable())));
        }
    }
    let own = &mut Rc::make_mut(&mut state.view).own;
    for (at, table) in changed {
        if let Some(place) = own.get_mut(at) {
            *place = table;
        }
    }
}

/// After a cut of frames that were not seen: was the one in flight among them?
pub fn find_cut(core: &Rc<Core>) {
    let found = {
        let state = core.state.borrow();
        let merged = state.head.sequence_of(core.writer);
        flying(&state).filter(|sequence| merged >= Some(*sequence))
    };
    if let Some(sequence) = found {
        landed(core, sequence, None);
    }
}

/// Divides the first group into two, which are tried apart.
pub fn split_first(core: &Rc<Core>) {
    let mut state = core.state.borrow_mut();
    let Some(mut group) = state.queue.groups.pop_front() else {
        return;
    };
    let behind = group.calls.split_off(group.calls.len() / 2);
    let [behind, before] = [behind, group.calls].map(Group::of_calls);
    let tables = [&before, &behind].map(|group| Rc::new(group.memtable()));
    state.replace_table(0, tables);
    state.queue.groups.push_front(behind);
    state.queue.groups.push_front(before);
    drop(state);
    check_queue(core);
}

/// Rejects the calls of the first group, if it is the one that begins with call `first`; what was built on them
/// runs again.
pub fn fail_group(core: &Rc<Core>, first: u64, error: &Error) {
    let is_it = |group: &Group| group.calls.first().is_some_and(|call| call.id == first);
    let group = {
        let mut state = core.state.borrow_mut();
        if state.queue.groups.front().is_some_and(is_it) {
            state.replace_table(0, None);
            state.queue.groups.pop_front()
        } else {
            None
        }
    };
    reject(core, group.map(|group| group.calls), error);
}

/// Rejects one call of the groups, none of which is in flight.
pub fn fail_call(core: &Rc<Core>, id: u64, error: &Error) {
    let call = take_out(&mut core.state.borrow_mut(), id);
    reject(core, call, error);
}

fn take_out(state: &mut State, id: u64) -> Option<Vec<Call>> {
    let mut groups = state.queue.groups.iter_mut().enumerate();
    let (at, call, left) = groups.find_map(|(at, group)| {
        let place = group.calls.iter().position(|call| call.id == id)?;
        let call = group.calls.remove(place);
        group.bytes = group.bytes.saturating_sub(call.bytes);
        group.ahead = None;
        let left = (!group.calls.is_empty()).then(|| Rc::new(group.memtable()));
        Some((at, call, left))
    })?;
    if left.is_none() {
        state.queue.groups.remove(at);
    }
    state.replace_table(at, left);
    Some(vec![call])
}

/// Tells calls that were taken out of the groups.
fn reject(core: &Rc<Core>, calls: Option<Vec<Call>>, error: &Error) {
    let Some(mut calls) = calls else { return };
    {
        let mut state = core.state.borrow_mut();
        state.turns.settled();
        let mut writes = WriteSet::default();
        calls.iter().for_each(|call| writes.add_ops(&call.ops));
        // planted: failed-alone
        state.mark_stale(&writes);
        state.interests.tell_all();
    }
    check_queue(core);
    for call in &mut calls {
        call.settle(Verdict::Failed(error.clone()));
    }
    core.tell_idle();
}
