//! Opens connections with keys, and keeps the keys as long as an engine works with them.

use std::any::Any;
use std::cell::Cell;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use super::backend::SealedBackend;
use super::vault::Vault;
use crate::backend::{Backend, Connector, Event};
use crate::error::Result;
use crate::record::Id;

/// A connector with keys.
pub struct SealedConnector {
    connector: Rc<dyn Connector>,
    vault: Rc<Vault>,
    engines: Cell<u32>,
}

impl SealedConnector {
    /// Seals what is written over connections of `connector`.
    #[must_use]
    pub const fn new(connector: Rc<dyn Connector>, vault: Rc<Vault>) -> Self {
        Self {
            connector,
            vault,
            engines: Cell::new(0),
        }
    }

    fn sealed(
        &self,
        opening: LocalBoxFuture<'static, Result<Rc<dyn Backend>>>,
    ) -> LocalBoxFuture<'static, Result<Rc<dyn Backend>>> {
        let vault = self.vault.clone();
        async move {
            let backend = opening.await?;
            Ok(Rc::new(SealedBackend::new(backend, vault)) as Rc<dyn Backend>)
        }
        .boxed_local()
    }
}

impl Connector for SealedConnector {
    fn open(&self, events: Rc<dyn Fn(Event)>) -> LocalBoxFuture<'static, Result<Rc<dyn Backend>>> {
        self.sealed(self.connector.open(events))
    }

    fn open_existing(
        &self,
        events: Rc<dyn Fn(Event)>,
    ) -> LocalBoxFuture<'static, Result<Rc<dyn Backend>>> {
        self.sealed(self.connector.open_existing(events))
    }

    fn reserve_bytes(&self) -> usize {
        self.connector.reserve_bytes()
    }

    fn key_table(&self) -> Bytes {
        self.vault.table()
    }

    fn joined(&self) {
        self.engines.set(self.engines.get() + 1);
    }

    fn left(&self) {
        let left = self.engines.get().saturating_sub(1);
        self.engines.set(left);
        if left == 0 {
            self.vault.wipe();
        }
    }

    fn hold(&self, life: Id, epoch: u64) -> LocalBoxFuture<'static, Option<Box<dyn Any>>> {
        self.connector.hold(life, epoch)
    }

    fn held(&self, life: Id) -> LocalBoxFuture<'static, Option<u64>> {
        self.connector.held(life)
    }

    fn estimate(&self) -> LocalBoxFuture<'static, Option<(f64, f64)>> {
        self.connector.estimate()
    }
}
