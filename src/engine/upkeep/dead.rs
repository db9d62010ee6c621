//! Dead pieces: those whose cells newer ones hide.
//!
//! A hidden cell stays in its segment until a merge drops it; its piece, which is large, need not wait for
//! that. A flush lists every piece that the frames which it takes into the directory hide, be it cited by one of them
//! or by a segment. So, of the cells that are hidden within the directory, all pieces have been listed before:
//! merges and cuts list none.

use bytes::Bytes;
use std::rc::Rc;

use super::directory;
use crate::codec::cell::{Cell, PieceRef};
use crate::codec::entry::Entry;
use crate::codec::range::after;
use crate::codec::root::Garbage;
use crate::engine::core::instance::Core;
use crate::engine::core::loading::LoadError;
use crate::engine::core::slice::Slice;
use crate::engine::keyspace::access::KeyRange;
use crate::engine::keyspace::entries::Listing;
use crate::engine::keyspace::source::Source;
use crate::engine::keyspace::view::{Layer, View};
use crate::engine::store::load::run_attempts;

/// Pieces that are dead, and not listed yet.
#[derive(Default)]
pub struct Dead {
    /// Each once.
    pub garbage: Vec<Garbage>,
    /// Bytes of those that are cited in the directory, by cells that stay there, hidden.
    pub hidden: u64,
}

/// The pieces that the frames above the directory of `view` hide, each once. Only segments that cite pieces are
/// looked into, and of those the ones that the frames touch.
///
/// # Errors
/// [`LoadError`].
pub async fn of_tail(core: &Rc<Core>, view: &View) -> Result<Dead, LoadError> {
    let mut found = Found {
        core,
        view,
        slice: Slice::new(core),
        dead: Vec::new(),
        hidden: 0,
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
    let Found {
        dead: mut garbage,
        hidden,
        ..
    } = found;
    garbage.sort_unstable_by_key(|garbage| garbage.key);
    garbage.dedup_by_key(|garbage| garbage.key);
    Ok(Dead { garbage, hidden })
}

struct Found<'a> {
    core: &'a Rc<Core>,
    view: &'a View,
    slice: Slice,
    dead: Vec<Garbage>,
    hidden: u64,
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
        let (view, cache) = (self.view, &self.core.context.cache);
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
            self.hidden += if in_directory { piece.len } else { 0 };
            self.dead.extend(Garbage::piece(piece));
        }
        Ok(())
    }
}

/// The piece of a cell, if nothing in the directory hides that: it has been listed otherwise.
///
/// # Errors
/// [`LoadError`].
pub async fn newest_piece(
    core: &Rc<Core>,
    key: &Bytes,
    cell: &Cell,
) -> Result<Option<PieceRef>, LoadError> {
    let Some(piece) = cell.cited_piece() else {
        return Ok(None);
    };
    let view = core.view();
    let cache = &core.context.cache;
    let newest = run_attempts(core, || view.get_in_directory(cache, key)).await?;
    let cited = newest.and_then(|newest| newest.cited_piece());
    Ok(cited.filter(|cited| cited.id == piece.id))
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
    let mut source = Source::segments(listing, KeyRange::everything(), false);
    let cache = core.context.cache.clone();
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
