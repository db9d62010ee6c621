//! The Merkle tree over live records: by exchanging digests, two replicas find where they differ.
//!
//! A record's digest is the first 16 bytes of SHA-256 over the key of its state, the id of its device, and its stamp; a
//! node's is the sum of those below it (mod 2^128, little-endian), so it does not matter in which order they come,
//! and a changed leaf changes its nodes by the difference alone. Removed records, and those that can expire, count 0.
//! Leaves are the 4096 prefixes of three hex digits of the hashes of keys; a root has 256 children of two digits, one
//! of two digits has 16 leaves.
//!
//! Writes are blind: they only mark their leaf. Whoever asks sums marked leaves up anew, from the states below them,
//! and then stores the sums, in a commit of its own that takes the marks away.

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::journal::dirty_key;
use super::records::{MAX_DIGITS, range_of};
use super::state::State;
use crate::codec::kinds::key as kinds;
use crate::codec::stamp::Stamp;
use crate::codec::tuple;
use crate::engine::access::{Attempt, Cursor, Reads, Writes};
use crate::error::{Error, Result};
use crate::models::pace::Pace;

/// Leaves of a node.
const LEAVES: usize = 16;
/// Nodes of the root.
const NODES: usize = 256;
/// The first byte of stored sums: they must not look like a value that ends in a stamp.
const SUMS: u8 = 0x01;
/// Bytes of a sum.
const SUM_BYTES: usize = 16;

/// What a path has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The sum of all below it.
    pub sum: u128,
    /// The paths one level down that hold anything, and their sums.
    pub children: Vec<(String, u128)>,
}

/// 32 hex digits.
#[must_use]
pub fn text_of(sum: u128) -> String {
    let digit = |at: u32| char::from_digit((sum >> (4 * at)) as u32 & 15, 16).unwrap_or('0');
    (0..32).rev().map(digit).collect()
}

fn digest_of(key: &[u8], device: &[u8], stamp: Stamp) -> u128 {
    let hash = Sha256::new()
        .chain_update(key)
        .chain_update(device)
        .chain_update(stamp.to_bytes())
        .finalize();
    let first = hash.first_chunk::<SUM_BYTES>();
    first.map_or(0, |bytes| u128::from_le_bytes(*bytes))
}

/// The leaves of some nodes, as they are now.
struct Sums {
    /// The first node, and how many.
    first: usize,
    leaves: Vec<u128>,
    /// Where the work is.
    read: usize,
    marked: Vec<u16>,
    dirty: Option<Vec<u16>>,
    summed: usize,
    cursor: Option<Cursor>,
    sum: u128,
    /// Leaves below which something is not committed yet.
    early: Vec<u16>,
    is_early: bool,
    pace: Pace,
}

impl Sums {
    fn of(first: usize, count: usize) -> Self {
        Self {
            first,
            leaves: vec![0; count * LEAVES],
            read: 0,
            marked: Vec::new(),
            dirty: None,
            summed: 0,
            cursor: None,
            sum: 0,
            early: Vec::new(),
            is_early: false,
            pace: Pace::default(),
        }
    }

    fn step<R: Reads + ?Sized>(&mut self, r: &mut R) -> Attempt<()> {
        self.read_stored(r)?;
        self.read_marks(r)?;
        while let Some(&leaf) = self.dirty.as_ref().and_then(|dirty| dirty.get(self.summed)) {
            let cursor = match &mut self.cursor {
                Some(cursor) => cursor,
                none => none.insert(Cursor::new(range_of(&path_of(leaf))?, false)),
            };
            let (sum, is_early) = (&mut self.sum, &mut self.is_early);
            r.scan(cursor, true, &mut |key, stored| {
                let state = State::decode(&Bytes::copy_from_slice(stored))?;
                match state.stamp {
                    Some(stamp) if state.is_digested() => {
                        *sum = sum.wrapping_add(digest_of(key, &state.device, stamp));
                    }
                    Some(_) => {}
                    None => *is_early = true,
                }
                Ok(true)
            })?;
            let at = usize::from(leaf).wrapping_sub(self.first * LEAVES);
            if std::mem::take(&mut self.is_early) {
                self.early.push(leaf);
            } else if let Some(slot) = self.leaves.get_mut(at) {
                *slot = self.sum;
            }
            (self.sum, self.cursor) = (0, None);
            self.summed += 1;
        }
        Ok(())
    }

    fn read_stored<R: Reads + ?Sized>(&mut self, r: &mut R) -> Attempt<()> {
        while self.read < self.leaves.len() / LEAVES {
            let key = [kinds::SUMS, (self.first + self.read) as u8];
            if let Some(stored) = r.get(&key)? {
                let (first, sums) = stored.split_at_checked(1).unwrap_or_default();
                let (sums, rest) = sums.as_chunks::<SUM_BYTES>();
                if first != [SUMS] || sums.len() != LEAVES || !rest.is_empty() {
                    return Err(Error::corrupt("the digests of a node are broken").into());
                }
                let of_node = self
                    .leaves
                    .get_mut(self.read * LEAVES..)
                    .unwrap_or_default();
                for (leaf, sum) in of_node.iter_mut().zip(sums) {
                    *leaf = u128::from_le_bytes(*sum);
                }
            }
            self.read += 1;
            self.pace.step(r)?;
        }
        Ok(())
    }

