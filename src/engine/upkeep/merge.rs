//! Merge: a level's segments into the next level, in steps that can stop after any flip.

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use std::rc::Rc;

use super::directory;
use super::flip::Flip;
use super::policy::{Pick, page_of};
use crate::backend::{Id, RecordKey};
use crate::codec::entry::Entry;
use crate::codec::root::{Garbage, PageRef, Root};
use crate::engine::core::gate::Pass;
use crate::engine::core::instance::Core;
use crate::engine::core::invariant::invariant;
use crate::engine::core::loading::LoadError;
use crate::engine::core::slice::Slice;
use crate::engine::keyspace::access::KeyRange;
use crate::engine::keyspace::entries::Listing;
use crate::engine::keyspace::scan::Scan;
use crate::engine::keyspace::source::Source;
use crate::engine::store::load::run_attempts;
use crate::engine::store::staging::SegmentSink;
use crate::error::Result;

/// Stored bytes after which a step's output is installed; one segment when room is short.
const STEP_BYTES: u64 = 2 << 20;
/// A segment of at least this many stored bytes moves down by reference.
const MOVE_BYTES: u64 = 32 << 10;

/// What a step merges: sources, the newest first, the last of which is the level below.
struct Inputs {
    level: usize,
    upper: Vec<Vec<Entry>>,
    lower: Vec<Entry>,
    keep_tombstones: bool,
}

/// Merges what is picked of level `level` into the next one, one step. True
/// when the step is live.
///
/// # Errors
/// What reading or writing fails with; nothing is changed then.
pub fn step<'a>(
    core: &'a Rc<Core>,
    maintenance: &'a Pass,
    level: usize,
    pick: Pick,
) -> LocalBoxFuture<'a, Result<bool>> {
    // Boxed, so that its state is not part of every caller's.
    step_now(core, maintenance, level, pick).boxed_local()
}

async fn step_now(core: &Rc<Core>, _maintenance: &Pass, level: usize, pick: Pick) -> Result<bool> {
    let mut flip = Flip::new(core);
    let merged = merge_into(core, &mut flip, level, pick).await;
    match merged {
        Ok(true) => flip.run(core).await,
        Ok(false) => Ok(false),
        Err(error) => {
            flip.staging.abandon().await;
            Err(error)
        }
    }
}

async fn merge_into(core: &Rc<Core>, flip: &mut Flip, level: usize, pick: Pick) -> Result<bool> {
    let Some(inputs) = gather(core, &flip.root, level, pick)
        .await
        .map_err(LoadError::into_error)?
    else {
        return Ok(false);
    };
    while flip.root.levels.len() <= level {
        flip.root.levels.push(Vec::new());
    }
    let sources = inputs.upper.iter().chain([&inputs.lower]).map(|entries| {
        Source::segments(
            Listing::Run(Rc::new(entries.clone())),
            KeyRange::everything(),
            false,
        )
    });
    let mut scan = Scan::new(sources.collect(), false);
    let output = run_scan(core, flip, &mut scan, inputs.keep_tombstones).await?;
    let mut rest = Vec::new();
    let cache = core.context.cache.clone();
    for source in scan.sources_mut() {
        if let Source::Segments(source) = source {
            rest.push(
                run_attempts(core, || source.rest(&cache))
                    .await
                    .map_err(LoadError::into_error)?,
            );
        }
    }
    let rest_lower = rest.pop().unwrap_or_default();
    let records = |entries: &[Entry]| entries.iter().map(|entry| entry.records).sum::<u64>();
    let before = inputs.upper.iter().map(|run| records(run)).sum::<u64>() + records(&inputs.lower);
    let left = rest.iter().map(|run| records(run)).sum::<u64>() + records(&rest_lower);
    invariant!(
        core,
        records(&output) + left <= before,
        "a merge would make records"
    );
    note_garbage(flip, &inputs, &output, &rest, &rest_lower);
    install(core, flip, inputs, output, rest, rest_lower)
        .await
        .map_err(LoadError::into_error)?;
    Ok(true)
}

async fn gather(
    core: &Rc<Core>,
    root: &Root,
    level: usize,
    pick: Pick,
) -> Result<Option<Inputs>, LoadError> {
    let upper: Vec<Vec<Entry>> = if level == 0 {
        root.runs.clone()
    } else {
        let Some(pages) = root.levels.get(level - 1).filter(|pages| !pages.is_empty()) else {
            return Ok(None);
        };
        vec![match pick {
            Pick::All => all_of(core, pages).await?,
            Pick::Nth(at) => nth(core, pages, at).await?,
        }]
    };
    let entries = || upper.iter().flatten();
    let first = entries().map(|entry| &entry.first).min().cloned();
    let last = entries().map(|entry| &entry.last).max().cloned();
    let (Some(first), Some(last)) = (first, last) else {
        return Ok(None);
    };
    let below: &[PageRef] = root
        .levels
        .get(level)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let lower = directory::overlapping(core, below, &first, &last).await?;
    let first = lower
        .first()
        .map_or(&first, |entry| (&entry.first).min(&first))
        .clone();
    let last = lower
        .last()
        .map_or(&last, |entry| (&entry.last).max(&last))
        .clone();
    let deeper = root.levels.iter().skip(level + 1).flatten();
    // planted: tombstones
    let keep_tombstones = deeper
        .into_iter()
        .any(|page| page.first <= last && first <= page.last);
    Ok(Some(Inputs {
        level,
        upper,
        lower,
        keep_tombstones,
    }))
}

