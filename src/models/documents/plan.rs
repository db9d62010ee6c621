//! How a query runs in a collection.

use std::rc::Rc;

use super::Collection;
use super::kept::Kept;
use super::planner::{self, Order, Plan, Ranges, Scan, Wanted};
use super::spec::FindSpec;
use super::window::PAGE_ITEMS;
use crate::codec::js_string::JsString;
use crate::codec::js_string::json::write_quoted;
use crate::engine::access::Reads;
use crate::error::Result;
use crate::models::query::Query;
use crate::models::query::bounds::Bounds;

/// A plan, and what it was made by.
pub(super) struct Planned {
    pub plan: Plan,
    pub bounds: Bounds,
    pub kept: Option<Rc<Kept>>,
}

/// How the entries of a scan are read where their order is of use.
pub(super) struct InOrder {
    /// The components that are sorted by, ascending.
    pub components: Vec<usize>,
    /// Whether entries that agree in them have yet to be sorted.
    pub runs: bool,
    /// Whether the ranges have to be merged.
    pub is_merged: bool,
}

/// The plan for a query, of which only those documents are wanted that have one of some values at a path (`among`).
///
/// # Errors
/// `Corrupt`, `UnsupportedFormat`.
pub(super) fn planned(
    collection: &Collection,
    query: &Query,
    spec: &FindSpec,
    among: Option<&Among>,
    r: &mut dyn Reads,
) -> Result<Planned> {
    let kept = Kept::of(&r.catalog(), &collection.defined)?;
    let mut bounds = query.bounds()?;
    if let Some(Among { path, keys, ids }) = among {
        bounds.among(path, keys.clone());
        bounds.ids = bounds.ids.or_else(|| ids.clone());
    }
    let most = spec.limit.map(|limit| limit.saturating_add(spec.skip));
    let wanted = Wanted {
        sort: &spec.sort,
        most: if spec.page {
            Some(most.unwrap_or(u64::MAX).min(PAGE_ITEMS))
        } else {
            most
        },
    };
    let (docs, ids) = (collection.all(), collection.all_ids());
    let ranges = Ranges {
        docs: &docs,
        ids: &ids,
    };
    let none = planner::no_definition();
    let definition = kept.as_ref().map_or(&none, |kept| &kept.definition);
    let estimate = &mut |range: &_| r.estimate(range);
    let plan = planner::plan(definition, &bounds, wanted, ranges, estimate);
    Ok(Planned { plan, bounds, kept })
}

/// Only documents that have one of some values at a path.
#[derive(Clone)]
pub(super) struct Among {
    pub path: JsString,
    /// Their sort keys.
    pub keys: Vec<Vec<u8>>,
    /// If the path is `_id`, those of them that are ids: ascending.
    pub ids: Option<Vec<JsString>>,
}

impl Planned {
    /// How to read the entries of a scan in order; `None` where their order is of no use.
    pub fn in_order(&self, scan: &Scan, spec: &FindSpec) -> Option<InOrder> {
        let sort = planner::sort_of(&self.bounds, &spec.sort);
        let count = match scan.order {
            Order::Any => return None,
            Order::Wanted | Order::Merged => usize::MAX,
            Order::Runs { sorted, .. } => sorted,
        };
        let component = |field| scan.fields.iter().position(|other| other == field);
        let components = sort.fields().take(count).map(component);
        Some(InOrder {
            components: components.collect::<Option<_>>()?,
            // planted: order-by-beginning
            runs: matches!(scan.order, Order::Runs { .. }),
            is_merged: scan.order == Order::Merged,
        })
    }
}

/// The JSON text that tells of how a query would run: `{"kind":"id"}`, `{"kind":"scan"}` or
/// `{"kind":"index","index":[…],"ordered":…}`; of several indexes the first.
///
/// # Errors
/// `Corrupt`, `UnsupportedFormat`.
pub fn explain(
    collection: &Collection,
    query: &Query,
    spec: &FindSpec,
    r: &mut dyn Reads,
) -> Result<String> {
    let planned = planned(collection, query, spec, None, r)?;
    Ok(match first_scan(&planned.plan) {
        Some(scan) => {
            let mut fields = Vec::new();
            for field in &scan.fields {
                if !fields.is_empty() {
                    fields.push(b',');
                }
                write_quoted(field.as_js(), &mut fields);
            }
            let is_alone = matches!(planned.plan, Plan::Index(_));
            let is_ordered = !spec.sort.is_empty() && scan.order != Order::Any;
            let is_ordered = is_alone && is_ordered && !matches!(scan.order, Order::Runs { .. });
            let fields = String::from_utf8_lossy(&fields).into_owned();
            let ordered = if is_ordered { "true" } else { "false" };
            [
                r#"{"kind":"index","index":["#,
                &fields,
                r#"],"ordered":"#,
                ordered,
                "}",
            ]
            .concat()
        }
        None => match planned.plan {
            // (Of what can hold nowhere, nothing is read.)
            Plan::Scan | Plan::Nothing => r#"{"kind":"scan"}"#.into(),
            _ => r#"{"kind":"id"}"#.into(),
        },
    })
}

fn first_scan(plan: &Plan) -> Option<&Scan> {
    match plan {
        Plan::Index(scan) | Plan::Both(scan, _) => Some(scan),
        Plan::Union(plans) => plans.iter().find_map(first_scan),
        Plan::Nothing | Plan::Ids(_) | Plan::ById { .. } | Plan::Scan => None,
    }
}
