//! How often work looks whether its slice of time is used up.

use crate::engine::access::{Attempt, Reads};

/// Items between two looks at the clock: they cost about as much as it does.
const ITEMS_PER_BREATH: u32 = 32;

/// Counts items, and breathes now and then. Survives stops.
#[derive(Debug, Clone, Default)]
pub struct Pace(u32);

impl Pace {
    /// To be called after an item whose outcome is kept.
    ///
    /// # Errors
    /// [`Stop::Yield`](crate::engine::access::Stop::Yield).
    pub fn step<R: Reads + ?Sized>(&mut self, r: &mut R) -> Attempt<()> {
        self.0 += 1;
        if self.0 < ITEMS_PER_BREATH {
            return Ok(());
        }
        self.0 = 0;
        r.breathe()
    }
}
