//! A batch under construction over a view: the context in which models' writing work runs.

use bytes::Bytes;
use std::rc::Rc;

use super::access::{
    Attempt, Catalog, Cursor, KeyRange, Landed, Measure, Reads, Stop, Take, Writes,
};
use super::cited::Cited;
use super::context::Context;
use super::footprint::order_at_end;
use super::letting_go::{Held, let_go};
use super::memtable::Memtable;
use super::read_set::ReadSet;
use super::snapshot::Snapshot;
use super::view::View;
use crate::codec::batch::{Op, OpKey, OpValue, resolve_op, restamp};
use crate::codec::catalog;
use crate::codec::cell::PIECE_BYTES;
use crate::codec::feature::{Feature, Features};
use crate::codec::head::OpLog;
use crate::codec::marks::{Marks, NEVER, expiry_of};
use crate::codec::order::{Order, PROVISIONAL};
use crate::codec::range::after;
use crate::codec::stamp::{HOLE, Stamp};
use crate::error::Result;
use crate::limits::{self, ITEM_BYTES, MAX_CALL_BYTES};

/// Operations of a draft that are shown to its own reads between two breaths.
const SHOWN_AT_ONCE: usize = 256;

/// Below so many operations it is not worth while to remember what was written once.
const FEW_OPS: usize = 64;

/// By this a piece's bytes are divided to get its weight: a frame may have some MiB beside it, as
/// much as can be copied within a task.
const PIECE_WEIGHT: usize = 4;

/// A batch under construction.
pub struct Draft {
    base: Snapshot,
    /// The view under the draft's own operations.
    under: Rc<View>,
    /// What was read so far, on which the commit depends.
    pub reads: ReadSet,
    /// The operations so far, in the order of the calls.
    pub ops: Vec<Op>,
    /// To whose places these refer.
    pub cited: Cited,
    /// What they weigh, in bytes of keys and values. A value that becomes a piece counts a part
    /// of its bytes: it goes beside the frame, in one copy.
    pub bytes: usize,
    /// What they take in memory, in bytes.
    held_bytes: usize,
    /// Places taken in the order of insertion.
    pub slots: u32,
    /// The frame's wall time must not be below this, ms since the epoch.
    pub wall_ms: u64,
    /// What the head said of the op-log when the draft was begun.
    op_log: Option<OpLog>,
    needs: Features,
    /// That of the view, with the draft's own operations.
    catalog: Rc<Catalog>,
    /// Whether any of them changes it.
    pub changes_catalog: bool,
    call: u64,
    shown: usize,
    fresh: bool,
    /// The numbers that [`Writes::is_first`] was asked of, as bits.
    asked: Vec<u64>,
    /// What is to be looked at before the commit; `None`: nothing is set aside.
    pub aside: Option<Vec<Bytes>>,
}

impl Draft {
    /// An empty batch of call `call` over `view`.
    #[must_use]
    pub fn new(context: Context, view: Rc<View>, call: u64) -> Self {
        let op_log = context.op_log.borrow().clone();
        Self {
            op_log,
            catalog: view.catalog.clone(),
            changes_catalog: false,
            base: Snapshot::new(context, view.clone()),
            under: view,
            reads: ReadSet::default(),
            ops: Vec::new(),
            cited: Cited::default(),
            bytes: 0,
            held_bytes: 0,
            slots: 0,
            wall_ms: 0,
            needs: Features::NONE,
            call,
            shown: 0,
            fresh: true,
            asked: Vec::new(),
            aside: None,
        }
    }

    /// To be called before each attempt but the first.
    pub fn again(&mut self) {
        self.fresh = false;
        self.base.refresh();
    }

    /// To be called before an attempt of further work on the same draft (a transaction's next
    /// step): `again` when it continues one.
    pub fn restart(&mut self, again: bool) {
        self.fresh = !again;
        if !again {
            self.base.forget();
        }
        self.base.refresh();
    }

    /// Takes out the table that shows its operations, if any were shown: it may be a large one.
    fn take_shown(&mut self) -> Option<Rc<Memtable>> {
        if self.shown == 0 {
            return None;
        }
        self.shown = 0;
        let shown = self.base.look_at(self.under.clone());
        shown.own.last().cloned()
    }

    /// Takes back the operations from `len` on.
    pub fn truncate(&mut self, len: usize) {
        if self.ops.len() > len {
            self.asked.clear();
            let gone = self.ops.get(len..).unwrap_or_default();
            let is_to_rebuild = self.changes_catalog && gone.iter().any(may_change);
            for op in self.ops.drain(len..) {
                self.bytes = self.bytes.saturating_sub(weight(&op));
                self.held_bytes = self.held_bytes.saturating_sub(held_bytes(&op));
            }
            if is_to_rebuild {
                self.catalog = self.under.catalog.clone();
                self.changes_catalog = false;
                for op in std::mem::take(&mut self.ops) {
                    self.push_seen(op);
                }
            }
            // What was shown of it cannot be taken out again.
            if self.shown > len {
                self.shown = 0;
                self.base.look_at(self.under.clone());
            }
        }
    }

