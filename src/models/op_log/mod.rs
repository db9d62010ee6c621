//! The op-log: what was written, for synchronisation with other devices, and what merging them needs.
//!
//! Once the head has its tag, every write of a key-value pair or of a document is accompanied, in the same batch, by
//! ([`journal`]) an entry of the log, the record's *state* (when and by which device it was written, or removed), and a
//! mark that its part of the Merkle tree has changed. All of it is blind: the stamp is a hole until the commit.
//!
//! ```text
//! 0x40 order                 an entry                       → see `entry`
//! 0x41 order                 its value, if that is large    → stored value
//! 0x42 order                 an entry that was marked as synced, by its id
//! 0x43                       every entry up to this one is marked → 12 bytes of its order
//! 0x44 hash key place        the state of a record          → see `state`
//! 0x45 leaf                  the leaf (2 bytes) has changed → nothing
//! 0x46 node                  sums of the leaves below a node (1 byte) → 01, 16 × 16 bytes
//! 0x47 0x00                  the floor of collected removals → stamped
//! 0x47 0x01                  how far records older than the log have a state → the last one's key; empty: all
//! 0x47 0x02                  of which devices the entries are that came with an imported patch → see `carried`
//! hash = 8 bytes, XXH64 of the key as encoded, big-endian
//! key place = of a pair: string key, then 0x10 scope; of a document: string id, then 0x21 scope collection
//! ```
//!
//! The hash is of the key alone, so that what has one key lies together whatever store it is in: pages of
//! [`records`] go on behind a key.

use bytes::Bytes;
use twox_hash::XxHash64;

use crate::codec::js_string::JsString;
use crate::codec::kinds::key as kinds;
use crate::codec::order::Order;
use crate::codec::tuple;
use crate::engine::access::KeyRange;
use crate::error::{Code, Error, Result};
use crate::models::{Scope, keys};

pub mod apply;
pub mod carried;
pub mod entry;
pub mod journal;
pub mod log;
pub mod merkle;
pub mod migrated;
pub mod records;
pub mod remote;
pub mod seed;
pub mod service;
pub mod state;
pub mod tail;
pub mod tombstones;

/// Places in one frame, at most, that entries have.
pub const SLOTS: u32 = 1 << 21;
/// The largest id: the largest number that JavaScript tells apart from its neighbours.
const MAX_ID: u64 = (1 << 53) - 1;

/// The number by which the outside knows an entry: ascending as places do.
///
/// # Errors
/// `LimitExceeded` when the numbers are used up.
pub fn id_of(order: Order) -> Result<u64> {
    let id = order.frame.checked_mul(u64::from(SLOTS));
    let id = id.and_then(|id| id.checked_add(u64::from(order.slot)));
    id.filter(|id| *id <= MAX_ID && order.slot < SLOTS)
        .ok_or_else(|| {
            Error::new(
                Code::LimitExceeded,
                "the numbers of the op-log's entries are used up",
            )
        })
}

/// The place of the entry of a number; of a number that none has, the greatest place below.
#[must_use]
pub fn order_of(id: f64) -> Order {
    // (What is no number becomes 0, and what is too large the largest.)
    let whole = (id as u64).min(MAX_ID);
    Order {
        frame: whole / u64::from(SLOTS),
        slot: (whole % u64::from(SLOTS)) as u32,
    }
}

/// `kind` and the order.
#[must_use]
pub fn at(kind: u8, order: Order) -> Bytes {
    let mut key = Vec::with_capacity(13);
    key.push(kind);
    key.extend_from_slice(&order.to_bytes());
    key.into()
}

/// The keys of a kind from after one order (`None`: all) through another.
#[must_use]
pub fn between(kind: u8, after: Option<Order>, through: Option<Order>) -> KeyRange {
    let behind = |order: Order| {
        let mut key = at(kind, order).to_vec();
        key.push(0);
        Bytes::from(key)
    };
    let all = tuple::prefix_range(Bytes::copy_from_slice(&[kind]));
    KeyRange {
        from: after.map_or(all.from, behind),
        until: through.map_or(all.until, behind),
    }
}

