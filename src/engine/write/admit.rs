//! The patch's own budget: what a commit meets before it is sealed.

use std::rc::Rc;

use crate::codec::cell::Value;
use crate::engine::core::instance::Core;
use crate::engine::core::slice::Slice;
use crate::engine::keyspace::memtable::Memtable;
use crate::engine::log::flight::split_first;
use crate::engine::store::load::run_attempts;
use crate::engine::store::room::Attempts;
use crate::engine::upkeep::relief::{self, HELP};
use crate::error::Result;

/// Whether the first group may be sealed. If not, something was done about it, and the committer looks anew.
///
/// # Errors
/// `StorageQuotaExceeded`: nothing can be done.
pub async fn admit(core: &Rc<Core>) -> Result<bool> {
    if has_room(core) {
        return Ok(true);
    }
    admit_beyond(core).await
}

fn has_room(core: &Core) -> bool {
    let state = core.state.borrow();
    // (Asked first: hardly any patch has a budget.)
    if core.quota.policy.get().max_bytes.is_infinite() || state.queue.first_frees_room() {
        return true;
    }
    let bytes = state.queue.first_bytes();
    drop(state);
    core.has_budget(bytes)
}

async fn admit_beyond(core: &Rc<Core>) -> Result<bool> {
    let before = first(core);
    if replaces(core, before.0.clone()).await {
        // Calls may have joined meanwhile.
        return Ok(first(core).1 == before.1);
    }
    let mut room = Attempts::new(false, Some(&HELP));
    while room.empty(core).await || room.relieve(core, true).await {
        if has_room(core) {
            break;
        }
    }
    // Much may have come meanwhile.
    if has_room(core) {
        return Ok(false);
    }
    if first(core).1 > 1 {
        split_first(core);
        return Ok(false);
    }
    Err(relief::over_budget(core))
}

/// What the first group writes, and how many calls it has.
fn first(core: &Core) -> (Option<Rc<Memtable>>, usize) {
    let state = core.state.borrow();
    let calls = state.queue.groups.front().map_or(0, |g| g.calls.len());
    (state.view.own.first().cloned(), calls)
}

/// Whether what is written takes no more than what it replaces: then it is let in where there is no room, as what only
/// removes is. Looked up only there.
async fn replaces(core: &Rc<Core>, table: Option<Rc<Memtable>>) -> bool {
    let (Some(table), view) = (table, core.view().committed()) else {
        return false;
    };
    let cache = &core.context.cache;
    let mut slice = Slice::new(core);
    let (mut old_bytes, mut new_bytes) = (0, 0);
    for (key, cell) in table.cells() {
        let Ok(old) = run_attempts(core, || view.get(cache, key)).await else {
            return false;
        };
        let weigh = |value: &Value, bytes: u64| match value {
            Value::Tombstone => 0,
            Value::Inline(_) | Value::Piece(_) => key.len() as u64 + bytes,
        };
        old_bytes += old.map_or(0, |old| weigh(&old.value, old.len()));
        new_bytes += weigh(&cell.value, cell.len());
        slice.breathe(core).await;
    }
    new_bytes <= old_bytes
}
