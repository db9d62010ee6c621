//! A view to read: the context in which models' reading work runs.

use bytes::Bytes;
use std::cell::RefCell;
use std::rc::Rc;

use super::access::{
    Attempt, Catalog, Cursor, KeyRange, Landed, Measure, Need, Needs, Reads, Stop, Take,
};
use super::context::{Context, SLICE_MS};
use super::estimate;
use super::now::Now;
use super::scan::Scan;
use super::view::View;
use crate::backend::Id;
use crate::codec::cell::{Cell, CellRef, PieceRef, Value, ValueRef};
use crate::codec::head::OpLog;
use crate::codec::marks::expiry_of;
use crate::codec::order::Order;
use crate::codec::range::after;
use crate::codec::stamp::Stamp;
use crate::env::Env;

/// How many calls of `breathe` pass between two looks at the clock.
const BREATHS: u32 = 4;

/// Items between two breaths of a scan.
const ITEMS_PER_BREATH: usize = 32;

/// Bytes of values that weigh as much as one more item.
const BYTES_PER_ITEM: usize = 4096;

/// As many large pieces are kept for the attempts of one work. It does not read more values without noting that it has.
const KEPT_PIECES: usize = 4;

/// A view under an attempt.
pub struct Snapshot {
    context: Context,
    view: Rc<View>,
    deadline_ms: Option<f64>,
    breaths: u32,
    fresh: bool,
    now: Now,
    /// Pieces that the cache does not keep: attempts that begin anew must find them.
    kept: RefCell<Vec<(Id, Bytes)>>,
}

