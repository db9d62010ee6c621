//! The key table: what the head says of keys (tag 16).
//!
//! ```text
//! varint  number of slots, 1–16, then of each:
//!   16      id
//!   1       method: 1 a passphrase, 2 a key
//!   (1:)    16 salt, varint memory in KiB, varint passes, varint lanes, all of Argon2id
//!   12      nonce
//!   80      32 zeros and the patch key, sealed under the slot's key; AAD: "patchstore slot", and the slot up to the nonce
//! varint  number of data keys, 1–64, ascending by id, then of each:
//!   4       key id, u32 little-endian, not 0; records are sealed under the highest
//!   12      nonce
//!   48      the data key, sealed under HKDF(patch key, info "patchstore data keys"); AAD: the key id
//! bytes   names of the slots: 12 nonce, then sealed under HKDF(patch key, info "patchstore slot names"):
//!           for each slot: bytes name, UTF-8
//! ```
//!
//! The zeros commit a slot to its key: AES-GCM alone does not (a ciphertext can be made that opens under several keys).

use bytes::Bytes;

use super::aead::{NONCE_BYTES, TAG_BYTES};
use crate::codec::io::{Input, put_bytes, put_varint};
use crate::error::{Error, Result};
use crate::record::Id;

/// Slots at most.
pub const MAX_SLOTS: usize = 16;
/// The longest name of a slot, in bytes of UTF-8.
pub const MAX_NAME_BYTES: usize = 256;
const MAX_DATA_KEYS: usize = 64;
/// What of a slot is sealed: zeros and the patch key.
pub const SLOT_BYTES: usize = 64;
const WRAPPED_SLOT: usize = SLOT_BYTES + TAG_BYTES;
const WRAPPED_KEY: usize = 32 + TAG_BYTES;
/// Memory of one derivation at most, KiB; passes times that of all slots at most. A damaged or forged head must not
/// take minutes or gigabytes.
const MAX_MEMORY_KIB: u64 = 256 << 10;
const MAX_WORK_KIB: u64 = 4 << 20;

/// How the key of a slot is had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// It is derived from a passphrase.
    Passphrase(Argon2),
    /// It is given.
    Key,
}

/// The parameters of Argon2id (RFC 9106).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2 {
    /// Random.
    pub salt: [u8; 16],
    /// Memory, KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

/// One way to the patch key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Random.
    pub id: Id,
    /// How its key is had.
    pub method: Method,
    /// Random.
    pub nonce: [u8; NONCE_BYTES],
    /// The patch key, sealed.
    pub wrapped: [u8; WRAPPED_SLOT],
}

/// A data key, sealed under the patch key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// Its id, not 0.
    pub id: u32,
    /// Random.
    pub nonce: [u8; NONCE_BYTES],
    /// The key, sealed.
    pub wrapped: [u8; WRAPPED_KEY],
}

/// What the head says of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyTable {
    /// The ways to the patch key.
    pub slots: Vec<Slot>,
    /// The keys under which records are sealed, by id.
    pub data: Vec<WrappedKey>,
    /// The slots' names, sealed.
    pub names: Bytes,
}

impl Slot {
    /// What its patch key is bound to.
    #[must_use]
    pub fn aad(&self) -> Vec<u8> {
        let mut aad = b"patchstore slot".to_vec();
        self.put_clear(&mut aad);
        aad
    }

    fn put_clear(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.id.0);
        match self.method {
            Method::Passphrase(argon2) => {
                out.push(1);
                out.extend_from_slice(&argon2.salt);
                for number in [argon2.memory_kib, argon2.passes, argon2.lanes] {
                    put_varint(out, u64::from(number));
                }
            }
            Method::Key => out.push(2),
        }
    }

    fn read(input: &mut Input) -> Result<Self> {
        Ok(Self {
            id: Id(input.array()?),
            method: match input.u8()? {
                1 => Method::Passphrase(Argon2 {
                    salt: input.array()?,
                    memory_kib: input.varint32()?,
                    passes: input.varint32()?,
                    lanes: input.varint32()?,
                }),
                2 => Method::Key,
                _ => return Err(Error::unsupported("a key slot has an unknown method")),
            },
            nonce: input.array()?,
            wrapped: input.array()?,
        })
    }

    /// What it costs to try a passphrase on it, in KiB of memory passed over.
    fn work_kib(&self) -> u64 {
        match self.method {
            Method::Passphrase(argon2) => {
                u64::from(argon2.memory_kib).saturating_mul(u64::from(argon2.passes))
            }
            Method::Key => 0,
        }
    }
}

impl KeyTable {
    /// Encodes it.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(512);
        put_varint(&mut out, self.slots.len() as u64);
        for slot in &self.slots {
            slot.put_clear(&mut out);
            out.extend_from_slice(&slot.nonce);
            out.extend_from_slice(&slot.wrapped);
        }
        put_varint(&mut out, self.data.len() as u64);
        for key in &self.data {
            out.extend_from_slice(&key.id.to_le_bytes());
            out.extend_from_slice(&key.nonce);
            out.extend_from_slice(&key.wrapped);
        }
        put_bytes(&mut out, &self.names);
        out.into()
    }

    /// Decodes and checks it.
    ///
    /// # Errors
    /// `Corrupt`; `UnsupportedFormat` for what it demands too much of.
    pub fn decode(payload: &Bytes) -> Result<Self> {
        let mut input = Input::new(payload.clone(), "key table");
        let (mut slots, mut data) = (Vec::new(), Vec::new());
        for _ in 0..input.count()? {
            slots.push(Slot::read(&mut input)?);
        }
        for _ in 0..input.count()? {
            data.push(WrappedKey {
                id: input.u32()?,
                nonce: input.array()?,
                wrapped: input.array()?,
            });
        }
        let names = input.bytes()?;
        input.end()?;
        let table = Self { slots, data, names };
        table.check()?;
        Ok(table)
    }

    fn check(&self) -> Result<()> {
        let ids = self.data.iter().map(|key| key.id);
        if self.slots.is_empty() || self.data.is_empty() || !ids.clone().is_sorted_by(|a, b| a < b)
        {
            return Err(Error::corrupt("the key table lacks keys, or has one twice"));
        }
        if ids.clone().any(|id| id == 0 || id == u32::MAX) {
            return Err(Error::corrupt("the key table has a key without an id"));
        }
        let work: u64 = self
            .slots
            .iter()
            .map(Slot::work_kib)
            .fold(0, u64::saturating_add);
        let is_bounded = |slot: &Slot| match slot.method {
            Method::Passphrase(argon2) => {
                let memory = u64::from(argon2.memory_kib);
                (1..=4).contains(&argon2.lanes)
                    && argon2.passes > 0
                    && memory >= 8 * u64::from(argon2.lanes)
                    && memory <= MAX_MEMORY_KIB
            }
            Method::Key => true,
        };
        let is_short = self.slots.len() <= MAX_SLOTS && self.data.len() <= MAX_DATA_KEYS;
        let names_bytes = MAX_SLOTS * (MAX_NAME_BYTES + 2) + NONCE_BYTES + TAG_BYTES;
        if !is_short
            || work > MAX_WORK_KIB
            || self.names.len() > names_bytes
            || !self.slots.iter().all(is_bounded)
        {
            return Err(Error::unsupported(
                "the key table demands more than this library does",
            ));
        }
        Ok(())
    }
}
