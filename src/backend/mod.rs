//! Where records lie: the narrow waist between the engine and IndexedDB.
//!
//! A backend knows four stores and opaque bytes; it does not know what a key or a frame is.
//! Every method is one transaction, issued at once and settled by `complete` or `abort`.

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, ready};
use std::any::Any;
use std::rc::Rc;

use crate::error::Error;

pub use crate::record::{Id, IdStore, RecordKey};

pub mod memory;
mod refusals;
#[cfg(any(not(target_arch = "wasm32"), feature = "simulation"))]
pub mod simulated;

#[cfg(target_arch = "wasm32")]
pub mod indexeddb;

/// What a resolved write promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Survives a crash of the page or the browser.
    Relaxed,
    /// Also a power cut.
    Strict,
}

/// One request of a read transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// The record under a key. Replied by [`Reply::Record`].
    Get(RecordKey),
    /// The frames with numbers above `after`, ascending, at most `limit`. [`Reply::Frames`].
    Frames {
        /// Exclusive lower bound.
        after: u64,
        /// At most this many.
        limit: u32,
    },
    /// Every id of a store, ascending. [`Reply::Ids`].
    Ids(IdStore),
    /// How many records a store holds. [`Reply::Count`].
    Count(IdStore),
}

/// The reply to one [`Read`], in the order of the requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// To [`Read::Get`].
    Record(Option<Bytes>),
    /// To [`Read::Frames`].
    Frames(Vec<(u64, Bytes)>),
    /// To [`Read::Ids`].
    Ids(Vec<Id>),
    /// To [`Read::Count`].
    Count(u64),
}

/// One request of a write transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Stores bytes under a key (never [`RecordKey::Frame`]).
    Put(RecordKey, Bytes),
    /// Removes the record under a key, if there.
    Delete(RecordKey),
    /// Removes every frame with a number up to and including `through`.
    CutLog {
        /// Inclusive upper bound.
        through: u64,
    },
    /// Removes every record of a store.
    Clear(IdStore),
    /// Adds a frame, under the next free number or under this one, which must be free.
    Add(Option<u64>, Bytes),
}

/// A commit: one frame, and the pieces that it cites.
#[derive(Debug, Clone)]
pub struct Append {
    /// The encoded frame.
    pub frame: Bytes,
    /// Fail with [`Failure::Taken`] unless the frame can be *added* under this number, and read the
    /// head along; `None` adds it under the next free one.
    pub at: Option<u64>,
    /// Records of store `blobs` written in the same transaction.
    pub pieces: Vec<(Id, Bytes)>,
}

/// What a committed [`Append`] saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The frame's number in the log.
    pub number: u64,
    /// The head's bytes, read in the same transaction if a number was asked for.
    pub head: Option<Bytes>,
}

/// What the callback of a [`Backend::flip`] sees: read in the same transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The head's bytes.
    pub head: Option<Bytes>,
    /// The number of the last frame in the log, if there is any.
    pub last_frame: Option<u64>,
}

/// Decides, from what a flip saw, what it writes; `None` aborts it with nothing written.
pub type Decide = Box<dyn FnOnce(Seen) -> Option<Vec<Write>>>;

/// Why a transaction did not succeed.
#[derive(Clone)]
pub enum Failure {
    /// The number asked for by [`Append::at`] is in use. Nothing was written.
    Taken,
    /// Aborted for lack of room (or bare, as a browser reports a full disk). Most likely nothing was written: see
    /// `Aborted`.
    Quota(Option<Rc<dyn Any>>),
    /// Aborted for another reason, named. Nothing was written, says the browser; a disk that fails in the midst of a
    /// commit may have it all the same. Whoever depends on it looks.
    Aborted(String, Option<Rc<dyn Any>>),
    /// There is no memory for what it reads or writes, named. Nothing was written.
    Memory(String),
    /// The connection is gone. For a write the outcome is unknown.
    Lost,
}

impl std::fmt::Debug for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Taken => f.write_str("Taken"),
            Self::Quota(_) => f.write_str("Quota"),
            Self::Aborted(why, _) => write!(f, "Aborted({why})"),
            Self::Memory(why) => write!(f, "Memory({why})"),
            Self::Lost => f.write_str("Lost"),
        }
    }
}

/// What realms tell each other of turns at the log. Only hints: any may be lost, late, doubled or forged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// The realm with this ticket asks the others to hold back their next commits.
    Wanted(Id),
    /// It has done.
    Over(Id),
}

