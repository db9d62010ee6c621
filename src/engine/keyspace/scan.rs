//! A merging scan: many sorted sources, of which the newest wins per key.

use bytes::Bytes;
use std::rc::Rc;

use super::access::{Attempt, KeyRange, Measure, Needs, Stop};
use super::cache::Cache;
use super::context::Context;
use super::entries::Listing;
use super::memtable::Memtable;
use super::now::Now;
use super::segments::TakeCell;
use super::source::Source;
use super::view::{Layer, View};
use crate::codec::cell::Cell;

/// A merging scan over sources, the newest first.
pub struct Scan {
    sources: Vec<Source>,
    keys: Vec<Front>,
    reverse: bool,
    /// Memtables with ranges, and how many sources are newer than or the same as they.
    masks: Vec<(usize, Rc<Memtable>)>,
}

/// The cell that a scan has come to.
struct Stand {
    key: Bytes,
    cell: Cell,
    /// Whether a newer memtable's range hides it.
    hidden: bool,
    /// The older cells of the key, and whose they are.
    same: Vec<(usize, Cell)>,
}

/// Gets the key and the cell of what newer cells hide.
pub type Shadowed<'a> = dyn FnMut(&Bytes, &Cell) + 'a;

enum Front {
    Unknown,
    End,
    At(Bytes),
}

impl Scan {
    /// A scan over `sources`, the newest first.
    #[must_use]
    pub fn new(sources: Vec<Source>, reverse: bool) -> Self {
        let keys = sources.iter().map(|_| Front::Unknown).collect();
        let masks = sources
            .iter()
            .enumerate()
            .filter_map(|(at, source)| match source {
                Source::Memory(memory) if !memory.table.ranges().is_empty() => {
                    Some((at, memory.table.clone()))
                }
                _ => None,
            })
            .collect();
        Self {
            sources,
            keys,
            reverse,
            masks,
        }
    }

    /// A scan of what a view shows within `range`.
    #[must_use]
    pub fn of_view(view: &View, range: &KeyRange, reverse: bool) -> Self {
        let mut sources = Vec::new();
        let memory = |table: &Rc<Memtable>| Source::memory(table.clone(), range.clone());
        let run = |entries| Source::segments(Listing::Run(entries), range.clone(), reverse);
        sources.extend(
            view.own
                .iter()
                .rev()
                .filter(|table| !table.is_empty())
                .map(memory),
        );
        for layer in &view.layers {
            match layer {
                Layer::Memory(table) if table.is_empty() => {}
                Layer::Memory(table) => sources.push(memory(table)),
                Layer::Run(entries) => sources.push(run(entries.clone())),
            }
        }
        sources.extend(view.runs.iter().cloned().map(run));
        for level in 0..view.root.levels.len() {
            let listing = Listing::Level(view.root.clone(), level);
            sources.push(Source::segments(listing, range.clone(), reverse));
        }
        let mut scan = Self::new(sources, reverse);
        scan.masks
            .retain(|(_, table)| table.ranges().meets(&range.from, &range.until));
        scan
    }

    /// From now on, what lies ahead is loaded along with what is needed.
    pub fn read_ahead(&mut self) {
        for source in &mut self.sources {
            if let Source::Segments(source) = source {
                source.read_ahead();
            }
        }
    }

    /// Makes every head known, and tells which source stands first. What several lack for that is asked for at once.
    fn first(&mut self, cache: &Cache) -> Attempt<Option<usize>> {
        let mut lacks: Option<Needs> = None;
        let mut best: Option<(usize, &Bytes)> = None;
        for (at, (head, source)) in self.keys.iter_mut().zip(&mut self.sources).enumerate() {
            if matches!(head, Front::Unknown) {
                match (source.key(cache, self.reverse), &mut lacks) {
                    (Ok(key), _) => *head = key.map_or(Front::End, Front::At),
                    (Err(Stop::Need(needs)), Some(lacks)) => drop(lacks.add_all(&needs)),
                    (Err(Stop::Need(needs)), none) => {
                        // (Mostly pages of the directory, which are small.)
                        let mut first = Needs::new(needs.first(), cache.ahead_bytes());
                        first.add_all(&needs);
                        *none = Some(first);
                    }
                    (Err(stop), _) => return Err(stop),
                }
            }
            let Front::At(key) = head else { continue };
            let before = best.is_none_or(|(_, other)| {
                if self.reverse {
                    *key > *other
                } else {
                    *key < *other
                }
            });
            if before {
                best = Some((at, key));
            }
        }
        match lacks {
            Some(lacks) => Err(Stop::Need(Box::new(lacks))),
            None => Ok(best.map(|(at, _)| at)),
        }
    }

    /// The next key that any source has, with the newest cell for it: a tombstone too, unless
    /// the key is hidden by a newer memtable's range. `shadowed` gets each older cell of the key.
    ///
    /// # Errors
    /// [`Stop`](super::access::Stop); the scan stays where it was.
    pub fn next_cell(
        &mut self,
        cache: &Cache,
        shadowed: &mut Shadowed<'_>,
    ) -> Attempt<Option<(Bytes, Cell)>> {
        loop {
            let Some(at) = self.first(cache)? else {
                return Ok(None);
            };
            let Some(stand) = self.stand(at, cache)? else {
                continue;
            };
            self.step(at);
            for (at, cell) in stand.same {
                shadowed(&stand.key, &cell);
                self.step(at);
            }
            if stand.hidden {
                shadowed(&stand.key, &stand.cell);
                continue;
            }
            return Ok(Some((stand.key, stand.cell)));
        }
    }

