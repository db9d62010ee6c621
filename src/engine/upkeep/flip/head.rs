//! The head that a flip installs: what it switches on, the stored clock, and where the log is cut.

use super::Flip;
use crate::codec::feature::{Feature, Features};
use crate::codec::head::{Head, MAX_WRITERS, OpLog};
use crate::codec::stamp::Stamp;
use crate::engine::core::instance::Core;
use crate::engine::keyspace::catalog::Catalog;

/// How far a flip moves the stored clock at most, ms.
const DAY_MS: u64 = 86_400_000;
impl Flip {
    /// Makes later orders of insertion come after those up to `base`.
    pub fn order_after(&mut self, base: u64) {
        // planted: order-anew
        self.base.base = self.base.base.max(base);
    }

    /// Where writes are logged that are copied: has them logged here too, by a device of its own, with stamps from `next`
    /// on.
    pub fn log_after(&mut self, core: &Core, source: Option<&OpLog>, next: Stamp) {
        let Some(source) = source else {
            return;
        };
        let own = self.base.op_log.take();
        let (device, own_next) = match own {
            Some(own) => (own.device, own.next_stamp),
            None => (core.new_device(), next),
        };
        self.base.op_log = Some(OpLog {
            device,
            next_stamp: own_next.max(next),
            since: source.since,
        });
    }

    /// Goes on where another head of the same patch has come to: everything that it says stays, but for its keys and its
    /// log.
    pub fn go_on(&mut self, head: &Head, next_stamp: Stamp) {
        self.base.base = head.base;
        // planted: conversion-forgets
        self.base.clock = head.clock;
        self.base.contents = head.contents;
        self.base.op_log.clone_from(&head.op_log);
        // planted: conversion-stamps
        if let Some(op_log) = &mut self.base.op_log {
            op_log.next_stamp = next_stamp;
        }
        self.base.more = head.more.clone();
    }

    /// Says whether records that nothing refers to may lie in the clear.
    pub const fn sweep(&mut self, sweep: bool) {
        self.base.sweep = sweep;
    }

    /// Puts another key table into the head.
    pub fn replace_keys(&mut self, keys: bytes::Bytes) {
        self.base.keys = keys;
    }

    /// Switches features on.
    pub fn switch_on(&mut self, core: &Core, features: Features) {
        self.new_generation = true;
        if features.has(Feature::Expiry) {
            self.base.clock = self.base.clock.max(Some(core.now_ms()));
        }
        if features.has(Feature::OpLog) && self.base.op_log.is_none() {
            let since = Stamp::default().not_before(core.env().now_ms() as u64);
            self.base.op_log = Some(OpLog {
                device: core.new_device(),
                next_stamp: since.plus(1),
                since,
            });
        }
        self.base.contents |= features.has(Feature::Contents);
        if features.has(Feature::Catalog) && self.base.catalog.is_none() {
            self.base.catalog = Some(0);
            self.root.catalog = Some(Catalog::default().encoded());
        }
    }

    /// Moves the stored clock towards now, by a day at most, since that may be wrong: all the way where room is asked for.
    pub fn move_clock(&mut self, core: &Core) {
        let most_ms = match core.compacting.get() {
            true => u64::MAX,
            false => DAY_MS,
        };
        let target = |stored: u64| {
            core.now_ms()
                .min(stored.saturating_add(most_ms))
                .max(stored)
        };
        // planted: clock-unmoved
        self.base.clock = self.base.clock.map(target);
    }

    /// Puts a catalog in the place of the one that is there, if there is one in either place, over an empty log: as of the
    /// flip's own position, so that it is another one to everybody.
    pub fn take_catalog(&mut self, catalog: &Catalog, source: &Head) {
        if source.catalog.or(self.base.catalog).is_none() {
            return;
        }
        let catalog = catalog.after(&[], self.position);
        self.base.catalog = Some(self.position);
        self.root.catalog = Some(catalog.encoded());
        self.catalog = Some(catalog);
    }

    /// Has the directory that a flush installs say what the catalog is up to there: what has changed it since stands in
    /// the log.
    pub(super) fn keep_catalog(&mut self, catalog: &Catalog) {
        if let Some(change) = &mut self.base.catalog {
            *change = catalog.change;
            self.root.catalog = Some(catalog.encoded());
        }
    }

    /// Switches on in a copy what is on in its source.
    pub fn take_features(&mut self, core: &Core, source: &Head) {
        self.switch_on(core, source.features());
        // What the source has let expire is not there in the copy.
        self.base.clock = self.base.clock.max(source.clock);
    }

    /// Whether it moves the stored clock.
    #[must_use]
    pub fn moves_clock(&self, core: &Core) -> bool {
        self.base.clock != core.state.borrow().head.clock
    }

    /// The head that it installs.
    pub(super) fn new_head(&self, core: &Core) -> Head {
        let mut writers = self.writers.clone();
        writers.extend(
            self.base
                .writers
                .iter()
                .filter(|(id, _)| !self.writers.iter().any(|(w, _)| w == id)),
        );
        writers.truncate(MAX_WRITERS);
        let mut op_log = self.base.op_log.clone();
        if let (Some(op_log), Some(frozen)) = (&mut op_log, &self.frozen) {
            // planted: stamp-again
            op_log.next_stamp = frozen.next_stamp;
        }
        // A draft has none, until a flip makes a patch of it.
        let keys = if self.new_generation && !self.base.is_live() {
            core.connector.key_table()
        } else {
            self.base.keys.clone()
        };
        // planted: more-lost
        Head {
            op_log,
            keys,
            epoch: self.base.epoch + 1,
            generation: self.base.generation + u64::from(self.new_generation),
            position: self.position,
            writers,
            ..self.base.clone()
        }
    }

    /// The number of the log that raising the generation uses up.
    pub(super) const fn fence(&self) -> u64 {
        self.base.position + 1
    }
}
