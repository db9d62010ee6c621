//! What one open engine consists of, and the page that it shares with others.

use crate::sealed::vault::Vault;
use crate::sorted::{Lookup, SortedMap};
use bytes::Bytes;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use futures_channel::oneshot;

use super::gate::Gate;
use super::loading::Loading;
use super::notice::{Notice, Subscribers};
use super::options::{Options, Reason};
use super::pace::Pace;
use super::quota::Quota;
use super::state::State;
use crate::backend::{Backend, Connector, Event, Id, RecordKey};
use crate::codec::feature::Features;
use crate::engine::keyspace::cache::Pool;
use crate::engine::keyspace::context::Context;
use crate::engine::keyspace::view::View;
use crate::env::Env;
use crate::error::{Code, Error, Result};

/// Letters of a device's id: 72 random bits.
const DEVICE_BYTES: usize = 12;
const DEVICE_LETTERS: &[u8; 64] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_-abcdefghijklmnopqrstuvwxyz";

/// What is known of the record that keeps room for deleting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserve {
    /// Not looked for since opening.
    Unknown,
    /// It was written, or found in the store.
    There,
    /// It was given up, for its room.
    Gone,
}

/// How those below start what lies above them; set once, when the engine is opened.
#[derive(Clone, Copy)]
pub struct Signals {
    /// Runs the committer, if there is anything to commit.
    pub commit: fn(&Rc<Core>),
    /// Serves the line, if those in it may go on.
    pub serve: fn(&Rc<Core>),
}

/// One open engine.
pub struct Core {
    /// The keys of an encrypted patch.
    pub vault: Option<Rc<Vault>>,
    /// Opens connections, also in place of a lost one.
    pub connector: Rc<dyn Connector>,
    /// How it was opened; never changes.
    pub options: Options,
    /// What attempts need: the cache, and time, randomness and scheduling.
    pub context: Context,
    /// The page or worker, whose engines share a timer and the memory of their caches.
    pub realm: Rc<Realm>,
    /// Handles the events of every connection that is opened.
    pub events: Rc<dyn Fn(Event)>,
    /// How this room starts work of rooms above it.
    pub signals: Signals,
    /// How often it is used: decides when other tabs' commits are looked for.
    pub pace: Pace,
    /// The writer that its frames name, random for each opening.
    pub writer: Id,
    /// Held by whoever takes in frames or changes the view by a flip.
    pub intake: Gate,
    /// Held by flush, merge and collect.
    pub maintenance: Gate,
    /// Everything that changes; never borrowed across an await.
    pub state: RefCell<State>,
    /// Loads under way and who waits for them.
    pub loads: RefCell<SortedMap<Id, Vec<Loading>>>,
    /// Who is told of commits.
    pub subscribers: Subscribers,
    /// The version of the data's shape that whoever has it open has declared, and the migration that is known to be dead; `None`: any
    /// version suits.
    pub declared: Cell<Option<(u64, u64)>>,
    /// The last frame that is known to survive a power cut.
    pub hardened: Cell<u64>,
    /// Bytes handed to the backend since opening.
    pub written_bytes: Cell<u64>,
    /// Whether background maintenance has been asked for and not ended.
    pub maintenance_wanted: Cell<bool>,
    /// Whether the record that keeps room for deleting is known to be there.
    pub reserve: Cell<Reserve>,
    /// Whether a write has failed for lack of room since the last compaction.
    pub pressed: Cell<bool>,
    /// Until when making room is known to be futile.
    pub futile_until_ms: Cell<f64>,
    /// Before this, by the clock that never goes back, nobody looks in the background for what has expired.
    pub next_expiry_ms: Cell<f64>,
    /// Records that this engine has collected since they had expired.
    pub expired: Cell<u64>,
    /// Its limits.
    pub quota: Quota,
    /// Whether `compact` runs: what it writes ahead frees room in the end.
    pub compacting: Cell<bool>,
    /// Garbage that is deleted, but listed still.
    pub purged: RefCell<Lookup<RecordKey>>,
    /// The epoch of this realm's last flip.
    pub flipped: Cell<u64>,
    /// The last frame known when it was last looked whether the log hides pieces.
    pub reckoned: Cell<u64>,
    /// Held by whoever reopens a lost connection.
    pub reconnecting: Gate,
    /// Who waits for all calls up to a number to be settled; without one, for all that are not in line.
    pub idle: RefCell<Vec<(Option<u64>, oneshot::Sender<()>)>>,
}

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
            Some(Reason::Broken(what)) => Err(Error::broken(what)),
            Some(_) => Err(Error::closed()),
        }
    }

    /// Tells those whose waiting is over. To be called whenever calls have been settled.
    pub fn tell_idle(&self) {
        if self.idle.borrow().is_empty() {
            return;
        }
        let (lowest, are_out) = {
            let queue = &self.state.borrow().queue;
            (queue.lowest(), queue.has_groups())
        };
        let mut idle = self.idle.borrow_mut();
        let is_over = |last: Option<u64>| last.map_or(!are_out, |last| last < lowest);
        for (_, waiting) in idle.extract_if(.., |(last, _)| is_over(*last)) {
            // Whoever has stopped waiting need not be told.
            let _gone = waiting.send(());
        }
    }

    /// Resolves when the queue is empty.
    pub async fn settled(&self) {
        self.settled_up_to(u64::MAX - 1).await;
    }

    /// Resolves when every call issued so far is settled, whatever comes meanwhile.
    pub async fn settled_so_far(&self) {
        let last = self.state.borrow().last_call;
        self.settled_up_to(last).await;
    }

    /// Resolves when every call up to a number is settled.
    pub async fn settled_up_to(&self, last: u64) {
        let told = {
            if last < self.state.borrow().queue.lowest() {
                return;
            }
            let (sender, told) = oneshot::channel();
            self.idle.borrow_mut().push((Some(last), sender));
            told
        };
        let _told_or_gone = told.await;
    }

    /// For a call that is being served in the line: resolves when those before it are settled, or have come back
    /// into the line.
    pub async fn settled_before(&self) {
        if !self.state.borrow().queue.has_groups() {
            return;
        }
        let (sender, told) = oneshot::channel();
        self.idle.borrow_mut().push((None, sender));
        let _told_or_gone = told.await;
    }

    /// The time by which readers judge what has expired, in ms since the epoch.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.context.clock.now_ms(self.env())
    }

    /// Whether a draft must wait until something is switched on.
    #[must_use]
    pub fn lacks(&self, needs: Features) -> bool {
        self.state.borrow().head.features().lack(needs)
    }

    /// The current view, with this realm's pending writes on top.
    #[must_use]
    pub fn view(&self) -> Rc<View> {
        self.state.borrow().view.clone()
    }

    /// Time, randomness and scheduling.
    #[must_use]
    pub fn env(&self) -> &dyn Env {
        &*self.context.env
    }

    /// A random id, for a record to be written.
    #[must_use]
    pub fn new_id(&self) -> Id {
        let mut bytes = [0; 16];
        self.env().fill_random(&mut bytes);
        Id(bytes)
    }

    /// A random id of a device, as stamps have it.
    #[must_use]
    pub fn new_device(&self) -> Bytes {
        let mut bytes = [0; DEVICE_BYTES];
        self.env().fill_random(&mut bytes);
        let letters = bytes.map(|byte| DEVICE_LETTERS.get(usize::from(byte) % 64));
        letters.into_iter().flatten().copied().collect()
    }

    /// The current connection; it is another one after a loss.
    #[must_use]
    pub fn backend(&self) -> Rc<dyn Backend> {
        self.state.borrow().backend.clone()
    }

    /// Counts bytes on their way to the backend.
    pub fn count_written(&self, bytes: usize) {
        self.written_bytes
            .set(self.written_bytes.get() + bytes as u64);
    }

    /// Has the committer run, if there is anything to commit.
    pub fn commit(self: &Rc<Self>) {
        (self.signals.commit)(self);
    }

    /// Has those in line go on, if they may.
    pub fn serve(self: &Rc<Self>) {
        (self.signals.serve)(self);
    }

    /// Tells everyone who has subscribed.
    pub fn tell(&self, notice: &Notice) {
        self.subscribers.tell(notice);
    }
}

