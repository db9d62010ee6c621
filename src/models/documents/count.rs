//! Counting documents.

use super::plan::planned;
use super::planner::{Plan, Scan};
use super::{Collection, Find, FindSpec};
use crate::engine::access::{Attempt, Cursor, KeyRange, Reads};
use crate::models::query::Query;

/// Counts what matches.
pub struct Count {
    collection: Collection,
    query: Query,
    way: Way,
    counted: u64,
}

enum Way {
    /// It is not known yet.
    Start,
    /// Every document: their keys are enough.
    Keys(Vec<Cursor>),
    /// Entries of an index, one for each document, if these ranges hold nothing.
    Entries(Scan, Vec<KeyRange>),
    Match(Box<Find>),
}

impl Count {
    /// Begins a count.
    #[must_use]
    pub fn new(collection: &Collection, query: Query) -> Self {
        let way = if query.is_empty() {
            Way::Keys(vec![Cursor::new(collection.all(), false)])
        } else {
            Way::Start
        };
        Self {
            collection: collection.clone(),
            query,
            way,
            counted: 0,
        }
    }

    fn find(&self) -> Way {
        let find = Find::new(&self.collection, self.query.clone(), FindSpec::default());
        Way::Match(Box::new(find))
    }

    /// Finds out how to count.
    fn start(&mut self, r: &mut dyn Reads) -> Attempt<()> {
        if let Way::Start = &self.way {
            let spec = FindSpec::default();
            let planned = planned(&self.collection, &self.query, &spec, None, r)?;
            self.way = match planned.plan {
                Plan::Index(mut scan) => match scan.counts.take() {
                    Some(none) if !scan.has_doubles || !none.is_empty() => Way::Entries(scan, none),
                    _ => self.find(),
                },
                _ => self.find(),
            };
        }
        if let Way::Entries(scan, none) = &mut self.way {
            while let Some(range) = none.last() {
                if r.next_key(&mut Cursor::new(range.clone(), false))?
                    .is_some()
                {
                    self.way = self.find();
                    return Ok(());
                }
                none.pop();
            }
            let cursor = |range: &KeyRange| Cursor::new(range.clone(), false);
            self.way = Way::Keys(scan.ranges.iter().map(cursor).collect());
        }
        Ok(())
    }

    /// How many match. Runs until it does not stop.
    ///
    /// # Errors
    /// A stop.
    pub fn step(&mut self, r: &mut dyn Reads) -> Attempt<u64> {
        self.start(r)?;
        match &mut self.way {
            Way::Keys(cursors) => {
                while let Some(cursor) = cursors.last_mut() {
                    r.scan(cursor, false, &mut |_, _| {
                        self.counted += 1;
                        Ok(true)
                    })?;
                    cursors.pop();
                }
            }
            Way::Match(find) => {
                find.step(r, &mut |_| {
                    self.counted += 1;
                    Ok(())
                })?;
            }
            Way::Start | Way::Entries(..) => {}
        }
        Ok(self.counted)
    }
}
