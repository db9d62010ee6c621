//! The committer: one frame in flight at a time, sealed before its transaction opens.

use bytes::Bytes;
use futures_util::FutureExt;
use std::rc::Rc;

use super::core::{Core, Reason, State};
use super::done::Outcome;
use super::flip;
use super::footprint::{Resolved, Writes};
use super::intake;
use super::maintain;
use super::memtable::Memtable;
use super::notice::Notice;
use super::queue::{Call, Flight, Group};
use super::rebuild;
use super::recover::{self, Sent};
use super::room;
use super::staging::keep_warm;
use super::write_ahead;
use crate::backend::{Append, Appended, Durability, Failure, Id, Key};
use crate::codec::batch::{Batch, Op, OpValue};
use crate::codec::cell::PieceRef;
use crate::codec::frame::{self, FrameHeader};
use crate::codec::head::Head;
use crate::codec::seal::{self, Kind};
use crate::error::{Error, Result};

/// A value above this many bytes is stored as a piece.
pub const PIECE_BYTES: usize = 64 << 10;
/// Chromium keeps records above this many bytes as files of their own (or a little below: what is
/// stored says what it is).
const FILE_BYTES: usize = 60 << 10;

/// So many dependent frames name their numbers after one has lost a race: of several tabs that do so, one always
/// gets on, since a frame that fails for its number uses none up.
const CONTENDED: u32 = 16;

/// Operations of a large batch that are dropped at once.
const BURY_OPS: usize = 5_000;

/// Starts the committer, if it does not run.
pub fn start(core: &Rc<Core>) {
    {
        let mut state = core.state.borrow_mut();
        if state.queue.committing || state.queue.groups.is_empty() {
            return;
        }
        state.queue.committing = true;
    }
    let inner = core.clone();
    core.env().spawn(
        async move {
            while !inner.state.borrow().queue.groups.is_empty() {
                if let Err(error) = commit_first(&inner).await {
                    fail_first(&inner, &error);
                }
            }
            inner.state.borrow_mut().queue.committing = false;
            inner.tell_idle();
        }
        .boxed_local(),
    );
}

/// A frame ready to be appended.
struct Sealed {
    header: FrameHeader,
    frame: Bytes,
    pieces: Vec<(Id, Bytes)>,
    /// The number that the log is made to go on from.
    at: Option<u64>,
    epoch: u64,
}

impl Sealed {
    /// Whether any record of it is so large that the browser keeps it in a file of its own. Chromium flushes
    /// such a file with the transaction that writes it or never: after a cut of power, a later
    /// commit would be there and this one in part, even after a `flush`.
    fn is_large(&self) -> bool {
        self.frame.len() > FILE_BYTES || !self.pieces.is_empty()
    }
}

/// Brings the first group of the queue to its end, or makes one step towards it (a rebuild, a
/// split): the caller calls again while there are groups.
async fn commit_first(core: &Rc<Core>) -> Result<()> {
    core.check_open_or_closing()?;
    if core.state.borrow().lost {
        recover::reconnect(core, &core.backend()).await?;
    }
    maintain::relieve(core).await;
    if has_stale(core) {
        return rebuild::rebuild(core).await;
    }
    let Some(sealed) = seal_first(core).await? else {
        return Ok(());
    };
    if has_stale(core) {
        // Overtaken while a large batch was written ahead.
        ground(core);
        return Ok(());
    }
    let mut uncertain = false;
    let sent = send(core, &sealed, &mut uncertain).await;
    if uncertain && is_in_flight(core, sealed.header.sequence) {
        // It may have taken effect, whatever it was that failed afterwards. With a patch that is deleted, its
        // effect is gone.
        if core.state.borrow().closed == Some(Reason::Deleted) {
            return sent;
        }
        return sent.map_err(|error| recover::outcome_unknown(&error));
    }
    sent
}

