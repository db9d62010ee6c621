//! Devices that synchronise: each a database with a few tabs, whose writes are logged. What they send each other is
//! lost, doubled, and comes in any order; tabs die and are opened again, clocks are set back, logs are flushed and
//! pruned, the power is cut. At the end, when all have all, every device must hold the same.
//!
//! `SEEDS=from..until` chooses other seeds.
#![cfg(not(target_arch = "wasm32"))]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected must fail"
)]

mod device;
mod network;
mod switching;

use std::ops::Range;

fn seeds(otherwise: Range<u64>) -> Range<u64> {
    let Ok(given) = std::env::var("SEEDS") else {
        return otherwise;
    };
    let (from, until) = given.split_once("..").unwrap();
    from.parse().unwrap()..until.parse().unwrap()
}

#[test]
fn devices_come_to_hold_the_same() {
    for seed in seeds(0..150) {
        let told = std::panic::catch_unwind(|| network::run(seed));
        assert!(told.is_ok(), "seed {seed}");
    }
}
