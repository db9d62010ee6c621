//! Dead pieces: those whose cells newer ones hide.
//!
//! A hidden cell stays in its segment until a merge drops it; its piece, which is large, need not wait for
//! that. A flush lists every piece that the frames which it takes into the directory hide, be it cited by one of them
//! or by a segment. So, of the cells that are hidden within the directory, all pieces have been listed before:
//! merges and cuts list none.

use bytes::Bytes;
use std::rc::Rc;

use super::access::KeyRange;
use super::cache::Cache;
use super::core::Core;
use super::cut::everything;
use super::directory;
use super::entries::Listing;
use super::load::{LoadError, run_attempts};
use super::slice::Slice;
use super::source::{Source, after};
use super::view::{Layer, View, find_entry, find_page};
use crate::codec::batch::{Batch, Op, OpValue};
use crate::codec::cell::{Cell, PieceRef};
use crate::codec::entry::Entry;
use crate::codec::root::{Garbage, PageRef};

/// How many records of a segment count as hidden by a range that touches it.
const AT_EDGE: u64 = 4;

/// The pieces that the frames above the directory of `view` hide, each once. Only segments that cite pieces are
/// looked into, and of those the ones that the frames touch.
///
/// # Errors
/// [`LoadError`].
pub async fn of_tail(core: &Rc<Core>, view: &View) -> Result<Vec<Garbage>, LoadError> {
    let mut found = Found {
        core,
        view,
        slice: Slice::new(core),
        dead: Vec::new(),
    };
    for (at, layer) in view.layers.iter().enumerate() {
        match layer {
            Layer::Memory(table) => {
                found.dead.extend_from_slice(table.dead_pieces());
                if table.cites_pieces() {
                    for (key, cell) in table.cells() {
                        found.look(key, cell.cited_piece(), false).await?;
                    }
                }
            }
            Layer::Run(run) => {
                let newer = view.layers.get(..at).unwrap_or_default();
                found.look_into(run, newer, false).await?;
            }
        }
    }
    for run in &view.root.runs {
        found.look_into(run, &view.layers, true).await?;
    }
    for page in view.root.levels.iter().flatten() {
        if touches(&view.layers, &page.first, &page.last) {
            let entries = directory::entries_of(core, page).await?;
            // planted: skip-levels
            found.look_into(&entries, &view.layers, true).await?;
        }
    }
    let mut dead = found.dead;
    dead.sort_unstable_by_key(|garbage| garbage.key);
    dead.dedup_by_key(|garbage| garbage.key);
    Ok(dead)
}

struct Found<'a> {
    core: &'a Rc<Core>,
    view: &'a View,
    slice: Slice,
    dead: Vec<Garbage>,
}

impl Found<'_> {
    async fn look_into(
        &mut self,
        entries: &[Entry],
        newer: &[Layer],
        in_directory: bool,
    ) -> Result<(), LoadError> {
        for entry in entries.iter().filter(|entry| entry.pieces) {
            if touches(newer, &entry.first, &entry.last) {
                for (key, piece) in pieces_in(self.core, entry).await? {
                    self.look(&key, Some(piece), in_directory).await?;
                }
            }
            self.slice.breathe(self.core).await;
        }
        Ok(())
    }

    /// Adds the piece of a cell if frames above the directory hide it. What is hidden within the directory was listed
    /// before. (A newer cell may cite the same piece: then that lives.)
    async fn look(
        &mut self,
        key: &Bytes,
        piece: Option<PieceRef>,
        in_directory: bool,
    ) -> Result<(), LoadError> {
        self.slice.breathe(self.core).await;
        let Some(piece) = piece else { return Ok(()) };
        let (view, cache) = (self.view, &self.core.ground.cache);
        let cites = |cell: &Cell| cell.cited_piece().is_some_and(|cited| cited.id == piece.id);
        let is_dead = run_attempts(self.core, || {
            let newest = view.get_in_layers(cache, key)?;
            // planted: list-newest
            if newest.is_none_or(|cell| cites(&cell)) {
                return Ok(false);
            }
            // planted: list-again
            let is_new = !in_directory
                || view
                    .get_in_directory(cache, key)?
                    .is_some_and(|cell| cites(&cell));
            Ok(is_new)
        });
        if is_dead.await? {
            self.dead.push(Garbage::piece(piece));
        }
        Ok(())
    }
}

/// The pieces that the live part of a segment cites, with the keys of their cells.
///
/// # Errors
/// [`LoadError`].
pub async fn pieces_in(
    core: &Rc<Core>,
    entry: &Entry,
) -> Result<Vec<(Bytes, PieceRef)>, LoadError> {
    let listing = Listing::Run(Rc::new(vec![entry.clone()]));
    let mut source = Source::segments(listing, everything(), false);
    let cache = core.ground.cache.clone();
    let mut slice = Slice::new(core);
    let mut found = Vec::new();
    while let Some((key, cell)) = run_attempts(core, || source.cell(&cache, false)).await? {
        source.step(false);
        found.extend(cell.cited_piece().map(|piece| (key, piece)));
        slice.breathe(core).await;
    }
    Ok(found)
}

/// Whether any of the layers may say something of a key from `first` to `last`, both inclusive.
fn touches(layers: &[Layer], first: &Bytes, last: &Bytes) -> bool {
    let range = KeyRange {
        from: first.clone(),
        until: after(last),
    };
    layers.iter().any(|layer| match layer {
        Layer::Memory(table) => {
            table.edge(&range, false).is_some() || table.ranges().meets(&range.from, &range.until)
        }
        Layer::Run(run) => {
            let at = run.partition_point(|entry| entry.last < *first);
            run.get(at).is_some_and(|entry| entry.first <= *last)
        }
    })
}

/// About how many bytes of pieces a batch puts or hides, by what the directory tells of them: nothing is
/// loaded.
#[must_use]
pub fn estimate(view: &View, cache: &Cache, batch: &Batch) -> u64 {
    let hidden = batch.ops.iter().map(|op| match op {
        Op::Put(key, value) => {
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

/// The same of a run that was written ahead: it may hide all that lies between its ends.
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
