//! Uncommitted calls, gathered into groups of which each becomes a frame.

use bytes::Bytes;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::done::{Done, Verdict};
use crate::backend::{Id, RecordKey};
use crate::codec::batch::{Batch, Op, resolve_op, restamp};
use crate::codec::feature::Features;
use crate::codec::order::{Order, PROVISIONAL};
use crate::codec::stamp::HOLE;
use crate::engine::keyspace::access::Attempt;
use crate::engine::keyspace::cited::Cited;
use crate::engine::keyspace::draft::Draft;
use crate::engine::keyspace::footprint::{Resolved, resolve_order};
use crate::engine::keyspace::memtable::Memtable;
use crate::engine::keyspace::read_set::ReadSet;
use crate::error::Error;

/// A batch that weighs more than this many bytes is written ahead as a run.
pub const LARGE_BYTES: usize = 1 << 20;
/// A group takes no further call once it weighs this many bytes.
const GROUP_BYTES: usize = 1 << 20;

/// A call's work, to be run again when what it read has changed.
pub type Work = Rc<RefCell<dyn FnMut(&mut Draft) -> Attempt<()>>>;

/// One uncommitted call.
pub struct Call {
    /// Its number in this realm, from 1.
    pub id: u64,
    /// Places it took in the order of insertion.
    pub slots: u32,
    /// The frame's wall time must not be below this, ms since the epoch.
    pub wall_ms: u64,
    /// What it read.
    pub reads: ReadSet,
    /// What it does.
    pub ops: Vec<Op>,
    /// To whose places in the order of insertion it refers.
    pub cited: Cited,
    /// What that weighs, in bytes.
    pub bytes: usize,
    /// How to run it again; `None` for a transaction, which its driver begins anew.
    pub work: Option<Work>,
    /// What must be on when it is committed.
    pub needs: Features,
    /// The number of the last change of the catalog under which its work was done.
    pub catalog: u64,
    /// Whether it changes the catalog.
    pub changes_catalog: bool,
    /// Whether another commit touched what it read.
    pub stale: bool,
    /// The epoch in which a record was missing when it was run again.
    pub missed_in: Option<u64>,
    /// Whom to tell.
    pub done: Done,
}

impl Call {
    /// The call that a finished draft comes to.
    #[must_use]
    pub fn of_draft(id: u64, mut draft: Draft, work: Option<Work>, done: Done) -> Self {
        Self {
            id,
            slots: draft.slots,
            wall_ms: draft.wall_ms,
            needs: draft.needs(),
            catalog: draft.made_under(),
            changes_catalog: draft.changes_catalog,
            cited: draft.cited,
            reads: std::mem::take(&mut draft.reads),
            ops: std::mem::take(&mut draft.ops),
            bytes: draft.bytes,
            work,
            stale: false,
            missed_in: None,
            done,
        }
    }

    /// Takes over what its work, done again, has come to.
    pub fn take(&mut self, mut draft: Draft) {
        self.slots = draft.slots;
        self.wall_ms = draft.wall_ms;
        self.needs = draft.needs();
        self.catalog = draft.made_under();
        self.changes_catalog = draft.changes_catalog;
        self.bytes = draft.bytes;
        self.cited = draft.cited;
        self.reads = std::mem::take(&mut draft.reads);
        self.ops = std::mem::take(&mut draft.ops);
        self.stale = false;
    }

    /// Forgets the places to which it does not refer any more.
    fn cite_anew(&mut self) {
        self.cited = Cited::default();
        let ops = self.ops.iter();
        ops.for_each(|op| self.cited.note_op(op, self.id));
        let keys = self.reads.keys();
        keys.for_each(|key| self.cited.note_key(key, self.id));
    }

    /// Tells whoever waits. Once.
    pub fn settle(&mut self, outcome: Verdict) {
        self.done.tell(outcome);
    }
}

/// Calls that become one frame.
#[derive(Default)]
pub struct Group {
    /// In program order.
    pub calls: Vec<Call>,
    /// What their operations weigh, in bytes.
    pub bytes: usize,
    /// All that they read, and perhaps more.
    pub reads: ReadSet,
    /// To whose places in the order of insertion they may refer.
    cited: Cited,
    /// No call has a lower number.
    pub lowest: Option<u64>,
    /// Under what all of its calls were made: see [`Call::catalog`].
    pub catalog: u64,
    /// Whether it changes the catalog; then it has one call.
    pub changes_catalog: bool,
    /// While in flight: the sequence and the batch of the frame.
    pub flight: Option<Flight>,
    /// Of a large batch: what has been written ahead.
    pub ahead: Option<Ahead>,
}

/// What is known of a frame while it is in flight.
#[derive(Debug, Clone)]
pub struct Flight {
    /// The sequence of the frame.
    pub sequence: u64,
    /// The batch that the frame carries.
    pub batch: Batch,
    /// The wall time that the frame notes, ms since the epoch.
    pub wall_ms: u64,
    /// What has been seen of it.
    pub sighting: Sighting,
}

/// What the log says of a frame that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It has taken effect, and its calls have been told.
    Committed,
    /// It is there under this number and has no effect (0: in a life of the database that is over).
    Void(u64),
}

