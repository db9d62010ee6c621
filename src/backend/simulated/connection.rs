//! One open connection: issues transactions, which the browser's realm carries out.

use bytes::Bytes;
use futures_channel::oneshot;
use futures_util::future::LocalBoxFuture;
use futures_util::future::{Either, select};
use std::cell::Cell;
use std::future::ready;
use std::pin::pin;
use std::rc::Rc;

use super::database::{Inner, Link, SimDatabase};
use super::disk::FILE_BYTES;
use super::fault::{Fault, Faults};
use crate::backend::memory::stores::Stores;
use crate::backend::{
    Append, Appended, Backend, Decide, Durability, Event, Failure, Read, Reply, Settled, Signal,
    Write,
};
use crate::env::Env;
use crate::simulation::{Gate, Turnstile};

pub(super) struct Connection {
    shared: Rc<Inner>,
    link: Rc<Link>,
    faults: Rc<Faults>,
    closed: Cell<bool>,
    /// Transactions of one connection settle in the order in which they were issued.
    settling: Turnstile,
}

type OneShot<T> = Box<dyn FnOnce(&mut Stores) -> Result<T, Failure>>;

/// What a transaction does when its turn has come.
enum Body<T> {
    /// Hands all requests over at once; `written` bytes of them.
    OneShot {
        written: usize,
        durability: Option<Durability>,
        run: OneShot<T>,
    },
    /// Asks the tab in between.
    Flip {
        decide: Decide,
        durability: Durability,
        wrote: fn(bool) -> T,
    },
}

impl Connection {
    pub fn new(database: SimDatabase, link: Rc<Link>, faults: Rc<Faults>) -> Self {
        let shared = database.0;
        Self {
            shared,
            link,
            faults,
            closed: Cell::new(false),
            settling: Turnstile::default(),
        }
    }

    fn one_shot<T: 'static>(
        &self,
        written: usize,
        durability: Option<Durability>,
        run: impl FnOnce(&mut Stores) -> Result<T, Failure> + 'static,
    ) -> Settled<T> {
        self.issue(Body::OneShot {
            written,
            durability,
            run: Box::new(run),
        })
    }

    fn tell_others(&self, event: Event) {
        if !self.closed.get() && self.shared.is_connected(self.link.id) {
            self.shared.tell_others(self.link.id, event);
        }
    }

    fn issue<T: 'static>(&self, body: Body<T>) -> Settled<T> {
        if self.closed.get() || !self.shared.is_connected(self.link.id) {
            return Box::pin(ready(Err(Failure::Lost)));
        }
        let (shared, link) = (Rc::clone(&self.shared), Rc::clone(&self.link));
        let release = self.faults.release.clone();
        let fault = self.faults.script.borrow_mut().issue();
        if let Some(fault) = &fault {
            *shared.met.borrow_mut().entry(fault.kind()).or_default() += 1;
        }
        let (turn, settle_turn) = (shared.line.ticket(), self.settling.ticket());
        let (settle, settled) = oneshot::channel();
        let cut = link.cut.clone();
        let life = shared.life();
        self.shared.env.spawn(Box::pin(async move {
            turn.turn().await;
            if fault == Some(Fault::FrozenBefore) {
                thawed(&release, &link, &life).await;
            }
            shared.pause(shared.timing.get().effect_us).await;
            let result = carry_out(&shared, &link, &life, fault.as_ref(), body).await;
            drop(turn);
            if fault == Some(Fault::FrozenAfter) {
                thawed(&release, &link, &life).await;
            }
            shared.pause(shared.timing.get().settle_us).await;
            settle_turn.turn().await;
            // Nobody may be waiting any more.
            let _ = settle.send(result);
        }));
        Box::pin(async move { or_lost(settled, cut.pass()).await? })
    }
}

/// Waits until a frozen transaction is released, or can never take effect any more.
async fn thawed(release: &Gate, link: &Link, life: &Gate) {
    select(pin!(release.pass()), pin!(aborted(link, life))).await;
}

/// Waits until what is under way never takes effect: the connection is cut, or (it may have been closed
/// before) what it was opened on is over.
async fn aborted(link: &Link, life: &Gate) {
    select(pin!(link.cut.pass()), pin!(life.pass())).await;
}

/// What it settles to, or `Lost` if `lost` comes first.
async fn or_lost<T>(
    settled: oneshot::Receiver<T>,
    lost: impl Future<Output = ()>,
) -> Result<T, Failure> {
    match select(settled, pin!(lost)).await {
        Either::Left((Ok(value), _)) => Ok(value),
        Either::Left((Err(oneshot::Canceled), _)) | Either::Right(_) => Err(Failure::Lost),
    }
}

