//! The contexts in which models' work runs: a view to read ([`Snapshot`]) and a batch under
//! construction over one ([`Draft`]).

use bytes::Bytes;
use std::cell::RefCell;
use std::rc::Rc;

use super::access::{Attempt, Cursor, KeyRange, Measure, Need, Reads, Stop, Take, Writes};
use super::cache::Cache;
use super::memtable::Memtable;
use super::read_set::ReadSet;
use super::scan::{Scan, rest_of};
use super::sealing::PIECE_BYTES;
use super::slice::SLICE_MS;
use super::view::View;
use crate::backend::Id;
use crate::codec::batch::{Op, OpKey, OpValue, resolve_op};
use crate::codec::cell::{Cell, CellRef, PieceRef};
use crate::codec::order::{Order, PROVISIONAL};
use crate::env::Env;
use crate::error::Result;
use crate::limits::{self, ITEM_BYTES, MAX_CALL_BYTES};

/// How many calls of `breathe` pass between two looks at the clock.
const BREATHS: u32 = 4;

/// Items between two breaths of a scan.
const ITEMS_PER_BREATH: usize = 32;
/// Bytes of values that weigh as much as one more item.
const BYTES_PER_ITEM: usize = 4096;

/// Operations of a draft that are shown to its own reads between two breaths.
const SHOWN_AT_ONCE: usize = 256;

/// By this a piece's bytes are divided to get its weight: a frame may have some MiB beside it, as
/// much as can be copied within a task.
const PIECE_WEIGHT: usize = 4;

/// As many large pieces are kept for the attempts of one work. It does not read more values without noting that it has.
const KEPT_PIECES: usize = 4;

/// What attempts need of the engine.
#[derive(Clone)]
pub struct Ground {
    /// The cache.
    pub cache: Rc<Cache>,
    /// The world.
    pub env: Rc<dyn Env>,
}

/// A view under an attempt.
pub struct Snapshot {
    ground: Ground,
    view: Rc<View>,
    deadline_ms: Option<f64>,
    breaths: u32,
    fresh: bool,
    /// Pieces that the cache does not keep: attempts that begin anew must find them.
    kept: RefCell<Vec<(Id, Bytes)>>,
}

impl Snapshot {
    /// An attempt on `view`.
    #[must_use]
    pub fn new(ground: Ground, view: Rc<View>) -> Self {
        Self {
            ground,
            view,
            fresh: false,
            deadline_ms: None,
            breaths: 0,
            kept: RefCell::default(),
        }
    }

    /// The same on another view, for work that has begun on one that is gone.
    pub fn turn_to(&mut self, view: Rc<View>) {
        self.view = view;
        self.fresh = true;
    }

    /// The next attempt is not the first on this view.
    pub fn go_on(&mut self) {
        self.fresh = false;
        self.refresh();
    }

    /// Starts a new slice of time.
    pub fn refresh(&mut self) {
        self.deadline_ms = None;
        self.breaths = 0;
    }

    fn value_of(&self, cell: Cell) -> Attempt<Option<Bytes>> {
        match cell {
            Cell::Tombstone => Ok(None),
            Cell::Inline(bytes) => Ok(Some(bytes)),
            Cell::Piece(piece) => self.piece(piece).map(Some),
        }
    }

    fn piece(&self, piece: PieceRef) -> Attempt<Bytes> {
        let mut kept = self.kept.borrow_mut();
        if let Some((_, bytes)) = kept.iter().find(|(id, _)| *id == piece.id) {
            return Ok(bytes.clone());
        }
        let cache = &self.ground.cache;
        let need = Stop::Need(Need::Piece(piece.id));
        let bytes = cache.piece(piece.id).ok_or(need)?;
        if cache.is_too_large(bytes.len()) {
            kept.truncate(KEPT_PIECES - 1);
            kept.insert(0, (piece.id, bytes.clone()));
        }
        Ok(bytes)
    }

    /// The piece is behind the cursor.
    fn let_go(&self, id: Id) {
        self.kept.borrow_mut().retain(|(kept, _)| *kept != id);
    }
}

/// What a cursor keeps.
struct Scanning {
    scan: Scan,
    view: Rc<View>,
}

/// The cursor's scan, if it is one of this very view, else a new one from where it stands.
fn take_state(cursor: &mut Cursor, view: &Rc<View>) -> Box<Scanning> {
    if let Some(state) = cursor.state.take()
        && let Ok(scanning) = state.downcast::<Scanning>()
        && Rc::ptr_eq(&scanning.view, view)
    {
        return scanning;
    }
    let rest = rest_of(&cursor.range, cursor.last.as_ref(), cursor.reverse);
    let scan = Scan::of_view(view, &rest, cursor.reverse);
    Box::new(Scanning {
        scan,
        view: view.clone(),
    })
}

