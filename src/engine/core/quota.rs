//! How full it is, and what is done about that: decided from numbers, without touching anything.

use futures_util::future::LocalBoxFuture;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::gate::Gate;
use crate::codec::root::Root;
use crate::error::Result;

/// This part of what is stored must have been written or removed since room was last made by compacting, before a write
/// has it done again: else every other write at the limit would.
const WORTH_OF_WRITE: u64 = 16;
/// The same in the background, where nobody waits for it.
const WORTH_AT_REST: u64 = 4;
/// What looks at all that there is rests so many times as long as it took.
const REST: f64 = 10.0;
/// A write that has no room waits for the end of that rest so long, ms.
const MOST_REST_MS: f64 = 1_000.0;
/// After that time, there may be more to collect though nothing was committed, ms.
const STALE_MS: f64 = 60_000.0;

/// What makes room, in the order of the steps; the last is what is said where none is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Entries of the op-log go that are stored elsewhere too.
    PruneOplog,
    /// Records go that have expired.
    EvictExpired,
    /// What nothing refers to goes.
    Collect,
    /// What is dead goes.
    Compact,
    /// A write was refused.
    Full,
}

impl Action {
    /// The name in the public contract.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PruneOplog => "prune-oplog",
            Self::EvictExpired => "evict-expired",
            Self::Collect | Self::Compact => "compact",
            Self::Full => "full",
        }
    }
}

/// The step after this one; none after the last.
#[must_use]
pub const fn next(after: Option<Action>) -> Option<Action> {
    match after {
        None => Some(Action::PruneOplog),
        Some(Action::PruneOplog) => Some(Action::EvictExpired),
        Some(Action::EvictExpired) => Some(Action::Collect),
        Some(Action::Collect) => Some(Action::Compact),
        Some(Action::Compact | Action::Full) => None,
    }
}

/// What the handles on an engine ask for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Policy {
    /// Steps are taken where usage is above this part of the limit; infinite where nobody has said so.
    pub threshold: f64,
    /// The patch's own budget, bytes; infinite for none.
    pub max_bytes: f64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            threshold: f64::INFINITY,
            max_bytes: f64::INFINITY,
        }
    }
}

impl Policy {
    /// What two handles ask for together: of each, the stricter.
    #[must_use]
    pub const fn strictest(self, other: Self) -> Self {
        Self {
            threshold: self.threshold.min(other.threshold),
            max_bytes: self.max_bytes.min(other.max_bytes),
        }
    }
}

/// What is known of usage and limits, bytes.
#[derive(Debug, Clone, Copy)]
pub struct Levels {
    /// What the patch takes.
    pub own: f64,
    /// Its budget; infinite for none.
    pub max_bytes: f64,
    /// The origin's usage and quota as reported, if they are.
    pub origin: Option<(f64, f64)>,
    /// The origin's usage at which a write last failed for lack of room; infinite where none has.
    pub failed_at: f64,
}

/// Usage and the limit that it is nearest to. Where there is no limit, that is 0.
#[must_use]
pub fn nearest(levels: &Levels) -> (f64, f64) {
    let own = (levels.own, levels.max_bytes);
    let origin = levels.origin.filter(|(_, quota)| *quota > 0.0);
    let origin = origin.map(|(usage, quota)| (usage, quota.min(levels.failed_at)));
    let ratio = |(usage, limit): (f64, f64)| usage / limit;
    match origin {
        Some(origin) if own.1.is_infinite() || ratio(origin) > ratio(own) => origin,
        _ if own.1.is_infinite() => (own.0, 0.0),
        _ => own,
    }
}

/// Whether steps are to be taken.
#[must_use]
pub fn is_above((usage, limit): (f64, f64), threshold: f64) -> bool {
    limit > 0.0 && usage > threshold * limit
}

/// Whether compacting may make room: enough was written or removed since it was last done for that. `needed`: bytes for which a
/// write waits; none in the background.
#[must_use]
pub fn is_worth_compacting(gained: u64, stored: u64, needed: Option<u64>) -> bool {
    match needed {
        Some(needed) => gained >= needed.max(stored / WORTH_OF_WRITE),
        None => gained >= stored / WORTH_AT_REST,
    }
}

