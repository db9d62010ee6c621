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
    next: Vec<(Need, u64)>,
    /// Stored bytes that may still be added.
    room: u64,
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
        } else if self.next.iter().all(|(known, _)| *known != need) {
            if stored > self.room {
                self.room = 0;
            } else {
                self.room -= stored;
                self.next.push((need, stored));
            }
        }
        self.room > 0
    }

    /// Adds all of another; whether there is room for more.
    pub fn add_all(&mut self, other: &Self) -> bool {
        let first = (other.first, other.first_bytes);
        let all = std::iter::once(&first).chain(&other.next);
        all.copied().all(|(need, stored)| self.add(need, stored))
    }

    /// What the attempt has stopped at.
    #[must_use]
    pub const fn first(&self) -> Need {
        self.first
    }

    /// All of them, the first one first.
    pub fn iter(&self) -> impl Iterator<Item = Need> {
        let next = self.next.iter().map(|(need, _)| *need);
        std::iter::once(self.first).chain(next)
    }
}

impl From<Need> for Needs {
    fn from(need: Need) -> Self {
        Self::new(need, 0)
    }
}
