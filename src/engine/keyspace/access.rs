//! How models reach the keyspace: synchronous attempts that say what they lack.
//!
//! A model's work is an ordinary function over [`Reads`] or [`Writes`]. On warm data it runs
//! to its end at once. When it needs something that is not in memory it stops with
//! [`Stop::Need`]; the engine loads that and runs it again. When it has used up its slice of
//! time it stops with [`Stop::Yield`]. Work that loops over much data therefore keeps its
//! progress outside of the function (a [`Cursor`], an index), so that the next attempt goes on
//! where the last one stopped.

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use std::any::Any;
use std::rc::Rc;

use crate::blobs;
use crate::codec::batch::OpKey;
use crate::codec::feature::Feature;
use crate::codec::head::OpLog;
use crate::codec::marks::Marks;
use crate::codec::order::Order;
use crate::codec::stamp::Stamp;
use crate::error::{Error, Result};

pub use super::catalog::Catalog;
pub use super::landings::Landed;
pub use super::needs::{Need, Needs};
pub use crate::codec::range::KeyRange;

/// Why an attempt did not come to its end.
#[derive(Debug, Clone)]
pub enum Stop {
    /// Load this and try again. (In a box: every attempt hands on whatever is as large as this.)
    Need(Box<Needs>),
    /// The slice of time is used up: let the host do other work, then go on.
    Yield,
    /// The work has failed; it is not run again.
    Fail(Error),
}

impl From<Need> for Stop {
    fn from(need: Need) -> Self {
        Self::Need(Box::new(need.into()))
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Fail(error)
    }
}

/// The result of one attempt.
pub type Attempt<T> = Result<T, Stop>;

/// The result of a call: at once, on warm data, or later.
pub enum Answer<T> {
    /// It ran at once.
    Ready(Result<T>),
    /// It waits for a load, for a slice of time, or for its turn.
    Later(LocalBoxFuture<'static, Result<T>>),
}

/// A place in a scan of a range. Owns no data of the keyspace but pins what it is reading.
pub struct Cursor {
    /// The range that is scanned.
    pub range: KeyRange,
    /// From the upper end downwards.
    pub reverse: bool,
    /// The last key handed out.
    pub last: Option<Bytes>,
    /// Whether the scan is likely to go on for long: what lies ahead is loaded along.
    pub reads_ahead: bool,
    /// What the reader keeps between two steps; dropped and rebuilt from `last` at will.
    pub(crate) state: Option<Box<dyn Any>>,
}

impl Cursor {
    /// A scan of `range`, in ascending order or (`reverse`) in descending order.
    #[must_use]
    pub fn new(range: KeyRange, reverse: bool) -> Self {
        Self {
            range,
            reverse,
            last: None,
            reads_ahead: true,
            state: None,
        }
    }
}

/// How much a stretch of a scan holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Measure {
    /// Live records in the stretch.
    pub records: u64,
    /// Bytes of their keys and values, before compression.
    pub bytes: u64,
}

/// Takes a key and its value, which lie where they lie; whether it wants more.
pub type Take<'a> = dyn FnMut(&[u8], &[u8]) -> Result<bool> + 'a;

