//! Cutting a range out of the directory: what a range tombstone becomes when it is flushed.

use bytes::Bytes;
use std::rc::Rc;

use super::access::KeyRange;
use super::core::Core;
use super::directory;
use super::entries::Listing;
use super::flip::Flip;
use super::load::{LoadError, run_attempts};
use super::source::Source;
use super::staging::SegmentSink;
use crate::backend::Key;
use crate::codec::entry::Entry;
use crate::codec::root::Garbage;
use crate::error::{Error, Result};

/// All keys.
#[must_use]
pub fn everything() -> KeyRange {
    KeyRange {
        from: Bytes::new(),
        until: Bytes::from_static(&[0xff]),
    }
}

/// A load error outside of a reader: what is missing was live when the flip began, so another
/// flip has won, or it is gone.
pub fn as_error(error: LoadError) -> Error {
    match error {
        LoadError::Fail(error) => error,
        LoadError::Missing => Error::corrupt("a segment or directory page is missing"),
    }
}

/// Removes a range from every run and level of the flip's root.
///
/// # Errors
/// What reading or writing fails with.
pub async fn cut(core: &Rc<Core>, flip: &mut Flip, range: &KeyRange) -> Result<()> {
    // What was staged for this very flip may have to be read again.
    flip.staging.write().await?;
    let mut runs = std::mem::take(&mut flip.root.runs);
    for run in &mut runs {
        if run.iter().any(|entry| touches(entry, range)) {
            *run = cut_entries(core, flip, run, range).await?;
        }
    }
    runs.retain(|run| !run.is_empty());
    flip.root.runs = runs;
    for at in 0..flip.root.levels.len() {
        cut_level(core, flip, at, range).await?;
    }
    Ok(())
}

fn touches(entry: &Entry, range: &KeyRange) -> bool {
    entry.first < range.until && range.from <= entry.last
}

async fn cut_level(core: &Rc<Core>, flip: &mut Flip, at: usize, range: &KeyRange) -> Result<()> {
    let mut level = flip.root.levels.get(at).cloned().unwrap_or_default();
    let (from, until) = (range.from.clone(), range.until.clone());
    let hit = directory::overlapping(core, &level, &from, &until)
        .await
        .map_err(as_error)?;
    let hit: Vec<Entry> = hit
        .into_iter()
        .filter(|entry| touches(entry, range))
        .collect();
    if hit.is_empty() {
        return Ok(());
    }
    let left = cut_entries(core, flip, &hit, range).await?;
    let replace = |mut entries: Vec<Entry>| {
        entries.retain(|entry| !hit.iter().any(|gone| gone.id == entry.id));
        let place = entries.partition_point(|entry| entry.first < from);
        // The left part of the segment at the lower edge is below `from`: sorted in, not appended.
        entries.splice(place..place, left);
        entries.sort_by(|a, b| a.first.cmp(&b.first));
        entries
    };
    let bounds = (hit.first(), hit.last());
    let (Some(low), Some(high)) = bounds else {
        return Ok(());
    };
    let (low, high) = (low.first.clone(), high.last.clone());
    let Flip {
        staging, garbage, ..
    } = flip;
    directory::edit(
        core,
        staging,
        &mut level,
        (&low, &high),
        garbage,
        Box::new(replace),
    )
    .await
    .map_err(as_error)?;
    if let Some(place) = flip.root.levels.get_mut(at) {
        *place = level;
    }
    Ok(())
}

/// What is left of sorted entries without the range.
async fn cut_entries(
    core: &Rc<Core>,
    flip: &mut Flip,
    entries: &[Entry],
    range: &KeyRange,
) -> Result<Vec<Entry>> {
    let mut left = Vec::new();
    for entry in entries {
        if !touches(entry, range) {
            left.push(entry.clone());
            continue;
        }
        let inside = range.from <= entry.first && entry.last < range.until;
        if !inside {
            left.extend(rewrite(core, flip, entry, range).await?);
        }
        flip.garbage
            .push(Garbage::new(Key::Run(entry.id), entry.stored));
    }
    Ok(left)
}

/// Writes the cells of a segment that are outside of the range.
async fn rewrite(
    core: &Rc<Core>,
    flip: &mut Flip,
    entry: &Entry,
    range: &KeyRange,
) -> Result<Vec<Entry>> {
    let listing = Listing::Run(Rc::new(vec![entry.clone()]));
    let mut source = Source::segments(listing, everything(), false);
    let mut sink = SegmentSink::new(core, false, 0);
    let cache = core.ground.cache.clone();
    while let Some((key, cell)) = run_attempts(core, || source.cell(&cache, false))
        .await
        .map_err(as_error)?
    {
        source.step(false);
        if key < range.from || range.until <= key {
            sink.push(&mut flip.staging, &key, &cell).await?;
        }
    }
    sink.close(&mut flip.staging).await?;
    Ok(sink.entries)
}
