//! Finding out where a query begins.

use super::{
    After, Attempt, Cursor, FEW, FIRST, Feed, Find, Gather, Keep, Order, Reads, Result,
    SORTED_PAGE_BYTES, Sieve, Sorter, Source,
};
use crate::codec::range::after;
use crate::codec::sort_key::SortKey;
use crate::codec::value::Value;
use crate::error::Error;
use crate::models::documents::feed::{Both, ById};
use crate::models::documents::plan::{InOrder, Planned, planned};
use crate::models::documents::planner::{self, Plan, Scan};
use crate::models::documents::walk::{Behind, Walk};
use crate::models::names::check_key;

/// So many places, and one of so many documents, are worth a walk over the documents.
const MANY: usize = if cfg!(test) { 4 } else { 64 };
const DENSE: u64 = 8;

impl Find {
    /// Finds out where to begin.
    pub(super) fn start(&mut self, r: &mut dyn Reads) -> Attempt<()> {
        if let Source::Start(behind) = &mut self.source {
            if let (None, Some(after)) = (&behind, &self.spec.after) {
                *behind = Some(after.place(&self.collection, r)?);
            }
            let behind = *behind;
            if let (Some(place), Some(after)) = (behind, &self.spec.after) {
                let floor = after.mark.as_ref().map_or(FIRST, |mark| mark.floor);
                self.window.floor = if place.is_provisional() { floor } else { place };
            }
            self.plan(behind, r)?;
        }
        if let Source::Gather(gather) = &mut self.source {
            let places = gather.step(&self.collection, r)?;
            let all = self.collection.all();
            let is_dense = places.len() > MANY
                && (places.len() as u64).saturating_mul(DENSE) >= r.estimate(&all);
            self.source = if is_dense {
                self.sieve(places)
            } else {
                Source::Feed(Feed::Gathered(places))
            };
        }
        Ok(())
    }

    /// The documents at these places, by a walk over all of them.
    fn sieve(&self, mut places: crate::models::documents::places::Places) -> Source {
        let mut next = places.next();
        while let (Some(at), Some(behind)) = (next, self.window.behind)
            && at <= behind
        {
            next = places.next();
        }
        let mut range = self.collection.all();
        if let Some(first) = next {
            range.from = self.collection.doc_key(first).into();
        }
        Source::Scan(Cursor::new(range, false), Some(Sieve { places, next }))
    }

    fn plan(&mut self, behind: Option<Order>, r: &mut dyn Reads) -> Result<()> {
        let (query, spec) = (&self.query, &self.spec);
        let planned = planned(&self.collection, query, spec, self.among.as_ref(), r)?;
        if let Some(source) = self.in_order(&planned, behind)? {
            self.source = source;
            if self.spec.page {
                self.window.end_with_page();
            }
            return Ok(());
        }
        if let Some(by) = &self.by {
            let most = self.window.most();
            let keep = match (self.spec.page, self.spec.limit) {
                (true, _) => Keep::Within(most, SORTED_PAGE_BYTES),
                (false, Some(_)) => Keep::First(most),
                (false, None) => Keep::All,
            };
            let mut sorter = Sorter::new(by.clone(), keep);
            if let (Some(place), Some(after)) = (behind, &self.spec.after) {
                sorter.go_on_behind(after.values(), place);
            }
            self.sorter = Some(sorter);
        } else {
            self.window.behind = behind;
            if self.spec.page {
                self.window.end_with_page();
            }
        }
        let behind = self.window.behind;
        self.source = match &planned.plan {
            Plan::Nothing => Source::Done,
            Plan::Both(a, b) => Source::Feed(Feed::Both(Both::new(a, b, behind))),
            Plan::Scan | Plan::ById { .. } => {
                let mut range = self.collection.all();
                if let Some(place) = behind {
                    range.from = after(&self.collection.doc_key(place));
                }
                let mut cursor = Cursor::new(range, false);
                cursor.reads_ahead = self.by.is_some() || !self.wants_few();
                Source::Scan(cursor, None)
            }
            plan => {
                let mut gather = Gather::default();
                gather.add(&self.collection, plan);
                Source::Gather(gather)
            }
        };
        Ok(())
    }

