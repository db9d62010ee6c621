use super::{Mark, Prune, PruneSynced, Which, last};
use crate::codec::kinds::key as kinds;
use crate::codec::marks::NEVER;
use crate::models::fake::Fake;
use crate::models::kv;
use crate::models::op_log::testing::{device, log, pair, pending, set};
use bytes::Bytes;

#[test]
fn what_is_marked_or_pruned_is_gone_from_what_is_pending() {
    let mut fake = device("me", 2);
    for key in ["a", "b", "c", "d", "e"] {
        set(&mut fake, key, &format!("\"{}\"", "y".repeat(2_000)));
    }
    let ids: Vec<f64> = pending(&mut fake)
        .iter()
        .map(|(id, _)| *id as f64)
        .collect();
    let left =
        |fake: &mut Fake| -> Vec<f64> { pending(fake).iter().map(|(id, _)| *id as f64).collect() };
    let mark = |fake: &mut Fake, which: Which| {
        let mut mark = Mark::new(which);
        fake.write(|w| mark.step(w)).unwrap()
    };
    let prune = |fake: &mut Fake, which: Which| {
        let mut prune = Prune::new(which);
        fake.write(|w| prune.step(w)).unwrap()
    };
    assert_eq!(
        mark(
            &mut fake,
            Which::These(vec![ids[2], ids[2], ids[3], -1.0, 1e300])
        ),
        2
    );
    assert_eq!(left(&mut fake), [ids[0], ids[1], ids[4]]);
    assert_eq!(mark(&mut fake, Which::UpTo(ids[0])), 1);
    assert_eq!(mark(&mut fake, Which::UpTo(ids[0])), 0);
    assert_eq!(left(&mut fake), [ids[1], ids[4]]);
    assert_eq!(log(&mut fake, ids[1], false).len(), 1);
    // Who watches hears of all, however they were marked since.
    let heard: Vec<f64> = log(&mut fake, ids[0], true)
        .iter()
        .map(|(id, _)| *id as f64)
        .collect();
    assert_eq!(heard, ids[1..]);
    // Marked up to far ahead: what comes is pending all the same.
    assert_eq!(mark(&mut fake, Which::UpTo(ids[1] + 1e9)), 2);
    set(&mut fake, "f", "1");
    let last = left(&mut fake);
    assert_eq!(last.len(), 1);
    assert!(last[0] > ids[4]);
    assert_eq!(
        prune(&mut fake, Which::These(vec![ids[3], ids[3], ids[4]])),
        2
    );
    assert_eq!(prune(&mut fake, Which::UpTo(ids[1])), 2);
    let mut synced = PruneSynced::default();
    assert_eq!(fake.write(|w| synced.step(w)).unwrap(), (1, false));
    let of_log = |fake: &Fake, kind: u8| fake.map.keys().filter(|key| key[0] == kind).count();
    assert_eq!(of_log(&fake, kinds::LOGGED_VALUE), 0);
    assert_eq!(of_log(&fake, kinds::SYNCED), 0);
    assert_eq!(left(&mut fake), last);
    assert_eq!(prune(&mut fake, Which::UpTo(-1.0)), 0);
    assert_eq!(prune(&mut fake, Which::UpTo(f64::INFINITY)), 1);
    assert_eq!(of_log(&fake, kinds::LOGGED), 0);
    // Numbers are not used again.
    set(&mut fake, "g", "1");
    assert!(left(&mut fake)[0] > last[0]);
}

#[test]
fn the_last_entry_is_the_last_one_when_it_is_marked_too() {
    let mut fake = device("me", 3);
    assert_eq!(fake.read(|r| last(r)).unwrap(), 0);
    for key in ["a", "b"] {
        set(&mut fake, key, "1");
    }
    let ids: Vec<u64> = pending(&mut fake).iter().map(|(id, _)| *id).collect();
    for (marked, is_last) in ids.iter().rev().zip([ids[1], ids[1]]) {
        let mut mark = Mark::new(Which::These(vec![*marked as f64]));
        assert_eq!(fake.write(|w| mark.step(w)).unwrap(), 1);
        assert_eq!(fake.read(|r| last(r)).unwrap(), is_last);
    }
}

#[test]
fn a_value_with_blobs_beside_it_lies_apart_however_short_it_is() {
    let mut fake = device("me", 3);
    let blob = [&[2, 2, 0x10][..], &[7; 16], &[0x80, 0x80, 0x08, 0]].concat();
    let (key, value) = (pair("k"), Bytes::from(blob));
    fake.write(|w| kv::set(w, &key, &value, NEVER)).unwrap();
    let (whole, entries): (Vec<_>, Vec<_>) = fake
        .map
        .iter()
        .filter(|(key, _)| matches!(key[0], kinds::LOGGED | kinds::LOGGED_VALUE))
        .partition(|(key, _)| key[0] == kinds::LOGGED_VALUE);
    assert_eq!(whole.len(), 1);
    assert_eq!(whole[0].1, &value);
    assert_eq!(entries.len(), 1);
    assert!(!entries[0].1.windows(16).any(|bytes| bytes == [7; 16]));
}
