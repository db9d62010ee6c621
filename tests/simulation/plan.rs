//! What happens in one simulated world: everything that a seed decides before the world begins,
//! item by item, so that a failing one can be made smaller by leaving items out.

use patchstore::backend::simulated::{Fault, Timing};
use std::collections::BTreeSet;

use super::contents::{Contents, Way};
use super::kin::Kin;

/// One world.
#[derive(Debug, Clone)]
pub struct Plan {
    pub seed: u64,
    /// Whether the patch is encrypted.
    pub sealed: bool,
    /// Whether tabs switch the op-log on.
    pub logged: bool,
    /// Whether there are documents that refer to each other.
    pub kin: bool,
    /// Whether there are contents.
    pub contents: bool,
    pub tabs: usize,
    /// Whether commits promise to survive a cut of power.
    pub strict: bool,
    pub timing: Timing,
    pub quota_bytes: Option<usize>,
    pub log_frames: usize,
    /// Few make pieces that were replaced go soon.
    pub piece_bytes: u64,
    pub cache_bytes: usize,
    /// Small ones make many levels.
    pub level0_bytes: u64,
    pub level1_bytes: u64,
    pub items: Vec<Item>,
}

/// A part of a plan that can be left out.
#[derive(Debug, Clone)]
pub enum Item {
    /// The next thing that a tab does.
    Step(usize, Step),
    /// The n-th transaction of a tab's life (its lives are counted from 0) meets a fault.
    Fault {
        tab: usize,
        life: usize,
        at: u64,
        fault: Fault,
    },
    /// Something that happens to the world at a moment.
    Event { at_ms: u64, event: Event },
}

/// What a tab does.
#[derive(Debug, Clone)]
pub enum Step {
    /// Calls made at once; whether the tab waits for them.
    Write(Vec<Op>, bool),
    /// A transaction of some operations, between which others may fail.
    Transact {
        ops: Vec<Op>,
        failing: bool,
    },
    /// A transaction over two accounts.
    Transfer {
        from: u8,
        to: u8,
        amount: u64,
    },
    /// Reads some keys, with the tab's own pending writes or (`committed`) without.
    Read {
        committed: bool,
    },
    /// So many reads, one soon after the other.
    Look(u64),
    Scan,
    Compact,
    Flush,
    Stats,
    Reopen,
    Pause(u64),
    /// Deletes the patch.
    Erase,
    /// Copies the patch to another database and looks at what is there then.
    Copy,
    /// Puts a content.
    Put {
        content: u8,
        way: Way,
    },
    /// Stores a pair that refers to contents, and expires.
    Lend {
        at: u8,
        of: Vec<u8>,
        after_ms: u64,
    },
    /// Collects what nothing holds, by a clock that is ahead.
    Collect {
        ahead_ms: u64,
    },
}

/// A call that writes.
#[derive(Debug, Clone)]
pub enum Op {
    Put {
        key: u8,
        bytes: usize,
        /// Whether it expires, long after the end of the world: that takes a feature which is switched on then.
        dated: bool,
    },
    Delete {
        key: u8,
    },
    Increment {
        counter: u8,
    },
    /// Puts the number of keys in a range into a counter: whatever comes into the range or goes concerns it.
    Census {
        from: u8,
        until: u8,
        counter: u8,
    },
    Clear {
        from: u8,
        until: u8,
    },
    /// Records enough to be written ahead, mostly; with a counter, they depend on what it was.
    Bulk {
        keys: u8,
        bytes: usize,
        counter: Option<u8>,
    },
    /// New documents, their ids made up: they depend on nothing.
    Insert {
        docs: u8,
    },
    /// A document of a given id, if there is none.
    InsertNamed {
        name: u8,
    },
    Rewrite {
        name: u8,
    },
    Remove {
        name: u8,
    },
    /// Makes the indexes over the documents, unless two have the same value.
    Index,
    /// Drops them.
    Unindex,
    /// Gives the document of a name a value, unless it is unique and another one has it.
    Claim {
        name: u8,
        value: u8,
    },
    /// What has to do with documents that refer to each other.
    Kin(Kin),
    /// What has to do with contents.
    Contents(Contents),
    /// Puts its number into a record of the catalog, and records beside it, which may be written ahead.
    Define {
        name: u8,
        keys: u8,
        bytes: usize,
    },
    /// Removes a record of the catalog, if it is there.
    Undefine {
        name: u8,
    },
    /// Records that say what a record of the catalog has; with nothing `read` it depends on no key.
    Note {
        name: u8,
        key: u8,
        keys: u8,
        bytes: usize,
        read: bool,
    },
}

