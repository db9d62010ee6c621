//! How long things take in the simulated database.

/// How long things take at most, in microseconds of virtual time, and how reliable wake-ups and signals are.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// From a transaction's turn to its effect.
    pub effect_us: u64,
    /// From its effect to its being settled.
    pub settle_us: u64,
    /// From there to the delivery of what a read has found, if that is large: Chromium, which keeps large
    /// values in files, tells of the end of later transactions first.
    pub late_us: u64,
    /// Opening a connection.
    pub open_us: u64,
    /// From [`crate::backend::Backend::notify`] to [`Event::Wake`]; signals likewise.
    pub wake_us: u64,
    /// How many wake-ups in a hundred get lost.
    pub wake_loss_percent: u64,
    /// How many of the others come twice.
    pub wake_double_percent: u64,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            effect_us: 500,
            settle_us: 500,
            late_us: 0,
            open_us: 1_000,
            wake_us: 2_000,
            wake_loss_percent: 0,
            wake_double_percent: 0,
        }
    }
}