/// Appends the frame until its outcome is known.
async fn send(core: &Rc<Core>, sealed: &Sealed, uncertain: &mut bool) -> Result<()> {
    let mut room = room::Attempts::new(frees_room(core));
    let mut resent = false;
    loop {
        let required = sealed.header.required;
        if required != 0 && required != core.state.borrow().known + 1 {
            // It would be void.
            ground(core);
            return Ok(());
        }
        let bytes = sealed.frame.len() + sealed.pieces.iter().map(|(_, b)| b.len()).sum::<usize>();
        core.count_written(bytes);
        let append = Append {
            frame: sealed.frame.clone(),
            at: sealed.at,
            pieces: sealed.pieces.clone(),
        };
        let durability = if sealed.is_large() {
            Durability::Strict
        } else {
            core.options.durability
        };
        let pending = core.backend().append(append, durability);
        match recover::unless_lost(core, pending.await).await {
            Ok(appended) => {
                *uncertain = true;
                return appended_first(core, sealed, &appended, resent).await;
            }
            Err(Failure::Taken) => {
                // Perhaps by this very frame, sent before and thought lost: so it stays in flight
                // until the frames between are taken in. Then it is sealed anew; stale calls run
                // again first.
                *uncertain = resent;
                intake::take_in(core).await?;
                *uncertain = false;
                ground(core);
                return Ok(());
            }
            Err(Failure::Lost) => {
                *uncertain = true;
                if recover::resolve(core, sealed.header.sequence, sealed.epoch).await? {
                    return Ok(());
                }
                // Absent and nothing of this writer can have been forgotten: the same again.
                *uncertain = false;
                resent = true;
            }
            Err(Failure::Quota(_)) if calls_in_first(core) > 1 => {
                split_first(core);
                return Ok(());
            }
            Err(Failure::Quota(cause)) => {
                if !room.make_room(core).await {
                    return Err(recover::error_of(core, Failure::Quota(cause)).await);
                }
            }
            Err(failure) => return Err(recover::error_of(core, failure).await),
        }
    }
}

/// What follows when the transaction has completed.
async fn appended_first(
    core: &Rc<Core>,
    sealed: &Sealed,
    appended: &Appended,
    resent: bool,
) -> Result<()> {
    {
        let mut state = core.state.borrow_mut();
        state.repair_log = false;
        if sealed.header.required != 0 {
            state.contended = state.contended.saturating_sub(1);
        }
    }
    let FrameHeader {
        sequence, required, ..
    } = sealed.header;
    if follows(core, sealed, appended) {
        apply_own(core, sealed, appended.number);
    } else if is_in_flight(core, sequence) {
        // Frames of others lie between. Not before they are taken in, and this one with them, is it
        // acknowledged: a tab sees what it was told.
        let other_number = required != 0 && required != appended.number;
        let lost_race = !resent && (other_number || agrees(sealed, appended) == Some(false));
        let epoch = sealed.epoch;
        if !recover::look(core, Sent { sequence, epoch }, appended.number, lost_race).await? {
            void(core, sealed, appended.number);
        }
    }
    core.backend().notify();
    maintain::consider(core);
    Ok(())
}

/// Whether a frame that was appended counts, as far as can be told without looking: it directly follows what
/// is known, and nothing that makes it void can have come before, since that uses up a number of the log.
fn follows(core: &Rc<Core>, sealed: &Sealed, appended: &Appended) -> bool {
    let state = core.state.borrow();
    let required = sealed.header.required;
    state.looked
        && appended.number == state.known + 1
        && counts_under(&state.head, sealed, appended.number)
        && (required == 0 || required == appended.number)
        && (sealed.at.is_none() || agrees(sealed, appended) == Some(true))
        && is_flying(&state, sealed.header.sequence)
}

/// A number that was asked for tells nothing: whether the head that was read with it agrees.
fn agrees(sealed: &Sealed, appended: &Appended) -> Option<bool> {
    let head = Head::decode(appended.head.as_ref()?).ok()?;
    Some(counts_under(&head, sealed, appended.number))
}

fn counts_under(head: &Head, sealed: &Sealed, number: u64) -> bool {
    head.incarnation == sealed.header.incarnation
        && head.generation == sealed.header.generation
        && head.position < number
}

/// The frame in flight is void for everybody: its calls are sealed anew. Its pieces are not referred to.
fn void(core: &Rc<Core>, sealed: &Sealed, number: u64) {
    {
        let mut state = core.state.borrow_mut();
        // The log's numbers have started over: naming the next one explicitly sets them right.
        state.repair_log = number <= state.head.position;
        if sealed.header.required != 0 {
            state.contended = CONTENDED;
        }
    }
    ground(core);
    let pieces = sealed.pieces.iter().map(|(id, _)| Key::Piece(*id));
    let pieces: Vec<_> = pieces.collect();
    if !pieces.is_empty() {
        let inner = core.clone();
        let delete = async move { flip::delete(&inner, &pieces).await };
        core.env().spawn(delete.boxed_local());
    }
}

