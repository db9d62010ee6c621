//! What attempts need of the engine.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::cache::Cache;
use super::clock::Clock;
use super::landings::Landings;
use crate::codec::head::{Head, OpLog};
use crate::codec::stamp::Stamp;
use crate::env::Env;

/// Milliseconds of work between two yields: few, since a garbage collection of the page's may fall
/// into the same task.
pub const SLICE_MS: f64 = 5.0;

/// What attempts need of the engine.
#[derive(Clone)]
pub struct Context {
    /// The cache, from which attempts take what is loaded.
    pub cache: Rc<Cache>,
    /// Time, randomness and scheduling.
    pub env: Rc<dyn Env>,
    /// What of the time has been seen.
    pub clock: Rc<Clock>,
    /// What the head says of the op-log, if writes are logged.
    pub op_log: Rc<RefCell<Option<OpLog>>>,
    /// The least stamp that the next frame takes, once writes are logged.
    pub next_stamp: Rc<Cell<Stamp>>,
    /// Where the insertions of calls have gone.
    pub landings: Rc<RefCell<Landings>>,
}

impl Context {
    /// To be called with every head that comes to hold.
    pub fn note_head(&self, head: &Head) {
        self.clock.raise(head.clock.unwrap_or(0));
        self.op_log.replace(head.op_log.clone());
    }
}
