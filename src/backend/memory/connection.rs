//! One open connection to a database in memory.

use futures_util::future::LocalBoxFuture;
use std::cell::RefCell;
use std::future::ready;
use std::rc::Rc;

use super::database::Database;
use super::stores::Stores;
use crate::backend::{
    Append, Appended, Backend, Decide, Durability, Event, Failure, Read, Reply, Settled, Signal,
    Write,
};

pub(super) struct Connection {
    database: Rc<RefCell<Database>>,
    id: u64,
}

impl Connection {
    pub(super) fn open(database: &Rc<RefCell<Database>>, events: Rc<dyn Fn(Event)>) -> Self {
        let id = database.borrow_mut().listeners.add(events);
        Self {
            database: Rc::clone(database),
            id,
        }
    }

    /// Runs one transaction at once; a connection that was closed or cut is `Lost`.
    fn transact<T: 'static>(
        &self,
        body: impl FnOnce(&mut Stores) -> Result<T, Failure>,
    ) -> Settled<T> {
        let mut database = self.database.borrow_mut();
        let result = if database.listeners.contains(self.id) {
            body(&mut database.stores)
        } else {
            Err(Failure::Lost)
        };
        Box::pin(ready(result))
    }

    fn is_open(&self) -> bool {
        self.database.borrow().listeners.contains(self.id)
    }

    fn tell_others(&self, event: Event) {
        if !self.is_open() {
            return;
        }
        let others = self.database.borrow().listeners.others(self.id);
        for events in others {
            events(event);
        }
    }
}

impl Backend for Connection {
    fn read(&self, reads: Vec<Read>) -> Settled<Vec<Reply>> {
        self.transact(|stores| Ok(stores.read(&reads)))
    }

    fn write(&self, writes: Vec<Write>, _durability: Durability) -> Settled<()> {
        self.transact(|stores| stores.write(writes))
    }

    fn append(&self, append: Append, _durability: Durability) -> Settled<Appended> {
        self.transact(|stores| stores.append(append))
    }

    fn flip(&self, decide: Decide, _durability: Durability) -> Settled<bool> {
        if !self.is_open() {
            return Box::pin(ready(Err(Failure::Lost)));
        }
        // Nothing is borrowed while the caller's code runs: it may look at the backend.
        let seen = self.database.borrow().stores.seen();
        match decide(seen) {
            None => Box::pin(ready(Ok(false))),
            Some(writes) => self.transact(|stores| stores.write(writes).map(|()| true)),
        }
    }

    fn tears(&self, _append: &Append) -> bool {
        false
    }

    fn reclaim(&self, _position: u64, _attempt: u32) -> LocalBoxFuture<'static, ()> {
        Box::pin(ready(()))
    }

    fn notify(&self) {
        self.tell_others(Event::Wake);
    }

    fn signal(&self, signal: Signal) {
        self.tell_others(Event::Signal(signal));
    }

    fn close(&self) {
        self.database.borrow_mut().listeners.remove(self.id);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.close();
    }
}
