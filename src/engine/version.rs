//! The version of the data's shape: what was declared of it, and transactions that change it.

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use super::Engine;
use super::write::transaction::{self, Purpose, Transaction};
use crate::codec::data_version::DataVersion;
use crate::error::Result;

impl Engine {
    /// What the catalog says of it, as far as this realm knows.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn data_version(&self) -> Result<DataVersion> {
        self.0.view().catalog.data_version()
    }

    /// From now on the engine ends, by `VersionChange`, before anything is seen of data of another version, or as soon as their
    /// migration to a later one begins. `excused`: the attempt of a migration that is known to be dead. Whether that
    /// suits what is stored; if not, nothing has been declared.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn declare(&self, version: u64, excused: u64) -> Result<bool> {
        let suits = self.data_version()?.suits(version, excused);
        if suits {
            self.0.declared.set(Some((version, excused)));
        }
        Ok(suits)
    }

    /// Begins a transaction that may change definitions, and sets aside which records it writes
    /// ([`Transaction::take_aside`]). `in_turn`: as [`Engine::begin_in_turn`].
    ///
    /// # Errors
    /// `Closed`, `ConnectionLost`.
    #[must_use]
    pub fn begin_migration(&self, in_turn: bool) -> LocalBoxFuture<'static, Result<Transaction>> {
        transaction::begin(self.0.clone(), Purpose::Migrate, in_turn).boxed_local()
    }
}
