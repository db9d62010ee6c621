//! Finding documents.

use bytes::Bytes;
use std::rc::Rc;

use super::after::{After, FIRST, Mark};
use super::feed::{Feed, Gather, Next, of_entry};
use super::index::Layout;
use super::places::Places;
use super::plan::Among;
use super::sort::{By, Keep, Part, Sorter};
use super::spec::{FindSpec, Out};
use super::window::Window;
use super::{Collection, ahead};
use crate::codec::order::{ORDER_BYTES, Order};
use crate::codec::value::{Form, Value};
use crate::engine::access::{Attempt, Cursor, Reads};
use crate::error::{Error, Result};
use crate::limits;
use crate::models::pace::Pace;
use crate::models::query::Query;

mod start;

/// Bytes of a page that is sorted: all of the collection is gone through for each.
const SORTED_PAGE_BYTES: usize = 8 << 20;
/// Who wants no more documents than this is unlikely to read all of a collection.
const FEW: u64 = 64;
/// Documents that are fetched together.
const BATCH: u64 = if cfg!(test) { 5 } else { 64 };
/// Bytes of a document, each time that it is gone through, that are looked at in one piece.
pub(super) const PIECE_BYTES: usize = 4 << 20;
/// How often to breathe to have the clock looked at.
const DEEP_BREATH: u32 = 4;

/// A query under way. In insertion order unless sorted.
pub struct Find {
    collection: Collection,
    query: Query,
    spec: FindSpec,
    among: Option<Among>,
    by: Option<Rc<By>>,
    sorter: Option<Sorter>,
    source: Source,
    runs: Runs,
    ahead: Ahead,
    large: Option<Large>,
    window: Window,
    pace: Pace,
}

/// A document so large that it is looked at leaf by leaf of the query, then field by field.
struct Large {
    place: Order,
    doc: Bytes,
    /// Which leaves of the query hold, so far.
    leaves: Vec<bool>,
    key: Vec<Part>,
}

enum Source {
    /// It is not known yet where to begin; behind this place, if it is known.
    Start(Option<Order>),
    /// The places among which to look have yet to be gathered.
    Gather(Gather),
    Feed(Feed),
    /// All documents in a range; if some, those at these places.
    Scan(Cursor, Option<Sieve>),
    Done,
}

/// Those of the documents of a scan at which to look.
struct Sieve {
    places: Places,
    next: Option<Order>,
}

/// What is next to be looked at.
#[derive(Default)]
struct Ahead {
    next: Vec<Next>,
    /// The keys of these documents.
    keys: Vec<Bytes>,
    at: usize,
    is_end: bool,
}

/// How entries that come in order are dealt with.
#[derive(Default)]
struct Runs {
    /// Those that agree have to be sorted.
    are_sorted: bool,
    /// What those that are being sorted agree in.
    current: Bytes,
    /// Those that were being sorted are all there.
    is_draining: bool,
    /// Behind what they are wanted.
    behind: Option<(Vec<Value>, Order)>,
    /// How to make of an entry what is wanted of its document, where it need not be looked at: the components.
    covered: Option<(Layout, Vec<usize>)>,
}

impl Find {
    /// Begins a query.
    #[must_use]
    pub fn new(collection: &Collection, query: Query, spec: FindSpec) -> Self {
        let window = Window::new(&spec);
        let is_sorted = !spec.sort.is_empty();
        Self {
            collection: collection.clone(),
            query,
            among: None,
            by: is_sorted.then(|| Rc::new(By::new(&spec.sort))),
            sorter: None,
            source: if window.is_open() {
                Source::Start(None)
            } else {
                Source::Done
            },
            runs: Runs::default(),
            ahead: Ahead::default(),
            large: None,
            window,
            pace: Pace::default(),
            spec,
        }
    }

    /// The same where only those are looked at that have one of some values at a path, as far as an index tells.
    pub(super) fn among(
        collection: &Collection,
        query: Query,
        spec: FindSpec,
        among: Option<Among>,
    ) -> Self {
        Self {
            among,
            ..Self::new(collection, query, spec)
        }
    }

    /// Where it ended: behind the last document that was handed out. `None` where there was none.
    #[must_use]
    pub fn mark(&self) -> Option<Mark> {
        let window = &self.window;
        Some(Mark {
            place: window.last?,
            floor: window.floor,
            values: window.key.iter().map(|part| part.value.clone()).collect(),
        })
    }

    /// The places of all documents that were handed out, if they are wanted and not more than 16 384.
    #[must_use]
    pub fn places(&self) -> Option<&[Order]> {
        self.window.places.as_deref()
    }