/// What happens to tabs, the database, the machine.
#[derive(Debug, Clone)]
pub enum Event {
    Kill(usize),
    Freeze(usize, u64),
    Sever(usize),
    Upgrade,
    CutPower,
    Delete,
    ClearStorage,
}

/// Keys of puts, deletes and clears.
pub const KEYS: u8 = 24;
/// Names of documents.
pub const NAMES: u8 = 5;
/// Values that documents claim.
pub const VALUES: u8 = 4;
/// Counters.
pub const COUNTERS: u8 = 3;
/// Records of the catalog.
pub const DEFINED: u8 = 3;
/// Accounts.
pub const ACCOUNTS: u8 = 4;

/// Makes some of what a step puts expire, some day.
fn date(item: &mut Item) {
    let ops = match item {
        Item::Step(_, Step::Write(ops, _) | Step::Transact { ops, .. }) => ops,
        _ => return,
    };
    for op in ops {
        if let Op::Put { key, dated, .. } = op {
            *dated = *key % 3 == 1;
        }
    }
}

impl Plan {
    /// The plan of a seed, for an encrypted patch.
    pub fn sealed_of_seed(seed: u64) -> Self {
        Self {
            sealed: true,
            ..Self::of_seed(seed)
        }
    }

    /// The plan of a seed, with tabs that change the catalog, and go by it, beside all that they do; of every fourth seed
    /// for an encrypted patch.
    pub fn defining_of_seed(seed: u64) -> Self {
        let plan = Self {
            sealed: seed % 8 == 4,
            ..Self::of_seed(seed)
        };
        plan.mixed(seed ^ 0xca7a, Dice::defining)
    }

    /// The plan of a seed, with tabs that make and drop indexes, and give documents values, beside all that they do. Half of
    /// the odd seeds are for a patch whose writes are logged, and half of these for an encrypted one.
    pub fn indexing_of_seed(seed: u64) -> Self {
        let plan = Self {
            sealed: seed % 8 == 1,
            logged: seed % 8 < 4,
            ..Self::of_seed(seed)
        };
        plan.mixed(seed ^ 0x1dec, Dice::indexing)
    }

    /// The plan of a seed, with documents that refer to each other, beside all that tabs do. Half of them are for a patch
    /// whose writes are logged, half for an encrypted one.
    pub fn kin_of_seed(seed: u64) -> Self {
        let plan = Self {
            sealed: matches!(seed % 4, 1 | 2),
            logged: seed % 4 > 1,
            kin: true,
            ..Self::of_seed(seed)
        };
        plan.mixed(seed ^ 0x000f_a417, Dice::kin)
    }

    /// The plan of a seed, with contents that records come to hold and let go of, beside all that tabs do. Half of the worlds
    /// are for a patch whose writes are logged, half for an encrypted one.
    pub fn contents_of_seed(seed: u64) -> Self {
        let plan = Self {
            sealed: matches!(seed % 4, 1 | 2),
            logged: seed % 4 > 1,
            contents: true,
            ..Self::of_seed(seed)
        };
        let once = plan.mixed(seed ^ 0x000c_0e7e, Dice::contents);
        once.mixed(seed ^ 0x0007_e275, Dice::contents)
    }

    fn mixed(self, seed: u64, step: fn(&mut Dice) -> Step) -> Self {
        let mut plan = self;
        let mut dice = Dice(fastrand::Rng::with_seed(seed));
        let mut items = Vec::new();
        for item in std::mem::take(&mut plan.items) {
            let tab = match &item {
                Item::Step(tab, _) => Some(*tab),
                _ => None,
            };
            items.push(item);
            if let Some(tab) = tab.filter(|_| dice.chance(50)) {
                items.push(Item::Step(tab, step(&mut dice)));
            }
        }
        plan.items = items;
        plan
    }

