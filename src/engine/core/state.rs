//! What changes of one open engine, and how a commit changes it.

use std::cell::Cell;
use std::rc::Rc;

use super::interest::Interests;
use super::options::Reason;
use super::queue::Queue;
use super::recent::{Recent, Since};
use super::turns::Turns;
use crate::backend::{Backend, Id};
use crate::codec::batch::{Batch, Op};
use crate::codec::head::Head;
use crate::codec::stamp::{Fill, Stamp};
use crate::engine::keyspace::cache::Cache;
use crate::engine::keyspace::catalog::Catalog;
use crate::engine::keyspace::estimate;
use crate::engine::keyspace::footprint::WriteSet;
use crate::engine::keyspace::memtable::Memtable;
use crate::engine::keyspace::read_set::ReadSet;
use crate::engine::keyspace::view::{Layer, View};
use crate::sorted::SortedMap;

/// What changes of an engine.
pub struct State {
    /// The connection; replaced when it was lost.
    pub backend: Rc<dyn Backend>,
    /// Whether the connection is known to be lost.
    pub lost: bool,
    /// Set once `close` was called: newcomers are refused, what is queued goes on.
    pub closing: bool,
    /// Set once it is closed.
    pub closed: Option<Reason>,
    /// The head as last read or written.
    pub head: Head,
    /// What readers see.
    pub view: Rc<View>,
    /// The number of the last frame taken in.
    pub known: u64,
    /// The least stamp that the next frame takes, once stamps are kept.
    pub next_stamp: Rc<Cell<Stamp>>,
    /// The highest sequence applied, by writer.
    pub seen: SortedMap<Id, u64>,
    /// Frames in memory, and their bytes.
    pub tail_frames: usize,
    /// Bytes of the frames in memory.
    pub tail_bytes: usize,
    /// About how many bytes of pieces they put or hide.
    pub tail_pieces: u64,
    /// About how many bytes they take beside: pieces, and what is compressed of runs.
    pub tail_beside: u64,
    /// About how many bytes were written or hidden since room was last made by compacting.
    pub gained: u64,
    /// Bytes of a stored record, in the mean, when it was last looked.
    pub mean_bytes: u64,
    /// Their writers and sequences, in order.
    pub tail_writers: Vec<(Id, u64)>,
    /// How often the committed layers have been built anew: what was frozen before is not there
    /// any more as it was.
    pub rebuilt_layers: u64,
    /// What recent frames wrote, for validating drafts and transactions.
    pub recent: Recent,
    /// The number of the last call issued.
    pub last_call: u64,
    /// The last sequence used for a frame; none is used twice.
    pub sequence: u64,
    /// A frame got a number at or below the head's position: the next one names its own.
    pub repair_log: bool,
    /// So many dependent frames more name their numbers, since one has lost a race.
    pub contended: u32,
    /// Whether the connection was closed for want of use, and the stores have not been looked at since.
    pub asleep: bool,
    /// Whether the stores have been looked at over the present connection.
    pub looked: bool,
    /// The uncommitted calls, in program order.
    pub queue: Queue,
    /// Turns at the log.
    pub turns: Turns,
    /// Who is told of every change of what readers see.
    pub interests: Interests,
}

/// The part of the tail that a flush writes out. Frames taken in meanwhile go above it.
#[derive(Debug, Clone)]
pub struct Frozen {
    /// How many of the layers, the oldest ones.
    pub layers: usize,
    /// Frames in these layers.
    pub frames: usize,
    /// Bytes of these frames.
    pub bytes: usize,
    /// About how many bytes of pieces they put or hide, and [`State::tail_beside`].
    pub pieces: (u64, u64),
    /// How many of `tail_writers`, the first ones.
    pub writers: usize,
    /// [`State::rebuilt_layers`] at the time.
    pub rebuilt_layers: u64,
    /// [`State::next_stamp`] at the time.
    pub next_stamp: Stamp,
    /// The catalog of what is frozen.
    pub catalog: Rc<Catalog>,
}