/// What a backend tells without being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Another realm says that it committed something ([`Backend::notify`]).
    Wake,
    /// Another realm says something of its turn ([`Backend::signal`]).
    Signal(Signal),
    /// The connection was closed from outside; every transaction under way ends in `Lost`.
    Lost,
    /// Someone wants another version of the database; the backend has closed itself.
    VersionChange,
    /// Someone deletes the database; the backend has closed itself.
    Deleted,
}

/// What a transaction resolves to.
pub type Settled<T> = LocalBoxFuture<'static, Result<T, Failure>>;

/// An open connection. All methods issue their requests synchronously, before they return,
/// so that transactions are ordered by the calls.
pub trait Backend {
    /// One readonly transaction over the stores that the requests name: a consistent view.
    fn read(&self, reads: Vec<Read>) -> Settled<Vec<Reply>>;
    /// One one-shot readwrite transaction: all of it or nothing.
    fn write(&self, writes: Vec<Write>, durability: Durability) -> Settled<()>;
    /// One one-shot commit: the frame and its pieces.
    fn append(&self, append: Append, durability: Durability) -> Settled<Appended>;
    /// One readwrite transaction over all stores that first reads what [`Seen`] holds, then asks
    /// `decide`. Resolves to whether it wrote.
    fn flip(&self, decide: Decide, durability: Durability) -> Settled<bool>;
    /// Seals records, where they are sealed, before they are written: large ones take a moment. They may be written as
    /// they come, too, and written again as they are.
    fn seal(&self, records: Vec<(RecordKey, Bytes)>) -> Settled<Vec<Bytes>> {
        ready(Ok(records.into_iter().map(|(_, record)| record).collect())).boxed_local()
    }
    /// Whether what is written is sealed under a key.
    fn seals(&self) -> bool {
        false
    }
    /// Whether a relaxed commit of this may survive a power cut in part, while later ones survive whole: it must be
    /// made strict then.
    fn tears(&self, append: &Append) -> bool;
    /// Has the storage give back what it still keeps of deleted records, of which frames up to `position` are some;
    /// settles when it should have. `attempt`: how often it was asked before.
    fn reclaim(&self, position: u64, attempt: u32) -> LocalBoxFuture<'static, ()>;
    /// Tells the other realms on the same database to look at the log.
    fn notify(&self);
    /// Tells the other realms on the same database of a turn, at once where there is a way to.
    fn signal(&self, signal: Signal);
    /// Closes the connection once what is under way has settled. Idempotent. No event follows.
    fn close(&self);
}

/// Opens connections to one database; kept by the engine so that it can reopen a lost one.
pub trait Connector {
    /// Opens the database, creating it and its four stores if need be. `events` is called until
    /// the backend is closed.
    ///
    /// # Errors
    /// `Unavailable`, `Blocked` (not open within the time limit), `UnsupportedFormat` (a
    /// database of that name with other stores or a higher version, which stays as it was).
    fn open(
        &self,
        events: Rc<dyn Fn(Event)>,
    ) -> LocalBoxFuture<'static, Result<Rc<dyn Backend>, Error>>;
    /// The same where there is a database already: `NoPatch` where there is none, if that can be told.
    ///
    /// # Errors
    /// As [`Connector::open`].
    fn open_existing(
        &self,
        events: Rc<dyn Fn(Event)>,
    ) -> LocalBoxFuture<'static, Result<Rc<dyn Backend>, Error>> {
        self.open(events)
    }
    /// How large a record must be that is kept so that deleting it gives room at once where there is none; 0 where
    /// that takes no such record.
    fn reserve_bytes(&self) -> usize {
        0
    }
    /// The key table that the head of a new patch gets; empty where nothing is sealed.
    fn key_table(&self) -> Bytes {
        Bytes::new()
    }
    /// An engine works with what it opens, until [`Connector::left`].
    fn joined(&self) {}
    /// An engine has closed.
    fn left(&self) {}
    /// Tells all realms that records of this epoch of a life are needed, until what this resolves to is dropped; `None` where they cannot be
    /// told.
    fn hold(&self, _life: Id, _epoch: u64) -> LocalBoxFuture<'static, Option<Box<dyn Any>>> {
        ready(None).boxed_local()
    }
    /// The least epoch of a life of which that was told, as far as can be known.
    fn held(&self, _life: Id) -> LocalBoxFuture<'static, Option<u64>> {
        ready(None).boxed_local()
    }
    /// The origin's usage and quota in bytes, where they can be had.
    fn estimate(&self) -> LocalBoxFuture<'static, Option<(f64, f64)>>;
}
