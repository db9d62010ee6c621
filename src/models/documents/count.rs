//! Counting documents.

use super::{Collection, Find, FindSpec};
use crate::engine::access::{Attempt, Cursor, Reads};
use crate::models::query::Query;

/// Counts what matches.
pub struct Count {
    way: Way,
    counted: u64,
}

enum Way {
    /// Every document: their keys are enough.
    Keys(Cursor),
    Match(Box<Find>),
}

impl Count {
    /// Begins a count.
    #[must_use]
    pub fn new(collection: &Collection, query: Query) -> Self {
        let way = if query.is_empty() {
            Way::Keys(Cursor::new(collection.all(), false))
        } else {
            Way::Match(Box::new(Find::new(collection, query, FindSpec::default())))
        };
        Self { way, counted: 0 }
    }

    /// How many match. Runs until it does not stop.
    ///
    /// # Errors
    /// A stop.
    pub fn step(&mut self, r: &mut dyn Reads) -> Attempt<u64> {
        match &mut self.way {
            Way::Keys(cursor) => {
                r.scan(cursor, false, &mut |_, _| {
                    self.counted += 1;
                    Ok(true)
                })?;
            }
            Way::Match(find) => {
                find.step(r, &mut |_| {
                    self.counted += 1;
                    Ok(())
                })?;
            }
        }
        Ok(self.counted)
    }
}
