//! Sealed records.
//!
//! ```text
//! head:    8 fixed fields · body, in the clear            · 16 sealer · 8 counter · 16 tag              · 8 XXH64
//! frame:   8 fixed fields · header (see `frame`)          · 16 sealer · 8 counter · sealed · 16 tag      · 8 XXH64
//! others:  8 fixed fields                                 · 16 sealer · 8 counter · sealed · 16 tag
//! ```
//!
//! What is sealed is the plain record from the end of its clear part on, its checksum included: what was opened is
//! put together to the plain record again. The key id of the fixed fields is that of the data key. AES-256-GCM under
//! the key that is derived for the sealer ([`Vault::derived`]), the counter as nonce ([`Ticket::nonce`]). Associated data:
//! "patchstore 2", the incarnation, the record's store and id (see [`place`]), and all bytes before the sealed ones. The XXH64
//! of all before it lets everybody tell damage from a change, and judge a frame by its header.

use bytes::Bytes;

use super::aead::TAG_BYTES;
use super::vault::{Job, RecordKeys, Sealer, Ticket, Under, Vault};
use crate::codec::frame;
use crate::codec::seal::{self, FIXED, Kind};
use crate::error::{Error, Result};
use crate::record::{Id, RecordKey};
use std::rc::Rc;

const TICKET: usize = 24;
const CHECK: usize = 8;

/// What a record is bound to: its store and its id. A frame's number is not known when it is sealed; if it must get a
/// certain one, its header says so.
#[must_use]
pub const fn place(key: RecordKey) -> (u8, [u8; 16]) {
    match key {
        RecordKey::Head => (0, [0; 16]),
        RecordKey::Root => (0, [0xFF; 16]),
        RecordKey::Frame(_) => (1, [0; 16]),
        RecordKey::Run(Id(id)) => (2, id),
        RecordKey::Piece(Id(id)) => (3, id),
    }
}

/// The kind of a record, if it begins as one.
#[must_use]
pub fn kind_of(record: &Bytes) -> Option<Kind> {
    let kinds = [
        Kind::Head,
        Kind::Root,
        Kind::Directory,
        Kind::Frame,
        Kind::Segment,
        Kind::Piece,
    ];
    kinds
        .into_iter()
        .find(|kind| seal::key_id(*kind, record).is_ok())
}

fn aad(clear: &[u8], life: Id, key: RecordKey) -> Vec<u8> {
    let (store, id) = place(key);
    let mut aad = Vec::with_capacity(clear.len() + 48);
    aad.extend_from_slice(b"patchstore 2");
    // planted: no-life
    aad.extend_from_slice(&life.0);
    aad.push(store);
    // planted: no-place
    aad.extend_from_slice(&id);
    // planted: no-header
    aad.extend_from_slice(clear);
    aad
}

/// A record that is about to be sealed.
pub struct Sealing {
    clear: Vec<u8>,
    plain: Bytes,
    kind: Kind,
    aad: Vec<u8>,
    ticket: Ticket,
    keys: Rc<RecordKeys>,
}

impl Sealing {
    /// Takes a nonce for a plain record in the life of a patch.
    ///
    /// # Errors
    /// `Closed` when the keys were wiped, `Internal` for what is no plain record.
    pub fn new(
        vault: &Vault,
        sealer: &Sealer,
        life: Id,
        key: RecordKey,
        record: &Bytes,
    ) -> Result<Self> {
        let kind =
            kind_of(record).ok_or_else(|| Error::internal("what is to be sealed is no record"))?;
        let end = match kind {
            Kind::Head => record.len().saturating_sub(CHECK),
            Kind::Frame => frame::header_bytes(record)?,
            _ => FIXED,
        };
        let writing = vault.writing()?;
        let ticket = sealer.next(&*vault.env, record.len());
        let mut clear = Vec::with_capacity(record.len() + TICKET + TAG_BYTES + CHECK);
        clear.extend_from_slice(record.get(..end).unwrap_or_default());
        if let Some(key_id) = clear.get_mut(4..FIXED) {
            key_id.copy_from_slice(&writing.to_le_bytes());
        }
        clear.extend_from_slice(&ticket.sealer);
        clear.extend_from_slice(&ticket.counter.to_le_bytes());
        let (under, plain) = match kind {
            Kind::Head => (Under::Patch, Bytes::new()),
            _ => (Under::Data(writing), record.slice(end.min(record.len())..)),
        };
        let keys = vault.derived(life, under, ticket.sealer)?;
        // planted: bound-sealing
        let aad = aad(&clear, life, key);
        Ok(Self {
            aad,
            clear,
            plain,
            kind,
            ticket,
            keys: keys.ok_or_else(|| Error::internal("there is no data key"))?,
        })
    }