    /// Hands every stored document that is found to `out`. Runs until it does not stop.
    ///
    /// # Errors
    /// A stop; nothing is lost by it, and nothing handed out twice. What `out` fails with.
    pub fn step(&mut self, r: &mut dyn Reads, out: &mut Out<'_>) -> Attempt<()> {
        self.start(r)?;
        loop {
            if self.large.is_some() && !self.look_at_large(r, out)? {
                break;
            }
            match &self.source {
                Source::Scan(..) => self.scan(r, out)?,
                Source::Feed(_) => self.fetch(r, out)?,
                _ => {}
            }
            if self.large.is_none() {
                break;
            }
        }
        self.source = Source::Done;
        if self.window.is_open() {
            self.drain(r, out)?;
        }
        self.note_key(r)
    }

    /// Hands out what has been sorted; whether more are wanted.
    fn drain(&mut self, r: &mut dyn Reads, out: &mut Out<'_>) -> Attempt<bool> {
        let Some(sorter) = &mut self.sorter else {
            return Ok(true);
        };
        while !sorter.prepare() {
            r.breathe()?;
        }
        while self.window.is_open()
            && let Some(item) = sorter.pop()
        {
            self.window.hand_out(item.place, &item.doc, out)?;
            self.window.key = item.key;
            self.window.has_key = true;
            self.pace.step(r)?;
        }
        self.sorter = None;
        Ok(self.window.is_open())
    }

    /// Notes the sort values of the last document, unless they are known.
    fn note_key(&mut self, r: &mut dyn Reads) -> Attempt<()> {
        let (Some(by), Some(last)) = (&self.by, self.window.last) else {
            return Ok(());
        };
        if self.window.has_key {
            return Ok(());
        }
        let doc = r.get(&self.collection.doc_key(last))?;
        let doc = of_entry(doc)?;
        let mut key = Vec::with_capacity(by.len());
        for at in 0..by.len() {
            key.extend(by.part(at, Form::of(&doc)?)?);
        }
        self.window.key = key;
        self.window.has_key = true;
        Ok(())
    }

    /// Goes through the collection up to its end, to the last one that is wanted, or to a large document.
    fn scan(&mut self, r: &mut dyn Reads, out: &mut Out<'_>) -> Attempt<()> {
        let Source::Scan(cursor, sieve) = &mut self.source else {
            return Ok(());
        };
        let (query, window, sorter) = (&self.query, &mut self.window, &mut self.sorter);
        let large = &mut self.large;
        let passes = query.len() + sorter.as_ref().map_or(0, |sorter| sorter.by().len());
        r.scan(cursor, true, &mut |key, doc| {
            if let Some(sieve) = sieve {
                match sieve.lets_through(place_of(key)?) {
                    Some(true) => {}
                    Some(false) => return Ok(true),
                    None => return Ok(false),
                }
            }
            if doc.len().saturating_mul(passes) > PIECE_BYTES {
                *large = Some(Large::new(place_of(key)?, doc)?);
                return Ok(false);
            }
            if !query.matches(doc)? {
                return Ok(true);
            }
            let place = place_of(key)?;
            match sorter {
                Some(sorter) => sorter.add(place, doc).map(|()| true),
                None => window.hand_out(place, doc, out),
            }
        })?;
        Ok(())
    }

    /// Looks at the documents whose places come up to their end, to the last one that is wanted, or to a large document.
    fn fetch(&mut self, r: &mut dyn Reads, out: &mut Out<'_>) -> Attempt<()> {
        loop {
            if self.runs.is_draining {
                if !self.drain(r, out)? {
                    return Ok(());
                }
                self.runs.is_draining = false;
            }
            if self.ahead.at >= self.ahead.next.len() {
                if self.ahead.is_end {
                    return Ok(());
                }
                self.look_ahead(r)?;
                continue;
            }
            let Some(next) = self.ahead.next.get(self.ahead.at) else {
                return Ok(());
            };
            let place = next.place;
            if let (Some(entry), Some(by)) = (&next.entry, &self.by) {
                let is_sorted = self.runs.are_sorted || entry.is_cut;
                if self.sorter.is_some() && !(is_sorted && self.runs.current == entry.run) {
                    self.runs.is_draining = true;
                    continue;
                }
                if is_sorted && self.sorter.is_none() {
                    let keep = match self.window.most() {
                        u64::MAX => Keep::All,
                        most => Keep::First(most),
                    };
                    let mut sorter = Sorter::new(by.clone(), keep);
                    if let Some((values, place)) = &self.runs.behind {
                        sorter.go_on_behind(values, *place);
                    }
                    self.sorter = Some(sorter);
                    self.runs.current = entry.run.clone();
                }
            }
            if let (Some((layout, wanted)), None, Some(entry)) =
                (&self.runs.covered, &self.sorter, &next.entry)
                && let Some(part) = layout.restore(&entry.key, &entry.value, wanted)?
            {
                self.ahead.at += 1;
                if !self.window.hand_out_part(place, &part, out)? {
                    return Ok(());
                }
                self.pace.step(r)?;
                continue;
            }
            let doc = of_entry(ahead::get(r, &self.ahead.keys, self.ahead.at)?)?;
            self.ahead.at += 1;
            let sorter = self.sorter.as_ref();
            let passes = self.query.len() + sorter.map_or(0, |sorter| sorter.by().len());
            if doc.len().saturating_mul(passes) > PIECE_BYTES {
                self.large = Some(Large::of(place, doc));
                return Ok(());
            }
            if self.query.matches(&doc)? {
                match &mut self.sorter {
                    Some(sorter) => sorter.add(place, &doc)?,
                    None if !self.window.hand_out(place, &doc, out)? => return Ok(()),
                    None => {}
                }
            }
            self.pace.step(r)?;
        }
    }