/// Whether the first group only removes.
fn frees_room(core: &Rc<Core>) -> bool {
    let state = core.state.borrow();
    let mut ops = state
        .queue
        .groups
        .iter()
        .take(1)
        .flat_map(|g| &g.calls)
        .flat_map(|c| &c.ops);
    ops.all(|op| !matches!(op, Op::Put(..)))
}

fn has_stale(core: &Rc<Core>) -> bool {
    core.state
        .borrow()
        .queue
        .groups
        .iter()
        .flat_map(|group| &group.calls)
        .any(|call| call.stale)
}

fn calls_in_first(core: &Rc<Core>) -> usize {
    core.state
        .borrow()
        .queue
        .groups
        .front()
        .map_or(0, |group| group.calls.len())
}

/// Whether the frame of this sequence is in flight.
pub fn is_in_flight(core: &Rc<Core>, sequence: u64) -> bool {
    is_flying(&core.state.borrow(), sequence)
}

fn is_flying(state: &State, sequence: u64) -> bool {
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
pub fn ground_void(core: &Rc<Core>, before: Option<u64>, frames: &[(u64, Bytes)]) {
    let Some(sequence) = in_flight(core) else {
        return;
    };
    let is_it = |record: &Bytes| {
        let decoded = frame::decode_header(record);
        decoded.is_ok_and(|(found, _)| found.writer == core.writer && found.sequence == sequence)
    };
    if before != Some(sequence) || frames.iter().any(|(_, record)| is_it(record)) {
        ground(core);
    }
}

/// The first group is not in flight any more.
fn ground(core: &Rc<Core>) {
    if let Some(group) = core.state.borrow_mut().queue.groups.front_mut() {
        group.flight = None;
    }
}

/// Makes the first group's frame; `None` when it had nothing to write.
async fn seal_first(core: &Rc<Core>) -> Result<Option<Sealed>> {
    let (ops, large, dependent, mut header) = {
        let mut state = core.state.borrow_mut();
        state.sequence += 1;
        // The generation under which the work of sealing begins: what is written ahead from now on
        // may be collected by a flip that raises it, and then the frame must be void.
        let header = FrameHeader {
            incarnation: state.head.incarnation,
            generation: state.head.generation,
            writer: core.writer,
            sequence: state.sequence,
            wall_ms: core.env().now_ms(),
            required: 0,
        };
        let Some(group) = state.queue.groups.front_mut() else {
            return Ok(None);
        };
        // From here on nothing joins it.
        group.flight = Some(Flight {
            sequence: header.sequence,
            batch: Batch::default(),
            void_at: None,
        });
        let large = group.is_large();
        let ops = if large { Vec::new() } else { group.batch_ops() };
        (ops, large, group.is_dependent(), header)
    };
    if !large && ops.is_empty() {
        landed(core, header.sequence, None);
        return Ok(None);
    }
    let (batch, pieces) = if large {
        (
            write_ahead::first(core, header.generation).await?,
            Vec::new(),
        )
    } else {
        move_out_pieces(core, ops)
    };
    let mut state = core.state.borrow_mut();
    let next = state.known + 1;
    if dependent {
        header.required = next;
    }
    let sealed = Sealed {
        header,
        frame: frame::encode(&header, &batch),
        pieces,
        at: (state.looked && (state.repair_log || dependent && state.contended > 0))
            .then_some(next),
        epoch: state.head.epoch,
    };
    if let Some(flight) = state
        .queue
        .groups
        .front_mut()
        .and_then(|group| group.flight.as_mut())
    {
        flight.batch = batch;
    }
    Ok(Some(sealed))
}

/// Replaces large values by references to pieces.
fn move_out_pieces(core: &Rc<Core>, mut ops: Vec<Op>) -> (Batch, Vec<(Id, Bytes)>) {
    let mut pieces = Vec::new();
    for op in &mut ops {
        if let Op::Put(_, value) = op
            && let OpValue::Inline(bytes) = value
            && bytes.len() > PIECE_BYTES
        {
            let (id, record) = seal_piece(core, bytes);
            *value = OpValue::Piece(PieceRef {
                id,
                len: bytes.len() as u64,
            });
            pieces.push((id, record));
        }
    }
    (
        Batch {
            run: Vec::new(),
            ops,
        },
        pieces,
    )
}

/// A new piece's record; its value stays warm.
pub fn seal_piece(core: &Rc<Core>, value: &Bytes) -> (Id, Bytes) {
    let id = core.new_id();
    let mut out = seal::start(Kind::Piece, value.len());
    out.extend_from_slice(value);
    core.ground.cache.put_piece(id, value.clone());
    (id, seal::finish(out))
}

/// Applies the frame in flight, whose number directly follows what is known.
fn apply_own(core: &Rc<Core>, sealed: &Sealed, number: u64) {
    let (base, writes) = {
        let mut state = core.state.borrow_mut();
        let base = state.head.base;
        let (mut batch, records) = match state.queue.groups.front_mut() {
            Some(group) => (
                group
                    .flight
                    .as_mut()
                    .map(|f| std::mem::take(&mut f.batch))
                    .unwrap_or_default(),
                group
                    .ahead
                    .take()
                    .map(|ahead| ahead.records)
                    .unwrap_or_default(),
            ),
            None => Default::default(),
        };
        batch.resolve(base + number);
        keep_warm(core, records, base + number);
        let writes = state.apply(
            number,
            (core.writer, sealed.header.sequence),
            &batch,
            sealed.frame.len(),
        );
        (base, writes)
    };
    landed(core, sealed.header.sequence, Some(base + number));
    core.tell(&Notice::Commit {
        remote: false,
        writes,
    });
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
        if first.is_none_or(|flight| flight.sequence != sequence) {
            return;
        }
        let Some(group) = state.queue.groups.pop_front() else {
            return;
        };
        let table = {
            let own = &mut Rc::make_mut(&mut state.view).own;
            if own.is_empty() {
                None
            } else {
                Some(own.remove(0))
            }
        };
        settle_places(&mut state, &group, frame);
        (group, table)
    };
    let large = group.is_large();
    let mut calls = group.calls;
    calls
        .iter_mut()
        .for_each(|call| call.settle(Outcome::Committed));
    if large {
        core.env()
            .spawn(bury(core.clone(), calls, table).boxed_local());
    }
    core.tell_idle();
}

