//! From value to value through an index that has one field.

use bytes::Bytes;

use super::feed::of_entry;
use super::index::{Layout, all_of, place_of};
use super::plan::planned;
use super::planner::Plan;
use super::{Collection, FindSpec, Out};
use crate::codec::js_string::JsString;
use crate::codec::kinds::sort;
use crate::codec::tuple::after_prefix;
use crate::engine::access::{Attempt, Cursor, KeyRange, Reads};
use crate::error::Result;
use crate::models::documents::definition::flag;
use crate::models::pace::Pace;
use crate::models::query::Query;

/// Comes to the documents that come first in the order of insertion of those that have one value; of values whose keys are cut
/// to all.
pub(super) struct Leap {
    layout: Layout,
    /// Ranges, to be taken from the end.
    ranges: Vec<KeyRange>,
    cursor: Option<Cursor>,
    /// The key of a document that is to be looked at.
    wanted: Option<Bytes>,
    pace: Pace,
}

impl Leap {
    /// Begins, if an index tells which values the documents that match have.
    ///
    /// # Errors
    /// `Corrupt`, `UnsupportedFormat`.
    pub fn of(
        collection: &Collection,
        field: &JsString,
        query: &Query,
        r: &mut dyn Reads,
    ) -> Result<Option<Self>> {
        let planned = planned(collection, query, &FindSpec::default(), None, r)?;
        let Some(kept) = &planned.kept else {
            return Ok(None);
        };
        let mut indexes = kept.definition.indexes.iter();
        let is_it = |number: u64| {
            move |index: &&super::definition::Index| {
                number == index.number || (number == u64::MAX && index.is_ready())
            }
        };
        let (wanted, mut ranges) = match planned.plan {
            Plan::Scan if query.is_empty() => (u64::MAX, Vec::new()),
            Plan::Index(scan) if scan.counts.is_some() => (scan.index, scan.ranges),
            _ => return Ok(None),
        };
        let alone = std::slice::from_ref(field);
        let index = indexes
            .find(|index| is_it(wanted)(index) && index.fields == alone && !index.is(flag::MULTI));
        let Some(index) = index else { return Ok(None) };
        if ranges.is_empty() {
            ranges.push(all_of(index.number));
        }
        ranges.reverse();
        Ok(Some(Self {
            layout: kept.layout(index.number)?.clone(),
            ranges,
            cursor: None,
            wanted: None,
            pace: Pace::default(),
        }))
    }

    /// Hands each of these documents to `out`, as the values come. Runs until it does not stop.
    ///
    /// # Errors
    /// A stop; what `out` fails with.
    pub fn step(
        &mut self,
        collection: &Collection,
        r: &mut dyn Reads,
        out: &mut Out<'_>,
    ) -> Attempt<()> {
        loop {
            if let Some(key) = &self.wanted {
                out(&of_entry(r.get(key)?)?)?;
                self.wanted = None;
                self.pace.step(r)?;
            }
            if self.cursor.is_none() {
                let Some(range) = self.ranges.pop() else {
                    return Ok(());
                };
                self.cursor = Some(Cursor::new(range, false));
            }
            let Some(cursor) = &mut self.cursor else {
                return Ok(());
            };
            let Some(key) = r.next_key(cursor)? else {
                self.cursor = None;
                continue;
            };
            let components = self.layout.components(&key)?;
            let (component, _) = self.layout.first(components)?;
            if component.bytes != [sort::UNDEFINED] {
                let doc = collection.doc_key(place_of(&key)?);
                self.wanted = Some(doc.into());
            }
            if !component.is_cut {
                let value = [&self.layout.prefix()[..], component.bytes].concat();
                let range = KeyRange {
                    from: after_prefix(&value),
                    until: cursor.range.until.clone(),
                };
                self.cursor = (range.from < range.until).then(|| Cursor::new(range, false));
            }
        }
    }
}
