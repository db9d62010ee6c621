//! What attempts need of the engine.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::cache::Cache;
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
    /// Whether anything that can expire has been met: what was read may be gone without any commit.
    pub dated: Rc<Cell<bool>>,
    /// What the head says of the op-log, if writes are logged.
    pub op_log: Rc<RefCell<Option<OpLog>>>,
    /// The least stamp that the next frame takes, once writes are logged.
    pub next_stamp: Rc<Cell<Stamp>>,
}

impl Context {
    /// To be called with every head that comes to hold.
    pub fn note_head(&self, head: &Head) {
        self.op_log.replace(head.op_log.clone());
    }
}
