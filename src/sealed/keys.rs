//! The keys of a patch, and how a credential opens a slot to them.
//!
//! A slot has the patch key; the patch key has the data keys; records are sealed under keys derived from a data key.
//! So slots change without the data being written again, and a data key can be replaced where only one of the
//! credentials is at hand.

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, ready};
use zeroize::Zeroizing;

use super::aead::{Aead, KEY_BYTES, NONCE_BYTES, Secret, TAG_BYTES};
use super::table::{Argon2, KeyTable, Method, SLOT_BYTES, Slot, WrappedKey};
use crate::codec::io::{Input, put_bytes};
use crate::env::Env;
use crate::error::{Code, Error, Result};
use crate::record::Id;

/// What opens slots: a passphrase, or a key. The key that it stands for may be out of reach of this code.
pub trait Credential {
    /// How a new slot for it is to work.
    fn method(&self, env: &dyn Env) -> Method;
    /// Whether it could be meant for a slot.
    fn fits(&self, method: &Method) -> bool;
    /// Seals under its key.
    ///
    /// # Errors
    /// `Unavailable` where its key cannot be used.
    fn seal(&self, slot: &Slot, plain: Zeroizing<Vec<u8>>) -> LocalBoxFuture<'_, Result<Vec<u8>>>;
    /// Opens what was sealed under its key; `None` if it was another one.
    ///
    /// # Errors
    /// `Unavailable` where its key cannot be used.
    fn open(&self, slot: &Slot) -> LocalBoxFuture<'_, Result<Option<Zeroizing<Vec<u8>>>>>;
}

/// The keys of a patch.
#[derive(Debug, Clone)]
pub struct Keys {
    patch: Secret,
    data: Vec<(u32, Secret)>,
}

impl Keys {
    /// Those of a table, by its patch key.
    ///
    /// # Errors
    /// `Corrupt` if a data key does not open.
    pub fn unwrap(table: &KeyTable, patch: Secret) -> Result<Self> {
        let wrapping = Aead::new(&patch.derive(&[], &[DATA_KEYS]));
        let mut data = Vec::with_capacity(table.data.len());
        for key in &table.data {
            let (sealed, tag) = key.wrapped.split_at(KEY_BYTES);
            let tag = <[u8; TAG_BYTES]>::try_from(tag).unwrap_or_default();
            let mut is_open = false;
            let secret = Secret::filled(|out| {
                out.copy_from_slice(sealed);
                is_open = wrapping.open(key.nonce, &key.id.to_le_bytes(), out, tag);
            });
            if !is_open {
                return Err(Error::corrupt(
                    "a data key does not open: the head was changed",
                ));
            }
            data.push((key.id, secret));
        }
        Ok(Self { patch, data })
    }

    /// The patch key.
    #[must_use]
    pub const fn patch(&self) -> &Secret {
        &self.patch
    }

    /// A data key.
    #[must_use]
    pub fn data(&self, id: u32) -> Option<&Secret> {
        let found = self.data.iter().find(|(each, _)| *each == id);
        found.map(|(_, secret)| secret)
    }

    /// The id of the data key under which records are sealed now.
    #[must_use]
    pub fn writing(&self) -> u32 {
        self.data.last().map_or(0, |(id, _)| *id)
    }
}

const DATA_KEYS: &[u8] = b"patchstore data keys";
const SLOT_NAMES: &[u8] = b"patchstore slot names";

fn random<const N: usize>(env: &dyn Env) -> [u8; N] {
    let mut bytes = [0; N];
    env.fill_random(&mut bytes);
    bytes
}

fn fresh(env: &dyn Env) -> Secret {
    Secret::filled(|bytes| env.fill_random(bytes))
}

