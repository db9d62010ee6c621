use super::*;
use crate::codec::marks::NEVER;
use crate::codec::stamp::Stamp;
use crate::codec::value::from_json;
use crate::models::op_log::testing::{
    NOW, apply, delete, device, entries, pair, pending, records, set,
};
use crate::models::op_log::tombstones::{Find, Forget, raise_floor};
use crate::models::op_log::{Name, journal};

#[test]
fn what_is_refused_is_named_and_the_others_are_applied() {
    let mut fake = device("me", 3);
    let entry = |key: &str, ms: u64| Remote {
        record: pair(key),
        value: Some(from_json(b"1")),
        expires_ms: NEVER,
        stamp: Stamp { ms, counter: 0 },
        device: Bytes::from_static(b"other"),
        has_version: false,
    };
    let mut of_version = entry("v", NOW);
    of_version.has_version = true;
    let ahead = entry("ahead", NOW + MAX_AHEAD_MS + 1);
    let just = entry("just", NOW + MAX_AHEAD_MS);
    let found = apply(&mut fake, vec![ahead, of_version, just.clone()]);
    assert_eq!(found.applied, 1);
    assert_eq!(found.refused, [(0, Why::Clock), (1, Why::Version)]);
    // What is written here from now on is later.
    set(&mut fake, "just", "2");
    assert!(pending(&mut fake)[0].1.stamp > just.stamp);
    assert_eq!(apply(&mut fake, vec![just]).applied, 0);
}

#[test]
fn nothing_removed_comes_back_once_its_removal_is_forgotten() {
    let mut fake = device("me", 4);
    let mut other = device("other", 5);
    set(&mut other, "a", "1");
    let old = entries(&mut other);
    apply(&mut fake, old.clone());
    fake.now_ms = NOW + 10;
    assert!(delete(&mut fake, "a"));
    let floor = Stamp {
        ms: NOW + 20,
        counter: 0,
    };
    let me = Bytes::from_static(b"me");
    fake.write(|w| raise_floor(w, floor, &me)).unwrap();
    fake.write(|w| raise_floor(w, Stamp { ms: 5, counter: 0 }, &me))
        .unwrap();
    let mut find = Find::new(floor, me.clone(), Bytes::new(), 0.0);
    let (keys, next) = fake.read(|r| find.step(r)).unwrap();
    assert_eq!((keys.len(), next), (1, None));
    let mut forget = Forget::new(floor, me, keys, 0.0);
    assert_eq!(fake.write(|w| forget.step(w)).unwrap(), 1);
    let found = apply(&mut fake, old);
    assert_eq!(found.refused, [(0, Why::Floor)]);
    assert!(!fake.map.contains_key(&pair("a")));
    // What is known of is judged by its stamp, also below the floor.
    set(&mut other, "b", "1");
    fake.now_ms = NOW;
    let early = entries(&mut other).pop().unwrap();
    let mut known = early.clone();
    known.stamp.ms -= 1;
    fake.write(|w| {
        let name = Name::of(&known.record)?;
        journal::touch(w, &name, false, NEVER, b"other", known.stamp.to_bytes());
        Ok(())
    })
    .unwrap();
    assert_eq!(apply(&mut fake, vec![early]).applied, 1);
}

#[test]
fn what_is_written_between_finding_and_forgetting_keeps_its_state() {
    let mut fake = device("a", 5);
    for key in ["again", "gone"] {
        set(&mut fake, key, "1");
        delete(&mut fake, key);
    }
    let (floor, me) = (fake.next_stamp, Bytes::from_static(b"a"));
    let mut find = Find::new(floor, me.clone(), Bytes::new(), 0.0);
    let (keys, _) = fake.read(|r| find.step(r)).unwrap();
    assert_eq!(keys.len(), 2);
    set(&mut fake, "again", "2");
    let late = entries(&mut fake).pop().unwrap();
    let mut forget = Forget::new(floor, me, keys, 0.0);
    assert_eq!(fake.write(|w| forget.step(w)).unwrap(), 1);
    let found = records(&mut fake, "", None, f64::INFINITY);
    assert_eq!(found, [late.clone()]);
    // An older entry of it loses still, without a floor to refuse it.
    let older = Remote {
        device: Bytes::from_static(b"b"),
        value: None,
        stamp: Stamp {
            ms: NOW,
            counter: 0,
        },
        ..late
    };
    assert_eq!(apply(&mut fake, vec![older]).applied, 0);
}
