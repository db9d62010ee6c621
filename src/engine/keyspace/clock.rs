//! What of the time an open engine has seen.

use std::cell::Cell;

use crate::env::Env;

/// The time of an open engine. It never goes back, whatever the clock does: what was seen to expire has.
#[derive(Default)]
pub struct Clock {
    latest_ms: Cell<u64>,
    is_dated: Cell<bool>,
}

impl Clock {
    /// It is at least so late: the stored clock says so.
    pub fn raise(&self, ms: u64) {
        // planted: clock-back
        self.latest_ms.set(self.latest_ms.get().max(ms));
    }

    /// The time, in ms since the epoch.
    pub fn now_ms(&self, env: &dyn Env) -> u64 {
        self.raise(env.now_ms() as u64);
        self.latest_ms.get()
    }

    /// Notes that something was met that can expire.
    pub fn note_dated(&self) {
        self.is_dated.set(true);
    }

    /// Whether anything was.
    pub fn is_dated(&self) -> bool {
        self.is_dated.get()
    }
}