impl State {
    /// Applies a committed batch with resolved orders as the newest committed frame. What is news must be pushed to
    /// `recent` too.
    pub fn apply(
        &mut self,
        cache: &Cache,
        number: u64,
        (writer, sequence): (Id, u64),
        batch: &Batch,
        frame_bytes: usize,
    ) -> Rc<WriteSet> {
        self.tail_pieces += estimate::pieces_of(&self.view, cache, batch);
        self.tail_beside += estimate::beside(batch);
        let view = Rc::make_mut(&mut self.view);
        apply_batch(&mut view.layers, batch);
        if batch.changes_catalog {
            view.catalog = view.catalog.after(&batch.ops, number);
        }
        // planted: untold-commit
        self.interests.tell_batch(batch, self.head.base + number);
        self.seen.insert(writer, sequence);
        self.tail_writers.push((writer, sequence));
        self.known = number;
        self.tail_frames += 1;
        let run_bytes = batch.run.iter().map(|entry| entry.stored as usize);
        let run_bytes = run_bytes.sum::<usize>();
        self.tail_bytes += frame_bytes + run_bytes;
        let gained = (frame_bytes + run_bytes) as u64 + self.hidden_by(&batch.ops);
        self.gained = self.gained.saturating_add(gained);
        Rc::new(WriteSet::of_batch(batch))
    }

    /// What goes into the holes of the frame `number`, which takes so many stamps: as every replayer has it.
    pub fn place(&mut self, number: u64, wall_ms: u64, stamps: u32) -> Fill {
        let frame = self.head.base + number;
        if self.head.op_log.is_none() {
            let stamp = Stamp::default();
            return Fill { frame, stamp };
        }
        // planted: stamp-of-clock
        let stamp = self.next_stamp.get().not_before(wall_ms);
        self.next_stamp.set(stamp.plus(stamps));
        Fill { frame, stamp }
    }

    /// About how many bytes removals hide.
    fn hidden_by(&self, ops: &[Op]) -> u64 {
        let hidden = ops.iter().map(|op| match op {
            Op::Put(..) => 0,
            Op::Delete(_) => self.mean_bytes,
            // It may be anything.
            Op::DeleteRange(_) => 1 << 40,
        });
        hidden.sum()
    }

    /// A beginning, at what is known now.
    #[must_use]
    pub fn since_now(&self) -> Since {
        let mut since = self.recent.since(self.known);
        since.features = self.head.features();
        since.catalog = self.view.catalog.change;
        since
    }

    /// Whether what was begun then is made for another patch than this is now: something was switched on, or the
    /// catalog is another one.
    #[must_use]
    pub fn is_other_since(&self, since: &Since) -> bool {
        // planted: draft-of-old-catalog
        let is_other_catalog = since.catalog != self.view.catalog.change;
        since.features.lack(self.head.features()) || is_other_catalog
    }

    /// Notes that the frame `number` has no effect: it is void or repeated.
    pub fn skip_to(&mut self, number: u64, frame_bytes: usize) {
        self.known = number;
        self.tail_frames += 1;
        self.tail_bytes += frame_bytes;
    }

    /// Freezes the tail: what comes now goes into a memtable above it.
    pub fn freeze(&mut self) -> Frozen {
        let view = Rc::make_mut(&mut self.view);
        let frozen = Frozen {
            layers: view.layers.len(),
            frames: self.tail_frames,
            bytes: self.tail_bytes,
            pieces: (self.tail_pieces, self.tail_beside),
            writers: self.tail_writers.len(),
            rebuilt_layers: self.rebuilt_layers,
            next_stamp: self.next_stamp.get(),
            catalog: view.catalog.clone(),
        };
        view.layers
            .insert(0, Layer::Memory(Rc::new(Memtable::default())));
        frozen
    }

