//! What all engines of a page share: one timer, and one budget of memory.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use super::instance::Core;
use crate::engine::keyspace::cache::Pool;

/// A page, or a worker. Engines that are opened in none have one of their own.
#[derive(Default)]
pub struct Realm {
    cores: RefCell<Vec<Weak<Core>>>,
    /// Whether the timer runs.
    pub is_timed: Cell<bool>,
    /// Rounds of the timer.
    pub rounds: Cell<u64>,
    /// Where the caches are.
    pub pool: Rc<Pool>,
}

impl Realm {
    /// Adds an engine, until it is closed.
    pub fn add(&self, core: &Rc<Core>) {
        self.cores.borrow_mut().push(Rc::downgrade(core));
    }

    /// The engines that are open.
    pub fn open(&self) -> Vec<Rc<Core>> {
        let mut open = Vec::new();
        self.cores.borrow_mut().retain(|core| {
            let core = core.upgrade();
            let core = core.filter(|core| core.state.borrow().closed.is_none());
            let is_open = core.is_some();
            open.extend(core);
            is_open
        });
        open
    }
}