    fn read_marks<R: Reads + ?Sized>(&mut self, r: &mut R) -> Attempt<()> {
        if self.dirty.is_some() {
            return Ok(());
        }
        let begin = (self.first * LEAVES) as u16;
        let end = self.first * LEAVES + self.leaves.len();
        let cursor = self.cursor.get_or_insert_with(|| {
            let mut range = tuple::prefix_range(Bytes::from_static(&[kinds::DIRTY]));
            range.from = dirty_key(begin);
            if end < NODES * LEAVES {
                range.until = dirty_key(end as u16);
            }
            Cursor::new(range, false)
        });
        let marked = &mut self.marked;
        r.scan(cursor, false, &mut |key, _| {
            let leaf = key.get(1..).and_then(|leaf| leaf.try_into().ok());
            let leaf = leaf.map(u16::from_be_bytes);
            marked.push(leaf.ok_or_else(|| Error::corrupt("the mark of a leaf is broken"))?);
            Ok(true)
        })?;
        self.cursor = None;
        self.dirty = Some(std::mem::take(marked));
        Ok(())
    }
}

fn path_of(leaf: u16) -> String {
    let digit = |at: u16| char::from_digit(u32::from(leaf >> (4 * at)) & 15, 16).unwrap_or('0');
    (0..3).rev().map(digit).collect()
}

/// Looks at a path.
pub struct Look {
    path: String,
    sums: Sums,
}

impl Look {
    /// At a path of up to three hex digits; "" is the root.
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub fn new(path: &str) -> Result<Self> {
        range_of(path)?;
        let of_digits = |digits: &str| usize::from_str_radix(digits, 16).unwrap_or_default();
        let sums = match path.len() {
            0 => Sums::of(0, NODES),
            1 => Sums::of(16 * of_digits(path), 16),
            _ => Sums::of(of_digits(path.get(..2).unwrap_or_default()), 1),
        };
        Ok(Self {
            path: path.into(),
            sums,
        })
    }

    /// Runs until it does not stop, on what is committed. What the path has, and the nodes whose sums are out of date as
    /// they are stored.
    ///
    /// # Errors
    /// A stop.
    pub fn step(&mut self, r: &mut dyn Reads) -> Attempt<(Found, Vec<usize>)> {
        self.sums.step(r)?;
        let dirty = self.sums.dirty.iter().flatten();
        let mut nodes: Vec<usize> = dirty.map(|leaf| usize::from(*leaf) / LEAVES).collect();
        nodes.dedup();
        Ok((self.found(), nodes))
    }

    fn found(&self) -> Found {
        let Sums { first, leaves, .. } = &self.sums;
        let numbered = (first * LEAVES..).zip(leaves.iter().copied());
        let paths = numbered.map(|(leaf, sum)| (path_of(leaf as u16), sum));
        let below = paths.filter(|(path, _)| path.starts_with(&self.path));
        let digits = match self.path.len() {
            0 | 1 => 2,
            _ => MAX_DIGITS,
        };
        let mut found = Found {
            sum: 0,
            children: Vec::new(),
        };
        for (mut path, sum) in below {
            found.sum = found.sum.wrapping_add(sum);
            path.truncate(digits);
            match found.children.last_mut() {
                Some((last, of_last)) if *last == path => *of_last = of_last.wrapping_add(sum),
                _ => found.children.push((path, sum)),
            }
        }
        found
            .children
            .retain(|(path, sum)| *sum != 0 && *path != self.path);
        found
    }
}

/// Stores the sums of a node's marked leaves, and takes the marks away; of leaves below which everything is committed.
/// It depends on that node alone: under a busy neighbour, others get on.
pub struct Refresh {
    node: usize,
    sums: Sums,
}

impl Refresh {
    /// Of a node, below 256.
    #[must_use]
    pub fn new(node: usize) -> Self {
        Self {
            node,
            sums: Sums::of(node, 1),
        }
    }

    /// Runs until it does not stop.
    ///
    /// # Errors
    /// A stop.
    pub fn step(&mut self, w: &mut dyn Writes) -> Attempt<()> {
        if w.is_fresh() {
            *self = Self::new(self.node);
        }
        self.sums.step(w)?;
        let early = &self.sums.early;
        let dirty = self.sums.dirty.iter().flatten();
        // planted: early-sum
        let summed: Vec<u16> = dirty
            .filter(|leaf| !early.contains(leaf))
            .copied()
            .collect();
        if summed.is_empty() {
            return Ok(());
        }
        for leaf in summed {
            w.delete(dirty_key(leaf));
        }
        let mut stored = vec![SUMS];
        stored.extend(self.sums.leaves.iter().flat_map(|sum| sum.to_le_bytes()));
        let key = Bytes::copy_from_slice(&[kinds::SUMS, self.node as u8]);
        w.put(key, stored.into());
        Ok(())
    }
}

#[cfg(test)]
mod tests;
