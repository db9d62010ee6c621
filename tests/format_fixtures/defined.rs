//! A patch that has a version of its data's shape and definitions: by them it is gone on with.

use bytes::Bytes;
use patchstore::backend::RecordKey;
use patchstore::codec::data_version::DataVersion;
use patchstore::codec::head::Head;
use patchstore::codec::io::varint_in;
use patchstore::codec::kinds::key;
use patchstore::codec::value::{Form, from_json};
use patchstore::engine::Engine;
use patchstore::engine::access::{Reads, Session, afresh};
use patchstore::models::documents::definition::Definition;
use patchstore::models::documents::index::{Entries, Layout};
use patchstore::models::documents::{
    Cascade, Collection, Define, Find, FindSpec, Ids, Insert, NewDoc, Query, Wanted, explain,
};
use patchstore::models::many::Many;
use patchstore::models::{Scope, migration};
use patchstore::{Code, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::rc::Rc;

use super::stored::{Space, all_of, records, settled, shown};

const RECORDS: &str = include_str!("../fixtures/defined/records.txt");
const SHOWN: &str = include_str!("../fixtures/defined/shown.txt");
const TIME_MS: f64 = 1_700_000_000_000.0;

fn of(name: &str) -> Collection {
    Collection::new(&Scope::Name("d".into()), name.into()).unwrap()
}

/// A write in which nothing has to be waited for twice.
async fn write<T: 'static>(
    engine: &Engine,
    work: impl FnMut(
        &mut dyn patchstore::engine::access::Writes,
    ) -> patchstore::engine::access::Attempt<T>
    + 'static,
) -> Result<T> {
    engine.write(Box::new(work)).await
}

async fn define(engine: &Engine, name: &str, definition: &[u8]) -> Result<()> {
    let mut define = Define::whole(&of(name), Wanted::decode(definition).unwrap());
    write(engine, move |w| define.step(w)).await.map(drop)
}

async fn insert(engine: &Engine, name: &str, docs: &[&str]) -> Result<()> {
    let docs = docs.iter().map(|doc| {
        let doc = from_json(doc.as_bytes());
        NewDoc::prepare(&doc, TIME_MS, &mut Ids::default(), &mut |_| {}).unwrap()
    });
    let mut insert = Insert::new(&of(name), docs.collect());
    write(engine, move |w| insert.step(w)).await
}

async fn delete(engine: &Engine, name: &'static str, id: &'static str) -> Result<bool> {
    let mut cascade = Cascade::new(TIME_MS);
    write(engine, move |w| of(name).delete(w, id.into(), &mut cascade)).await
}

/// The texts of the documents of a collection, in order.
async fn docs(engine: &Engine, name: &str) -> Vec<Bytes> {
    let range = of(name).all();
    let all = all_of(engine, key::DOCUMENT).await.unwrap().into_iter();
    let mine = all.filter(|(at, _)| range.from <= *at && *at < range.until);
    mine.map(|(_, doc)| doc).collect()
}

