//! Sealing as the browser does it: the cipher in the wasm and WebCrypto's are the same, and both are AES-256-GCM.
#![cfg(target_arch = "wasm32")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected must fail"
)]

use bytes::Bytes;
use patchstore::bindings::subtle::bulk;
use patchstore::env::Env;
use patchstore::env::browser::BrowserEnv;
use patchstore::sealed::aead::{Aead, Secret};
use patchstore::sealed::vault::{Bulk, Job, RecordKeys, Unable};
use std::rc::Rc;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

const VECTORS: &str = include_str!("fixtures/gcm.txt");

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = (text.chars())
        .filter_map(|digit| digit.to_digit(16))
        .map(|digit| digit as u8)
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

fn keys(key: &[u8]) -> Rc<RecordKeys> {
    let secret = Secret::filled(|out| out.copy_from_slice(key));
    Rc::new(RecordKeys {
        aead: Aead::new(&secret),
        secret,
        imported: Default::default(),
    })
}

/// What a record has before what is sealed.
const BEFORE: &[u8] = b"before";

fn job(nonce: [u8; 12], aad: &[u8], bytes: &[u8]) -> Job {
    Job {
        nonce,
        aad: aad.to_vec(),
        before: BEFORE.to_vec(),
        bytes: Bytes::copy_from_slice(bytes),
    }
}

/// Both ways of sealing make the same of it, and both ways of opening make it plain again.
async fn check(bulk: &dyn Bulk, key: &[u8], nonce: [u8; 12], aad: &[u8], plain: &[u8]) -> Vec<u8> {
    let keys = keys(key);
    let mut sealed = plain.to_vec();
    let tag = keys.aead.seal(nonce, aad, &mut sealed).unwrap();
    sealed.extend_from_slice(&tag);
    // Twice: then the key has been imported.
    for _ in 0..2 {
        let by_host = bulk.seal(keys.clone(), job(nonce, aad, plain)).await;
        assert!(
            by_host.unwrap() == [BEFORE, &sealed].concat(),
            "{} bytes",
            plain.len()
        );
    }
    let opened = bulk.open(keys.clone(), job(nonce, aad, &sealed)).await;
    assert!(
        opened.unwrap().unwrap() == [BEFORE, plain].concat(),
        "{} bytes",
        plain.len()
    );
    let mut buffer = sealed[..plain.len()].to_vec();
    assert!(keys.aead.open(nonce, aad, &mut buffer, tag) && buffer == plain);
    for at in [0, sealed.len() / 2, sealed.len() - 1] {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        let opened = bulk.open(keys.clone(), job(nonce, aad, &changed)).await;
        assert!(matches!(opened, Err(Unable)));
        let (buffer, tag) = changed.split_last_chunk().unwrap();
        assert!(!keys.aead.open(nonce, aad, &mut buffer.to_vec(), *tag));
    }
    let other = [aad, &[0]].concat();
    let opened = bulk.open(keys.clone(), job(nonce, &other, &sealed)).await;
    assert!(matches!(opened, Err(Unable)));
    sealed
}

#[wasm_bindgen_test]
async fn the_wasm_and_webcrypto_are_aes_256_gcm() {
    let bulk = bulk();
    assert!(bulk.least_bytes() < usize::MAX, "there is no WebCrypto");
    for vector in VECTORS.lines() {
        let [key, nonce, aad, plain, sealed, tag] =
            <[Vec<u8>; 6]>::try_from(vector.split(' ').map(hex).collect::<Vec<_>>()).unwrap();
        let nonce = nonce.try_into().unwrap();
        let got = check(&*bulk, &key, nonce, &aad, &plain).await;
        assert_eq!(got, [sealed, tag].concat());
    }
}

#[wasm_bindgen_test]
async fn they_agree_at_every_size() {
    let bulk = bulk();
    for bytes in [0, 1, 15, 16, 17, 4095, 4096, 4097, 70_000, 1 << 20] {
        let mut random = vec![0; 32 + 12 + 20 + bytes];
        // (At most 64 KiB at a time, of browsers.)
        for part in random.chunks_mut(60_000) {
            BrowserEnv.fill_random(part);
        }
        let nonce = random[32..44].try_into().unwrap();
        check(&*bulk, &random[..32], nonce, &random[44..64], &random[64..]).await;
    }
}
