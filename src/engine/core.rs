//! What one open engine consists of.

use crate::sorted::SortedMap;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use futures_channel::oneshot;

use super::draft::Ground;
use super::footprint::Writes;
use super::gate::Gate;
use super::interest::Interests;
use super::memtable::Memtable;
use super::notice::{Notice, Subscribers};
use super::queue::Queue;
use super::view::{Layer, View};
use crate::backend::{Backend, Connector, Durability, Id};
use crate::codec::batch::{Batch, Op};
use crate::codec::head::Head;
use crate::env::Env;
use crate::error::{Code, Error, Result};

/// From where on the engine tidies up.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Frames in the log at which the realm that wrote the last one flushes.
    pub log_frames: usize,
    /// Bytes in the log at which it does.
    pub log_bytes: usize,
    /// Stored bytes from which on level 0 is merged.
    pub level0_bytes: u64,
    /// Stored bytes of level 1 above which it is merged; each level below takes ten times more.
    pub level1_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            log_frames: 400,
            log_bytes: 2 << 20,
            level0_bytes: 2 << 20,
            level1_bytes: 8 << 20,
        }
    }
}

/// What is done where there is no patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// An empty one is created.
    Create,
    /// One is begun that does not count as there before its first generation.
    Draft,
    /// Opening is refused.
    Refuse,
}

/// How an engine is opened.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// What a resolved write promises.
    pub durability: Durability,
    /// Bytes of segments and decoded pages kept in memory.
    pub cache_bytes: usize,
    /// How often the log is looked at for the commits of other tabs, ms; 0 for never.
    pub poll_ms: u32,
    /// When to flush and merge.
    pub limits: Limits,
    /// What to do where there is no patch.
    pub absent: Absent,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durability: Durability::Relaxed,
            cache_bytes: 32 << 20,
            poll_ms: 700,
            limits: Limits::default(),
            absent: Absent::Create,
        }
    }
}

/// Why an engine is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// By its own `close`.
    Closed,
    /// The patch was deleted.
    Deleted,
    /// Another version of the database is wanted.
    VersionChange,
    /// The connection was lost and could not be restored, or the data are gone.
    Lost,
}

/// Who waits for a load.
pub type Loading = oneshot::Sender<Result<(), super::load::LoadError>>;

/// One open engine.
pub struct Core {
    /// Opens connections.
    pub connector: Rc<dyn Connector>,
    /// Options.
    pub options: Options,
    /// Cache and world.
    pub ground: Ground,
    /// This realm's name in the log.
    pub writer: Id,
    /// Held by whoever takes in frames or changes the view by a flip.
    pub intake: Gate,
    /// Held by flush, merge and collect.
    pub maintenance: Gate,
    /// Everything that changes.
    pub state: RefCell<State>,
    /// Loads under way and who waits for them.
    pub loads: RefCell<SortedMap<Id, Vec<Loading>>>,
    /// Who is told of commits.
    pub subscribers: Subscribers,
    /// Bytes handed to the backend since opening.
    pub written_bytes: Cell<u64>,
    /// Whether background maintenance has been asked for and not ended.
    pub maintenance_wanted: Cell<bool>,
    /// Whether the record that keeps room for deleting is known to be there.
    pub reserve: Cell<super::room::Known>,
    /// Whether a write has failed for lack of room since the last compaction.
    pub pressed: Cell<bool>,
    /// Until when making room is known to be futile.
    pub futile_until_ms: Cell<f64>,
    /// Whether `compact` runs: what it writes ahead frees room in the end.
    pub compacting: Cell<bool>,
    /// Held by whoever reopens a lost connection.
    pub reconnecting: Gate,
    /// Who waits for the queue to run empty.
    pub idle: RefCell<Vec<oneshot::Sender<()>>>,
}

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
    /// The head as known.
    pub head: Head,
    /// What readers see.
    pub view: Rc<View>,
    /// The last frame taken in.
    pub known: u64,
    /// The highest sequence applied, by writer.
    pub seen: SortedMap<Id, u64>,
    /// Frames in memory, and their bytes.
    pub tail_frames: usize,
    /// Bytes of the frames in memory.
    pub tail_bytes: usize,
    /// Their writers and sequences, in order.
    pub tail_writers: Vec<(Id, u64)>,
    /// How often the committed layers have been built anew: what was frozen before is not there
    /// any more as it was.
    pub rebuilt_layers: u64,
    /// What recent frames wrote, in order, for validating transactions.
    pub recent: VecDeque<(u64, Rc<Writes>)>,
    /// Every frame above this one is in `recent`.
    pub recent_from: u64,
    /// The last call's number.
    pub last_call: u64,
    /// The last sequence used.
    pub sequence: u64,
    /// A frame got a number at or below the head's position: the next one names its own.
    pub repair_log: bool,
    /// So many dependent frames more name their numbers, since one has lost a race.
    pub contended: u32,
    /// Whether the stores have been looked at over the present connection.
    pub looked: bool,
    /// Uncommitted calls.
    pub queue: Queue,
    /// Who is told of every change of what readers see.
    pub interests: Interests,
}

/// The part of the tail that a flush writes out. Frames taken in meanwhile go above it.
#[derive(Debug, Clone, Copy)]
pub struct Frozen {
    /// The oldest layers.
    pub layers: usize,
    /// Frames in them.
    pub frames: usize,
    /// Bytes of those.
    pub bytes: usize,
    /// The first entries of `tail_writers`.
    pub writers: usize,
    /// [`State::rebuilt_layers`] at the time.
    pub rebuilt_layers: u64,
}

/// Frames whose writes are remembered for transactions.
const RECENT_FRAMES: usize = 4096;

