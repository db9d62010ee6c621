//! Cutting ranges out of the directory: what range tombstones become when they are flushed.

use std::rc::Rc;

use super::directory;
use super::flip::Flip;
use crate::backend::RecordKey;
use crate::codec::entry::Entry;
use crate::codec::root::{Garbage, PageRef};
use crate::engine::core::instance::Core;
use crate::engine::core::loading::LoadError;
use crate::engine::keyspace::access::KeyRange;
use crate::engine::keyspace::entries::Listing;
use crate::engine::keyspace::ranges::Ranges;
use crate::engine::keyspace::source::Source;
use crate::engine::store::load::run_attempts;
use crate::engine::store::staging::SegmentSink;
use crate::error::Result;

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
    let mut runs = std::mem::take(&mut flip.root.runs);
    for run in &mut runs {
        if run.iter().any(|entry| touches(entry, ranges)) {
            *run = cut_entries(core, flip, run, ranges).await?;
        }
    }
    runs.retain(|run| !run.is_empty());
    flip.root.runs = runs;
    for at in 0..flip.root.levels.len() {
        cut_level(core, flip, at, ranges).await?;
    }
    Ok(())
}

fn touches(entry: &Entry, ranges: &Ranges) -> bool {
    ranges.touch(&entry.first, &entry.last)
}

async fn cut_level(core: &Rc<Core>, flip: &mut Flip, at: usize, ranges: &Ranges) -> Result<()> {
    let old = flip.root.levels.get(at).cloned().unwrap_or_default();
    let is_hit = |page: &PageRef| ranges.touch(&page.first, &page.last);
    let mut level = old.clone();
    // Pages between those that are touched stay as they are.
    for pages in old.chunk_by(|a, b| is_hit(a) == is_hit(b)) {
        if pages.first().is_some_and(is_hit) {
            cut_pages(core, flip, &mut level, pages, ranges).await?;
        }
    }
    if let Some(place) = flip.root.levels.get_mut(at) {
        *place = level;
    }
    Ok(())
}

/// Removes ranges from some neighbouring pages of a level.
async fn cut_pages(
    core: &Rc<Core>,
    flip: &mut Flip,
    level: &mut Vec<PageRef>,
    pages: &[PageRef],
    ranges: &Ranges,
) -> Result<()> {
    let mut hit = Vec::new();
    for page in pages {
        let entries = directory::entries_of(core, page)
            .await
            .map_err(LoadError::into_error)?;
        hit.extend(entries.iter().filter(|e| touches(e, ranges)).cloned());
    }
    let (Some(low), Some(high)) = (hit.first(), hit.last()) else {
        return Ok(());
    };
    let left = cut_entries(core, flip, &hit, ranges).await?;
    let replace = |mut entries: Vec<Entry>| {
        entries.retain(|entry| !touches(entry, ranges));
        entries.extend(left);
        entries.sort_by(|a, b| a.first.cmp(&b.first));
        entries
    };
    let Flip {
        staging, garbage, ..
    } = flip;
    let bounds = (&*low.first, &*high.last);
    directory::edit(core, staging, level, bounds, garbage, Box::new(replace))
        .await
        .map_err(LoadError::into_error)
}

/// What is left of sorted entries without the ranges.
async fn cut_entries(
    core: &Rc<Core>,
    flip: &mut Flip,
    entries: &[Entry],
    ranges: &Ranges,
) -> Result<Vec<Entry>> {
    let mut left = Vec::new();
    for entry in entries {
        if !touches(entry, ranges) {
            left.push(entry.clone());
            continue;
        }
        if !ranges.cover(&entry.first, &entry.last) {
            left.extend(rewrite(core, flip, entry, ranges).await?);
        }
        flip.garbage
            .push(Garbage::new(RecordKey::Run(entry.id), entry.stored));
    }
    Ok(left)
}

/// Writes the cells of a segment that are outside of the ranges.
async fn rewrite(
    core: &Rc<Core>,
    flip: &mut Flip,
    entry: &Entry,
    ranges: &Ranges,
) -> Result<Vec<Entry>> {
    let listing = Listing::Run(Rc::new(vec![entry.clone()]));
    let mut source = Source::segments(listing, KeyRange::everything(), false);
    let mut sink = SegmentSink::new(core, false, 0);
    let cache = core.context.cache.clone();
    while let Some((key, cell)) = run_attempts(core, || source.cell(&cache, false))
        .await
        .map_err(LoadError::into_error)?
    {
        source.step(false);
        if !ranges.contains(&key) {
            sink.push(&mut flip.staging, &key, &cell).await?;
        }
    }
    sink.close(&mut flip.staging).await?;
    Ok(sink.entries)
}
