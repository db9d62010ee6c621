//! Whether one order of commits explains everything that the tabs were told and saw.

use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};

use super::contents;
use super::kin;
use super::ledger::{Ending, Entry, Ledger, Seen};
use super::model::{Model, total};
use super::operation::{ACCOUNTS_TOTAL, Call};

/// A stretch of the world's time that ends with the data at rest: looked at, lost or deleted.
#[derive(Debug, Clone)]
pub struct Phase {
    pub number: u64,
    /// The calls in the order of their commits, as the history has it.
    pub order: Vec<u64>,
    /// The data.
    pub data: Vec<(Bytes, Bytes)>,
    /// Not a phase of its own but the beginning of the next.
    pub is_start: bool,
}

/// Checks all phases.
pub fn check(ledger: &Ledger, phases: &[Phase]) {
    let entries = ledger.entries.borrow();
    let reads = ledger.reads.borrow();
    let mut start: Vec<u64> = Vec::new();
    for phase in phases {
        if phase.is_start {
            start.clone_from(&phase.order);
            continue;
        }
        let may_lose = ledger.unfenced.borrow().contains(&phase.number);
        check_phase(&entries, &reads, phase, &start, may_lose);
        start.clear();
    }
}

fn check_phase(
    entries: &BTreeMap<u64, Entry>,
    reads: &[Seen],
    phase: &Phase,
    start: &[u64],
    may_lose: bool,
) {
    assert!(
        phase.order.starts_with(start),
        "the order {:?} does not go on from {start:?}",
        phase.order
    );
    let committed: BTreeSet<u64> = phase.order.iter().copied().collect();
    assert_eq!(
        committed.len(),
        phase.order.len(),
        "a call is there twice: {:?}",
        phase.order
    );
    let mut states = vec![Model::new()];
    for (at, id) in phase.order.iter().enumerate() {
        let entry = entries
            .get(id)
            .unwrap_or_else(|| panic!("nobody made call {id}"));
        assert!(
            at < start.len() || entry.phase == phase.number,
            "call {id} comes from before"
        );
        let mut state = states.last().cloned().unwrap_or_default();
        let told = entry.call.apply(&mut state);
        assert!(!kin::refuses(&told), "call {id} must be refused: {entry:?}");
        if let Ending::Acknowledged(was_told) = &entry.ending {
            assert_eq!(
                *was_told, told,
                "call {id} was told something else: {entry:?}"
            );
        }
        assert_eq!(
            total(&state),
            ACCOUNTS_TOTAL,
            "the sum of the accounts after call {id}"
        );
        states.push(state);
    }
    for entry in entries.values().filter(|entry| entry.phase == phase.number) {
        let there = committed.contains(&entry.call.id);
        match entry.ending {
            Ending::Acknowledged(_) => {
                assert!(there || may_lose, "acknowledged and lost: {entry:?}")
            }
            Ending::Failed => assert!(!there, "failed and there: {entry:?}"),
            Ending::Refused => {
                assert!(!there, "refused and there: {entry:?}");
                let is_right = may_lose || is_refused(entries, phase, &states, entry);
                assert!(is_right, "refused by no state that there was: {entry:?}");
            }
            Ending::Open | Ending::Unknown => {}
        }
    }
    let last = states.last().cloned().unwrap_or_default();
    let data: Model = phase.data.iter().cloned().collect();
    if let Some(key) = last
        .keys()
        .chain(data.keys())
        .find(|key| last.get(*key) != data.get(*key))
    {
        panic!(
            "{key:?} is {:?} and not {:?}",
            brief(data.get(key)),
            brief(last.get(key))
        );
    }
    // Who was told of a commit that a deletion without a fence has lost sees it, till it hears.
    let is_misled = |seen: &Seen| {
        let acknowledged = |id| entries.get(id).is_some_and(|e| e.phase == phase.number);
        let mut lost = seen
            .acknowledged
            .iter()
            .filter(|id| !committed.contains(id));
        may_lose && lost.any(acknowledged)
    };
    let mut from: BTreeMap<u64, usize> = BTreeMap::new();
    let reads = reads.iter().filter(|seen| seen.phase == phase.number);
    for seen in reads.filter(|seen| !is_misled(seen)) {
        let least = from.entry(seen.life).or_insert(0);
        *least = explain(entries, phase, &states, seen, *least);
    }
}

