//! Reading entries.

use bytes::Bytes;

use super::{broken, synced_to};
use crate::codec::kinds::key as kinds;
use crate::codec::order::Order;
use crate::engine::access::{Attempt, Cursor, Reads};
use crate::error::Result;
use crate::models::op_log::entry::{Entry, Held};
use crate::models::op_log::{at, between, id_of, order_in, order_of};
use crate::models::pace::Pace;

/// Takes the number of an entry, what it says, and the stored value, if it has one.
pub type Out<'a> = dyn FnMut(u64, &Entry, Option<&Bytes>) -> Result<()> + 'a;

/// Reads entries, the oldest first.
pub struct Read {
    after: f64,
    with_synced: bool,
    limit: f64,
    cursor: Option<Cursor>,
    /// An entry whose value is still to be read.
    held: Option<(Bytes, Bytes)>,
    count: f64,
    pace: Pace,
}

impl Read {
    /// At most `limit` entries with numbers above `after` (below 0: all), pending ones alone or all.
    #[must_use]
    pub fn new(after: f64, limit: f64, with_synced: bool) -> Self {
        Self {
            after,
            with_synced,
            limit,
            cursor: None,
            held: None,
            count: 0.0,
            pace: Pace::default(),
        }
    }

    fn begin(&self, r: &mut dyn Reads) -> Attempt<Cursor> {
        let after = (self.after >= 0.0).then(|| order_of(self.after));
        let synced = if self.with_synced {
            None
        } else {
            synced_to(r)?
        };
        let range = between(kinds::LOGGED, after.max(synced), None);
        let mut cursor = Cursor::new(range, false);
        cursor.reads_ahead = self.limit > 100.0;
        Ok(cursor)
    }

    /// Hands them to `out`. Runs until it does not stop.
    ///
    /// # Errors
    /// A stop; nothing is lost by it, and nothing handed out twice. What `out` fails with.
    pub fn step(&mut self, r: &mut dyn Reads, out: &mut Out<'_>) -> Attempt<()> {
        if self.cursor.is_none() {
            self.cursor = Some(self.begin(r)?);
        }
        let Some(cursor) = &mut self.cursor else {
            return Ok(());
        };
        while self.count < self.limit {
            if self.held.is_none() {
                self.held = r.next(cursor)?;
            }
            let Some((key, stored)) = &self.held else {
                break;
            };
            let order = order_in(key)?;
            let entry = Entry::decode(stored)?;
            let value = value_of(r, &entry, order)?;
            out(id_of(order)?, &entry, value.as_ref())?;
            self.held = None;
            self.count += 1.0;
            self.pace.step(r)?;
        }
        Ok(())
    }
}

fn value_of(r: &mut dyn Reads, entry: &Entry, order: Order) -> Attempt<Option<Bytes>> {
    Ok(match &entry.value {
        None => None,
        Some(Held::Here(value)) => Some(value.clone()),
        Some(Held::Apart) => {
            let value = r.get(&at(kinds::LOGGED_VALUE, order))?;
            Some(value.ok_or_else(broken)?)
        }
    })
}

/// The number of the last entry, 0 if there is none.
///
/// # Errors
/// A stop.
pub fn last(r: &mut dyn Reads) -> Attempt<u64> {
    let mut cursor = Cursor::new(between(kinds::LOGGED, None, None), true);
    match r.next_key(&mut cursor)? {
        Some(key) => Ok(id_of(order_in(&key)?)?),
        None => Ok(0),
    }
}
