//! The keys of an open patch, and the keys that records are sealed under, which are derived from them.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use bytes::Bytes;
use futures_util::future::{LocalBoxFuture, ready};

use super::aead::{Aead, NONCE_BYTES, Secret};
use super::keys::Keys;
use super::table::KeyTable;
use crate::env::Env;
use crate::error::{Error, Result};
use crate::record::Id;

/// Derived keys that are kept: of this many sealers. Records may name any number of them.
const KEPT: usize = 64;
/// A sealer is replaced after this many records, or bytes (2^36 blocks of 16 bytes); the bounds of AES-GCM for one key are 2^32
/// records with random nonces, and far more with counted ones.
const MOST_RECORDS: u64 = 1 << 32;
const MOST_BYTES: u64 = 1 << 40;
/// And after this long without a record: a machine that was copied while it ran goes on in both copies.
const STALE_MS: f64 = 60_000.0;

/// Seals and opens large records, elsewhere than on this thread if it can.
pub trait Bulk {
    /// From how many bytes on it is to be used.
    fn least_bytes(&self) -> usize;
    /// Encrypts: what the job has before, the sealed bytes and their tag; `None` where it cannot. It begins at once.
    fn seal(&self, key: Rc<RecordKeys>, job: Job) -> LocalBoxFuture<'static, Option<Vec<u8>>>;
    /// Decrypts: what the job has before, and the opened bytes; the error where it cannot at all, `None` if the bytes were
    /// changed. It begins at once.
    fn open(
        &self,
        key: Rc<RecordKeys>,
        job: Job,
    ) -> LocalBoxFuture<'static, Result<Option<Vec<u8>>, Unable>>;
    /// Puts the Blobs beside a stored value into it.
    fn inline(&self, value: Bytes) -> LocalBoxFuture<'static, Result<Bytes>> {
        Box::pin(ready(Ok(value)))
    }
}

/// It cannot be done this way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unable;

/// What is to be sealed or opened.
pub struct Job {
    /// Used once with a key.
    pub nonce: [u8; NONCE_BYTES],
    /// What is authenticated along.
    pub aad: Vec<u8>,
    /// To this, the outcome is added.
    pub before: Vec<u8>,
    /// The bytes; those to be opened end in the tag.
    pub bytes: Bytes,
}

/// No other way than on this thread.
pub struct NoBulk;

impl Bulk for NoBulk {
    fn least_bytes(&self) -> usize {
        usize::MAX
    }

    fn seal(&self, _: Rc<RecordKeys>, _: Job) -> LocalBoxFuture<'static, Option<Vec<u8>>> {
        Box::pin(std::future::ready(None))
    }

    fn open(
        &self,
        _: Rc<RecordKeys>,
        _: Job,
    ) -> LocalBoxFuture<'static, Result<Option<Vec<u8>>, Unable>> {
        Box::pin(std::future::ready(Err(Unable)))
    }
}

/// The key under which one sealer seals.
pub struct RecordKeys {
    /// Expanded.
    pub aead: Aead,
    /// As it is.
    pub secret: Secret,
    /// What [`Bulk`] has made of it.
    pub imported: RefCell<Option<Rc<dyn Any>>>,
}

/// Under which of the patch's keys a record is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Under {
    /// The patch key: the head.
    Patch,
    /// The data key of this id: everything else.
    Data(u32),
}

type Derived = (Id, Under, [u8; 16], Rc<RecordKeys>);

/// The keys of a patch for the engines that have it open.
pub struct Vault {
    /// What they take from the world.
    pub env: Rc<dyn Env>,
    /// For large records.
    pub bulk: Rc<dyn Bulk>,
    keys: RefCell<Option<Keys>>,
    table: RefCell<Bytes>,
    life: Cell<Option<Id>>,
    /// Whether a head of that life was authenticated: until then it may be that of a draft, which gives way to others.
    is_live: Cell<bool>,
    slot: Cell<Option<Id>>,
    derived: RefCell<Vec<Derived>>,
}

impl Vault {
    /// These keys. `table`: what the head of a new patch says of them.
    #[must_use]
    pub fn new(env: Rc<dyn Env>, bulk: Rc<dyn Bulk>, keys: Keys, table: Bytes) -> Self {
        Self {
            env,
            bulk,
            keys: RefCell::new(Some(keys)),
            table: RefCell::new(table),
            life: Cell::new(None),
            is_live: Cell::new(false),
            slot: Cell::new(None),
            derived: RefCell::default(),
        }
    }

    /// The life of the patch that the keys are known to be of.
    #[must_use]
    pub const fn life(&self) -> Option<Id> {
        self.life.get()
    }