/// By the index over "tags", which has an entry for each element.
async fn tagged(engine: &Engine, tag: &str) -> usize {
    let query = from_json(format!("{{\"tags\":{{\"$contains\":\"{tag}\"}}}}").as_bytes());
    let query = Query::compile(&query, Rc::new(())).unwrap();
    let explained = query.clone();
    let plan = engine.read(Box::new(move |r: &mut dyn Reads| {
        Ok(explain(&of("books"), &explained, &FindSpec::default(), r)?)
    }));
    let plan = settled(plan).await.unwrap();
    assert!(plan.contains(r#""index":["tags"]"#), "{plan}");
    let begin = move || {
        Ok((
            Find::new(&of("books"), query.clone(), FindSpec::default()),
            0,
        ))
    };
    let found = engine.read(afresh(begin, |(find, count), r| {
        find.step(r, &mut |_| {
            *count += 1;
            Ok(())
        })?;
        Ok(*count)
    }));
    settled(found).await.unwrap()
}

/// Each index has just the entries of its documents.
async fn recount(engine: &Engine) {
    let docs = all_of(engine, key::DOCUMENT).await.unwrap();
    let (mut expected, mut numbers) = (BTreeSet::new(), BTreeSet::new());
    for (defined, record) in all_of(engine, key::DEFINITION).await.unwrap() {
        for index in Definition::decode(record).unwrap().indexes {
            assert!(index.is_ready() && numbers.insert(index.number));
            let mine = docs
                .iter()
                .filter(|(at, _)| at[1..].starts_with(&defined[1..]));
            for (at, doc) in mine {
                for entry in Entries::of(&Layout::new(&index), Form::of(doc).unwrap())
                    .unwrap()
                    .keys()
                {
                    expected.insert(Bytes::from([&entry[..], &at[at.len() - 12..]].concat()));
                }
            }
        }
    }
    let entries = all_of(engine, key::INDEX_ENTRY).await.unwrap().into_iter();
    assert_eq!(
        entries.map(|(entry, _)| entry).collect::<BTreeSet<_>>(),
        expected
    );
}

async fn check(engine: &Engine, gone: &[&str], added: &[Bytes]) {
    let version = DataVersion {
        version: 3,
        target: 0,
        attempt: 2,
    };
    assert_eq!(engine.data_version().unwrap(), version);
    let mut expected: Vec<_> = shown(SHOWN, "document");
    expected.retain(|(name, doc)| {
        let id = Collection::id_of(doc).unwrap();
        !gone.contains(&format!("{name} {}", id.as_js().to_display()).as_str())
    });
    for name in ["authors", "books", "loans", "notes"] {
        let mine = expected.iter().filter(|(of, _)| of == name);
        let mut mine: Vec<_> = mine.map(|(_, doc)| doc.clone()).collect();
        if name == "books" {
            mine.extend_from_slice(added);
        }
        assert_eq!(docs(engine, name).await, mine, "{name}");
    }
    let counters = all_of(engine, key::SEQUENCE).await.unwrap().into_iter();
    let counters: Vec<_> = counters
        .map(|(_, last)| varint_in(&last).unwrap().0)
        .collect();
    assert_eq!(counters, [12 + added.len() as u64, 1, 2]);
    recount(engine).await;
}

#[test]
fn a_patch_with_a_version_and_definitions_is_gone_on_with() {
    Space::run(records(RECORDS), async |space| {
        let engine = space.open().await.unwrap();
        assert!(!engine.declare(2, 0).unwrap() && engine.declare(3, 0).unwrap());
        check(&engine, &[], &[]).await;
        assert_eq!(tagged(&engine, "b").await, 2);
        // What is defined is what was wanted, to the last byte.
        let before = all_of(&engine, key::DEFINITION).await.unwrap();
        for (name, definition) in shown(SHOWN, "definition") {
            define(&engine, &name, &definition).await.unwrap();
        }
        assert_eq!(all_of(&engine, key::DEFINITION).await.unwrap(), before);
        // It refuses, numbers, cascades and lets go.
        let violates =
            |done: Result<()>| assert_eq!(done.unwrap_err().code(), Code::ConstraintViolation);
        violates(insert(&engine, "books", &[r#"{"_id":"x","isbn":1}"#]).await);
        violates(insert(&engine, "books", &[r#"{"_id":"x","author":"nobody"}"#]).await);
        violates(delete(&engine, "authors", "lent").await.map(drop));
        insert(
            &engine,
            "books",
            &[r#"{"_id":"added","isbn":77,"tags":["b"],"author":"kept"}"#],
        )
        .await
        .unwrap();
        let added = r#"{"_id":"added","_created":1700000000000,"_updated":1700000000000,"isbn":77,"tags":["b"],"author":"kept","no":13}"#;
        let added = [from_json(added.as_bytes())];
        assert!(delete(&engine, "authors", "gone").await.unwrap());
        let gone = ["authors gone", "books of gone", "notes of one"];
        let let_go = docs(&engine, "notes").await;
        assert!(let_go.iter().any(|doc| doc.ends_with(br#""book":null}"#)));
        delete(&engine, "notes", "of one").await.unwrap();
        check(&engine, &gone, &added).await;
        engine.compact().await.unwrap();
        check(&engine, &gone, &added).await;
        engine.close().await;
        let engine = space.open().await.unwrap();
        assert!(engine.declare(3, 0).unwrap());
        check(&engine, &gone, &added).await;
        assert_eq!(tagged(&engine, "b").await, 2);
        engine.close().await;
        let records: BTreeMap<RecordKey, Bytes> = space.database.records().into_iter().collect();
        let head = Head::decode(&records[&RecordKey::Head]).unwrap();
        assert!(head.catalog.is_some());
    });
}

/// As the fixture was made, in 2026; what is made today is another patch, with other ids. Its records then lie in
/// `target/tmp/defined`.
#[test]
fn a_patch_that_is_made_as_it_was_shows_the_same() {
    Space::run(Vec::new(), async |space| {
        let engine = space.open().await.unwrap();
        assert!(migration::adopt(&engine, 1).await.unwrap());
        let env = || Rc::new(space.env.clone());
        for version in [2, 3] {
            assert!(migration::mark(&engine, version).await.unwrap() > 0);
            let begun = migration::begin(engine.clone(), env(), false)
                .await
                .unwrap();
            assert!(migration::finish(begun, env(), version).await.unwrap());
        }
        let all = shown(SHOWN, "definition");
        let definition = |name: &str| all.iter().find(|(of, _)| of == name).unwrap().1.clone();
        insert(
            &engine,
            "authors",
            &[
                r#"{"_id":"kept"}"#,
                r#"{"_id":"gone"}"#,
                r#"{"_id":"lent"}"#,
            ],
        )
        .await
        .unwrap();
        // Over what is there, and before what comes.
        insert(
            &engine,
            "books",
            &[r#"{"_id":"first","isbn":1,"tags":["a","b"],"author":"kept","no":10}"#],
        )
        .await
        .unwrap();
        define(&engine, "books", &definition("books"))
            .await
            .unwrap();
        let books = [
            r#"{"_id":"of gone","isbn":2,"tags":["b","c"],"author":"gone"}"#,
            r#"{"_id":"of nobody","isbn":3,"tags":"a","author":null}"#,
        ];
        insert(&engine, "books", &books).await.unwrap();
        engine.compact().await.unwrap();
        // In the log.
        define(&engine, "loans", &definition("loans"))
            .await
            .unwrap();
        define(&engine, "notes", &definition("notes"))
            .await
            .unwrap();
        let loans = [
            r#"{"_id":"one","to":"lent","at":1}"#,
            r#"{"_id":"two","to":"lent","at":2}"#,
            r#"{"_id":"three","to":"lent","at":2}"#,
        ];
        insert(&engine, "loans", &loans).await.unwrap();
        insert(&engine, "notes", &[r#"{"_id":"of one","book":"of gone"}"#])
            .await
            .unwrap();
        check(&engine, &[], &[]).await;
        engine.close().await;
        let records = lines(space.database.records());
        let engine = space.open().await.unwrap();
        check(&engine, &[], &[]).await;
        engine.close().await;
        let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("defined");
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("records.txt"), records).unwrap();
    });
}

/// Records as the fixtures have them, but for runs of one byte.
fn lines(records: Vec<(RecordKey, Bytes)>) -> String {
    let hex = |bytes: &[u8]| {
        bytes.iter().fold(String::new(), |mut out, byte| {
            write!(out, "{byte:02x}").unwrap();
            out
        })
    };
    let line = |(key, record): (RecordKey, Bytes)| {
        let key = match key {
            RecordKey::Head => "head head".to_owned(),
            RecordKey::Root => "head root".to_owned(),
            RecordKey::Frame(number) => format!("log {number}"),
            RecordKey::Run(id) => format!("runs {}", hex(&id.0)),
            RecordKey::Piece(id) => format!("blobs {}", hex(&id.0)),
        };
        format!("{key} {}\n", hex(&record))
    };
    records.into_iter().map(line).collect()
}
