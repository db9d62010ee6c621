//! Collecting orphans: records that were written ahead and never made live.

use futures_util::FutureExt;
use std::rc::Rc;

use super::dead;
use super::directory;
use super::flip::Flip;
use super::flush;
use crate::backend::{IdStore, Read, RecordKey, Reply};
use crate::codec::entry::Entry;
use crate::engine::core::gate::Pass;
use crate::engine::core::instance::Core;
use crate::engine::core::loading::LoadError;
use crate::engine::keyspace::view::Layer;
use crate::engine::store::connection::read;
use crate::engine::store::held;
use crate::engine::store::room::RESERVE;
use crate::error::{Error, Result};
use crate::sorted::Lookup;

/// Times that the log may outrun the collector before it gives up for now.
const TRIES: usize = 4;

/// Deletes the records that nothing refers to, and notes that none is left which was written in the clear. Gives up quietly when other tabs write all the
/// while: it demands an empty log, and raises the generation, so that a frame or a flip which
/// refers to a collected record cannot take effect.
///
/// # Errors
/// What reading or writing fails with.
pub async fn collect(core: &Rc<Core>, pass: &Pass) -> Result<()> {
    for _ in 0..TRIES {
        // None could be deleted.
        if held::least(core).await.is_some() {
            return Ok(());
        }
        flush::flush(core, pass).await?;
        let mut flip = Flip::new(core);
        let orphans = orphans(core).await?;
        let sweep = core.state.borrow().head.sweep;
        let is_clean = orphans.is_empty();
        if is_clean {
            if !sweep {
                return Ok(());
            }
            // Not in the flip that goes before they are deleted. If more came meanwhile, so did a flip.
            flip.sweep(false);
        }
        // planted: unfenced-collect
        flip.new_generation = true;
        flip.deletes.extend(orphans);
        if flip.run(core).await? && (is_clean || !sweep) {
            return Ok(());
        }
    }
    Ok(())
}

/// Collects soon what was written in the clear, if the head says that there may be any.
pub fn consider(core: &Rc<Core>) {
    if !core.state.borrow().head.sweep {
        return;
    }
    let inner = core.clone();
    let collecting = async move {
        let pass = inner.maintenance.enter().await;
        // Where that fails, whoever opens it next does it.
        drop(collect(&inner, &pass).await);
    };
    core.env().spawn(collecting.boxed_local());
}

async fn orphans(core: &Rc<Core>) -> Result<Vec<RecordKey>> {
    // Listed first: what is written ahead from now on is not in the lists.
    let replies = read(
        core,
        vec![Read::Ids(IdStore::Runs), Read::Ids(IdStore::Blobs)],
    )
    .await?;
    let [Reply::Ids(runs), Reply::Ids(blobs)] = replies.as_slice() else {
        return Err(Error::internal("a read got no reply"));
    };
    let live = live(core, !blobs.is_empty()).await?;
    let reserve = RecordKey::Run(RESERVE);
    let keys = runs
        .iter()
        .copied()
        .map(RecordKey::Run)
        .chain(blobs.iter().copied().map(RecordKey::Piece));
    Ok(keys
        .filter(|key| *key != reserve && !live.contains(key))
        .collect())
}

/// Every record that the directory, its garbage list and the frames in memory refer to.
async fn live(core: &Rc<Core>, with_pieces: bool) -> Result<Lookup<RecordKey>> {
    let view = core.view();
    let mut live: Vec<RecordKey> = view
        .root
        .garbage
        .iter()
        .map(|garbage| garbage.key)
        .collect();
    let mut entries: Vec<Entry> = view.root.runs.iter().flatten().cloned().collect();
    for page in view.root.levels.iter().flatten() {
        live.push(RecordKey::Run(page.id));
        let page = directory::entries_of(core, page)
            .await
            .map_err(LoadError::into_error)?;
        entries.extend(page.iter().cloned());
    }
    for layer in &view.layers {
        match layer {
            Layer::Run(run) => entries.extend(run.iter().cloned()),
            Layer::Memory(table) => {
                live.extend(table.dead_pieces().iter().map(|garbage| garbage.key));
                let cited = table.cells().filter_map(|(_, cell)| cell.cited_piece());
                live.extend(cited.map(|piece| RecordKey::Piece(piece.id)));
            }
        }
    }
    for entry in entries {
        live.push(RecordKey::Run(entry.id));
        if with_pieces && entry.pieces {
            let cited = dead::pieces_in(core, &entry)
                .await
                .map_err(LoadError::into_error)?;
            live.extend(cited.iter().map(|(_, piece)| RecordKey::Piece(piece.id)));
        }
    }
    Ok(Lookup::of(live))
}
