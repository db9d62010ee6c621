//! What tabs do with them.

use super::super::plan::{Dice, Op, Step};
use super::{Contents, Node, RECORDS, SIZES, Way};

/// After every clock's hour, ms.
const AHEAD_MS: u64 = 7_200_000;

impl Dice {
    /// A step of a world with contents.
    pub fn contents(&mut self) -> Step {
        match self.below(24) {
            0..6 => Step::Put {
                content: self.content(),
                way: match self.below(10) {
                    0 => Way::Abandoned,
                    1 => Way::Left,
                    2..5 => Way::Again,
                    _ => Way::Whole,
                },
            },
            6..13 => {
                let ops = (0..1 + self.below(3)).map(|_| self.of_contents()).collect();
                Step::Write(ops, self.chance(50))
            }
            13..15 => Step::Transact {
                ops: (0..1 + self.below(3)).map(|_| self.of_contents()).collect(),
                failing: self.chance(40),
            },
            15 => Step::Lend {
                at: self.below(RECORDS.into()) as u8,
                of: self.some_contents(),
                after_ms: 1 + self.below(2_000),
            },
            16..21 => Step::Collect {
                // By a tab whose clock is ahead, now and then.
                ahead_ms: if self.chance(20) { AHEAD_MS } else { 0 },
            },
            _ => Step::Read {
                committed: self.chance(40),
            },
        }
    }

    /// Mostly one of two.
    fn content(&mut self) -> u8 {
        match self.below(20) {
            0 => 0,
            1..9 => 1,
            9..17 => 2,
            17..19 => 3,
            _ => SIZES.len() as u8 - 1,
        }
    }

    fn some_contents(&mut self) -> Vec<u8> {
        (0..self.below(3)).map(|_| self.content()).collect()
    }

    fn of_contents(&mut self) -> Op {
        let at = self.below(RECORDS.into()) as u8;
        let pad = [0, 0, 0, 500, 70_000][self.below(5) as usize];
        Op::Contents(match self.below(40) {
            0..10 => Contents::Set {
                at,
                of: self.some_contents(),
                pad,
                updates: self.chance(40),
            },
            10..16 => Contents::Delete { at },
            16..24 => Contents::PutDoc {
                at,
                of: self.some_contents(),
                pad,
            },
            24..29 => Contents::RemoveDoc { at },
            29..31 => Contents::CopyNode,
            31..33 => Contents::DeleteNode(Node::Copy),
            33 => Contents::DeleteNode(Node::Own),
            34..37 => Contents::Clear,
            _ => Contents::Drop,
        })
    }
}
