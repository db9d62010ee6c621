//! What all tabs share: the records, the order of transactions, who is connected.

use bytes::Bytes;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use super::disk::Disk;
use super::timing::Timing;
use crate::backend::memory::Snapshot;
use crate::backend::memory::stores::Stores;
use crate::backend::{Durability, Event, Failure, Id, RecordKey, Write};
use crate::env::Env;
use crate::simulation::{Gate, SimEnv, Turnstile};

/// One database, shared by tabs. Clones are handles on the same one.
#[derive(Clone)]
pub struct SimDatabase(pub(super) Rc<Inner>);

pub(super) struct Inner {
    /// The world's own realm: the browser's process, which outlives tabs.
    pub env: SimEnv,
    pub stores: RefCell<Stores>,
    disk: RefCell<Disk>,
    /// How often which kind of fault was met.
    pub met: RefCell<BTreeMap<&'static str, usize>>,
    /// Opened, and replaced by a shut one, when the power is cut or the database deleted.
    life: RefCell<Gate>,
    pub timing: Cell<Timing>,
    pub quota_bytes: Cell<Option<usize>>,
    /// What is held, as Web Locks tell it; `None`: there are none.
    pub held: RefCell<Option<Vec<(Id, u64)>>>,
    pub line: Turnstile,
    witness: RefCell<Option<Witness>>,
    links: RefCell<BTreeMap<u64, Rc<Link>>>,
    last_link: Cell<u64>,
    signals: Cell<usize>,
}

/// Gets a fork of a database as it was just before its head was removed, and whether that used up a
/// number of the log.
type Witness = Rc<dyn Fn(SimDatabase, bool)>;

/// A connection as the database sees it.
pub(super) struct Link {
    pub id: u64,
    /// The tab's realm.
    pub env: SimEnv,
    pub events: Rc<dyn Fn(Event)>,
    /// Shut until the connection is cut.
    pub cut: Gate,
}

impl SimDatabase {
    /// A new, empty database in the world of `env`.
    #[must_use]
    pub fn new(env: &SimEnv) -> Self {
        let life = Gate::default();
        life.shut();
        Self(Rc::new(Inner {
            env: env.root(),
            stores: RefCell::default(),
            disk: RefCell::default(),
            met: RefCell::default(),
            life: RefCell::new(life),
            timing: Cell::default(),
            quota_bytes: Cell::default(),
            held: RefCell::new(Some(Vec::new())),
            line: Turnstile::default(),
            witness: RefCell::default(),
            links: RefCell::default(),
            last_link: Cell::default(),
            signals: Cell::default(),
        }))
    }

    /// How many connections are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.0.links.borrow().len()
    }

    /// Changes how long things take from now on.
    pub fn set_timing(&self, timing: Timing) {
        self.0.timing.set(timing);
    }

    /// From now on a transaction that writes fails with [`Failure::Quota`] when the stores as
    /// they were before it and what it writes come to more than this. What the same transaction
    /// deletes makes no room for it.
    pub fn set_quota(&self, quota_bytes: Option<usize>) {
        self.0.quota_bytes.set(quota_bytes);
    }

    /// From now on tabs cannot tell each other what they hold.
    pub fn lose_locks(&self) {
        self.0.held.replace(None);
    }

    /// How many moments are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.0.held.borrow().as_ref().map_or(0, Vec::len)
    }

    /// What the stores hold at this moment.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.0.stores.borrow().snapshot()
    }

    /// Cuts every connection of every tab; the records stay.
    pub fn sever(&self) {
        self.0.disconnect_all(Event::Lost);
    }

    /// Another tab wants another version: every connection gets [`Event::VersionChange`], in its tab's
    /// own time; the records stay.
    pub fn want_upgrade(&self) {
        for link in self.0.links.borrow().values() {
            let told = Rc::clone(link);
            link.env
                .spawn(Box::pin(async move { (told.events)(Event::VersionChange) }));
        }
    }

    /// What a cut of power leaves: every tab is gone (which the caller sees to, by killing their
    /// realms), and of what was committed since the last strict transaction a part, by the seed,
    /// that ends between two transactions. How many of them are lost. Of large records that no strict
    /// transaction has written, some are empty.
    pub fn cut_power(&self) -> usize {
        self.0.disconnect_all(Event::Lost);
        self.0.end();
        let (left, lost) = self.0.disk.borrow_mut().cut_power(&self.0.env);
        self.0.stores.replace(left);
        lost
    }

    /// How many signals of turns were sent until now.
    #[must_use]
    pub fn signals(&self) -> usize {
        self.0.signals.get()
    }

    /// How often which kind of fault was met until now.
    #[must_use]
    pub fn faults_met(&self) -> BTreeMap<&'static str, usize> {
        self.0.met.borrow().clone()
    }

    /// Every record, by key.
    #[must_use]
    pub fn records(&self) -> Vec<(RecordKey, Bytes)> {
        self.0.stores.borrow().records()
    }

    /// Replaces the bytes of one record behind everybody's back, as a failing disk does.
    pub fn spoil(&self, key: RecordKey, bytes: Bytes) {
        self.0.stores.borrow_mut().put(key, bytes);
    }

    /// From now on `witness` is called whenever a transaction removes the head, with a fork as it was
    /// before, and whether it used up a number of the log.
    pub fn when_erased(&self, witness: impl Fn(Self, bool) + 'static) {
        self.0.witness.replace(Some(Rc::new(witness)));
    }

    /// Removes the database, if nobody is connected, nothing is under way, and `is_dead` says so of its
    /// head: what a tab does that has the lock of a database alone.
    pub fn sweep(&self, is_dead: fn(Option<&Bytes>) -> bool) {
        let head = self.0.stores.borrow().seen().head;
        if self.0.links.borrow().is_empty() && self.0.line.is_idle() && is_dead(head.as_ref()) {
            self.delete();
        }
    }

    /// A database of its own with the same records and nobody connected.
    #[must_use]
    pub fn fork(&self) -> Self {
        let fork = Self::new(&self.0.env);
        fork.0.stores.replace(self.0.stores.borrow().clone());
        fork
    }

    /// Removes every record and restarts the log's numbers, as `deleteDatabase` does;
    /// connections get [`Event::Deleted`].
    pub fn delete(&self) {
        self.erase(Event::Deleted);
    }

    /// The same as a user does who clears the origin's storage: connections get [`Event::Lost`].
    pub fn clear(&self) {
        self.erase(Event::Lost);
    }

    fn erase(&self, told: Event) {
        self.0.disconnect_all(told);
        self.0.end();
        self.0.stores.replace(Stores::default());
        self.0.disk.replace(Disk::default());
    }
}