    /// Whether the patch that they are of has begun.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.is_live.get()
    }

    /// Notes the life of a patch that is there only once something was copied to it: it has no keys in its head yet. Another
    /// draft may have been there before.
    pub fn note_draft(&self, life: Id) {
        if !self.is_live.get() {
            self.life.set(Some(life));
        }
    }

    /// Notes a head that was authenticated, or written.
    pub fn note_head(&self, life: Id, table: &Bytes) {
        self.life.set(Some(life));
        self.is_live.set(true);
        if *self.table.borrow() == *table {
            return;
        }
        // Another tab has changed slots, or a data key.
        let patch = self.keys.borrow().as_ref().map(|keys| keys.patch().clone());
        if let (Some(patch), Ok(decoded)) = (patch, KeyTable::decode(table))
            && let Ok(keys) = Keys::unwrap(&decoded, patch)
        {
            *self.keys.borrow_mut() = Some(keys);
            *self.table.borrow_mut() = table.clone();
        }
    }

    /// The slot by which the keys were found.
    #[must_use]
    pub const fn slot(&self) -> Option<Id> {
        self.slot.get()
    }

    /// Notes it.
    pub fn note_slot(&self, slot: Id) {
        self.slot.set(Some(slot));
    }

    /// What the head says of the keys.
    #[must_use]
    pub fn table(&self) -> Bytes {
        self.table.borrow().clone()
    }

    /// Works with the keys.
    ///
    /// # Errors
    /// `Closed` once they were wiped.
    pub fn with_keys<T>(&self, work: impl FnOnce(&Keys) -> T) -> Result<T> {
        self.keys
            .borrow()
            .as_ref()
            .map(work)
            .ok_or_else(Error::closed)
    }

    /// Wipes all keys. What is sealed or opened later fails.
    pub fn wipe(&self) {
        // planted: key-kept
        *self.keys.borrow_mut() = None;
        // planted: derived-kept
        self.derived.borrow_mut().clear();
    }

    /// The id of the data key to seal under.
    ///
    /// # Errors
    /// `Closed`.
    pub fn writing(&self) -> Result<u32> {
        self.with_keys(Keys::writing)
    }

    /// The key of one sealer in a life of the patch: HKDF(key, salt sealer, info purpose and life). `None` if there is no such data key.
    ///
    /// # Errors
    /// `Closed`.
    pub fn derived(
        &self,
        life: Id,
        under: Under,
        sealer: [u8; 16],
    ) -> Result<Option<Rc<RecordKeys>>> {
        let mut derived = self.derived.borrow_mut();
        let is_it = |each: &Derived| (each.0, each.1, each.2) == (life, under, sealer);
        if let Some(at) = derived.iter().position(is_it) {
            let found = derived.remove(at);
            let keys = found.3.clone();
            derived.insert(0, found);
            return Ok(Some(keys));
        }
        let secret = self.with_keys(|keys| match under {
            Under::Patch => Some(keys.patch().derive(&sealer, &[b"patchstore head", &life.0])),
            Under::Data(id) => {
                let key = keys.data(id)?;
                // planted: no-life-key
                Some(key.derive(&sealer, &[b"patchstore record", &life.0]))
            }
        })?;
        let Some(secret) = secret else {
            return Ok(None);
        };
        let keys = Rc::new(RecordKeys {
            aead: Aead::new(&secret),
            secret,
            imported: RefCell::default(),
        });
        derived.truncate(KEPT - 1);
        derived.insert(0, (life, under, sealer, keys.clone()));
        Ok(Some(keys))
    }
}

/// Gives out nonces: a random name, under which a key is derived, and a counter. One for each connection.
pub struct Sealer {
    name: Cell<[u8; 16]>,
    counter: Cell<u64>,
    bytes: Cell<u64>,
    last_ms: Cell<f64>,
}

/// Names the nonce of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// The sealer's name.
    pub sealer: [u8; 16],
    /// Counts the sealer's records.
    pub counter: u64,
}

impl Ticket {
    /// The nonce: four zero bytes and the counter, big-endian.
    #[must_use]
    pub const fn nonce(self) -> [u8; NONCE_BYTES] {
        let [a, b, c, d, e, f, g, h] = self.counter.to_be_bytes();
        [0, 0, 0, 0, a, b, c, d, e, f, g, h]
    }
}

impl Sealer {
    /// A new one.
    #[must_use]
    pub fn new(env: &dyn Env) -> Self {
        let sealer = Self {
            name: Cell::default(),
            counter: Cell::default(),
            bytes: Cell::default(),
            last_ms: Cell::default(),
        };
        sealer.renew(env);
        sealer
    }

    fn renew(&self, env: &dyn Env) {
        let mut name = [0; 16];
        env.fill_random(&mut name);
        self.name.set(name);
        self.counter.set(0);
        self.bytes.set(0);
        self.last_ms.set(env.now_ms());
    }

    /// The next nonce, for a record of so many bytes. It counts as used.
    pub fn next(&self, env: &dyn Env, bytes: usize) -> Ticket {
        let now_ms = env.now_ms();
        let is_stale = !((0.0..STALE_MS).contains(&(now_ms - self.last_ms.get())));
        if is_stale || self.counter.get() >= MOST_RECORDS || self.bytes.get() >= MOST_BYTES {
            self.renew(env);
        }
        self.last_ms.set(now_ms);
        // planted: nonce-again
        self.counter.set(self.counter.get() + 1);
        self.bytes.set(self.bytes.get() + bytes as u64);
        Ticket {
            sealer: self.name.get(),
            counter: self.counter.get(),
        }
    }
}
