//! Contents that tabs put, and records that come to hold them and let go of them, while any tab collects what nothing holds.
//!
//! Whether a content that nothing holds is still here depends on who collects when, which no call tells. So a call that refers
//! to one may be refused where no record holds it; it must be refused where it was never put; and must not be where a record holds it.

use patchstore::models::Scope;
use patchstore::models::contents::PIECE_BYTES;
use patchstore::models::documents::Collection;
use patchstore::models::kv::Kv;
use patchstore::record::{ContentHash, Id};

mod check;
mod dice;
mod model;
mod seen;
mod work;

pub use check::check_end;
pub use model::{apply, may_refuse};
pub use seen::Gathering;
pub use work::Doing;

/// Under this key the plain map has which record holds what.
pub const KEY: &[u8] = b"contents";

/// The contents that there are in a world, by their sizes in bytes.
pub const SIZES: [usize; 5] = [0, 10, 700, 70_000, PIECE_BYTES + 100];
/// Pairs, and documents, in the node.
pub const RECORDS: u8 = 3;

/// A call that writes.
#[derive(Debug, Clone)]
pub enum Contents {
    /// Makes an upload a content.
    Finish {
        content: u8,
        upload: Id,
        now_ms: u64,
    },
    /// Puts again what is here already.
    Touch {
        content: u8,
        upload: Id,
        now_ms: u64,
    },
    /// A pair that refers to these; whether by an update.
    Set {
        at: u8,
        of: Vec<u8>,
        pad: usize,
        updates: bool,
    },
    Delete {
        at: u8,
    },
    /// A pair beside all others, which expires.
    Lend {
        at: u8,
        of: Vec<u8>,
        until_ms: u64,
    },
    /// A document, new or in the place of the one of its id.
    PutDoc {
        at: u8,
        of: Vec<u8>,
        pad: usize,
    },
    RemoveDoc {
        at: u8,
    },
    /// Copies the node in place of its copy.
    CopyNode,
    DeleteNode(Node),
    /// Removes the pairs.
    Clear,
    /// Removes the collection.
    Drop,
}

/// Whose records they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Node {
    Own,
    Copy,
}

/// How a tab puts a content.
#[derive(Debug, Clone, Copy)]
pub enum Way {
    /// To its end; whatever fails is abandoned.
    Whole,
    /// It is abandoned when all pieces are there.
    Abandoned,
    /// It is left when all pieces are there.
    Left,
    /// Without its bytes.
    Again,
}

impl Node {
    pub const ALL: [Self; 2] = [Self::Own, Self::Copy];

    pub fn scope(self) -> Scope {
        let name = match self {
            Self::Own => "n",
            Self::Copy => "m",
        };
        Scope::Node(name.into())
    }

    pub fn pairs(self) -> Kv {
        Kv::new(&self.scope()).unwrap()
    }

    pub fn docs(self) -> Collection {
        Collection::new(&self.scope(), "c".into()).unwrap()
    }
}

/// Where pairs are that expire.
pub fn lent() -> Kv {
    Kv::new(&Scope::Name("lent".into())).unwrap()
}

pub fn hash(content: u8) -> ContentHash {
    let mut hash = [0; 32];
    fastrand::Rng::with_seed(content.into()).fill(&mut hash);
    hash
}

/// The content of a hash.
pub fn content_of(hash_of_it: &ContentHash) -> u8 {
    let all = 0..SIZES.len() as u8;
    let mut found = all.filter(|content| hash(*content) == *hash_of_it);
    found.next().unwrap()
}

/// The bytes of a content.
pub fn bytes(content: u8) -> Vec<u8> {
    let size = SIZES[usize::from(content)];
    let mut bytes = Vec::with_capacity(size + 1_000);
    while bytes.len() < size {
        let part = bytes.len() / 1_000;
        bytes.resize(bytes.len() + 1_000, part as u8 ^ content.wrapping_mul(31));
    }
    bytes.truncate(size);
    bytes
}

/// A record that tells that a content was put.
pub fn put_key(content: u8) -> bytes::Bytes {
    format!("q/p{content}").into()
}
