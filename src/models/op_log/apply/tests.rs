use super::*;
use crate::codec::js_string::JsString;
use crate::codec::marks::NEVER;
use crate::codec::stamp::Stamp;
use crate::codec::value::from_json;
use crate::models::documents::definition::{
    Definition, Index, OnDelete, Reference, Sequence, flag,
};
use crate::models::documents::violations::{Touched, Violation, Violations};
use crate::models::fake::Fake;
use crate::models::keys;
use crate::models::op_log::remote::record_of;
use crate::models::op_log::testing::{
    NOW, apply, delete, device, entries, insert, pair, pending, records, scope, set,
};
use crate::models::op_log::tombstones::{Find, Forget, raise_floor};
use crate::models::op_log::{Name, journal};
use std::rc::Rc;

#[test]
fn what_is_refused_is_named_and_the_others_are_applied() {
    let mut fake = device("me", 3);
    let entry = |key: &str, ms: u64| Remote {
        record: pair(key),
        value: Some(from_json(b"1")),
        expires_ms: NEVER,
        stamp: Stamp { ms, counter: 0 },
        device: Bytes::from_static(b"other"),
        version: 0,
    };
    let mut of_version = entry("v", NOW);
    of_version.version = 1;
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
    assert_eq!(found, std::slice::from_ref(&late));
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

/// What entries that are applied break, as "id kind ids".
fn broken_by(fake: &mut Fake, sent: Vec<Remote>) -> Vec<String> {
    let touched = Rc::new(Touched::new(apply(fake, sent).touched));
    let mut look = Violations::new(touched.clone());
    let found = fake.read(|r| {
        if r.is_fresh() {
            look = Violations::new(touched.clone());
        }
        look.step(r)
    });
    let told = |violation: &Violation| {
        let (_, _, id) = Name::of(&violation.record).unwrap().texts().unwrap();
        let kind = if violation.is_unique {
            "unique"
        } else {
            "reference"
        };
        let ids: Vec<_> = violation
            .ids
            .iter()
            .map(|id| id.as_js().to_display())
            .collect();
        format!("{} {kind} {}", id.as_js().to_display(), ids.join(","))
    };
    found.unwrap().iter().map(told).collect()
}

#[test]
fn what_is_broken_is_stored_and_told() {
    for seed in 0..20 {
        let mut fake = device("me", seed);
        let index = |number, flags, field: &str| Index {
            number,
            flags,
            fields: vec![field.into()],
        };
        let definition = Definition {
            indexes: vec![
                index(1, flag::OF_REFERENCE, "p"),
                index(2, flag::UNIQUE | flag::MULTI | flag::CREATED, "u"),
            ],
            references: vec![Reference {
                field: "p".into(),
                collection: "c".into(),
                on_delete: OnDelete::Cascade,
                flags: 0,
                index: 1,
            }],
            sequences: vec![Sequence {
                field: "n".into(),
                flags: 0,
                per: None,
            }],
            ..Definition::default()
        };
        let name = JsString::from("c");
        let of = |kind| keys::collection_prefix(kind, &scope(), name.as_js()).unwrap();
        fake.map.insert(of(keys::DEFINITION), definition.encode());
        let entry = |id: &str, ms: u64, rest: Option<&str>| Remote {
            record: record_of(&scope(), Some(&name), JsString::from(id).as_js()).unwrap(),
            value: rest.map(|rest| {
                let doc = format!(r#"{{"_id":"{id}","_created":1,"_updated":1{rest}}}"#);
                from_json(doc.as_bytes())
            }),
            expires_ms: NEVER,
            stamp: Stamp {
                ms: NOW + ms,
                counter: 0,
            },
            device: Bytes::from_static(b"other"),
            version: 0,
        };
        let put = |id: &str, rest: &str| entry(id, 1, Some(rest));
        let fine = vec![
            put("child", r#","p":"parent","u":["x","y"],"n":7"#),
            put("parent", r#","u":"z""#),
            put("self", r#","p":"self","u":null"#),
            put("other", r#","u":null,"p":null"#),
        ];
        assert_eq!(broken_by(&mut fake, fine), [""; 0]);
        let more = vec![
            put("a", r#","u":"y","p":"gone""#),
            put("b", r#","u":["y","z"],"p":5"#),
        ];
        let told = [
            "a reference gone",
            "a unique a,child,b",
            "b reference ",
            "b unique b,child,parent",
        ];
        let sorted = |mut found: Vec<String>| {
            found.sort();
            // (In which order the others come, is not said.)
            found.iter().map(|told| told.len()).collect::<Vec<_>>()
        };
        let found = broken_by(&mut fake, more);
        assert_eq!(found.len(), 4, "{found:?}");
        assert_eq!(sorted(found), sorted(told.map(String::from).to_vec()));
        // Nothing cascades.
        let gone = vec![entry("parent", 5, None), entry("self", 5, None)];
        assert_eq!(broken_by(&mut fake, gone), ["child reference parent"]);
        // What is numbered here goes on behind what came.
        insert(&mut fake, "new", "x");
        let last = fake
            .map
            .iter()
            .find(|(key, _)| key.starts_with(&of(keys::SEQUENCE)));
        assert_eq!(last.unwrap().1[..], [8]);
    }
}
