//! AES-256-GCM (NIST SP 800-38D) and HKDF-SHA256 (RFC 5869), by the crates of RustCrypto.

use aes_gcm::{AeadInOut, Aes256Gcm, Key, KeyInit, Nonce, Tag};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use crate::error::{Error, Result};

/// The size of a key.
pub const KEY_BYTES: usize = 32;
/// The size of a nonce.
pub const NONCE_BYTES: usize = 12;
/// The size of a tag.
pub const TAG_BYTES: usize = 16;

/// A secret key, wiped when it is dropped. It is never moved: what is moved stays behind where it was.
pub struct Secret(Box<Zeroizing<[u8; KEY_BYTES]>>);

impl Secret {
    /// The key that `fill` makes.
    #[must_use]
    pub fn filled(fill: impl FnOnce(&mut [u8; KEY_BYTES])) -> Self {
        let mut bytes = Box::new(Zeroizing::new([0; KEY_BYTES]));
        fill(&mut bytes);
        wipe_stack();
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// The key for another purpose, which `salt` and `info` tell apart: HKDF-SHA256.
    #[must_use]
    pub fn derive(&self, salt: &[u8], info: &[&[u8]]) -> Self {
        let hkdf = Hkdf::<Sha256>::new(Some(salt), self.bytes());
        Self::filled(|out| {
            // 32 bytes are far from the limit of 255 blocks.
            let expanded = hkdf.expand_multi_info(info, out);
            debug_assert!(expanded.is_ok(), "a key is short enough for HKDF");
        })
    }
}

impl Clone for Secret {
    fn clone(&self) -> Self {
        Self::filled(|out| out.copy_from_slice(self.bytes()))
    }
}

/// Wipes what was left below by those that worked with a key: what is put together there later would take it along.
#[inline(never)]
fn wipe_stack() {
    [0_u8; 4096].zeroize();
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// A key ready to seal and open. It stays in its place: what is moved leaves itself behind.
pub struct Aead(Box<Aes256Gcm>);

/// On a stack of its own, which is wiped.
#[inline(never)]
fn expanded(key: &Secret) -> Box<Aes256Gcm> {
    Box::new(Aes256Gcm::new(<&Key<Aes256Gcm>>::from(key.bytes())))
}

impl Aead {
    /// Expands a key.
    #[must_use]
    pub fn new(key: &Secret) -> Self {
        let cipher = expanded(key);
        wipe_stack();
        Self(cipher)
    }

    /// Encrypts in place; the tag. A nonce must never be used twice with one key.
    ///
    /// # Errors
    /// `Internal` beyond 64 GiB.
    pub fn seal(
        &self,
        nonce: [u8; NONCE_BYTES],
        aad: &[u8],
        buffer: &mut [u8],
    ) -> Result<[u8; TAG_BYTES]> {
        let sealed = (self.0).encrypt_inout_detached(&Nonce::from(nonce), aad, buffer.into());
        // What was encrypted may be a key.
        wipe_stack();
        sealed
            .map(Into::into)
            .map_err(|_| Error::internal("a record is too long to be encrypted"))
    }

    /// Decrypts in place, if everything is as it was sealed; otherwise the buffer's content is of no use.
    #[must_use]
    pub fn open(
        &self,
        nonce: [u8; NONCE_BYTES],
        aad: &[u8],
        buffer: &mut [u8],
        tag: [u8; TAG_BYTES],
    ) -> bool {
        let tag = Tag::from(tag);
        let opened = (self.0).decrypt_inout_detached(&Nonce::from(nonce), aad, buffer.into(), &tag);
        wipe_stack();
        opened.is_ok()
    }
}
