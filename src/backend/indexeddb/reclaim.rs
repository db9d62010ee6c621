//! Having Chromium give back the space of deleted records.

use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_futures::js_sys::Promise;

use crate::backend::{Id, Read, RecordKey};
use crate::env::browser::Timeout;

/// Records of this size Chromium frees at once: it keeps them as files of their own.
pub const RESERVE_BYTES: usize = 512 << 10;
/// How long it takes to give back what it was asked for, mostly, ms; it doubles with each attempt.
const SETTLE_MS: u32 = 400;
/// Lookups that make it compact.
const LOOKUPS: u64 = 400;
/// Among so many of the last frames that were cut.
const LOOKED_BACK: u64 = 4096;

#[wasm_bindgen(module = "/src/backend/indexeddb/reclaim.js")]
extern "C" {
    /// Settles once a scratch database has come and gone, or after a second.
    #[wasm_bindgen(js_name = reclaim)]
    fn compact() -> Promise;
}

/// Gives it an occasion to compact.
pub async fn occasion() {
    drop(JsFuture::from(compact()).await);
}

/// What it must look for in vain: its LevelDB compacts a file that was looked into in vain a hundred times
/// (`allowed_seeks` in its `version_set.cc`), at its next occasion. So it is asked for frames that the log has lost.
/// Measured in Chromium 156 at a quota of 5 MiB: 8.4 MB used, 3.0 MB afterwards; without the lookups 6.1 MB.
pub fn lookups(position: u64) -> Vec<Read> {
    let first = position.saturating_sub(LOOKED_BACK);
    let frame = |n| RecordKey::Frame(first + 1 + n * (position - first) / LOOKUPS);
    let unknown = |n: u64| RecordKey::Run(Id([n as u8; 16]));
    let keys = (0..LOOKUPS).flat_map(|n| [frame(n), unknown(n)]);
    keys.map(Read::Get).collect()
}

/// Waits until it should have given back what it was asked for.
pub async fn settle(attempt: u32) {
    Timeout::after_ms(SETTLE_MS << attempt.min(8)).await;
}
