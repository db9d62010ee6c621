//! The log itself: what is pending, marking it as synced, and deleting it.

use bytes::Bytes;

use super::entry::{Entry, Held};
use super::{at, between, id_of, order_in, order_of};
use crate::codec::kinds::key as kinds;
use crate::codec::order::Order;
use crate::engine::access::{Attempt, Cursor, KeyRange, Reads, Writes};
use crate::error::{Error, Result};
use crate::models::pace::Pace;

/// Takes the number of an entry, what it says, and the stored value, if it has one.
pub type Out<'a> = dyn FnMut(u64, &Entry, Option<&Bytes>) -> Result<()> + 'a;

/// Up to where entries are marked as synced; what is above is pending, unless it was marked by its number.
fn synced_to<R: Reads + ?Sized>(r: &mut R) -> Attempt<Option<Order>> {
    let stored = r.get(&[kinds::SYNCED_TO])?;
    Ok(match stored {
        None => None,
        Some(bytes) => Some(Order::from_bytes(&bytes).ok_or_else(broken)?),
    })
}

/// Reads entries, the oldest first.
pub struct Read {
    after: f64,
    with_synced: bool,
    limit: f64,
    sources: Vec<Source>,
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
            let entry = Entry::decode(stored)?;
            let value = value_of(r, &entry, order)?;
            out(id_of(order)?, &entry, value.as_ref())?;
            *held = None;
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

/// Counts the keys of ranges, and finds the last one.
struct Tally {
    ranges: Vec<KeyRange>,
    at: usize,
    cursor: Option<Cursor>,
    count: u64,
    last: Option<Bytes>,
}

impl Tally {
    fn of(ranges: Vec<KeyRange>) -> Self {
        Self {
            ranges,
            at: 0,
            cursor: None,
            count: 0,
            last: None,
        }
    }

    fn step<R: Reads + ?Sized>(&mut self, r: &mut R) -> Attempt<()> {
        while let Some(range) = self.ranges.get(self.at) {
            let begin = || Cursor::new(range.clone(), false);
            let cursor = self.cursor.get_or_insert_with(begin);
            let count = &mut self.count;
            r.scan(cursor, false, &mut |_, _| {
                *count += 1;
                Ok(true)
            })?;
            if let Some(cursor) = self.cursor.take() {
                self.last = cursor.last.or(self.last.take());
            }
            self.at += 1;
        }
        Ok(())
    }
}

/// Counts the pending entries.
#[derive(Default)]
pub struct Count(Option<Tally>);

impl Count {
    /// Runs until it does not stop.
    ///
    /// # Errors
    /// A stop.
    pub fn step(&mut self, r: &mut dyn Reads) -> Attempt<u64> {
        let tally = match &mut self.0 {
            Some(tally) => tally,
            none => {
                let pending = between(kinds::LOGGED, synced_to(r)?, None);
                none.insert(Tally::of(vec![pending]))
            }
        };
        tally.step(r)?;
        Ok(tally.count)
    }
}

/// Which entries: up to a number, or these numbers.
#[derive(Debug, Clone)]
pub enum Which {
    /// Those with numbers up to this one.
    UpTo(f64),
    /// Those with these numbers.
    These(Vec<f64>),
}

/// Marks entries as synced.
pub struct Mark {
    which: Which,
    tally: Option<Tally>,
    done: usize,
    count: u64,
    pace: Pace,
}

impl Mark {
    /// Marks these.
    #[must_use]
    pub fn new(which: Which) -> Self {
        Self {
            which,
            tally: None,
            done: 0,
            count: 0,
            pace: Pace::default(),
        }
    }

    /// Runs until it does not stop; how many were pending.
    ///
    /// # Errors
    /// A stop.
    pub fn step(&mut self, w: &mut dyn Writes) -> Attempt<u64> {
        if w.is_fresh() {
            (self.tally, self.done, self.count) = (None, 0, 0);
        }
        match &self.which {
            Which::UpTo(id) => {
                let id = *id;
                self.up_to(w, id)
            }
            Which::These(_) => self.these(w),
        }
    }

    fn up_to(&mut self, w: &mut dyn Writes, id: f64) -> Attempt<u64> {
        if id < 0.0 {
            return Ok(0);
        }
        let tally = match &mut self.tally {
            Some(tally) => tally,
            none => {
                let pending = between(kinds::LOGGED, synced_to(w)?, Some(order_of(id)));
                none.insert(Tally::of(vec![pending]))
            }
        };
        tally.step(w)?;
        // Through the last one that there is: those to come may have numbers below the one that was given.
        if let Some(last) = &tally.last {
            let order = last.get(1..).unwrap_or_default();
            w.put(
                Bytes::from_static(&[kinds::SYNCED_TO]),
                Bytes::copy_from_slice(order),
            );
        }
        Ok(tally.count)
    }

