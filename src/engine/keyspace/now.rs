//! The time by which a reader judges what has expired.

use std::cell::Cell;

use super::context::Context;
use crate::codec::entry::Entry;
use crate::codec::marks::{NEVER, expiry_of};

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
