//! What records of each kind are bound to.

use bytes::Bytes;

use super::tests::{LIFE, a_frame, open, piece, sealed, vault};
use super::vault::Vault;
use crate::backend::{Id, RecordKey};
use crate::codec::head::Head;
use crate::codec::root::Root;
use crate::codec::seal::{self, Kind, Record};

const ID: Id = Id([1; 16]);
const OTHER: Id = Id([2; 16]);

fn with_body(of: Record) -> Bytes {
    let mut out = seal::start(of, 16);
    out.extend_from_slice(b"what it contains");
    seal::finish(of, out)
}

/// A record of each kind, with its place, and other places.
fn records(vault: &Vault) -> Vec<(Kind, RecordKey, Bytes, Vec<RecordKey>)> {
    let mut head = Head::new(LIFE);
    head.keys = vault.table();
    let elsewhere = vec![
        RecordKey::Run(OTHER),
        RecordKey::Piece(OTHER),
        RecordKey::Frame(0),
    ];
    let run = |of| (RecordKey::Run(ID), with_body(of), elsewhere.clone());
    let (at_run, page, pages) = run(Record::directory(ID));
    let (_, segment, segments) = run(Record::segment(ID));
    let root = Root::default().encode(LIFE);
    vec![
        (
            Kind::Head,
            RecordKey::Head,
            head.encode(),
            elsewhere.clone(),
        ),
        (Kind::Root, RecordKey::Root, root, elsewhere.clone()),
        (
            Kind::Frame,
            RecordKey::Frame(0),
            a_frame(),
            vec![RecordKey::Run(ID), RecordKey::Root],
        ),
        (Kind::Directory, at_run, page, pages),
        (Kind::Segment, at_run, segment, segments),
        (
            Kind::Piece,
            RecordKey::Piece(ID),
            piece(ID, b"value"),
            elsewhere,
        ),
    ]
}

#[test]
fn a_record_of_each_kind_is_bound_to_its_place() {
    let (vault, sealer) = vault(1);
    for (kind, key, plain, elsewhere) in records(&vault) {
        let record = sealed(&vault, &sealer, LIFE, key, &plain);
        assert!(open(&vault, LIFE, key, &record).is_some(), "{kind:?}");
        for other in elsewhere {
            let opened = open(&vault, LIFE, other, &record);
            assert_eq!(opened, None, "{kind:?} as {other:?}");
        }
    }
}

/// Also for one who computes the checksums anew, to whom they are no hindrance.
#[test]
fn a_record_of_each_kind_is_bound_to_all_that_is_in_the_clear() {
    let (vault, sealer) = vault(1);
    for (kind, key, plain, _) in records(&vault) {
        let record = sealed(&vault, &sealer, LIFE, key, &plain);
        let is_checked = matches!(kind, Kind::Head | Kind::Frame);
        let end = record.len() - if is_checked { 8 } else { 0 };
        for at in 4..end {
            let mut changed = record[..end].to_vec();
            changed[at] ^= 1;
            if is_checked {
                let check = seal::checksum(0, &changed);
                changed.extend_from_slice(&check.to_le_bytes());
            }
            let opened = open(&vault, LIFE, key, &changed.into());
            assert_eq!(opened, None, "{kind:?}: byte {at}");
        }
    }
}

/// Kinds say what bytes mean: one letter must not make another record of them.
#[test]
fn a_record_is_of_the_kind_that_it_was_sealed_as() {
    let (vault, sealer) = vault(1);
    let plain = with_body(Record::segment(ID));
    let key = RecordKey::Run(ID);
    let record = sealed(&vault, &sealer, LIFE, key, &plain);
    for letter in crate::codec::kinds::record::ALL {
        let mut other = record.to_vec();
        other[2] = letter;
        let opened = open(&vault, LIFE, key, &other.into());
        assert_eq!(opened.is_some(), letter == record[2], "{letter}");
    }
}
