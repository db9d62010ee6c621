//! A storage that counts what it is asked for, and that keeps what was deleted until it is asked to give it back.

use futures_util::future::{LocalBoxFuture, ready};
use patchstore::backend::simulated::SimConnector;
use patchstore::backend::{
    Append, Appended, Backend, Connector, Decide, Durability, Event, Failure, Read, Reply, Settled,
    Signal, Write,
};
use patchstore::engine::{Engine, Options};
use patchstore::{Error, Result};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::World;

/// What it was asked for, and what it says.
#[derive(Default)]
pub struct Counts {
    pub reads: Cell<usize>,
    pub flips: Cell<usize>,
    /// Whether the next flip finds no room.
    pub refuses_flip: Cell<bool>,
    /// Which attempts to have it give back what it keeps.
    pub asked: RefCell<Vec<u32>>,
    /// Whether that lifts its quota.
    pub gives_back: Cell<bool>,
    /// What is left of its room after whatever it deletes: it frees nothing before it is asked to. None: it does at once.
    pub keeps_all_but: Cell<Option<usize>>,
    /// The usage that it reports.
    pub usage: Cell<usize>,
}

#[derive(Clone)]
pub struct Storage {
    pub simulated: SimConnector,
    pub counts: Rc<Counts>,
}

impl Storage {
    /// A tab over it. It looks for nothing by itself.
    pub async fn open(world: &World, options: Options) -> (Engine, Self) {
        let realm = world.env.new_realm();
        let storage = Self {
            simulated: SimConnector::new(&realm, &world.database),
            counts: Rc::default(),
        };
        let options = Options {
            poll_ms: 0,
            ..options
        };
        let engine = Engine::open(Rc::new(storage.clone()), Rc::new(realm), options);
        (engine.await.unwrap(), storage)
    }

    fn used(&self) -> usize {
        let records = self.simulated.database().records();
        records.iter().map(|(_, record)| record.len()).sum()
    }
}

impl Connector for Storage {
    fn open(
        &self,
        events: Rc<dyn Fn(Event)>,
    ) -> LocalBoxFuture<'static, Result<Rc<dyn Backend>, Error>> {
        let (storage, opened) = (self.clone(), self.simulated.open(events));
        Box::pin(async move {
            let backend = opened.await?;
            Ok(Rc::new(Connection { backend, storage }) as Rc<dyn Backend>)
        })
    }

    fn reserve_bytes(&self) -> usize {
        self.simulated.reserve_bytes()
    }

    fn estimate(&self) -> LocalBoxFuture<'static, Option<(f64, f64)>> {
        let usage = self.counts.usage.get() as f64;
        Box::pin(ready(Some((usage, 1e9))))
    }
}

struct Connection {
    backend: Rc<dyn Backend>,
    storage: Storage,
}

fn count(one: &Cell<usize>) {
    one.set(one.get() + 1);
}

impl Backend for Connection {
    fn read(&self, reads: Vec<Read>) -> Settled<Vec<Reply>> {
        count(&self.storage.counts.reads);
        self.backend.read(reads)
    }

    fn write(&self, writes: Vec<Write>, durability: Durability) -> Settled<()> {
        let (written, storage) = (self.backend.write(writes, durability), self.storage.clone());
        Box::pin(async move {
            let before = storage.used();
            written.await?;
            let used = storage.used();
            if let Some(left) = storage.counts.keeps_all_but.get()
                && used < before
            {
                storage.simulated.database().set_quota(Some(used + left));
            }
            Ok(())
        })
    }

    fn append(&self, append: Append, durability: Durability) -> Settled<Appended> {
        self.backend.append(append, durability)
    }

    fn flip(&self, decide: Decide, durability: Durability) -> Settled<bool> {
        count(&self.storage.counts.flips);
        if self.storage.counts.refuses_flip.take() {
            return Box::pin(ready(Err(Failure::Quota(None))));
        }
        self.backend.flip(decide, durability)
    }

    fn tears(&self, append: &Append) -> bool {
        self.backend.tears(append)
    }

    fn reclaim(&self, _position: u64, attempt: u32) -> LocalBoxFuture<'static, ()> {
        let counts = &self.storage.counts;
        counts.asked.borrow_mut().push(attempt);
        if counts.gives_back.get() {
            counts.keeps_all_but.set(None);
            self.storage.simulated.database().set_quota(None);
        }
        Box::pin(ready(()))
    }

    fn notify(&self) {
        self.backend.notify();
    }

    fn signal(&self, signal: Signal) {
        self.backend.signal(signal);
    }

    fn close(&self) {
        self.backend.close();
    }
}