impl Reads for Snapshot {
    fn is_fresh(&self) -> bool {
        self.fresh
    }

    fn get(&mut self, key: &[u8]) -> Attempt<Option<Bytes>> {
        match self.view.get(&self.ground.cache, key)? {
            None => Ok(None),
            Some(cell) => self.value_of(cell),
        }
    }

    fn contains(&mut self, key: &[u8]) -> Attempt<bool> {
        let cell = self.view.get(&self.ground.cache, key)?;
        Ok(!matches!(cell, None | Some(Cell::Tombstone)))
    }

    fn scan(&mut self, cursor: &mut Cursor, values: bool, take: &mut Take<'_>) -> Attempt<bool> {
        let mut scanning = take_state(cursor, &self.view);
        let cache = self.ground.cache.clone();
        let mut last = None;
        let mut weight = 0;
        let mut breath = Ok(());
        let mut each = |key: &[u8], cell: CellRef<'_>| {
            let piece;
            let mut of = None;
            let value = match cell {
                CellRef::Tombstone => return Ok(true),
                _ if !values => &[],
                CellRef::Inline(value) => value,
                CellRef::Piece(place) => {
                    piece = self.piece(place)?;
                    of = Some(place.id);
                    &piece[..]
                }
            };
            let more = take(key, value)?;
            if let Some(id) = of {
                self.let_go(id);
            }
            if !more {
                return Ok(false);
            }
            weight += 1 + value.len() / BYTES_PER_ITEM;
            if weight >= ITEMS_PER_BREATH {
                weight = 0;
                breath = self.breathe();
            }
            Ok(breath.is_ok())
        };
        let ended = loop {
            match scanning.scan.walk(&cache, &mut last, &mut each) {
                Ok(Some(true)) => {}
                Ok(more) => break Ok(more.is_some()),
                Err(stop) => break Err(stop),
            }
        };
        cursor.last = last.or(cursor.last.take());
        cursor.state = Some(scanning);
        breath.and(ended)
    }

    fn measure(&mut self, cursor: &mut Cursor) -> Attempt<Option<Measure>> {
        let mut scanning = take_state(cursor, &self.view);
        let found = scanning
            .scan
            .measure(&self.ground.cache, &cursor.range, &mut |_, _| {});
        cursor.state = Some(scanning);
        Ok(found?.map(|(last, measure)| {
            cursor.last = Some(last);
            measure
        }))
    }

    fn breathe(&mut self) -> Attempt<()> {
        if self.breaths.is_multiple_of(BREATHS) {
            let now = self.ground.env.monotonic_ms();
            let deadline = *self.deadline_ms.get_or_insert(now + SLICE_MS);
            if now > deadline {
                return Err(Stop::Yield);
            }
        }
        self.breaths = self.breaths.wrapping_add(1);
        Ok(())
    }
}

/// A batch under construction.
pub struct Draft {
    base: Snapshot,
    /// The view under the draft's own operations.
    under: Rc<View>,
    /// What was read.
    pub reads: ReadSet,
    /// The operations, in order.
    pub ops: Vec<Op>,
    /// What they weigh, in bytes of keys and values. A value that becomes a piece counts a part
    /// of its bytes: it goes beside the frame, in one copy.
    pub bytes: usize,
    /// What they take in memory, in bytes.
    held_bytes: usize,
    /// Places taken in the order of insertion.
    pub slots: u32,
    call: u64,
    shown: usize,
    fresh: bool,
}

impl Draft {
    /// An empty batch of call `call` over `view`.
    #[must_use]
    pub fn new(ground: Ground, view: Rc<View>, call: u64) -> Self {
        Self {
            base: Snapshot::new(ground, view.clone()),
            under: view,
            reads: ReadSet::default(),
            ops: Vec::new(),
            bytes: 0,
            held_bytes: 0,
            slots: 0,
            call,
            shown: 0,
            fresh: true,
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
            self.base.kept.take();
        }
        self.base.refresh();
    }

    /// Takes out the table that shows its operations, if any were shown: it may be a large one.
    pub fn take_shown(&mut self) -> Option<Rc<Memtable>> {
        if self.shown == 0 {
            return None;
        }
        self.shown = 0;
        let shown = std::mem::replace(&mut self.base.view, self.under.clone());
        shown.own.last().cloned()
    }

