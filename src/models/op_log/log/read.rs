//! Reading entries.

use bytes::Bytes;

use super::{broken, synced_to};
use crate::codec::kinds::key as kinds;
use crate::codec::marks::NEVER;
use crate::codec::order::Order;
use crate::engine::access::{Attempt, Cursor, Reads};
use crate::error::Result;
use crate::models::op_log::carried::Carried;
use crate::models::op_log::entry::{Entry, Held};
use crate::models::op_log::records::value_of as present;
use crate::models::op_log::{Name, at, between, id_of, order_in, order_of};
use crate::models::pace::Pace;

/// Takes the number of an entry, what it says, and the stored value, if it has one.
pub type Out<'a> = dyn FnMut(u64, &Entry, Option<&Bytes>) -> Result<()> + 'a;

/// Reads entries, the oldest first.
pub struct Read {
    after: f64,
    with_synced: bool,
    limit: f64,
    sources: Vec<Source>,
    carried: Carried,
    count: f64,
    pace: Pace,
}

/// Entries of one kind of keys: those that are marked by their numbers have their own.
struct Source {
    /// `None` at the end.
    cursor: Option<Cursor>,
    /// An entry whose turn is still to come, or whose value is still to be read.
    held: Option<(Bytes, Bytes)>,
}

impl Read {
    /// At most `limit` entries with numbers above `after` (below 0: all), pending ones alone or all.
    #[must_use]
    pub fn new(after: f64, limit: f64, with_synced: bool) -> Self {
        Self {
            after,
            with_synced,
            limit,
            sources: Vec::new(),
            carried: Carried::default(),
            count: 0.0,
            pace: Pace::default(),
        }
    }

    fn begin(&mut self, r: &mut dyn Reads) -> Attempt<()> {
        let after = (self.after >= 0.0).then(|| order_of(self.after));
        let (kinds, after): (&[u8], _) = if self.with_synced {
            (&[kinds::LOGGED, kinds::SYNCED], after)
        } else {
            (&[kinds::LOGGED], after.max(synced_to(r)?))
        };
        self.carried = Carried::read(r)?;
        for kind in kinds {
            let mut cursor = Cursor::new(between(*kind, after, None), false);
            cursor.reads_ahead = self.limit > 100.0;
            let cursor = Some(cursor);
            self.sources.push(Source { cursor, held: None });
        }
        Ok(())
    }

    /// Hands them to `out`. Runs until it does not stop.
    ///
    /// # Errors
    /// A stop; nothing is lost by it, and nothing handed out twice. What `out` fails with.
    pub fn step(&mut self, r: &mut dyn Reads, out: &mut Out<'_>) -> Attempt<()> {
        if self.sources.is_empty() {
            self.begin(r)?;
        }
        while self.count < self.limit {
            let mut first: Option<(Order, &mut Source)> = None;
            for source in &mut self.sources {
                if source.held.is_none()
                    && let Some(cursor) = &mut source.cursor
                {
                    source.held = r.next(cursor)?;
                }
                let Some((key, _)) = &source.held else {
                    source.cursor = None;
                    continue;
                };
                let order = order_in(key)?;
                if first.as_ref().is_none_or(|(least, _)| order < *least) {
                    first = Some((order, source));
                }
            }
            let Some((order, Source { held, .. })) = first else {
                break;
            };
            let Some((_, stored)) = held else {
                break;
            };
            let mut entry = Entry::decode(stored)?;
            let value = value_of(r, &mut entry, order)?;
            entry.device = self.carried.device(order).cloned();
            out(id_of(order)?, &entry, value.as_ref())?;
            *held = None;
            self.count += 1.0;
            self.pace.step(r)?;
        }
        Ok(())
    }
}

/// The value of an entry. Of one that is older than the shape of the data it is what its record is now: nobody has a use for the former
/// shape.
fn value_of(r: &mut dyn Reads, entry: &mut Entry, order: Order) -> Attempt<Option<Bytes>> {
    let version = r.catalog().data_version()?.version;
    // planted: old-shape-handed-out
    if entry.version < version {
        entry.version = version;
        entry.expires_ms = r.until(&entry.record)?.unwrap_or(NEVER);
        return present(r, &Name::of(&entry.record)?);
    }
    Ok(match &entry.value {
        None => None,
        Some(Held::Here(value)) => Some(value.clone()),
        Some(Held::Apart) => {
            let value = r.get(&at(kinds::LOGGED_VALUE, order))?;
            Some(value.ok_or_else(broken)?)
        }
    })
}

/// The number of the last entry, marked or not, 0 if there is none.
///
/// # Errors
/// A stop.
pub fn last(r: &mut dyn Reads) -> Attempt<u64> {
    let mut last = 0;
    for kind in [kinds::LOGGED, kinds::SYNCED] {
        let mut cursor = Cursor::new(between(kind, None, None), true);
        if let Some(key) = r.next_key(&mut cursor)? {
            last = last.max(id_of(order_in(&key)?)?);
        }
    }
    Ok(last)
}
