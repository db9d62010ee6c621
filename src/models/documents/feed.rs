//! Where the documents come from among which a query looks: their places, in the order in which they are looked at.

use bytes::Bytes;

use super::index;
use super::places::Places;
use super::planner::{Plan, Scan};
use super::walk::{Step, Walk};
use super::{Collection, ahead};
use crate::codec::order::{ORDER_BYTES, Order as Place};
use crate::codec::tuple::after_prefix;
use crate::engine::access::{Attempt, Cursor, KeyRange, Reads};
use crate::error::{Error, Result};
use crate::models::pace::Pace;

/// A document to look at.
pub(super) struct Next {
    /// Where it lies.
    pub place: Place,
    /// What is known of it from an index.
    pub entry: Option<Step>,
}

impl Next {
    const fn at(place: Place) -> Self {
        Self { place, entry: None }
    }
}

/// Comes to the places one by one.
pub(super) enum Feed {
    /// As the entries of an index come.
    Walk(Walk),
    /// Ascending.
    Gathered(Places),
    /// Those that two scans by place have in common, ascending.
    Both(Both),
    /// As ids come.
    ById(ById),
}

impl Feed {
    /// The next; `None` after the last.
    ///
    /// # Errors
    /// A stop; nothing is lost by it.
    pub fn next(&mut self, r: &mut dyn Reads) -> Attempt<Option<Next>> {
        Ok(match self {
            Self::Walk(walk) => walk.next(r)?.map(|step| Next {
                place: step.place,
                entry: Some(step),
            }),
            Self::Gathered(places) => places.next().map(Next::at),
            Self::Both(both) => both.next(r)?.map(Next::at),
            Self::ById(by_id) => by_id.next(r)?.map(Next::at),
        })
    }
}

/// Gathers the places to which plans come.
#[derive(Default)]
pub(super) struct Gather {
    scans: Vec<Cursor>,
    ids: Vec<Bytes>,
    /// How many of the ids are done.
    done: usize,
    places: Places,
    pace: Pace,
}

impl Gather {
    /// Adds what a plan comes to: one of ids or of an index, or several.
    pub fn add(&mut self, collection: &Collection, plan: &Plan) {
        match plan {
            Plan::Ids(ids) => {
                let keys = ids.iter().map(|id| collection.id_key(id.as_js()));
                self.ids.extend(keys);
            }
            Plan::Index(scan) => {
                // planted: multi-string-missed
                let ranges = scan.ranges.iter();
                self.scans
                    .extend(ranges.map(|range| Cursor::new(range.clone(), false)));
            }
            Plan::Union(plans) => plans.iter().for_each(|plan| self.add(collection, plan)),
            Plan::Nothing | Plan::ById { .. } | Plan::Both(..) | Plan::Scan => {}
        }
    }

    /// All of them. Runs until it does not stop.
    ///
    /// # Errors
    /// A stop; `LimitExceeded` where they are too many.
    pub fn step(&mut self, collection: &Collection, r: &mut dyn Reads) -> Attempt<Places> {
        while let Some(scan) = self.scans.last_mut() {
            let places = &mut self.places;
            r.scan(scan, false, &mut |key, _| {
                places.add(index::place_of(key)?)?;
                Ok(true)
            })?;
            self.scans.pop();
        }
        while self.done < self.ids.len() {
            let found = ahead::get(r, &self.ids, self.done)?;
            if let Some(place) = collection.order_of(found)? {
                self.places.add(place)?;
            }
            self.done += 1;
            self.pace.step(r)?;
        }
        Ok(std::mem::take(&mut self.places))
    }
}

/// Two scans by place.
pub(super) struct Both {
    scans: [Cursor; 2],
    /// The place that is looked for.
    wanted: Place,
    /// Whether the other scan has come to it.
    is_met: bool,
}

impl Both {
    /// What two scans, of one range each, have in common behind a place.
    pub fn new(a: &Scan, b: &Scan, behind: Option<Place>) -> Self {
        let cursor = |scan: &Scan| {
            let range = scan.ranges.first();
            let mut range = range.map_or_else(nothing, Clone::clone);
            if let Some(behind) = behind {
                let from = [&range.from[..], &behind.to_bytes(), &[0]].concat();
                range.from = from.into();
            }
            Cursor::new(range, false)
        };
        Self {
            scans: [cursor(a), cursor(b)],
            wanted: Place { frame: 0, slot: 0 },
            is_met: false,
        }
    }

    fn next(&mut self, r: &mut dyn Reads) -> Attempt<Option<Place>> {
        loop {
            let wanted = self.wanted;
            let mut found = None;
            let [scan, _] = &mut self.scans;
            r.scan(scan, false, &mut |key, _| {
                let place = index::place_of(key)?;
                found = Some(place).filter(|place| *place >= wanted);
                Ok(found.is_none())
            })?;
            let Some(place) = found else { return Ok(None) };
            let is_it = self.is_met && place == wanted;
            self.is_met = true;
            self.wanted = place;
            self.scans.reverse();
            if is_it {
                // (Both are behind it.)
                self.is_met = false;
                return Ok(Some(place));
            }
        }
    }
}

fn nothing() -> KeyRange {
    KeyRange {
        from: Bytes::new(),
        until: Bytes::new(),
    }
}

/// All documents by their ids.
pub(super) struct ById {
    cursor: Cursor,
    /// The id at which the last one lay, and its place: of that id, only what lies behind is wanted.
    behind: Option<(Bytes, Place)>,
}

impl ById {
    /// Those behind the one with an id, at a place.
    pub fn new(
        collection: &Collection,
        is_descending: bool,
        behind: Option<(Bytes, Place)>,
    ) -> Self {
        let mut range = collection.all_ids();
        match &behind {
            Some((key, _)) if is_descending => range.until = after_prefix(key),
            Some((key, _)) => range.from = key.clone(),
            None => {}
        }
        Self {
            cursor: Cursor::new(range, is_descending),
            behind,
        }
    }

    fn next(&mut self, r: &mut dyn Reads) -> Attempt<Option<Place>> {
        let (behind, mut found) = (&self.behind, None);
        r.scan(&mut self.cursor, true, &mut |key, value| {
            let place = value.last_chunk::<ORDER_BYTES>();
            let place = place.and_then(|place| Place::from_bytes(place));
            let place = place.ok_or_else(broken)?;
            let is_before = |(last, at): &(Bytes, Place)| key == &last[..] && place <= *at;
            if !behind.as_ref().is_some_and(is_before) {
                found = Some(place);
            }
            Ok(found.is_none())
        })?;
        Ok(found)
    }
}

fn broken() -> Error {
    Error::corrupt("the entry of an id names no place")
}

/// The document of an entry.
///
/// # Errors
/// `Corrupt` if there is none.
pub(super) fn of_entry(doc: Option<Bytes>) -> Result<Bytes> {
    doc.ok_or_else(|| Error::corrupt("an entry of an index has no document"))
}