    /// Lets reads see the operations made so far, some at a time.
    fn show(&mut self) -> Attempt<()> {
        while self.shown < self.ops.len() {
            self.show_some();
            if self.shown < self.ops.len() {
                self.base.breathe()?;
            }
        }
        Ok(())
    }

    fn show_some(&mut self) {
        let mut view = View::clone(self.base.view());
        // The draft's table is the topmost one once anything has been shown.
        let mut table = if self.shown > 0 { view.own.pop() } else { None }.unwrap_or_default();
        // Lets go of the other reference, so that the table is changed in place.
        self.base.look_at(self.under.clone());
        let own = Rc::<Memtable>::make_mut(&mut table);
        let rest = self.ops.get(self.shown..).unwrap_or_default();
        let some = rest.get(..SHOWN_AT_ONCE).unwrap_or(rest);
        some.iter().for_each(|op| own.apply(op));
        self.shown += some.len();
        view.own.push(table);
        self.base.look_at(Rc::new(view));
    }

    /// Checks what it has come to; to be called after work, which checks at every breath.
    ///
    /// # Errors
    /// `LimitExceeded` above [`MAX_CALL_BYTES`], or where the catalog would be too large.
    pub fn check_size(&self) -> Result<()> {
        if self.changes_catalog {
            self.catalog.check()?;
        }
        limits::within(
            "what one call or transaction writes",
            self.held_bytes,
            MAX_CALL_BYTES,
        )
    }

    fn push(&mut self, op: Op) {
        self.bytes += weight(&op);
        self.held_bytes += held_bytes(&op);
        self.push_seen(op);
    }

    /// Adds an operation, which its own reads see.
    fn push_seen(&mut self, op: Op) {
        if may_change(&op) && self.catalog.is_changed_by(&op) {
            self.changes_catalog = true;
            // planted: catalog-forgotten-in-draft
            Rc::make_mut(&mut self.catalog).apply(&op);
        }
        self.cited.note_op(&op, self.call);
        self.ops.push(op);
    }

    /// Notes that a key was read.
    fn note_read(&mut self, key: &[u8]) {
        self.reads.add_key(key);
        self.cited.note_key(key, self.call);
    }

    /// What must be on when it is committed.
    #[must_use]
    pub fn needs(&self) -> Features {
        self.needs.with(Feature::Catalog, self.changes_catalog)
    }

    /// The number of the last change of the catalog under which it is made.
    #[must_use]
    pub fn made_under(&self) -> u64 {
        self.under.catalog.change
    }
}

impl Drop for Draft {
    /// Whatever comes of it, what it holds is let go of in slices.
    fn drop(&mut self) {
        let held = Held {
            table: self.take_shown(),
            ops: std::mem::take(&mut self.ops),
            reads: std::mem::take(&mut self.reads),
            keys: self.aside.take().unwrap_or_default(),
        };
        // planted: draft-dropped-at-once
        let_go(self.base.env(), held);
    }
}

/// Whether an operation is of a kind that changes the catalog, if it changes anything.
fn may_change(op: &Op) -> bool {
    match op {
        Op::DeleteRange(_) => true,
        op => catalog::is_changed_by(op),
    }
}

/// What a scan that goes no further, or has yet to go on, has told of: up to what was taken last. All of its range where that key
/// is still to move.
fn gone_through(cursor: &Cursor) -> Option<KeyRange> {
    let last = cursor.last.as_ref()?;
    if order_at_end(last).is_some_and(Order::is_provisional) {
        return Some(cursor.range.clone());
    }
    let (mut from, mut until) = (cursor.range.from.clone(), cursor.range.until.clone());
    if cursor.reverse {
        from = last.clone();
    } else {
        until = after(last);
    }
    Some(KeyRange { from, until })
}

/// Gives the places in the order of insertion that one call took to another.
pub fn renumber(ops: &mut [Op], from: u64, to: u64) {
    for op in ops {
        resolve_op(op, |order| {
            if order.frame == PROVISIONAL + from {
                order.frame = PROVISIONAL + to;
            }
        });
        restamp(op, |Order { frame, slot }| {
            let frame = (frame == HOLE + from).then_some(HOLE + to)?;
            Some(Order { frame, slot }.to_bytes())
        });
    }
}

/// What an operation adds to [`Draft::bytes`].
fn weight(op: &Op) -> usize {
    said_bytes(op)
        + match op {
            Op::Put(key, OpValue::Inline(value), _) if value.len() > PIECE_BYTES => {
                key.prefix.len() + value.len() / PIECE_WEIGHT
            }
            Op::Put(key, OpValue::Inline(value), _) => key.prefix.len() + value.len() + 16,
            Op::Put(key, ..) | Op::Delete(key) => key.prefix.len() + 28,
            Op::DeleteRange(range) => range.from.len() + range.until.len(),
        }
}

/// What an operation adds to what a draft holds.
fn held_bytes(op: &Op) -> usize {
    ITEM_BYTES
        + said_bytes(op)
        + match op {
            Op::Put(key, OpValue::Inline(value), _) => key.prefix.len() + value.len(),
            Op::Put(key, ..) | Op::Delete(key) => key.prefix.len(),
            Op::DeleteRange(range) => range.from.len() + range.until.len(),
        }
}

