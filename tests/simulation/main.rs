//! The engine in simulated worlds: many tabs over one database, with everything decided by a seed:
//! what they do, how tasks interleave, what fails, who dies, when the power is cut. One order of
//! commits must explain all that anybody was told and saw.
//!
//! `SEEDS=from..until` chooses other seeds. A failing one is made smaller and printed as
//! `SEEDS=n..n+1 WITHOUT=…`, which replays it; `TRACE=1` then tells all that happened. `COUNT=1`
//! counts all failing seeds instead. Those of `seeds.txt` are run, too, whatever is chosen.
#![cfg(not(target_arch = "wasm32"))]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that meets the unexpected must fail"
)]

mod cells;
mod contents;
mod defined;
mod directory;
mod documents;
mod expiring;
mod explain;
mod indexes;
mod keys;
mod kin;
mod later;
mod ledger;
mod live;
mod model;
mod operation;
mod plan;
mod shrink;
mod spoiled;
mod switching;
mod tab;
mod tagged;
mod world;

use plan::Plan;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use world::Counts;

fn seeds() -> Range<u64> {
    let Ok(given) = std::env::var("SEEDS") else {
        return 0..2_000;
    };
    let (from, until) = given.split_once("..").unwrap();
    from.parse().unwrap()..until.parse().unwrap()
}

fn left_out() -> BTreeSet<usize> {
    let given = std::env::var("WITHOUT").unwrap_or_default();
    given
        .split(',')
        .filter_map(|item| item.parse().ok())
        .collect()
}

fn report(plan: &Plan, why: &str) -> String {
    let seed = plan.seed;
    let (without, why) = shrink::shrink(plan, why.to_string(), Duration::from_secs(40));
    let items: Vec<String> = without.iter().map(ToString::to_string).collect();
    // (Each test has worlds of its own; run by itself, it is "main".)
    let thread = std::thread::current();
    let test = thread.name().filter(|name| *name != "main");
    format!(
        "seed {seed}: {why}\nof {} items these are left:\n{}\nSEEDS={seed}..{} WITHOUT={} cargo test --test simulation -- {}\n",
        plan.items.len(),
        plan.without(&without)
            .items
            .iter()
            .map(|item| format!("  {item:?}\n"))
            .collect::<String>(),
        seed + 1,
        items.join(","),
        test.unwrap_or_default(),
    )
}

/// The plan of a seed.
type PlanOf = fn(u64) -> Plan;

/// Runs these worlds, on all cores: what failed, and what happened in the others. After three failures that will do,
/// unless all are to be counted.
fn outcomes(
    seeds: &[u64],
    plan: PlanOf,
    without: &BTreeSet<usize>,
    count: bool,
) -> (Vec<(u64, String)>, Counts) {
    if std::env::var("TRACE").is_err() {
        // Failures are told below, once, and not by each attempt to make them smaller.
        std::panic::set_hook(Box::new(|_| {}));
    }
    let next = AtomicUsize::new(0);
    let results = Mutex::new((Vec::new(), Counts::default()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let enough = !count && results.lock().unwrap().0.len() >= 3;
                    let next = seeds.get(next.fetch_add(1, Ordering::Relaxed));
                    let Some(&seed) = next.filter(|_| !enough) else {
                        return;
                    };
                    let outcome = shrink::failure_of(&plan(seed).without(without));
                    let mut results = results.lock().unwrap();
                    match outcome {
                        Ok(counts) => results.1.add(counts),
                        Err(why) => results.0.push((seed, why)),
                    }
                }
            });
        }
    });
    let (mut failures, counts) = results.into_inner().unwrap();
    let _ = std::panic::take_hook();
    failures.sort();
    (failures, counts)
}

/// Tells of the first failure, if there is any, made smaller.
fn assert_none(failures: &[(u64, String)], plan: PlanOf, without: &BTreeSet<usize>) {
    let Some((seed, why)) = failures.first() else {
        return;
    };
    std::panic::set_hook(Box::new(|_| {}));
    if std::env::var("TRACE").is_ok() {
        world::tell(&plan(*seed).without(without));
    }
    let told = if without.is_empty() {
        report(&plan(*seed), why)
    } else {
        format!("seed {seed}: {why}")
    };
    let _ = std::panic::take_hook();
    let all: Vec<u64> = failures.iter().map(|(seed, _)| *seed).collect();
    panic!("failing seeds {all:?}\n{told}");
}

#[test]
fn every_seed_is_explained_by_one_order_of_commits() {
    let (range, without) = (seeds(), left_out());
    let count = std::env::var("COUNT").is_ok();
    let all: Vec<u64> = range.clone().collect();
    let (failures, counts) = outcomes(&all, Plan::of_seed, &without, count);
    println!("seeds {range:?}: {counts:?}");
    assert!(
        !count || failures.is_empty(),
        "failing: {} of {}",
        failures.len(),
        all.len()
    );
    assert_none(&failures, Plan::of_seed, &without);
}

