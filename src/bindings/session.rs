//! What a store works on: an open engine, or a transaction on it.

use futures_util::future::LocalBoxFuture;

use crate::engine::access::{Outcome, ReadWork, Session, WriteWork};
use crate::engine::{Engine, Transaction};
use crate::error::Result;

/// The engine or a transaction.
#[derive(Clone)]
pub enum AnySession {
    /// Writes resolve when they are committed.
    Engine(Engine),
    /// Writes resolve when they are noted.
    Transaction(Transaction),
}

impl Session for AnySession {
    fn read<T: 'static>(&self, work: ReadWork<T>) -> Outcome<T> {
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
