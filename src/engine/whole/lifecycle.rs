//! Deleting a patch, and whether one holds anything.
//!
//! A patch is deleted by clearing all four stores in one transaction, which uses up a number of the log, so that
//! no commit of another tab looks as if nothing had happened. That there is no head says that there is no patch; engines
//! that had it open find out by the head that they look at then, or anyway. Where there is no room even for that
//! number, it is used up a moment later. The database itself goes when no tab has it open.

use bytes::Bytes;
use std::cell::Cell;
use std::rc::Rc;

use super::open::{clear_all, is_dead};
use crate::backend::{
    Append, Backend, Connector, Durability, Failure, Id, IdStore, Read, Reply, Seen, Settled, Write,
};
use crate::codec::frame::{self, FrameHeader};
use crate::codec::head::Head;
use crate::engine::core::instance::Core;
use crate::engine::keyspace::access::{Answer, Cursor, KeyRange, afresh};
use crate::engine::log::stored::stored_reads;
use crate::engine::store::connection::open_error;
use crate::engine::store::room::RESERVE;
use crate::engine::write::submit;
use crate::error::{Code, Result};

/// How often a deletion is tried: once more where it was aborted, and without a fence where there is no room.
const ATTEMPTS: u32 = 3;

/// Deletes a patch, whatever its state; false where there is none. Engines on it close when they see
/// it. `connector` opens existing databases only. Nothing is deleted once `stopped` says so.
///
/// # Errors
/// `Blocked`, `Unavailable`; the patch is as it was. `ConnectionLost`: the outcome is unknown.
pub async fn delete(connector: Rc<dyn Connector>, stopped: Rc<dyn Fn() -> bool>) -> Result<bool> {
    let mut outcome = Ok(false);
    let mut fenced = true;
    let there_was = Rc::new(Cell::new(false));
    for _ in 0..ATTEMPTS {
        // A connection of its own each time: where a disk is full, Firefox's is of no use any more.
        let backend = match connector.open(Rc::new(|_| {})).await {
            Err(error) if error.code() == Code::NoPatch => return Ok(there_was.get()),
            opened => opened?,
        };
        let erased = erase(&backend, &stopped, fenced, there_was.clone()).await;
        // What is said to have been aborted may have taken effect: then the next attempt finds nothing.
        outcome = erased.map(|erased| erased || there_was.get());
        if matches!(outcome, Ok(true)) && !fenced {
            // Until now, commits of others may have looked as if nothing had happened.
            drop(backend.append(fence(), Durability::Relaxed).await);
        }
        backend.notify();
        backend.close();
        match outcome {
            Ok(_) | Err(Failure::Lost) => break,
            Err(Failure::Quota(_)) => fenced = false,
            // planted: unfenced-retry
            Err(Failure::Taken | Failure::Aborted(..) | Failure::Memory(_)) => {}
        }
    }
    outcome.map_err(open_error)
}

fn fence() -> Append {
    Append {
        frame: frame::void(Id([0; 16])),
        at: None,
        pieces: Vec::new(),
    }
}

/// Strict: what is deleted does not come back after a power cut.
fn erase(
    backend: &Rc<dyn Backend>,
    stopped: &Rc<dyn Fn() -> bool>,
    fenced: bool,
    goes: Rc<Cell<bool>>,
) -> Settled<bool> {
    let stopped = stopped.clone();
    let decide = move |seen: Seen| {
        let is_there = !is_dead(seen.head.as_ref());
        if is_there {
            goes.set(!stopped());
        }
        (is_there && goes.get()).then(|| {
            let mut writes = clear_all();
            if fenced {
                // planted: unfenced-delete
                writes.push(Write::Add(None, fence().frame));
                writes.push(Write::CutLog { through: u64::MAX });
            }
            writes
        })
    };
    backend.flip(Box::new(decide), Durability::Strict)
}

/// Whether an encrypted patch holds any page or frame, which is all that can be told without its key. `connector` opens
/// existing databases only.
///
/// # Errors
/// `NoPatch`, `Blocked`, `Unavailable`, `Corrupt`, `UnsupportedFormat`.
pub async fn holds_records(connector: Rc<dyn Connector>) -> Result<bool> {
    let backend = connector.open(Rc::new(|_| {})).await?;
    let mut reads = stored_reads();
    reads.push(Read::Ids(IdStore::Runs));
    let replies = backend.read(reads).await.map_err(open_error);
    backend.close();
    let replies = replies?;
    let [
        Reply::Record(Some(head)),
        _,
        Reply::Frames(frames),
        Reply::Ids(runs),
    ] = replies.as_slice()
    else {
        return Ok(false);
    };
    let head = Head::decode(head)?;
    let counts = |(number, record): &(u64, Bytes)| {
        let is_of_it = |header: FrameHeader| {
            (header.incarnation, header.generation) == (head.incarnation, head.generation)
        };
        *number > head.position && frame::peek(record).is_ok_and(is_of_it)
    };
    Ok(head.is_live() && (runs.iter().any(|id| *id != RESERVE) || frames.iter().any(counts)))
}

/// Whether anything in `ranges` is committed.
pub fn holds_any(core: &Rc<Core>, ranges: &[KeyRange]) -> Answer<bool> {
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