    /// Bytes to be encrypted.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.plain.len()
    }

    /// Seals here and now.
    ///
    /// # Errors
    /// `Internal`.
    pub fn now(mut self) -> Result<Bytes> {
        let at = self.clear.len();
        self.clear.extend_from_slice(&self.plain);
        let sealed = self.clear.get_mut(at..).unwrap_or_default();
        let tag = self
            .keys
            .aead
            .seal(self.ticket.nonce(), &self.aad, sealed)?;
        let mut sealed = std::mem::take(&mut self.clear);
        sealed.extend_from_slice(&tag);
        Ok(self.finish(sealed))
    }

    /// As a job for others.
    pub fn job(&mut self) -> (Rc<RecordKeys>, Job) {
        let job = Job {
            nonce: self.ticket.nonce(),
            aad: std::mem::take(&mut self.aad),
            before: std::mem::take(&mut self.clear),
            bytes: self.plain.clone(),
        };
        (self.keys.clone(), job)
    }

    /// Ends what was sealed, tag included.
    #[must_use]
    pub fn finish(&self, mut sealed: Vec<u8>) -> Bytes {
        if matches!(self.kind, Kind::Head | Kind::Frame) {
            let check = seal::checksum(0, &sealed);
            sealed.extend_from_slice(&check.to_le_bytes());
        }
        sealed.into()
    }
}

/// A record that is about to be opened.
pub struct Opening {
    /// What it is.
    pub kind: Kind,
    record: Bytes,
    end: usize,
    aad: Vec<u8>,
    ticket: Ticket,
    sealed: Bytes,
    keys: Rc<RecordKeys>,
}

impl Opening {
    /// Of a sealed record; `None` if it cannot have been sealed with these keys.
    ///
    /// # Errors
    /// `Closed` when the keys were wiped.
    pub fn new(
        vault: &Vault,
        life: Id,
        key: RecordKey,
        kind: Kind,
        record: &Bytes,
    ) -> Result<Option<Self>> {
        let Some((end, until, key_id)) = parts(kind, record) else {
            return Ok(None);
        };
        let ticket = record
            .get(end..end + TICKET)
            .and_then(|ticket| ticket.split_first_chunk());
        let Some((&sealer, counter)) = ticket else {
            return Ok(None);
        };
        let ticket = Ticket {
            sealer,
            counter: u64::from_le_bytes(counter.try_into().unwrap_or_default()),
        };
        let under = match kind {
            Kind::Head => Under::Patch,
            _ => Under::Data(key_id),
        };
        let Some(keys) = vault.derived(life, under, sealer)? else {
            return Ok(None);
        };
        // planted: bound-opening
        let aad = aad(record.get(..end + TICKET).unwrap_or_default(), life, key);
        Ok(Some(Self {
            kind,
            end,
            aad,
            ticket,
            sealed: record.slice(end + TICKET..until),
            record: record.clone(),
            keys,
        }))
    }

    /// Bytes to be decrypted.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.sealed.len()
    }

    /// Opens here and now: the plain record, or `None` if it was changed.
    #[must_use]
    pub fn now(self) -> Option<Bytes> {
        let (sealed, tag) = self.sealed.split_last_chunk()?;
        let clear = self.record.get(..self.end)?;
        let mut plain = Vec::with_capacity(clear.len() + sealed.len());
        plain.extend_from_slice(clear);
        plain.extend_from_slice(sealed);
        let opened = plain.get_mut(self.end..)?;
        let is_open = (self.keys.aead).open(self.ticket.nonce(), &self.aad, opened, *tag);
        is_open.then(|| self.plain(plain))
    }

    /// Opens here and now: the plain record, or one that decodes to `Corrupt`.
    #[must_use]
    pub fn plain_or_forged(self) -> Bytes {
        let kind = self.kind;
        self.now().unwrap_or_else(|| seal::forged(kind))
    }

    /// As a job for others.
    #[must_use]
    pub fn job(&self) -> (Rc<RecordKeys>, Job) {
        let mut before = Vec::with_capacity(self.end + self.sealed.len());
        before.extend_from_slice(self.record.get(..self.end).unwrap_or_default());
        let job = Job {
            nonce: self.ticket.nonce(),
            aad: self.aad.clone(),
            before,
            bytes: self.sealed.clone(),
        };
        (self.keys.clone(), job)
    }

    /// The plain record, from its clear part and what was opened behind it.
    #[must_use]
    pub fn plain(&self, mut plain: Vec<u8>) -> Bytes {
        if self.kind == Kind::Head {
            // It is read as it is stored.
            return self.record.clone();
        }
        if let Some(key_id) = plain.get_mut(4..FIXED) {
            key_id.fill(0);
        }
        plain.into()
    }
}

/// Where the clear part of a sealed record ends, where the tag ends, and the key id.
fn parts(kind: Kind, record: &Bytes) -> Option<(usize, usize, u32)> {
    let key_id = seal::key_id(kind, record).ok()?;
    let checks = if matches!(kind, Kind::Head | Kind::Frame) {
        CHECK
    } else {
        0
    };
    let until = record.len().checked_sub(checks)?;
    let end = match kind {
        Kind::Head => until.checked_sub(TICKET + TAG_BYTES)?,
        Kind::Frame => frame::header_bytes(record).ok()?,
        _ => FIXED,
    };
    (end >= FIXED && end + TICKET + TAG_BYTES <= until).then_some((end, until, key_id))
}
