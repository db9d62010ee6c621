//! Deleting a patch, and whether one holds anything.
//!
//! A patch is deleted by clearing all four stores in one transaction. That there is no head says that
//! there is no patch; engines that had it open find out by the head that they look at anyway. The
//! transaction puts nothing, so that it succeeds where a quota is hit. The database itself goes later,
//! when nobody has it open.

use std::rc::Rc;

use super::access::{Cursor, KeyRange, Outcome, afresh};
use super::core::Core;
use super::open::{clear_all, is_dead, open_error};
use super::submit;
use crate::backend::{Connector, Durability, Seen};
use crate::error::{Code, Result};

/// Deletes a patch, whatever its state; false where there is none. Engines on it close when they see
/// it. `connector` opens existing databases only. Nothing is deleted once `stopped` says so.
///
/// # Errors
/// `Blocked`, `Unavailable`; the patch is as it was. `ConnectionLost`: nobody can tell.
pub async fn delete(connector: Rc<dyn Connector>, stopped: Rc<dyn Fn() -> bool>) -> Result<bool> {
    let backend = match connector.open(Rc::new(|_| {})).await {
        Err(error) if error.code() == Code::InvalidArgument => return Ok(false),
        opened => opened?,
    };
    let decide = move |seen: Seen| (!is_dead(seen.head.as_ref()) && !stopped()).then(clear_all);
    // Strict: what is deleted does not come back after a power cut.
    let outcome = backend.flip(Box::new(decide), Durability::Strict).await;
    backend.notify();
    backend.close();
    outcome.map_err(open_error)
}

/// Whether anything in `ranges` is committed.
pub fn holds_any(core: &Rc<Core>, ranges: &[KeyRange]) -> Outcome<bool> {
    let ranges = ranges.to_vec();
    let begin = move || {
        let cursors = ranges.iter().map(|range| Cursor::new(range.clone(), false));
        Ok(cursors.collect())
    };
    let work = afresh(begin, |cursors: &mut Vec<Cursor>, reads| {
        while let Some(cursor) = cursors.last_mut() {
            if reads.next_key(cursor)?.is_some() {
                return Ok(true);
            }
            cursors.pop();
        }
        Ok(false)
    });
    submit::read_committed(core, work)
}