    fn wants_few(&self) -> bool {
        self.spec.limit.is_some_and(|limit| limit <= FEW)
    }

    /// The source that comes in the order that is wanted, if there is one.
    fn in_order(&mut self, planned: &Planned, behind: Option<Order>) -> Result<Option<Source>> {
        let after = self.spec.after.clone();
        let after = after.as_deref().zip(behind);
        if let Some((after, _)) = after
            && !self.agrees(planned, after)?
        {
            return Ok(None);
        }
        match &planned.plan {
            Plan::ById { is_descending } => {
                let behind = match after {
                    None => None,
                    Some((after, place)) => match self.value_of("_id", after) {
                        Some(Value::String(id)) if check_key("an id", id.as_js()).is_ok() => {
                            Some((self.collection.id_key(id.as_js()), place))
                        }
                        _ => return Ok(None),
                    },
                };
                let by_id = ById::new(&self.collection, *is_descending, behind);
                Ok(Some(Source::Feed(Feed::ById(by_id))))
            }
            Plan::Index(scan) => {
                let in_order = planned.in_order(scan, &self.spec);
                let walk = in_order.map(|in_order| self.walk(planned, scan, in_order, after));
                walk.transpose()
            }
            _ => Ok(None),
        }
    }

    fn walk(
        &mut self,
        planned: &Planned,
        scan: &Scan,
        in_order: InOrder,
        after: Option<(&After, Order)>,
    ) -> Result<Source> {
        let Some(kept) = &planned.kept else {
            return Err(Error::internal("an index of which nothing is kept"));
        };
        let layout = kept.layout(scan.index)?;
        let mut keys = Vec::with_capacity(in_order.components.len());
        if let Some((after, place)) = after {
            for at in &in_order.components {
                let field = scan.fields.get(*at);
                let value = field.and_then(|field| {
                    let mut by = self.spec.sort.iter();
                    let at = by.position(|(other, _)| other == field)?;
                    after.values().get(at)
                });
                let key = SortKey::of_value(value.unwrap_or(&Value::Undefined))?;
                keys.push((key.bytes, key.is_cut));
            }
            self.runs.behind = Some((after.values().to_vec(), place));
        }
        let fixed = |at: usize| {
            let fixed = planner::fixed(&planned.bounds, scan.fields.get(at)?);
            fixed.map(<[u8]>::to_vec)
        };
        let behind = after.map(|(_, place)| Behind {
            keys: &keys,
            place,
            fixed: &fixed,
        });
        self.runs.are_sorted = in_order.runs;
        if let Some(fields) = &self.spec.fields {
            let covered = scan.covers(fields);
            self.runs.covered = covered.map(|wanted| (layout.clone(), wanted));
        }
        let mut walk = Walk::new(
            layout,
            scan,
            in_order.components,
            !in_order.runs,
            in_order.is_merged,
            behind.as_ref(),
        )?;
        walk.read_ahead(!self.wants_few());
        Ok(Source::Feed(Feed::Walk(walk)))
    }

    /// The value of a field that is sorted by, of the document behind which to go on.
    fn value_of<'a>(&self, field: &str, after: &'a After) -> Option<&'a Value> {
        let mut by = self.spec.sort.iter();
        let at = by.position(|(other, _)| other.as_bytes() == field.as_bytes())?;
        after.values().get(at)
    }

    /// Whether the document behind which to go on has the values that all that match have, among those that are sorted by: else
    /// it is sorted beside them.
    fn agrees(&self, planned: &Planned, after: &After) -> Result<bool> {
        for ((field, _), value) in self.spec.sort.iter().zip(after.values()) {
            let Some(fixed) = planner::fixed(&planned.bounds, field) else {
                continue;
            };
            let key = SortKey::of_value(value)?;
            if key.is_cut || key.bytes != fixed {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
