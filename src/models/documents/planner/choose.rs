//! Chooses how a query runs.

use super::candidate::{Candidate, of_index, serves, sort_of};
use super::order::Order;
use super::scan::Scan;
use crate::codec::js_string::JsString;
use crate::engine::access::KeyRange;
use crate::models::documents::definition::{Definition, Index};
use crate::models::query::bounds::Bounds;

/// What steps cost, by that of the next entry of a scan.
mod cost {
    /// To look at an entry.
    pub const ENTRY: u64 = 1;
    /// To fetch a document.
    pub const GET: u64 = 4;
    /// To come to the next document in a scan.
    pub const WALK: u64 = 2;
    /// To sort one.
    pub const SORT: u64 = 1;
}

/// Below this, entries are not worth reading a second index for.
const WORTH_TWO: u64 = 500;
/// Of how many documents one has to be wanted so that they are fetched one by one.
const SPARSE: u64 = 8;
/// How many times fewer match, where more is asked than the indexes tell, as a guess.
const RESIDUE: u64 = 4;

/// How a query runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// Nothing can match: nothing is read.
    Nothing,
    /// The only documents that can match, by their ids, ascending.
    Ids(Vec<JsString>),
    /// All documents by their ids, which is the order that is wanted.
    ById {
        /// From the last one on.
        is_descending: bool,
    },
    /// Entries of an index.
    Index(Scan),
    /// Documents that two scans have in common; the entries of both come by place.
    Both(Scan, Scan),
    /// Documents to which one of several plans comes: `Ids` and `Index` only.
    Union(Vec<Plan>),
    /// All documents, in the order of insertion.
    Scan,
}

/// What is wanted of what is found.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// Fields to sort by, and whether descending.
    pub sort: &'a [(JsString, bool)],
    /// How many are asked for, those that are skipped included.
    pub most: Option<u64>,
}

/// Where a collection lies.
#[derive(Debug, Clone, Copy)]
pub struct Ranges<'a> {
    /// Its documents.
    pub docs: &'a KeyRange,
    /// The entries of its ids.
    pub ids: &'a KeyRange,
}

/// The plan for a query with these bounds. `estimate` says about how many records there are in a range.
pub fn plan(
    definition: &Definition,
    bounds: &Bounds,
    wanted: Wanted<'_>,
    all: Ranges<'_>,
    estimate: &mut dyn FnMut(&KeyRange) -> u64,
) -> Plan {
    if bounds.is_never {
        return Plan::Nothing;
    }
    if let Some(ids) = &bounds.ids {
        return by_ids(ids);
    }
    let mut ways = ways(definition, bounds, wanted);
    if ways.len() < 2 {
        return ways.pop().map_or(Plan::Scan, |way| way.plan);
    }
    let total = estimate(all.docs).max(1);
    let mut counted: Vec<Counted> = Vec::with_capacity(ways.len());
    for way in ways {
        let entries = entries(&way.plan, all, estimate);
        counted.push(Counted { way, entries });
    }
    let matches = counted.iter().map(|way| way.entries).min().unwrap_or(0);
    let weigh = Weigh {
        total,
        // Where a way tells it all, this many match; else some of them.
        matches: if counted.iter().any(|way| way.way.is_told) {
            matches
        } else {
            matches.div_ceil(RESIDUE)
        },
        wanted,
        is_sorted: !sort_of(bounds, wanted.sort).is_empty(),
    };
    let both = weigh.both(&counted);
    let of_one = |way: Counted| (weigh.cost(&way), way.rank(), way.way.plan);
    let best = counted.into_iter().map(of_one);
    // Of equal ones the first in order of their definition.
    let best = best.min_by_key(|(cost, rank, _)| (*cost, *rank));
    match (best, both) {
        (Some((cost, ..)), Some((both, plan))) if both < cost => plan,
        (Some((_, _, plan)), _) => plan,
        (None, _) => Plan::Scan,
    }
}

/// What is defined where nothing is.
#[must_use]
pub fn no_definition() -> Definition {
    Definition::default()
}

fn by_ids(ids: &[JsString]) -> Plan {
    if ids.is_empty() {
        Plan::Nothing
    } else {
        Plan::Ids(ids.to_vec())
    }
}

/// One way to come to all documents that can match.
struct Way {
    plan: Plan,
    order: Order,
    /// How many components are bound.
    bound: usize,
    /// Whether its entries tell by themselves what matches.
    is_told: bool,
    /// Whether it could be one of two that are read together.
    is_full: bool,
}

struct Counted {
    way: Way,
    entries: u64,
}

impl Counted {
    /// For ways that cost the same: the better, the lower.
    fn rank(&self) -> (bool, usize) {
        let is_ordered = matches!(self.way.order, Order::Wanted);
        (!is_ordered, usize::MAX - self.way.bound)
    }
}

