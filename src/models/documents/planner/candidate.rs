//! What an index can do for a query.

use super::order::{Order, Sort};
use super::scan::Scan;
use crate::codec::js_string::JsString;
use crate::codec::kinds::sort;
use crate::codec::tuple::prefix_range;
use crate::engine::access::KeyRange;
use crate::models::documents::definition::{Index, flag};
use crate::models::documents::index::{ELEMENT, WHOLE, prefix};
use crate::models::query::bounds::{Bound, Bounds, Of, Values};

/// Ranges that are merged, or go on behind a list of values.
const FEW: usize = 16;

/// A scan that an index offers.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub scan: Scan,
    /// Whether its first path is bound.
    pub is_bound: bool,
    /// How many components are bound.
    pub bound: usize,
    /// Whether there is one range, of entries that agree in all components: they are sorted by place.
    pub is_full: bool,
}

/// Ranges in the making.
struct Chain<'a> {
    index: &'a Index,
    bounds: &'a Bounds,
    /// What the keys begin with: ascending.
    prefixes: Vec<Vec<u8>>,
    /// How many components each prefix has.
    fixed: usize,
    /// How many components the prefixes agree in.
    alike: usize,
    /// The bounds that are used.
    used: Vec<&'a Bound>,
    /// Whether a document may be asked for by one of its elements.
    by_element: bool,
    /// Where the texts are of which a bound says nothing.
    texts: Vec<KeyRange>,
    ranges: Vec<KeyRange>,
}

/// All that an index offers.
pub(super) fn of_index<'a>(
    index: &'a Index,
    bounds: &'a Bounds,
    by: &[(JsString, bool)],
) -> Vec<Candidate> {
    let mut found = Vec::new();
    let Some(first) = index.fields.first() else {
        return found;
    };
    let at_first = bounds.all.iter().filter(|bound| bound.path == *first);
    for lead in at_first {
        let mut chain = Chain::new(index, bounds);
        chain.follow(Some(lead));
        if !chain.used.is_empty() {
            found.push(chain.candidate(by));
        }
    }
    if found.is_empty() && !index.is(flag::MULTI) {
        let mut chain = Chain::new(index, bounds);
        chain.follow(None);
        found.push(chain.candidate(by));
    }
    found
}

/// The sort key of what all that match have at a path, if they are equal there.
#[must_use]
pub fn fixed<'a>(bounds: &'a Bounds, path: &JsString) -> Option<&'a [u8]> {
    match &bounds.whole(path)?.values {
        Values::Equal(keys) => match &keys[..] {
            [key] => Some(key),
            _ => None,
        },
        Values::Range(..) => None,
    }
}

/// Whether all that match are equal at a path.
fn is_fixed(bounds: &Bounds, path: &JsString) -> bool {
    fixed(bounds, path).is_some()
}

/// What there is to sort by.
#[must_use]
pub fn sort_of(bounds: &Bounds, by: &[(JsString, bool)]) -> Sort {
    Sort::new(by, &|path| is_fixed(bounds, path))
}

/// Whether a value would be expanded in a `multi` index: an array with elements.
fn is_expanded(key: &[u8]) -> bool {
    key.first() == Some(&sort::ARRAY) && key != [sort::ARRAY, sort::END]
}

impl<'a> Chain<'a> {
    fn new(index: &'a Index, bounds: &'a Bounds) -> Self {
        Self {
            index,
            bounds,
            prefixes: vec![prefix(index.number).to_vec()],
            fixed: 0,
            alike: 0,
            used: Vec::new(),
            by_element: false,
            texts: Vec::new(),
            ranges: Vec::new(),
        }
    }

    /// Narrows down path by path, as long as there are bounds; the first one by `lead`.
    fn follow(&mut self, lead: Option<&'a Bound>) {
        let mut next = lead;
        while let Some(bound) = next {
            if !self.narrow(bound) {
                break;
            }
            self.used.push(bound);
            if !self.ranges.is_empty() {
                return;
            }
            let path = self.index.fields.get(self.fixed);
            next = path.and_then(|path| self.bound_of(path));
        }
        let prefixes = self.prefixes.iter();
        let ranges = prefixes.map(|prefix| prefix_range(prefix.clone().into()));
        self.ranges = ranges.collect();
    }