    /// The plan of a seed.
    pub fn of_seed(seed: u64) -> Self {
        let mut dice = Dice(fastrand::Rng::with_seed(seed ^ 0x5eed));
        let tabs = 1 + dice.below(4) as usize;
        let calm = dice.chance(15);
        let mut items = Vec::new();
        for tab in 0..tabs {
            for _ in 0..4 + dice.below(14) {
                if dice.chance(10) {
                    let steps = dice.story_of_a_document();
                    items.extend(steps.map(|step| Item::Step(tab, step)));
                } else {
                    items.push(Item::Step(tab, dice.step()));
                }
            }
        }
        if !calm {
            for _ in 0..dice.below(6) {
                items.push(Item::Fault {
                    tab: dice.below(tabs as u64) as usize,
                    life: dice.below(2) as usize,
                    at: 1 + dice.below(40),
                    fault: dice.fault(),
                });
            }
            for _ in 0..dice.below(6) {
                items.push(Item::Event {
                    at_ms: {
                        let most = [50, 300, 1_000, 4_000][dice.below(4) as usize];
                        dice.below(most)
                    },
                    event: dice.event(tabs),
                });
            }
        }
        // (Not by the dice: the other worlds stay what they were.)
        if seed % 5 == 3 {
            items.iter_mut().for_each(date);
        }
        Self {
            seed,
            sealed: false,
            logged: false,
            kin: false,
            contents: false,
            tabs,
            strict: dice.chance(40),
            timing: dice.timing(),
            quota_bytes: dice
                .chance(12)
                .then(|| 30_000 + dice.below(3_000_000) as usize),
            log_frames: [4, 12, 40, 400][dice.below(4) as usize],
            piece_bytes: [100_000, 300_000, 8 << 20][dice.below(3) as usize],
            cache_bytes: [0, 200_000, 4 << 20][dice.below(3) as usize],
            level0_bytes: [1_000, 100_000][dice.below(2) as usize],
            level1_bytes: [1_000, 20_000, 300_000][dice.below(3) as usize],
            items,
        }
    }

    /// The same without some of its items.
    pub fn without(&self, left_out: &BTreeSet<usize>) -> Self {
        let kept = self.items.iter().enumerate();
        Self {
            items: kept
                .filter(|(at, _)| !left_out.contains(at))
                .map(|(_, item)| item.clone())
                .collect(),
            ..self.clone()
        }
    }
}

/// What a seed decides by.
pub struct Dice(fastrand::Rng);

impl Dice {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0.u64(..bound)
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn step(&mut self) -> Step {
        match self.below(112) {
            100..102 => Step::Erase,
            102..104 => Step::Copy,
            104..107 => Step::Transact {
                ops: vec![self.census()],
                failing: false,
            },
            107.. => self.transact(),
            0..45 => {
                let ops = (0..1 + self.below(4)).map(|_| self.op()).collect();
                Step::Write(ops, self.chance(60))
            }
            45..60 => Step::Transfer {
                from: self.below(ACCOUNTS.into()) as u8,
                to: self.below(ACCOUNTS.into()) as u8,
                amount: self.below(20),
            },
            60..78 => Step::Read {
                committed: self.chance(40),
            },
            78..84 => Step::Scan,
            84..89 => Step::Compact,
            89..91 => Step::Flush,
            91..92 => Step::Stats,
            92..94 => Step::Reopen,
            _ => Step::Pause(self.below(1_500)),
        }
    }

    fn op(&mut self) -> Op {
        let key = self.below(KEYS.into()) as u8;
        match self.below(130) {
            100..107 => Op::Insert {
                docs: 1 + self.below(3) as u8,
            },
            107..113 => Op::InsertNamed {
                name: self.below(NAMES.into()) as u8,
            },
            124.. => self.census(),
            118..124 => Op::Rewrite {
                name: self.below(NAMES.into()) as u8,
            },
            113..118 => Op::Remove {
                name: self.below(NAMES.into()) as u8,
            },
            0..40 => Op::Put {
                key,
                bytes: [10, 10, 300, 3_000, 70_000][self.below(5) as usize],
                dated: false,
            },
            40..55 => Op::Delete { key },
            55..90 => Op::Increment {
                counter: self.below(COUNTERS.into()) as u8,
            },
            90..96 => Op::Clear {
                from: key,
                until: (key + self.below(8) as u8).min(KEYS),
            },
            _ => Op::Bulk {
                keys: 3 + self.below(u64::from(KEYS) - 3) as u8,
                bytes: [20_000, 60_000, 70_000][self.below(3) as usize],
                counter: self.chance(50).then(|| self.below(COUNTERS.into()) as u8),
            },
        }
    }

    /// A document comes, and is changed while it is not known yet where it comes to lie.
    fn story_of_a_document(&mut self) -> [Step; 3] {
        let name = self.below(NAMES.into()) as u8;
        let change = if self.chance(70) {
            Op::Rewrite { name }
        } else {
            Op::Remove { name }
        };
        [
            Step::Write(vec![Op::InsertNamed { name }], false),
            Step::Write(vec![change], false),
            Step::Look(2 + self.below(8)),
        ]
    }

