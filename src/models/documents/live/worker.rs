//! Evaluating the live queries that commits concern, one after the other.

use futures_util::future::ready;
use std::rc::Rc;

use super::Shared;
use super::gather::Found;
use super::watcher::{Change, Watcher};
use crate::engine::access::{Answer, ReadWork, afresh};
use crate::error::Result;

/// Milliseconds of work between two yields.
const SLICE_MS: f64 = 5.0;
/// Entries that are let go of between two yields.
const MANY: usize = 5_000;

/// Works until nothing is left to do.
pub(super) async fn work(shared: Rc<Shared>) {
    // Before this many notices, the host has been let go on: who made these commits has heard of them.
    let mut settled = shared.yielded().await;
    let mut until_ms = shared.env.monotonic_ms() + SLICE_MS;
    loop {
        shared.match_touched().await;
        let Some(watcher) = shared.next() else {
            if !shared.bury().await {
                break;
            }
            continue;
        };
        watcher.is_marked.set(false);
        let found = shared.evaluate(&watcher).await;
        if watcher.has_ended.get() {
            continue;
        }
        if shared.heard.get() > settled || shared.env.monotonic_ms() >= until_ms {
            settled = shared.yielded().await;
            until_ms = shared.env.monotonic_ms() + SLICE_MS;
        }
        let told = match found {
            Ok(Some(found)) => shared.tell(&watcher, found).await,
            Ok(None) => continue,
            Err(error) => Err(error),
        };
        if let Err(error) = told
            && !watcher.has_ended.get()
        {
            shared.leave(&watcher);
            watcher.listener.end(&error);
        }
    }
    shared.is_working.set(false);
}

impl Shared {
    /// Lets the host do other work; how many notices there were before.
    async fn yielded(&self) -> u64 {
        let heard = self.heard.get();
        self.env.yield_now().await;
        heard
    }

    /// The next that is to be evaluated.
    fn next(&self) -> Option<Rc<Watcher>> {
        let mut queue = self.queue.borrow_mut();
        while let Some(watcher) = queue.pop_front() {
            // One that is paused stays marked.
            if !watcher.has_ended.get() && !watcher.is_paused.get() && watcher.is_marked.get() {
                return Some(watcher);
            }
        }
        None
    }

    /// What it finds now; `None` where that depends on what is not committed yet.
    async fn evaluate(self: &Rc<Self>, watcher: &Rc<Watcher>) -> Result<Option<Found>> {
        if !self.is_placed(watcher).await? {
            return Ok(None);
        }
        self.count(1, 0);
        let (of, seed) = (watcher.clone(), self.seed);
        let begin = move || Ok(of.gather(seed));
        let found = self.read(afresh(begin, |gathering, r| gathering.step(r)));
        found.await.map(Some)
    }

    /// Reads what is committed.
    pub(super) async fn read<T: 'static>(&self, work: ReadWork<T>) -> Result<T> {
        // planted: watch-early
        match self.engine.read_committed(work) {
            Answer::Ready(result) => ready(result).await,
            Answer::Later(reading) => reading.await,
        }
    }

    /// Tells what was found, if it is handed out otherwise than before.
    async fn tell(&self, watcher: &Rc<Watcher>, found: Found) -> Result<()> {
        self.in_room(&watcher.collection, |room| {
            for hash in &found.left {
                room.held.remove(*hash, watcher.number);
            }
            for hash in &found.joined {
                room.held.add(*hash, watcher.number);
            }
        });
        let entries = Rc::new(found.entries);
        watcher.last.replace(Some(entries.clone()));
        if found.is_same {
            return Ok(());
        }
        let skipped = usize::try_from(watcher.spec.skip).unwrap_or(usize::MAX);
        let indexes = [found.added, found.changed];
        let change = Change::new(entries, skipped, indexes, found.removed);
        watcher.listener.tell(change).await
    }

    /// Lets go of what one that has ended held, in pieces; whether there was one.
    async fn bury(&self) -> bool {
        let ended = self.ended.borrow_mut().pop();
        let Some(watcher) = ended else { return false };
        let Some(entries) = watcher.last.take() else {
            return true;
        };
        for some in entries.chunks(MANY) {
            self.in_room(&watcher.collection, |room| {
                for entry in some {
                    room.held.remove(entry.hash, watcher.number);
                }
            });
            self.yielded().await;
        }
        if let Ok(mut entries) = Rc::try_unwrap(entries) {
            while !entries.is_empty() {
                entries.truncate(entries.len().saturating_sub(MANY));
                self.yielded().await;
            }
        }
        true
    }
}