    /// Drops what was frozen: it is in the directory now.
    pub fn thaw(&mut self, frozen: &Frozen) {
        let layers = &mut Rc::make_mut(&mut self.view).layers;
        layers.truncate(layers.len().saturating_sub(frozen.layers));
        self.tail_frames = self.tail_frames.saturating_sub(frozen.frames);
        self.tail_bytes = self.tail_bytes.saturating_sub(frozen.bytes);
        let (pieces, beside) = frozen.pieces;
        self.tail_pieces = self.tail_pieces.saturating_sub(pieces);
        self.tail_beside = self.tail_beside.saturating_sub(beside);
        self.tail_writers
            .drain(..frozen.writers.min(self.tail_writers.len()));
    }

    /// Marks the uncommitted calls that read what was written. Until these have run again, reads wait.
    pub fn mark_stale(&mut self, writes: &WriteSet) {
        self.mark(|reads| reads.meets(writes));
    }

    /// Marks every uncommitted call that read anything.
    pub fn mark_all_stale(&mut self) {
        self.mark(|reads| !reads.is_empty());
    }

    /// Takes over a head. Where something is on that was not, every uncommitted call runs again, blind ones too: it
    /// may have to write more, or otherwise.
    pub fn take_head(&mut self, head: Head) {
        if self.head.features().lack(head.features()) {
            // planted: blind-kept
            self.mark(|_| true);
        }
        self.head = head;
    }

    /// The catalog is another one than before: every uncommitted call runs again, whatever it has read.
    pub fn mark_made_under_another(&mut self) {
        // planted: blind-sealed-anew
        self.mark(|_| true);
    }

    /// The same, if the first group was made under another one, and nobody has said so.
    pub fn mark_if_made_under_another(&mut self) {
        let now = self.view.catalog.change;
        let first = self.queue.groups.front();
        // planted: made-under-unasked
        if first.is_some_and(|group| group.catalog != now) {
            self.mark_made_under_another();
        }
    }

    fn mark(&mut self, is_overtaken: impl Fn(&ReadSet) -> bool) {
        let Queue { groups, unfit, .. } = &mut self.queue;
        let overtaken = groups.iter_mut().filter(|group| is_overtaken(&group.reads));
        for call in overtaken.flat_map(|group| &mut group.calls) {
            call.stale = call.stale || is_overtaken(&call.reads);
            *unfit |= call.stale;
        }
        if *unfit {
            self.turns.wake();
        }
    }

    /// Whether each group has its memtable among the realm's own, and only the first may be in flight.
    #[must_use]
    pub fn shows_its_queue(&self) -> bool {
        let groups = &self.queue.groups;
        let is_out = self.closed.is_some() || self.queue.rebuilt_from.is_some();
        let behind = groups.get(1);
        is_out
            || self.view.own.len() == groups.len()
                && behind.is_none_or(|group| group.flight.is_none())
                && groups.back().is_none_or(|group| !group.calls.is_empty())
    }

    /// Puts others, or none, in the place of the memtable of a group. Whoever changes what is seen by that tells the
    /// interests.
    pub fn replace_table(&mut self, at: usize, tables: impl IntoIterator<Item = Rc<Memtable>>) {
        let own = &mut Rc::make_mut(&mut self.view).own;
        if at < own.len() {
            own.splice(at..=at, tables);
        }
    }

    /// Puts other memtables in the place of the realm's own.
    pub fn replace_own(&mut self, own: Vec<Rc<Memtable>>) {
        Rc::make_mut(&mut self.view).own = own;
        // planted: untold-failure
        self.interests.tell_all();
    }
}

/// Puts a batch on top of committed layers (the newest first): its operations, then its run.
pub fn apply_batch(layers: &mut Vec<Layer>, batch: &Batch) {
    if !batch.ops.is_empty() {
        apply_ops(layers, &batch.ops);
    }
    if !batch.run.is_empty() {
        layers.insert(0, Layer::Run(Rc::new(batch.run.clone())));
    }
}

fn apply_ops(layers: &mut Vec<Layer>, ops: &[Op]) {
    if !matches!(layers.first(), Some(Layer::Memory(_))) {
        layers.insert(0, Layer::Memory(Rc::new(Memtable::default())));
    }
    if let Some(Layer::Memory(table)) = layers.first_mut() {
        let table = Rc::make_mut(table);
        ops.iter().for_each(|op| table.apply(op));
    }
}
