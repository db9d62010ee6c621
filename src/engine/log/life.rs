//! Whether what is stored is of the life of the patch that the engine was opened on, and of a format that it knows; else
//! it is closed. Nor does it go on where the data's shape becomes another one than was declared.

use bytes::Bytes;
use std::rc::Rc;

use super::flight;
use super::stored::read_head;
use crate::codec::head::Head;
use crate::engine::core::group::Seen;
use crate::engine::core::instance::Core;
use crate::engine::core::options::Reason;
use crate::engine::core::shut::shut;
use crate::engine::keyspace::catalog::Catalog;
use crate::error::{Code, Error, Result};

/// Closes the engine where it has met what a later library has stored, or what is sealed under a key: it could not
/// follow any more. The frame in flight may count all the same, so it is not recalled.
///
/// # Errors
/// As `outcome`.
pub fn stopped_by_later<T>(core: &Rc<Core>, outcome: Result<T>) -> Result<T> {
    if outcome.as_ref().is_err_and(is_of_later) {
        // planted: later-recalls
        shut(core, Reason::VersionChange);
    }
    outcome
}

fn is_of_later(error: &Error) -> bool {
    matches!(error.code(), Code::UnsupportedFormat | Code::Encrypted)
}

/// Closes the engine where the data are of another version than was declared, or are to be migrated to a later one: before anything
/// of that is seen. The frame in flight was made under an earlier catalog, and none that lies below has it: it is void.
///
/// # Errors
/// `Closed`; `Corrupt`.
pub fn check_version(core: &Rc<Core>, catalog: &Catalog) -> Result<()> {
    let Some((version, excused)) = core.declared.get() else {
        return Ok(());
    };
    // planted: migrate-open-old
    if catalog.data_version()?.suits(version, excused) {
        return Ok(());
    }
    if let Some(sequence) = flight::in_flight(core) {
        flight::see(&core.state.borrow(), sequence, Seen::Void(0));
        flight::recall(core, sequence);
    }
    shut(core, Reason::VersionChange);
    Err(Error::closed())
}

/// The stored head, if it is of the life of the database that this engine was opened on;
/// otherwise, or if it is of a later format or encrypted, the engine is closed. `flight`: what was in flight when that was read, with `frames`.
///
/// # Errors
/// `ConnectionLost`, `Closed`, or that the head cannot be read.
pub fn check_life(
    core: &Rc<Core>,
    record: Option<&Bytes>,
    flight: Option<u64>,
    frames: &[(u64, Bytes)],
) -> Result<Head> {
    let seals = core.backend().seals();
    let head = record.map(|record| read_head(record, seals)).transpose();
    let known = core.state.borrow().head.incarnation;
    match head {
        Ok(Some(head)) if head.incarnation == known => Ok(head),
        // It could only do harm here. Whoever writes such a head has cut the log before.
        Err(error) if is_of_later(&error) => {
            flight::recall_void(core, flight, frames);
            shut(core, Reason::VersionChange);
            Err(error)
        }
        Err(error) => Err(error),
        Ok(_) => {
            // Deleted, and perhaps created again since. After a lost connection it is unknown what has become
            // of the data.
            let lost = {
                let state = core.state.borrow();
                !state.asleep && (state.lost || !state.looked)
            };
            let reason = if lost { Reason::Lost } else { Reason::Deleted };
            flight::recall_void(core, flight, frames);
            shut(core, reason);
            core.check_open()?;
            Err(Error::closed())
        }
    }
}