    fn these(&mut self, w: &mut dyn Writes) -> Attempt<u64> {
        let synced = synced_to(w)?;
        let Which::These(ids) = &self.which else {
            return Ok(0);
        };
        while let Some(id) = ids.get(self.done) {
            let order = order_of(*id);
            let key = at(kinds::LOGGED, order);
            if *id >= 0.0
                && Some(order) > synced
                && let Some(stored) = w.get(&key)?
            {
                w.put(at(kinds::SYNCED, order), stored);
                w.delete(key);
                self.count += 1;
            }
            self.done += 1;
            self.pace.step(w)?;
        }
        Ok(self.count)
    }
}

/// Deletes entries, marked or not.
pub struct Prune {
    which: Which,
    tally: Option<Tally>,
    done: usize,
    count: u64,
    pace: Pace,
}

impl Prune {
    /// Deletes these.
    #[must_use]
    pub fn new(which: Which) -> Self {
        Self {
            which,
            tally: None,
            done: 0,
            count: 0,
            pace: Pace::default(),
        }
    }

    /// Runs until it does not stop; how many there were.
    ///
    /// # Errors
    /// A stop.
    pub fn step(&mut self, w: &mut dyn Writes) -> Attempt<u64> {
        if w.is_fresh() {
            (self.tally, self.done, self.count) = (None, 0, 0);
        }
        let Which::These(ids) = &self.which else {
            return self.up_to(w);
        };
        while let Some(id) = ids.get(self.done) {
            let order = order_of(*id);
            let (pending, marked) = (at(kinds::LOGGED, order), at(kinds::SYNCED, order));
            if *id >= 0.0 && (w.contains(&pending)? || w.contains(&marked)?) {
                w.delete(pending);
                w.delete(marked);
                w.delete(at(kinds::LOGGED_VALUE, order));
                self.count += 1;
            }
            self.done += 1;
            self.pace.step(w)?;
        }
        Ok(self.count)
    }

    fn up_to(&mut self, w: &mut dyn Writes) -> Attempt<u64> {
        let Which::UpTo(id @ 0.0..) = self.which else {
            return Ok(0);
        };
        let of = |kind| between(kind, None, Some(order_of(id)));
        let tally = match &mut self.tally {
            Some(tally) => tally,
            none => none.insert(Tally::of(vec![of(kinds::LOGGED), of(kinds::SYNCED)])),
        };
        tally.step(w)?;
        if tally.count > 0 {
            for kind in [kinds::LOGGED, kinds::SYNCED, kinds::LOGGED_VALUE] {
                w.delete_range(of(kind));
            }
        }
        Ok(tally.count)
    }
}

/// Deletes every entry that is marked as synced; for when room is needed.
#[derive(Default)]
pub struct PruneSynced {
    to: Option<Option<Order>>,
    tally: Option<Tally>,
    cursor: Option<Cursor>,
    apart: Vec<Order>,
    deleted: usize,
    pace: Pace,
}

impl PruneSynced {
    /// Runs until it does not stop; how many there were.
    ///
    /// # Errors
    /// A stop.
    pub fn step(&mut self, w: &mut dyn Writes) -> Attempt<u64> {
        if w.is_fresh() {
            *self = Self::default();
        }
        let to = match self.to {
            Some(to) => to,
            None => *self.to.insert(synced_to(w)?),
        };
        let through = |kind| to.map(|to| between(kind, None, Some(to)));
        let marked = between(kinds::SYNCED, None, None);
        let tally = self
            .tally
            .get_or_insert_with(|| Tally::of(through(kinds::LOGGED).into_iter().collect()));
        tally.step(w)?;
        let cursor = (self.cursor).get_or_insert_with(|| Cursor::new(marked.clone(), false));
        let apart = &mut self.apart;
        w.scan(cursor, false, &mut |key, _| {
            apart.push(order_in(key)?);
            Ok(true)
        })?;
        if tally.count == 0 && self.apart.is_empty() {
            return Ok(0);
        }
        while let Some(order) = self.apart.get(self.deleted) {
            w.delete(at(kinds::LOGGED_VALUE, *order));
            self.deleted += 1;
            self.pace.step(w)?;
        }
        w.delete_range(marked);
        for kind in [kinds::LOGGED, kinds::LOGGED_VALUE] {
            if let Some(range) = through(kind) {
                w.delete_range(range);
            }
        }
        Ok(tally.count + self.apart.len() as u64)
    }
}

fn broken() -> Error {
    Error::corrupt("an op-log's entry lacks a part")
}