/// A consistent view of the keyspace.
pub trait Reads {
    /// True in the first attempt on a view: work with progress of its own starts over. (The view
    /// is another one when what it showed has been cleared away; a batch is run again when another
    /// commit touched what it read.)
    fn is_fresh(&self) -> bool;
    /// What the head says of the op-log; `None`: writes are not logged.
    fn op_log(&self) -> Option<OpLog>;
    /// The catalog of what is read, with what this batch has done to it. What is written depends on it.
    fn catalog(&self) -> Rc<Catalog>;
    /// No stamp that a batch takes is below this.
    fn next_stamp(&self) -> Stamp;
    /// What has become of a provisional place in the order of insertion of which no record tells any more.
    fn landed(&self, place: Order) -> Landed;
    /// The value under `key`.
    ///
    /// # Errors
    /// [`Stop`], as every method here.
    fn get(&mut self, key: &[u8]) -> Attempt<Option<Bytes>>;
    /// The value under `key`, also where it has expired and is not deleted yet: this clock may be wrong.
    ///
    /// # Errors
    /// [`Stop`].
    fn get_stored(&mut self, key: &[u8]) -> Attempt<Option<Bytes>>;
    /// When the value under `key` expires, if there is one, in ms since the epoch (`NEVER`: it does not); does not load
    /// large values.
    ///
    /// # Errors
    /// [`Stop`].
    fn until(&mut self, key: &[u8]) -> Attempt<Option<u64>>;
    /// Sees to it that reading these keys does not stop at each of them: what they lack is loaded together, as much as
    /// fits. To be called again until it does not stop, a few times at most.
    ///
    /// # Errors
    /// [`Stop`].
    fn want(&mut self, keys: &[Bytes]) -> Attempt<()>;
    /// The same with the large values under them, however much that is. `is_asked` is set when these are all that is lacking: they
    /// are to be read at once then, since not all may be kept.
    ///
    /// # Errors
    /// [`Stop`].
    fn want_values(&mut self, keys: &[Bytes], is_asked: &mut bool) -> Attempt<()> {
        self.want(keys)?;
        *is_asked = true;
        Ok(())
    }
    /// Whether there is a value under `key`; does not load large values.
    ///
    /// # Errors
    /// [`Stop`].
    fn contains(&mut self, key: &[u8]) -> Attempt<bool> {
        Ok(self.until(key)?.is_some())
    }
    /// Hands what a scan comes to next to `take`, until that wants no more (`false`) or nothing is left;
    /// whether `take` has ended it. Breathes by itself. Without `values`, `take` gets the cells' marks in their place, and
    /// large ones are not loaded. What `take` was given is behind the cursor, also where this stops.
    ///
    /// # Errors
    /// [`Stop`]; what `take` fails with.
    fn scan(&mut self, cursor: &mut Cursor, values: bool, take: &mut Take<'_>) -> Attempt<bool>;
    /// The next key and value of a scan; `None` at its end.
    ///
    /// # Errors
    /// [`Stop`]; the cursor stays where it was.
    fn next(&mut self, cursor: &mut Cursor) -> Attempt<Option<(Bytes, Bytes)>> {
        let mut found = None;
        self.scan(cursor, true, &mut |key, value| {
            let copied = Bytes::copy_from_slice;
            found = Some((copied(key), blobs::held(copied(value))));
            Ok(false)
        })?;
        Ok(found)
    }
    /// The next key of a scan; does not load large values.
    ///
    /// # Errors
    /// [`Stop`]; the cursor stays where it was.
    fn next_key(&mut self, cursor: &mut Cursor) -> Attempt<Option<Bytes>> {
        let mut found = None;
        self.scan(cursor, false, &mut |key, _| {
            found = Some(Bytes::copy_from_slice(key));
            Ok(false)
        })?;
        Ok(found)
    }
    /// How much the next stretch of an ascending scan holds: one record, or many that need not be
    /// looked at one by one; `None` at its end. Does not load large values.
    ///
    /// # Errors
    /// [`Stop`]; the cursor stays where it was.
    fn measure(&mut self, cursor: &mut Cursor) -> Attempt<Option<Measure>>;
    /// About how many records there are in a range, by what is in memory: loads nothing, and what a batch commits does not
    /// depend on it. (Records that are hidden or large in number may be counted wrongly, by some times.)
    fn estimate(&mut self, range: &KeyRange) -> u64;
    /// To be called now and then by work that loops.
    ///
    /// # Errors
    /// [`Stop::Yield`] when the slice of time is used up. The next attempt starts a new one.
    fn breathe(&mut self) -> Attempt<()>;
}

/// A batch under construction, over a view that shows it. What is read is what the commit
/// depends on; a batch that read nothing is blind.
pub trait Writes: Reads {
    /// Sees to it that stamps taken from the commit on are above this wall time, ms since the epoch.
    fn stamp_after(&mut self, ms: u64);
    /// Stores `value` under `key`.
    fn put(&mut self, key: Bytes, value: Bytes);
    /// The same of any key, with what is said of the value.
    fn put_marked(&mut self, key: OpKey, value: Bytes, marks: Marks);
    /// What is written takes effect only once this is on; it is switched on before, if need be.
    fn need(&mut self, feature: Feature);
    /// Removes `key`.
    fn delete(&mut self, key: Bytes);
    /// Removes every key of the range.
    fn delete_range(&mut self, range: KeyRange);
    /// A new place in the order of insertion: after every earlier one of every committed batch,
    /// and after those taken earlier in this batch. Provisional until the commit.
    fn new_order(&mut self) -> Order;
    /// Stores `value` under `prefix` followed by the 12 bytes of `order`.
    fn put_at(&mut self, prefix: Bytes, order: Order, value: Bytes);
    /// Stores the 12 bytes of `order` under `key`.
    fn put_order(&mut self, key: Bytes, order: Order);
    /// Removes `prefix` followed by `order`.
    fn delete_at(&mut self, prefix: Bytes, order: Order);
    /// Remembers a key for work that ends the batch, where that is wanted (of a migration); whether it is.
    fn set_aside(&mut self, _key: &[u8]) -> bool {
        false
    }
    /// Whether this batch is asked so of a number for the first time, or may be: what it need write only once is not
    /// written again for each of many records.
    fn is_first(&mut self, number: u16) -> bool;
}

/// Work on a view.
pub type ReadWork<T> = Box<dyn FnMut(&mut dyn Reads) -> Attempt<T>>;
/// Reading work that goes on where its last attempt stopped, in a state that `make` makes; on a new
/// view it starts over, so that what it hands out is of one view.
pub fn afresh<S: 'static, T>(
    make: impl Fn() -> Result<S> + 'static,
    mut step: impl FnMut(&mut S, &mut dyn Reads) -> Attempt<T> + 'static,
) -> ReadWork<T> {
    let mut state: Option<S> = None;
    Box::new(move |r| {
        if r.is_fresh() {
            state = None;
        }
        let state = match &mut state {
            Some(state) => state,
            none => none.insert(make()?),
        };
        step(state, r)
    })
}
/// Work on a batch.
pub type WriteWork<T> = Box<dyn FnMut(&mut dyn Writes) -> Attempt<T>>;

/// What models' work runs in: the engine itself, where a write resolves when it is committed,
/// or a transaction, where it resolves when it is noted.
pub trait Session {
    /// Runs `work` on a view of this moment.
    fn read<T: 'static>(&self, work: ReadWork<T>) -> Answer<T>;
    /// Runs `work` and commits its batch, in the order of the calls.
    fn write<T: 'static>(&self, work: WriteWork<T>) -> LocalBoxFuture<'static, Result<T>>;
}
