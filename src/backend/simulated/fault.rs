//! What may go wrong with a transaction, and the script that says when.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use crate::error::Error;
use crate::simulation::Gate;

/// What happens to one transaction instead of its success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Aborted with this reason; nothing is written.
    Abort(String),
    /// The transaction takes effect, and is said to have been aborted, for this reason.
    Misreported(String),
    /// Aborted for lack of room; nothing is written.
    Quota,
    /// The connection is lost before the transaction takes effect.
    LostBefore,
    /// The transaction takes effect, and the connection is lost before that is known.
    LostAfter,
    /// Nothing happens, and every later transaction of every tab waits, until
    /// [`super::SimConnector::release`].
    FrozenBefore,
    /// The transaction takes effect, but is not settled until
    /// [`super::SimConnector::release`].
    FrozenAfter,
}

impl Fault {
    /// What kind it is, in a word or two.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Abort(_) => "aborted",
            Self::Misreported(_) => "said to be aborted",
            Self::Quota => "quota exceeded",
            Self::LostBefore => "lost before its effect",
            Self::LostAfter => "lost after its effect",
            Self::FrozenBefore => "frozen before its effect",
            Self::FrozenAfter => "frozen after its effect",
        }
    }
}

/// Which of a tab's transactions meet which fault.
#[derive(Default)]
pub(super) struct Script {
    issued: u64,
    faults: BTreeMap<u64, Fault>,
}

impl Script {
    pub fn add(&mut self, number: u64, fault: Fault) {
        self.faults.insert(number, fault);
    }

    pub fn issued(&self) -> u64 {
        self.issued
    }

    /// Counts one transaction and tells what happens to it.
    pub fn issue(&mut self) -> Option<Fault> {
        self.issued += 1;
        self.faults.remove(&self.issued)
    }
}

/// What goes wrong in one tab.
#[derive(Default)]
pub struct Faults {
    /// Which transactions meet what.
    pub script: RefCell<Script>,
    /// Shut while transactions that froze are held.
    pub release: Gate,
    /// What the next openings fail with.
    pub refused_opens: RefCell<Vec<Error>>,
    /// The connection opened last.
    pub current: Cell<Option<u64>>,
}
