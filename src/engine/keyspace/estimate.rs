//! How much there is, by what is in memory: of pieces that a batch hides, of records in a range.

use bytes::Bytes;
use std::rc::Rc;

use super::access::{Attempt, KeyRange};
use super::cache::Cache;
use super::entries::Listing;
use super::memtable::Memtable;
use super::source::Source;
use super::view::{Layer, View, find_entry, find_page};
use crate::codec::batch::{Batch, Op, OpValue};
use crate::codec::cell::Cell;
use crate::codec::entry::Entry;
use crate::codec::range::after;
use crate::codec::root::PageRef;

/// About how many bytes of pieces a batch puts or hides. Nothing is loaded: of segments that are not in memory, the
/// directory tells. A flush loads those that matter, so what is wrongly guessed is so until then.
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

/// About how many records a view shows in a range; what newer ones hide, or delete, counts, too. Nothing is loaded: of segments that
/// are not in memory, the directory tells.
#[must_use]
pub fn records_in(view: &View, cache: &Cache, range: &KeyRange) -> u64 {
    let of_table = |table: &Memtable| table.about(range) as u64;
    let of_layer = |layer: &Layer| match layer {
        Layer::Memory(table) => of_table(table),
        Layer::Run(run) => in_entries(cache, run, range),
    };
    let of_page = |page: &PageRef| {
        if is_within(range, &page.first, &page.last) {
            return page.records;
        }
        match cache.directory(page.id) {
            Some(entries) => in_entries(cache, &entries, range),
            None => part_of(page.records, range, &page.first, &page.last),
        }
    };
    let of_level = |level: &Vec<PageRef>| -> u64 {
        let from = level.partition_point(|page| page.last < range.from);
        let touched = level.get(from..).unwrap_or_default().iter();
        let touched = touched.take_while(|page| page.first < range.until);
        touched.map(of_page).sum()
    };
    let own = view.own.iter().map(|table| of_table(table));
    let in_layers = view.layers.iter().map(of_layer);
    let in_runs = view.runs.iter().map(|run| in_entries(cache, run, range));
    let in_levels = view.root.levels.iter().map(of_level);
    own.chain(in_layers).chain(in_runs).chain(in_levels).sum()
}

fn in_entries(cache: &Cache, entries: &[Entry], range: &KeyRange) -> u64 {
    let from = entries.partition_point(|entry| entry.last < range.from);
    let touched = entries.get(from..).unwrap_or_default().iter();
    let touched = touched.take_while(|entry| entry.first < range.until);
    let of_entry = |entry: &Entry| {
        if is_within(range, &entry.first, &entry.last) {
            return entry.records;
        }
        let Some(slot) = cache.segment(entry.id) else {
            return part_of(entry.records, range, &entry.first, &entry.last);
        };
        // Half of each page at an edge: what its first key tells.
        let (first, last) = (
            (&range.from).max(&entry.first),
            (&range.until).min(&entry.last),
        );
        let halves = 1 + 2 * (slot.segment.page_of(last) - slot.segment.page_of(first));
        entry.records * halves as u64 / (2 * slot.segment.pages().max(1)) as u64
    };
    touched.map(of_entry).sum()
}

fn is_within(range: &KeyRange, first: &Bytes, last: &Bytes) -> bool {
    range.from <= *first && *last < range.until
}

/// Of so many records between two keys, what lies in a range that has not all of them: a half for each of its ends that lies
/// between them.
fn part_of(records: u64, range: &KeyRange, first: &Bytes, last: &Bytes) -> u64 {
    let ends = [*first < range.from, range.until <= *last];
    records >> ends.iter().filter(|ends| **ends).count()
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

/// The bytes of the piece that a key has had; where that is not in memory, the mean bytes of a record in the newest
/// segment with pieces that may hold it. What the newest table has itself was counted when it was put.
fn hidden_by_key(view: &View, cache: &Cache, key: &[u8]) -> u64 {
    let is_frozen = view.layers.iter().skip(1).any(|layer| match layer {
        Layer::Memory(table) => table.cites_pieces(),
        Layer::Run(run) => find_entry(run, key).is_some_and(|entry| entry.pieces),
    });
    let mean = mean_bytes(view, cache, key);
    if !is_frozen && mean.is_none() {
        return 0;
    }
    if let Some(Layer::Memory(table)) = view.layers.first()
        && table.get(key).is_some()
    {
        return 0;
    }
    let found = match view.get_in_layers(cache, key) {
        Ok(None) => view.get_in_directory(cache, key),
        found => found,
    };
    match found {
        Ok(cell) => cell.as_ref().map_or(0, piece_bytes),
        Err(_) => mean.unwrap_or(0),
    }
}

fn mean_bytes(view: &View, cache: &Cache, key: &[u8]) -> Option<u64> {
    let of_run = |entries: &[Entry]| {
        let entry = find_entry(entries, key).filter(|entry| entry.pieces)?;
        Some(entry.bytes / entry.records.max(1))
    };
    let in_runs = view.root.runs.iter().find_map(|run| of_run(run));
    let of_level = |level: &Vec<PageRef>| of_run(&cache.directory(find_page(level, key)?.id)?);
    in_runs.or_else(|| view.root.levels.iter().find_map(of_level))
}

fn piece_bytes(cell: &Cell) -> u64 {
    cell.cited_piece().map_or(0, |piece| piece.len)
}

/// The bytes of the segments with pieces that lie within a range, and the pieces in it of one at its edge: of all of
/// that, where it is not in memory. What is being flushed counts too, since that leaves what was counted before.
fn hidden_by_range(view: &View, cache: &Cache, range: &KeyRange) -> u64 {
    let of_entry = |entry: &Entry| {
        let is_within = range.from <= entry.first && entry.last < range.until;
        let at_edge = || pieces_within(cache, entry, range).unwrap_or(entry.bytes);
        if is_within { entry.bytes } else { at_edge() }
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
    let of_layer = |layer: &Layer| match layer {
        Layer::Memory(table) if table.cites_pieces() => {
            let cells = table.between(range);
            cells.map(|(_, cell)| piece_bytes(cell)).sum()
        }
        Layer::Memory(_) => 0,
        Layer::Run(run) => of_entries(run),
    };
    let in_layers = view.layers.iter().skip(1).map(of_layer);
    let in_runs = view.root.runs.iter().map(|run| of_entries(run));
    let in_levels = view.root.levels.iter().map(of_level);
    in_layers.chain(in_runs).chain(in_levels).sum()
}

/// The bytes of the pieces that a segment cites within a range.
fn pieces_within(cache: &Cache, entry: &Entry, range: &KeyRange) -> Attempt<u64> {
    let listing = Listing::Run(Rc::new(vec![entry.clone()]));
    let mut source = Source::segments(listing, range.clone(), false);
    let mut bytes = 0;
    while let Some((_, cell)) = source.cell(cache, false)? {
        source.step(false);
        bytes += piece_bytes(&cell);
    }
    Ok(bytes)
}