/// The order in such a key.
///
/// # Errors
/// `Corrupt`.
pub fn order_in(key: &[u8]) -> Result<Order> {
    let order = key.get(1..).and_then(Order::from_bytes);
    order.ok_or_else(|| Error::corrupt("an op-log's key is broken"))
}

/// Which record: the key of a pair, or of the id of a document (see `keys`), in its two parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name<'a> {
    /// Kind, scope, and the collection of a document.
    pub place: &'a [u8],
    /// The key or id, as encoded.
    pub key: &'a [u8],
}

impl<'a> Name<'a> {
    /// Takes a record's key apart.
    ///
    /// # Errors
    /// `Corrupt` when it is none.
    pub fn of(record: &'a [u8]) -> Result<Self> {
        let after = |at: usize| -> Result<usize> {
            let rest = record.get(at..).ok_or_else(broken)?;
            let (text, _) = tuple::split_string(rest)?;
            Ok(at + text.len() + 1)
        };
        let end = match record.first() {
            Some(&kinds::PAIR) => after(2)?,
            Some(&kinds::ID) => after(after(2)?)?,
            _ => return Err(broken()),
        };
        let (place, key) = record.split_at_checked(end).ok_or_else(broken)?;
        Ok(Self { place, key })
    }

    /// The key of the record.
    #[must_use]
    pub fn record(&self) -> Bytes {
        [self.place, self.key].concat().into()
    }

    /// The key of its state.
    #[must_use]
    pub fn state_key(&self) -> Bytes {
        let mut key = Vec::new();
        self.put_state_key(&mut key);
        key.into()
    }

    /// Appends the key of its state.
    pub fn put_state_key(&self, out: &mut Vec<u8>) {
        out.reserve(9 + self.key.len() + self.place.len());
        out.push(kinds::STATE);
        out.extend_from_slice(&hash_of(self.key).to_be_bytes());
        out.extend_from_slice(self.key);
        out.extend_from_slice(self.place);
    }

    /// The record whose state lies under a key.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn of_state_key(key: &'a [u8]) -> Result<Self> {
        let rest = key.get(9..).ok_or_else(broken)?;
        let (text, _) = tuple::split_string(rest)?;
        let (key, place) = rest.split_at_checked(text.len() + 1).ok_or_else(broken)?;
        Ok(Self { place, key })
    }

    /// Whether it is a document.
    #[must_use]
    pub fn is_document(&self) -> bool {
        self.place.first() == Some(&kinds::ID)
    }

    /// Scope, collection (of a document), and key.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn texts(&self) -> Result<(Scope, Option<JsString>, JsString)> {
        let (key, _) = tuple::read_string(self.key)?;
        let (scope, rest) = match self.place.split_first() {
            Some((_, [tag, rest @ ..])) => {
                let (encoded, after) = tuple::split_string(rest)?;
                let scope = self.place.get(1..encoded.len() + 3).unwrap_or_default();
                debug_assert!(!tag.is_ascii_graphic());
                (keys::read_scope(scope)?, after)
            }
            _ => return Err(broken()),
        };
        let collection = match self.is_document() {
            true => Some(tuple::read_string(rest)?.0),
            false => None,
        };
        Ok((scope, collection, key))
    }
}

/// The hash that says where in the Merkle tree a record is.
#[must_use]
pub fn hash_of(key: &[u8]) -> u64 {
    XxHash64::oneshot(0, key)
}

/// The number of a hash's leaf: its first three hex digits.
#[must_use]
pub const fn leaf_of(hash: u64) -> u16 {
    (hash >> 52) as u16
}

fn broken() -> Error {
    Error::corrupt("the op-log names no record")
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