/// Bytes of its marks.
fn said_bytes(op: &Op) -> usize {
    match op {
        Op::Put(_, _, marks) => marks.as_slice().len(),
        Op::Delete(_) | Op::DeleteRange(_) => 0,
    }
}

impl Reads for Draft {
    fn op_log(&self) -> Option<OpLog> {
        self.op_log.clone()
    }

    fn catalog(&self) -> Rc<Catalog> {
        self.catalog.clone()
    }

    fn next_stamp(&self) -> Stamp {
        self.base.next_stamp()
    }

    fn is_fresh(&self) -> bool {
        self.fresh
    }

    fn landed(&self, place: Order) -> Landed {
        if place.frame == PROVISIONAL + self.call {
            return Landed::Pending;
        }
        self.base.landed(place)
    }

    fn get(&mut self, key: &[u8]) -> Attempt<Option<Bytes>> {
        self.show()?;
        self.note_read(key);
        self.base.get(key)
    }

    fn get_stored(&mut self, key: &[u8]) -> Attempt<Option<Bytes>> {
        self.show()?;
        self.note_read(key);
        self.base.get_stored(key)
    }

    fn want(&mut self, keys: &[Bytes]) -> Attempt<()> {
        self.show()?;
        self.base.want(keys)
    }

    fn want_values(&mut self, keys: &[Bytes], is_asked: &mut bool) -> Attempt<()> {
        self.show()?;
        self.base.want_values(keys, is_asked)
    }

    fn until(&mut self, key: &[u8]) -> Attempt<Option<u64>> {
        self.show()?;
        self.note_read(key);
        self.base.until(key)
    }

    fn scan(&mut self, cursor: &mut Cursor, values: bool, take: &mut Take<'_>) -> Attempt<bool> {
        self.show()?;
        let scanned = self.base.scan(cursor, values, take);
        match &scanned {
            Ok(true) | Err(Stop::Need(_) | Stop::Yield) => {
                if let Some(range) = gone_through(cursor) {
                    self.reads.add_range(&range);
                }
            }
            _ => self.reads.add_range(&cursor.range),
        }
        scanned
    }

    fn measure(&mut self, cursor: &mut Cursor) -> Attempt<Option<Measure>> {
        self.show()?;
        self.reads.add_range(&cursor.range);
        self.base.measure(cursor)
    }

    fn estimate(&mut self, range: &KeyRange) -> u64 {
        self.base.estimate(range)
    }

    fn breathe(&mut self) -> Attempt<()> {
        self.check_size()?;
        self.base.breathe()
    }
}

impl Writes for Draft {
    fn stamp_after(&mut self, ms: u64) {
        self.wall_ms = self.wall_ms.max(ms + 1);
    }

    fn put(&mut self, key: Bytes, value: Bytes) {
        self.put_marked(OpKey::plain(key), value, Marks::NONE);
    }

    fn put_marked(&mut self, key: OpKey, value: Bytes, marks: Marks) {
        // planted: undated
        if expiry_of(marks.as_slice()) != NEVER {
            self.need(Feature::Expiry);
            self.base.note_dated();
        }
        self.push(Op::Put(key, OpValue::Inline(value), marks));
    }

    fn need(&mut self, feature: Feature) {
        self.needs = self.needs.and(feature.into());
    }

    fn delete(&mut self, key: Bytes) {
        self.push(Op::Delete(OpKey::plain(key)));
    }

    fn delete_range(&mut self, range: KeyRange) {
        self.push(Op::DeleteRange(range));
    }

    fn new_order(&mut self) -> Order {
        let slot = self.slots;
        self.slots += 1;
        Order {
            frame: PROVISIONAL + self.call,
            slot,
        }
    }

    fn put_at(&mut self, prefix: Bytes, order: Order, value: Bytes) {
        let order = Some(order);
        self.put_marked(OpKey { prefix, order }, value, Marks::NONE);
    }

    fn put_order(&mut self, key: Bytes, order: Order) {
        let place = OpValue::Order(order);
        self.push(Op::Put(OpKey::plain(key), place, Marks::NONE));
    }

    fn delete_at(&mut self, prefix: Bytes, order: Order) {
        self.push(Op::Delete(OpKey {
            prefix,
            order: Some(order),
        }));
    }

    fn set_aside(&mut self, key: &[u8]) -> bool {
        let Some(aside) = &mut self.aside else {
            return false;
        };
        self.held_bytes += key.len() + ITEM_BYTES;
        aside.push(Bytes::copy_from_slice(key));
        true
    }

    fn is_first(&mut self, number: u16) -> bool {
        if self.ops.len() < FEW_OPS {
            return true;
        }
        let (at, bit) = (usize::from(number / 64), 1 << (number % 64));
        self.asked.resize(self.asked.len().max(at + 1), 0);
        let word = self.asked.get_mut(at);
        word.is_none_or(|word| {
            let is_first = *word & bit == 0;
            *word |= bit;
            is_first
        })
    }
}
