//! What happens between looking at a content and deleting it, and what is read of it.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::super::collect::{Bury, Fate, Judge, Trim};
use super::super::records::{content_key, piece_key};
use super::super::{HOUR_MS, Piece, Pieces, content};
use super::{NOW_MS, hash, is_here, put, scope, value};
use crate::codec::marks::NEVER;
use crate::error::{Code, Result};
use crate::models::fake::Fake;
use crate::models::kv::{self, Kv};
use crate::record::Id;

/// A pair that holds the first content.
fn hold(fake: &mut Fake) -> Bytes {
    let key = Kv::new(&scope()).unwrap().key("a".into()).unwrap();
    let of = value(&BTreeSet::from([1]));
    fake.write(|w| kv::set(w, &key, &of, NEVER)).unwrap();
    key
}

fn judge(fake: &mut Fake, now_ms: u64) -> (Fate, Vec<Bytes>) {
    let mut judge = Judge::of(hash(1), now_ms);
    fake.read(|r| judge.step(r)).unwrap()
}

#[test]
fn what_a_record_has_come_to_hold_since_it_was_judged_is_not_buried() {
    let mut fake = Fake::disturbed(3);
    put(&mut fake, 1, 1, NOW_MS);
    let later = NOW_MS + HOUR_MS;
    assert_eq!(judge(&mut fake, later), (Fate::Dead, vec![]));
    hold(&mut fake);
    let before = fake.map.clone();
    let mut bury = Bury::of(hash(1));
    assert!(!fake.write(|w| bury.step(w, later)).unwrap());
    assert_eq!(fake.map, before);
}

#[test]
fn what_was_put_again_since_it_was_judged_is_not_buried() {
    let mut fake = Fake::disturbed(4);
    put(&mut fake, 1, 1, NOW_MS);
    let later = NOW_MS + HOUR_MS;
    assert_eq!(judge(&mut fake, later), (Fate::Dead, vec![]));
    put(&mut fake, 1, 2, later);
    let mut bury = Bury::of(hash(1));
    assert!(!fake.write(|w| bury.step(w, later)).unwrap());
    assert!(is_here(&mut fake, 1));
}

#[test]
fn a_citation_whose_record_has_come_to_hold_again_stays() {
    let mut fake = Fake::disturbed(5);
    put(&mut fake, 1, 1, NOW_MS);
    let key = hold(&mut fake);
    fake.write(|w| kv::delete(w, &key)).unwrap();
    let (fate, stale) = judge(&mut fake, NOW_MS);
    assert_eq!((fate, stale.len()), (Fate::Dead, 1));
    // It finds the citation there, and adds none.
    hold(&mut fake);
    let mut trim = Trim::of(hash(1), stale);
    fake.write(|w| trim.step(w)).unwrap();
    assert_eq!(judge(&mut fake, NOW_MS), (Fate::Kept, vec![]));
    assert!(is_here(&mut fake, 1));
}

/// Some pieces of the first content, one after the other.
fn read(fake: &mut Fake, from: u64, until: u64) -> Result<Vec<u8>> {
    let found = fake.read(|r| content(r, &hash(1)))?.unwrap();
    let mut pieces = Pieces::new(found, from, until);
    let mut all = Vec::new();
    fake.read(|r| {
        pieces.step(r, &mut |piece| {
            let Piece::Bytes(piece) = piece else {
                panic!("it is no Blob")
            };
            all.extend_from_slice(piece);
            Ok(())
        })
    })?;
    Ok(all)
}

#[test]
fn a_piece_of_another_size_is_reported_and_not_handed_out() {
    let mut fake = Fake::disturbed(6);
    put(&mut fake, 1, 1, NOW_MS);
    assert_eq!(read(&mut fake, 0, 9).unwrap(), b"contentcon");
    assert_eq!(read(&mut fake, 1, 9).unwrap(), b"");
    let key = piece_key(Id([1; 16]), 0);
    for damaged in [
        &b"\0conten"[..],
        b"\0contentcontent",
        b"\x01contentcon",
        b"",
    ] {
        fake.map.insert(key.clone(), Bytes::from_static(damaged));
        let refused = read(&mut fake, 0, 1).unwrap_err();
        assert_eq!(refused.code(), Code::Corrupt, "{damaged:?}");
    }
    fake.map.remove(&key);
    assert_eq!(read(&mut fake, 0, 1).unwrap_err().code(), Code::Corrupt);
    assert!(fake.map.contains_key(&content_key(&hash(1))));
}
