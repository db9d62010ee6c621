//! Cutting out of the directory: the ranges that range tombstones become when they are flushed, and what has expired.
//!
//! Of what has expired by the stored clock, a tombstone is left while something older may lie below. A segment that may
//! hold any is written anew in its place; none is left of which the directory says that it may.

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use std::rc::Rc;

use super::dead;
use super::directory;
use super::flip::Flip;
use crate::backend::{Id, RecordKey};
use crate::codec::cell::Cell;
use crate::codec::entry::Entry;
use crate::codec::root::{Garbage, PageRef, Root};
use crate::engine::core::instance::Core;
use crate::engine::core::loading::LoadError;
use crate::engine::core::slice::Slice;
use crate::engine::keyspace::access::KeyRange;
use crate::engine::keyspace::entries::Listing;
use crate::engine::keyspace::ranges::Ranges;
use crate::engine::keyspace::source::Source;
use crate::engine::store::load::run_attempts;
use crate::engine::store::staging::SegmentSink;
use crate::error::Result;
use crate::sorted::SortedSet;

/// Stored bytes of segments with what has expired, after which a step ends.
const STEP_BYTES: u64 = 2 << 20;

/// Removes ranges from every run and level of the flip's root, all of them in one pass: a segment that several
/// touch is rewritten once.
///
/// # Errors
/// What reading or writing fails with.
pub async fn cut(core: &Rc<Core>, flip: &mut Flip, ranges: &Ranges) -> Result<()> {
    if ranges.is_empty() {
        return Ok(());
    }
    // What was staged for this very flip may have to be read again.
    flip.staging.write().await?;
    let mut cutting = Cutting {
        core,
        ranges: Some(ranges),
        left: u64::MAX,
        expired: 0,
    };
    cutting.all(flip).await
}

/// Removes some of what has expired by the stored clock that the flip will make live; how many records.
///
/// # Errors
/// What reading or writing fails with.
pub async fn expired(core: &Rc<Core>, flip: &mut Flip) -> Result<u64> {
    let mut cutting = Cutting {
        core,
        ranges: None,
        left: STEP_BYTES,
        expired: 0,
    };
    cutting.all(flip).await?;
    Ok(cutting.expired)
}

struct Cutting<'a> {
    core: &'a Rc<Core>,
    /// None: what has expired.
    ranges: Option<&'a Ranges>,
    /// Stored bytes of segments that are still to be looked into.
    left: u64,
    /// Records that had expired.
    expired: u64,
}

/// What lies below a segment: the runs from the first on, the levels from the second on.
type Below = (usize, usize);

