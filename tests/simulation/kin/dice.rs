//! What tabs do to them.

use super::super::plan::{Dice, Op, Step};
use super::{IDS, Kin, Role};

impl Dice {
    /// A step of a world with references and sequences; now and then one of its indexes.
    pub fn kin(&mut self) -> Step {
        match self.below(12) {
            0..6 => {
                let ops = (0..1 + self.below(4)).map(|_| self.of_kin()).collect();
                Step::Write(ops, self.chance(50))
            }
            6..8 => Step::Transact {
                ops: (0..1 + self.below(3)).map(|_| self.of_kin()).collect(),
                failing: self.chance(40),
            },
            8..10 => Step::Read {
                committed: self.chance(40),
            },
            10 => Step::Look(1 + self.below(4)),
            _ => self.indexing(),
        }
    }

    fn of_kin(&mut self) -> Op {
        let role = Role::ALL[self.below(4) as usize];
        let id = self.below(IDS.into()) as u8;
        let refers = role.refers_to().is_some() && self.chance(85);
        let parent = refers.then(|| self.below(IDS.into()) as u8);
        Op::Kin(match self.below(30) {
            0..4 => Kin::Bind,
            4 => Kin::Unbind,
            5..9 => Kin::Make {
                role: Role::Parent,
                id,
                parent: None,
            },
            9..15 => Kin::Make { role, id, parent },
            15..18 => Kin::Pair { role, id, parent },
            18..21 if role.refers_to().is_some() => Kin::Move { role, id, parent },
            21 if role.refers_to().is_some() => Kin::MoveAll { role, parent },
            22 => Kin::RemoveAll { role },
            23..26 => Kin::Remove {
                role: Role::Parent,
                id,
            },
            _ => Kin::Remove { role, id },
        })
    }
}
