use super::building::{Finish, Page, Work};
use super::definition::{Definition, IndexSpec, OnDelete, Wanted, Wish, flag};
use super::indexing::Outcome;
use super::indexing_tests::{create, drop_index, listed, recount, spec};
use super::tests::{collection, insert, json};
use super::*;
use crate::codec::io::varint_in;
use crate::error::{Code, Error};
use crate::models::fake::Fake;
use crate::models::keys;
use crate::models::many::Many;
use crate::models::scope::Scope;

fn define(fake: &mut Fake, definition: &str) -> Result<()> {
    let wanted = Wanted::decode(&json(definition))?;
    let mut define = Define::whole(&collection(), wanted);
    fake.write(|w| define.step(w)).map(drop)
}

fn defined(fake: &Fake) -> Definition {
    let mut all = fake.map.iter();
    let found = all.find(|(key, _)| key[0] == keys::DEFINITION);
    found.map_or_else(Definition::default, |(_, record)| {
        Definition::decode(record.clone()).unwrap()
    })
}

fn counters(fake: &Fake) -> Vec<u64> {
    let all = fake.map.iter();
    let all = all.filter(|(key, _)| key[0] == keys::SEQUENCE);
    all.map(|(_, value)| varint_in(value).unwrap().0).collect()
}

fn docs(of: &[&str]) -> Vec<Bytes> {
    of.iter().map(|doc| json(doc)).collect()
}