/// The first prefix of the order, from `least` on, that explains what was seen.
fn explain(
    entries: &BTreeMap<u64, Entry>,
    phase: &Phase,
    states: &[Model],
    seen: &Seen,
    least: usize,
) -> usize {
    let mine = |id: &u64| seen.acknowledged.contains(id);
    let own = phase.order.iter().rposition(mine).map_or(0, |at| at + 1);
    let candidates = least.max(own)..states.len();
    for at in candidates.clone() {
        let (before, _) = phase.order.split_at(at);
        let mut shown = shown_over(entries, phase, before, &seen.pending).into_iter();
        if shown.any(|shown| shows(&states[at], &shown, seen)) {
            return at;
        }
    }
    let (at, wrong) = nearest(states, seen, candidates.clone());
    panic!(
        "no prefix in {candidates:?} of {:?} explains what life {} saw, with {:?} pending; \
         prefix {at} but for {wrong:?}",
        phase.order, seen.life, seen.pending
    );
}

/// Which of the pending calls may show over the first ones of the order: what fails in the end may have been taken back
/// already, the first ones, or all.
fn shown_over<'a>(
    entries: &'a BTreeMap<u64, Entry>,
    phase: &Phase,
    before: &[u64],
    pending: &[u64],
) -> Vec<Vec<&'a Call>> {
    let pending: Vec<&Entry> = pending
        .iter()
        .filter(|id| !before.contains(id))
        .filter_map(|id| entries.get(id))
        .collect();
    let fails = |entry: &&Entry| !phase.order.contains(&entry.call.id);
    let failing = pending.iter().copied().filter(fails).count();
    let all = (0..=failing).map(|taken_back| {
        let mut left = taken_back;
        let shown = pending.iter().filter(|entry| {
            let gone = left > 0 && fails(entry);
            left -= usize::from(gone);
            !gone
        });
        shown.map(|entry| &entry.call).collect()
    });
    all.collect()
}

/// Whether a call is one to be refused, on some state that there was.
fn is_refused(
    entries: &BTreeMap<u64, Entry>,
    phase: &Phase,
    states: &[Model],
    entry: &Entry,
) -> bool {
    states.iter().enumerate().any(|(at, state)| {
        let (before, _) = phase.order.split_at(at);
        let mut shown = shown_over(entries, phase, before, &entry.pending).into_iter();
        shown.any(|shown| {
            let mut state = state.clone();
            shown.iter().for_each(|call| drop(call.apply(&mut state)));
            let may_be = contents::may_refuse(&entry.call, &state);
            may_be || kin::refuses(&entry.call.apply(&mut state))
        })
    })
}

/// Whether a state, under some pending calls, is what was seen.
fn shows(state: &Model, pending: &[&Call], seen: &Seen) -> bool {
    let mut state = state.clone();
    pending.iter().for_each(|call| drop(call.apply(&mut state)));
    let mut found = seen.found.iter();
    found.all(|(key, value)| state.get(key) == value.as_ref())
}

/// The prefix that explains most of what was seen, and what it does not: (key, seen, there).
fn nearest(
    states: &[Model],
    seen: &Seen,
    candidates: std::ops::Range<usize>,
) -> (usize, Vec<(Bytes, String, String)>) {
    let wrong = |at: usize| {
        let state = &states[at];
        let differ = seen
            .found
            .iter()
            .filter(|(k, v)| state.get(*k) != v.as_ref());
        differ
            .map(|(k, v)| (k.clone(), brief(v.as_ref()), brief(state.get(k))))
            .collect::<Vec<_>>()
    };
    let all = candidates.map(|at| (at, wrong(at)));
    all.min_by_key(|(at, wrong)| (wrong.len(), usize::MAX - at))
        .unwrap_or_default()
}

/// A value's beginning.
fn brief(value: Option<&Bytes>) -> String {
    value.map_or("absent".into(), |v| {
        let head = &v[..v.len().min(8)];
        format!(
            "{} ({} bytes)",
            String::from_utf8_lossy(head).escape_debug(),
            v.len()
        )
    })
}
