//! Large batches: written ahead as a run, committed by a small frame that cites it.

use bytes::Bytes;
use std::rc::Rc;

use crate::backend::RecordKey;
use crate::codec::batch::{Batch, Op, OpKey, OpValue};
use crate::codec::catalog;
use crate::codec::cell::{Cell, Value};
use crate::codec::root::check_entries;
use crate::engine::core::group::Ahead;
use crate::engine::core::instance::Core;
use crate::engine::core::invariant::{broken, checked};
use crate::engine::core::slice::Slice;
use crate::engine::store::pieces::{is_piece, seal_piece};
use crate::engine::store::staging::{FRESH_PART, SegmentSink, Staging};
use crate::engine::upkeep::relief::HELP;
use crate::error::Result;

/// The batch of the first group, whose only call is large: written ahead, unless that has been
/// done under this generation.
///
/// # Errors
/// What writing fails with; nothing of it is live then, and what was written is removed.
pub async fn first(core: &Rc<Core>, generation: u64) -> Result<Batch> {
    let done = core
        .state
        .borrow()
        .queue
        .groups
        .front()
        .and_then(|group| group.ahead.clone());
    if let Some(ahead) = done.filter(|ahead| ahead.generation == generation) {
        return Ok(ahead.batch);
    }
    let ahead = write_first(core, generation).await?;
    let batch = ahead.batch.clone();
    if let Some(group) = core.state.borrow_mut().queue.groups.front_mut() {
        group.ahead = Some(ahead);
    }
    Ok(batch)
}

async fn write_first(core: &Rc<Core>, generation: u64) -> Result<Ahead> {
    let first = {
        let state = core.state.borrow();
        let group = state.queue.groups.front();
        let call = group.and_then(|group| group.calls.first());
        state
            .view
            .own
            .first()
            .cloned()
            .zip(call.map(|call| call.id))
    };
    let Some((table, call)) = first else {
        return Err(broken(core, "there is no batch to write ahead"));
    };
    let frees_room = core.state.borrow().queue.first_frees_room();
    let mut staging = Staging::new(core, frees_room, Some(&HELP));
    let mut sink = SegmentSink::new(core, Some(call), core.options.cache_bytes / FRESH_PART);
    let mut slice = Slice::new(core);
    let mut ops: Vec<Op> = table.ranges().iter().map(Op::DeleteRange).collect();
    for (key, cell) in table.cells() {
        // Whoever applies the frame must know the catalog then, and reads no run.
        // planted: catalog-in-run
        if catalog::has(key) {
            ops.extend(catalog_op(key, cell));
            continue;
        }
        let written = push_cell(core, &mut staging, &mut sink, key, cell).await;
        if let Err(error) = written {
            staging.abandon().await;
            return Err(error);
        }
        slice.breathe(core).await;
    }
    let mut written = sink.close(&mut staging).await;
    if written.is_ok() {
        written = staging.write().await;
    }
    if let Err(error) = written {
        staging.abandon().await;
        return Err(error);
    }
    checked(core, check_entries(&sink.entries))?;
    let batch = Batch {
        run: sink.entries,
        ops,
        ..Batch::default()
    };
    Ok(Ahead {
        generation,
        batch,
        records: sink.records,
        written: staging.into_written(),
    })
}

/// The operation that a cell of the catalog has come from.
fn catalog_op(key: &Bytes, cell: &Cell) -> Option<Op> {
    let key = OpKey::plain(key.clone());
    match &cell.value {
        Value::Tombstone => Some(Op::Delete(key)),
        Value::Inline(value) => {
            let value = OpValue::Inline(value.clone());
            Some(Op::Put(key, value, cell.marks.clone()))
        }
        // Nothing of a draft is.
        Value::Piece(_) => None,
    }
}

async fn push_cell(
    core: &Rc<Core>,
    staging: &mut Staging,
    sink: &mut SegmentSink,
    key: &[u8],
    cell: &Cell,
) -> Result<()> {
    let Value::Inline(value) = &cell.value else {
        return sink.push(staging, key, cell).await;
    };
    if !is_piece(value) {
        return sink.push(staging, key, cell).await;
    }
    // (Not shared, were it the same as that of another: each cell is written for itself.)
    let (piece, record) = seal_piece(core, value)?;
    staging.put(RecordKey::Piece(piece.id), record).await?;
    let cell = Cell {
        value: Value::Piece(piece),
        marks: cell.marks.clone(),
    };
    sink.push(staging, key, &cell).await
}
