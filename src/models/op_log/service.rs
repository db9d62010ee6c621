//! The op-log's calls that take several commits, or a barrier: what is handed out must survive a power cut, or its stamps
//! and numbers would be given again to other writes.

use bytes::Bytes;
use futures_util::FutureExt;
use std::cell::RefCell;
use std::rc::Rc;

use super::apply::{Applied, Apply, is_early};
use super::log;
use super::merkle::{Found, Look, Refresh};
use super::remote::Remote;
use super::seed::{Seed, is_done};
use super::tombstones::{Find, Forget, raise_floor};
use crate::codec::head::OpLog as Logged;
use crate::codec::stamp::Stamp;
use crate::engine::Engine;
use crate::engine::access::{Answer, ReadWork, Session, afresh};
use crate::env::Env;
use crate::error::{Error, Result};
use crate::models::documents::violations::{Touched, Violations};
use crate::models::many;

/// Entries that are applied in one commit.
const CHUNK: usize = 2_000;
/// How often applying waits for this realm's own writes before it fails.
const TRIES: u32 = 10;

/// The op-log of an open patch.
#[derive(Clone)]
pub struct Service {
    engine: Engine,
    env: Rc<dyn Env>,
}

/// The result of a call, whenever it comes.
///
/// # Errors
/// That of the call.
pub async fn answered<T>(answer: Answer<T>) -> Result<T> {
    match answer {
        Answer::Ready(result) => result,
        Answer::Later(later) => later.await,
    }
}

impl Service {
    /// That of a patch; what takes longer runs in `env`.
    #[must_use]
    pub fn new(engine: &Engine, env: Rc<dyn Env>) -> Self {
        Self {
            engine: engine.clone(),
            env,
        }
    }

    /// What the head says.
    ///
    /// # Errors
    /// `InvalidArgument` where writes are not logged.
    pub fn logged(&self) -> Result<Logged> {
        self.engine
            .op_log()
            .ok_or_else(|| Error::invalid("this patch has no op-log: open it with opLog: true"))
    }

    /// Runs reading work on what is committed, and hands its result out once that survives a power cut.
    ///
    /// # Errors
    /// What reading fails with.
    pub async fn read<T: 'static>(&self, work: ReadWork<T>) -> Result<T> {
        self.logged()?;
        let found = answered(self.engine.read_committed(work)).await?;
        // planted: shown-early
        self.engine.flush_seen().await?;
        Ok(found)
    }

    /// A number of the log, or that of the last entry there is, if that is lower: entries to come are not meant.
    ///
    /// # Errors
    /// What reading fails with.
    pub async fn bounded(&self, id: f64) -> Result<f64> {
        self.logged()?;
        let last = answered(self.engine.read_committed(Box::new(log::last))).await?;
        Ok(id.min(last as f64))
    }

    /// Gives a state to every record that is older than the log, unless that is done.
    ///
    /// # Errors
    /// What reading or writing fails with.
    pub async fn seeded(&self) -> Result<()> {
        self.logged()?;
        let mut done = answered(self.engine.read_committed(Box::new(is_done))).await?;
        while !done {
            let mut seed = Seed::default();
            done = self.engine.write(Box::new(move |w| seed.step(w))).await?;
        }
        Ok(())
    }

    /// Applies entries of other devices, in parts; and what they break.
    ///
    /// # Errors
    /// `Conflict` when this realm itself writes their records all the while; what writing fails with. Parts before that
    /// are applied; to apply all again is fine.
    pub async fn apply(&self, mut entries: Vec<Remote>) -> Result<Applied> {
        self.seeded().await?;
        let mut all = Applied::default();
        let mut from = 0;
        while !entries.is_empty() {
            let rest = entries.split_off(entries.len().min(CHUNK));
            let part = std::mem::replace(&mut entries, rest);
            let count = part.len();
            let found = self.apply_part(part).await?;
            all.applied += found.applied;
            let refused = found.refused.into_iter();
            all.refused
                .extend(refused.map(|(at, why)| (from + at, why)));
            all.touched.extend(found.touched);
            from += count;
        }
        if all.touched.is_empty() {
            return Ok(all);
        }
        let touched = Rc::new(Touched::new(std::mem::take(&mut all.touched)));
        let begin = move || Ok(Violations::new(touched.clone()));
        let work = afresh(begin, Violations::step);
        all.violations = answered(self.engine.read_committed(work)).await?;
        Ok(all)
    }

    async fn apply_part(&self, part: Vec<Remote>) -> Result<Applied> {
        for _ in 1..TRIES {
            let apply = Apply::new(part.clone(), self.env.now_ms())?;
            match many::write(&self.engine, self.env.clone(), apply).await {
                Err(error) if is_early(&error) => {}
                settled => return settled,
            }
            // Until its own calls are committed.
            self.engine.write(Box::new(|_| Ok(()))).await?;
        }
        let apply = Apply::new(part, self.env.now_ms())?;
        many::write(&self.engine, self.env.clone(), apply).await
    }

    /// Forgets removals older than a stamp; how many.
    ///
    /// # Errors
    /// `InvalidArgument` for a stamp that is still to come: nothing could be merged below it.
    pub async fn collect(&self, stamp: Stamp, device: Bytes) -> Result<u64> {
        self.logged()?;
        if stamp > self.engine.now() {
            return Err(Error::invalid(
                "removals are forgotten up to a stamp that every replica has seen, not one to come",
            ));
        }
        let floor = device.clone();
        let raise = self
            .engine
            .write(Box::new(move |w| raise_floor(w, stamp, &floor)));
        raise.await?;
        let mut forgotten = 0;
        let mut from = Some(Bytes::new());
        while let Some(at) = from {
            let (of, now_ms) = (device.clone(), self.env.now_ms());
            let begin = move || Ok(Find::new(stamp, of.clone(), at.clone(), now_ms));
            let work = afresh(begin, Find::step);
            let (keys, next) = answered(self.engine.read_committed(work)).await?;
            if !keys.is_empty() {
                let mut forget = Forget::new(stamp, device.clone(), keys, now_ms);
                let forgetting = self.engine.write(Box::new(move |w| forget.step(w)));
                forgotten += forgetting.await?;
            }
            from = next;
        }
        Ok(forgotten)
    }

    /// What a path of the Merkle tree has. Sums that were out of date are stored afterwards.
    ///
    /// # Errors
    /// `InvalidArgument` for what is no path; what reading fails with.
    pub async fn look(&self, path: &str) -> Result<Found> {
        self.seeded().await?;
        Look::new(path)?;
        let path = path.to_owned();
        let work = afresh(move || Look::new(&path), Look::step);
        let (found, stale) = self.read(work).await?;
        let engine = self.engine.clone();
        let storing = async move {
            for node in stale {
                let refresh = RefCell::new(Refresh::new(node));
                let stored = engine.write(Box::new(move |w| refresh.borrow_mut().step(w)));
                // Nothing is lost with it: they are summed up again.
                if stored.await.is_err() {
                    break;
                }
            }
        };
        self.env.spawn(storing.boxed_local());
        Ok(found)
    }

    /// Deletes entries that are marked as synced; how many.
    ///
    /// # Errors
    /// What writing fails with.
    pub async fn prune_synced(&self) -> Result<u64> {
        if self.engine.op_log().is_none() {
            return Ok(0);
        }
        let mut pruned = 0;
        loop {
            let mut prune = log::PruneSynced::default();
            let pruning = self.engine.write(Box::new(move |w| prune.step(w)));
            let (count, is_more) = pruning.await?;
            pruned += count;
            if !is_more {
                return Ok(pruned);
            }
        }
    }
}
