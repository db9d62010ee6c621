use crate::codec::js_string::JsString;
use crate::codec::marks::NEVER;
use crate::codec::value::from_json;
use crate::models::documents::{self, Collection, Insert, NewDoc};
use crate::models::fake::Fake;
use crate::models::kv::{self, Clear, Kv, SetMany};
use crate::models::many::Many;
use crate::models::op_log::Name;
use crate::models::op_log::log::Count;
use crate::models::op_log::remote::{Remote, record_of};
use crate::models::op_log::testing::{
    collection, delete, device, insert, pair, pending, records, scope, set,
};
use crate::models::{Scope, keys, nodes};
use bytes::Bytes;

#[test]
fn every_write_of_a_record_has_its_entry() {
    let mut fake = device("me", 1);
    set(&mut fake, "a", "1");
    set(&mut fake, "b", &format!("\"{}\"", "x".repeat(5_000)));
    assert!(delete(&mut fake, "a"));
    assert!(!delete(&mut fake, "a"));
    insert(&mut fake, "d", "one");
    let kv = Kv::new(&scope()).unwrap();
    let rows = ["e", "f"].map(|key| (pair(key), from_json(b"true"), NEVER));
    let mut many = SetMany::new(rows.into());
    fake.write(|w| many.step(w)).unwrap();
    let mut clear = Clear::new(&kv);
    fake.write(|w| clear.step(w)).unwrap();
    let mut drop = documents::Drop::new(&collection(), 0.0);
    fake.write(|w| drop.step(w)).unwrap();
    let found = pending(&mut fake);
    let id = record_of(&scope(), Some(&"c".into()), JsString::from("d").as_js()).unwrap();
    let said = |put: bool, record: Bytes| (record, put);
    let wanted = [
        said(true, pair("a")),
        said(true, pair("b")),
        said(false, pair("a")),
        said(true, id.clone()),
        said(true, pair("e")),
        said(true, pair("f")),
        said(false, pair("b")),
        said(false, pair("e")),
        said(false, pair("f")),
        said(false, id),
    ];
    let said: Vec<_> = (found.iter())
        .map(|(_, entry)| (entry.record.clone(), entry.value.is_some()))
        .collect();
    assert_eq!(said, wanted);
    assert_eq!(found[1].1.value.as_ref().unwrap().len(), 5_003);
    for pair in found.windows(2) {
        assert!(pair[0].0 < pair[1].0 && pair[0].1.stamp < pair[1].1.stamp);
    }
    let mut count = Count::default();
    assert_eq!(fake.read(|r| count.step(r)).unwrap(), 10);
    assert!(
        records(&mut fake, "", None, 99.0)
            .iter()
            .all(|record| record.value.is_none())
    );
}

#[test]
fn without_a_device_nothing_is_logged_and_ranges_stay_blind() {
    let mut fake = Fake::default();
    set(&mut fake, "a", "1");
    assert_eq!(fake.map.len(), 1);
    fake.reads = 0;
    let mut clear = Clear::new(&Kv::new(&scope()).unwrap());
    fake.write(|w| clear.step(w)).unwrap();
    assert!(fake.map.is_empty());
    assert_eq!(fake.reads, 0);
}

#[test]
fn a_node_is_removed_and_copied_record_by_record() {
    let mut fake = device("me", 5);
    let (from, to) = (Scope::Node("n".into()), Scope::Node("m".into()));
    let encoded = |scope: &Scope| keys::encoded_scope(scope).unwrap();
    let key = Kv::new(&from)
        .unwrap()
        .key(JsString::from("k").as_js())
        .unwrap();
    fake.write(|w| kv::set(w, &key, &from_json(b"1"), NEVER))
        .unwrap();
    let docs = Collection::new(&from, JsString::from("c").as_js()).unwrap();
    let doc = NewDoc::prepare(
        &from_json(b"{\"_id\":\"d\"}"),
        1.0,
        &mut documents::Ids::default(),
        &mut |_| {},
    )
    .unwrap();
    let mut insert = Insert::new(&docs, vec![doc]);
    fake.write(|w| insert.step(w)).unwrap();
    let mut copy = nodes::Copy::new(encoded(&from), encoded(&to));
    fake.write(|w| copy.step(w)).unwrap();
    let mut delete = nodes::Delete::new(encoded(&from));
    assert!(fake.write(|w| delete.step(w)).unwrap());
    let texts = |(_, entry): &(u64, Remote)| {
        let name = Name::of(&entry.record).unwrap();
        let (scope, collection, key) = name.texts().unwrap();
        (scope, collection.is_some(), key, entry.value.is_some())
    };
    let said: Vec<_> = pending(&mut fake).iter().map(texts).collect();
    let of = |scope: &Scope, is_doc: bool, put: bool| {
        let key = if is_doc { "d" } else { "k" };
        (scope.clone(), is_doc, JsString::from(key), put)
    };
    assert_eq!(
        said,
        [
            of(&from, false, true),
            of(&from, true, true),
            of(&to, false, true),
            of(&to, true, true),
            of(&from, false, false),
            of(&from, true, false),
        ]
    );
}
