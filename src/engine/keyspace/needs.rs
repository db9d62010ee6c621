//! What an attempt lacks.

use crate::backend::Id;
use crate::codec::stamp::Fill;

/// Something that is stored but not in memory. Opaque to models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// A segment of a sorted run, and what goes into its holes.
    Segment(Id, Fill),
    /// A page of the directory.
    Directory(Id),
    /// A piece of a large value.
    Piece(Id),
}

impl Need {
    /// The record that it is in.
    #[must_use]
    pub const fn id(self) -> Id {
        let (Self::Segment(id, _) | Self::Directory(id) | Self::Piece(id)) = self;
        id
    }
}

/// Several of them, to be loaded together: the first is what the attempt has stopped at, the others it will want next,
/// as far as can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needs {
    first: Need,
    first_bytes: u64,
    /// In the order in which they were added.
    next: Vec<Next>,
    /// Stored bytes that may still be added.
    room: u64,
}

/// One of the others. They are also a tree whose root is the first of them: on the n-th step down, the n-th bit of an
/// id says on which side it lies. Ids are random, so that it needs no balancing; whatever they are, it is no deeper
/// than they have bits.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Next {
    need: Need,
    stored: u64,
    /// Which ones lie below it; 0 for none.
    sides: (usize, usize),
}

fn bit(of: Need, step: usize) -> bool {
    let Id(id) = of.id();
    id.get(step / 8)
        .is_some_and(|byte| byte >> (step % 8) & 1 == 1)
}

impl Needs {
    /// What is needed in any case; `room`: stored bytes of what may be loaded in all.
    #[must_use]
    pub const fn new(first: Need, room: u64) -> Self {
        Self {
            first,
            first_bytes: 0,
            next: Vec::new(),
            room,
        }
    }

    /// Adds one of so many stored bytes, if there is room for it; whether there is room for more.
    pub fn add(&mut self, need: Need, stored: u64) -> bool {
        if need == self.first {
            self.room = self
                .room
                .saturating_sub(stored - self.first_bytes.min(stored));
            self.first_bytes = self.first_bytes.max(stored);
        } else if let Some((above, step)) = self.place(need) {
            if stored > self.room {
                self.room = 0;
            } else {
                self.room -= stored;
                let at = self.next.len();
                if let Some(Next { sides, .. }) = self.next.get_mut(above) {
                    *(if bit(need, step) {
                        &mut sides.1
                    } else {
                        &mut sides.0
                    }) = at;
                }
                self.next.push(Next {
                    need,
                    stored,
                    sides: (0, 0),
                });
            }
        }
        self.room > 0
    }

    /// Below which one it belongs, and how far down that is; `None` when it is there.
    fn place(&self, need: Need) -> Option<(usize, usize)> {
        let (mut at, mut step) = (0, 0);
        while let Some(known) = self.next.get(at) {
            if known.need == need {
                return None;
            }
            let (zero, one) = known.sides;
            let below = if bit(need, step) { one } else { zero };
            if below == 0 {
                break;
            }
            (at, step) = (below, step + 1);
        }
        Some((at, step))
    }

    /// Adds all of another; whether there is room for more.
    pub fn add_all(&mut self, other: &Self) -> bool {
        let mut next = other.next.iter();
        self.add(other.first, other.first_bytes)
            && next.all(|next| self.add(next.need, next.stored))
    }

    /// What the attempt has stopped at.
    #[must_use]
    pub const fn first(&self) -> Need {
        self.first
    }

    /// All of them, the first one first.
    pub fn iter(&self) -> impl Iterator<Item = Need> {
        self.sized().map(|(need, _)| need)
    }

    /// The same, each with its stored bytes as far as they are known.
    pub fn sized(&self) -> impl Iterator<Item = (Need, u64)> {
        let next = self.next.iter().map(|next| (next.need, next.stored));
        std::iter::once((self.first, self.first_bytes)).chain(next)
    }
}

impl From<Need> for Needs {
    fn from(need: Need) -> Self {
        Self::new(need, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ids as `made`, and the longest way down to where one of them is put.
    fn deepest(made: impl Iterator<Item = u128>) -> usize {
        let mut needs = Needs::new(Need::Piece(Id([0xff; 16])), u64::MAX);
        let mut expected = vec![needs.first()];
        let mut deepest = 0;
        for number in made {
            let need = Need::Segment(Id(number.to_be_bytes()), Fill::default());
            let (_, steps) = needs.place(need).unwrap_or_else(|| panic!("it is new"));
            deepest = deepest.max(steps);
            for _ in 0..2 {
                assert!(needs.add(need, 1));
            }
            assert_eq!(needs.place(need), None);
            expected.push(need);
        }
        assert_eq!(
            needs.room,
            u64::MAX - (expected.len() as u64 - 1),
            "each once"
        );
        assert!(needs.iter().eq(expected), "in order");
        deepest
    }

    #[test]
    fn whether_one_is_there_is_found_in_few_steps() {
        // (Odd, so that no two are the same.)
        let random =
            (1..20_000).map(|n: u128| n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
        let steps = deepest(random);
        assert!(steps < 40, "{steps} steps among 20 000");
        for shift in [0, 64, 112] {
            let steps = deepest((1..20_000).map(|n: u128| n << shift));
            assert!(
                steps <= 128,
                "{steps} steps among 20 000 that follow each other"
            );
        }
    }

    #[test]
    fn needs_of_one_id_and_several_kinds_are_apart() {
        let id = Id([3; 16]);
        let kinds = [
            Need::Piece(id),
            Need::Directory(id),
            Need::Segment(id, Fill::default()),
            Need::Segment(
                id,
                Fill {
                    frame: 1,
                    ..Fill::default()
                },
            ),
        ];
        let mut needs = Needs::new(Need::Piece(Id([4; 16])), 100);
        for need in kinds.into_iter().chain(kinds) {
            needs.add(need, 10);
        }
        assert!(needs.iter().skip(1).eq(kinds));
        assert_eq!(needs.room, 60);
    }
}