impl Core {
    /// The error of a closed engine, if it is closed.
    ///
    /// # Errors
    /// `Closed` or `ConnectionLost`.
    pub fn check_open(&self) -> Result<()> {
        if self.state.borrow().closing {
            return Err(Error::closed());
        }
        self.check_open_or_closing()
    }

    /// The same, but still fine while what is queued is being committed.
    ///
    /// # Errors
    /// `Closed` or `ConnectionLost`.
    pub fn check_open_or_closing(&self) -> Result<()> {
        match self.state.borrow().closed {
            None => Ok(()),
            Some(Reason::Lost) => Err(Error::new(
                Code::ConnectionLost,
                "the connection to the patch's database was lost; open the patch again",
            )),
            Some(_) => Err(Error::closed()),
        }
    }

    /// Tells those who wait for the queue to run empty.
    pub fn tell_idle(&self) {
        for waiting in self.idle.take() {
            // Whoever has stopped waiting need not be told.
            let _gone = waiting.send(());
        }
    }

    /// Resolves when the queue is empty.
    pub async fn settled(&self) {
        while self
            .wait_unless(|queue| queue.groups.is_empty() && queue.line.is_empty() && !queue.serving)
            .await
        {}
    }

    /// Resolves when every call issued so far is settled, whatever comes meanwhile.
    pub async fn settled_so_far(&self) {
        let last = self.state.borrow().last_call;
        while self.wait_unless(|queue| !queue.holds_up_to(last)).await {}
    }

    /// Waits for something to be settled, unless `done` holds; whether it waited.
    async fn wait_unless(&self, done: impl Fn(&Queue) -> bool) -> bool {
        let receiver = {
            if done(&self.state.borrow().queue) {
                return false;
            }
            let (sender, receiver) = oneshot::channel();
            self.idle.borrow_mut().push(sender);
            receiver
        };
        let _told_or_gone = receiver.await;
        true
    }

    /// The view of this moment.
    #[must_use]
    pub fn view(&self) -> Rc<View> {
        self.state.borrow().view.clone()
    }

    /// The world.
    #[must_use]
    pub fn env(&self) -> &dyn Env {
        &*self.ground.env
    }

    /// A new random id.
    #[must_use]
    pub fn new_id(&self) -> Id {
        let mut bytes = [0; 16];
        self.env().fill_random(&mut bytes);
        Id(bytes)
    }

    /// The connection.
    #[must_use]
    pub fn backend(&self) -> Rc<dyn Backend> {
        self.state.borrow().backend.clone()
    }

    /// Counts bytes on their way to the backend.
    pub fn count_written(&self, bytes: usize) {
        self.written_bytes
            .set(self.written_bytes.get() + bytes as u64);
    }

    /// Tells the subscribers.
    pub fn tell(&self, notice: &Notice) {
        self.subscribers.tell(notice);
    }
}

impl State {
    /// Applies a committed batch with resolved orders as the newest committed frame.
    pub fn apply(
        &mut self,
        number: u64,
        (writer, sequence): (Id, u64),
        batch: &Batch,
        frame_bytes: usize,
    ) -> Rc<Writes> {
        let view = Rc::make_mut(&mut self.view);
        apply_batch(&mut view.layers, batch);
        self.interests.tell_batch(batch, self.head.base + number);
        self.seen.insert(writer, sequence);
        self.tail_writers.push((writer, sequence));
        self.known = number;
        self.tail_frames += 1;
        self.tail_bytes += frame_bytes
            + batch
                .run
                .iter()
                .map(|entry| entry.stored as usize)
                .sum::<usize>();
        let writes = Rc::new(Writes::of_batch(batch));
        self.recent.push_back((number, writes.clone()));
        while self.recent.len() > RECENT_FRAMES {
            if let Some((dropped, _)) = self.recent.pop_front() {
                self.recent_from = dropped;
            }
        }
        writes
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
            writers: self.tail_writers.len(),
            rebuilt_layers: self.rebuilt_layers,
        };
        view.layers
            .insert(0, Layer::Memory(Rc::new(Memtable::default())));
        frozen
    }

    /// Drops what was frozen: it is in the directory now.
    pub fn thaw(&mut self, frozen: Frozen) {
        let layers = &mut Rc::make_mut(&mut self.view).layers;
        layers.truncate(layers.len().saturating_sub(frozen.layers));
        self.tail_frames = self.tail_frames.saturating_sub(frozen.frames);
        self.tail_bytes = self.tail_bytes.saturating_sub(frozen.bytes);
        self.tail_writers
            .drain(..frozen.writers.min(self.tail_writers.len()));
    }

    /// Marks the uncommitted calls that read what was written.
    pub fn mark_stale(&mut self, writes: &Writes) {
        for call in self
            .queue
            .groups
            .iter_mut()
            .flat_map(|group| &mut group.calls)
        {
            call.stale = call.stale || call.reads.meets(writes);
        }
    }

    /// Marks every uncommitted call that read anything.
    pub fn mark_all_stale(&mut self) {
        for call in self
            .queue
            .groups
            .iter_mut()
            .flat_map(|group| &mut group.calls)
        {
            call.stale = call.stale || !call.reads.is_empty();
        }
    }

    /// Makes the realm's own memtables anew from the queue.
    pub fn rebuild_own(&mut self) {
        let own = self
            .queue
            .groups
            .iter()
            .map(|group| Rc::new(group.memtable()))
            .collect();
        self.replace_own(own);
    }

    /// Puts other memtables in the place of the realm's own.
    pub fn replace_own(&mut self, own: Vec<Rc<Memtable>>) {
        Rc::make_mut(&mut self.view).own = own;
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