/// Where whoever takes in frames leaves what the log says of one; its writer, who may be waiting for something else
/// at that moment, finds it there.
#[derive(Debug, Clone, Default)]
pub struct Sighting(Rc<Cell<Option<Seen>>>);

impl Sighting {
    /// Leaves it. What has taken effect has, whatever is seen of it later.
    pub fn leave(&self, seen: Seen) {
        if self.0.get() != Some(Seen::Committed) {
            self.0.set(Some(seen));
        }
    }

    /// What has been seen so far.
    #[must_use]
    pub fn seen(&self) -> Option<Seen> {
        self.0.get()
    }
}

/// A large batch whose cells are in `runs` already.
#[derive(Debug, Clone)]
pub struct Ahead {
    /// The generation under which it was written: under another one it may have been collected.
    pub generation: u64,
    /// What the frame says.
    pub batch: Batch,
    /// Segments to be kept warm, once their holes can be filled.
    pub records: Vec<(Id, Bytes)>,
    /// All that was written.
    pub written: Vec<RecordKey>,
}

impl Group {
    /// Whether any of its calls depends on what it read, or on nothing else having happened.
    #[must_use]
    pub fn is_dependent(&self) -> bool {
        self.changes_catalog || !self.reads.is_empty()
    }

    /// What must be on when it is committed.
    #[must_use]
    pub fn needs(&self) -> Features {
        let needs = self.calls.iter().map(|call| call.needs);
        needs.fold(Features::NONE, Features::and)
    }

    /// Whether its batch is written ahead as a run.
    #[must_use]
    pub fn is_large(&self) -> bool {
        self.bytes > LARGE_BYTES && self.calls.len() == 1
    }

    /// Whether one more call may join.
    #[must_use]
    pub fn takes(&self, call: &Call) -> bool {
        self.flight.is_none()
            && self.bytes + call.bytes <= GROUP_BYTES
            && self.catalog == call.catalog
            && !(self.changes_catalog || call.changes_catalog)
    }

    /// A group of some calls.
    #[must_use]
    pub fn of_calls(calls: Vec<Call>) -> Self {
        let mut group = Self::default();
        calls.into_iter().for_each(|call| group.push(call));
        group
    }

    /// Adds a call.
    pub fn push(&mut self, call: Call) {
        self.bytes += call.bytes;
        self.catalog = call.catalog;
        self.changes_catalog |= call.changes_catalog;
        self.lowest = Some(self.lowest.map_or(call.id, |lowest| lowest.min(call.id)));
        self.reads.add_all(&call.reads);
        self.cited.add(call.cited);
        self.calls.push(call);
    }

    /// Whether they may refer to places that some of `calls` took.
    #[must_use]
    pub fn cites_any(&self, calls: &Resolved) -> bool {
        self.cited.meets(calls)
    }

    /// Where each call's slots begin in the frame: (call, offset).
    pub fn slot_offsets(&self) -> impl Iterator<Item = (u64, u32)> {
        self.calls.iter().scan(0u32, |next, call| {
            let offset = *next;
            *next += call.slots;
            Some((call.id, offset))
        })
    }

    /// Places taken by all of its calls.
    #[must_use]
    pub fn slots(&self) -> u32 {
        self.calls.iter().map(|call| call.slots).sum()
    }

    /// All operations, provisional orders of its own calls turned into "this very frame".
    #[must_use]
    pub fn batch_ops(&self) -> Vec<Op> {
        let own: Resolved = self
            .slot_offsets()
            .map(|(call, offset)| (call, (PROVISIONAL, offset)))
            .collect();
        let mut ops: Vec<Op> = self
            .calls
            .iter()
            .flat_map(|call| call.ops.iter().cloned())
            .collect();
        if self.calls.iter().any(|call| call.slots > 0) {
            for op in &mut ops {
                resolve_op(op, |order| {
                    if let Some(real) = resolve_order(*order, &own) {
                        *order = real;
                    }
                });
                restamp(op, |Order { frame, slot }| {
                    let (_, offset) = own.get(&frame.checked_sub(HOLE)?)?;
                    let slot = slot + offset;
                    Some(Order { frame: HOLE, slot }.to_bytes())
                });
            }
        }
        ops
    }

    /// The memtable that shows its operations to the realm.
    #[must_use]
    pub fn memtable(&self) -> Memtable {
        let mut table = Memtable::default();
        self.calls
            .iter()
            .flat_map(|call| &call.ops)
            .for_each(|op| table.apply(op));
        table
    }

    /// Replaces provisional orders of calls that are committed now. Whether there were any.
    pub fn resolve(&mut self, calls: &Resolved) -> bool {
        let mut changed = false;
        self.reads.resolve(calls);
        self.cited = Cited::default();
        for call in &mut self.calls {
            call.reads.resolve(calls);
            for op in &mut call.ops {
                resolve_op(op, |order| {
                    if let Some(real) = resolve_order(*order, calls) {
                        *order = real;
                        changed = true;
                    }
                });
            }
            call.cite_anew();
            self.cited.add(call.cited);
        }
        changed
    }

    /// Tells all its calls that they failed.
    pub fn fail(mut self, error: &Error) {
        for call in &mut self.calls {
            call.settle(Verdict::Failed(error.clone()));
        }
    }
}
