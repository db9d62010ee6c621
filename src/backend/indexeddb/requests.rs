//! From our requests to IndexedDB's, and from its results to our replies.

use bytes::Bytes;
use js_sys::Array;
use wasm_bindgen::prelude::*;
use web_sys::{IdbKeyRange, IdbObjectStore, IdbRequest, IdbTransaction};

use super::error;
use super::records::{bytes_of, id_of, js_key, js_number, js_record, number_of};
use super::schema::{self, Scope};
use crate::backend::refusals::{LAST_NUMBER, number_out_of_range, put_of_frame};
use crate::backend::{Append, Appended, Failure, Id, IdStore, Read, RecordKey, Reply, Write};
use crate::crossing;

/// A read whose result is still to come.
pub(super) enum Awaited {
    Record(IdbRequest),
    Frames {
        numbers: IdbRequest,
        frames: IdbRequest,
    },
    NoFrames,
    Ids(IdbRequest),
    Count(IdbRequest),
}

/// The stores that reads need.
pub(super) fn scope_of_reads(reads: &[Read]) -> Scope {
    reads.iter().fold(Scope::NONE, |scope, read| {
        scope.with(match read {
            Read::Get(key) => Scope::of_key(*key),
            Read::Frames { .. } => Scope::LOG,
            Read::Ids(store) | Read::Count(store) => Scope::of_ids(*store),
        })
    })
}

/// The stores that writes need.
///
/// # Errors
/// `Aborted` for a put of a frame.
pub(super) fn scope_of_writes(writes: &[Write]) -> Result<Scope, Failure> {
    writes.iter().try_fold(Scope::NONE, |scope, write| {
        Ok(scope.with(match write {
            Write::Put(RecordKey::Frame(_), _) => return Err(put_of_frame()),
            Write::Put(key, _) | Write::Delete(key) => Scope::of_key(*key),
            Write::CutLog { .. } | Write::Add(..) => Scope::LOG,
            Write::Clear(store) => Scope::of_ids(*store),
        }))
    })
}

/// Issues all of `reads`.
///
/// # Errors
/// `Aborted`, `Quota`.
pub(super) fn issue_reads(
    transaction: &IdbTransaction,
    reads: &[Read],
) -> Result<Vec<Awaited>, Failure> {
    let issued = reads.iter().map(|read| issue_read(transaction, *read));
    issued
        .collect::<Result<_, _>>()
        .map_err(|exception| error::thrown(&exception))
}

fn issue_read(transaction: &IdbTransaction, read: Read) -> Result<Awaited, JsValue> {
    Ok(match read {
        Read::Get(key) => Awaited::Record(store_of(transaction, key)?.get(&js_key(key))?),
        // To IndexedDB a limit of 0 is none.
        Read::Frames { limit: 0, .. } => Awaited::NoFrames,
        Read::Frames { after, .. } if after >= LAST_NUMBER => Awaited::NoFrames,
        Read::Frames { after, limit } => {
            let log = transaction.object_store(schema::LOG)?;
            let (after, last) = (js_number(after), js_number(LAST_NUMBER));
            let range = IdbKeyRange::bound_with_lower_open(&after, &last, true)?;
            Awaited::Frames {
                numbers: log.get_all_keys_with_key_and_limit(&range, limit)?,
                frames: log.get_all_with_key_and_limit(&range, limit)?,
            }
        }
        Read::Ids(store) => Awaited::Ids(id_store(transaction, store)?.get_all_keys()?),
        Read::Count(store) => Awaited::Count(id_store(transaction, store)?.count()?),
    })
}

fn issue_write(transaction: &IdbTransaction, write: &Write) -> Result<IdbRequest, JsValue> {
    match write {
        Write::Put(key, bytes) => {
            store_of(transaction, *key)?.put_with_key(&js_record(bytes)?, &js_key(*key))
        }
        Write::Delete(key) => store_of(transaction, *key)?.delete(&js_key(*key)),
        Write::CutLog { through } => {
            let range = IdbKeyRange::upper_bound(&js_number((*through).min(LAST_NUMBER)))?;
            transaction.object_store(schema::LOG)?.delete(&range)
        }
        Write::Clear(store) => id_store(transaction, *store)?.clear(),
        Write::Add(at, frame) => issue_add(transaction, *at, frame),
    }
}

fn issue_add(
    transaction: &IdbTransaction,
    at: Option<u64>,
    frame: &Bytes,
) -> Result<IdbRequest, JsValue> {
    let (log, frame) = (
        transaction.object_store(schema::LOG)?,
        crossing::bytes(frame)?,
    );
    match at {
        Some(number) => log.add_with_key(&frame, &js_number(number)),
        None => log.add(&frame),
    }
}

/// A commit under way.
pub(super) struct AwaitedAppend {
    number: IdbRequest,
    head: Option<IdbRequest>,
    pieces: Vec<IdbRequest>,
}

