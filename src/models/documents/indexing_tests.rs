//! What indexes keep, refuse, and leave behind.

use super::definition::Definition;
use super::index::{Entries, Layout};
use super::tests::{collection, find, get, insert, json, prepare};
use super::*;
use crate::codec::js_string::JsString;
use crate::codec::value::{Form, Value};
use crate::error::Code;
use crate::models::fake::Fake;
use crate::models::keys;
use crate::models::many::Many;
use crate::models::nodes;
use crate::models::scope::Scope;
use std::collections::BTreeMap;

pub(super) fn spec(fields: &[&str], unique: bool, multi: bool) -> IndexSpec {
    let fields = fields.iter().map(|field| (*field).into()).collect();
    IndexSpec {
        fields,
        unique,
        multi,
    }
}

pub(super) fn create(fake: &mut Fake, of: &IndexSpec) -> Result<()> {
    let mut create = Define::index(&collection(), of.clone());
    fake.write(|w| create.step(w)).map(drop)
}

pub(super) fn drop_index(fake: &mut Fake, fields: &[&str]) -> bool {
    let fields = fields.iter().map(|field| (*field).into()).collect();
    let drop = DropIndex::new(&collection(), fields);
    fake.write(|w| Ok(drop.step(w)?)).unwrap()
}

pub(super) fn listed(fake: &mut Fake) -> Vec<Indexed> {
    fake.read(|r| Ok(indexes(r, &collection())?)).unwrap()
}

/// Every index has an entry for each document of its collection, and there is no entry besides.
pub(super) fn recount(fake: &Fake) -> usize {
    let is_of = |kind: u8| move |key: &[u8]| key.first() == Some(&kind);
    let mut expected = BTreeMap::new();
    for (key, record) in fake
        .map
        .iter()
        .filter(|(key, _)| is_of(keys::DEFINITION)(key))
    {
        let docs = [&[keys::DOCUMENT][..], &key[1..]].concat();
        let documents = || fake.map.iter().filter(|(key, _)| key.starts_with(&docs));
        for index in Definition::decode(record.clone()).unwrap().indexes {
            let layout = Layout::new(&index);
            for (key, doc) in documents() {
                let form = Form::of(doc).unwrap();
                let entries = Entries::of(&layout, form).unwrap();
                for entry in entries.keys() {
                    let entry = [&entry[..], &key[key.len() - 12..]].concat();
                    expected.insert(Bytes::from(entry), entries.value().to_vec());
                }
            }
        }
    }
    let found = fake.map.iter().filter(|(key, _)| is_of(0x30)(key));
    let found: BTreeMap<_, _> = found.map(|(k, v)| (k.clone(), v.to_vec())).collect();
    assert_eq!(found, expected, "an index is not what a recount gives");
    found.len()
}

fn docs(of: &[&str]) -> Vec<Bytes> {
    of.iter().map(|doc| json(doc)).collect()
}

fn collide(done: Result<impl Sized>, a: &str, b: &str) {
    let error = done.err().expect("refused");
    assert_eq!(error.code(), Code::ConstraintViolation);
    let mut ids = error.ids().to_vec();
    ids.sort();
    assert_eq!(ids, [a.as_bytes(), b.as_bytes()]);
}

