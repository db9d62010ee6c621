use super::choose::Ranges;
use super::*;
use crate::codec::js_string::JsString;
use crate::codec::order::Order as Place;
use crate::codec::tuple::prefix_range;
use crate::codec::value::{Form, Value, compare, from_json};
use crate::engine::access::KeyRange;
use crate::models::documents::definition::{Definition, Index, flag};
use crate::models::documents::index::{Entries, Layout, place_of};
use crate::models::query::bounds::Bounds;
use crate::models::query::{Path, Query};
use bytes::Bytes;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

type By = Vec<(JsString, bool)>;

fn by(fields: &[(&str, bool)]) -> By {
    fields
        .iter()
        .map(|(field, down)| ((*field).into(), *down))
        .collect()
}

fn index(number: u64, flags: u8, fields: &[&str]) -> Index {
    let fields = fields.iter().map(|field| (*field).into()).collect();
    Index {
        number,
        flags,
        fields,
    }
}

fn of(indexes: Vec<Index>) -> Definition {
    Definition {
        indexes,
        ..Definition::default()
    }
}

fn all_of(kind: u8) -> KeyRange {
    prefix_range(Bytes::copy_from_slice(&[kind]))
}

/// The plan where a number of entries lies in each index, and in each range of it as many parts of that; `total` documents.
fn with(
    definition: &Definition,
    query: &str,
    sort: &[(&str, bool)],
    most: Option<u64>,
    estimate: &mut dyn FnMut(&KeyRange) -> u64,
) -> Plan {
    let stored = from_json(query.as_bytes());
    assert!(Query::compile(&stored, Rc::new(())).is_ok(), "{query}");
    let bounds = Bounds::of(&stored).unwrap();
    let sort = by(sort);
    let wanted = Wanted { sort: &sort, most };
    let (docs, ids) = (all_of(0x20), all_of(0x21));
    plan(
        definition,
        &bounds,
        wanted,
        Ranges {
            docs: &docs,
            ids: &ids,
        },
        estimate,
    )
}

/// The plan where there is one way only.
fn only(indexes: Vec<Index>, query: &str, sort: &[(&str, bool)], most: Option<u64>) -> Plan {
    let mut none = |_: &KeyRange| panic!("there is one way only");
    with(&of(indexes), query, sort, most, &mut none)
}

fn scan(plan: Plan) -> Scan {
    match plan {
        Plan::Index(scan) => scan,
        other => panic!("{other:?}"),
    }
}

fn order_of(fields: &[&str], query: &str, sort: &[(&str, bool)]) -> (Order, bool) {
    let scan = scan(only(vec![index(1, 0, fields)], query, sort, None));
    (scan.order, scan.is_descending)
}

const UP: bool = false;
const DOWN: bool = true;

