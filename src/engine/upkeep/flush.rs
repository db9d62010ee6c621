//! Flush: the frames in memory become runs of level 0, and the log is cut.

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use std::rc::Rc;

use super::cut;
use super::dead;
use super::flip::Flip;
use crate::backend::Id;
use crate::codec::cell::Cell;
use crate::codec::root::Root;
use crate::engine::core::bury;
use crate::engine::core::gate::Pass;
use crate::engine::core::instance::Core;
use crate::engine::core::loading::LoadError;
use crate::engine::core::slice::Slice;
use crate::engine::keyspace::memtable::Memtable;
use crate::engine::keyspace::view::{Layer, View};
use crate::engine::store::staging::SegmentSink;
use crate::error::Result;

/// Flushes the tail. True when there was something and it is in the directory now.
///
/// # Errors
/// What reading or writing fails with; nothing is changed then.
pub fn flush<'a>(core: &'a Rc<Core>, maintenance: &'a Pass) -> LocalBoxFuture<'a, Result<bool>> {
    // Boxed, so that its state is not part of every caller's.
    flush_now(core, maintenance).boxed_local()
}

async fn flush_now(core: &Rc<Core>, _maintenance: &Pass) -> Result<bool> {
    let (frozen, view, position, writers) = {
        let mut state = core.state.borrow_mut();
        if state.tail_frames == 0 {
            return Ok(false);
        }
        let frozen = state.freeze();
        let mut view = View::clone(&state.view);
        view.own.clear();
        view.layers.remove(0);
        (
            frozen,
            view,
            state.known,
            recent_writers(&state.tail_writers),
        )
    };
    let mut flip = Flip::new(core);
    flip.position = position;
    flip.writers = writers;
    flip.frozen = Some(frozen);
    flip.move_clock(core);
    let dead = dead::of_tail(core, &view).await;
    let dead = dead.map_err(LoadError::into_error)?;
    flip.garbage = dead.garbage;
    flip.hides = dead.hidden;
    for layer in view.layers.iter().rev() {
        if let Err(error) = add_layer(core, &mut flip, layer).await {
            flip.staging.abandon().await;
            return Err(error);
        }
    }
    let ended = flip.run(core).await;
    for layer in view.layers {
        if let Layer::Memory(table) = layer {
            // planted: table-dropped-at-once
            bury::table(core, Some(table));
        }
    }
    ended
}

/// The writers of the tail, the most recent first, each with its last sequence.
fn recent_writers(tail: &[(Id, u64)]) -> Vec<(Id, u64)> {
    let mut out: Vec<(Id, u64)> = Vec::new();
    for (writer, sequence) in tail.iter().rev() {
        if !out.iter().any(|(id, _)| id == writer) {
            out.push((*writer, *sequence));
        }
    }
    out
}

/// Whether nothing is in the directory.
fn is_empty(root: &Root) -> bool {
    root.runs.is_empty() && root.levels.iter().all(Vec::is_empty)
}

async fn add_layer(core: &Rc<Core>, flip: &mut Flip, layer: &Layer) -> Result<()> {
    match layer {
        Layer::Run(entries) => flip.root.runs.insert(0, entries.to_vec()),
        Layer::Memory(table) => {
            cut::cut(core, flip, table.ranges()).await?;
            add_table(core, flip, table).await?;
        }
    }
    Ok(())
}

async fn add_table(core: &Rc<Core>, flip: &mut Flip, table: &Memtable) -> Result<()> {
    // A tombstone hides something older; below is nothing.
    let keep_tombstones = !is_empty(&flip.root);
    let mut sink = SegmentSink::new(core, None, flip.keep_bytes(core));
    let mut slice = Slice::new(core);
    let tombstone = Cell::tombstone();
    for (key, mut cell) in table.cells() {
        // What cites a piece is left to `expire`, which lists that.
        if cell.cited_piece().is_none() && flip.is_past(cell.marks.as_slice()) {
            cell = &tombstone;
            core.expired.set(core.expired.get() + 1);
        }
        if keep_tombstones || !cell.is_tombstone() {
            sink.push(&mut flip.staging, key, cell).await?;
        }
        slice.breathe(core).await;
    }
    sink.close(&mut flip.staging).await?;
    flip.records.append(&mut sink.records);
    if !sink.entries.is_empty() {
        flip.root.runs.insert(0, sink.entries);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::recent_writers;
    use crate::backend::Id;

    #[test]
    fn every_writer_of_the_tail_is_remembered_with_its_last_sequence() {
        let [a, b, c] = [1, 2, 3].map(|n| Id([n; 16]));
        let tail = [(a, 1), (b, 7), (c, 3), (a, 2), (c, 4), (a, 3)];
        assert_eq!(recent_writers(&tail), [(a, 3), (c, 4), (b, 7)]);
        assert_eq!(recent_writers(&[]), []);
    }
}
