//! How an engine is used, and how fresh what it knows is.

use std::cell::Cell;

/// How an engine is used.
#[derive(Default)]
pub struct Pace {
    /// Whether there was a call since the last round.
    pub used: Cell<bool>,
    /// Whether a read must look first.
    pub stale: Cell<bool>,
    /// The last frame known at the last look.
    pub polled: Cell<u64>,
    /// How many looks in a row found no other.
    pub quiet: Cell<u32>,
    /// The round of the last look.
    pub round: Cell<u64>,
    /// For how long it has not been used, ms.
    pub idle_ms: Cell<u32>,
}

impl Pace {
    /// Notes that the engine is used.
    pub fn note_use(&self) {
        self.used.set(true);
    }

    /// Whether the next read looks first.
    pub fn is_stale(&self) -> bool {
        self.stale.get()
    }

    /// What is known is what is stored.
    pub fn is_fresh(&self) {
        self.stale.set(false);
    }
}