/// Lets go of a large batch in slices: dropping some hundred thousand operations takes long.
async fn bury(core: Rc<Core>, calls: Vec<Call>, table: Option<Rc<Memtable>>) {
    for mut call in calls {
        while !call.ops.is_empty() {
            call.ops.truncate(call.ops.len().saturating_sub(BURY_OPS));
            core.env().yield_now().await;
        }
    }
    // Readers of an older view may hold it still; the last one drops it then.
    if let Some(mut table) = table.and_then(|table| Rc::try_unwrap(table).ok()) {
        while table.drop_some(BURY_OPS) {
            core.env().yield_now().await;
        }
    }
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
        if group.resolve(&resolved) {
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
fn split_first(core: &Rc<Core>) {
    let mut state = core.state.borrow_mut();
    let Some(mut group) = state.queue.groups.pop_front() else {
        return;
    };
    let behind = group.calls.split_off(group.calls.len() / 2);
    for calls in [behind, group.calls] {
        let bytes = calls.iter().map(|call| call.bytes).sum();
        state.queue.groups.push_front(Group {
            calls,
            bytes,
            flight: None,
            ahead: None,
        });
    }
    state.rebuild_own();
}

/// Rejects the first group's calls; what was built on them runs again.
fn fail_first(core: &Rc<Core>, error: &Error) {
    let group = {
        let mut state = core.state.borrow_mut();
        let Some(group) = state.queue.groups.pop_front() else {
            return;
        };
        let mut writes = Writes::default();
        group
            .calls
            .iter()
            .for_each(|call| writes.add_ops(&call.ops));
        state.mark_stale(&writes);
        state.rebuild_own();
        group
    };
    group.fail(error);
    core.tell_idle();
}