async fn all_of(core: &Rc<Core>, pages: &[PageRef]) -> Result<Vec<Entry>, LoadError> {
    let mut out = Vec::new();
    for page in pages {
        out.extend(directory::entries_of(core, page).await?.iter().cloned());
    }
    Ok(out)
}

async fn nth(core: &Rc<Core>, pages: &[PageRef], at: u64) -> Result<Vec<Entry>, LoadError> {
    let Some((page, at)) = page_of(pages, at) else {
        return Ok(Vec::new());
    };
    let entries = directory::entries_of(core, page).await?;
    Ok(entries.get(at).cloned().into_iter().collect())
}

/// Runs the scan until it ends or enough has been written. The output, in key order.
async fn run_scan(
    core: &Rc<Core>,
    flip: &mut Flip,
    scan: &mut Scan,
    keep_tombstones: bool,
) -> Result<Vec<Entry>> {
    let cache = core.context.cache.clone();
    let mut sink = SegmentSink::new(core, None, flip.keep_bytes(core));
    let mut slice = Slice::new(core);
    let mut written: u64 = 0;
    loop {
        slice.breathe(core).await;
        let free = run_attempts(core, || scan.undisputed(&cache))
            .await
            .map_err(LoadError::into_error)?;
        if let Some(Source::Segments(source)) = free.and_then(|at| scan.source_mut(at)) {
            let entry = run_attempts(core, || Ok(source.entry(&cache)?.cloned())).await;
            if let Some(entry) = entry.map_err(LoadError::into_error)?
                && entry.stored >= MOVE_BYTES
                && (keep_tombstones || entry.tombstones == 0)
            {
                source.skip_entry();
                sink.close(&mut flip.staging).await?;
                sink.entries.push(entry);
                continue;
            }
        }
        // The pieces of the older cells of a key have been listed by the flush that hid them.
        let next = run_attempts(core, || scan.next_cell(&cache, &mut |_, _| {}));
        let Some((key, cell)) = next.await.map_err(LoadError::into_error)? else {
            break;
        };
        if keep_tombstones || !cell.is_tombstone() {
            let before = sink.entries.len();
            sink.push(&mut flip.staging, &key, &cell).await?;
            if sink.entries.len() > before {
                written += sink.entries.last().map_or(0, |entry| entry.stored);
                if written >= STEP_BYTES || core.pressed.get() {
                    break;
                }
            }
        }
    }
    sink.close(&mut flip.staging).await?;
    flip.records.append(&mut sink.records);
    Ok(sink.entries)
}

/// Input segments that are neither moved nor left over are garbage now.
fn note_garbage(
    flip: &mut Flip,
    inputs: &Inputs,
    output: &[Entry],
    rest: &[Vec<Entry>],
    rest_lower: &[Entry],
) {
    let live: crate::sorted::SortedSet<Id> = output
        .iter()
        .chain(rest.iter().flatten())
        .chain(rest_lower)
        .map(|e| e.id)
        .collect();
    let replaced = inputs.upper.iter().flatten().chain(&inputs.lower);
    flip.garbage.extend(
        replaced
            .filter(|entry| !live.contains(&entry.id))
            .map(|entry| Garbage::new(RecordKey::Run(entry.id), entry.stored)),
    );
}

async fn install(
    core: &Rc<Core>,
    flip: &mut Flip,
    inputs: Inputs,
    output: Vec<Entry>,
    rest: Vec<Vec<Entry>>,
    rest_lower: Vec<Entry>,
) -> Result<(), LoadError> {
    if inputs.level == 0 {
        flip.root.runs = rest.into_iter().filter(|run| !run.is_empty()).collect();
    } else {
        let gone: Vec<Entry> = inputs.upper.into_iter().flatten().collect();
        let left: Vec<Entry> = rest.into_iter().flatten().collect();
        replace(core, flip, inputs.level - 1, &gone, left).await?;
    }
    let mut added = output;
    added.extend(rest_lower);
    replace(core, flip, inputs.level, &inputs.lower, added).await
}

/// Replaces entries of the level at `at` by others.
///
/// # Errors
/// [`LoadError`].
pub fn replace<'a>(
    core: &'a Rc<Core>,
    flip: &'a mut Flip,
    at: usize,
    gone: &'a [Entry],
    added: Vec<Entry>,
) -> LocalBoxFuture<'a, Result<(), LoadError>> {
    // Boxed, so that its state is not part of every caller's.
    replace_now(core, flip, at, gone, added).boxed_local()
}

async fn replace_now(
    core: &Rc<Core>,
    flip: &mut Flip,
    at: usize,
    gone: &[Entry],
    added: Vec<Entry>,
) -> Result<(), LoadError> {
    let all = || gone.iter().chain(&added);
    let first: Option<Bytes> = all().map(|entry| &entry.first).min().cloned();
    let last: Option<Bytes> = all().map(|entry| &entry.last).max().cloned();
    let (Some(first), Some(last)) = (first, last) else {
        return Ok(());
    };
    let ids: crate::sorted::SortedSet<Id> = gone.iter().map(|entry| entry.id).collect();
    let Flip {
        root,
        staging,
        garbage,
        ..
    } = flip;
    let Some(level) = root.levels.get_mut(at) else {
        return Ok(());
    };
    directory::edit(
        core,
        staging,
        level,
        (&first, &last),
        garbage,
        Box::new(|entries| directory::replaced(entries, &|entry| ids.contains(&entry.id), added)),
    )
    .await
}
