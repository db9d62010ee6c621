//! Letting go of what is large in slices: dropping some hundred thousand operations takes long.

use futures_util::FutureExt;
use std::rc::Rc;

use super::group::Call;
use super::instance::Core;
use crate::codec::batch::Op;
use crate::engine::keyspace::draft::Draft;
use crate::engine::keyspace::memtable::Memtable;
use crate::engine::keyspace::read_set::ReadSet;

/// Operations, cells or keys that are dropped at once.
const SLICE: usize = 5_000;

/// Drops the calls of a large batch, and their table unless readers of an older view hold it still: the last one
/// drops it then.
pub fn calls(core: &Rc<Core>, calls: Vec<Call>, table: Option<Rc<Memtable>>) {
    let inner = core.clone();
    let bury = async move {
        for mut call in calls {
            let (ops, reads) = (
                std::mem::take(&mut call.ops),
                std::mem::take(&mut call.reads),
            );
            drop_slowly(&inner, ops, reads).await;
        }
        drop_table(&inner, table).await;
    };
    core.env().spawn(bury.boxed_local());
}

/// Drops a draft that came to nothing.
pub fn draft(core: &Rc<Core>, mut draft: Draft) {
    table(core, draft.take_shown());
    if draft.ops.len() <= SLICE && !draft.reads.is_longer_than(SLICE) {
        return;
    }
    let inner = core.clone();
    let bury = async move {
        let (ops, reads) = (
            std::mem::take(&mut draft.ops),
            std::mem::take(&mut draft.reads),
        );
        drop_slowly(&inner, ops, reads).await;
    };
    core.env().spawn(bury.boxed_local());
}

/// Drops a table, unless others hold it still.
pub fn table(core: &Rc<Core>, table: Option<Rc<Memtable>>) {
    if !table
        .as_ref()
        .is_some_and(|table| table.is_longer_than(SLICE))
    {
        return;
    }
    let inner = core.clone();
    let bury = async move { drop_table(&inner, table).await };
    core.env().spawn(bury.boxed_local());
}

async fn drop_slowly(core: &Rc<Core>, mut ops: Vec<Op>, mut reads: ReadSet) {
    while !ops.is_empty() {
        ops.truncate(ops.len().saturating_sub(SLICE));
        core.env().yield_now().await;
    }
    while reads.drop_some(SLICE) {
        core.env().yield_now().await;
    }
}

async fn drop_table(core: &Rc<Core>, table: Option<Rc<Memtable>>) {
    if let Some(mut table) = table.and_then(Rc::into_inner) {
        while table.drop_some(SLICE) {
            core.env().yield_now().await;
        }
    }
}
