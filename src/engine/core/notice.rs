//! What an engine tells of itself: commits, and its end.

use crate::sorted::SortedMap;
use std::cell::RefCell;
use std::rc::{Rc, Weak};

use super::options::Reason;
use super::quota::Action;
use crate::engine::keyspace::footprint::WriteSet;

/// What subscribers are told of.
#[derive(Debug, Clone)]
pub enum Notice {
    /// A frame was applied.
    Commit {
        /// Whether another realm made it.
        remote: bool,
        /// What it wrote.
        writes: Rc<WriteSet>,
    },
    /// The log was cut past what this realm had seen: anything may have changed.
    Cut,
    /// Something that the patch holds, or has held until now, may have expired. Told again and again.
    Expiry,
    /// Room is short, and this was done about it.
    Quota {
        /// Usage and limit before that, bytes; 0 where unknown.
        level: (f64, f64),
        /// What was done.
        action: Action,
    },
    /// The engine has closed; nothing follows.
    Closed(Reason),
}

type Listener = Rc<dyn Fn(&Notice)>;

#[derive(Default)]
struct Inner {
    next: u64,
    /// And whether each wants to hear of commits soon.
    listeners: SortedMap<u64, (Listener, bool)>,
}

/// The listeners of one engine.
#[derive(Clone, Default)]
pub struct Subscribers(Rc<RefCell<Inner>>);

/// Ends the subscription when it is dropped.
pub struct Subscription {
    id: u64,
    home: Weak<RefCell<Inner>>,
}

impl Subscribers {
    /// Adds a listener; it must not panic.
    #[must_use]
    pub fn add(&self, listener: Listener) -> Subscription {
        let mut inner = self.0.borrow_mut();
        inner.next += 1;
        let id = inner.next;
        inner.listeners.insert(id, (listener, true));
        Subscription {
            id,
            home: Rc::downgrade(&self.0),
        }
    }

    /// Tells every listener that was there when it began.
    pub fn tell(&self, notice: &Notice) {
        let listeners: Vec<_> = self.0.borrow().listeners.values().cloned().collect();
        for (listener, _) in listeners {
            listener(notice);
        }
    }

    /// Whether anybody wants to hear of commits soon.
    #[must_use]
    pub fn is_attended(&self) -> bool {
        let inner = self.0.borrow();
        inner.listeners.values().any(|(_, attends)| *attends)
    }
}

impl Subscription {
    /// Whether it wants to hear of others' commits soon, as it does at first, or only whenever they are taken in.
    pub fn attend(&self, attends: bool) {
        if let Some(home) = self.home.upgrade()
            && let Some(entry) = home.borrow_mut().listeners.get_mut(&self.id)
        {
            entry.1 = attends;
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(home) = self.home.upgrade() {
            home.borrow_mut().listeners.remove(&self.id);
        }
    }
}
