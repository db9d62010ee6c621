//! Deleting records that nothing refers to any more.

use std::rc::Rc;

use super::held;
use crate::backend::{RecordKey, Write};
use crate::codec::root::Garbage;
use crate::engine::core::instance::Core;
use crate::sorted::Lookup;

/// Flips that a replaced record outlives at most, so that slow readers of older views can finish.
const GRACE_EPOCHS: u64 = 8;
/// Records deleted in one transaction.
const DELETE_SLICE: usize = 500;

/// Deletes records that no committed root will ever refer to again: in transactions of their own
/// that only delete, since these succeed where a quota is hit, and in slices, so that other tabs'
/// commits get in between. What fails is garbage for the collector.
pub async fn delete(core: &Rc<Core>, keys: &[RecordKey]) -> usize {
    let mut count = 0;
    for slice in keys.chunks(DELETE_SLICE) {
        let deletes = slice.iter().copied().map(Write::Delete).collect();
        if core.check_open_or_closing().is_err() {
            break;
        }
        let deleted = core.backend().write(deletes, core.options.durability).await;
        if deleted.is_err() {
            break;
        }
        count += slice.len();
        for key in slice {
            if let RecordKey::Run(id) | RecordKey::Piece(id) = key {
                core.context.cache.forget(*id);
            }
        }
    }
    count
}

/// The garbage that is not deleted yet, as far as this realm knows.
pub fn listed(core: &Core) -> Vec<Garbage> {
    let (view, purged) = (core.view(), core.purged.borrow());
    let listed = view.root.garbage.iter();
    listed
        .filter(|garbage| !purged.contains(&garbage.key))
        .copied()
        .collect()
}

/// Deletes orphans: records that are not live, nor garbage. While an export holds an older moment, none: they may be of that.
pub async fn delete_orphans(core: &Rc<Core>, keys: &[RecordKey]) {
    // (The flip that found them is live already: see `held`.)
    if !keys.is_empty() && held::least(core).await.is_none() {
        delete(core, keys).await;
    }
}

/// Deletes garbage that no export needs: what slow readers have had time enough for, and the oldest of what is beyond `keep_bytes`.
/// How many bytes. It stays listed until the next flip, so that whoever makes that does it again, should this be
/// cut short.
pub async fn purge(core: &Rc<Core>, keep_bytes: u64) -> u64 {
    let keep_bytes = if core.pressed.get() { 0 } else { keep_bytes };
    let (epoch, mut kept) = (core.view().root.epoch, 0);
    let mut due = listed(core);
    due.reverse();
    due.retain(|garbage| {
        kept += garbage.bytes;
        kept > keep_bytes || garbage.epoch + GRACE_EPOCHS < epoch || keep_bytes == 0
    });
    delete_unheld(core, due).await
}

/// Deletes the pieces among the garbage that no export needs. How many bytes.
pub async fn purge_pieces(core: &Rc<Core>) -> u64 {
    let mut due = listed(core);
    due.retain(|garbage| matches!(garbage.key, RecordKey::Piece(_)));
    delete_unheld(core, due).await
}

/// Deletes all garbage, for room: exports that need it fail. How many bytes.
pub async fn purge_held(core: &Rc<Core>) -> u64 {
    delete_listed(core, &listed(core)).await
}

async fn delete_unheld(core: &Rc<Core>, mut due: Vec<Garbage>) -> u64 {
    // Asked only now that it is clear what goes: see `held`.
    if !due.is_empty()
        && let Some(epoch) = held::least(core).await
    {
        // planted: export-unheld
        due.retain(|garbage| garbage.epoch <= epoch);
    }
    delete_listed(core, &due).await
}

async fn delete_listed(core: &Rc<Core>, due: &[Garbage]) -> u64 {
    let keys: Vec<RecordKey> = due.iter().map(|garbage| garbage.key).collect();
    let count = delete(core, &keys).await;
    let view = core.view();
    let before = core.purged.take();
    let listed = view.root.garbage.iter().map(|garbage| garbage.key);
    let purged = listed.filter(|key| before.contains(key));
    let purged = purged.chain(keys.into_iter().take(count)).collect();
    core.purged.replace(Lookup::of(purged));
    core.reckon_anew();
    due.iter().take(count).map(|garbage| garbage.bytes).sum()
}