    fn bound_of(&self, path: &JsString) -> Option<&'a Bound> {
        let bounds = self.bounds;
        let element = || {
            let of_path = |bound: &&Bound| bound.path == *path && bound.of != Of::Whole;
            bounds.all.iter().find(of_path)
        };
        bounds.whole(path).or_else(element)
    }

    /// Uses a bound for the next path; whether that can be.
    fn narrow(&mut self, bound: &Bound) -> bool {
        let is_multi = self.index.is(flag::MULTI);
        let marker: &[u8] = match (bound.of, is_multi) {
            (Of::Whole, false) => &[],
            (Of::Whole, true) => &[WHOLE],
            // Behind an array that is expanded, arrays stand whole.
            (_, true) if !self.by_element => &[ELEMENT],
            _ => return false,
        };
        match &bound.values {
            Values::Range(from, until) => {
                let range = |prefix: &Vec<u8>| KeyRange {
                    from: [&prefix[..], marker, from].concat().into(),
                    until: [&prefix[..], marker, until].concat().into(),
                };
                self.ranges = self.prefixes.iter().map(range).collect();
            }
            Values::Equal(keys) => {
                if is_multi && bound.of == Of::Whole && keys.iter().any(|key| is_expanded(key)) {
                    return false;
                }
                // A long list is the end, and is used only where it is the first one.
                if self.prefixes.len() > 1 && self.prefixes.len() * keys.len() > FEW {
                    return false;
                }
                if keys.len() == 1 && self.prefixes.len() == 1 {
                    self.alike += 1;
                }
                let all = self.prefixes.iter().flat_map(|prefix| {
                    let with = move |key: &Vec<u8>| [&prefix[..], marker, key].concat();
                    keys.iter().map(with)
                });
                let all: Vec<Vec<u8>> = all.collect();
                self.fixed += 1;
                if bound.of == Of::ElementOrText {
                    let text = |prefix: &Vec<u8>| KeyRange {
                        from: [&prefix[..], &[WHOLE, sort::STRING]].concat().into(),
                        until: [&prefix[..], &[WHOLE, sort::DATE]].concat().into(),
                    };
                    // (Whole values sort before elements.)
                    self.texts = self.prefixes.iter().map(text).collect();
                    let elements = all.iter();
                    let elements = elements.map(|key| prefix_range(key.clone().into()));
                    self.ranges = self.texts.iter().cloned().chain(elements).collect();
                    self.ranges.sort_unstable_by(|a, b| a.from.cmp(&b.from));
                } else if all.len() > FEW {
                    let ranges = all.into_iter().map(|key| prefix_range(key.into()));
                    self.ranges = ranges.collect();
                } else {
                    self.prefixes = all;
                }
            }
        }
        self.by_element |= bound.of != Of::Whole;
        true
    }

    fn candidate(self, by: &[(JsString, bool)]) -> Candidate {
        let order = self.order(by);
        let is_full = self.fixed == self.index.fields.len() && self.ranges.len() == 1;
        let is_multi = self.index.is(flag::MULTI);
        let is_told = !self.bounds.has_residue
            && self.bounds.any.is_empty()
            && self.used.len() == self.bounds.all.len()
            && self.used.iter().all(|bound| bound.is_exact);
        // Of a `multi` index only where each document has one entry there for certain.
        let counts = is_told && (!is_multi || self.fixed == 1 && self.index.fields.len() == 1);
        let counts = counts && (!is_multi || self.ranges.len() == self.texts.len() + 1);
        Candidate {
            is_bound: !self.used.is_empty(),
            bound: self.used.len(),
            is_full,
            scan: Scan {
                index: self.index.number,
                fields: self.index.fields.clone(),
                is_descending: order != Order::Any && sort_of(self.bounds, by).is_descending(),
                order,
                has_doubles: is_multi && !is_full,
                counts: counts.then_some(self.texts),
                ranges: self.ranges,
            },
        }
    }

    fn order(&self, by: &[(JsString, bool)]) -> Order {
        let paths = &self.index.fields;
        let is_whole = !self.index.is(flag::MULTI) || self.fixed == paths.len();
        if !is_whole || !self.texts.is_empty() {
            return Order::Any;
        }
        let sort = sort_of(self.bounds, by);
        let fixed = |path: &JsString| is_fixed(self.bounds, path);
        let behind = |alike: usize| sort.given_by(paths, alike, &fixed);
        if self.index.is(flag::MULTI) && !sort.is_empty() {
            return Order::Any;
        }
        match behind(self.alike) {
            // Of a list of values, what is behind them.
            Order::Any
                if (2..=FEW).contains(&self.ranges.len())
                    && behind(self.fixed) == Order::Wanted =>
            {
                Order::Merged
            }
            order => order,
        }
    }
}

/// Whether an order is of use although nothing is bound.
pub(super) fn serves(order: Order, sort: &Sort, has_limit: bool) -> bool {
    match order {
        Order::Any | Order::Merged => false,
        Order::Wanted => !sort.is_empty(),
        Order::Runs { sorted, .. } => sort.is_all(sorted) || has_limit,
    }
}
