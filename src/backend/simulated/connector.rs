//! The door of one tab to the simulated database.

use futures_util::future::LocalBoxFuture;
use std::any::Any;
use std::rc::Rc;

use super::connection::Connection;
use super::database::SimDatabase;
use super::fault::{Fault, Faults};
use crate::backend::{Backend, Connector, Event, Id};
use crate::error::Error;
use crate::simulation::SimEnv;

/// Opens connections of one tab, and holds the script of what goes wrong on them. Clones share
/// the script.
#[derive(Clone)]
pub struct SimConnector {
    database: SimDatabase,
    tab: SimEnv,
    pub(super) faults: Rc<Faults>,
}

impl SimConnector {
    /// A door to `database` from the tab whose realm is `tab`.
    #[must_use]
    pub fn new(tab: &SimEnv, database: &SimDatabase) -> Self {
        let faults = Rc::new(Faults::default());
        faults.release.shut();
        Self {
            database: database.clone(),
            tab: tab.clone(),
            faults,
        }
    }

    /// The `number`-th transaction issued through this connector, counted from 1 over all its
    /// connections, meets `fault`.
    pub fn fault_at(&self, number: u64, fault: Fault) {
        self.faults.script.borrow_mut().add(number, fault);
    }

    /// The next transaction issued meets `fault`.
    pub fn fault_next(&self, fault: Fault) {
        let next = self.issued() + 1;
        self.fault_at(next, fault);
    }

    /// How many transactions were issued through this connector.
    #[must_use]
    pub fn issued(&self) -> u64 {
        self.faults.script.borrow().issued()
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> &SimDatabase {
        &self.database
    }

    /// Lets the transactions go on that froze until now; later ones freeze anew.
    pub fn release(&self) {
        self.faults.release.open();
        self.faults.release.shut();
    }

    /// Lets the transactions go on that froze, and every later one.
    pub fn thaw(&self) {
        self.faults.release.open();
    }

    /// The next call of `open` fails with `error`; several queue up.
    pub fn refuse_open(&self, error: Error) {
        self.faults.refused_opens.borrow_mut().push(error);
    }

    /// Cuts the connection opened last.
    pub fn sever(&self) {
        if let Some(link) = self.faults.current.get() {
            self.database.0.cut_by_id(link);
        }
    }
}

/// How long asking for a lock takes, and for those held.
const LOCK_US: u64 = 300;

/// A lock that is held.
struct Held {
    database: SimDatabase,
    at: (Id, u64),
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut held = self.database.0.held.borrow_mut();
        if let Some(held) = held.as_mut()
            && let Some(at) = held.iter().position(|each| *each == self.at)
        {
            held.swap_remove(at);
        }
    }
}

impl Connector for SimConnector {
    fn open(
        &self,
        events: Rc<dyn Fn(Event)>,
    ) -> LocalBoxFuture<'static, Result<Rc<dyn Backend>, Error>> {
        let this = self.clone();
        Box::pin(async move {
            let shared = &this.database.0;
            shared.pause(shared.timing.get().open_us).await;
            let refused = &this.faults.refused_opens;
            if !refused.borrow().is_empty() {
                return Err(refused.borrow_mut().remove(0));
            }
            let link = shared.connect(&this.tab, events);
            this.faults.current.set(Some(link.id));
            let connection = Connection::new(this.database.clone(), link, Rc::clone(&this.faults));
            Ok(Rc::new(connection) as Rc<dyn Backend>)
        })
    }

    fn reserve_bytes(&self) -> usize {
        512 << 10
    }

    fn hold(&self, life: Id, epoch: u64) -> LocalBoxFuture<'static, Option<Box<dyn Any>>> {
        let database = self.database.clone();
        Box::pin(async move {
            database.0.pause(LOCK_US).await;
            database.0.held.borrow_mut().as_mut()?.push((life, epoch));
            let at = (life, epoch);
            Some(Box::new(Held { database, at }) as Box<dyn Any>)
        })
    }

    fn held(&self, life: Id) -> LocalBoxFuture<'static, Option<u64>> {
        let shared = Rc::clone(&self.database.0);
        Box::pin(async move {
            if shared.held.borrow().as_ref()?.is_empty() {
                return None;
            }
            shared.pause(LOCK_US).await;
            let held = shared.held.borrow();
            let of = held.as_ref()?.iter().filter(|(of, _)| *of == life);
            of.map(|(_, epoch)| *epoch).min()
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "simulated databases are small")]
    fn estimate(&self) -> LocalBoxFuture<'static, Option<(f64, f64)>> {
        let shared = Rc::clone(&self.database.0);
        Box::pin(async move {
            let quota = shared.quota_bytes.get()?;
            Some((shared.used_bytes() as f64, quota as f64))
        })
    }
}
