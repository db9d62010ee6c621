//! Watching one key.

use bytes::Bytes;
use js_sys::Function;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use super::{host, values};
use crate::blobs;
use crate::engine::access::Outcome;
use crate::engine::{Engine, Notice, Subscription, Written};
use crate::models::kv;

/// A watched key; watched until this is dropped.
#[wasm_bindgen]
pub struct WatchPort {
    _subscription: Subscription,
    watcher: Rc<Watcher>,
}

impl WatchPort {
    /// Watches the record `key`.
    #[must_use]
    pub fn new(engine: &Engine, key: Bytes, listener: Function) -> Self {
        let watcher = Rc::new(Watcher {
            engine: engine.clone(),
            key,
            listener,
            last: RefCell::default(),
            moved: Rc::default(),
            looking: Cell::new(false),
            again: Cell::new(false),
            ended: Cell::new(false),
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

impl Drop for WatchPort {
    fn drop(&mut self) {
        self.watcher.ended.set(true);
    }
}

type Seen = fn(&Watcher, Option<Bytes>);

struct Watcher {
    engine: Engine,
    key: Bytes,
    listener: Function,
    /// The value that the listener knows, if it can be told.
    last: RefCell<Option<Option<Bytes>>>,
    /// A read has started over on a newer view.
    moved: Rc<Cell<bool>>,
    /// A read is under way; commits that come meanwhile ask for another one.
    looking: Cell<bool>,
    again: Cell<bool>,
    ended: Cell<bool>,
}

impl Watcher {
    fn hear(self: &Rc<Self>, notice: &Notice) {
        let concerned = match notice {
            Notice::Commit { writes, .. } => touches(writes, &self.key),
            Notice::Cut => true,
            Notice::Closed(_) => false,
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
            Outcome::Ready(Ok(value)) => seen(self, value),
            // A read that fails is reported to whoever reads; a listener has no place for it.
            Outcome::Ready(Err(_)) => {}
            Outcome::Later(mut reading) => {
                self.looking.set(true);
                let this = Rc::clone(self);
                host::spawn(async move {
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
                            Outcome::Later(reading) => reading,
                            Outcome::Ready(result) => Box::pin(std::future::ready(result)),
                        };
                    }
                    this.looking.set(false);
                });
            }
        }
    }

    fn read(&self) -> Outcome<Option<Bytes>> {
        let (key, moved) = (self.key.clone(), self.moved.clone());
        self.engine.read_committed(Box::new(move |r| {
            moved.set(moved.get() || r.is_fresh());
            kv::get(r, &key)
        }))
    }

    /// What there was when the watching began: unless that cannot be told any more, since the read has started over
    /// and a commit has come meanwhile.
    fn note(&self, value: Option<Bytes>) {
        if !(self.moved.get() && self.again.get()) {
            self.keep(value);
        }
    }

    fn keep(&self, value: Option<Bytes>) {
        // What was read lies in a page or a frame, all of which it would keep.
        self.last.replace(Some(
            value.map(|value| blobs::held(Bytes::copy_from_slice(&value))),
        ));
    }

    fn compare(&self, value: Option<Bytes>) {
        if self.ended.get() || self.last.borrow().as_ref() == Some(&value) {
            return;
        }
        let encoded = value
            .as_deref()
            .map_or(Ok(JsValue::UNDEFINED), values::encoded);
        self.keep(value);
        if let Ok(encoded) = encoded {
            // The facade's callback only queues the listener; it does not throw.
            let _ = self.listener.call1(&JsValue::UNDEFINED, &encoded);
        }
    }
}

fn touches(writes: &Written, key: &Bytes) -> bool {
    writes.keys().contains(key)
        || writes
            .ranges()
            .iter()
            .any(|(from, until)| from <= key && key < until)
}
