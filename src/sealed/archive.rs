//! How the chunks of an archive are checked; or sealed, in the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár:
//! "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", CRYPTO 2015).
//!
//! ```text
//! plain:   content · 8 XXH64 of 8 number · 4 length · 1 kind · content, its seed the first 8 bytes of the archive's id
//! sealed:  AES-256-GCM of the content, tag included, under HKDF(patch key, salt id, info "patchstore archive"); nonce: 4 zeros, the number,
//!          big-endian; associated data: "patchstore archive 1" · SHA-256 of the header · 8 number, big-endian · 1 kind
//! ```

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::aead::{Aead, Secret, TAG_BYTES};
use super::keys::{self, Credential, Keys};
use super::table::KeyTable;
use super::vault::{Bulk, Job, RecordKeys, Ticket};
use crate::codec::archive::Header;
use crate::codec::archive::chunk::{self, Chunk, Kind};
use crate::codec::seal::checksum;
use crate::env::Env;
use crate::error::{Code, Error, Result};
use crate::record::Id;

const CHECK: usize = 8;
const PURPOSE: &[u8] = b"patchstore archive";
/// The name of an archive's slot.
const MAIN: &str = "main";

/// What seals an archive, or opens it.
#[derive(Clone, Copy)]
pub struct With<'a> {
    /// The passphrase or key.
    pub credential: &'a dyn Credential,
    /// Seals and opens large chunks.
    pub bulk: &'a Rc<dyn Bulk>,
}

/// Checks or seals the chunks of one archive.
pub struct Envelope {
    seed: u64,
    sealing: Option<Sealing>,
}

struct Sealing {
    keys: Rc<RecordKeys>,
    bulk: Rc<dyn Bulk>,
    header: [u8; 32],
}

impl Envelope {
    /// That of a new archive, and its header.
    ///
    /// # Errors
    /// `Unavailable` where the credential's key cannot be used.
    pub async fn make(env: &dyn Env, with: Option<With<'_>>) -> Result<(Self, Bytes)> {
        let mut id = [0; 16];
        env.fill_random(&mut id);
        let id = Id(id);
        let Some(with) = with else {
            let keys = Bytes::new();
            return Ok((Self::of(id, None), Header { id, keys }.encode()));
        };
        let (keys, table) = keys::make(env, with.credential, MAIN).await?;
        let table = table.encode();
        let header = Header { id, keys: table }.encode();
        let sealing = Sealing::new(&keys, id, &header, with.bulk);
        Ok((Self::of(id, Some(sealing)), header))
    }

    /// That of an archive which begins with these bytes.
    ///
    /// # Errors
    /// `Encrypted` if it is sealed and there is no credential, `NotEncrypted` for the reverse, `WrongKey`, `Corrupt`, `UnsupportedFormat`.
    pub async fn open(header: &Header, bytes: &Bytes, with: Option<With<'_>>) -> Result<Self> {
        match (with, header.keys.is_empty()) {
            (None, true) => Ok(Self::of(header.id, None)),
            (None, false) => Err(Error::new(
                Code::Encrypted,
                "the archive is sealed, and no passphrase or key was given",
            )),
            (Some(_), true) => Err(Error::new(Code::NotEncrypted, "the archive is not sealed")),
            (Some(with), false) => {
                let table = KeyTable::decode(&header.keys)?;
                let (keys, _) = keys::unlock(&table, with.credential).await?;
                let sealing = Sealing::new(&keys, header.id, bytes, with.bulk);
                Ok(Self::of(header.id, Some(sealing)))
            }
        }
    }

    const fn of(Id([a, b, c, d, e, f, g, h, ..]): Id, sealing: Option<Sealing>) -> Self {
        let seed = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        Self { seed, sealing }
    }

