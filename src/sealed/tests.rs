use std::rc::Rc;

use bytes::Bytes;
use proptest::prelude::*;

use super::aead::{Aead, Secret};
use super::connector::SealedConnector;
use super::keys::{self, Keys, RawKey};
use super::record::{Opening, Sealing, kind_of};
use super::table::KeyTable;
use super::vault::{NoBulk, Sealer, Vault};
use crate::backend::memory::MemoryConnector;
use crate::backend::{Connector, Id, RecordKey};
use crate::codec::batch::{Batch, Op, OpKey};
use crate::codec::frame::{self, FrameHeader};
use crate::codec::head::Head;
use crate::codec::seal::{self, Record};
use crate::env::Env;
use crate::error::Code;
use crate::simulation::SimEnv;

pub const LIFE: Id = Id([7; 16]);

pub fn secret(byte: u8) -> Secret {
    Secret::filled(|bytes| bytes.fill(byte))
}

pub fn made(env: &SimEnv, byte: u8) -> (Keys, KeyTable) {
    let credential = RawKey::new(secret(byte));
    env.clone()
        .block_on(async { keys::make(env, &credential, "main").await.unwrap() })
}

pub fn vault(seed: u64) -> (Vault, Sealer) {
    let env = SimEnv::new(seed);
    let (keys, table) = made(&env, 1);
    let sealer = Sealer::new(&env);
    let vault = Vault::new(Rc::new(env), Rc::new(NoBulk), keys, table.encode());
    (vault, sealer)
}

pub fn piece(id: Id, value: &[u8]) -> Bytes {
    let mut out = seal::start(Record::piece(id), value.len());
    out.extend_from_slice(value);
    seal::finish(Record::piece(id), out)
}

pub fn open(vault: &Vault, life: Id, key: RecordKey, record: &Bytes) -> Option<Bytes> {
    let kind = kind_of(record)?;
    Opening::new(vault, life, key, kind, record).unwrap()?.now()
}

pub fn sealed(vault: &Vault, sealer: &Sealer, life: Id, key: RecordKey, record: &Bytes) -> Bytes {
    Sealing::new(vault, sealer, life, key, record)
        .unwrap()
        .now()
        .unwrap()
}

pub fn header() -> FrameHeader {
    FrameHeader {
        incarnation: LIFE,
        generation: 3,
        writer: Id([9; 16]),
        sequence: 5,
        wall_ms: 1_700_000_000_000,
        required: 0,
        catalog: 2,
    }
}

pub fn a_frame() -> Bytes {
    let put = Op::Delete(OpKey::plain(Bytes::from_static(b"recognisable")));
    frame::encode(
        &header(),
        &Batch {
            ops: vec![put],
            ..Batch::default()
        },
    )
}

