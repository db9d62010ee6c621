//! One database: its records and who is connected to it.

use crate::sorted::SortedMap;
use std::rc::Rc;

use super::stores::Stores;
use crate::backend::Event;

/// The records, and the connections that hear of each other's commits.
#[derive(Default)]
pub(crate) struct Database {
    pub stores: Stores,
    pub listeners: Listeners,
}

/// Who hears of events: one entry for each open connection.
#[derive(Default)]
pub(crate) struct Listeners {
    last_id: u64,
    open: SortedMap<u64, Rc<dyn Fn(Event)>>,
}

impl Listeners {
    /// Enters a connection and names it.
    pub fn add(&mut self, events: Rc<dyn Fn(Event)>) -> u64 {
        self.last_id += 1;
        self.open.insert(self.last_id, events);
        self.last_id
    }

    /// Strikes a connection off.
    pub fn remove(&mut self, id: u64) {
        self.open.remove(&id);
    }

    /// Whether the connection is still open.
    pub fn contains(&self, id: u64) -> bool {
        self.open.contains_key(&id)
    }

    /// Everyone's callback but that of `id`, to be called when nothing is borrowed.
    pub fn others(&self, id: u64) -> Vec<Rc<dyn Fn(Event)>> {
        let others = self.open.iter().filter(|(other, _)| **other != id);
        others.map(|(_, events)| Rc::clone(events)).collect()
    }

    /// Strikes all off and hands out their callbacks.
    pub fn take_all(&mut self) -> Vec<Rc<dyn Fn(Event)>> {
        std::mem::take(&mut self.open)
            .into_iter()
            .map(|(_, events)| events)
            .collect()
    }
}
