//! Calls of the engine for the keys of an encrypted patch.

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use std::rc::Rc;

use super::Engine;
use super::whole::keyring;
use crate::error::Result;
use crate::record::Id;
use crate::sealed::keys::Credential;

impl Engine {
    /// Whether the patch is encrypted.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.0.vault.is_some()
    }

    /// The key slot by which the patch was opened.
    #[must_use]
    pub fn opened_by(&self) -> Option<Id> {
        self.0.vault.as_ref()?.slot()
    }

    /// The key slot that a credential opens, of the patch as it is now.
    ///
    /// # Errors
    /// `NotEncrypted`, `WrongKey`, `Closed`, …
    pub fn verify(&self, credential: Rc<dyn Credential>) -> LocalBoxFuture<'static, Result<Id>> {
        let core = self.0.clone();
        async move { keyring::verify(&core, &*credential).await }.boxed_local()
    }

    /// The names of the key slots.
    ///
    /// # Errors
    /// `NotEncrypted`, `Corrupt`, `Closed`, …
    pub fn key_names(&self) -> LocalBoxFuture<'static, Result<Vec<String>>> {
        let core = self.0.clone();
        async move { keyring::names(&core).await }.boxed_local()
    }

    /// Has a credential open the patch under a name, instead of what did so far. The new slot.
    ///
    /// # Errors
    /// `NotEncrypted`, `LimitExceeded`, `Conflict`, …
    pub fn set_key(
        &self,
        name: String,
        credential: Rc<dyn Credential>,
    ) -> LocalBoxFuture<'static, Result<Id>> {
        let core = self.0.clone();
        async move { keyring::set(&core, &name, &*credential).await }.boxed_local()
    }

    /// Has a credential open the patch instead of the one that opens a slot. The new slot.
    ///
    /// # Errors
    /// `NotEncrypted`; `Conflict`: the slot is gone, …
    pub fn rekey(
        &self,
        old: Id,
        credential: Rc<dyn Credential>,
    ) -> LocalBoxFuture<'static, Result<Id>> {
        let core = self.0.clone();
        async move { keyring::rekey(&core, old, &*credential).await }.boxed_local()
    }

    /// Removes the key slot of a name; false if there is none.
    ///
    /// # Errors
    /// `InvalidArgument` for the last one, `NotEncrypted`, `Conflict`, …
    pub fn remove_key(&self, name: String) -> LocalBoxFuture<'static, Result<bool>> {
        let core = self.0.clone();
        async move { keyring::remove(&core, &name).await }.boxed_local()
    }
}
