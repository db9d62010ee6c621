//! Counting what is stored.

use std::rc::Rc;

use super::access::KeyRange;
use super::core::Core;
use super::cut::everything;
use super::directory;
use super::intake;
use super::load::{LoadError, overcome};
use super::poll;
use super::scan::Scan;
use super::slice::Slice;
use super::view::View;
use crate::error::Result;

/// What is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Live records in the ranges asked for.
    pub records: u64,
    /// Bytes of their keys and values, before compression.
    pub live_bytes: u64,
    /// Bytes of the log above the directory, cited runs included.
    pub log_bytes: u64,
    /// Stored bytes of replaced records, and the bytes of cells in segments that newer ones hide.
    pub garbage_bytes: u64,
    /// Bytes handed to the backend since the engine was opened.
    pub written_bytes: u64,
}

/// Counts the live records of some ranges, once the calls issued before are settled. A segment that nothing
/// else overlaps is not read: the directory knows its counts.
///
/// # Errors
/// What reading fails with.
pub async fn stats(core: Rc<Core>, ranges: Vec<KeyRange>) -> Result<Stats> {
    poll::before(&core).await;
    core.settled_so_far().await;
    loop {
        core.check_open()?;
        let view = core.view();
        match stats_of(&core, &view, &ranges).await {
            Ok(stats) => return Ok(stats),
            Err(LoadError::Fail(error)) => return Err(error),
            Err(LoadError::Missing) => drop(intake::renewed_view(&core, &view).await?),
        }
    }
}

async fn stats_of(core: &Rc<Core>, view: &View, ranges: &[KeyRange]) -> Result<Stats, LoadError> {
    let mut stats = Stats::default();
    for range in ranges {
        count(core, view, range, &mut stats).await?;
    }
    // What is beside the ranges (indexes, markers) is no garbage either.
    let mut all = Stats::default();
    count(core, view, &everything(), &mut all).await?;
    let in_segments = bytes_in_segments(core, view).await?;
    let replaced: u64 = view.root.garbage.iter().map(|garbage| garbage.bytes).sum();
    stats.garbage_bytes = replaced + in_segments.saturating_sub(all.live_bytes);
    stats.log_bytes = core.state.borrow().tail_bytes as u64;
    stats.written_bytes = core.written_bytes.get();
    Ok(stats)
}

async fn bytes_in_segments(core: &Rc<Core>, view: &View) -> Result<u64, LoadError> {
    let mut bytes = view
        .root
        .runs
        .iter()
        .flatten()
        .map(|entry| entry.bytes)
        .sum::<u64>();
    for page in view.root.levels.iter().flatten() {
        bytes += directory::entries_of(core, page)
            .await?
            .iter()
            .map(|e| e.bytes)
            .sum::<u64>();
    }
    Ok(bytes)
}

async fn count(
    core: &Rc<Core>,
    view: &View,
    range: &KeyRange,
    stats: &mut Stats,
) -> Result<(), LoadError> {
    let mut scan = Scan::of_view(view, range, false);
    let mut slice = Slice::new(core);
    loop {
        slice.breathe(core).await;
        match scan.measure(&core.ground.cache, range) {
            Ok(Some((_, measure))) => {
                stats.records += measure.records;
                stats.live_bytes += measure.bytes;
            }
            Ok(None) => return Ok(()),
            Err(stop) => overcome(core, stop).await?,
        }
    }
}
