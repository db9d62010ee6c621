//! Documents that refer to each other, some of them numbered: made, moved and removed by whatever tabs do, while what is
//! defined of them comes and goes.
//!
//! ```text
//! p ← c   a child goes with its parent; children are numbered
//! p ← d   a guard keeps its parent from going
//! c ← e   a friend lets go of a child that goes
//! ```

use patchstore::models::Scope;
use patchstore::models::documents::Collection;

use super::operation::Told;

mod check;
mod dice;
mod model;
mod seen;
mod work;

pub use check::check;
pub use model::apply;
pub use seen::{Gathering, at_rest, is_bound};
pub use work::Doing;

/// Under this key the plain map has all these documents.
pub const KEY: &[u8] = b"kin";
/// Under this key it has whether anything is defined of them.
pub const BOUND: &[u8] = b"kin bound";
/// Under this key it has the last number that was given.
pub const COUNTER: &[u8] = b"kin counter";

/// Ids in each of the collections.
pub const IDS: u8 = 4;
/// What the plain map tells of a call that has to be refused.
pub const REFUSED: u64 = u64::MAX;

/// Whether a call that told this has to be refused.
pub fn refuses(told: &Told) -> bool {
    told.contains(&REFUSED)
}

/// A call that writes.
#[derive(Debug, Clone)]
pub enum Kin {
    /// Defines references and numbers, unless a document refers to one that is not there.
    Bind,
    /// Takes the definitions away.
    Unbind,
    /// Puts a document in the place of the one of its id, or behind all others.
    Make {
        role: Role,
        id: u8,
        parent: Option<u8>,
    },
    /// Inserts the document of an id and that of the next one, or neither.
    Pair {
        role: Role,
        id: u8,
        parent: Option<u8>,
    },
    /// Changes to whom a document refers.
    Move {
        role: Role,
        id: u8,
        parent: Option<u8>,
    },
    /// The same of all of them.
    MoveAll { role: Role, parent: Option<u8> },
    /// Removes a document.
    Remove { role: Role, id: u8 },
    /// Removes all of them.
    RemoveAll { role: Role },
}

/// What a collection's documents are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Parent,
    Child,
    Guard,
    Friend,
}

impl Role {
    pub const ALL: [Self; 4] = [Self::Parent, Self::Child, Self::Guard, Self::Friend];

    /// The name of the collection.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Parent => "p",
            Self::Child => "c",
            Self::Guard => "d",
            Self::Friend => "e",
        }
    }

    pub fn collection(self) -> Collection {
        Collection::new(&Scope::Name("sim".into()), self.name().into()).unwrap()
    }

    /// To whom they refer.
    pub const fn refers_to(self) -> Option<Self> {
        match self {
            Self::Parent => None,
            Self::Child | Self::Guard => Some(Self::Parent),
            Self::Friend => Some(Self::Child),
        }
    }

    /// What is defined of them.
    const fn definition(self) -> &'static str {
        match self {
            Self::Parent => "{}",
            Self::Child => {
                r#"{"references":{"p":{"collection":"p","onDelete":"cascade"}},"sequences":{"n":{}}}"#
            }
            Self::Guard => r#"{"references":{"p":{"collection":"p","onDelete":"restrict"}}}"#,
            Self::Friend => r#"{"references":{"p":{"collection":"c","onDelete":"set-null"}}}"#,
        }
    }
}

/// A document's id.
fn name_of(id: u8) -> String {
    format!("k{id}")
}
