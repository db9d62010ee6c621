//! The disk under the stores: what a cut of power leaves of them.

use bytes::Bytes;
use std::collections::BTreeMap;

use crate::backend::memory::stores::Stores;
use crate::backend::{Durability, RecordKey};
use crate::simulation::SimEnv;

/// After so many relaxed transactions the browser has flushed by itself.
const MOST_UNFLUSHED: usize = 40;

/// What is on the disk for certain, and what would be after each transaction since.
#[derive(Default)]
pub(super) struct Disk {
    flushed: Stores,
    unflushed: Vec<Stores>,
    /// Large records that there are, and whether they were flushed.
    large: BTreeMap<RecordKey, bool>,
}

/// Records above this many bytes are files of their own in Chromium (measured, version 156): flushed by the
/// transaction that writes them, if that is strict, and by no later one.
pub(super) const FILE_BYTES: usize = 64 << 10;

impl Disk {
    /// Notes the large records that a transaction has written.
    fn note_large(&mut self, stores: &Stores, is_strict: bool) {
        for (key, record) in stores.records() {
            if record.len() > FILE_BYTES {
                self.large.entry(key).or_insert(is_strict);
            }
        }
    }

    /// Notes what a transaction has left, a reading one (`None`) nothing.
    pub fn committed(&mut self, stores: &Stores, durability: Option<Durability>) {
        if let Some(durability) = durability {
            self.note_large(stores, durability == Durability::Strict);
        }
        match durability {
            None => {}
            Some(Durability::Relaxed) if self.unflushed.len() < MOST_UNFLUSHED => {
                self.unflushed.push(stores.clone());
            }
            Some(_) => {
                self.unflushed.clear();
                self.flushed = stores.clone();
            }
        }
    }

    /// Loses a part of what was not flushed, by the seed of `env`; what is left, and how many transactions are lost.
    pub fn cut_power(&mut self, env: &SimEnv) -> (Stores, usize) {
        let states = std::mem::take(&mut self.unflushed);
        let kept = env.random_below(states.len() as u64 + 1) as usize;
        let lost = states.len() - kept;
        if let Some(state) = states.into_iter().take(kept).next_back() {
            self.flushed = state;
        }
        for (key, flushed) in std::mem::take(&mut self.large) {
            if !flushed && self.flushed.has(key) && env.chance(50) {
                // The file is there, its bytes are not.
                self.flushed.put(key, Bytes::new());
            }
        }
        let left = self.flushed.clone();
        self.note_large(&left, true);
        (left, lost)
    }
}