/// What the browser has told of usage and quota.
#[derive(Clone, Copy, Default)]
pub struct Estimate {
    /// Until when it counts, ms.
    pub until_ms: f64,
    /// Both, where it tells them.
    pub told: Option<(f64, f64)>,
}

/// A page, or a worker. Engines that are opened in none have one of their own.
#[derive(Default)]
pub struct Realm {
    cores: RefCell<Vec<Weak<Core>>>,
    /// Whether the timer runs.
    pub is_timed: Cell<bool>,
    /// Rounds of the timer.
    pub rounds: Cell<u64>,
    /// Where the caches are.
    pub pool: Rc<Pool>,
    /// The origin's usage at which a write last failed for lack of room; 0 where none has.
    pub failed_at: Cell<f64>,
    /// The origin's usage and quota, as told last.
    pub estimated: Cell<Estimate>,
    /// Which epochs of which patches are being exported.
    pub held: RefCell<Vec<(Id, u64)>>,
}

impl Realm {
    /// Adds an engine, until it is closed.
    pub fn add(&self, core: &Rc<Core>) {
        self.cores.borrow_mut().push(Rc::downgrade(core));
    }

    /// The engines that are open.
    pub fn open(&self) -> Vec<Rc<Core>> {
        let mut open = Vec::new();
        self.cores.borrow_mut().retain(|core| {
            let core = core.upgrade();
            let core = core.filter(|core| core.state.borrow().closed.is_none());
            let is_open = core.is_some();
            open.extend(core);
            is_open
        });
        open
    }
}
