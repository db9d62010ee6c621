//! Watching one key: which of its values a listener is told.

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::ready;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::kv;
use crate::blobs;
use crate::codec::marks::NEVER;
use crate::engine::access::Answer;
use crate::engine::{Engine, Notice, Subscription, WriteSet};
use crate::env::Env;

/// Gets a new value, `None` for an absent one. It may be called while the engine tells of a commit, and must not call back into it.
pub type Tell = Box<dyn Fn(Option<&[u8]>)>;

/// A watched key; watched until this is dropped.
pub struct Watch {
    _subscription: Subscription,
    watcher: Rc<Watcher>,
}

impl Watch {
    /// Watches the record `key`; reads that take longer run in `env`.
    #[must_use]
    pub fn new(engine: &Engine, env: Rc<dyn Env>, key: Bytes, tell: Tell) -> Self {
        let watcher = Rc::new(Watcher {
            engine: engine.clone(),
            env,
            key,
            tell,
            last: RefCell::default(),
            moved: Rc::default(),
            looking: Cell::new(false),
            again: Cell::new(false),
            ended: Cell::new(false),
            until_ms: Rc::new(Cell::new(NEVER)),
        });
        watcher.look(Watcher::note);
        let told = Rc::clone(&watcher);
        let subscription = engine.subscribe(Rc::new(move |notice| told.hear(notice)));
        Self {
            _subscription: subscription,
            watcher,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // A notice or a read may be under way.
        self.watcher.ended.set(true);
    }
}

type Seen = fn(&Watcher, Option<Bytes>);

struct Watcher {
    engine: Engine,
    env: Rc<dyn Env>,
    key: Bytes,
    tell: Tell,
    /// The value that the listener knows, if it can be told.
    last: RefCell<Option<Option<Bytes>>>,
    /// A read has started over on a newer view.
    moved: Rc<Cell<bool>>,
    /// A read is under way; commits that come meanwhile ask for another one.
    looking: Cell<bool>,
    again: Cell<bool>,
    ended: Cell<bool>,
    /// When the value expires that was read last.
    until_ms: Rc<Cell<u64>>,
}

impl Watcher {
    fn hear(self: &Rc<Self>, notice: &Notice) {
        let concerned = match notice {
            Notice::Commit { writes, .. } => touches(writes, &self.key),
            Notice::Cut => true,
            // planted: unwatched-expiry
            Notice::Expiry => self.until_ms.get() <= self.engine.now_ms(),
            Notice::Quota { .. } | Notice::Closed(_) => false,
        };
        if concerned && !self.ended.get() {
            self.look(Self::compare);
        }
    }

    /// Reads the value and hands it to `seen`: at once when it is warm.
    fn look(self: &Rc<Self>, seen: Seen) {
        if self.looking.get() {
            self.again.set(true);
            return;
        }
        match self.read() {
            Answer::Ready(Ok(value)) => seen(self, value),
            // A read that fails is reported to whoever reads; a listener has no place for it.
            Answer::Ready(Err(_)) => {}
            Answer::Later(mut reading) => {
                self.looking.set(true);
                let this = Rc::clone(self);
                let to_its_end = async move {
                    let mut seen = seen;
                    loop {
                        if let Ok(value) = reading.await {
                            seen(&this, value);
                        }
                        if !this.again.replace(false) {
                            break;
                        }
                        seen = Self::compare;
                        reading = match this.read() {
                            Answer::Later(reading) => reading,
                            Answer::Ready(result) => ready(result).boxed_local(),
                        };
                    }
                    this.looking.set(false);
                };
                self.env.spawn(to_its_end.boxed_local());
            }
        }
    }

    fn read(&self) -> Answer<Option<Bytes>> {
        let (key, moved) = (self.key.clone(), self.moved.clone());
        let until_ms = self.until_ms.clone();
        self.engine.read_committed(Box::new(move |r| {
            moved.set(moved.get() || r.is_fresh());
            let until = r.until(&key)?;
            until_ms.set(until.unwrap_or(NEVER));
            kv::get(r, &key)
        }))
    }

    /// What there was when the watching began: unless that is not known any more, since the read has started over
    /// and a commit has come meanwhile.
    fn note(&self, value: Option<Bytes>) {
        if !(self.moved.get() && self.again.get()) {
            self.keep(value.as_ref());
        }
    }

    fn keep(&self, value: Option<&Bytes>) {
        // What was read lies in a page or a frame, all of which it would keep.
        let copied = value.map(|value| blobs::held(Bytes::copy_from_slice(value)));
        self.last.replace(Some(copied));
    }

    fn compare(&self, value: Option<Bytes>) {
        if self.ended.get() || self.last.borrow().as_ref() == Some(&value) {
            return;
        }
        self.keep(value.as_ref());
        (self.tell)(value.as_deref());
    }
}

fn touches(writes: &WriteSet, key: &Bytes) -> bool {
    writes.keys().contains(key)
        || writes
            .ranges()
            .iter()
            .any(|(from, until)| from <= key && key < until)
}