    /// Sees which documents are to be looked at next.
    fn look_ahead(&mut self, r: &mut dyn Reads) -> Attempt<()> {
        let Source::Feed(feed) = &mut self.source else {
            return Ok(());
        };
        let ahead = &mut self.ahead;
        // (Until the last one is looked at nothing changes here.)
        if ahead.at > 0 {
            *ahead = Ahead::default();
        }
        let most = self.window.most();
        let batch = if self.sorter.is_some() || self.runs.are_sorted {
            BATCH
        } else {
            most.clamp(1, BATCH)
        };
        while (ahead.keys.len() as u64) < batch {
            let Some(next) = feed.next(r)? else {
                ahead.is_end = true;
                return Ok(());
            };
            if self.window.behind.is_some_and(|at| next.place <= at) {
                continue;
            }
            let key = self.collection.doc_key(next.place);
            ahead.keys.push(key.into());
            ahead.next.push(next);
            self.pace.step(r)?;
        }
        Ok(())
    }

    /// Looks at the large document, and hands it out or to be sorted if it matches; whether more are wanted.
    fn look_at_large(&mut self, r: &mut dyn Reads, out: &mut Out<'_>) -> Attempt<bool> {
        let Some(large) = &mut self.large else {
            return Ok(true);
        };
        let form = Form::of(&large.doc)?;
        while large.leaves.len() < self.query.len() {
            let holds = self.query.holds(large.leaves.len(), form)?;
            large.leaves.push(holds);
            breathe_deep(r)?;
        }
        if !self.query.decide(&large.leaves) {
            self.large = None;
            return Ok(true);
        }
        if let Some(sorter) = &self.sorter {
            while let Some(part) = sorter.by().part(large.key.len(), form)? {
                large.key.push(part);
                breathe_deep(r)?;
            }
        }
        let Some(Large {
            place, doc, key, ..
        }) = self.large.take()
        else {
            return Ok(true);
        };
        Ok(match &mut self.sorter {
            Some(sorter) => sorter.add_with(key, place, &doc).map(|()| true)?,
            None => self.window.hand_out(place, &doc, out)?,
        })
    }
}

/// The place at the end of a document's key.
fn place_of(key: &[u8]) -> Result<Order> {
    let place = key.last_chunk::<ORDER_BYTES>();
    place
        .and_then(|place| Order::from_bytes(place))
        .ok_or_else(|| Error::corrupt("the key of a document has no place"))
}

impl Large {
    /// # Errors
    /// `LimitExceeded` where there is no memory for a copy.
    fn new(place: Order, doc: &[u8]) -> Result<Self> {
        limits::room_for(doc.len())?;
        Ok(Self::of(place, Bytes::copy_from_slice(doc)))
    }

    fn of(place: Order, doc: Bytes) -> Self {
        Self {
            place,
            doc,
            leaves: Vec::new(),
            key: Vec::new(),
        }
    }
}

/// To be called where an item is worth a slice of time.
pub(super) fn breathe_deep<R: Reads + ?Sized>(r: &mut R) -> Attempt<()> {
    (0..DEEP_BREATH).try_for_each(|_| r.breathe())
}

impl Sieve {
    /// Whether a document is one at which to look; `None`: neither is one behind it.
    fn lets_through(&mut self, place: Order) -> Option<bool> {
        while self.next? < place {
            self.next = self.places.next();
        }
        Some(self.next? == place)
    }
}
