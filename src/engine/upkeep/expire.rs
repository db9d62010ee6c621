//! Taking what has expired out of the directory, where it lies.
//!
//! Only what the stored clock calls expired goes, for good: it becomes a tombstone, or nothing where nothing lies
//! deeper. A segment that may hold any is written anew in its place; none is left of which the directory says that.

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use std::rc::Rc;

use super::dead;
use super::directory;
use super::flip::Flip;
use super::merge;
use crate::backend::RecordKey;
use crate::codec::cell::Cell;
use crate::codec::entry::Entry;
use crate::codec::root::{Garbage, PageRef, Root};
use crate::engine::core::gate::Pass;
use crate::engine::core::instance::Core;
use crate::engine::core::loading::LoadError;
use crate::engine::core::slice::Slice;
use crate::engine::keyspace::access::KeyRange;
use crate::engine::keyspace::entries::Listing;
use crate::engine::keyspace::source::Source;
use crate::engine::store::load::run_attempts;
use crate::engine::store::staging::SegmentSink;
use crate::error::Result;

/// Stored bytes of segments after which a step ends.
const STEP_BYTES: u64 = 2 << 20;

/// Moves the stored clock, and writes some segments anew that hold what has expired by it. True when the step is live.
///
/// # Errors
/// What reading or writing fails with; nothing is changed then.
pub fn step<'a>(core: &'a Rc<Core>, maintenance: &'a Pass) -> LocalBoxFuture<'a, Result<bool>> {
    // Boxed, so that its state is not part of every caller's.
    step_now(core, maintenance).boxed_local()
}

async fn step_now(core: &Rc<Core>, _maintenance: &Pass) -> Result<bool> {
    let mut flip = Flip::new(core);
    flip.move_clock(core);
    let mut expiring = Expiring {
        core,
        left: STEP_BYTES,
        gone: 0,
    };
    match expiring.all(&mut flip).await {
        Ok(()) if flip.garbage.is_empty() && !flip.moves_clock(core) => Ok(false),
        Ok(()) => {
            let is_live = flip.run(core).await?;
            let gone = if is_live { expiring.gone } else { 0 };
            core.expired.set(core.expired.get() + gone);
            Ok(is_live)
        }
        Err(error) => {
            flip.staging.abandon().await;
            Err(error)
        }
    }
}

struct Expiring<'a> {
    core: &'a Rc<Core>,
    /// Stored bytes that are still to be looked into.
    left: u64,
    /// Cells that have expired.
    gone: u64,
}

impl Expiring<'_> {
    async fn all(&mut self, flip: &mut Flip) -> Result<()> {
        for at in 0..flip.root.runs.len() {
            let run = flip.root.runs.get(at).cloned().unwrap_or_default();
            let mut anew = Vec::new();
            for entry in run {
                if self.takes(flip, &entry) {
                    let hides = hides_older(&flip.root, at + 1, 0, &entry);
                    anew.extend(self.rewrite(flip, &entry, hides).await?);
                } else {
                    anew.push(entry);
                }
            }
            if let Some(place) = flip.root.runs.get_mut(at) {
                *place = anew;
            }
        }
        flip.root.runs.retain(|run| !run.is_empty());
        for at in 0..flip.root.levels.len() {
            let pages = flip.root.levels.get(at).cloned().unwrap_or_default();
            for page in pages
                .iter()
                .filter(|page| flip.has_past(&page.expiry))
                .cloned()
                .collect::<Vec<_>>()
            {
                self.page(flip, at, &page).await?;
            }
        }
        Ok(())
    }

    async fn page(&mut self, flip: &mut Flip, at: usize, page: &PageRef) -> Result<()> {
        if self.left == 0 {
            return Ok(());
        }
        let entries = directory::entries_of(self.core, page).await;
        let entries = entries.map_err(LoadError::into_error)?;
        let (mut gone, mut anew) = (Vec::new(), Vec::new());
        for entry in entries.iter() {
            if self.takes(flip, entry) {
                let hides = hides_older(&flip.root, usize::MAX, at + 1, entry);
                anew.extend(self.rewrite(flip, entry, hides).await?);
                gone.push(entry.clone());
            }
        }
        let replaced = merge::replace(self.core, flip, at, &gone, anew).await;
        replaced.map_err(LoadError::into_error)
    }

    /// Whether a segment is to be looked into in this step.
    fn takes(&mut self, flip: &Flip, entry: &Entry) -> bool {
        let takes = self.left > 0 && flip.has_past(&entry.expiry);
        if takes {
            self.left = self.left.saturating_sub(entry.stored.max(1));
        }
        takes
    }

    /// Writes a segment anew without what has expired. `hides`: something older may lie below it.
    async fn rewrite(&mut self, flip: &mut Flip, entry: &Entry, hides: bool) -> Result<Vec<Entry>> {
        let core = self.core;
        let listing = Listing::Run(Rc::new(vec![entry.clone()]));
        let mut source = Source::segments(listing, KeyRange::everything(), false);
        let mut sink = SegmentSink::new(core, false, flip.keep_bytes(core));
        let cache = core.context.cache.clone();
        let mut slice = Slice::new(core);
        loop {
            let next = run_attempts(core, || source.cell(&cache, false)).await;
            let Some((key, mut cell)) = next.map_err(LoadError::into_error)? else {
                break;
            };
            source.step(false);
            if flip.is_past(cell.marks.as_slice()) {
                // planted: piece-unlisted
                let piece = dead::newest_piece(core, &key, &cell).await;
                let piece = piece.map_err(LoadError::into_error)?;
                flip.garbage.extend(piece.and_then(Garbage::piece));
                cell = Cell::tombstone();
                self.gone += 1;
            }
            // planted: expired-uncovers
            if hides || !cell.is_tombstone() {
                sink.push(&mut flip.staging, &key, &cell).await?;
            }
            slice.breathe(core).await;
        }
        sink.close(&mut flip.staging).await?;
        flip.records.append(&mut sink.records);
        flip.garbage
            .push(Garbage::new(RecordKey::Run(entry.id), entry.stored));
        Ok(sink.entries)
    }
}

/// Whether any run from this one on, or level from that one on, overlaps a segment.
fn hides_older(root: &Root, run: usize, level: usize, entry: &Entry) -> bool {
    let mut runs = root.runs.iter().skip(run).flatten();
    let mut pages = root.levels.iter().skip(level).flatten();
    runs.any(|older| older.overlaps(&entry.first, &entry.last))
        || pages.any(|page| page.first <= entry.last && entry.first <= page.last)
}
