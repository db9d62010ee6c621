//! Entries of an index in the order in which their documents are wanted.
//!
//! Entries sort by their components, then by place. From the last one on, those that agree in all that is sorted by would
//! come in the wrong order: they are kept until all of them are there, and turned; of many, those are gone
//! through forwards, before it goes on below them.

use bytes::Bytes;

use super::index::{self, Layout};
use super::planner::Scan;
use crate::codec::order::Order as Place;
use crate::codec::range::after;
use crate::codec::sort_key::MAX_BYTES;
use crate::codec::tuple::after_prefix;
use crate::engine::access::{Attempt, Cursor, KeyRange, Reads};
use crate::error::Result;

/// So many entries that agree are turned; more are gone through once more.
const TURNED: usize = if cfg!(test) { 3 } else { 1024 };

/// An entry.
#[derive(Debug, Clone)]
pub(super) struct Step {
    /// Of its document.
    pub place: Place,
    /// What is sorted by: of those of which it is the same, more has to be known where `is_cut`.
    pub run: Bytes,
    /// Whether a component that is sorted by is cut.
    pub is_cut: bool,
    /// Its key.
    pub key: Bytes,
    /// Its value.
    pub value: Bytes,
    /// Bytes of the key up to the last component that is sorted by.
    within: usize,
}

/// Where to go on.
pub(super) struct Behind<'a> {
    /// The keys of what is sorted by, of the last document, and whether they are cut.
    pub keys: &'a [(Vec<u8>, bool)],
    /// Its place.
    pub place: Place,
    /// The component, where a query fixes it.
    pub fixed: &'a dyn Fn(usize) -> Option<Vec<u8>>,
}

/// A scan under way.
pub(super) struct Walk {
    layout: Layout,
    /// The components that are sorted by, ascending.
    sorted: Vec<usize>,
    /// Whether those that agree are turned.
    turns: bool,
    is_descending: bool,
    is_merged: bool,
    ranges: Vec<Way>,
    last: Option<Place>,
}

/// One range of it.
struct Way {
    forward: Option<Cursor>,
    back: Option<Cursor>,
    /// Entries that agree, from the last one on.
    gathered: Vec<Step>,
    /// The next that does not agree with them.
    pending: Option<Step>,
    /// All that agree, to be taken from the end.
    turned: Vec<Step>,
    /// The one that is next, where several ranges are merged.
    head: Option<Step>,
}

impl Walk {
    /// Begins a scan whose entries are sorted by these components; `turns`: those that agree have to come by their places.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn new(
        layout: &Layout,
        scan: &Scan,
        sorted: Vec<usize>,
        turns: bool,
        is_merged: bool,
        behind: Option<&Behind<'_>>,
    ) -> Result<Self> {
        let mut walk = Self {
            layout: layout.clone(),
            sorted,
            turns,
            is_descending: scan.is_descending,
            is_merged,
            ranges: Vec::with_capacity(scan.ranges.len()),
            last: None,
        };
        for range in &scan.ranges {
            let way = match behind {
                Some(behind) => walk.behind(range, behind)?,
                None => walk.way(range.clone()),
            };
            walk.ranges.push(way);
        }
        // (They are taken from the end.)
        if !walk.is_descending {
            walk.ranges.reverse();
        }
        Ok(walk)
    }

    /// Whether what lies ahead is loaded along.
    pub fn read_ahead(&mut self, reads_ahead: bool) {
        let cursors = self.ranges.iter_mut();
        let cursors = cursors.flat_map(|way| way.forward.iter_mut().chain(&mut way.back));
        cursors.for_each(|cursor| cursor.reads_ahead = reads_ahead);
    }

    fn way(&self, range: KeyRange) -> Way {
        let cursor = Some(Cursor::new(range, self.is_descending));
        let (forward, back) = if self.is_descending {
            (None, cursor)
        } else {
            (cursor, None)
        };
        Way {
            forward,
            back,
            gathered: Vec::new(),
            pending: None,
            turned: Vec::new(),
            head: None,
        }
    }

    /// The same of what lies behind a document.
    fn behind(&self, range: &KeyRange, behind: &Behind<'_>) -> Result<Way> {
        let mut key = self.layout.prefix().to_vec();
        let mut keys = behind.keys.iter();
        // What the range has of components that are listed.
        let mut listed = range.from.get(key.len()..).unwrap_or_default();
        let mut run = key.len();
        let mut is_whole = true;
        for at in 0..self.layout.paths().len() {
            let known = match self.layout.first(listed) {
                Ok((_, rest)) => listed.get(..listed.len() - rest.len()),
                Err(_) => None,
            };
            listed = listed
                .get(known.map_or(0, <[u8]>::len)..)
                .unwrap_or_default();
            if self.sorted.contains(&at) {
                let Some((of_mark, is_cut)) = keys.next() else {
                    break;
                };
                let cut = of_mark.get(..MAX_BYTES).filter(|_| *is_cut);
                key.extend_from_slice(cut.unwrap_or(of_mark));
                run = key.len();
                is_whole = !is_cut;
                if *is_cut {
                    break;
                }
                continue;
            }
            match (behind.fixed)(at).filter(|_| !self.layout.is_multi()) {
                Some(fixed) => key.extend(fixed),
                None => match known {
                    Some(known) => key.extend_from_slice(known),
                    None => {
                        is_whole = false;
                        break;
                    }
                },
            }
            if self.sorted.last().is_some_and(|last| at <= *last) {
                run = key.len();
            }
        }
        is_whole &= self.turns;
        let run = key.get(..run).unwrap_or(&key).to_vec();
        if is_whole {
            key.extend(behind.place.to_bytes());
            key = after(&key).to_vec();
        } else {
            key.clone_from(&run);
        }
        let clipped = |from: &[u8], until: &[u8]| KeyRange {
            from: Bytes::copy_from_slice((&range.from[..]).max(from)),
            until: Bytes::copy_from_slice((&range.until[..]).min(until)),
        };
        let end = after_prefix(&run);
        if !self.is_descending {
            return Ok(self.way(clipped(&key, &range.until)));
        }
        if !is_whole {
            return Ok(self.way(clipped(&range.from, &end)));
        }
        let mut way = self.way(clipped(&range.from, &run));
        way.forward = Some(Cursor::new(clipped(&key, &end), false));
        Ok(way)
    }

    /// The next entry; of a document that has several in a row, the first.
    ///
    /// # Errors
    /// A stop; nothing is lost by it.
    pub fn next(&mut self, r: &mut dyn Reads) -> Attempt<Option<Step>> {
        loop {
            let next = if self.is_merged {
                self.merged(r)?
            } else {
                self.in_turn(r)?
            };
            let Some(step) = next else { return Ok(None) };
            if self.last.replace(step.place) != Some(step.place) {
                return Ok(Some(step));
            }
        }
    }

    fn in_turn(&mut self, r: &mut dyn Reads) -> Attempt<Option<Step>> {
        while let Some(way) = self.ranges.last_mut() {
            let found = way.next(&self.layout, &self.sorted, self.turns, r)?;
            if found.is_some() {
                return Ok(found);
            }
            self.ranges.pop();
        }
        Ok(None)
    }

    fn merged(&mut self, r: &mut dyn Reads) -> Attempt<Option<Step>> {
        let mut first: Option<usize> = None;
        let mut at = 0;
        while let Some(way) = self.ranges.get_mut(at) {
            if way.head.is_none() {
                way.head = way.next(&self.layout, &self.sorted, self.turns, r)?;
            }
            if way.head.is_none() {
                self.ranges.swap_remove(at);
                continue;
            }
            let head = |at: usize| self.ranges.get(at).and_then(|way| way.head.as_ref());
            let comes_first = match (first.and_then(head), head(at)) {
                (Some(known), Some(new)) => {
                    let order = new.run.cmp(&known.run);
                    let order = if self.is_descending {
                        order.reverse()
                    } else {
                        order
                    };
                    order.then(new.place.cmp(&known.place)).is_lt()
                }
                _ => true,
            };
            if comes_first {
                first = Some(at);
            }
            at += 1;
        }
        let first = first.and_then(|at| self.ranges.get_mut(at));
        Ok(first.and_then(|way| way.head.take()))
    }
}

