//! How an engine is opened, and why it is closed.

use crate::backend::Durability;

/// From where on the engine tidies up.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Frames in the log at which the realm that wrote the last one flushes.
    pub log_frames: usize,
    /// Bytes in the log at which it does.
    pub log_bytes: usize,
    /// Bytes of pieces that the log cites or hides at which it does.
    pub piece_bytes: u64,
    /// Bytes of replaced records that may wait for slow readers once there are no more writes; three times as
    /// many while somebody does.
    pub garbage_bytes: u64,
    /// Stored bytes from which on level 0 is merged.
    pub level0_bytes: u64,
    /// Stored bytes of level 1 above which it is merged; each level below takes ten times more.
    pub level1_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            log_frames: 400,
            log_bytes: 2 << 20,
            piece_bytes: 8 << 20,
            garbage_bytes: 4 << 20,
            level0_bytes: 2 << 20,
            level1_bytes: 8 << 20,
        }
    }
}

/// What is done where there is no patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// Opening creates an empty one.
    Create,
    /// One is begun that does not count as there before its first generation.
    Prepare,
    /// Opening is refused.
    Refuse,
}

/// How an engine is opened.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// What a resolved write promises.
    pub durability: Durability,
    /// Bytes of segments and decoded pages kept in memory.
    pub cache_bytes: usize,
    /// How often the log is looked at for the commits of other tabs, ms; 0 for never.
    pub poll_ms: u32,
    /// Whether no other tab can have it open: there are no commits to look for.
    pub alone: bool,
    /// How long it must have been idle before its connection is closed, ms. The next use opens another.
    pub idle_ms: u32,
    /// When to flush and merge.
    pub limits: Limits,
    /// What to do where there is no patch.
    pub absent: Absent,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durability: Durability::Relaxed,
            cache_bytes: 32 << 20,
            poll_ms: 700,
            alone: false,
            idle_ms: 45_000,
            limits: Limits::default(),
            absent: Absent::Create,
        }
    }
}

/// Why an engine is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// By its own `close`.
    Closed,
    /// The patch was deleted, in this tab or another one.
    Deleted,
    /// Another version of the database is wanted.
    VersionChange,
    /// The connection was lost and could not be restored, or the data are gone.
    Lost,
    /// An invariant was broken, which is named.
    Broken(&'static str),
}