/// The indexes that serve, the ids where they give the order, and each `$or` of which every branch has its own way.
fn ways(definition: &Definition, bounds: &Bounds, wanted: Wanted<'_>) -> Vec<Way> {
    let sort = sort_of(bounds, wanted.sort);
    let ready = definition.indexes.iter().filter(|index| index.is_ready());
    let candidates = ready.flat_map(|index| of_index(index, bounds, wanted.sort));
    let serving = candidates.filter(|candidate| {
        candidate.is_bound || serves(candidate.scan.order, &sort, wanted.most.is_some())
    });
    let mut ways: Vec<Way> = serving.map(Way::of).collect();
    if let Some((field, is_descending)) = sort.first()
        && field.as_bytes() == b"_id"
    {
        ways.push(Way {
            plan: Plan::ById {
                is_descending: *is_descending,
            },
            order: Order::Wanted,
            bound: 0,
            is_told: false,
            is_full: false,
        });
    }
    let unions = bounds.any.iter();
    let unions = unions.filter_map(|branches| union(definition, branches));
    ways.extend(unions.map(|plans| Way {
        plan: Plan::Union(plans),
        order: Order::Any,
        bound: 0,
        is_told: false,
        is_full: false,
    }));
    ways
}

impl Way {
    fn of(candidate: Candidate) -> Self {
        Self {
            order: candidate.scan.order,
            bound: candidate.bound,
            is_told: candidate.scan.counts.is_some(),
            is_full: candidate.is_full,
            plan: Plan::Index(candidate.scan),
        }
    }
}

/// For each branch the ids, or the index of which most is bound; `None` if one has neither.
fn union(definition: &Definition, branches: &[Bounds]) -> Option<Vec<Plan>> {
    let mut plans = Vec::with_capacity(branches.len());
    for branch in branches {
        if let Some(ids) = &branch.ids {
            plans.extend(Some(by_ids(ids)).filter(|plan| *plan != Plan::Nothing));
            continue;
        }
        let of_index = |index: &Index| {
            let found = of_index(index, branch, &[]).into_iter();
            found.filter(|candidate| candidate.is_bound).collect()
        };
        let ready = definition.indexes.iter().filter(|index| index.is_ready());
        let bound: Vec<Candidate> = ready.flat_map::<Vec<_>, _>(of_index).collect();
        let best = bound.into_iter().rev().max_by_key(|found| found.bound);
        if let Some(best) = best {
            plans.push(Plan::Index(best.scan));
            continue;
        }
        let inner = branch.any.iter();
        let mut inner = inner.filter_map(|branches| union(definition, branches));
        plans.extend(inner.next()?);
    }
    Some(plans)
}

/// About how many entries a plan reads.
fn entries(plan: &Plan, all: Ranges<'_>, estimate: &mut dyn FnMut(&KeyRange) -> u64) -> u64 {
    match plan {
        Plan::Nothing => 0,
        Plan::Ids(ids) => ids.len() as u64,
        Plan::ById { .. } => estimate(all.ids),
        Plan::Scan => estimate(all.docs),
        Plan::Index(scan) => scan.ranges.iter().map(estimate).sum(),
        Plan::Both(a, b) => {
            let ranges = a.ranges.iter().chain(&b.ranges);
            ranges.map(estimate).sum()
        }
        Plan::Union(plans) => plans.iter().map(|plan| entries(plan, all, estimate)).sum(),
    }
}

struct Weigh<'a> {
    /// How many documents there are.
    total: u64,
    /// How many match.
    matches: u64,
    wanted: Wanted<'a>,
    is_sorted: bool,
}

impl Weigh<'_> {
    fn cost(&self, counted: &Counted) -> u64 {
        let entries = counted.entries;
        let is_ordered = counted.way.order != Order::Any;
        if is_ordered {
            let read = self.until_enough(entries);
            return read.saturating_mul(cost::ENTRY + cost::GET);
        }
        if self.is_sorted {
            let sorted = entries.saturating_mul(cost::SORT);
            return entries * cost::ENTRY + self.fetch(entries, entries) + sorted;
        }
        entries * cost::ENTRY + self.fetch(entries, self.until_enough(entries))
    }

    /// How many of the entries are read until as many match as are wanted.
    fn until_enough(&self, entries: u64) -> u64 {
        let Some(most) = self.wanted.most else {
            return entries;
        };
        let needed = most.saturating_mul(entries) / self.matches.max(1);
        needed.clamp(most.min(entries), entries)
    }

    /// What it costs to fetch so many of the documents of these entries, all of which are known.
    fn fetch(&self, entries: u64, fetched: u64) -> u64 {
        let one_by_one = fetched.saturating_mul(cost::GET);
        if entries.saturating_mul(SPARSE) <= self.total {
            return one_by_one;
        }
        let share = self.total.saturating_mul(fetched) / entries.max(1);
        one_by_one.min(share.saturating_mul(cost::WALK))
    }

    /// Two scans by place, of which both are long and few documents are in both; and what these cost.
    fn both(&self, counted: &[Counted]) -> Option<(u64, Plan)> {
        let mut best = None;
        let full = |way: &&Counted| way.way.is_full && way.entries > WORTH_TWO;
        for (at, a) in counted.iter().enumerate().filter(|(_, way)| full(way)) {
            for b in counted.iter().skip(at + 1).filter(full) {
                let (Plan::Index(x), Plan::Index(y)) = (&a.way.plan, &b.way.plan) else {
                    continue;
                };
                let common = a.entries.saturating_mul(b.entries) / self.total;
                if common >= a.entries.min(b.entries) / 4 {
                    continue;
                }
                let sorted = if self.is_sorted { cost::SORT } else { 0 };
                let cost = (a.entries + b.entries) * cost::ENTRY + common * (cost::GET + sorted);
                if best.as_ref().is_none_or(|(known, _)| cost < *known) {
                    best = Some((cost, Plan::Both(x.clone(), y.clone())));
                }
            }
        }
        best
    }
}
