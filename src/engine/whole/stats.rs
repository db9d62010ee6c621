//! Counting what is stored.

use bytes::Bytes;
use std::rc::Rc;

use crate::codec::cell::{Cell, Value};
use crate::engine::core::fitting::fitting_view;
use crate::engine::core::instance::Core;
use crate::engine::core::loading::LoadError;
use crate::engine::core::slice::Slice;
use crate::engine::keyspace::access::KeyRange;
use crate::engine::keyspace::now::Now;
use crate::engine::keyspace::scan::Scan;
use crate::engine::keyspace::view::View;
use crate::engine::log::reading::renewed_view;
use crate::engine::store::garbage;
use crate::engine::store::load::overcome;
use crate::engine::upkeep::dead;
use crate::engine::upkeep::poll;
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
    /// Stored bytes of replaced records and pieces, and the bytes of cells that newer ones hide.
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
        let view = fitting_view(&core).await?;
        match stats_of(&core, &view, &ranges).await {
            Ok(stats) => return Ok(stats),
            Err(LoadError::Fail(error)) => return Err(error),
            Err(LoadError::Missing) => drop(renewed_view(&core, &view).await?),
        }
    }
}

async fn stats_of(core: &Rc<Core>, view: &View, ranges: &[KeyRange]) -> Result<Stats, LoadError> {
    let mut stats = Stats::default();
    let now = Now::default();
    for range in ranges {
        count(core, view, range, &now, &mut stats).await?;
    }
    // What is beside the ranges (indexes, markers) is no garbage either.
    let mut all = Stats::default();
    count(core, view, &KeyRange::everything(), &now, &mut all).await?;
    let listed = garbage::listed(core);
    let dead = dead::of_tail(core, view).await?;
    let replaced: u64 = listed
        .iter()
        .chain(&dead.garbage)
        .map(|garbage| garbage.bytes)
        .sum();
    stats.garbage_bytes = replaced + all.garbage_bytes;
    stats.log_bytes = core.state.borrow().tail_bytes as u64;
    stats.written_bytes = core.written_bytes.get();
    Ok(stats)
}

async fn count(
    core: &Rc<Core>,
    view: &View,
    range: &KeyRange,
    now: &Now,
    stats: &mut Stats,
) -> Result<(), LoadError> {
    let mut scan = Scan::of_view(view, range, false);
    let mut slice = Slice::new(core);
    loop {
        slice.breathe(core).await;
        // (Of a hidden piece, it is known by other means whether it is there still.)
        let mut hidden = |key: &Bytes, cell: &Cell| {
            stats.garbage_bytes += match cell.value {
                Value::Tombstone => 0,
                Value::Piece(_) => key.len() as u64,
                Value::Inline(_) => key.len() as u64 + cell.len(),
            };
        };
        match scan.measure(&core.context, range, now, &mut hidden) {
            Ok(Some((_, measure))) => {
                stats.records += measure.records;
                stats.live_bytes += measure.bytes;
            }
            Ok(None) => return Ok(()),
            Err(stop) => overcome(core, stop).await?,
        }
    }
}