/// A document of another collection, of the same store or, "elsewhere", of another one.
fn insert_user(fake: &mut Fake, id: &str) {
    let scope = match id {
        "elsewhere" => Scope::Node("other".into()),
        _ => Scope::Node("n".into()),
    };
    let users = Collection::new(&scope, "users".into()).unwrap();
    let doc = super::tests::prepare(&json(&format!(r#"{{"_id":"{id}"}}"#)), 1.0).unwrap();
    let mut insert = Insert::new(&users, vec![doc]);
    fake.write(|w| insert.step(w)).unwrap();
}

fn violates(done: Result<()>) -> Error {
    let error = done.unwrap_err();
    assert_eq!(error.code(), Code::ConstraintViolation);
    error
}

#[test]
fn a_definition_is_what_was_last_wanted_but_for_indexes_made_one_by_one() {
    for seed in 0..20 {
        let mut fake = Fake::disturbed(seed);
        let three = [
            r#"{"_id":"1","a":1}"#,
            r#"{"_id":"2","a":2}"#,
            r#"{"_id":"3","b":1}"#,
        ];
        insert(&mut fake, &docs(&three), 1.0).unwrap();
        create(&mut fake, &spec(&["c"], false, false)).unwrap();
        create(&mut fake, &spec(&["a"], false, false)).unwrap();
        let two = r#"{"indexes":[{"fields":["a"]},{"fields":["b","a"],"unique":true}]}"#;
        define(&mut fake, two).unwrap();
        assert_eq!(recount(&fake), 9);
        let before = fake.map.clone();
        define(&mut fake, two).unwrap();
        assert_eq!(fake.map, before, "the same again changes nothing");
        define(&mut fake, r#"{"indexes":[{"fields":["d"]}]}"#).unwrap();
        let one = |field| spec(&[field], false, false);
        assert_eq!(listed(&mut fake), [one("c"), one("a"), one("d")]);
        assert_eq!(recount(&fake), 9);
        // Other options: another one, which the next definition has no longer.
        define(&mut fake, r#"{"indexes":[{"fields":["a"],"unique":true}]}"#).unwrap();
        assert_eq!(listed(&mut fake), [one("c"), spec(&["a"], true, false)]);
        assert!(drop_index(&mut fake, &["a"]));
        define(&mut fake, "{}").unwrap();
        assert_eq!(listed(&mut fake), [one("c")]);
        assert_eq!(recount(&fake), 3);
    }
}

#[test]
fn what_does_not_fit_is_not_defined() {
    for seed in 0..20 {
        let mut fake = Fake::disturbed(seed);
        insert_user(&mut fake, "u");
        insert_user(&mut fake, "elsewhere");
        let of = [
            r#"{"_id":"1","a":1,"owner":"u","up":"2"}"#,
            r#"{"_id":"2","a":1,"owner":null,"up":"2"}"#,
            r#"{"_id":"3","owner":"elsewhere","no":7}"#,
        ];
        insert(&mut fake, &docs(&of), 1.0).unwrap();
        let before = fake.map.clone();
        let unique = violates(define(
            &mut fake,
            r#"{"indexes":[{"fields":["a"],"unique":true}]}"#,
        ));
        assert_eq!(unique.ids(), [b"1", b"2"]);
        for (field, told) in [("owner", "elsewhere"), ("no", "what is no id")] {
            let of = format!(r#"{{"references":{{"{field}":{{"collection":"users"}}}}}}"#);
            let error = violates(define(&mut fake, &of));
            assert!(error.message().contains("\"3\"") && error.message().contains(told));
        }
        assert_eq!(fake.map, before);
        let own = r#"{"references":{"up":{"collection":"notes","onDelete":"cascade"}}}"#;
        define(&mut fake, own).unwrap();
        assert_eq!(defined(&fake).references[0].on_delete, OnDelete::Cascade);
        assert_eq!(recount(&fake), 3);
        assert!(listed(&mut fake).is_empty());
    }
}

#[test]
fn the_index_of_a_reference_is_shared_and_outlives_the_list() {
    let mut fake = Fake::disturbed(3);
    insert_user(&mut fake, "u");
    insert_user(&mut fake, "v");
    let two = [r#"{"_id":"1","owner":"u"}"#, r#"{"_id":"2","owner":"v"}"#];
    insert(&mut fake, &docs(&two), 1.0).unwrap();
    let reference = r#""references":{"owner":{"collection":"users"}}"#;
    define(&mut fake, &format!("{{{reference}}}")).unwrap();
    let number = defined(&fake).references[0].index;
    // Somebody asks for just that one, and then no longer.
    create(&mut fake, &spec(&["owner"], false, false)).unwrap();
    assert_eq!(listed(&mut fake).len(), 1);
    assert_eq!(recount(&fake), 2);
    assert!(drop_index(&mut fake, &["owner"]) && !drop_index(&mut fake, &["owner"]));
    assert_eq!(
        (recount(&fake), defined(&fake).references[0].index),
        (2, number)
    );
    // A unique one serves as well; what is left of it refuses nothing.
    let unique = r#""indexes":[{"fields":["owner"],"unique":true}]"#;
    define(&mut fake, &format!("{{{reference},{unique}}}")).unwrap();
    assert_eq!((recount(&fake), listed(&mut fake).len()), (2, 1));
    assert_eq!(defined(&fake).indexes.len(), 1);
    assert!(drop_index(&mut fake, &["owner"]));
    assert_eq!(defined(&fake).indexes[0].flags, flag::OF_REFERENCE);
    insert(&mut fake, &docs(&[r#"{"_id":"3","owner":"u"}"#]), 1.0).unwrap();
    assert_eq!(recount(&fake), 3);
    // A unique one beside it is told of, and goes alone.
    let refused = create(&mut fake, &spec(&["owner"], true, false)).unwrap_err();
    assert_eq!(refused.code(), Code::ConstraintViolation);
    create(&mut fake, &spec(&["owner"], false, true)).unwrap();
    assert_eq!(recount(&fake), 6);
    assert!(drop_index(&mut fake, &["owner"]));
    assert_eq!(recount(&fake), 3);
    define(&mut fake, "{}").unwrap();
    assert_eq!(recount(&fake), 0);
    assert_eq!(defined(&fake), Definition::default());
}

#[test]
fn sequences_go_on_above_what_is_there() {
    for seed in 0..20 {
        let mut fake = Fake::disturbed(seed);
        let of = [
            r#"{"_id":"1","n":3,"y":1}"#,
            r#"{"_id":"2","n":7,"y":2}"#,
            r#"{"_id":"3","n":5.5,"y":1}"#,
            r#"{"_id":"4","n":-9,"y":1}"#,
            r#"{"_id":"5","n":"8","y":3}"#,
        ];
        insert(&mut fake, &docs(&of), 1.0).unwrap();
        define(&mut fake, r#"{"sequences":{"n":{"per":"y"},"m":{}}}"#).unwrap();
        assert_eq!(counters(&fake), [3, 7]);
        let before = fake.map.clone();
        define(&mut fake, r#"{"sequences":{"n":{"per":"y"},"m":{}}}"#).unwrap();
        assert_eq!(fake.map, before);
        // It counts on its own no longer.
        define(&mut fake, r#"{"sequences":{"n":{}}}"#).unwrap();
        assert_eq!(counters(&fake), [7]);
        // Where whoever inserts looks for it.
        insert(&mut fake, &docs(&[r#"{"_id":"6"}"#]), 1.0).unwrap();
        assert_eq!(counters(&fake), [8]);
        define(&mut fake, "{}").unwrap();
        assert_eq!(counters(&fake), [0; 0]);
    }
}

#[test]
fn the_next_number_is_above_those_that_are_there() {
    for seed in 0..20 {
        let mut fake = Fake::disturbed(seed);
        let of = [
            r#"{"_id":"1","n":3,"m":4,"y":1}"#,
            r#"{"_id":"2","n":7,"m":9,"y":2}"#,
            r#"{"_id":"3","n":5,"m":2}"#,
        ];
        insert(&mut fake, &docs(&of), 1.0).unwrap();
        define(&mut fake, r#"{"sequences":{"n":{"per":"y"},"m":{}}}"#).unwrap();
        let new = [
            r#"{"_id":"4","y":1}"#,
            r#"{"_id":"5","y":2}"#,
            r#"{"_id":"6"}"#,
            r#"{"_id":"7","y":3}"#,
        ];
        insert(&mut fake, &docs(&new), 1.0).unwrap();
        for (id, n, m) in [("4", 4, 10), ("5", 8, 11), ("6", 6, 12), ("7", 1, 13)] {
            let found = fake.read(|r| collection().get(r, id.into())).unwrap();
            let text = super::tests::as_text(&found.unwrap());
            let numbers = [format!(r#""n":{n}"#), format!(r#""m":{m}"#)];
            assert!(numbers.iter().all(|number| text.contains(number)), "{text}");
        }
    }
}

/// Steps of a build, of so many bytes each; how many documents each page of it had, the last one without. `None`: it was done at once.
fn pages(fake: &mut Fake, definition: &str) -> Option<Vec<usize>> {
    let wanted = Wanted::decode(&json(definition)).unwrap();
    let wish = Wish::Whole(wanted);
    let mut define = Define::new(&collection(), wish.clone()).in_pages(1, None);
    let begun = fake.write(|w| define.step(w)).unwrap();
    let Outcome::Building(build) = begun else {
        return None;
    };
    let (mut behind, mut pages) = (None, Vec::new());
    loop {
        let mut page = Work::Page(Page::new(&collection(), build, behind, 1));
        match fake.write(|w| page.step(w)).unwrap() {
            Outcome::More {
                behind: last,
                looked_at,
            } => {
                pages.push(looked_at);
                behind = Some(last);
            }
            Outcome::Read => break,
            other => panic!("{other:?}"),
        }
    }
    let mut finish = Work::Finish(Finish::new(&collection(), build, Some(wish)));
    assert!(matches!(
        fake.write(|w| finish.step(w)).unwrap(),
        Outcome::Done
    ));
    Some(pages)
}

#[test]
fn few_documents_that_are_large_are_built_in_pages() {
    let of = |count: usize, bytes: usize| {
        let doc = move |n: usize| format!(r#"{{"a":{n},"b":"{}"}}"#, "x".repeat(bytes));
        let docs: Vec<_> = (0..count).map(|n| json(&doc(n))).collect();
        let mut fake = Fake::disturbed(count as u64);
        insert(&mut fake, &docs, 1.0).unwrap();
        fake
    };
    let two = r#"{"indexes":[{"fields":["a"]},{"fields":["b","a"]}]}"#;
    let mut few = of(10, 90_000);
    assert_eq!(pages(&mut few, two), None);
    assert_eq!(recount(&few), 20);
    let mut large = of(10, 300_000);
    // (The fourth is that with which it is 1 MiB.)
    assert_eq!(pages(&mut large, two), Some(vec![4, 4]));
    assert_eq!(recount(&large), 20);
    let mut huge = of(3, 2_000_000);
    assert_eq!(pages(&mut huge, two), Some(vec![1, 1, 1]));
    assert_eq!(recount(&huge), 6);
}

#[test]
fn many_entries_of_a_document_count_as_well() {
    let list: Vec<_> = (0..9_000).map(|n| n.to_string()).collect();
    let doc = |n: usize| format!(r#"{{"a":{n},"b":[{}]}}"#, list.join(","));
    let docs: Vec<_> = (0..30).map(|n| json(&doc(n))).collect();
    let mut fake = Fake::default();
    insert(&mut fake, &docs, 1.0).unwrap();
    let multi = r#"{"indexes":[{"fields":["b"],"multi":true}]}"#;
    let pages = pages(&mut fake, multi).unwrap();
    // (A document of 44 KB has entries of more than 100 KB.)
    assert!(pages.iter().all(|docs| (2..10).contains(docs)), "{pages:?}");
    assert_eq!(recount(&fake), 30 * 9_000);
}

#[test]
fn what_is_malformed_is_refused() {
    for malformed in [
        "7",
        r#"{"index":[]}"#,
        r#"{"indexes":{}}"#,
        r#"{"indexes":[{"fields":"a"}]}"#,
        r#"{"indexes":[{"fields":["a",7]}]}"#,
        r#"{"indexes":[{"fields":["a"],"unique":1}]}"#,
        r#"{"indexes":[{"fields":["a"]},{"fields":["a"],"multi":true}]}"#,
        r#"{"indexes":[{"fields":[]}]}"#,
        r#"{"indexes":[{}]}"#,
        r#"{"references":{"a":{}}}"#,
        r#"{"references":{"":{"collection":"c"}}}"#,
        r#"{"references":{"a":{"collection":"c","onDelete":"set null"}}}"#,
        r#"{"references":{"_id":{"collection":"c","onDelete":"set-null"}}}"#,
        r#"{"references":{"a":{"collection":"c"},"a":{"collection":"d"}}}"#,
        r#"{"references":[]}"#,
        r#"{"sequences":{"a":{"by":"b"}}}"#,
        r#"{"sequences":{"a":{"per":""}}}"#,
        r#"{"sequences":{"_created":{}}}"#,
        r#"{"sequences":{"a":1}}"#,
    ] {
        let mut fake = Fake::default();
        let refused = define(&mut fake, malformed).expect_err(malformed);
        assert_eq!(refused.code(), Code::InvalidArgument, "{malformed}");
        assert!(fake.map.is_empty(), "{malformed}");
    }
    let many: Vec<_> = (0..65).map(|n| format!(r#""f{n}":{{}}"#)).collect();
    let many = format!(r#"{{"sequences":{{{}}}}}"#, many.join(","));
    let refused = define(&mut Fake::default(), &many).unwrap_err();
    assert_eq!(refused.code(), Code::LimitExceeded);
    let none = IndexSpec {
        fields: vec!["a".into()],
        unique: false,
        multi: false,
    };
    assert_eq!(
        Wanted::decode(&json(r#"{"indexes":[{"fields":["a"]}]}"#))
            .unwrap()
            .indexes,
        [none]
    );
}