/// Removes what is not needed any more; whether there was any.
pub type Reliever = Rc<dyn Fn() -> LocalBoxFuture<'static, Result<bool>>>;

/// What an open engine knows of its limits.
#[derive(Default)]
pub struct Quota {
    /// What its handles ask for.
    pub policy: Cell<Policy>,
    /// What the directory takes.
    pub stock: Cell<Stock>,
    /// Bytes that had been written when it was last looked how full it is.
    pub looked: Cell<u64>,
    /// How models take the first three steps, each at its place.
    pub relievers: RefCell<[Option<Reliever>; 3]>,
    /// When a model was last asked to collect.
    pub collected: Cell<Collected>,
    /// Held by whoever takes a step.
    pub stepping: Gate,
    /// Steps that have done anything.
    pub steps: Cell<u64>,
    /// What the patch took when the last such step began, bytes; 0 where what that removed is taken up, or does not come.
    pub held: Cell<u64>,
}

/// When a model was asked to collect, which looks at all that there is.
#[derive(Debug, Clone, Copy)]
pub struct Collected {
    /// The last frame of the log that was known before.
    pub known: u64,
    /// When that was done, by the monotonic clock.
    pub ended_ms: f64,
    /// How long it took.
    pub took_ms: f64,
}

impl Default for Collected {
    fn default() -> Self {
        Self {
            known: 0,
            ended_ms: f64::NEG_INFINITY,
            took_ms: 0.0,
        }
    }
}

impl Collected {
    /// How long it rests before it is asked again, ms; none where that is in vain, or not due in the background, where
    /// nobody waits. A write is not refused for it: it would be while there is something to collect.
    #[must_use]
    pub fn rests_ms(&self, known: u64, now_ms: f64, for_write: bool) -> Option<f64> {
        let since_ms = now_ms - self.ended_ms;
        let rest_ms = (REST * self.took_ms - since_ms).max(0.0);
        let has_changed = known != self.known || since_ms >= STALE_MS;
        let is_due = for_write || rest_ms <= MOST_REST_MS;
        (has_changed && is_due).then_some(rest_ms.min(MOST_REST_MS))
    }
}

/// What the directory of an epoch takes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stock {
    /// Its epoch; none where it must be looked at anew.
    pub epoch: Option<u64>,
    /// Bytes of all of it and its garbage.
    pub bytes: u64,
    /// Bytes of a record, in the mean.
    pub mean: u64,
    /// Bytes of keys and values, those included that are hidden.
    pub held: u64,
    /// About how many bytes of pieces are listed as garbage whose cells lie in it still.
    pub hidden: u64,
}

impl Stock {
    /// What another directory takes, with `garbage` bytes of it left to be deleted, and `hides` more bytes of pieces
    /// hidden in it.
    #[must_use]
    pub fn next(self, root: &Root, garbage: u64, hides: u64) -> Self {
        let entries = root.runs.iter().flatten();
        let entries = entries.map(|entry| (entry.bytes, entry.records));
        let pages = root.levels.iter().flatten();
        let pages = pages.map(|page| (page.bytes, page.records));
        let (mut held, mut records) = (0, 0);
        for (bytes, live) in entries.chain(pages) {
            held += bytes;
            records += live;
        }
        // What merges have dropped since was hidden.
        let dropped = self.held.saturating_sub(held);
        let hidden = match is_merged(root) {
            true => 0,
            false => self.hidden.saturating_sub(dropped) + hides,
        };
        Self {
            epoch: Some(root.epoch),
            bytes: held.saturating_sub(hidden) + garbage,
            mean: held / records.max(1),
            held,
            hidden,
        }
    }
}

/// Whether nothing in the directory hides anything.
#[must_use]
pub fn is_merged(root: &Root) -> bool {
    let filled = root.levels.iter().filter(|level| !level.is_empty()).count();
    root.runs.is_empty() && filled <= 1
}

#[cfg(test)]
mod tests;