impl Snapshot {
    /// An attempt on `view`.
    #[must_use]
    pub fn new(context: Context, view: Rc<View>) -> Self {
        Self {
            now: Now::default(),
            context,
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
        // planted: half-way
        self.fresh = true;
    }

    /// The engine's time, randomness and scheduling.
    #[must_use]
    pub const fn env(&self) -> &Rc<dyn Env> {
        &self.context.env
    }

    /// What it shows.
    #[must_use]
    pub const fn view(&self) -> &Rc<View> {
        &self.view
    }

    /// The same work goes on, on a view that shows it more; what it showed before.
    pub fn look_at(&mut self, view: Rc<View>) -> Rc<View> {
        std::mem::replace(&mut self.view, view)
    }

    /// Something that may expire is written through it.
    pub fn note_dated(&self) {
        self.context.clock.note_dated();
    }

    /// Lets go of what attempts of the work before have kept.
    pub fn forget(&mut self) {
        self.kept.take();
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

    /// The cell that counts for a key, unless it has expired.
    fn live(&self, key: &[u8]) -> Attempt<Option<Cell>> {
        let cell = self.view.get(&self.context.cache, key)?;
        Ok(cell.filter(|cell| !self.now.is_past(&self.context, cell.marks.as_slice())))
    }

    fn value_of(&self, cell: Cell) -> Attempt<Option<Bytes>> {
        match cell.value {
            Value::Tombstone => Ok(None),
            Value::Inline(bytes) => Ok(Some(bytes)),
            Value::Piece(piece) => self.piece(piece).map(Some),
        }
    }

    fn piece(&self, piece: PieceRef) -> Attempt<Bytes> {
        let mut kept = self.kept.borrow_mut();
        if let Some((_, bytes)) = kept.iter().find(|(id, _)| *id == piece.id) {
            return Ok(bytes.clone());
        }
        let cache = &self.context.cache;
        let need = Need::Piece(piece.id);
        let bytes = cache.piece(piece.id).ok_or(need)?;
        if cache.is_too_large(bytes.len()) {
            kept.truncate(KEPT_PIECES - 1);
            kept.insert(0, (piece.id, bytes.clone()));
        }
        Ok(bytes)
    }

    fn has_piece(&self, id: Id) -> bool {
        let is_kept = self.kept.borrow().iter().any(|(kept, _)| *kept == id);
        is_kept || self.context.cache.has_piece(id)
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

/// The part of `range` that a scan has still to go through after `last`.
fn rest_of(range: &KeyRange, last: Option<&Bytes>, reverse: bool) -> KeyRange {
    match last {
        None => range.clone(),
        Some(key) if reverse => KeyRange {
            from: range.from.clone(),
            until: key.clone(),
        },
        Some(key) => KeyRange {
            from: after(key),
            until: range.until.clone(),
        },
    }
}

/// The cursor's scan, if it is one of this very view, else a new one from where it stands. `ahead`: it may load what
/// lies ahead, being about to read all of it.
fn take_state(cursor: &mut Cursor, view: &Rc<View>, ahead: bool) -> Box<Scanning> {
    if let Some(state) = cursor.state.take()
        && let Ok(scanning) = state.downcast::<Scanning>()
        && Rc::ptr_eq(&scanning.view, view)
    {
        return scanning;
    }
    let rest = rest_of(&cursor.range, cursor.last.as_ref(), cursor.reverse);
    let mut scan = Scan::of_view(view, &rest, cursor.reverse);
    if ahead && cursor.reads_ahead {
        scan.read_ahead();
    }
    Box::new(Scanning {
        scan,
        view: view.clone(),
    })
}

impl Reads for Snapshot {
    fn op_log(&self) -> Option<OpLog> {
        self.context.op_log.borrow().clone()
    }

    fn catalog(&self) -> Rc<Catalog> {
        self.view.catalog.clone()
    }

    fn next_stamp(&self) -> Stamp {
        self.context.next_stamp.get()
    }

    fn is_fresh(&self) -> bool {
        self.fresh
    }

    fn landed(&self, place: Order) -> Landed {
        self.context.landings.borrow().find(place)
    }

    fn get_stored(&mut self, key: &[u8]) -> Attempt<Option<Bytes>> {
        match self.view.get(&self.context.cache, key)? {
            None => Ok(None),
            Some(cell) => self.value_of(cell),
        }
    }

    fn get(&mut self, key: &[u8]) -> Attempt<Option<Bytes>> {
        match self.live(key)? {
            None => Ok(None),
            Some(cell) => self.value_of(cell),
        }
    }

    fn want(&mut self, keys: &[Bytes]) -> Attempt<()> {
        let cache = &self.context.cache;
        let mut lacks: Option<Box<Needs>> = None;
        for key in keys {
            match (self.view.get(cache, key), &mut lacks) {
                (Err(Stop::Need(needs)), None) => lacks = Some(needs),
                (Err(Stop::Need(needs)), Some(lacks)) => {
                    if !lacks.add_all(&needs) {
                        break;
                    }
                }
                (Err(stop), _) => return Err(stop),
                (Ok(_), _) => {}
            }
        }
        lacks.map_or(Ok(()), |lacks| Err(Stop::Need(lacks)))
    }

    fn want_values(&mut self, keys: &[Bytes], is_asked: &mut bool) -> Attempt<()> {
        self.want(keys)?;
        let mut lacks: Option<Needs> = None;
        for key in keys {
            let cell = self.live(key)?;
            let Some(piece) = cell.as_ref().and_then(Cell::cited_piece) else {
                continue;
            };
            let need = Need::Piece(piece.id);
            if self.has_piece(piece.id) {
                continue;
            }
            match &mut lacks {
                Some(lacks) => drop(lacks.add(need, piece.len)),
                None => lacks = Some(Needs::new(need, u64::MAX)),
            }
        }
        *is_asked = true;
        lacks.map_or(Ok(()), |lacks| Err(Stop::Need(Box::new(lacks))))
    }

    fn until(&mut self, key: &[u8]) -> Attempt<Option<u64>> {
        let cell = self.live(key)?.filter(|cell| !cell.is_tombstone());
        Ok(cell.map(|cell| expiry_of(cell.marks.as_slice())))
    }

    fn scan(&mut self, cursor: &mut Cursor, values: bool, take: &mut Take<'_>) -> Attempt<bool> {
        let mut scanning = take_state(cursor, &self.view, true);
        let cache = self.context.cache.clone();
        let mut last = None;
        let mut weight = 0;
        let mut breath = Ok(());
        let mut each = |key: &[u8], cell: CellRef<'_>| {
            let piece;
            let mut of = None;
            let value = match cell.value {
                ValueRef::Tombstone => return Ok(true),
                _ if self.now.is_past(&self.context, cell.marks) => return Ok(true),
                _ if !values => cell.marks,
                ValueRef::Inline(value) => value,
                ValueRef::Piece(place) => {
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
        let mut scanning = take_state(cursor, &self.view, false);
        let found = scanning
            .scan
            .measure(&self.context, &cursor.range, &self.now, &mut |_, _| {});
        cursor.state = Some(scanning);
        Ok(found?.map(|(last, measure)| {
            cursor.last = Some(last);
            measure
        }))
    }

    fn estimate(&mut self, range: &KeyRange) -> u64 {
        estimate::records_in(&self.view, &self.context.cache, range)
    }

    fn breathe(&mut self) -> Attempt<()> {
        if self.breaths.is_multiple_of(BREATHS) {
            let now = self.context.env.monotonic_ms();
            let deadline = *self.deadline_ms.get_or_insert(now + SLICE_MS);
            if now > deadline {
                return Err(Stop::Yield);
            }
        }
        self.breaths = self.breaths.wrapping_add(1);
        Ok(())
    }
}