impl Inner {
    /// Open once nothing issued until now that has not taken effect ever will.
    pub fn life(&self) -> Gate {
        self.life.borrow().clone()
    }

    /// Whatever was issued until now and has not taken effect never will, be it half-way and its
    /// connection closed.
    fn end(&self) {
        let next = Gate::default();
        next.shut();
        self.life.replace(next).open();
    }

    /// Carries out what a flip writes.
    ///
    /// # Errors
    /// As a transaction fails.
    pub fn write(self: &Rc<Self>, writes: Vec<Write>) -> Result<(), Failure> {
        let witness = self.witness.borrow().clone();
        let had_head = self.stores.borrow().seen().head.is_some();
        let erases = had_head && writes.contains(&Write::Delete(RecordKey::Head));
        if let Some(witness) = witness.filter(|_| erases) {
            let fenced = writes.iter().any(|write| matches!(write, Write::Add(..)));
            witness(SimDatabase(Rc::clone(self)).fork(), fenced);
        }
        self.stores.borrow_mut().write(writes)
    }

    /// Notes that a transaction has committed, for a cut of power to come.
    pub fn committed(&self, durability: Option<Durability>) {
        let mut disk = self.disk.borrow_mut();
        disk.committed(&self.stores.borrow(), durability);
    }

    pub fn connect(&self, env: &SimEnv, events: Rc<dyn Fn(Event)>) -> Rc<Link> {
        let id = self.last_link.get() + 1;
        self.last_link.set(id);
        let cut = Gate::default();
        cut.shut();
        let link = Rc::new(Link {
            id,
            env: env.clone(),
            events,
            cut,
        });
        self.links.borrow_mut().insert(id, Rc::clone(&link));
        link
    }

    pub fn is_connected(&self, id: u64) -> bool {
        self.links.borrow().contains_key(&id)
    }

    /// Takes a connection out of the list; whether it was there.
    pub fn disconnect(&self, id: u64) -> bool {
        self.links.borrow_mut().remove(&id).is_some()
    }

    /// Cuts one connection: what is under way on it ends in `Lost`, and its tab hears of it.
    pub fn cut(&self, link: &Rc<Link>) {
        if self.disconnect(link.id) {
            hang_up(link, Event::Lost);
        }
    }

    /// The same, by number.
    pub fn cut_by_id(&self, id: u64) {
        let link = self.links.borrow().get(&id).cloned();
        if let Some(link) = link {
            self.cut(&link);
        }
    }

    fn disconnect_all(&self, event: Event) {
        for link in self.links.take().values() {
            hang_up(link, event);
        }
    }

    /// Tells every other connection, later or (some) never.
    pub fn tell_others(self: &Rc<Self>, id: u64, event: Event) {
        let timing = self.timing.get();
        let is_signal = matches!(event, Event::Signal(_));
        self.signals
            .set(self.signals.get() + usize::from(is_signal));
        for link in self.links.borrow().values().filter(|link| link.id != id) {
            if self.env.chance(timing.wake_loss_percent) {
                continue;
            }
            self.tell(link, event, timing.wake_us);
            if self.env.chance(timing.wake_double_percent) {
                self.tell(link, event, timing.wake_us);
            }
        }
    }

    fn tell(self: &Rc<Self>, link: &Rc<Link>, event: Event, within_us: u64) {
        let (inner, link) = (Rc::clone(self), Rc::clone(link));
        let tab = link.env.clone();
        tab.spawn(Box::pin(async move {
            let late_us = inner.env.random_below(within_us);
            inner.env.sleep_us(late_us).await;
            if inner.is_connected(link.id) {
                (link.events)(event);
            }
        }));
    }

    /// Whether there is room for `bytes` more.
    ///
    /// # Errors
    /// `Quota` when there is not.
    pub fn check_room(&self, bytes: usize) -> Result<(), Failure> {
        match self.quota_bytes.get() {
            Some(quota) if bytes > 0 && self.used_bytes() + bytes > quota => {
                Err(Failure::Quota(None))
            }
            _ => Ok(()),
        }
    }

    pub fn used_bytes(&self) -> usize {
        let held = self.stores.borrow().snapshot();
        held.head.bytes + held.log.bytes + held.runs.bytes + held.blobs.bytes
    }

    /// A pause of at most `most_us`, by the seed.
    pub async fn pause(&self, most_us: u64) {
        self.env.sleep_us(self.env.random_below(most_us + 1)).await;
    }
}

fn hang_up(link: &Rc<Link>, event: Event) {
    link.cut.open();
    let told = Rc::clone(link);
    link.env
        .spawn(Box::pin(async move { (told.events)(event) }));
}