    fn transact(&mut self) -> Step {
        let mut ops: Vec<Op> = (0..1 + self.below(4)).map(|_| self.op()).collect();
        // The numbers of made-up documents are those of their call.
        let mut inserts = 0;
        ops.retain(|op| {
            inserts += u32::from(matches!(op, Op::Insert { .. }));
            inserts < 2 || !matches!(op, Op::Insert { .. })
        });
        Step::Transact {
            ops,
            failing: self.chance(40),
        }
    }

    /// What changes the catalog or goes by it.
    fn defining(&mut self) -> Step {
        match self.below(10) {
            0..6 => {
                let ops = (0..1 + self.below(4)).map(|_| self.of_catalog()).collect();
                Step::Write(ops, self.chance(50))
            }
            6..8 => Step::Transact {
                ops: (0..1 + self.below(3)).map(|_| self.of_catalog()).collect(),
                failing: self.chance(40),
            },
            _ => Step::Read {
                committed: self.chance(40),
            },
        }
    }

    pub fn indexing(&mut self) -> Step {
        match self.below(10) {
            0..7 => {
                let ops = (0..1 + self.below(4)).map(|_| self.of_indexes()).collect();
                Step::Write(ops, self.chance(50))
            }
            7..9 => Step::Transact {
                ops: (0..1 + self.below(3)).map(|_| self.of_indexes()).collect(),
                failing: self.chance(40),
            },
            _ => Step::Read {
                committed: self.chance(40),
            },
        }
    }

    fn of_indexes(&mut self) -> Op {
        let name = self.below(NAMES.into()) as u8;
        match self.below(20) {
            0..3 => Op::Index,
            3 => Op::Unindex,
            4..7 => Op::InsertNamed { name },
            7..9 => Op::Remove { name },
            9..11 => Op::Rewrite { name },
            _ => Op::Claim {
                name,
                value: self.below(VALUES.into()) as u8,
            },
        }
    }

    fn of_catalog(&mut self) -> Op {
        let name = self.below(DEFINED.into()) as u8;
        let key = self.below(KEYS.into()) as u8;
        let bytes = [10, 300, 3_000, 60_000][self.below(4) as usize];
        match self.below(20) {
            0..3 => Op::Define {
                name,
                keys: 0,
                bytes,
            },
            3 => Op::Define {
                name,
                keys: 20,
                bytes,
            },
            4..6 => Op::Undefine { name },
            6..13 => Op::Note {
                name,
                key,
                keys: 1,
                bytes,
                read: self.chance(30),
            },
            13..16 => Op::Note {
                name,
                key: 0,
                keys: 20,
                bytes: 60_000,
                read: self.chance(30),
            },
            _ => self.op(),
        }
    }

    fn census(&mut self) -> Op {
        let from = self.below(KEYS.into()) as u8;
        Op::Census {
            from,
            until: (from + self.below(12) as u8).min(KEYS),
            counter: self.below(COUNTERS.into()) as u8,
        }
    }

    fn fault(&mut self) -> Fault {
        match self.below(9) {
            0 => Fault::Abort("no reason".into()),
            7.. => Fault::Misreported("no reason".into()),
            1 => Fault::Quota,
            2 => Fault::LostBefore,
            3 | 4 => Fault::LostAfter,
            5 => Fault::FrozenBefore,
            _ => Fault::FrozenAfter,
        }
    }

    fn event(&mut self, tabs: usize) -> Event {
        let tab = self.below(tabs as u64) as usize;
        match self.below(10) {
            0..3 => Event::Kill(tab),
            3..6 => Event::Freeze(tab, 1 + self.below(6_000)),
            6 => Event::Sever(tab),
            7 => Event::Upgrade,
            8 => Event::CutPower,
            _ if self.chance(50) => Event::Delete,
            _ => Event::ClearStorage,
        }
    }

    fn timing(&mut self) -> Timing {
        let mut us = |most: &[u64]| most[self.below(most.len() as u64) as usize];
        Timing {
            effect_us: us(&[1, 500, 20_000]),
            settle_us: us(&[1, 500, 50_000]),
            late_us: us(&[0, 1_000, 50_000]),
            open_us: us(&[1, 1_000, 100_000]),
            wake_us: us(&[1, 2_000, 900_000]),
            wake_loss_percent: us(&[0, 30, 100]),
            wake_double_percent: us(&[0, 50]),
        }
    }
}
