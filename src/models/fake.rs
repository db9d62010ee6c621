//! A keyspace for tests: a map, that stops work at random and makes it start over at random.

use bytes::Bytes;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::codec::batch::{Op, OpKey, OpValue};
use crate::codec::catalog;
use crate::codec::feature::Feature;
use crate::codec::head::OpLog;
use crate::codec::marks::{Marks, NEVER, expiry_of};
use crate::codec::order::{Order, PROVISIONAL};
use crate::codec::stamp::{HOLE, Stamp};
use crate::engine::access::{
    Attempt, Catalog, Cursor, KeyRange, Landed, Measure, Need, Reads, Stop, Take, Writes,
};
use crate::error::Error;
use crate::record::Id;

/// How often a write starts over at most.
const MAX_RERUNS: u32 = 5;

/// What is committed, and how to disturb.
#[derive(Default)]
pub struct Fake {
    pub map: BTreeMap<Bytes, Bytes>,
    /// One stop in this many calls; 0 is never.
    pub stop_in: u64,
    /// When what is under a key expires, if ever; nothing does.
    pub until: BTreeMap<Bytes, u64>,
    /// One rerun in this many stops, [`MAX_RERUNS`] of a write at most; 0 is never.
    pub rerun_in: u64,
    pub seed: u64,
    pub stops: u64,
    pub reads: u64,
    pub breaths: u64,
    /// Of a device whose writes are logged.
    pub op_log: Option<OpLog>,
    /// The wall time of commits, ms.
    pub now_ms: u64,
    pub next_stamp: Stamp,
    pub commits: u64,
    /// What was set aside, where that is wanted.
    pub aside: Option<Vec<Bytes>>,
}

/// One attempt.
struct Batch<'a> {
    fake: &'a mut Fake,
    view: BTreeMap<Bytes, Bytes>,
    slots: u32,
    stamp_after: u64,
    fresh: bool,
}

impl Fake {
    pub fn disturbed(seed: u64) -> Self {
        Self {
            stop_in: 3,
            rerun_in: 4,
            seed,
            ..Self::default()
        }
    }

    fn chance(&mut self, one_in: u64) -> bool {
        self.seed = self
            .seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695);
        one_in > 0 && (self.seed >> 33).is_multiple_of(one_in)
    }

    pub fn read<T>(
        &mut self,
        mut work: impl FnMut(&mut dyn Reads) -> Attempt<T>,
    ) -> Result<T, Error> {
        let view = self.map.clone();
        let mut batch = Batch {
            fake: self,
            view,
            slots: 0,
            stamp_after: 0,
            fresh: true,
        };
        loop {
            match work(&mut batch) {
                Ok(value) => return Ok(value),
                Err(Stop::Fail(error)) => return Err(error),
                Err(_) => {}
            }
        }
    }

    /// Runs work and commits it; some stops throw the batch away and begin anew.
    pub fn write<T>(
        &mut self,
        mut work: impl FnMut(&mut dyn Writes) -> Attempt<T>,
    ) -> Result<T, Error> {
        let base = self.map.clone();
        let mut batch = Batch {
            fake: self,
            view: base.clone(),
            slots: 0,
            stamp_after: 0,
            fresh: true,
        };
        // Bounded: a work of hundreds of stops would hardly ever get through.
        let mut reruns = 0;
        let value = loop {
            match work(&mut batch) {
                Ok(value) => break value,
                Err(Stop::Fail(error)) => return Err(error),
                Err(_) => {
                    batch.fresh = reruns < MAX_RERUNS && batch.fake.chance(batch.fake.rerun_in);
                    if batch.fresh {
                        reruns += 1;
                        batch.view = base.clone();
                        batch.slots = 0;
                    }
                }
            }
        };
        let view = std::mem::take(&mut batch.view);
        let (slots, after) = (batch.slots, batch.stamp_after);
        self.commits += 1;
        let stamp = self.next_stamp.not_before(self.now_ms.max(after));
        self.next_stamp = stamp.plus(slots);
        self.map = view
            .into_iter()
            .map(|(k, v)| (self.settled(&k, stamp), self.settled(&v, stamp)))
            .collect();
        Ok(value)
    }

    /// Fills in provisional places, as a replayer does.
    fn settled(&self, bytes: &Bytes, stamp: Stamp) -> Bytes {
        let Some(at) = bytes.len().checked_sub(12) else {
            return bytes.clone();
        };
        match Order::from_bytes(&bytes[at..]) {
            Some(order) if order.frame == PROVISIONAL => {
                let real = Order {
                    frame: self.commits,
                    ..order
                };
                [&bytes[..at], &real.to_bytes()].concat().into()
            }
            Some(order) if order.frame == HOLE => {
                let real = stamp.plus(order.slot).to_bytes();
                [&bytes[..at], &real].concat().into()
            }
            _ => bytes.clone(),
        }
    }
}

