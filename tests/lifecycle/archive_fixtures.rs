//! Archives that another implementation has written (`fixtures/archive.py`): imported. What is exported then lies in
//! `target/tmp/archive` for that implementation to read: `make test-sealed`.

use std::fmt::Write as _;

use patchstore::codec::value::from_json;
use patchstore::engine::Access;
use patchstore::models::Scope;
use patchstore::models::kv::Kv;
use patchstore::sealed::aead::Secret;
use patchstore::sealed::keys::RawKey;
use patchstore::sealed::vault::NoBulk;

use super::archiving::{beside, exported, imported};
use super::converting::{Patch, everything};
use super::*;

const PLAIN: &str = include_str!("../fixtures/archive/plain.txt");
const SEALED: &str = include_str!("../fixtures/archive/sealed.txt");

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|byte| *byte != b'\n')
        .map(|byte| char::from(byte).to_digit(16).unwrap() as u8)
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
        .collect()
}

/// That of `sealed.py`.
fn key() -> Option<Access> {
    let secret = Secret::filled(|out| {
        for (at, byte) in out.iter_mut().enumerate() {
            *byte = 100 + at as u8;
        }
    });
    Some(Access {
        credential: Rc::new(RawKey::new(secret)),
        bulk: Rc::new(NoBulk),
    })
}

#[test]
fn what_another_implementation_has_exported_is_imported() {
    let origin = Patch::new(1, None);
    origin.world.env.clone().block_on(async {
        let kv = Kv::new(&Scope::Name("s".into())).unwrap();
        let text = |text: String| from_json(format!("\"{text}\"").as_bytes());
        let expected = [
            ("a", text("of an archive".to_owned())),
            ("dated", text("until 2248".to_owned())),
            ("large", text("x".repeat(69_997))),
            ("z", Bytes::from_static(b"\x012")),
        ]
        .map(|(key, value)| (kv.key(key.into()).unwrap(), value));
        let out = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tmp/archive");
        std::fs::create_dir_all(out).unwrap();
        for (name, hex, seal) in [("plain", PLAIN, None), ("sealed", SEALED, key())] {
            let patch = beside(&origin, None);
            let counts = imported(&patch, &unhex(hex), 1000, seal.clone()).await;
            assert_eq!(counts.unwrap(), [4, 0], "{name}");
            assert_eq!(everything(&patch.open().await).await, expected, "{name}");
            let mut again = String::new();
            for byte in exported(&patch, seal, false).await {
                write!(again, "{byte:02x}").unwrap();
            }
            std::fs::write(format!("{out}/{name}.txt"), again).unwrap();
        }
    });
}
