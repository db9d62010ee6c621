//! The four kinds of transaction.

use futures_util::future::LocalBoxFuture;
use std::future::ready;
use std::rc::Rc;

use super::link::{Link, Mode};
use super::requests::{self, Awaited};
use super::schema::Scope;
use super::transaction::{End, or_abort};
use super::{error, flip, reclaim};
use crate::backend::{
    Append, Appended, Backend, Decide, Durability, Failure, Read, Reply, Settled, Signal, Write,
};

/// Chromium keeps records above this many bytes as files of their own (or a little below: what is stored says what it
/// is). It flushes such a file with the transaction that writes it or never: after a cut of power, a later commit
/// would be there and this one in part, even after a `flush`.
const FILE_BYTES: usize = 60 << 10;

/// A connection as the engine sees it; closed when dropped.
pub(super) struct Connection(Rc<Link>);

impl Connection {
    pub fn new(link: Rc<Link>) -> Self {
        Self(link)
    }

    fn try_read(link: &Rc<Link>, reads: &[Read]) -> Result<Settled<Vec<Reply>>, Failure> {
        if reads.is_empty() {
            return if link.is_open() {
                at_once(Vec::new())
            } else {
                Err(Failure::Lost)
            };
        }
        let transaction = link.begin(requests::scope_of_reads(reads), Mode::Read)?;
        let awaited = or_abort(&transaction, requests::issue_reads(&transaction, reads))?;
        // Committed explicitly, so that a tab that is frozen now does not hold up those who write.
        // Settled by the last success instead of `complete`, which Chromium then fires before it has
        // delivered values above 64 KiB, which it keeps apart (measured in Chromium 156).
        link.commit(&transaction, true);
        let (of, at) = (Rc::clone(link), transaction.clone());
        let all: Vec<_> = awaited
            .iter()
            .flat_map(Awaited::requests)
            .cloned()
            .collect();
        let Some(last) = all.last().cloned() else {
            return at_once(replies(&awaited)?);
        };
        Ok(link.settle_read(transaction, last, move |end| match end {
            End::Completed => replies(&awaited),
            End::Aborted => Err(of.abort_of(&at, &all, false, Mode::Read)),
        }))
    }

    fn try_write(&self, writes: &[Write], mode: Mode) -> Result<Settled<()>, Failure> {
        let link = &self.0;
        let scope = requests::scope_of_writes(writes)?;
        if writes.is_empty() {
            return if link.is_open() {
                at_once(())
            } else {
                Err(Failure::Lost)
            };
        }
        let transaction = link.begin(scope, mode)?;
        let issued = or_abort(&transaction, requests::issue_writes(&transaction, writes))?;
        link.commit(&transaction, issued.len() < 2);
        let (of, at) = (Rc::clone(link), transaction.clone());
        Ok(link.settle(transaction, move |end| match end {
            End::Completed => Ok(()),
            End::Aborted => Err(of.abort_of(&at, &issued, false, mode)),
        }))
    }

    fn try_append(&self, append: &Append, mode: Mode) -> Result<Settled<Appended>, Failure> {
        let link = &self.0;
        requests::check_number(append.at)?;
        let pieces = if append.pieces.is_empty() {
            Scope::NONE
        } else {
            Scope::BLOBS
        };
        let head = append.at.map_or(Scope::NONE, |_| Scope::HEAD);
        let scope = Scope::LOG.with(head).with(pieces);
        let transaction = link.begin(scope, mode)?;
        let issued = or_abort(&transaction, requests::issue_append(&transaction, append))?;
        link.commit(&transaction, append.pieces.is_empty());
        let (of, at) = (Rc::clone(link), transaction.clone());
        let is_numbered = append.at.is_some();
        Ok(link.settle(transaction, move |end| match end {
            // Committed, but what it saw is unknown: reopening finds it in the log.
            End::Completed => issued.appended().map_err(|_| Failure::Lost),
            End::Aborted => Err(of.abort_of(&at, &issued.all(), is_numbered, mode)),
        }))
    }
}

fn replies(awaited: &[Awaited]) -> Result<Vec<Reply>, Failure> {
    let replies = awaited.iter().map(Awaited::reply);
    replies
        .collect::<Result<_, _>>()
        .map_err(|exception| error::thrown(&exception))
}

fn at_once<T: 'static>(value: T) -> Result<Settled<T>, Failure> {
    Ok(Box::pin(ready(Ok(value))))
}

fn settled<T: 'static>(started: Result<Settled<T>, Failure>) -> Settled<T> {
    started.unwrap_or_else(|failure| Box::pin(ready(Err(failure))))
}

impl Backend for Connection {
    fn read(&self, reads: Vec<Read>) -> Settled<Vec<Reply>> {
        settled(Self::try_read(&self.0, &reads))
    }

    fn write(&self, writes: Vec<Write>, durability: Durability) -> Settled<()> {
        settled(self.try_write(&writes, Mode::Write(durability)))
    }

    fn append(&self, append: Append, durability: Durability) -> Settled<Appended> {
        settled(self.try_append(&append, Mode::Write(durability)))
    }

    fn flip(&self, decide: Decide, durability: Durability) -> Settled<bool> {
        settled(flip::start(&self.0, decide, Mode::Write(durability)))
    }

    fn tears(&self, append: &Append) -> bool {
        append.frame.len() > FILE_BYTES || !append.pieces.is_empty()
    }

    fn reclaim(&self, position: u64, attempt: u32) -> LocalBoxFuture<'static, ()> {
        let link = Rc::clone(&self.0);
        Box::pin(async move {
            reclaim::occasion().await;
            drop(settled(Self::try_read(&link, &reclaim::lookups(position))).await);
            reclaim::occasion().await;
            reclaim::settle(attempt).await;
            // What it has compacted away goes with the next compaction only.
            reclaim::occasion().await;
            reclaim::settle(0).await;
        })
    }

    fn notify(&self) {
        self.0.wake_others();
    }

    fn signal(&self, signal: Signal) {
        self.0.signal(signal);
    }

    fn close(&self) {
        self.0.close();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.close();
    }
}
