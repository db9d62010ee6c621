//! What tabs did and were told, in the order in which it happened.

use bytes::Bytes;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::operation::{Call, Told};

/// How a call ended, as far as its tab knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Nothing was heard of it (yet, or for ever: its tab died).
    Open,
    /// It was told that it is committed.
    Acknowledged(Told),
    /// It was told that it failed, and nothing of it may show.
    Failed,
    /// It was told that what it wants is not allowed, and nothing of it may show.
    Refused,
    /// It was told that nobody knows.
    Unknown,
}

/// A call as it went.
#[derive(Debug, Clone)]
pub struct Entry {
    pub call: Call,
    pub life: u64,
    pub phase: u64,
    pub ending: Ending,
    /// The life's own calls that were under way when it was issued.
    pub pending: Vec<u64>,
}

/// A read as it went.
#[derive(Debug, Clone)]
pub struct Seen {
    pub life: u64,
    pub phase: u64,
    /// The life's own calls that were under way when it was issued, in their order; none for a
    /// read of what is committed.
    pub pending: Vec<u64>,
    /// The life's calls acknowledged before it was issued.
    pub acknowledged: Vec<u64>,
    /// What was found: absent keys too.
    pub found: BTreeMap<Bytes, Option<Bytes>>,
}

/// Everything of one world.
#[derive(Default)]
pub struct Ledger {
    pub entries: RefCell<BTreeMap<u64, Entry>>,
    pub reads: RefCell<Vec<Seen>>,
    /// Calls that a `flush` has promised to survive a cut of power.
    pub hardened: RefCell<BTreeSet<u64>>,
    /// What happened, word for word: the same seed must give the same.
    pub trace: RefCell<Vec<String>>,
    /// Counted up by what throws data away: what an engine does belongs to the phase in which it was
    /// opened, and calls of an earlier phase never show again.
    pub phase: std::cell::Cell<u64>,
    /// Phases that ended by a deletion for which there was so little room that open tabs heard of it late: what
    /// they were told meanwhile went the way of the patch.
    pub unfenced: RefCell<BTreeSet<u64>>,
    /// Contents and uploads that tabs have collected.
    pub collected: std::cell::Cell<usize>,
}

impl Ledger {
    pub fn note(&self, now_us: u64, what: impl std::fmt::Display) {
        self.trace.borrow_mut().push(format!("{now_us} {what}"));
    }

    /// Enters a call about to be made.
    pub fn issue(&self, life: u64, phase: u64, call: Call) {
        let (pending, _) = self.calls_of(life);
        let entry = Entry {
            pending,
            life,
            phase,
            ending: Ending::Open,
            call,
        };
        self.entries.borrow_mut().insert(entry.call.id, entry);
    }

    pub fn settle(&self, id: u64, ending: Ending) {
        let mut entries = self.entries.borrow_mut();
        entries.get_mut(&id).unwrap().ending = ending;
    }

    /// The calls of a life, by how they ended: (open, acknowledged).
    pub fn calls_of(&self, life: u64) -> (Vec<u64>, Vec<u64>) {
        let entries = self.entries.borrow();
        let of = |wanted: fn(&Ending) -> bool| {
            let mine = entries
                .values()
                .filter(|e| e.life == life && wanted(&e.ending));
            mine.map(|entry| entry.call.id).collect()
        };
        let open = of(|ending| matches!(ending, Ending::Open));
        (open, of(|ending| matches!(ending, Ending::Acknowledged(_))))
    }
}
