//! The session that a store works on: an open engine or a transaction.

use futures_util::future::LocalBoxFuture;

use super::host;
use crate::engine::access::{Answer, ReadWork, Session, WriteWork};
use crate::engine::{Engine, Transaction};
use crate::error::Result;

/// An engine or a transaction, which stores use in the same way.
#[derive(Clone)]
pub enum AnySession {
    /// Writes resolve when they are committed.
    Engine(Engine),
    /// Writes resolve when the transaction has recorded them.
    Transaction(Transaction),
}

impl AnySession {
    /// The time by which it judges what has expired, in ms since the epoch.
    pub fn now_ms(&self) -> u64 {
        match self {
            Self::Engine(engine) => engine.now_ms(),
            Self::Transaction(transaction) => transaction.now_ms(),
        }
    }

    /// Writes, and calls `tell` at the end. For an engine this needs no future.
    pub fn write_and_tell(&self, work: WriteWork<()>, tell: Box<dyn FnOnce(Result<()>)>) {
        match self {
            Self::Engine(engine) => engine.write_and_tell(work, tell),
            Self::Transaction(transaction) => {
                let done = transaction.write(work);
                host::spawn(async move { tell(done.await) });
            }
        }
    }
}

impl Session for AnySession {
    fn read<T: 'static>(&self, work: ReadWork<T>) -> Answer<T> {
        match self {
            Self::Engine(engine) => engine.read(work),
            Self::Transaction(transaction) => transaction.read(work),
        }
    }

    fn write<T: 'static>(&self, work: WriteWork<T>) -> LocalBoxFuture<'static, Result<T>> {
        match self {
            Self::Engine(engine) => engine.write(work),
            Self::Transaction(transaction) => transaction.write(work),
        }
    }
}