#[test]
fn without_an_index_that_serves_all_is_read() {
    assert_eq!(only(vec![], r#"{"a":1}"#, &[("a", UP)], None), Plan::Scan);
    let on_b = || vec![index(1, 0, &["b", "a"])];
    assert_eq!(only(on_b(), r#"{"a":1}"#, &[], None), Plan::Scan);
    assert_eq!(only(on_b(), r#"{"b":{"$ne":1}}"#, &[], None), Plan::Scan);
    assert_eq!(
        only(on_b(), r#"{"b":{"$size":1}}"#, &[("a", UP)], Some(1)),
        Plan::Scan
    );
    let building = vec![index(1, flag::BUILDING, &["a"])];
    assert_eq!(only(building, r#"{"a":1}"#, &[], None), Plan::Scan);
    assert!(matches!(
        only(
            vec![index(1, flag::LEAVING, &["a"])],
            r#"{"a":1}"#,
            &[],
            None
        ),
        Plan::Index(_)
    ));
}

#[test]
fn what_can_never_match_is_not_read_and_ids_are_looked_up() {
    let on_a = || vec![index(1, 0, &["a"]), index(2, 0, &["a", "b"])];
    assert_eq!(
        only(on_a(), r#"{"a":{"$gt":null}}"#, &[], None),
        Plan::Nothing
    );
    assert_eq!(
        only(on_a(), r#"{"a":1,"_id":"x"}"#, &[("b", UP)], None),
        Plan::Ids(vec!["x".into()])
    );
    let ids = Plan::Ids(vec!["x".into(), "y".into()]);
    assert_eq!(
        only(vec![], r#"{"_id":{"$in":["y",7,"x","y"]}}"#, &[], None),
        ids
    );
    assert_eq!(only(vec![], r#"{"_id":7}"#, &[], None), Plan::Nothing);
    let long = "x".repeat(900);
    let plan = only(vec![], &format!(r#"{{"_id":"{long}"}}"#), &[], None);
    assert_eq!(plan, Plan::Ids(vec![long.as_str().into()]));
    let plan = only(vec![], "{}", &[("_id", DOWN), ("a", UP)], None);
    assert_eq!(
        plan,
        Plan::ById {
            is_descending: true
        }
    );
    // An _id within something is none.
    assert_eq!(
        only(vec![], r#"{"_id":{"$gt":"x"}}"#, &[], None),
        Plan::Scan
    );
}

#[test]
fn an_index_gives_the_order_if_it_is_exactly_the_one_that_is_wanted() {
    use Order::{Any, Merged, Runs, Wanted};
    let runs = |components, sorted| (Runs { components, sorted }, UP);
    let ab = &["a", "b"][..];
    assert_eq!(order_of(ab, "{}", &[("a", UP), ("b", UP)]), (Wanted, UP));
    assert_eq!(
        order_of(ab, "{}", &[("a", DOWN), ("b", DOWN)]),
        (Wanted, DOWN)
    );
    // Ties of a come by b, not by their insertion.
    assert_eq!(order_of(ab, "{}", &[("a", UP)]), runs(1, 1));
    assert_eq!(order_of(ab, r#"{"a":{"$gt":1}}"#, &[("a", UP)]), runs(1, 1));
    assert_eq!(
        order_of(ab, r#"{"a":{"$gt":1}}"#, &[("a", UP), ("b", DOWN)]),
        runs(1, 1)
    );
    assert_eq!(order_of(ab, r#"{"a":{"$gt":1}}"#, &[("b", UP)]), (Any, UP));
    assert_eq!(
        order_of(ab, r#"{"a":{"$gt":1}}"#, &[("a", UP), ("b", UP), ("c", UP)]),
        runs(2, 2)
    );
    // What all that match have in common does not sort.
    assert_eq!(order_of(ab, r#"{"a":1}"#, &[("b", DOWN)]), (Wanted, DOWN));
    assert_eq!(
        order_of(ab, r#"{"a":1}"#, &[("a", UP), ("b", DOWN), ("a", DOWN)]),
        (Wanted, DOWN)
    );
    assert_eq!(
        order_of(&["b", "a"], r#"{"a":1}"#, &[("b", UP)]),
        (Wanted, UP)
    );
    assert_eq!(
        order_of(&["b", "a", "c"], r#"{"a":1}"#, &[("b", UP), ("c", UP)]),
        (Wanted, UP)
    );
    assert_eq!(
        order_of(&["b", "a", "c"], r#"{"a":1}"#, &[("b", UP)]),
        runs(1, 1)
    );
    // By place: entries that agree in everything.
    assert_eq!(order_of(ab, r#"{"a":1,"b":2}"#, &[]), (Wanted, UP));
    assert_eq!(
        order_of(ab, r#"{"a":1,"b":2}"#, &[("a", DOWN)]),
        (Wanted, UP)
    );
    assert_eq!(order_of(ab, r#"{"a":1}"#, &[]), (Any, UP));
    assert_eq!(order_of(&["a"], r#"{"a":{"$gt":1}}"#, &[]), (Any, UP));
    // A list: in its own order, or merged.
    let some = r#"{"a":{"$in":[1,2]}}"#;
    assert_eq!(
        order_of(ab, some, &[("a", DOWN), ("b", DOWN)]),
        (Wanted, DOWN)
    );
    assert_eq!(order_of(ab, some, &[("b", DOWN)]), (Merged, DOWN));
    assert_eq!(order_of(&["a"], some, &[]), (Merged, UP));
    let many: Vec<String> = (0..17).map(|n| n.to_string()).collect();
    let many = format!(r#"{{"a":{{"$in":[{}]}}}}"#, many.join(","));
    assert_eq!(order_of(ab, &many, &[("b", UP)]), (Any, UP));
    assert_eq!(order_of(ab, &many, &[("a", UP), ("b", UP)]), (Wanted, UP));
}

#[test]
fn what_gives_part_of_the_order_serves_where_few_are_wanted() {
    let on_ab = || vec![index(1, 0, &["a", "b"])];
    let mixed = [("a", UP), ("b", DOWN)];
    assert_eq!(only(on_ab(), "{}", &mixed, None), Plan::Scan);
    assert!(matches!(
        only(on_ab(), "{}", &mixed, Some(20)),
        Plan::Index(_)
    ));
    assert!(matches!(
        only(on_ab(), "{}", &[("a", UP)], None),
        Plan::Index(_)
    ));
    assert_eq!(
        only(
            vec![index(1, flag::MULTI, &["a"])],
            "{}",
            &[("a", UP)],
            Some(1)
        ),
        Plan::Scan
    );
}

#[test]
fn ranges_are_as_narrow_as_the_bounds() {
    let ranges = |fields: &[&str], query: &str| {
        let found = scan(only(vec![index(7, 0, fields)], query, &[], None));
        let hex = |bytes: &[u8]| {
            bytes
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        };
        let shown = found.ranges.iter().map(|range| {
            let from = hex(&range.from);
            format!(
                "{}..{}",
                from.strip_prefix("3007").unwrap(),
                hex(&range.until).strip_prefix("3007").unwrap()
            )
        });
        shown.collect::<Vec<_>>()
    };
    let ab = &["a", "b"];
    assert_eq!(ranges(ab, r#"{"a":true}"#), ["03..04"]);
    assert_eq!(ranges(ab, r#"{"a":true,"b":null}"#), ["0301..0302"]);
    assert_eq!(
        ranges(ab, r#"{"a":true,"b":{"$startsWith":"x"}}"#),
        ["030c78..030c79"]
    );
    assert_eq!(
        ranges(ab, r#"{"a":{"$startsWith":"x"},"b":1}"#),
        ["0c78..0c79"]
    );
    assert_eq!(
        ranges(ab, r#"{"a":{"$in":[true,null]}}"#),
        ["01..02", "03..04"]
    );
    assert_eq!(
        ranges(ab, r#"{"a":{"$in":[true,null]},"b":{"$lt":"x"}}"#),
        ["010c..010c7800", "030c..030c7800"]
    );
    assert_eq!(
        ranges(ab, r#"{"b":1,"a":{"$exists":false}}"#),
        ["00093ff000000000000000..00093ff000000000000001"]
    );
    // Long lists: one after the other, and nothing behind them.
    let list = |from: u32, until: u32| {
        (from..until)
            .map(|n| n.to_string())
            .collect::<Vec<_>>()
            .join(",")
    };
    let twenty = list(0, 20);
    let query = format!(r#"{{"a":{{"$in":[{twenty}]}},"b":{{"$in":[1,2]}}}}"#);
    assert_eq!(ranges(ab, &query).len(), 20);
    let query = format!(r#"{{"a":{{"$in":[1,2]}},"b":{{"$in":[{twenty}]}}}}"#);
    assert_eq!(ranges(ab, &query).len(), 2);
    assert_eq!(
        ranges(ab, &format!(r#"{{"a":1,"b":{{"$in":[{twenty}]}}}}"#)).len(),
        20
    );
}

#[test]
fn a_multi_index_serves_elements_and_whole_values_that_are_no_arrays() {
    let of =
        |fields: &[&str], query: &str| only(vec![index(7, flag::MULTI, fields)], query, &[], None);
    let ranges = |fields: &[&str], query: &str| scan(of(fields, query)).ranges.len();
    let tags = &["t"];
    let one = scan(of(tags, r#"{"t":{"$contains":1}}"#));
    assert!(one.order == Order::Wanted && !one.has_doubles && one.counts == Some(vec![]));
    assert_eq!(one.ranges[0].from[..3], [0x30, 7, 2]);
    let text = scan(of(tags, r#"{"t":{"$contains":"x"}}"#));
    assert!(text.order == Order::Any && text.has_doubles);
    assert_eq!(
        text.ranges
            .iter()
            .map(|range| range.from[2])
            .collect::<Vec<_>>(),
        [1, 2]
    );
    assert_eq!(text.counts, Some(vec![text.ranges[0].clone()]));
    let range = scan(of(tags, r#"{"t":{"$elemMatch":{"$gt":1,"$lt":5}}}"#));
    assert!(range.has_doubles && range.counts.is_none());
    assert_eq!(scan(of(tags, r#"{"t":5}"#)).ranges[0].from[2], 1);
    assert_eq!(ranges(tags, r#"{"t":[]}"#), 1);
    assert_eq!(of(tags, r#"{"t":[1]}"#), Plan::Scan);
    assert_eq!(of(tags, r#"{"t":{"$in":[1,[1]]}}"#), Plan::Scan);
    // Behind an element, whole values; of a second array nothing is known.
    let behind = scan(of(&["t", "u"], r#"{"t":{"$contains":1},"u":true}"#));
    assert!(behind.ranges[0].from.ends_with(&[1, 3]));
    let behind = scan(of(
        &["t", "u"],
        r#"{"t":{"$contains":1},"u":{"$contains":true}}"#,
    ));
    assert!(!behind.ranges[0].from.ends_with(&[3]) && behind.has_doubles);
    assert!(
        scan(of(&["u", "t"], r#"{"t":{"$contains":null},"u":true}"#)).ranges[0]
            .from
            .ends_with(&[1, 3, 2, 1])
    );
    // Other indexes know nothing of elements.
    assert_eq!(
        only(
            vec![index(1, 0, tags)],
            r#"{"t":{"$contains":1}}"#,
            &[],
            None
        ),
        Plan::Scan
    );
}

/// So many entries in each index by its number, and documents.
fn numbers(sizes: &[u64], total: u64) -> impl FnMut(&KeyRange) -> u64 {
    move |range: &KeyRange| match range.from[0] {
        0x30 => sizes[usize::from(range.from[1])],
        _ => total,
    }
}

#[test]
fn counts_choose_among_indexes_but_never_for_a_scan() {
    let both = || of(vec![index(0, 0, &["a"]), index(1, 0, &["b"])]);
    let query = r#"{"a":{"$gte":0},"b":{"$gte":0}}"#;
    let number = |sizes: &[u64], sort: &[(&str, bool)], most| {
        scan(with(
            &both(),
            query,
            sort,
            most,
            &mut numbers(sizes, 10_000),
        ))
        .index
    };
    assert_eq!(number(&[9_000, 50], &[], None), 1);
    assert_eq!(number(&[50, 9_000], &[], None), 0);
    // Everything: as dear as a scan, but an index serves.
    assert_eq!(number(&[10_000, 10_000], &[], None), 0);
    // Few in order, of many: those of the other index would all have to be sorted.
    assert_eq!(number(&[9_000, 5_000], &[("a", UP)], Some(20)), 0);
    assert_eq!(number(&[9_000, 50], &[("a", UP)], Some(20)), 1);
    assert_eq!(number(&[9_000, 5_000], &[("a", UP)], None), 1);
    // The rarest element.
    let multi = of(vec![index(0, flag::MULTI, &["t"])]);
    let rare = |range: &KeyRange| if range.from.ends_with(&[3]) { 5 } else { 500 };
    let found = scan(with(
        &multi,
        r#"{"t":{"$all":[null,true,1]}}"#,
        &[],
        None,
        &mut { rare },
    ));
    assert!(found.ranges[0].from.ends_with(&[3]));
}

#[test]
fn long_scans_by_place_are_read_together_where_little_is_in_both() {
    let both = || of(vec![index(0, 0, &["a"]), index(1, 0, &["b"])]);
    let is_both = |query: &str, sizes: &[u64]| {
        matches!(
            with(&both(), query, &[], None, &mut numbers(sizes, 100_000)),
            Plan::Both(..)
        )
    };
    let equal = r#"{"a":1,"b":2}"#;
    assert!(is_both(equal, &[5_000, 6_000]));
    assert!(!is_both(equal, &[400, 6_000]));
    assert!(!is_both(equal, &[30_000, 30_000]));
    assert!(!is_both(r#"{"a":1,"b":{"$gt":2}}"#, &[5_000, 6_000]));
}

#[test]
fn branches_that_all_have_a_way_are_united() {
    let on = |fields: &[&str]| {
        fields
            .iter()
            .zip(0..)
            .map(|(field, at)| index(at, 0, &[*field]))
            .collect()
    };
    let plan = only(
        on(&["a", "b"]),
        r#"{"$or":[{"a":1},{"b":2},{"_id":"x"},{"a":{"$in":[]}}]}"#,
        &[("c", UP)],
        None,
    );
    let Plan::Union(plans) = plan else {
        panic!("{plan:?}")
    };
    assert_eq!(plans.len(), 3);
    assert_eq!(plans[2], Plan::Ids(vec!["x".into()]));
    assert_eq!(
        only(on(&["a"]), r#"{"$or":[{"a":1},{"b":2}]}"#, &[], None),
        Plan::Scan
    );
    let nested = r#"{"$or":[{"a":1},{"$or":[{"b":2},{"a":3}]}]}"#;
    assert!(
        matches!(only(on(&["a", "b"]), nested, &[], None), Plan::Union(plans) if plans.len() == 3)
    );
    // Against an index by what each reads.
    let query = r#"{"c":1,"$or":[{"a":1},{"b":2}]}"#;
    let with_sizes = |sizes: &[u64]| {
        with(
            &of(on(&["a", "b", "c"])),
            query,
            &[],
            None,
            &mut numbers(sizes, 10_000),
        )
    };
    assert!(matches!(with_sizes(&[10, 10, 5_000]), Plan::Union(_)));
    assert_eq!(scan(with_sizes(&[900, 900, 50])).index, 2);
}

#[test]
fn entries_count_and_cover_where_they_tell_everything() {
    let of = |query: &str| {
        scan(only(
            vec![index(1, 0, &["a", "_id", "b"])],
            query,
            &[],
            None,
        ))
    };
    let covers = |query: &str, fields: &[&str]| {
        let fields: Vec<JsString> = fields.iter().map(|field| (*field).into()).collect();
        of(query).covers(&fields)
    };
    let query = r#"{"a":{"$gt":1,"$lte":5}}"#;
    assert_eq!(of(query).counts, Some(vec![]));
    assert_eq!(covers(query, &["b"]), Some(vec![1, 2]));
    assert_eq!(covers(query, &["b", "a", "_id"]), Some(vec![0, 1, 2]));
    assert_eq!(covers(query, &["b", "c"]), None);
    for more in [
        r#"{"a":1,"c":1}"#,
        r#"{"a":1,"b":{"$ne":1}}"#,
        r#"{"a":1,"$or":[{"b":1}]}"#,
        r#"{"a":[1]}"#,
        r#"{"a":1,"$nor":[]}"#,
    ] {
        assert_eq!(
            (of(more).counts, covers(more, &["b"])),
            (None, None),
            "{more}"
        );
    }
    let short = scan(only(vec![index(1, 0, &["a"])], query, &[], None));
    assert_eq!(short.covers(&["a".into()]), None);
}

/// A collection as a list, and its entries as a sorted map.
struct Model {
    docs: Vec<(Place, Bytes)>,
    entries: BTreeMap<Bytes, Place>,
    definition: Definition,
}

impl Model {
    fn new(docs: Vec<String>, definition: Definition) -> Self {
        let place = |at: usize| Place {
            frame: 1 + at as u64 / 3,
            slot: at as u32 % 3,
        };
        let docs = docs
            .iter()
            .enumerate()
            .map(|(at, doc)| (place(at), from_json(doc.as_bytes())));
        let docs: Vec<_> = docs.collect();
        let mut entries = BTreeMap::new();
        for index in &definition.indexes {
            let layout = Layout::new(index);
            for (place, doc) in &docs {
                let found = Entries::of(&layout, Form::of(doc).unwrap()).unwrap();
                for key in found.keys() {
                    entries.insert([&key[..], &place.to_bytes()].concat().into(), *place);
                }
            }
        }
        Self {
            docs,
            entries,
            definition,
        }
    }

    fn within(&self, range: &KeyRange) -> Vec<Bytes> {
        let found = self.entries.range(range.from.clone()..range.until.clone());
        found.map(|(key, _)| key.clone()).collect()
    }

    fn doc(&self, place: Place) -> &Bytes {
        &self
            .docs
            .iter()
            .find(|(other, _)| *other == place)
            .unwrap()
            .1
    }

    fn sorted(&self, mut places: Vec<Place>, by: &By) -> Vec<Place> {
        let value = |place: Place, field: &JsString| {
            let found = Path::from(field)
                .find(Form::of(self.doc(place)).unwrap())
                .unwrap();
            found.map_or(Value::Undefined, |found| Value::of_form(found).unwrap())
        };
        places.sort();
        places.sort_by(|a, b| {
            let orders = by.iter().map(|(field, down)| {
                let order = compare::order(&value(*a, field), &value(*b, field));
                if *down { order.reverse() } else { order }
            });
            orders.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
        });
        places
    }

    /// The places of entries in the order of a scan: those of equal components by place.
    fn places(
        keys: Vec<Bytes>,
        components: impl Fn(&Bytes) -> Vec<u8>,
        down: bool,
    ) -> Vec<Vec<Place>> {
        let mut runs: Vec<(Vec<u8>, Vec<Place>)> = Vec::new();
        for key in keys {
            let of = components(&key);
            match runs.last_mut() {
                Some((last, run)) if *last == of => run.push(place_of(&key).unwrap()),
                _ => runs.push((of, vec![place_of(&key).unwrap()])),
            }
        }
        if down {
            runs.reverse();
        }
        runs.into_iter().map(|(_, run)| run).collect()
    }

    /// Checks what a scan says of itself; the places it comes to.
    fn check(&self, scan: &Scan, matches: &BTreeSet<Place>, by: &By) -> BTreeSet<Place> {
        let layout = Layout::new(self.definition.index(scan.index).unwrap());
        let keys: Vec<Bytes> = scan
            .ranges
            .iter()
            .flat_map(|range| self.within(range))
            .collect();
        assert!(
            keys.is_sorted(),
            "ranges that are not ascending, or not apart"
        );
        let all: Vec<Place> = keys.iter().map(|key| place_of(key).unwrap()).collect();
        let reached: BTreeSet<Place> = all.iter().copied().collect();
        assert!(scan.has_doubles || reached.len() == all.len(), "doubles");
        if let Some(none) = &scan.counts
            && none.iter().all(|range| self.within(range).is_empty())
        {
            assert_eq!(all.len(), matches.len(), "a wrong count");
            assert_eq!(&reached, matches);
        }
        let first = |key: &Bytes, count: usize| {
            let whole = layout.components(key).unwrap();
            let mut rest = whole;
            for _ in 0..count {
                rest = layout.first(rest).unwrap().1;
            }
            whole[..whole.len() - rest.len()].to_vec()
        };
        let count = layout.paths().len();
        let in_order = |keys: Vec<Bytes>| {
            let runs = Self::places(keys, |key| first(key, count), scan.is_descending);
            let found: Vec<Place> = runs
                .concat()
                .into_iter()
                .filter(|place| matches.contains(place))
                .collect();
            let mut distinct = found.clone();
            distinct.dedup();
            assert_eq!(distinct, self.sorted(distinct.clone(), by), "not in order");
            found
        };
        match scan.order {
            Order::Any => {}
            Order::Wanted => drop(in_order(keys)),
            Order::Merged => scan
                .ranges
                .iter()
                .for_each(|range| drop(in_order(self.within(range)))),
            Order::Runs { components, .. } => {
                let runs = Self::places(keys, |key| first(key, components), scan.is_descending);
                let sorted = runs.into_iter().flat_map(|run| self.sorted(run, by));
                let found: Vec<Place> = sorted.filter(|place| matches.contains(place)).collect();
                assert_eq!(
                    found,
                    self.sorted(found.clone(), by),
                    "runs are not in order"
                );
            }
        }
        reached
    }

    fn reached(&self, plan: &Plan, matches: &BTreeSet<Place>, by: &By) -> BTreeSet<Place> {
        let all = || self.docs.iter().map(|(place, _)| *place);
        match plan {
            Plan::Nothing => BTreeSet::new(),
            Plan::Scan | Plan::ById { .. } => all().collect(),
            Plan::Ids(ids) => {
                let named = |place: &Place| {
                    let id = Path::new("_id".into()).find(Form::of(self.doc(*place)).unwrap());
                    id.unwrap()
                        .is_some_and(|id| ids.contains(&id.string().unwrap().unwrap()))
                };
                all().filter(named).collect()
            }
            Plan::Index(scan) => self.check(scan, matches, by),
            Plan::Both(a, b) => {
                let (a, b) = (self.check(a, matches, by), self.check(b, matches, by));
                a.intersection(&b).copied().collect()
            }
            Plan::Union(plans) => {
                let reached = plans.iter().flat_map(|plan| match plan {
                    // (What a branch says of itself it says of the branch.)
                    Plan::Index(scan) => {
                        let keys = scan.ranges.iter().flat_map(|range| self.within(range));
                        keys.map(|key| place_of(&key).unwrap()).collect()
                    }
                    plan => self.reached(plan, matches, by),
                });
                reached.collect()
            }
        }
    }
}

fn value() -> impl Strategy<Value = String> {
    let scalar = || {
        prop::sample::select(vec![
            "0", "1", "2", "3", r#""a""#, r#""ab""#, r#""b""#, "null", "true",
        ])
    };
    let list =
        prop::collection::vec(scalar(), 0..4).prop_map(|items| format!("[{}]", items.join(",")));
    prop_oneof![5 => scalar().prop_map(String::from), 2 => list]
}

fn field() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "c", "d.e"])
}

fn tested() -> impl Strategy<Value = String> {
    let compared = prop::sample::select(vec![
        "$gt",
        "$gte",
        "$lt",
        "$lte",
        "$ne",
        "$contains",
        "$startsWith",
    ]);
    let compared = (compared, value()).prop_map(|(name, value)| match name {
        "$startsWith" => r#"{"$startsWith":"a"}"#.to_string(),
        _ => format!(r#"{{"{name}":{value}}}"#),
    });
    let listed = (
        prop::sample::select(vec!["$in", "$all"]),
        prop::collection::vec(value(), 0..4),
    )
        .prop_map(|(name, values)| format!(r#"{{"{name}":[{}]}}"#, values.join(",")));
    prop_oneof![
        5 => value(),
        3 => compared,
        2 => listed,
        1 => (value(), value()).prop_map(|(a, b)| format!(r#"{{"$elemMatch":{{"$gte":{a},"$lt":{b}}}}}"#)),
        1 => (value(), value()).prop_map(|(a, b)| format!(r#"{{"$gte":{a},"$lte":{b}}}"#)),
        1 => Just(r#"{"$exists":false}"#.to_string()),
    ]
}

fn query() -> impl Strategy<Value = String> {
    let id =
        prop::sample::select(vec!["0", "1", "2", "x"]).prop_map(|id| format!(r#""_id":"{id}""#));
    let asked = prop_oneof![12 => (field(), tested()).prop_map(|(field, test)| format!(r#""{field}":{test}"#)), 1 => id];
    let one = prop::collection::btree_map(Just(0u8), asked.clone(), 0..2)
        .prop_map(|all| all.into_values().collect::<Vec<_>>());
    let flat = prop::collection::vec(asked, 0..4).prop_map(|all| {
        let all: Vec<String> = all.iter().map(|one| format!("{{{one}}}")).collect();
        format!(r#""$and":[{}]"#, all.join(","))
    });
    let branches =
        prop::collection::vec(one.prop_map(|all| format!("{{{}}}", all.join(","))), 1..4);
    let branches = branches.prop_map(|all| format!(r#","$or":[{}]"#, all.join(",")));
    (flat, prop::option::weighted(0.3, branches))
        .prop_map(|(flat, or)| format!("{{{flat}{}}}", or.unwrap_or_default()))
}

fn documents() -> impl Strategy<Value = Vec<String>> {
    let fields = prop::collection::btree_map(
        prop::sample::select(vec!["a", "b", "c", "d.e"]),
        value(),
        0..5,
    );
    prop::collection::vec(fields, 0..24).prop_map(|docs| {
        let doc = |(at, fields): (usize, BTreeMap<&str, String>)| {
            let fields = fields.iter().map(|(name, value)| match *name {
                "d.e" => format!(r#","d":{{"e":{value}}}"#),
                name => format!(r#","{name}":{value}"#),
            });
            format!(r#"{{"_id":"{at}"{}}}"#, fields.collect::<String>())
        };
        docs.into_iter().enumerate().map(doc).collect()
    })
}

fn definition() -> impl Strategy<Value = Definition> {
    let fields = prop::sample::subsequence(vec!["a", "b", "c", "d.e", "_id"], 1..4).prop_shuffle();
    prop::collection::vec((fields, any::<bool>()), 0..5).prop_map(|indexes| {
        let made = indexes.iter().zip(0..).map(|((fields, multi), number)| {
            index(number, if *multi { flag::MULTI } else { 0 }, fields)
        });
        of(made.collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn every_plan_comes_to_what_matches_in_the_order_that_it_says(
        docs in documents(), definition in definition(), query in query(),
        sort in prop::collection::vec((field(), any::<bool>()), 0..4), one_way in prop::option::of(any::<bool>()),
        most in prop::option::of(0u64..10), sizes in prop::collection::vec(0u64..20_000, 6),
    ) {
        let stored = from_json(query.as_bytes());
        let compiled = Query::compile(&stored, Rc::new(())).unwrap();
        let model = Model::new(docs, definition);
        let matching = model.docs.iter().filter(|(_, doc)| compiled.matches(doc).unwrap());
        let matching: BTreeSet<Place> = matching.map(|(place, _)| *place).collect();
        let mut sort = sort;
        if let Some(one_way) = one_way {
            sort.iter_mut().for_each(|(_, down)| *down = one_way);
        }
        let mut sizes = numbers(&sizes, 20_000);
        let plan = with(&model.definition, &query, &sort, most, &mut sizes);
        let reached = model.reached(&plan, &matching, &by(&sort));
        prop_assert!(matching.is_subset(&reached), "missed by {plan:?}");
    }
}
