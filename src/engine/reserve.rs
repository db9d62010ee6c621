//! The reserve: a record that keeps room, to be given up when there is none left.
//!
//! Where a quota is hit, a put fails even in the transaction that deletes: so a delete, and the
//! merge that gives its space back, need room that was set aside before. The reserve is one
//! record of store `runs` under a fixed id, large enough for Chromium to free it at once.

use bytes::Bytes;
use std::rc::Rc;

use super::core::Core;
use super::load::read;
use crate::backend::{Durability, Id, IdStore, Key, Read, Reply, Write};

/// Its id.
pub const RESERVE: Id = Id([0xff; 16]);
/// Its size.
const RESERVE_BYTES: usize = 512 << 10;
/// Stored bytes from which on a patch keeps one: small ones are not worth it.
const WORTH_BYTES: u64 = 1 << 20;

/// What is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// Nothing.
    Unknown,
    /// It is there.
    There,
    /// It is not there.
    Gone,
}

/// Gives the reserve up. True when room may have been made.
pub async fn give_up(core: &Rc<Core>) -> bool {
    core.pressed.set(true);
    if core.reserve.get() == Known::Gone {
        return false;
    }
    core.reserve.set(Known::Gone);
    let deletes = vec![Write::Delete(Key::Run(RESERVE))];
    core.backend()
        .write(deletes, Durability::Strict)
        .await
        .is_ok()
}

/// Sets the reserve up, where it is missing and worth it. Failing to is no failure.
pub async fn restore(core: &Rc<Core>) {
    if core.reserve.get() == Known::There || core.pressed.get() {
        return;
    }
    let root = core.view().root.clone();
    let levels = root.levels.iter().flatten().map(|page| page.stored);
    let runs = root.runs.iter().flatten().map(|entry| entry.stored);
    if levels.chain(runs).sum::<u64>() < WORTH_BYTES {
        return;
    }
    if core.reserve.get() == Known::Unknown
        && let Ok(replies) = read(core, vec![Read::Ids(IdStore::Runs)]).await
        && matches!(replies.first(), Some(Reply::Ids(ids)) if ids.contains(&RESERVE))
    {
        core.reserve.set(Known::There);
        return;
    }
    let record = Bytes::from(vec![0; RESERVE_BYTES]);
    core.count_written(record.len());
    let put = vec![Write::Put(Key::Run(RESERVE), record)];
    if core.backend().write(put, Durability::Relaxed).await.is_ok() {
        core.reserve.set(Known::There);
    }
}
