//! Places of documents, gathered in any order, handed out ascending and each once.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::codec::order::Order as Place;
use crate::error::Result;
use crate::limits::{self, MAX_CALL_BYTES};

/// Places that are sorted at once: in less than a millisecond.
const RUN: usize = 8192;

/// The places.
#[derive(Default)]
pub(super) struct Places {
    current: Vec<Place>,
    runs: Vec<std::vec::IntoIter<Place>>,
    heads: Option<BinaryHeap<Reverse<(Place, usize)>>>,
    last: Option<Place>,
    count: usize,
}

impl Places {
    /// Adds a place; to be called before the first is taken.
    ///
    /// # Errors
    /// `LimitExceeded` for more than one call can hold.
    pub fn add(&mut self, place: Place) -> Result<()> {
        self.count += 1;
        self.current.push(place);
        if self.current.len() >= RUN {
            let bytes = self.count.saturating_mul(size_of::<Place>());
            let what = "what a query looks at (another index or a limit reduces it)";
            limits::within(what, bytes, MAX_CALL_BYTES)?;
            limits::room_for(RUN * size_of::<Place>())?;
            self.end_run();
        }
        Ok(())
    }

    /// How many were added.
    pub const fn len(&self) -> usize {
        self.count
    }

    fn end_run(&mut self) {
        self.current.sort_unstable();
        self.runs
            .push(std::mem::take(&mut self.current).into_iter());
    }

    /// The next one.
    pub fn next(&mut self) -> Option<Place> {
        if self.heads.is_none() {
            self.end_run();
            let firsts = self.runs.iter_mut().enumerate();
            let heads = firsts.filter_map(|(run, places)| Some(Reverse((places.next()?, run))));
            self.heads = Some(heads.collect());
        }
        let heads = self.heads.as_mut()?;
        while let Some(Reverse((place, run))) = heads.pop() {
            if let Some(next) = self.runs.get_mut(run).and_then(Iterator::next) {
                heads.push(Reverse((next, run)));
            }
            // (One document may have several entries, or be come to in several ways.)
            // planted: multi-twice
            if self.last.replace(place) != Some(place) {
                return Some(place);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_comes_once_and_in_order() {
        for count in [0u64, 1, 5, 20_000] {
            let mut places = Places::default();
            for n in 0..count {
                let frame = n.wrapping_mul(7919) % count.div_ceil(2);
                places.add(Place { frame, slot: 3 }).unwrap();
            }
            assert_eq!(places.len() as u64, count);
            let mut found = Vec::new();
            while let Some(place) = places.next() {
                found.push(place.frame);
            }
            assert_eq!(found, (0..count.div_ceil(2)).collect::<Vec<_>>());
        }
    }
}
