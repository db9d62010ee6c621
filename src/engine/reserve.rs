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
/// Bytes written by a realm from which on it sees to the reserve: small patches need none.
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

/// Whether there is reason to set the reserve up: it is not known to be there, and this realm has
/// written as much as makes it worth while.
#[must_use]
pub fn is_wanted(core: &Core) -> bool {
    core.reserve.get() != Known::There
        && !core.pressed.get()
        && core.written_bytes.get() >= WORTH_BYTES
}

/// Sets the reserve up, where it is wanted and missing. Failing to is no failure.
pub async fn restore(core: &Rc<Core>) {
    if !is_wanted(core) {
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
