//! What upkeep does next: decided from what is known, without touching anything.

use crate::codec::root::{PageRef, Root};
use crate::engine::core::options::Limits;

/// Level 0 is merged when it has this many runs and enough bytes: small ones are worth
/// waiting for, since each merge rewrites what it overlaps in level 1.
const LEVEL0_RUNS: usize = 4;
/// Runs at which level 0 is merged however small they are.
const LEVEL0_RUNS_MOST: usize = 10;
/// The same where room is short: what newer runs hide in older ones takes some.
const LEVEL0_RUNS_PRESSED: usize = 2;
/// Runs in level 0 from which on a commit waits for a merge.
const CROWDED_RUNS: usize = 16;
/// How many times more each level takes than the one above it.
const FANOUT: u64 = 10;
/// How full the log has to be for a flush as soon as there are no writes: what is in it is read and replayed by whoever
/// opens the patch next.
const WORTH_A_FLUSH: f64 = 0.125;
/// How full it is when a commit waits for a flush.
const OVERFULL: f64 = 2.0;

/// What is in the log, above the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tail {
    /// Frames in the log.
    pub frames: usize,
    /// Their bytes.
    pub bytes: usize,
    /// About how many bytes of pieces they put or hide.
    pub pieces: u64,
}

/// A step of upkeep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing is due; upkeep ends.
    Rest,
    /// The log becomes runs.
    Flush,
    /// What has expired leaves the directory.
    Expire,
    /// What is picked of this level goes into the next one.
    Merge(usize, Pick),
}

/// What a step of a merge takes from the upper level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// All of it: runs of level 0 overlap, and a whole compaction leaves nothing.
    All,
    /// One segment, in the order of keys.
    Nth(u64),
}

impl Tail {
    /// How full the log is, 1.0 being the line.
    #[must_use]
    pub fn fullness(&self, limits: &Limits) -> f64 {
        let frames = self.frames as f64 / limits.log_frames as f64;
        let bytes = self.bytes as f64 / limits.log_bytes as f64;
        let pieces = self.pieces as f64 / limits.piece_bytes as f64;
        frames.max(bytes).max(pieces)
    }

    /// Whether it is worth a flush while there are no writes.
    #[must_use]
    pub fn is_worth_a_flush(&self, limits: &Limits) -> bool {
        self.fullness(limits) >= WORTH_A_FLUSH
    }
}

/// Whether pieces that the log hides are worth a flush while there are no writes, so many bytes of them.
#[must_use]
pub fn is_worth_freeing(dead_bytes: u64, limits: &Limits) -> bool {
    dead_bytes as f64 >= WORTH_A_FLUSH * limits.piece_bytes as f64
}

/// What is due in the background. `pressed`: room is short. `dice`: any number, at random.
#[must_use]
pub fn next(root: &Root, tail: Tail, limits: &Limits, pressed: bool, dice: u64) -> Step {
    if tail.fullness(limits) >= 1.0 {
        return Step::Flush;
    }
    match level_due(root, limits, pressed) {
        Some(0) => Step::Merge(0, Pick::All),
        Some(level) => Step::Merge(level, pick(above(root, level), dice)),
        None => Step::Rest,
    }
}

/// Whether a commit waits for a merge: flushes have outrun the merges, here or in other tabs.
#[must_use]
pub fn is_crowded(root: &Root) -> bool {
    root.runs.len() >= CROWDED_RUNS
}

/// Whether a commit waits for a flush: commits have outrun the flushes.
#[must_use]
pub fn is_overfull(tail: Tail, limits: &Limits) -> bool {
    tail.fullness(limits) >= OVERFULL
}

/// The next step of merging everything into one level, once nothing is left in the log.
#[must_use]
pub fn compacting(root: &Root) -> Step {
    if !root.runs.is_empty() {
        return Step::Merge(0, Pick::All);
    }
    let levels = root.levels.iter().enumerate();
    let mut filled = levels.filter(|(_, level)| !level.is_empty());
    match (filled.next(), filled.next()) {
        (Some((upper, _)), Some(_)) => Step::Merge(upper + 1, Pick::All),
        _ => Step::Rest,
    }
}

/// Which level is most in need of a merge, if any.
fn level_due(root: &Root, limits: &Limits, pressed: bool) -> Option<usize> {
    let runs = root.runs.len();
    let most = match pressed {
        true => LEVEL0_RUNS_PRESSED,
        false => LEVEL0_RUNS_MOST,
    };
    let stored: u64 = root.runs.iter().flatten().map(|entry| entry.stored).sum();
    if runs >= most || runs >= LEVEL0_RUNS && stored >= limits.level0_bytes {
        return Some(0);
    }
    let mut target = limits.level1_bytes;
    for (at, level) in root.levels.iter().enumerate() {
        if level.iter().map(|page| page.stored).sum::<u64>() > target {
            return Some(at + 1);
        }
        target = target.saturating_mul(FANOUT);
    }
    None
}

/// The pages of the level that a merge of `level` takes from.
fn above(root: &Root, level: usize) -> &[PageRef] {
    let at = level.checked_sub(1);
    at.and_then(|at| root.levels.get(at))
        .map_or(&[], Vec::as_slice)
}

/// One segment by chance: over time, all get their turn, with no pointer to keep.
fn pick(pages: &[PageRef], dice: u64) -> Pick {
    let total: u64 = pages.iter().map(|page| page.entries).sum();
    Pick::Nth(dice % total.max(1))
}

/// The page in which the segment with this number lies, and its number there.
#[must_use]
pub fn page_of(pages: &[PageRef], mut at: u64) -> Option<(&PageRef, usize)> {
    for page in pages {
        if at < page.entries {
            return Some((page, at as usize));
        }
        at -= page.entries;
    }
    None
}

/// The uppermost level below 0 (from 0) that takes so many bytes.
#[must_use]
pub fn level_for(stored: u64, limits: &Limits) -> usize {
    let mut room = limits.level1_bytes;
    let mut at = 0;
    while room < stored {
        room = room.saturating_mul(FANOUT);
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests;