impl Batch<'_> {
    fn disturb(&mut self) -> Attempt<()> {
        if !self.fake.chance(self.fake.stop_in) {
            return Ok(());
        }
        self.fake.stops += 1;
        Err(if self.fake.chance(2) {
            Stop::Yield
        } else {
            Need::Piece(Id([0; 16])).into()
        })
    }

    fn advance(&mut self, cursor: &mut Cursor) -> Option<(Bytes, Bytes)> {
        let (from, until) = (cursor.range.from.clone(), cursor.range.until.clone());
        if from >= until {
            return None;
        }
        let mut range = self.view.range(from..until);
        let last = cursor.last.clone();
        let found = if cursor.reverse {
            range.rfind(|(key, _)| last.as_ref().is_none_or(|last| *key < last))
        } else {
            range.find(|(key, _)| last.as_ref().is_none_or(|last| *key > last))
        };
        let (key, value) = found?;
        cursor.last = Some(key.clone());
        Some((key.clone(), value.clone()))
    }
}

impl Reads for Batch<'_> {
    fn op_log(&self) -> Option<OpLog> {
        self.fake.op_log.clone()
    }

    fn catalog(&self) -> Rc<Catalog> {
        let mut catalog = Catalog::default();
        let all = catalog::range();
        for (key, value) in self.view.range(all.from..all.until) {
            let (key, value) = (OpKey::plain(key.clone()), OpValue::Inline(value.clone()));
            catalog.apply(&Op::Put(key, value, Marks::NONE));
        }
        Rc::new(catalog)
    }

    fn next_stamp(&self) -> Stamp {
        self.fake.next_stamp
    }

    fn is_fresh(&self) -> bool {
        self.fresh
    }

    fn landed(&self, _place: Order) -> Landed {
        Landed::Pending
    }

    fn get(&mut self, key: &[u8]) -> Attempt<Option<Bytes>> {
        self.fake.reads += 1;
        self.disturb()?;
        Ok(self.view.get(key).cloned())
    }

    fn get_stored(&mut self, key: &[u8]) -> Attempt<Option<Bytes>> {
        self.get(key)
    }

    fn until(&mut self, key: &[u8]) -> Attempt<Option<u64>> {
        let until_ms = self.fake.until.get(key).copied().unwrap_or(NEVER);
        Ok(self.get(key)?.map(|_| until_ms))
    }

    fn want(&mut self, _keys: &[Bytes]) -> Attempt<()> {
        self.disturb()
    }

    fn scan(&mut self, cursor: &mut Cursor, values: bool, take: &mut Take<'_>) -> Attempt<bool> {
        loop {
            self.fake.reads += 1;
            self.disturb()?;
            let Some((key, value)) = self.advance(cursor) else {
                return Ok(false);
            };
            let until_ms = self.fake.until.get(&key).copied();
            let marks = until_ms.map_or(Marks::NONE, Marks::expiring);
            if !take(&key, if values { &value } else { marks.as_slice() })? {
                return Ok(true);
            }
        }
    }

    fn measure(&mut self, cursor: &mut Cursor) -> Attempt<Option<Measure>> {
        let found = self.next(cursor)?;
        Ok(found.map(|(key, value)| Measure {
            records: 1,
            bytes: (key.len() + value.len()) as u64,
        }))
    }

    fn estimate(&mut self, range: &KeyRange) -> u64 {
        let found = self.view.range(range.from.clone()..range.until.clone());
        found.count() as u64
    }

    fn breathe(&mut self) -> Attempt<()> {
        self.fake.breaths += 1;
        self.disturb()
    }
}

impl Writes for Batch<'_> {
    fn stamp_after(&mut self, ms: u64) {
        self.stamp_after = self.stamp_after.max(ms + 1);
    }

    fn put(&mut self, key: Bytes, value: Bytes) {
        self.fake.until.remove(&key);
        self.view.insert(key, value);
    }

    fn put_marked(&mut self, key: OpKey, value: Bytes, marks: Marks) {
        let key = key.to_bytes();
        self.put(key.clone(), value);
        self.fake.until.insert(key, expiry_of(marks.as_slice()));
    }

    fn need(&mut self, _feature: Feature) {}

    fn delete(&mut self, key: Bytes) {
        self.view.remove(&key);
    }

    fn delete_range(&mut self, range: KeyRange) {
        self.view
            .retain(|key, _| !(range.from <= *key && *key < range.until));
    }

    fn new_order(&mut self) -> Order {
        self.slots += 1;
        Order {
            frame: PROVISIONAL,
            slot: self.slots - 1,
        }
    }

    fn put_at(&mut self, prefix: Bytes, order: Order, value: Bytes) {
        self.put([&prefix[..], &order.to_bytes()].concat().into(), value);
    }

    fn put_order(&mut self, key: Bytes, order: Order) {
        self.put(key, Bytes::copy_from_slice(&order.to_bytes()));
    }

    fn delete_at(&mut self, prefix: Bytes, order: Order) {
        self.delete([&prefix[..], &order.to_bytes()].concat().into());
    }

    fn set_aside(&mut self, key: &[u8]) -> bool {
        let aside = self.fake.aside.as_mut();
        aside
            .map(|aside| aside.push(Bytes::copy_from_slice(key)))
            .is_some()
    }

    fn is_first(&mut self, _number: u16) -> bool {
        true
    }
}