#[test]
fn an_index_is_made_over_what_is_there_and_is_dropped_whole() {
    let mut fake = Fake::default();
    let many = (0..600).map(|n| json(&format!(r#"{{"_id":"{n}","a":{},"t":["x",{n}]}}"#, n % 7)));
    insert(&mut fake, &many.collect::<Vec<_>>(), 1.0).unwrap();
    let (plain, multi) = (spec(&["a", "b.c"], false, false), spec(&["t"], false, true));
    create(&mut fake, &plain).unwrap();
    assert_eq!(recount(&fake), 600);
    create(&mut fake, &multi).unwrap();
    assert_eq!(recount(&fake), 1800);
    assert_eq!(listed(&mut fake), [plain.clone(), multi.clone()]);
    let before = fake.map.clone();
    create(&mut fake, &plain).unwrap();
    assert_eq!(fake.map, before, "the same one changes nothing");
    // The same fields, other options: another number, and nothing of the old one.
    let other = spec(&["t"], false, false);
    create(&mut fake, &other).unwrap();
    assert_eq!(recount(&fake), 1200);
    assert_eq!(listed(&mut fake), [plain, other]);
    assert!(drop_index(&mut fake, &["t"]) && !drop_index(&mut fake, &["t"]));
    assert!(!drop_index(&mut fake, &["a"]));
    assert_eq!(recount(&fake), 600);
    assert!(drop_index(&mut fake, &["a", "b.c"]));
    assert_eq!(recount(&fake), 0);
    assert!(!fake.map.keys().any(|key| key[0] == keys::DEFINITION));
    for fields in [&[][..], &["a", "a"], &[""]] {
        let refused = create(&mut fake, &spec(fields, false, false)).unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
    }
    let nine = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];
    let refused = create(&mut fake, &spec(&nine, false, false)).unwrap_err();
    assert_eq!(refused.code(), Code::LimitExceeded);
}

#[test]
fn what_is_dropped_copied_or_applied_keeps_its_indexes() {
    let mut fake = Fake::disturbed(5);
    insert(
        &mut fake,
        &docs(&[r#"{"_id":"1","a":1}"#, r#"{"_id":"2","a":1}"#]),
        1.0,
    )
    .unwrap();
    create(&mut fake, &spec(&["a"], false, false)).unwrap();
    // As other devices' writes come.
    let put = |fake: &mut Fake, id: &str, doc: &str| {
        let doc = prepare(&json(doc), 1.0).unwrap();
        fake.write(|w| collection().put(w, id.into(), doc.stored().clone()))
            .unwrap();
    };
    put(&mut fake, "1", r#"{"_id":"1","a":2}"#);
    put(&mut fake, "3", r#"{"_id":"3","a":3}"#);
    assert_eq!(recount(&fake), 3);
    assert!(fake.write(|w| collection().remove(w, "2".into())).unwrap());
    assert_eq!(recount(&fake), 2);
    let scope = |name: &str| keys::encoded_scope(&Scope::Node(name.into())).unwrap();
    let mut copy = nodes::Copy::new(scope("n"), scope("m"));
    fake.write(|w| copy.step(w)).unwrap();
    assert_eq!(recount(&fake), 4);
    let target = Collection::new(&Scope::Node("m".into()), "notes".into()).unwrap();
    assert_eq!(fake.read(|r| Ok(indexes(r, &target)?)).unwrap().len(), 1);
    // One goes; the other one keeps its entries.
    let mut drop = Drop::new(&collection(), 0.0);
    fake.write(|w| drop.step(w)).unwrap();
    assert_eq!(recount(&fake), 2);
    assert!(listed(&mut fake).is_empty());
    let mut delete = nodes::Delete::new(scope("m"));
    assert!(fake.write(|w| delete.step(w)).unwrap());
    assert_eq!(recount(&fake), 0);
    // A node owns what is defined.
    create(&mut fake, &spec(&["a"], false, false)).unwrap();
    let mut copy = nodes::Copy::new(scope("n"), scope("m"));
    fake.write(|w| copy.step(w)).unwrap();
    assert_eq!(fake.read(|r| Ok(indexes(r, &target)?)).unwrap().len(), 1);
    for node in ["n", "m", "n"].into_iter().zip([true, true, false]) {
        let mut delete = nodes::Delete::new(scope(node.0));
        assert_eq!(fake.write(|w| delete.step(w)).unwrap(), node.1);
    }
    assert!(fake.map.keys().all(|key| key[..] == [2]));
}

#[test]
fn a_unique_index_refuses_a_second_document() {
    for seed in 0..30 {
        let mut fake = Fake::disturbed(seed);
        create(&mut fake, &spec(&["a", "b"], true, false)).unwrap();
        // What lacks a value collides with none.
        let free = [
            r#"{"_id":"1","a":1}"#,
            r#"{"_id":"2","a":1,"b":null}"#,
            r#"{"_id":"3","a":1}"#,
        ];
        insert(&mut fake, &docs(&free), 1.0).unwrap();
        insert(&mut fake, &docs(&[r#"{"_id":"4","a":1,"b":2}"#]), 1.0).unwrap();
        let before = fake.map.clone();
        let same = docs(&[r#"{"_id":"5","b":2.0,"a":1}"#]);
        collide(insert(&mut fake, &same, 1.0), "4", "5");
        let twice = docs(&[r#"{"_id":"6","a":6,"b":6}"#, r#"{"_id":"7","a":6,"b":6}"#]);
        collide(insert(&mut fake, &twice, 1.0), "6", "7");
        collide(
            super::tests::update(&mut fake, "1", &json(r#"{"b":2}"#), 2.0),
            "1",
            "4",
        );
        let doc = json(r#"{"a":1,"b":2}"#);
        collide(
            fake.write(|w| collection().replace(w, "2".into(), &doc, 2.0)),
            "2",
            "4",
        );
        let modify = |fake: &mut Fake, id: &str| {
            let (same, mut cascade) = (doc.clone(), Cascade::new(2.0));
            let mut change = |_: Option<&Bytes>| Ok(Some(same.clone()));
            fake.write(|w| collection().modify(w, id.into(), 2.0, &mut change, &mut cascade))
        };
        collide(modify(&mut fake, "3"), "3", "4");
        collide(modify(&mut fake, "new"), "4", "new");
        assert_eq!(fake.map, before);
        // Its own values are no others'.
        assert!(super::tests::update(&mut fake, "4", &json(r#"{"b":2,"c":1}"#), 2.0).unwrap());
        modify(&mut fake, "4").unwrap();
        recount(&fake);
    }
}

#[test]
fn it_is_asked_at_the_end_of_a_call() {
    for seed in 0..30 {
        let mut fake = Fake::disturbed(seed);
        let three = [
            r#"{"_id":"1","n":1}"#,
            r#"{"_id":"2","n":1}"#,
            r#"{"_id":"3","n":1}"#,
        ];
        insert(&mut fake, &docs(&three), 1.0).unwrap();
        collide(create(&mut fake, &spec(&["n"], true, false)), "1", "2");
        assert_eq!(recount(&fake), 0);
        for n in ["2", "3"] {
            super::tests::update(&mut fake, n, &json(&format!(r#"{{"n":{n}}}"#)), 1.0).unwrap();
        }
        create(&mut fake, &spec(&["n"], true, false)).unwrap();
        // Each gets the value of the next one.
        struct Next;
        impl Checks for Next {
            fn check(&mut self, object: &Bytes, id: JsStr<'_>) -> Result<Bytes> {
                assert!(!object.is_empty());
                let n: u64 = id.to_display().to_string().parse().unwrap();
                Ok(json(&format!(r#"{{"n":{}}}"#, n + 1)))
            }
            fn end(&mut self) -> Result<()> {
                Ok(())
            }
        }
        let changes = || Changes::new(json("{}"), 2.0);
        let mut all =
            WriteMany::update(&collection(), Query::all(), changes(), Some(Box::new(Next)));
        assert_eq!(fake.write(|w| all.step(w)).unwrap(), 3);
        recount(&fake);
        let same = Changes::new(json(r#"{"n":9}"#), 3.0);
        let mut all = WriteMany::update(&collection(), Query::all(), same, None);
        collide(fake.write(|w| all.step(w)), "1", "2");
        let left = find(&mut fake, &json(r#"{"n":{"$lt":9}}"#), FindSpec::default()).unwrap();
        assert_eq!(left.len(), 3);
    }
}

#[test]
fn of_a_multi_index_elements_and_whole_values_collide() {
    let mut fake = Fake::disturbed(1);
    create(&mut fake, &spec(&["t", "a"], true, true)).unwrap();
    insert(
        &mut fake,
        &docs(&[r#"{"_id":"1","t":["x","y","x"],"a":1}"#]),
        1.0,
    )
    .unwrap();
    for (doc, collides) in [
        (r#"{"_id":"2","t":"y","a":1}"#, true),
        (r#"{"_id":"2","t":["z","x"],"a":1}"#, true),
        (r#"{"_id":"2","t":["z","x"],"a":2}"#, false),
        (r#"{"_id":"3","t":["z",null],"a":1}"#, false),
        (r#"{"_id":"4","t":[null],"a":1}"#, false),
        (r#"{"_id":"5","t":["x","y","x"]}"#, false),
    ] {
        let done = insert(&mut fake, &docs(&[doc]), 1.0);
        match collides {
            true => collide(done, "1", "2"),
            false => done.unwrap(),
        }
        recount(&fake);
    }
}

#[test]
fn long_values_are_compared_themselves() {
    let mut fake = Fake::disturbed(2);
    create(&mut fake, &spec(&["a"], true, false)).unwrap();
    // (Beyond what is encoded of a container all keys are the same.)
    let long = |id: &str, end: &str| {
        let doc = format!(
            r#"{{"_id":"{id}","a":["{}","{end}"]}}"#,
            "x".repeat(300 << 10)
        );
        docs(&[&doc])
    };
    insert(&mut fake, &long("1", "a"), 1.0).unwrap();
    insert(&mut fake, &long("2", "b"), 1.0).unwrap();
    collide(insert(&mut fake, &long("3", "b"), 1.0), "2", "3");
    recount(&fake);
}

#[test]
fn an_upsert_finds_what_has_the_same_values() {
    for seed in 0..30 {
        let mut fake = Fake::disturbed(seed);
        let upsert = |fake: &mut Fake, doc: &str, on: &[&str], now: f64| {
            let doc = prepare(&json(doc), now).unwrap();
            let on: Vec<JsString> = on.iter().map(|on| (*on).into()).collect();
            fake.write(|w| collection().upsert(w, &doc, &on, now, &mut None))
        };
        create(&mut fake, &spec(&["a"], false, false)).unwrap();
        create(&mut fake, &spec(&["a", "b"], true, false)).unwrap();
        for on in [&["a"][..], &["b"], &["a", "b", "c"]] {
            let refused = upsert(&mut fake, "{}", on, 1.0).unwrap_err();
            assert_eq!(refused.code(), Code::InvalidArgument);
        }
        let on = &["b", "a"][..];
        let first = upsert(&mut fake, r#"{"_id":"1","a":1,"b":1}"#, on, 1.0).unwrap();
        assert!(first.inserted);
        let again = upsert(&mut fake, r#"{"b":1,"a":1.0,"c":2}"#, on, 2.0).unwrap();
        assert_eq!(
            again,
            Upserted {
                id: "1".into(),
                inserted: false
            }
        );
        let merged = Value::decode(&get(&mut fake, "1").unwrap()).unwrap();
        assert_eq!(super::tests::sort_value(&merged, "c"), Value::Number(2.0));
        // What lacks one of them is a new one.
        for n in 0..2 {
            let other = upsert(&mut fake, r#"{"a":1,"b":null}"#, on, 3.0 + f64::from(n)).unwrap();
            assert!(other.inserted);
        }
        let other = upsert(&mut fake, r#"{"_id":"2","a":2,"b":2}"#, on, 5.0).unwrap();
        assert!(other.inserted);
        let refused = upsert(&mut fake, r#"{"_id":"2","a":1,"b":1}"#, on, 6.0).unwrap_err();
        assert_eq!(refused.code(), Code::Exists);
        recount(&fake);
    }
}

#[test]
fn what_another_device_has_broken_stands() {
    let mut fake = Fake::default();
    create(&mut fake, &spec(&["a"], true, false)).unwrap();
    for id in ["1", "2"] {
        let doc = prepare(&json(&format!(r#"{{"_id":"{id}","a":1}}"#)), 1.0).unwrap();
        fake.write(|w| collection().put(w, id.into(), doc.stored().clone()))
            .unwrap();
    }
    // What does not change is not asked.
    assert!(super::tests::update(&mut fake, "1", &json(r#"{"b":1}"#), 2.0).unwrap());
    collide(
        insert(&mut fake, &docs(&[r#"{"_id":"3","a":1}"#]), 2.0),
        "1",
        "3",
    );
    recount(&fake);
}

#[test]
fn an_entry_that_only_gets_another_value_is_not_asked_again() {
    let mut fake = Fake::default();
    create(&mut fake, &spec(&["a", "b"], true, false)).unwrap();
    for id in ["1", "2"] {
        let doc = prepare(&json(&format!(r#"{{"_id":"{id}","a":1,"b":1}}"#)), 1.0).unwrap();
        fake.write(|w| collection().put(w, id.into(), doc.stored().clone()))
            .unwrap();
    }
    // The properties change places: how they come back from the entry is another matter.
    let turned = json(r#"{"b":1,"a":1}"#);
    assert!(
        fake.write(|w| collection().replace(w, "1".into(), &turned, 2.0))
            .unwrap()
    );
    recount(&fake);
}
