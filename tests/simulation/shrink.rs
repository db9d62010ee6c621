//! Makes a failing plan smaller by leaving items out, as long as it fails.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::plan::Plan;
use super::world::{Counts, run};

/// What a plan fails with, if it does.
pub fn failure_of(plan: &Plan) -> Result<Counts, String> {
    match catch_unwind(AssertUnwindSafe(|| run(plan))) {
        Ok((_, counts)) => Ok(counts),
        Err(panic) => Err(panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
            .unwrap_or_else(|| "a panic without words".into())),
    }
}

/// The items that can be left out of a failing plan, and what the rest fails with.
#[expect(
    clippy::disallowed_methods,
    reason = "bounds the search, decides nothing in the world"
)]
pub fn shrink(plan: &Plan, mut why: String, at_most: Duration) -> (BTreeSet<usize>, String) {
    let begun = Instant::now();
    let mut left_out = BTreeSet::new();
    let mut chunk = plan.items.len().div_ceil(2);
    while chunk > 0 {
        let mut from = 0;
        while from < plan.items.len() && begun.elapsed() < at_most {
            let mut more = left_out.clone();
            more.extend(from..(from + chunk).min(plan.items.len()));
            if more.len() > left_out.len()
                && let Err(reason) = failure_of(&plan.without(&more))
            {
                (left_out, why) = (more, reason);
            }
            from += chunk;
        }
        chunk /= 2;
    }
    (left_out, why)
}