/// New keys, and a table with one slot for them.
///
/// # Errors
/// `Unavailable` where the credential's key cannot be used.
pub async fn make(
    env: &dyn Env,
    credential: &dyn Credential,
    name: &str,
) -> Result<(Keys, KeyTable)> {
    let (patch, data) = (fresh(env), fresh(env));
    let wrapping = Aead::new(&patch.derive(&[], &[DATA_KEYS]));
    let id = 1_u32;
    let nonce = random(env);
    let mut wrapped = [0; KEY_BYTES + TAG_BYTES];
    if let Some((out, end)) = wrapped.split_at_mut_checked(KEY_BYTES) {
        out.copy_from_slice(data.bytes());
        end.copy_from_slice(&wrapping.seal(nonce, &id.to_le_bytes(), out)?);
    }
    let slot = new_slot(env, &patch, credential).await?;
    let keys = Keys {
        patch,
        data: vec![(id, data)],
    };
    let mut table = KeyTable {
        slots: vec![slot],
        data: vec![WrappedKey { id, nonce, wrapped }],
        names: Bytes::new(),
    };
    table.names = seal_names(env, &keys, &[name])?;
    Ok((keys, table))
}

/// A slot by which a credential opens a patch key.
///
/// # Errors
/// `Unavailable` where its key cannot be used, `Internal`.
pub async fn new_slot(env: &dyn Env, patch: &Secret, credential: &dyn Credential) -> Result<Slot> {
    let mut slot = Slot {
        id: Id(random(env)),
        method: credential.method(env),
        nonce: random(env),
        wrapped: [0; SLOT_BYTES + TAG_BYTES],
    };
    let mut plain = Zeroizing::new(vec![0; SLOT_BYTES - KEY_BYTES]);
    plain.extend_from_slice(patch.bytes());
    let sealed = credential.seal(&slot, plain).await?;
    slot.wrapped =
        (sealed.try_into()).map_err(|_| Error::internal("a key was sealed to another length"))?;
    Ok(slot)
}

/// The keys that a credential opens, and the id of its slot.
///
/// # Errors
/// `WrongKey` if it opens no slot, `Corrupt`, `Unavailable` where its key cannot be used.
pub async fn unlock(table: &KeyTable, credential: &dyn Credential) -> Result<(Keys, Id)> {
    for slot in &table.slots {
        if !credential.fits(&slot.method) {
            continue;
        }
        let Some(opened) = credential.open(slot).await? else {
            continue;
        };
        if let Some((zeros, key)) = opened.split_at_checked(SLOT_BYTES - KEY_BYTES)
            && key.len() == KEY_BYTES
            && zeros.iter().fold(0, |all, byte| all | byte) == 0
        {
            let patch = Secret::filled(|out| out.copy_from_slice(key));
            return Ok((Keys::unwrap(table, patch)?, slot.id));
        }
    }
    Err(Error::new(
        Code::WrongKey,
        "this passphrase or key does not open the patch",
    ))
}

/// Seals the slots' names, in their order.
///
/// # Errors
/// `Internal`.
pub fn seal_names(env: &dyn Env, keys: &Keys, names: &[&str]) -> Result<Bytes> {
    let nonce: [u8; NONCE_BYTES] = random(env);
    let mut out = nonce.to_vec();
    for name in names {
        put_bytes(&mut out, name.as_bytes());
    }
    let aead = Aead::new(&keys.patch.derive(&[], &[SLOT_NAMES]));
    let sealed = out.get_mut(NONCE_BYTES..).unwrap_or_default();
    let tag = aead.seal(nonce, &[], sealed)?;
    out.extend_from_slice(&tag);
    Ok(out.into())
}

/// The slots' names, in their order.
///
/// # Errors
/// `Corrupt`.
pub fn open_names(table: &KeyTable, keys: &Keys) -> Result<Vec<String>> {
    let broken = || Error::corrupt("the names of key slots do not open: the head was changed");
    let (nonce, rest) = table.names.split_first_chunk().ok_or_else(broken)?;
    let (sealed, tag) = rest.split_last_chunk().ok_or_else(broken)?;
    let aead = Aead::new(&keys.patch.derive(&[], &[SLOT_NAMES]));
    let mut plain = sealed.to_vec();
    if !aead.open(*nonce, &[], &mut plain, *tag) {
        return Err(broken());
    }
    let mut input = Input::new(plain.into(), "list of key slots");
    let mut names = Vec::with_capacity(table.slots.len());
    for _ in &table.slots {
        let name = input.bytes()?;
        names.push(String::from_utf8(name.to_vec()).map_err(|_| broken())?);
    }
    input.end()?;
    Ok(names)
}