/// Every fourth of the worlds, with an encrypted patch.
#[test]
fn encrypted_patches_are_explained_like_others() {
    let (range, without) = (seeds(), left_out());
    let all: Vec<u64> = range.filter(|seed| seed % 4 == 0).collect();
    let (failures, counts) = outcomes(&all, Plan::sealed_of_seed, &without, false);
    println!("encrypted: {counts:?}");
    assert_none(&failures, Plan::sealed_of_seed, &without);
}

/// Every other of the worlds, with tabs that change the catalog and go by it.
#[test]
fn catalogs_that_change_are_explained_too() {
    let (range, without) = (seeds(), left_out());
    let all: Vec<u64> = range.filter(|seed| seed % 2 == 0).collect();
    let (failures, counts) = outcomes(&all, Plan::defining_of_seed, &without, false);
    println!("changing catalogs: {counts:?}");
    assert_none(&failures, Plan::defining_of_seed, &without);
}

/// Every other of the worlds, with tabs that make and drop indexes over the documents.
#[test]
fn indexes_are_what_a_recount_gives() {
    let (range, without) = (seeds(), left_out());
    let all: Vec<u64> = range.filter(|seed| seed % 2 == 1).collect();
    let (failures, counts) = outcomes(&all, Plan::indexing_of_seed, &without, false);
    println!("indexes: {counts:?}");
    assert_none(&failures, Plan::indexing_of_seed, &without);
}

/// All of the worlds, with tabs that make, move and remove documents that refer to each other, under what is defined of them.
#[test]
fn references_and_sequences_hold_whatever_happens() {
    let (range, without) = (seeds(), left_out());
    let all: Vec<u64> = range.collect();
    let (failures, counts) = outcomes(&all, Plan::kin_of_seed, &without, false);
    println!("references and sequences: {counts:?}");
    assert_none(&failures, Plan::kin_of_seed, &without);
    assert!(
        all.len() < 2_000 || counts.refused > all.len(),
        "few are refused"
    );
}

/// A quarter of the worlds, with tabs that put contents, refer to them and collect them.
#[test]
fn contents_live_as_long_as_a_record_holds_them() {
    let (range, without) = (seeds(), left_out());
    let all: Vec<u64> = range.filter(|seed| seed / 4 % 4 == 0).collect();
    let count = std::env::var("COUNT").is_ok();
    let (failures, counts) = outcomes(&all, Plan::contents_of_seed, &without, count);
    println!("contents: {counts:?}");
    assert!(
        !count || failures.is_empty(),
        "failing: {} of {}",
        failures.len(),
        all.len()
    );
    assert_none(&failures, Plan::contents_of_seed, &without);
    assert!(
        all.len() < 500 || counts.refused.min(counts.collected) > all.len() / 2,
        "few are refused, or collected"
    );
}

#[test]
fn seeds_that_once_failed_do_so_no_more() {
    let all: Vec<u64> = include_str!("seeds.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_whitespace().next().unwrap().parse().unwrap())
        .collect();
    assert!(!all.is_empty());
    let (failures, counts) = outcomes(&all, Plan::of_seed, &BTreeSet::new(), false);
    println!("seeds that once failed: {counts:?}");
    assert_none(&failures, Plan::of_seed, &BTreeSet::new());
}

#[test]
fn spoiled_records_are_reported_and_left_alone() {
    let (mut noticed, mut harmless) = (0, 0);
    for seed in 0..60 {
        let (more, less) = spoiled::check(&Plan::of_seed(seed), 25);
        (noticed, harmless) = (noticed + more, harmless + less);
    }
    for seed in 60..90 {
        let (more, less) = spoiled::check(&Plan::sealed_of_seed(seed), 25);
        (noticed, harmless) = (noticed + more, harmless + less);
    }
    println!("spoiled records: {noticed} noticed, {harmless} of no account");
    assert!(
        noticed > harmless,
        "{noticed} noticed, {harmless} of no account"
    );
}

#[test]
fn what_is_not_known_and_may_be_passed_over_is_kept() {
    let kept = (0..150).filter(|seed| world::keeps(&Plan::of_seed(*seed)));
    let kept = kept.count();
    println!("tags kept in {kept} worlds; the others began a new life");
    assert!(kept > 75, "{kept}");
}

#[test]
fn a_seed_run_twice_gives_the_same_trace() {
    for seed in 0..25 {
        let plan = Plan::of_seed(seed);
        let (first, _) = world::run(&plan);
        let (second, _) = world::run(&plan);
        assert!(first.len() > 4, "seed {seed} does nothing");
        assert_eq!(first, second, "seed {seed}");
    }
}
