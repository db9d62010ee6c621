//! Slices of time for long background work, so that no task grows long.

use super::instance::Core;
use crate::engine::keyspace::context::SLICE_MS;

/// A slice of time, after which long work lets the host do other work.
pub struct Slice {
    until_ms: f64,
    steps: u32,
    steps_per_look: u32,
}

impl Slice {
    /// A slice that begins now.
    #[must_use]
    pub fn new(core: &Core) -> Self {
        Self {
            until_ms: core.env().monotonic_ms() + SLICE_MS,
            steps: 0,
            steps_per_look: core.env().steps_per_look(),
        }
    }

    /// To be called at every step: yields when the slice is used up.
    pub async fn breathe(&mut self, core: &Core) {
        self.steps = self.steps.wrapping_add(1);
        if self.steps.is_multiple_of(self.steps_per_look)
            && core.env().monotonic_ms() > self.until_ms
        {
            core.env().yield_now().await;
            self.until_ms = core.env().monotonic_ms() + SLICE_MS;
        }
    }
}