/// A key of 32 bytes.
pub struct RawKey(Secret);

impl RawKey {
    /// This key.
    #[must_use]
    pub const fn new(key: Secret) -> Self {
        Self(key)
    }
}

impl Credential for RawKey {
    fn method(&self, _env: &dyn Env) -> Method {
        Method::Key
    }

    fn fits(&self, method: &Method) -> bool {
        *method == Method::Key
    }

    fn seal(&self, slot: &Slot, plain: Zeroizing<Vec<u8>>) -> LocalBoxFuture<'_, Result<Vec<u8>>> {
        ready(seal_slot(&self.0, slot, plain)).boxed_local()
    }

    fn open(&self, slot: &Slot) -> LocalBoxFuture<'_, Result<Option<Zeroizing<Vec<u8>>>>> {
        ready(Ok(open_slot(&self.0, slot))).boxed_local()
    }
}

/// Derives the key of a passphrase, off the page's thread where that can be.
pub type Derive = Box<dyn Fn(Argon2) -> LocalBoxFuture<'static, Result<Secret>>>;

/// A passphrase.
pub struct Passphrase {
    derive: Derive,
    fresh: Argon2,
}

impl Passphrase {
    /// The passphrase of which `derive` makes keys; new slots of it have the parameters of `fresh`, and a salt of their own.
    #[must_use]
    pub const fn new(derive: Derive, fresh: Argon2) -> Self {
        Self { derive, fresh }
    }

    fn key_of(&self, slot: &Slot) -> LocalBoxFuture<'static, Result<Secret>> {
        match slot.method {
            Method::Passphrase(argon2) => (self.derive)(argon2),
            Method::Key => ready(Err(Error::internal("a slot is no passphrase's"))).boxed_local(),
        }
    }
}

impl Credential for Passphrase {
    fn method(&self, env: &dyn Env) -> Method {
        Method::Passphrase(Argon2 {
            salt: random(env),
            ..self.fresh
        })
    }

    fn fits(&self, method: &Method) -> bool {
        matches!(method, Method::Passphrase(_))
    }

    fn seal(&self, slot: &Slot, plain: Zeroizing<Vec<u8>>) -> LocalBoxFuture<'_, Result<Vec<u8>>> {
        let (key, slot) = (self.key_of(slot), slot.clone());
        async move { seal_slot(&key.await?, &slot, plain) }.boxed_local()
    }

    fn open(&self, slot: &Slot) -> LocalBoxFuture<'_, Result<Option<Zeroizing<Vec<u8>>>>> {
        let (key, slot) = (self.key_of(slot), slot.clone());
        async move { Ok(open_slot(&key.await?, &slot)) }.boxed_local()
    }
}

fn seal_slot(key: &Secret, slot: &Slot, mut plain: Zeroizing<Vec<u8>>) -> Result<Vec<u8>> {
    let tag = Aead::new(key).seal(slot.nonce, &slot.aad(), &mut plain)?;
    let mut sealed = plain.to_vec();
    sealed.extend_from_slice(&tag);
    Ok(sealed)
}

fn open_slot(key: &Secret, slot: &Slot) -> Option<Zeroizing<Vec<u8>>> {
    let (sealed, tag) = slot.wrapped.split_last_chunk()?;
    let mut plain = Zeroizing::new(sealed.to_vec());
    let is_open = Aead::new(key).open(slot.nonce, &slot.aad(), &mut plain, *tag);
    is_open.then_some(plain)
}