    /// Looks at the cell of the source that stands first, and at the older ones of the same key: all are
    /// loaded before any source steps, so that a stop changes nothing.
    fn stand(&mut self, at: usize, cache: &Cache) -> Attempt<Option<Stand>> {
        let reverse = self.reverse;
        let Some(source) = self.sources.get_mut(at) else {
            return Ok(None);
        };
        let Some((key, cell)) = source.cell(cache, reverse)? else {
            self.set_head(at, Front::End);
            return Ok(None);
        };
        let hides =
            |(newer, table): &(usize, Rc<Memtable>)| *newer < at && table.ranges().contains(&key);
        let hidden = self.masks.iter().any(hides);
        let mut same = Vec::new();
        let sources = self.keys.iter().zip(&mut self.sources).enumerate();
        for (older, (head, source)) in sources.skip(at + 1) {
            if matches!(head, Front::At(other) if *other == key)
                && let Some((_, cell)) = source.cell(cache, reverse)?
            {
                same.push((older, cell));
            }
        }
        Ok(Some(Stand {
            key,
            cell,
            hidden,
            same,
        }))
    }

    /// Hands what comes next to `take`: one cell, or many, as long as that wants more and they come from one
    /// source without another between them (then they cost no more than they do by themselves). Whether it
    /// wanted more; `None` at the end. `walked` becomes the last key taken.
    ///
    /// # Errors
    /// [`Stop`](super::access::Stop), also of `take`, which has not taken the cell then.
    pub fn walk(
        &mut self,
        cache: &Cache,
        walked: &mut Option<Bytes>,
        take: &mut TakeCell<'_>,
    ) -> Attempt<Option<bool>> {
        let Some(at) = self.first(cache)? else {
            return Ok(None);
        };
        let limit = self.others(at).min().cloned();
        let alone = !matches!((&limit, self.keys.get(at)), (Some(limit), Some(Front::At(key))) if key == limit);
        if alone && !self.reverse && !self.masks.iter().any(|(newer, _)| *newer < at) {
            let source = self.source_mut(at);
            return source
                .map(|source| source.walk(cache, limit.as_ref(), walked, take))
                .transpose();
        }
        let Some(stand) = self.stand(at, cache)? else {
            return Ok(Some(true));
        };
        let more = stand.hidden || take(&stand.key, (&stand.cell).into())?;
        *walked = Some(stand.key);
        self.step(at);
        stand.same.iter().for_each(|(at, _)| self.step(*at));
        Ok(Some(more))
    }

    /// The keys at which the other sources stand.
    fn others(&self, at: usize) -> impl Iterator<Item = &Bytes> {
        let heads = self.keys.iter().enumerate();
        heads.filter_map(move |(other, head)| match head {
            Front::At(key) if other != at => Some(key),
            _ => None,
        })
    }

    fn step(&mut self, at: usize) {
        if let Some(source) = self.sources.get_mut(at) {
            source.step(self.reverse);
        }
        self.set_head(at, Front::Unknown);
    }

    fn set_head(&mut self, at: usize, head: Front) {
        if let Some(place) = self.keys.get_mut(at) {
            *place = head;
        }
    }

    /// If the source that stands first stands at the start of a segment that ends before any
    /// other source goes on: the index of that source.
    ///
    /// # Errors
    /// [`Stop`](super::access::Stop).
    pub fn undisputed(&mut self, cache: &Cache) -> Attempt<Option<usize>> {
        let Some(at) = self.first(cache)? else {
            return Ok(None);
        };
        let Some(Source::Segments(source)) = self.sources.get_mut(at) else {
            return Ok(None);
        };
        if !source.at_entry_start() {
            return Ok(None);
        }
        let Some(last) = source.entry(cache)?.map(|entry| entry.last.clone()) else {
            return Ok(None);
        };
        let free = self.others(at).all(|key| *key > last);
        Ok(free.then_some(at))
    }

    /// How much the next stretch within `range` holds, and its last key: a segment that nothing
    /// else overlaps, and of which nothing has expired by `now`, is not read, since the directory knows its counts;
    /// else it is one record. `shadowed`
    /// gets each cell that does not count.
    ///
    /// # Errors
    /// [`Stop`](super::access::Stop); the scan stays where it was.
    pub fn measure(
        &mut self,
        context: &Context,
        range: &KeyRange,
        now: &Now,
        shadowed: &mut Shadowed<'_>,
    ) -> Attempt<Option<(Bytes, Measure)>> {
        let cache = &context.cache;
        if !self.is_masked()
            && let Some(at) = self.undisputed(cache)?
            && let Some(Source::Segments(source)) = self.source_mut(at)
            && let Some(entry) = source.entry(cache)?
            && range.from <= entry.first
            && entry.last < range.until
            && !now.takes_from(context, entry)
        {
            let measure = Measure {
                records: entry.records,
                bytes: entry.bytes,
            };
            let last = entry.last.clone();
            source.skip_entry();
            return Ok(Some((last, measure)));
        }
        let found = self.next_cell(cache, shadowed)?;
        Ok(found.map(|(key, cell)| {
            let mut measure = Measure::default();
            if now.is_past(context, cell.marks.as_slice()) {
                shadowed(&key, &cell);
            } else if !cell.is_tombstone() {
                measure.records = 1;
                measure.bytes = key.len() as u64 + cell.len();
            }
            (key, measure)
        }))
    }

    /// A source, to look at or to move by whole segments; its head is looked up anew.
    pub fn source_mut(&mut self, at: usize) -> Option<&mut Source> {
        self.set_head(at, Front::Unknown);
        self.sources.get_mut(at)
    }

    /// Whether any source is a memtable that hides ranges of those below it.
    #[must_use]
    pub fn is_masked(&self) -> bool {
        !self.masks.is_empty()
    }

    /// All sources.
    pub fn sources_mut(&mut self) -> impl Iterator<Item = &mut Source> {
        self.sources.iter_mut()
    }
}
