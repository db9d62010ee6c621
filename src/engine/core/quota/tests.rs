use super::*;
use proptest::prelude::*;

const NONE: f64 = f64::INFINITY;

fn level(own: f64, max_bytes: f64, origin: Option<(f64, f64)>, failed_at: f64) -> (f64, f64) {
    nearest(&Levels {
        own,
        max_bytes,
        origin,
        failed_at,
    })
}

#[test]
fn the_limit_that_usage_is_nearest_to_counts() {
    let table = [
        // Own bytes, budget, the origin's usage and quota, where a write failed: usage and limit.
        ((5.0, NONE, None, NONE), (5.0, 0.0)),
        ((5.0, 10.0, None, NONE), (5.0, 10.0)),
        ((5.0, NONE, Some((30.0, 100.0)), NONE), (30.0, 100.0)),
        ((5.0, 10.0, Some((30.0, 100.0)), NONE), (5.0, 10.0)),
        ((5.0, 10.0, Some((60.0, 100.0)), NONE), (60.0, 100.0)),
        // Less is enforced than is reported.
        ((5.0, NONE, Some((30.0, 100.0)), 40.0), (30.0, 40.0)),
        ((5.0, 10.0, Some((30.0, 100.0)), 40.0), (30.0, 40.0)),
        ((5.0, NONE, Some((50.0, 100.0)), 40.0), (50.0, 40.0)),
        // What is reported is less.
        ((5.0, NONE, Some((30.0, 40.0)), 90.0), (30.0, 40.0)),
        // No quota is reported.
        ((5.0, NONE, Some((30.0, 0.0)), NONE), (5.0, 0.0)),
        ((5.0, 10.0, Some((30.0, 0.0)), NONE), (5.0, 10.0)),
    ];
    for ((own, max_bytes, origin, failed_at), expected) in table {
        let given = (own, max_bytes, origin, failed_at);
        assert_eq!(
            level(own, max_bytes, origin, failed_at),
            expected,
            "{given:?}"
        );
    }
}

#[test]
fn the_steps_are_taken_in_order_and_each_once() {
    let mut last = None;
    let mut taken = Vec::new();
    while let Some(action) = next(last) {
        taken.push(action.name());
        last = Some(action);
    }
    assert_eq!(
        taken,
        ["prune-oplog", "evict-expired", "compact", "compact"]
    );
    assert_eq!(next(Some(Action::Full)), None);
}

#[test]
fn of_two_policies_the_stricter_limits_count() {
    let one = Policy {
        threshold: 0.9,
        max_bytes: 100.0,
    };
    let other = Policy {
        threshold: 0.5,
        max_bytes: NONE,
    };
    let both = Policy {
        threshold: 0.5,
        max_bytes: 100.0,
    };
    assert_eq!(one.strictest(other), both);
    assert_eq!(other.strictest(one), both);
    assert_eq!(Policy::default().strictest(one), one);
}

#[test]
fn compacting_is_worth_while_once_enough_has_changed() {
    // Nothing has changed.
    assert!(!is_worth_compacting(0, 1_600, Some(10)));
    // Less than a sixteenth of what is stored, less than what is needed.
    assert!(!is_worth_compacting(99, 1_600, Some(10)));
    assert!(!is_worth_compacting(100, 1_600, Some(101)));
    assert!(is_worth_compacting(101, 1_600, Some(101)));
    // In the background, a quarter.
    assert!(!is_worth_compacting(399, 1_600, None));
    assert!(is_worth_compacting(400, 1_600, None));
}

#[test]
fn collecting_rests_but_refuses_no_write_for_it() {
    let after = |took_ms| Collected {
        known: 7,
        ended_ms: 1_000.0,
        took_ms,
    };
    let table = [
        // Nothing has changed, or a minute has passed.
        (after(10.0), 7, 1_001.0, None, None),
        (after(10.0), 7, 61_000.0, Some(0.0), Some(0.0)),
        // Ten times as long as it took.
        (after(10.0), 8, 1_040.0, Some(60.0), Some(60.0)),
        (after(10.0), 8, 1_100.0, Some(0.0), Some(0.0)),
        // Longer in the background alone.
        (after(200.0), 8, 1_500.0, Some(1_000.0), None),
        (after(200.0), 8, 2_000.0, Some(1_000.0), Some(1_000.0)),
        (Collected::default(), 0, 0.0, Some(0.0), Some(0.0)),
    ];
    for (collected, known, now_ms, for_write, at_rest) in table {
        let rests_ms = |is_write| collected.rests_ms(known, now_ms, is_write);
        assert_eq!(
            (rests_ms(true), rests_ms(false)),
            (for_write, at_rest),
            "{collected:?} {known} {now_ms}"
        );
    }
}

proptest! {
    #[test]
    fn no_limit_is_overlooked(
        own in 0.0..1e9f64,
        max_bytes in prop::option::of(1.0..1e9f64),
        origin in prop::option::of((0.0..1e9f64, 0.0..1e9f64)),
        failed_at in prop::option::of(1.0..1e9f64),
        threshold in 0.01..1.0f64,
    ) {
        let at = level(own, max_bytes.unwrap_or(NONE), origin, failed_at.unwrap_or(NONE));
        let above = |usage: f64, limit: f64| usage > threshold * limit;
        let own_above = max_bytes.is_some_and(|max| above(own, max));
        let origin_above = origin.is_some_and(|(usage, quota)| {
            quota > 0.0 && above(usage, quota.min(failed_at.unwrap_or(NONE)))
        });
        prop_assert_eq!(is_above(at, threshold), own_above || origin_above);
    }
}