/// The test cases 13 to 16 of the specification of GCM that NIST took over (McGrew and Viega).
#[test]
fn the_cipher_is_aes_256_gcm() {
    let hex = |text: &str| -> Vec<u8> {
        let digits: Vec<u8> = (text.chars())
            .filter_map(|digit| digit.to_digit(16))
            .map(|digit| digit as u8)
            .collect();
        digits
            .chunks(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect()
    };
    let vectors = include_str!("../../tests/fixtures/gcm.txt");
    for vector in vectors.lines() {
        let [key, nonce, aad, plain, sealed, tag] =
            <[Vec<u8>; 6]>::try_from(vector.split(' ').map(hex).collect::<Vec<_>>()).unwrap();
        let aead = Aead::new(&Secret::filled(|out| out.copy_from_slice(&key)));
        let nonce = <[u8; 12]>::try_from(nonce).unwrap();
        let mut buffer = plain.clone();
        let got = aead.seal(nonce, &aad, &mut buffer).unwrap();
        assert_eq!((&buffer, got.to_vec()), (&sealed, tag));
        assert!(aead.open(nonce, &aad, &mut buffer, got));
        assert_eq!(buffer, plain);
        let mut wrong = got;
        wrong[15] ^= 1;
        assert!(!aead.open(nonce, &aad, &mut sealed.clone(), wrong));
    }
    assert_eq!(vectors.lines().count(), 4);
}

/// The expected bytes are those of Python's `hmac`, by the text of RFC 5869.
#[test]
fn keys_are_derived_by_hkdf() {
    let derived = |byte: u8, salt: &[u8]| {
        let key = secret(byte).derive(salt, &[b"a", b"bc"]);
        u128::from_be_bytes(*key.bytes().first_chunk().unwrap())
    };
    let expected = 0x57b9_48f3_4ebd_e51b_f7d4_b02d_ed98_0730;
    assert_eq!(derived(0x0b, &[0, 1, 2, 3]), expected);
    assert_ne!(derived(0x0b, &[0, 1, 2, 4]), expected);
    assert_ne!(derived(0x0c, &[0, 1, 2, 3]), expected);
}

#[test]
fn a_record_opens_where_it_belongs_and_nowhere_else() {
    let (vault, sealer) = vault(1);
    let (id, other) = (Id([1; 16]), Id([2; 16]));
    let plain = piece(id, b"a recognisable value");
    let key = RecordKey::Piece(id);
    let record = sealed(&vault, &sealer, LIFE, key, &plain);
    assert_eq!(open(&vault, LIFE, key, &record), Some(plain.clone()));
    assert!(!record.windows(12).any(|window| window == b"recognisable"));
    let elsewhere = [
        (LIFE, RecordKey::Piece(other)),
        (LIFE, RecordKey::Run(id)),
        (LIFE, RecordKey::Root),
        (other, key),
    ];
    for (life, key) in elsewhere {
        assert_eq!(open(&vault, life, key, &record), None, "{key:?}");
    }
    // Another patch.
    let (stranger, _) = self::vault(2);
    assert_eq!(open(&stranger, LIFE, key, &record), None);
}

#[test]
fn a_changed_bit_anywhere_is_noticed() {
    let (vault, sealer) = vault(1);
    let id = Id([1; 16]);
    let mut head = Head::new(LIFE);
    head.keys = vault.table();
    let root = crate::codec::root::Root::default().encode(LIFE);
    for (key, plain) in [
        (RecordKey::Piece(id), piece(id, b"value")),
        (RecordKey::Frame(0), a_frame()),
        (RecordKey::Head, head.encode()),
        (RecordKey::Root, root),
    ] {
        let record = sealed(&vault, &sealer, LIFE, key, &plain);
        assert!(open(&vault, LIFE, key, &record).is_some());
        for bit in 0..record.len() * 8 {
            let mut changed = record.to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            let changed = Bytes::from(changed);
            // Head and frames end in a checksum of everything, that is everybody's; the rest is the key's.
            let is_checked = match key {
                RecordKey::Head => Head::decode(&changed).is_err(),
                RecordKey::Frame(_) => frame::open(&changed).is_err(),
                _ => false,
            };
            assert!(
                is_checked || open(&vault, LIFE, key, &changed).is_none(),
                "{key:?}: bit {bit}"
            );
        }
        for length in 0..record.len() {
            assert_eq!(
                open(&vault, LIFE, key, &record.slice(..length)),
                None,
                "{key:?}: {length}"
            );
        }
    }
}

/// Of one who computes the checksums anew.
#[test]
fn a_forger_without_the_key_gets_nothing_through() {
    let (vault, sealer) = vault(1);
    let record = sealed(&vault, &sealer, LIFE, RecordKey::Frame(0), &a_frame());
    for at in 8..record.len() - 8 {
        let mut changed = record[..record.len() - 8].to_vec();
        changed[at] ^= 4;
        let check = seal::checksum(0, &changed);
        changed.extend_from_slice(&check.to_le_bytes());
        assert_eq!(
            open(&vault, LIFE, RecordKey::Frame(0), &changed.into()),
            None,
            "byte {at}"
        );
    }
}

#[test]
fn a_frame_shows_its_header_and_nothing_else() {
    let (vault, sealer) = vault(1);
    let record = sealed(&vault, &sealer, LIFE, RecordKey::Frame(0), &a_frame());
    assert_eq!(frame::open(&record).unwrap().header, header());
    assert_eq!(
        frame::open(&record).unwrap().batch().unwrap_err().code(),
        Code::Encrypted
    );
    assert!(!record.windows(6).any(|window| window == b"recogn"));
    assert_eq!(
        open(&vault, LIFE, RecordKey::Frame(0), &record),
        Some(a_frame())
    );
}

#[test]
fn no_nonce_is_used_twice() {
    let env = SimEnv::new(3);
    let sealer = Sealer::new(&env);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..1000 {
        let ticket = sealer.next(&env, 100);
        assert!(seen.insert((ticket.sealer, ticket.counter)));
    }
    // After a while another key.
    let first = sealer.next(&env, 1).sealer;
    env.clone().block_on({
        let env = env.clone();
        async move { env.sleep(61_000).await }
    });
    assert_ne!(sealer.next(&env, 1).sealer, first);
}

#[test]
fn wiped_keys_open_nothing() {
    let (vault, sealer) = vault(1);
    let id = Id([1; 16]);
    let record = sealed(
        &vault,
        &sealer,
        LIFE,
        RecordKey::Piece(id),
        &piece(id, b"value"),
    );
    vault.wipe();
    let kind = kind_of(&record).unwrap();
    let opened = Opening::new(&vault, LIFE, RecordKey::Piece(id), kind, &record);
    assert_eq!(opened.err().map(|error| error.code()), Some(Code::Closed));
}

#[test]
fn keys_are_wiped_when_the_last_engine_has_closed() {
    let env = SimEnv::new(5);
    let (keys, table) = made(&env, 1);
    let vault = Rc::new(Vault::new(
        Rc::new(env),
        Rc::new(NoBulk),
        keys,
        table.encode(),
    ));
    let connector = SealedConnector::new(Rc::new(MemoryConnector::default()), vault.clone());
    connector.joined();
    connector.joined();
    connector.left();
    assert!(vault.writing().is_ok());
    connector.left();
    assert_eq!(
        vault.writing().err().map(|error| error.code()),
        Some(Code::Closed)
    );
}

proptest! {
    /// Whatever is stored there: no panic, no memory beyond the input.
    #[test]
    fn any_table_is_judged(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        drop(KeyTable::decode(&bytes.into()));
    }

    #[test]
    fn any_record_is_judged(bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in 0_usize..6) {
        let (vault, _) = vault(1);
        let mut record = vec![b'P', b'S', crate::codec::kinds::record::ALL[kind], 2, 1, 0, 0, 0];
        record.extend_from_slice(&bytes);
        let record = Bytes::from(record);
        prop_assert_eq!(open(&vault, LIFE, RecordKey::Root, &record), None);
    }
}