impl Cutting<'_> {
    fn all<'a>(&'a mut self, flip: &'a mut Flip) -> LocalBoxFuture<'a, Result<()>> {
        // Boxed, so that its state is not part of every caller's.
        self.all_now(flip).boxed_local()
    }

    async fn all_now(&mut self, flip: &mut Flip) -> Result<()> {
        for at in 0..flip.root.runs.len() {
            let run = flip.root.runs.get(at).cloned().unwrap_or_default();
            let hit = self.hit(flip, &run);
            if !run.iter().any(|entry| hit.contains(&entry.id)) {
                continue;
            }
            let left = self.entries(flip, &run, &hit, (at + 1, 0)).await?;
            if let Some(place) = flip.root.runs.get_mut(at) {
                *place = left;
            }
        }
        flip.root.runs.retain(|run| !run.is_empty());
        for at in 0..flip.root.levels.len() {
            self.level(flip, at).await?;
        }
        Ok(())
    }

    /// The segments among some that are to be looked into.
    fn hit(&mut self, flip: &Flip, entries: &[Entry]) -> SortedSet<Id> {
        let is_hit = |entry: &&Entry| {
            let is_hit = match self.ranges {
                Some(ranges) => ranges.touch(&entry.first, &entry.last),
                None => self.left > 0 && flip.has_past(&entry.expiry),
            };
            if is_hit {
                self.left = self.left.saturating_sub(entry.stored.max(1));
            }
            is_hit
        };
        entries
            .iter()
            .filter(is_hit)
            .map(|entry| entry.id)
            .collect()
    }

    async fn level(&mut self, flip: &mut Flip, at: usize) -> Result<()> {
        let old = flip.root.levels.get(at).cloned().unwrap_or_default();
        let ranges = self.ranges;
        let hits: Vec<bool> = (old.iter())
            .map(|page| match ranges {
                Some(ranges) => ranges.touch(&page.first, &page.last),
                None => flip.has_past(&page.expiry),
            })
            .collect();
        let mut level = old.clone();
        let mut from = 0;
        // Pages between those that are touched stay as they are.
        for chunk in hits.chunk_by(|a, b| a == b) {
            let pages = old.get(from..from + chunk.len()).unwrap_or_default();
            from += chunk.len();
            if chunk.first() == Some(&true) {
                self.pages(flip, &mut level, pages, (usize::MAX, at + 1))
                    .await?;
            }
        }
        if let Some(place) = flip.root.levels.get_mut(at) {
            *place = level;
        }
        Ok(())
    }

    /// Looks into some neighbouring pages of a level.
    async fn pages(
        &mut self,
        flip: &mut Flip,
        level: &mut Vec<PageRef>,
        pages: &[PageRef],
        below: Below,
    ) -> Result<()> {
        if self.left == 0 {
            return Ok(());
        }
        let mut all = Vec::new();
        for page in pages {
            let entries = directory::entries_of(self.core, page).await;
            let entries = entries.map_err(LoadError::into_error)?;
            all.extend(entries.iter().cloned());
        }
        let hit = self.hit(flip, &all);
        all.retain(|entry| hit.contains(&entry.id));
        let (Some(low), Some(high)) = (all.first(), all.last()) else {
            return Ok(());
        };
        let left = self.entries(flip, &all, &hit, below).await?;
        let replace =
            |entries| directory::replaced(entries, &|entry| hit.contains(&entry.id), left);
        let Flip {
            staging, garbage, ..
        } = flip;
        let bounds = (&*low.first, &*high.last);
        directory::edit(
            self.core,
            staging,
            level,
            bounds,
            garbage,
            Box::new(replace),
        )
        .await
        .map_err(LoadError::into_error)
    }

    /// What is left of sorted entries.
    async fn entries(
        &mut self,
        flip: &mut Flip,
        entries: &[Entry],
        hit: &SortedSet<Id>,
        below: Below,
    ) -> Result<Vec<Entry>> {
        let mut left = Vec::new();
        for entry in entries {
            if !hit.contains(&entry.id) {
                left.push(entry.clone());
                continue;
            }
            let is_covered = |ranges: &Ranges| ranges.cover(&entry.first, &entry.last);
            if !self.ranges.is_some_and(is_covered) {
                // What a range leaves is taken over as it is.
                let hides = self.ranges.is_some() || hides_older(&flip.root, below, entry);
                left.extend(self.rewrite(flip, entry, hides).await?);
            }
            flip.garbage
                .push(Garbage::new(RecordKey::Run(entry.id), entry.stored));
        }
        Ok(left)
    }

    /// Writes the cells of a segment that stay. `hides`: tombstones do.
    async fn rewrite(&mut self, flip: &mut Flip, entry: &Entry, hides: bool) -> Result<Vec<Entry>> {
        let core = self.core;
        let listing = Listing::Run(Rc::new(vec![entry.clone()]));
        let mut source = Source::segments(listing, KeyRange::everything(), false);
        let mut sink = SegmentSink::new(core, None, 0);
        let cache = core.context.cache.clone();
        // (A range's edges are few.)
        let mut slice = self.ranges.is_none().then(|| Slice::new(core));
        loop {
            let next = run_attempts(core, || source.cell(&cache, false)).await;
            let Some((key, mut cell)) = next.map_err(LoadError::into_error)? else {
                break;
            };
            source.step(false);
            if let Some(slice) = &mut slice {
                slice.breathe(core).await;
            }
            match self.ranges {
                Some(ranges) if ranges.contains(&key) => continue,
                None if flip.is_past(cell.marks.as_slice()) => {
                    let piece = dead::newest_piece(core, &key, &cell).await;
                    let piece = piece.map_err(LoadError::into_error)?;
                    // planted: piece-unlisted
                    flip.garbage.extend(piece.and_then(Garbage::piece));
                    cell = Cell::tombstone();
                    self.expired += 1;
                }
                _ => {}
            }
            // planted: expired-uncovers
            if hides || !cell.is_tombstone() {
                sink.push(&mut flip.staging, &key, &cell).await?;
            }
        }
        sink.close(&mut flip.staging).await?;
        Ok(sink.entries)
    }
}

/// Whether anything that lies below overlaps a segment.
fn hides_older(root: &Root, (run, level): Below, entry: &Entry) -> bool {
    let mut runs = root.runs.iter().skip(run).flatten();
    let mut pages = root.levels.iter().skip(level).flatten();
    runs.any(|older| older.overlaps(&entry.first, &entry.last))
        || pages.any(|page| page.first <= entry.last && entry.first <= page.last)
}
