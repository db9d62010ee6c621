use super::*;
use crate::codec::entry::{Entry, Holes};
use crate::record::Id;
use bytes::Bytes;
use proptest::prelude::*;

fn entry(stored: u64) -> Entry {
    Entry {
        id: Id([1; 16]),
        first: Bytes::from_static(b"a"),
        last: Bytes::from_static(b"b"),
        holes: Holes::default(),
        pieces: false,
        fill: crate::codec::stamp::Fill::default(),
        records: 1,
        tombstones: 0,
        bytes: stored,
        stored,
        expiry: Default::default(),
        more: Default::default(),
    }
}

fn page(entries: u64, stored: u64) -> PageRef {
    PageRef {
        id: Id([2; 16]),
        first: Bytes::from_static(b"a"),
        last: Bytes::from_static(b"b"),
        entries,
        records: entries,
        bytes: stored,
        stored,
        expiry: Default::default(),
        more: Default::default(),
    }
}

/// A directory of so many runs of so many bytes each, and levels of one page of so many bytes.
fn directory(runs: usize, run_bytes: u64, levels: &[u64]) -> Root {
    Root {
        runs: vec![vec![entry(run_bytes)]; runs],
        levels: levels
            .iter()
            .map(|stored| {
                if *stored == 0 {
                    Vec::new()
                } else {
                    vec![page(3, *stored)]
                }
            })
            .collect(),
        ..Root::default()
    }
}

const LIMITS: Limits = Limits {
    log_frames: 100,
    log_bytes: 1_000,
    piece_bytes: 8_000,
    garbage_bytes: 1,
    level0_bytes: 500,
    level1_bytes: 5_000,
};
const EMPTY: Tail = Tail {
    frames: 0,
    bytes: 0,
    pieces: 0,
};

fn step(root: &Root) -> Step {
    next(root, EMPTY, &LIMITS, false, 0)
}

#[test]
fn the_log_is_as_full_as_its_fullest_measure() {
    let tail = |frames, bytes, pieces| Tail {
        frames,
        bytes,
        pieces,
    };
    let fullness = |tail: Tail| tail.fullness(&LIMITS);
    assert_eq!(fullness(EMPTY), 0.0);
    assert_eq!(fullness(tail(50, 100, 800)), 0.5);
    assert_eq!(fullness(tail(1, 2_500, 800)), 2.5);
    assert_eq!(fullness(tail(1, 100, 12_000)), 1.5);
    let at = |part: usize| tail(part, 0, 0);
    assert_eq!(
        [12, 13].map(|part| at(part).is_worth_a_flush(&LIMITS)),
        [false, true]
    );
    assert_eq!(
        [199, 200].map(|part| is_overfull(at(part), &LIMITS)),
        [false, true]
    );
    assert_eq!(
        [999, 1_000].map(|dead| is_worth_freeing(dead, &LIMITS)),
        [false, true]
    );
}

#[test]
fn a_full_log_is_flushed_before_anything_is_merged() {
    let crowded = directory(20, 1_000, &[100_000]);
    let at = |frames| Tail { frames, ..EMPTY };
    assert_eq!(next(&crowded, at(100), &LIMITS, false, 7), Step::Flush);
    assert_eq!(
        next(&crowded, at(99), &LIMITS, false, 7),
        Step::Merge(0, Pick::All)
    );
}

#[test]
fn level_0_is_merged_when_it_is_worth_while_or_long() {
    let cases = [
        // runs, bytes of each, what is due
        (0, 0, false),
        (3, 10_000, false),
        (4, 124, false),
        (4, 125, true),
        (9, 10, false),
        (10, 10, true),
    ];
    for (runs, bytes, is_due) in cases {
        let due = if is_due {
            Step::Merge(0, Pick::All)
        } else {
            Step::Rest
        };
        assert_eq!(
            step(&directory(runs, bytes, &[])),
            due,
            "{runs} runs of {bytes}"
        );
    }
    let pressed = |runs| next(&directory(runs, 1, &[]), EMPTY, &LIMITS, true, 0);
    assert_eq!(pressed(1), Step::Rest);
    assert_eq!(pressed(2), Step::Merge(0, Pick::All));
    assert_eq!(
        [15, 16].map(|runs| is_crowded(&directory(runs, 1, &[]))),
        [false, true]
    );
}