/// Issues a commit: the pieces and the frame; the read of the head if a number is asked for.
///
/// # Errors
/// `Aborted`, `Quota`.
pub(super) fn issue_append(
    transaction: &IdbTransaction,
    append: &Append,
) -> Result<AwaitedAppend, Failure> {
    let issue = || {
        let read_head = |_| store_of(transaction, RecordKey::Head)?.get(&js_key(RecordKey::Head));
        let head = append.at.map(read_head).transpose()?;
        let put = |(id, bytes): &(Id, Bytes)| {
            let key = RecordKey::Piece(*id);
            store_of(transaction, key)?.put_with_key(&js_record(bytes)?, &js_key(key))
        };
        let pieces = append.pieces.iter().map(put).collect::<Result<_, _>>()?;
        // Last, since it is the one that is expected to fail: see `Link::commit`.
        Ok(AwaitedAppend {
            number: issue_add(transaction, append.at, &append.frame)?,
            head,
            pieces,
        })
    };
    issue().map_err(|exception: JsValue| error::thrown(&exception))
}

impl AwaitedAppend {
    /// What the commit saw, once it has completed.
    ///
    /// # Errors
    /// What the browser throws.
    pub fn appended(&self) -> Result<Appended, JsValue> {
        let number = self.number.result()?;
        let number = number_of(&number).ok_or(number)?;
        Ok(Appended {
            number,
            head: match &self.head {
                Some(head) => bytes_of(&head.result()?)?,
                None => None,
            },
        })
    }

    /// The requests behind it, first the one that fails when a number is taken.
    pub fn all(&self) -> Vec<IdbRequest> {
        let mut all = vec![self.number.clone()];
        all.extend(self.head.clone());
        all.extend(self.pieces.iter().cloned());
        all
    }
}

/// Refuses a number that a key cannot hold.
///
/// # Errors
/// `Aborted`.
pub(super) fn check_number(number: Option<u64>) -> Result<(), Failure> {
    match number {
        Some(number) if number > LAST_NUMBER => Err(number_out_of_range()),
        _ => Ok(()),
    }
}

impl Awaited {
    /// The requests behind it.
    pub fn requests(&self) -> impl Iterator<Item = &IdbRequest> {
        let (first, second) = match self {
            Self::Record(request) | Self::Ids(request) | Self::Count(request) => {
                (Some(request), None)
            }
            Self::Frames { numbers, frames } => (Some(numbers), Some(frames)),
            Self::NoFrames => (None, None),
        };
        first.into_iter().chain(second)
    }

    /// The reply, once the transaction has completed.
    ///
    /// # Errors
    /// What the browser throws.
    pub fn reply(&self) -> Result<Reply, JsValue> {
        let result = |request: &IdbRequest| {
            check(request)?;
            request.result()
        };
        Ok(match self {
            Self::Record(request) => Reply::Record(record_of(request)?),
            Self::NoFrames => Reply::Frames(Vec::new()),
            Self::Frames { numbers, frames } => {
                let numbers: Array = result(numbers)?.unchecked_into();
                let frames: Array = result(frames)?.unchecked_into();
                let mut both = Vec::new();
                for (number, frame) in numbers.iter().zip(frames.iter()) {
                    both.extend(number_of(&number).zip(bytes_of(&frame)?));
                }
                Reply::Frames(both)
            }
            Self::Ids(request) => {
                let keys: Array = result(request)?.unchecked_into();
                Reply::Ids(keys.iter().filter_map(|key| id_of(&key)).collect())
            }
            Self::Count(request) => Reply::Count(number_of(&result(request)?).unwrap_or(0)),
        })
    }
}

/// The record that was asked for, `None` for none.
///
/// # Errors
/// What the browser throws or reports of this request.
pub(super) fn record_of(request: &IdbRequest) -> Result<Option<Bytes>, JsValue> {
    let record = bytes_of(&request.result()?)?;
    if record.is_none() {
        // The result of a request that failed looks like that of one that found nothing.
        check(request)?;
    }
    Ok(record)
}

fn check(request: &IdbRequest) -> Result<(), JsValue> {
    request.error()?.map_or(Ok(()), |failed| Err(failed.into()))
}

fn store_of(transaction: &IdbTransaction, key: RecordKey) -> Result<IdbObjectStore, JsValue> {
    transaction.object_store(match key {
        RecordKey::Head | RecordKey::Root => schema::HEAD,
        RecordKey::Frame(_) => schema::LOG,
        RecordKey::Run(_) => schema::RUNS,
        RecordKey::Piece(_) => schema::BLOBS,
    })
}

fn id_store(transaction: &IdbTransaction, store: IdStore) -> Result<IdbObjectStore, JsValue> {
    transaction.object_store(match store {
        IdStore::Runs => schema::RUNS,
        IdStore::Blobs => schema::BLOBS,
    })
}

/// Issues all of `writes`; on failure nothing of the transaction may be committed.
///
/// # Errors
/// `Aborted`, `Quota`.
pub(super) fn issue_writes(
    transaction: &IdbTransaction,
    writes: &[Write],
) -> Result<Vec<IdbRequest>, Failure> {
    let issued = writes.iter().map(|write| issue_write(transaction, write));
    issued
        .collect::<Result<_, _>>()
        .map_err(|exception| error::thrown(&exception))
}
