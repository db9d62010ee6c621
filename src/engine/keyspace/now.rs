//! The time by which a reader judges what has expired.

use std::cell::Cell;

use super::context::Context;
use crate::codec::entry::Entry;
use crate::codec::marks::{NEVER, expiry_of};
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

/// One moment, asked for when the first thing is met that can expire: all that a reader sees is of it.
#[derive(Default)]
pub struct Now(Cell<Option<u64>>);

impl Now {
    fn at_ms(&self, context: &Context) -> u64 {
        let at_ms = self.0.get().unwrap_or_else(|| {
            context.clock.note_dated();
            context.clock.now_ms(&*context.env)
        });
        self.0.set(Some(at_ms));
        at_ms
    }

    /// Whether a cell with these marks is as good as a tombstone.
    #[must_use]
    pub fn is_past(&self, context: &Context, marks: &[u8]) -> bool {
        self.has_come(context, expiry_of(marks))
    }

    /// Whether any record of a segment may have expired, as far as the directory can tell.
    #[must_use]
    pub fn takes_from(&self, context: &Context, entry: &Entry) -> bool {
        // planted: measure-expired
        self.has_come(context, entry.expiry.least_ms)
    }

    fn has_come(&self, context: &Context, at_ms: u64) -> bool {
        at_ms != NEVER && at_ms <= self.at_ms(context)
    }
}
