//! A backend in memory, with the semantics of IndexedDB.
//!
//! Several connections to one [`MemoryConnector`] are what several tabs are to one database.
//! Transactions take effect during the call, in the order of the calls, and are settled at
//! once, so that everything above runs deterministically. In the browser it stands behind
//! `backend: "memory"`.

mod connection;
mod database;
pub(crate) mod stores;

pub use stores::{Snapshot, StoreSize};

use futures_util::future::LocalBoxFuture;
use std::cell::RefCell;
use std::future::ready;
use std::rc::Rc;

use super::{Backend, Connector, Event};
use crate::error::Error;
use connection::Connection;
use database::Database;

/// Opens connections to one database in memory, which lives as long as a clone of this or a
/// connection does. Clones share the database.
#[derive(Clone, Default)]
pub struct MemoryConnector {
    database: Rc<RefCell<Database>>,
}

impl MemoryConnector {
    /// A new, empty database.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What the stores hold at this moment; looks at the records from outside any transaction.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.database.borrow().stores.snapshot()
    }

    /// Cuts every open connection, as a browser does that drops the origin's data or loses its
    /// storage process: each gets [`Event::Lost`]. The records stay.
    pub fn sever(&self) {
        self.disconnect(Event::Lost);
    }

    /// Removes every record and restarts the log's numbers, as `deleteDatabase` does: open
    /// connections get [`Event::Deleted`] and are closed.
    pub fn delete_database(&self) {
        self.disconnect(Event::Deleted);
        self.database.borrow_mut().stores = stores::Stores::default();
    }

    fn disconnect(&self, event: Event) {
        let listeners = self.database.borrow_mut().listeners.take_all();
        for listener in listeners {
            listener(event);
        }
    }
}

impl Connector for MemoryConnector {
    fn open(
        &self,
        events: Rc<dyn Fn(Event)>,
    ) -> LocalBoxFuture<'static, Result<Rc<dyn Backend>, Error>> {
        let backend: Rc<dyn Backend> = Rc::new(Connection::open(&self.database, events));
        Box::pin(ready(Ok(backend)))
    }

    fn estimate(&self) -> LocalBoxFuture<'static, Option<(f64, f64)>> {
        Box::pin(ready(None))
    }
}