impl Way {
    fn next(
        &mut self,
        layout: &Layout,
        sorted: &[usize],
        turns: bool,
        r: &mut dyn Reads,
    ) -> Attempt<Option<Step>> {
        loop {
            // planted: ties-reversed
            if let Some(step) = self.turned.pop() {
                return Ok(Some(step));
            }
            if let Some(forward) = &mut self.forward {
                if let Some((key, value)) = r.next(forward)? {
                    return Ok(Some(step_of(layout, sorted, key, value)?));
                }
                self.forward = None;
            }
            let Some(back) = &mut self.back else {
                return Ok(None);
            };
            let found = match self.pending.take() {
                Some(step) => Some(step),
                None => match r.next(back)? {
                    Some((key, value)) => Some(step_of(layout, sorted, key, value)?),
                    None => None,
                },
            };
            let Some(step) = found else {
                self.back = None;
                self.turned = std::mem::take(&mut self.gathered);
                continue;
            };
            if !turns {
                return Ok(Some(step));
            }
            let agrees = |last: &Step| last.shared() == step.shared();
            if !self.gathered.last().is_none_or(agrees) {
                self.turned = std::mem::take(&mut self.gathered);
                self.pending = Some(step);
                continue;
            }
            self.gathered.push(step);
            if self.gathered.len() > TURNED
                && let Some(step) = self.gathered.pop()
            {
                let shared = Bytes::copy_from_slice(step.shared());
                let (from, until) = (back.range.from.clone(), back.range.until.clone());
                let end = after_prefix(&shared);
                self.gathered.clear();
                let forward = KeyRange {
                    from: from.clone().max(shared.clone()),
                    until: until.min(end),
                };
                self.forward = Some(Cursor::new(forward, false));
                let below = KeyRange {
                    from,
                    until: shared,
                };
                self.back = Some(Cursor::new(below, true));
            }
        }
    }
}

impl Step {
    /// What those have in common that agree in what is sorted by.
    fn shared(&self) -> &[u8] {
        self.key.get(..self.within).unwrap_or(&self.key)
    }
}

fn step_of(layout: &Layout, sorted: &[usize], key: Bytes, value: Bytes) -> Result<Step> {
    let place = index::place_of(&key)?;
    let mut rest = layout.components(&key)?;
    let mut run = Vec::new();
    let (mut within, mut is_cut) = (layout.prefix().len(), false);
    for at in 0..sorted.last().map_or(0, |last| last + 1) {
        let (component, behind) = layout.first(rest)?;
        let taken = rest.len() - behind.len();
        if sorted.contains(&at) {
            let cut = component.bytes.get(..MAX_BYTES);
            let cut = cut.filter(|_| component.is_cut);
            run.extend_from_slice(cut.unwrap_or(component.bytes));
            // planted: cut-as-equal
            if component.is_cut {
                within += cut.map_or(taken, <[u8]>::len);
                is_cut = true;
                break;
            }
        }
        within += taken;
        rest = behind;
    }
    Ok(Step {
        place,
        run: run.into(),
        is_cut,
        key,
        value,
        within,
    })
}