    /// Takes back the operations from `len` on.
    pub fn truncate(&mut self, len: usize) {
        if self.ops.len() > len {
            for op in self.ops.drain(len..) {
                self.bytes = self.bytes.saturating_sub(weight(&op));
                self.held_bytes = self.held_bytes.saturating_sub(held_bytes(&op));
            }
            // What was shown of it cannot be taken out again.
            if self.shown > len {
                self.shown = 0;
                self.base.view = self.under.clone();
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
        let mut view = View::clone(&self.base.view);
        // The draft's table is the topmost one once anything has been shown.
        let mut table = if self.shown > 0 { view.own.pop() } else { None }.unwrap_or_default();
        // Lets go of the other reference, so that the table is changed in place.
        self.base.view = self.under.clone();
        let own = Rc::<Memtable>::make_mut(&mut table);
        let rest = self.ops.get(self.shown..).unwrap_or_default();
        let some = rest.get(..SHOWN_AT_ONCE).unwrap_or(rest);
        some.iter().for_each(|op| own.apply(op));
        self.shown += some.len();
        view.own.push(table);
        self.base.view = Rc::new(view);
    }

    /// Checks what it has come to; to be called after work, which checks at every breath.
    ///
    /// # Errors
    /// `LimitExceeded` above [`MAX_CALL_BYTES`].
    pub fn check_size(&self) -> Result<()> {
        limits::within(
            "what is to be written at once",
            self.held_bytes,
            MAX_CALL_BYTES,
        )
    }

    fn push(&mut self, op: Op) {
        self.bytes += weight(&op);
        self.held_bytes += held_bytes(&op);
        self.ops.push(op);
    }
}

/// Gives the places in the order of insertion that one call took to another.
pub fn renumber(ops: &mut [Op], from: u64, to: u64) {
    for op in ops {
        resolve_op(op, |order| {
            if order.frame == PROVISIONAL + from {
                order.frame = PROVISIONAL + to;
            }
        });
    }
}

/// What an operation adds to [`Draft::bytes`].
fn weight(op: &Op) -> usize {
    match op {
        Op::Put(key, OpValue::Inline(value)) if value.len() > PIECE_BYTES => {
            key.prefix.len() + value.len() / PIECE_WEIGHT
        }
        Op::Put(key, OpValue::Inline(value)) => key.prefix.len() + value.len() + 16,
        Op::Put(key, _) | Op::Delete(key) => key.prefix.len() + 28,
        Op::DeleteRange(range) => range.from.len() + range.until.len(),
    }
}

/// What an operation adds to what a draft holds.
fn held_bytes(op: &Op) -> usize {
    ITEM_BYTES
        + match op {
            Op::Put(key, OpValue::Inline(value)) => key.prefix.len() + value.len(),
            Op::Put(key, _) | Op::Delete(key) => key.prefix.len(),
            Op::DeleteRange(range) => range.from.len() + range.until.len(),
        }
}

impl Reads for Draft {
    fn is_fresh(&self) -> bool {
        self.fresh
    }

    fn get(&mut self, key: &[u8]) -> Attempt<Option<Bytes>> {
        self.show()?;
        self.reads.add_key(key);
        self.base.get(key)
    }

    fn contains(&mut self, key: &[u8]) -> Attempt<bool> {
        self.show()?;
        self.reads.add_key(key);
        self.base.contains(key)
    }

    fn scan(&mut self, cursor: &mut Cursor, values: bool, take: &mut Take<'_>) -> Attempt<bool> {
        self.show()?;
        self.reads.add_range(&cursor.range);
        self.base.scan(cursor, values, take)
    }

    fn measure(&mut self, cursor: &mut Cursor) -> Attempt<Option<Measure>> {
        self.show()?;
        self.reads.add_range(&cursor.range);
        self.base.measure(cursor)
    }

    fn breathe(&mut self) -> Attempt<()> {
        self.check_size()?;
        self.base.breathe()
    }
}

impl Writes for Draft {
    fn put(&mut self, key: Bytes, value: Bytes) {
        self.push(Op::Put(OpKey::plain(key), OpValue::Inline(value)));
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
        self.push(Op::Put(
            OpKey {
                prefix,
                order: Some(order),
            },
            OpValue::Inline(value),
        ));
    }

    fn put_order(&mut self, key: Bytes, order: Order) {
        self.push(Op::Put(OpKey::plain(key), OpValue::Order(order)));
    }

    fn delete_at(&mut self, prefix: Bytes, order: Order) {
        self.push(Op::Delete(OpKey {
            prefix,
            order: Some(order),
        }));
    }
}
