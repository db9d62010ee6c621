//! What attempts need of the engine.

use bytes::Bytes;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::cache::Cache;
use crate::codec::head::Head;
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
    /// The device that the writes of this patch are logged under; `None`: they are not.
    pub device: Rc<RefCell<Option<Bytes>>>,
}

impl Context {
    /// To be called with every head that comes to hold.
    pub fn note_head(&self, head: &Head) {
        let device = head.op_log.as_ref().map(|op_log| op_log.device.clone());
        self.device.replace(device);
    }
}
