//! Records written ahead of the transaction that makes them live.

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, ready};
use std::rc::Rc;

use super::connection;
use super::garbage;
use super::room::{Attempts, Help};
use crate::backend::{Durability, Failure, RecordKey, Write};
use crate::blobs;
use crate::codec::cell::Cell;
use crate::codec::entry::Entry;
use crate::codec::segment::{Segment, SegmentBuilder};
use crate::codec::stamp::Fill;
use crate::engine::core::instance::Core;
use crate::engine::core::invariant::invariant;
use crate::error::Result;

/// Bytes handed to the backend in one transaction.
const BATCH_BYTES: usize = 1 << 20;

/// This part of the cache's bytes may be held of the records of a flush or a merge that are not live yet, on top of it.
pub const KEPT_PART: usize = 8;
/// And this one of the run of a commit: what a page has just written it reads next.
pub const FRESH_PART: usize = 2;

/// Records on their way into `runs` and `blobs`, not live yet.
pub struct Staging {
    core: Rc<Core>,
    waiting: Vec<Write>,
    waiting_bytes: usize,
    written: Vec<RecordKey>,
    frees: bool,
    help: Option<&'static Help>,
}

impl Staging {
    /// Nothing staged. `frees`: whether it is staged to free room, which may use up the reserve. `help`:
    /// what else may be done to make some.
    #[must_use]
    pub fn new(core: &Rc<Core>, frees: bool, help: Option<&'static Help>) -> Self {
        Self {
            core: core.clone(),
            waiting: Vec::new(),
            waiting_bytes: 0,
            written: Vec::new(),
            frees,
            help,
        }
    }

    /// Stages a record, and writes when there is enough.
    ///
    /// # Errors
    /// What the write fails with.
    pub fn put(&mut self, key: RecordKey, record: Bytes) -> LocalBoxFuture<'_, Result<()>> {
        self.waiting_bytes += record.len();
        self.waiting.push(Write::Put(key, record));
        if self.waiting_bytes >= BATCH_BYTES {
            self.write()
        } else {
            ready(Ok(())).boxed_local()
        }
    }

    /// Writes what is staged.
    ///
    /// # Errors
    /// `StorageQuotaExceeded`, `ConnectionLost`, …
    pub fn write(&mut self) -> LocalBoxFuture<'_, Result<()>> {
        // Boxed, so that its state is not part of every caller's.
        self.write_now().boxed_local()
    }

    async fn write_now(&mut self) -> Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let writes = seal_all(&self.core, std::mem::take(&mut self.waiting)).await?;
        self.core
            .count_written(std::mem::take(&mut self.waiting_bytes));
        self.written
            .extend(writes.iter().filter_map(|write| match write {
                Write::Put(key, _) => Some(*key),
                _ => None,
            }));
        let mut reconnected = false;
        let mut room = Attempts::new(self.frees, self.help);
        loop {
            let backend = self.core.backend();
            // Strict whatever the option: a root or frame that survives a power cut must not cite
            // records which did not.
            // planted: staged-relaxed
            match backend.write(writes.clone(), Durability::Strict).await {
                Ok(()) => return Ok(()),
                // Random ids and whole records: writing them twice is the same as once.
                Err(Failure::Lost) if !reconnected => {
                    reconnected = true;
                    connection::reconnect(&self.core, &backend).await?;
                }
                Err(Failure::Quota(_)) if room.make_room(&self.core).await => {}
                Err(Failure::Aborted(why, cause)) if writes.iter().any(puts_blobs) => {
                    return Err(connection::unreadable(&why, cause));
                }
                Err(failure) => return Err(connection::error_of(&self.core, failure).await),
            }
        }
    }

    /// The keys of what was written.
    #[must_use]
    pub fn into_written(self) -> Vec<RecordKey> {
        self.written
    }

    /// Removes what was written, having failed to make it live. A failure leaves orphans, which
    /// are collected later.
    pub async fn abandon(self) {
        garbage::delete(&self.core, &self.written).await;
    }
}

/// Seals what is to be put, where records are sealed.
async fn seal_all(core: &Rc<Core>, mut writes: Vec<Write>) -> Result<Vec<Write>> {
    let backend = core.backend();
    if !backend.seals() {
        return Ok(writes);
    }
    let records = writes.iter().filter_map(|write| match write {
        Write::Put(key, record) => Some((*key, record.clone())),
        _ => None,
    });
    let mut sealed = match backend.seal(records.collect()).await {
        Ok(sealed) => sealed.into_iter(),
        Err(failure) => return Err(connection::error_of(core, failure).await),
    };
    for write in &mut writes {
        if let Write::Put(_, record) = write
            && let Some(sealed) = sealed.next()
        {
            *record = sealed;
        }
    }
    Ok(writes)
}

fn puts_blobs(write: &Write) -> bool {
    matches!(write, Write::Put(RecordKey::Piece(_), record) if blobs::any(record))
}

/// Cuts sorted cells into segments and stages them.
pub struct SegmentSink {
    builder: SegmentBuilder,
    /// The entries of the segments closed so far.
    pub entries: Vec<Entry>,
    /// Their records, if they are to be kept warm.
    pub records: Vec<(crate::backend::Id, Bytes)>,
    call: Option<u64>,
    keep_bytes: usize,
}

impl SegmentSink {
    /// An empty sink. `call`: what is provisional by its number becomes a hole. `keep_bytes`:
    /// how many bytes of records to hand back for the cache.
    #[must_use]
    pub fn new(core: &Rc<Core>, call: Option<u64>, keep_bytes: usize) -> Self {
        Self {
            builder: SegmentBuilder::new(core.new_id()),
            entries: Vec::new(),
            records: Vec::new(),
            call,
            keep_bytes,
        }
    }

    /// Adds a cell; keys must ascend.
    ///
    /// # Errors
    /// What writing fails with.
    pub async fn push(&mut self, staging: &mut Staging, key: &[u8], cell: &Cell) -> Result<()> {
        let before = match self.builder.is_empty() {
            true => self.entries.last().map(|entry| &entry.last[..]),
            false => Some(self.builder.last()),
        };
        invariant!(
            &staging.core,
            before.is_none_or(|before| before < key),
            "cells are written out of order"
        );
        self.builder.push(key, cell, self.call);
        if self.builder.is_full() {
            self.close(staging).await
        } else {
            Ok(())
        }
    }

    /// Closes the segment at hand, if it has anything.
    ///
    /// # Errors
    /// What writing fails with.
    pub fn close<'a>(&'a mut self, staging: &'a mut Staging) -> LocalBoxFuture<'a, Result<()>> {
        // Boxed, so that its state is not part of every caller's.
        self.close_now(staging).boxed_local()
    }

    async fn close_now(&mut self, staging: &mut Staging) -> Result<()> {
        if self.builder.is_empty() {
            return Ok(());
        }
        let next = SegmentBuilder::new(staging.core.new_id());
        let (record, entry) = std::mem::replace(&mut self.builder, next).finish();
        if self.keep_bytes >= record.len() {
            self.keep_bytes -= record.len();
            self.records.push((entry.id, record.clone()));
        }
        staging.put(RecordKey::Run(entry.id), record).await?;
        self.entries.push(entry);
        Ok(())
    }
}

/// Puts records that were just written into the cache.
pub fn keep_warm(core: &Rc<Core>, records: Vec<(crate::backend::Id, Bytes)>, fill: Fill) {
    for (id, record) in records {
        // A record that was just made opens; if not, the reader that loads it reports it.
        if let Ok(segment) = Segment::open(id, &record, fill) {
            core.context.cache.put_segment(id, segment);
        }
    }
}