#[test]
fn each_level_takes_ten_times_what_the_one_above_does() {
    assert_eq!(
        step(&directory(0, 0, &[5_000, 50_000, 500_000])),
        Step::Rest
    );
    assert_eq!(
        step(&directory(0, 0, &[5_001, 50_001])),
        Step::Merge(1, Pick::Nth(0))
    );
    assert_eq!(
        step(&directory(0, 0, &[5_000, 50_001])),
        Step::Merge(2, Pick::Nth(0))
    );
    assert_eq!(
        step(&directory(0, 0, &[0, 0, 500_001])),
        Step::Merge(3, Pick::Nth(0))
    );
    let levels = [0, 5_000, 5_001, 50_000, 50_001, 500_001];
    assert_eq!(
        levels.map(|stored| level_for(stored, &LIMITS)),
        [0, 0, 1, 1, 2, 3]
    );
    // As many bytes as there can be end somewhere.
    assert!(level_for(u64::MAX, &LIMITS) < 20);
}

#[test]
fn compacting_goes_from_the_top_down_until_one_level_is_left() {
    let cases: [(usize, &[u64], Step); 7] = [
        (0, &[], Step::Rest),
        (1, &[], Step::Merge(0, Pick::All)),
        (1, &[7, 7], Step::Merge(0, Pick::All)),
        (0, &[7], Step::Rest),
        (0, &[0, 0, 7], Step::Rest),
        (0, &[7, 0, 7], Step::Merge(1, Pick::All)),
        (0, &[0, 7, 7], Step::Merge(2, Pick::All)),
    ];
    for (runs, levels, expected) in cases {
        assert_eq!(
            compacting(&directory(runs, 1, levels)),
            expected,
            "{runs} {levels:?}"
        );
    }
}

proptest! {
    /// By any dice: the segment is one that is there, and each comes up.
    #[test]
    fn dice_pick_segments_that_are_there(pages in prop::collection::vec(1u64..5, 1..5), dice: u64) {
        let pages: Vec<_> = pages.into_iter().map(|entries| page(entries, 5_001)).collect();
        let total: u64 = pages.iter().map(|page| page.entries).sum();
        let root = Root { levels: vec![pages.clone()], ..Root::default() };
        let Step::Merge(1, Pick::Nth(at)) = next(&root, EMPTY, &LIMITS, false, dice) else {
            return Err(TestCaseError::fail("no merge of level 1"));
        };
        prop_assert_eq!(at, dice % total);
        let (found, place) = page_of(&pages, at).unwrap();
        prop_assert!((place as u64) < found.entries);
        let every: Vec<_> = (0..total).map(|at| page_of(&pages, at).map(|(_, place)| place)).collect();
        let expected = pages.iter().flat_map(|page| (0..page.entries as usize).map(Some));
        prop_assert!(every.into_iter().eq(expected));
        prop_assert!(page_of(&pages, total).is_none());
    }

    /// Whatever there is, compacting it ends, with all in one level.
    #[test]
    fn compacting_ends(runs in 0usize..4, levels in prop::collection::vec(0u64..3, 0..5)) {
        let mut root = directory(runs, 1, &levels);
        let before = runs + levels.iter().filter(|stored| **stored > 0).count();
        for _ in 0..=levels.len() + 1 {
            let Step::Merge(level, Pick::All) = compacting(&root) else { break };
            if level == 0 {
                root.runs.clear();
            } else {
                root.levels[level - 1].clear();
            }
            if root.levels.len() <= level {
                root.levels.resize(level + 1, Vec::new());
            }
            root.levels[level] = vec![page(1, 1)];
        }
        prop_assert_eq!(compacting(&root), Step::Rest);
        let filled = root.levels.iter().filter(|level| !level.is_empty()).count();
        prop_assert_eq!(filled, before.min(1));
    }
}
