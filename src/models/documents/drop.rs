//! Removing a collection.

use super::Collection;
use crate::codec::tuple;
use crate::engine::access::{Attempt, Writes};
use crate::models::op_log::journal::Removal;

/// Removes a collection and its documents. Blind, unless writes are logged.
pub struct Drop {
    collection: Collection,
    removal: Removal,
    begun: bool,
}

impl Drop {
    /// Of this collection.
    #[must_use]
    pub fn new(collection: &Collection) -> Self {
        Self {
            removal: Removal::of(vec![collection.all_ids()]),
            collection: collection.clone(),
            begun: false,
        }
    }

    /// Runs until it does not stop.
    ///
    /// # Errors
    /// A stop.
    pub fn step(&mut self, w: &mut dyn Writes) -> Attempt<()> {
        self.begun &= !w.is_fresh();
        if !self.begun {
            self.removal.read(w)?;
            let Collection { ids, marker, .. } = &self.collection;
            w.delete_range(self.collection.all());
            w.delete_range(tuple::range_within(ids.clone()));
            w.delete(marker.clone());
            self.begun = true;
        }
        self.removal.note(w)
    }
}
