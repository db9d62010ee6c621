//! What attempts need of the engine.

use std::rc::Rc;

use super::cache::Cache;
use super::clock::Clock;
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
}
