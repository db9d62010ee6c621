//! Keys from passphrases: Argon2id (RFC 9106), version 19, by the crate of RustCrypto.

use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::{Zeroize, Zeroizing};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen::prelude::*;

/// The size of a key, in bytes.
const KEY_BYTES: usize = 32;

/// The key of a passphrase: 32 bytes. `None` for parameters that Argon2id does not have, or without memory for them.
#[cfg_attr(target_arch = "wasm32", wasm_bindgen)]
#[must_use]
pub fn derive(
    passphrase: Vec<u8>,
    salt: &[u8],
    memory_kib: u32,
    passes: u32,
    lanes: u32,
) -> Option<Vec<u8>> {
    let passphrase = Zeroizing::new(passphrase);
    let params = Params::new(memory_kib, passes, lanes, Some(KEY_BYTES)).ok()?;
    let mut blocks = Vec::new();
    blocks.try_reserve_exact(params.block_count()).ok()?;
    blocks.resize(params.block_count(), argon2::Block::default());
    let mut key = Zeroizing::new(vec![0; KEY_BYTES]);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let derived = argon2.hash_password_into_with_memory(&passphrase, salt, &mut key, &mut blocks);
    blocks.zeroize();
    derived.ok()?;
    Some(std::mem::take(&mut *key))
}

#[cfg(test)]
mod tests {
    use super::derive;
    use argon2::{Algorithm, Argon2, AssociatedData, ParamsBuilder, Version};

    /// RFC 9106, section 5.3, whose inputs have a secret and associated data too.
    #[test]
    fn the_crate_is_argon2id() {
        let mut builder = ParamsBuilder::new();
        builder.m_cost(32).t_cost(3).p_cost(4);
        builder.data(AssociatedData::new(&[4; 12]).unwrap());
        let params = builder.build().unwrap();
        let argon2 = Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, Version::V0x13, params);
        let mut tag = [0; 32];
        (argon2
            .unwrap()
            .hash_password_into(&[1; 32], &[2; 16], &mut tag))
        .unwrap();
        let expected = [
            0x0d, 0x64, 0x0d, 0xf5, 0x8d, 0x78, 0x76, 0x6c, 0x08, 0xc0, 0x37, 0xa3, 0x4a, 0x8b,
            0x53, 0xc9, 0xd0, 0x1e, 0xf0, 0x45, 0x2d, 0x75, 0xb6, 0x5e, 0xb5, 0x25, 0x20, 0xe9,
            0x6b, 0x01, 0xe6, 0x59,
        ];
        assert_eq!(tag, expected);
    }

    #[test]
    fn everything_counts() {
        let key = |phrase: &str, salt: u8, memory, passes, lanes| {
            derive(
                phrase.as_bytes().to_vec(),
                &[salt; 16],
                memory,
                passes,
                lanes,
            )
            .unwrap()
        };
        let first = key("correct horse", 1, 64, 1, 1);
        assert_eq!(first, key("correct horse", 1, 64, 1, 1));
        assert_eq!(first.len(), 32);
        let others = [
            key("correct horsf", 1, 64, 1, 1),
            key("correct horse", 2, 64, 1, 1),
            key("correct horse", 1, 128, 1, 1),
            key("correct horse", 1, 64, 2, 1),
            key("correct horse", 1, 64, 1, 2),
        ];
        assert!(others.iter().all(|other| *other != first));
    }

    #[test]
    fn parameters_that_there_are_not_give_no_key() {
        for (memory, passes, lanes) in [
            (0, 1, 1),
            (64, 0, 1),
            (64, 1, 0),
            (4, 1, 1),
            (1 << 31, 1, 1),
        ] {
            assert_eq!(
                derive(b"p".to_vec(), &[1; 16], memory, passes, lanes),
                None,
                "{memory} {passes} {lanes}"
            );
        }
        assert_eq!(derive(b"p".to_vec(), &[1; 4], 64, 1, 1), None);
    }
}