    /// The chunk of a number with this content, as it goes into the stream.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn seal(&self, number: u64, kind: Kind, content: &[u8]) -> Result<Bytes> {
        let packed = chunk::pack(content);
        let Some(sealing) = &self.sealing else {
            let mut out = chunk::start(kind, packed.len() + CHECK);
            out.extend_from_slice(&packed);
            let check = self.check(number, &out);
            out.extend_from_slice(&check.to_le_bytes());
            return Ok(out.into());
        };
        let before = chunk::start(kind, packed.len() + TAG_BYTES);
        sealing.seal(number, kind, before, packed.into()).await
    }

    /// The content of a chunk.
    ///
    /// # Errors
    /// `Corrupt` if it is not this chunk as it was made.
    pub async fn open_chunk(&self, found: &Chunk) -> Result<Bytes> {
        let packed = match &self.sealing {
            Some(sealing) => sealing.open(found).await?,
            None => self.checked(found)?,
        };
        chunk::unpack(&packed)
    }

    fn checked(&self, found: &Chunk) -> Result<Bytes> {
        let end = found.stored.len().checked_sub(CHECK).ok_or_else(changed)?;
        let mut whole = chunk::start(found.kind, found.stored.len());
        whole.extend_from_slice(found.stored.get(..end).unwrap_or_default());
        let check = self.check(found.number, &whole);
        let stored = found.stored.get(end..).unwrap_or_default();
        if stored == check.to_le_bytes() {
            Ok(found.stored.slice(..end))
        } else {
            Err(changed())
        }
    }

    /// Of a chunk up to its check.
    fn check(&self, number: u64, chunk: &[u8]) -> u64 {
        let mut covered = Vec::with_capacity(8 + chunk.len());
        // planted: chunk-unnumbered
        covered.extend_from_slice(&number.to_le_bytes());
        covered.extend_from_slice(chunk);
        checksum(self.seed, &covered)
    }
}

fn changed() -> Error {
    Error::corrupt("a chunk of an archive was changed, or belongs elsewhere")
}

impl Sealing {
    fn new(keys: &Keys, id: Id, header: &[u8], bulk: &Rc<dyn Bulk>) -> Self {
        let secret: Secret = keys.patch().derive(&id.0, &[PURPOSE]);
        Self {
            keys: Rc::new(RecordKeys {
                aead: Aead::new(&secret),
                secret,
                imported: RefCell::default(),
            }),
            bulk: bulk.clone(),
            header: Sha256::digest(header).into(),
        }
    }

    fn job(&self, number: u64, kind: Kind, before: Vec<u8>, bytes: Bytes) -> Job {
        let mut aad = b"patchstore archive 1".to_vec();
        aad.extend_from_slice(&self.header);
        aad.extend_from_slice(&number.to_be_bytes());
        aad.push(kind as u8);
        let sealer = [0; 16];
        let counter = number;
        Job {
            nonce: Ticket { sealer, counter }.nonce(),
            aad,
            before,
            bytes,
        }
    }

    fn is_bulk(&self, bytes: &Bytes) -> bool {
        bytes.len() >= self.bulk.least_bytes()
    }

    async fn seal(&self, number: u64, kind: Kind, before: Vec<u8>, plain: Bytes) -> Result<Bytes> {
        if self.is_bulk(&plain) {
            let job = self.job(number, kind, before.clone(), plain.clone());
            if let Some(sealed) = self.bulk.seal(self.keys.clone(), job).await {
                return Ok(sealed.into());
            }
        }
        let mut job = self.job(number, kind, before, plain);
        let at = job.before.len();
        job.before.extend_from_slice(&job.bytes);
        let sealed = job.before.get_mut(at..).unwrap_or_default();
        let tag = self.keys.aead.seal(job.nonce, &job.aad, sealed)?;
        job.before.extend_from_slice(&tag);
        Ok(job.before.into())
    }

    async fn open(&self, found: &Chunk) -> Result<Bytes> {
        let job = || self.job(found.number, found.kind, Vec::new(), found.stored.clone());
        if self.is_bulk(&found.stored)
            && let Ok(opened) = self.bulk.open(self.keys.clone(), job()).await
        {
            return opened.map(Bytes::from).ok_or_else(changed);
        }
        let job = job();
        let (sealed, tag) = job.bytes.split_last_chunk().ok_or_else(changed)?;
        let mut plain = sealed.to_vec();
        let is_open = (self.keys.aead).open(job.nonce, &job.aad, &mut plain, *tag);
        is_open.then(|| plain.into()).ok_or_else(changed)
    }
}
