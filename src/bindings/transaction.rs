//! Transactions in progress.

use js_sys::Promise;
use wasm_bindgen::prelude::*;

use super::contents::ContentsPort;
use super::db::DbPort;
use super::errors;
use super::kv::KvPort;
use super::outcome;
use super::scope::scope;
use super::session::AnySession;
use crate::engine::Transaction;
use crate::models::keys;

/// One run of a transaction; a retry is a new one.
#[wasm_bindgen]
pub struct TransactionPort {
    transaction: Transaction,
}

impl TransactionPort {
    /// Wraps a transaction for JavaScript.
    #[must_use]
    pub fn new(transaction: Transaction) -> Self {
        Self { transaction }
    }

    /// The transaction.
    #[must_use]
    pub const fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    fn session(&self) -> AnySession {
        AnySession::Transaction(self.transaction.clone())
    }
}

#[wasm_bindgen]
impl TransactionPort {
    /// The key-value store of a scope.
    pub fn kv(&self, name: &str, is_node: bool) -> Result<KvPort, JsValue> {
        scope(name, is_node)
            .and_then(|scope| KvPort::new(self.session(), &scope))
            .map_err(|error| errors::to_js(&error))
    }

    /// The document store of a scope.
    pub fn db(&self, name: &str, is_node: bool) -> Result<DbPort, JsValue> {
        scope(name, is_node)
            .map(|scope| DbPort::new(self.session(), scope, None))
            .map_err(|error| errors::to_js(&error))
    }

    /// The meta.
    #[must_use]
    pub fn meta(&self) -> KvPort {
        KvPort::of_kind(self.session(), keys::META)
    }

    /// Contents, as the transaction sees them.
    #[must_use]
    pub fn contents(&self) -> ContentsPort {
        ContentsPort::new(self.session())
    }

    /// Commits. Resolves to false if another commit changed what this transaction read.
    #[wasm_bindgen(unchecked_return_type = "Promise<boolean>")]
    pub fn commit(&self) -> Promise {
        let committing = Box::pin(self.transaction.clone().commit());
        outcome::promise(committing, outcome::plain)
    }

    /// Whether the snapshot is gone, so that the transaction must be retried.
    #[wasm_bindgen(js_name = isDoomed)]
    pub fn is_doomed(&self) -> bool {
        self.transaction.is_doomed()
    }

    /// Drops the transaction's writes.
    pub fn abandon(&self) {
        self.transaction.abandon();
    }
}
