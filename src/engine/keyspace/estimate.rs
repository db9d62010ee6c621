//! How much of the pieces a batch hides, by what the directory tells of them.

use super::access::KeyRange;
use super::cache::Cache;
use super::view::{Layer, View, find_entry, find_page};
use crate::codec::batch::{Batch, Op, OpValue};
use crate::codec::entry::Entry;
use crate::codec::range::after;
use crate::codec::root::PageRef;

/// How many records of a segment count as hidden by a range that touches it.
const AT_EDGE: u64 = 4;

/// About how many bytes of pieces a batch puts or hides, by what the directory tells of them: nothing is
/// loaded.
#[must_use]
pub fn pieces_of(view: &View, cache: &Cache, batch: &Batch) -> u64 {
    let hidden = batch.ops.iter().map(|op| match op {
        Op::Put(key, value, _) => {
            let put = match value {
                OpValue::Piece(piece) => piece.len,
                OpValue::Inline(_) | OpValue::Order(_) => 0,
            };
            hidden_by_key(view, cache, &key.to_bytes()).max(put)
        }
        Op::Delete(key) => hidden_by_key(view, cache, &key.to_bytes()),
        Op::DeleteRange(range) => hidden_by_range(view, cache, range),
    });
    hidden_by_run(view, cache, &batch.run) + hidden.sum::<u64>()
}

/// About how many bytes a batch takes beside the bytes of its frame and those stored of its run: pieces, and what was
/// compressed.
#[must_use]
pub fn beside(batch: &Batch) -> u64 {
    let put = batch.ops.iter().map(|op| match op {
        Op::Put(_, OpValue::Piece(piece), _) => piece.len,
        _ => 0,
    });
    let run = batch.run.iter();
    let run = run.map(|entry| entry.bytes.saturating_sub(entry.stored));
    put.chain(run).sum()
}

/// How much a run that was written ahead hides of pieces, or puts: it may hide all that lies between its ends.
fn hidden_by_run(view: &View, cache: &Cache, run: &[Entry]) -> u64 {
    let (Some(first), Some(last)) = (run.first(), run.last()) else {
        return 0;
    };
    let range = KeyRange {
        from: first.first.clone(),
        until: after(&last.last),
    };
    let cited = run.iter().filter(|entry| entry.pieces);
    let cited = cited.map(|entry| entry.bytes).sum();
    hidden_by_range(view, cache, &range).max(cited)
}

/// The mean bytes of a record in the newest segment with pieces that may hold the key.
fn hidden_by_key(view: &View, cache: &Cache, key: &[u8]) -> u64 {
    if let Some(Layer::Memory(table)) = view.layers.first()
        && table.get(key).is_some()
    {
        return 0;
    }
    let of_run = |entries: &[Entry]| {
        let entry = find_entry(entries, key).filter(|entry| entry.pieces)?;
        Some(entry.bytes / entry.records.max(1))
    };
    let in_runs = view.root.runs.iter().find_map(|run| of_run(run));
    let of_level = |level: &Vec<PageRef>| of_run(&cache.directory(find_page(level, key)?.id)?);
    in_runs
        .or_else(|| view.root.levels.iter().find_map(of_level))
        .unwrap_or(0)
}

/// The bytes of the segments with pieces that lie within a range; of one at its edge, some records of the mean size.
fn hidden_by_range(view: &View, cache: &Cache, range: &KeyRange) -> u64 {
    let of_entry = |entry: &Entry| {
        if range.from <= entry.first && entry.last < range.until {
            entry.bytes
        } else {
            entry.bytes / entry.records.max(1) * entry.records.min(AT_EDGE)
        }
    };
    let of_entries = |entries: &[Entry]| -> u64 {
        let from = entries.partition_point(|entry| entry.last < range.from);
        let touched = entries.get(from..).unwrap_or_default().iter();
        let touched = touched.take_while(|entry| entry.first < range.until);
        touched.filter(|entry| entry.pieces).map(of_entry).sum()
    };
    let of_level = |level: &Vec<PageRef>| -> u64 {
        let from = level.partition_point(|page| page.last < range.from);
        let touched = level.get(from..).unwrap_or_default().iter();
        let touched = touched.take_while(|page| page.first < range.until);
        let entries = touched.filter_map(|page| cache.directory(page.id));
        entries.map(|entries| of_entries(&entries)).sum()
    };
    let in_runs = view.root.runs.iter().map(|run| of_entries(run));
    in_runs.chain(view.root.levels.iter().map(of_level)).sum()
}
