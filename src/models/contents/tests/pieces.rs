//! Pieces whose bytes a Blob has.

use std::rc::Rc;

use super::super::piece::decode;
use super::super::{Beside, Finish, PIECE_BYTES, Piece, Pieces, Sum, Whole, content};
use super::{NOW_MS, hash};
use crate::blobs;
use crate::codec::value::attached;
use crate::error::Code;
use crate::models::fake::Fake;
use crate::record::Id;

const BYTES: &[u8] = b"the bytes of a piece";

fn beside() -> Beside {
    let name = Id([7; 16]);
    let mut sum = Sum::of(name);
    let (first, second) = BYTES.split_at(3);
    sum.update(first);
    sum.update(second);
    Beside {
        name,
        size: BYTES.len() as u64,
        sum: sum.finish(),
    }
}

#[test]
fn a_blob_is_told_apart_and_inside_it_is_bytes() {
    let value = beside().encode().unwrap();
    assert_eq!(decode(&value).unwrap(), Piece::Beside(beside()));
    assert_eq!(blobs::names(&value).unwrap(), [beside().name]);
    assert_eq!(attached::bytes_beside(&value), BYTES.len() as u64);
    let inside = attached::inlined(&value, &[BYTES.to_vec()]).unwrap();
    assert_eq!(decode(&inside).unwrap(), Piece::Bytes(BYTES));
    assert_eq!(decode(b"\0abc").unwrap(), Piece::Bytes(b"abc"));
    for end in 0..value.len() {
        let refused = decode(&value[..end]).unwrap_err();
        assert_eq!(refused.code(), Code::Corrupt, "the first {end}");
    }
}

#[test]
fn the_sum_is_of_a_blob_of_this_name() {
    let sum = |name: u8, bytes: &[u8]| {
        let mut sum = Sum::of(Id([name; 16]));
        sum.update(bytes);
        sum.finish()
    };
    assert_eq!(sum(7, BYTES), beside().sum);
    assert_ne!(sum(8, BYTES), beside().sum);
    assert_ne!(sum(7, &BYTES[1..]), beside().sum);
    let mut again = Sum::seeded(beside().seed());
    again.update(BYTES);
    assert_eq!(again.finish(), beside().sum);
}

fn whole(upload: u8) -> Whole {
    let value = beside().encode().unwrap();
    Whole {
        finish: Finish {
            upload: Id([upload; 16]),
            hash: hash(1),
            size: BYTES.len() as u64,
            piece_bytes: PIECE_BYTES as u64,
            now_ms: NOW_MS,
        },
        piece: blobs::offered(value, vec![Rc::new(())]).unwrap(),
    }
}

#[test]
fn a_content_of_one_piece_is_put_in_one_batch_and_once() {
    let mut fake = Fake::disturbed(3);
    for upload in [1, 2] {
        let whole = whole(upload);
        fake.write(|w| whole.step(w)).unwrap();
    }
    let kinds: Vec<u8> = fake.map.keys().map(|key| key[0]).collect();
    assert_eq!(
        kinds,
        [0x60, 0x61, 0x63, 0x63, 0x65],
        "two marks, one piece"
    );
    let found = fake.read(|r| content(r, &hash(1))).unwrap().unwrap();
    assert_eq!(found.upload, Id([1; 16]));
    let mut pieces = Pieces::new(found, 0, 9);
    let mut read = Vec::new();
    fake.read(|r| {
        pieces.step(r, &mut |piece| {
            read.push(match piece {
                Piece::Beside(beside) => beside,
                Piece::Bytes(_) => panic!("it is a Blob"),
            });
            Ok(())
        })
    })
    .unwrap();
    assert_eq!(read, [beside()]);
}

#[test]
fn a_blob_of_another_size_is_reported() {
    let mut fake = Fake::default();
    let mut whole = whole(1);
    whole.finish.size += 1;
    fake.write(|w| whole.step(w)).unwrap();
    let found = fake.read(|r| content(r, &hash(1))).unwrap().unwrap();
    let read = fake.read(|r| Pieces::new(found, 0, 1).step(r, &mut |_| Ok(())));
    assert_eq!(read.unwrap_err().code(), Code::Corrupt);
}