/// Runs a transaction whose turn has come.
async fn carry_out<T: 'static>(
    shared: &Rc<Inner>,
    link: &Rc<Link>,
    life: &Gate,
    fault: Option<&Fault>,
    body: Body<T>,
) -> Result<T, Failure> {
    if link.cut.is_open() || life.is_open() {
        return Err(Failure::Lost);
    }
    match fault {
        Some(Fault::Abort(why)) => return Err(Failure::Aborted(why.clone(), None)),
        Some(Fault::Quota) => return Err(Failure::Quota(None)),
        Some(Fault::LostBefore) => {
            shared.cut(link);
            return Err(Failure::Lost);
        }
        _ => {}
    }
    let result = take_effect(shared, link, life, body).await;
    match fault {
        Some(Fault::LostAfter) => shared.cut(link),
        Some(Fault::Misreported(why)) if result.is_ok() => {
            return Err(Failure::Aborted(why.clone(), None));
        }
        _ => {}
    }
    result
}

async fn take_effect<T: 'static>(
    shared: &Rc<Inner>,
    link: &Rc<Link>,
    life: &Gate,
    body: Body<T>,
) -> Result<T, Failure> {
    match body {
        Body::OneShot {
            written,
            durability,
            run,
        } => {
            shared.check_room(written)?;
            let result = run(&mut shared.stores.borrow_mut());
            if result.is_ok() {
                shared.committed(durability);
            }
            result
        }
        Body::Flip {
            decide,
            durability,
            wrote,
        } => {
            let seen = shared.stores.borrow().seen();
            // The tab's own code runs in the tab: a frozen one keeps everybody waiting, a killed
            // one drops its end.
            let (decided, decision) = oneshot::channel();
            link.env.spawn(Box::pin(async move {
                let _ = decided.send(decide(seen));
            }));
            let writes = match or_lost(decision, aborted(link, life)).await? {
                None => return Ok(wrote(false)),
                Some(writes) => writes,
            };
            if link.cut.is_open() || life.is_open() {
                return Err(Failure::Lost);
            }
            shared.check_room(bytes_put(&writes))?;
            shared.write(writes)?;
            shared.committed(Some(durability));
            Ok(wrote(true))
        }
    }
}

fn bytes_put(writes: &[Write]) -> usize {
    let put = |write: &Write| {
        if let Write::Put(_, bytes) | Write::Add(_, bytes) = write {
            bytes.len()
        } else {
            0
        }
    };
    writes.iter().map(put).sum()
}

fn is_large(reply: &Reply) -> bool {
    let is_kept_apart = |bytes: &Bytes| bytes.len() > FILE_BYTES;
    match reply {
        Reply::Record(record) => record.as_ref().is_some_and(is_kept_apart),
        Reply::Frames(frames) => frames.iter().any(|(_, frame)| is_kept_apart(frame)),
        Reply::Ids(_) | Reply::Count(_) => false,
    }
}

impl Backend for Connection {
    fn read(&self, reads: Vec<Read>) -> Settled<Vec<Reply>> {
        let read = self.one_shot(0, None, move |stores| Ok(stores.read(&reads)));
        let shared = Rc::clone(&self.shared);
        Box::pin(async move {
            let replies = read.await?;
            if replies.iter().any(is_large) {
                shared.pause(shared.timing.get().late_us).await;
            }
            Ok(replies)
        })
    }

    fn write(&self, writes: Vec<Write>, durability: Durability) -> Settled<()> {
        let written = bytes_put(&writes);
        self.one_shot(written, Some(durability), move |stores| {
            stores.write(writes)
        })
    }

    fn append(&self, append: Append, durability: Durability) -> Settled<Appended> {
        let pieces = append
            .pieces
            .iter()
            .map(|(_, bytes)| bytes.len())
            .sum::<usize>();
        let written = append.frame.len() + pieces;
        self.one_shot(written, Some(durability), move |stores| {
            stores.append(append)
        })
    }

    fn flip(&self, decide: Decide, durability: Durability) -> Settled<bool> {
        self.issue(Body::Flip {
            decide,
            durability,
            wrote: |wrote| wrote,
        })
    }

    fn tears(&self, append: &Append) -> bool {
        append.frame.len() > FILE_BYTES || !append.pieces.is_empty()
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
        self.closed.set(true);
        self.shared.disconnect(self.link.id);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.close();
    }
}
