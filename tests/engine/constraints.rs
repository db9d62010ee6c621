//! References and sequences, kept by several tabs at once.

use bytes::Bytes;
use futures_util::future::{LocalBoxFuture, join, join_all};
use patchstore::codec::js_string::JsString;
use patchstore::codec::kinds::key as kinds;
use patchstore::codec::value::fields::{FieldName, field};
use patchstore::codec::value::{Form, from_json};
use patchstore::engine::access::{Answer, Attempt, Cursor, Reads, Session, Writes};
use patchstore::engine::{Engine, Options};
use patchstore::models::Scope;
use patchstore::models::documents::definition::{
    Definition, Index, OnDelete, Reference, Sequence, flag,
};
use patchstore::models::documents::index::{Entries, Layout, all_of};
use patchstore::models::documents::{
    Cascade, Changes, Collection, Drop, Ids, Insert, NewDoc, Query, WriteMany,
};
use patchstore::models::keys;
use patchstore::models::many::Many;
use patchstore::simulation::SimEnv;
use patchstore::{Code, Error, Result};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::World;

fn scope() -> Scope {
    Scope::Node("n".into())
}

fn of(name: &str) -> Collection {
    Collection::new(&scope(), name.into()).unwrap()
}

fn key(kind: u8, name: &str) -> Bytes {
    keys::collection_prefix(kind, &scope(), name.into()).unwrap()
}

/// A reference by "p", whose index has this number.
fn referring(number: u64, collection: &str, on_delete: OnDelete) -> Definition {
    Definition {
        indexes: vec![Index {
            number,
            flags: flag::OF_REFERENCE,
            fields: vec!["p".into()],
        }],
        references: vec![Reference {
            field: "p".into(),
            collection: collection.into(),
            on_delete,
            flags: 0,
            index: number,
        }],
        ..Definition::default()
    }
}

fn numbered(mut definition: Definition) -> Definition {
    definition.sequences.push(Sequence {
        field: "n".into(),
        flags: 0,
        per: None,
    });
    definition
}

fn define(
    to: &Engine,
    name: &'static str,
    definition: &Definition,
) -> LocalBoxFuture<'static, Result<()>> {
    let record = definition.encode();
    to.write(Box::new(move |w| {
        w.put(key(kinds::DEFINITION, name), record.clone());
        Ok(())
    }))
}

fn insert(
    to: &impl Session,
    name: &'static str,
    docs: &[String],
) -> LocalBoxFuture<'static, Result<()>> {
    let (mut ids, mut seed) = (Ids::default(), 0);
    let mut random = |bytes: &mut [u8]| {
        bytes.iter_mut().for_each(|byte| {
            seed += 1;
            *byte = seed;
        });
    };
    let prepared = docs.iter().map(|doc| {
        let stored = from_json(doc.as_bytes());
        NewDoc::prepare(&stored, 1.0, &mut ids, &mut random).unwrap()
    });
    let mut work = Insert::new(&of(name), prepared.collect());
    to.write(Box::new(move |w| work.step(w)))
}

fn child(id: &str, parent: &str) -> [String; 1] {
    [format!(r#"{{"_id":"{id}","p":"{parent}"}}"#)]
}

fn delete(
    to: &impl Session,
    name: &'static str,
    id: &str,
) -> LocalBoxFuture<'static, Result<bool>> {
    let (id, mut cascade) = (JsString::from(id), Cascade::new(2.0));
    to.write(Box::new(move |w| {
        of(name).delete(w, id.as_js(), &mut cascade)
    }))
}

/// Makes a document, unless it is there; its number, if it has been made.
fn make(
    to: &Engine,
    name: &'static str,
    id: &str,
    parent: &str,
) -> LocalBoxFuture<'static, Result<Option<u64>>> {
    let (id, mut cascade) = (JsString::from(id), Cascade::new(2.0));
    let doc = from_json(format!(r#"{{"p":"{parent}"}}"#).as_bytes());
    to.write(Box::new(move |w| {
        let mut made = true;
        let mut change = |old: Option<&Bytes>| {
            made = old.is_none();
            Ok(Some(doc.clone()))
        };
        let new = of(name).modify(w, id.as_js(), 2.0, &mut change, &mut cascade)?;
        let new = new.filter(|_| made);
        Ok(new.and_then(|doc| number_of(&doc)))
    }))
}

fn number_of(doc: &[u8]) -> Option<u64> {
    let found = field(Form::of(doc).unwrap(), &FieldName::new("n".into()));
    found.unwrap().map(|n| n.number().unwrap().unwrap() as u64)
}

async fn read<T: 'static>(
    from: &Engine,
    work: impl FnMut(&mut dyn Reads) -> Attempt<T> + 'static,
) -> T {
    match from.read(Box::new(work)) {
        Answer::Ready(found) => found.unwrap(),
        Answer::Later(found) => found.await.unwrap(),
    }
}

/// All documents of a collection, by their ids.
async fn all(from: &Engine, name: &'static str) -> BTreeMap<String, Bytes> {
    read(from, move |r| {
        let mut cursor = Cursor::new(of(name).all(), false);
        let mut docs = BTreeMap::new();
        while let Some((_, doc)) = r.next(&mut cursor)? {
            let id = Collection::id_of(&doc)?;
            docs.insert(id.as_js().to_display(), doc);
        }
        Ok(docs)
    })
    .await
}

/// Each index has just the entries of its documents.
async fn recount(from: &Engine, name: &'static str) {
    read(from, move |r| {
        let record = r.catalog().get(&key(kinds::DEFINITION, name)).cloned();
        for index in Definition::decode(record.unwrap())?.indexes {
            let mut expected = BTreeSet::new();
            let mut cursor = Cursor::new(of(name).all(), false);
            while let Some((key, doc)) = r.next(&mut cursor)? {
                for entry in Entries::of(&Layout::new(&index), Form::of(&doc)?)?.keys() {
                    expected.insert(Bytes::from([&entry[..], &key[key.len() - 12..]].concat()));
                }
            }
            let mut cursor = Cursor::new(all_of(index.number), false);
            let mut found = BTreeSet::new();
            while let Some(key) = r.next_key(&mut cursor)? {
                found.insert(key);
            }
            assert_eq!(found, expected, "an index is not what a recount gives");
        }
        Ok(())
    })
    .await;
}

#[test]
fn a_child_and_the_removal_of_its_parent_at_once() {
    let outcomes = RefCell::new(BTreeSet::new());
    for on_delete in [OnDelete::Restrict, OnDelete::Cascade, OnDelete::SetNull] {
        World::run_each(0..12, async |world| {
            let (a, b) = (
                world.open(Options::default()).await,
                world.open(Options::default()).await,
            );
            define(&a, "c", &referring(1, "p", on_delete))
                .await
                .unwrap();
            insert(&a, "p", &[r#"{"_id":"1"}"#.into()]).await.unwrap();
            // Both know of it.
            insert(&b, "c", &child("first", "1")).await.unwrap();
            delete(&b, "c", "first").await.unwrap();
            let late = || world.env.random_below(2_000);
            let (first, second) = (late(), late());
            let came = async {
                world.env.sleep_us(first).await;
                insert(&b, "c", &child("2", "1")).await
            };
            let gone = async {
                world.env.sleep_us(second).await;
                delete(&a, "p", "1").await
            };
            let (came, gone) = join(came, gone).await;
            // (Until each has seen the other's.)
            world.env.sleep_us(5_000_000).await;
            for tab in [&a, &b, &world.open(Options::default()).await] {
                let (parents, children) = (all(tab, "p").await, all(tab, "c").await);
                assert_eq!(gone.is_err(), parents.contains_key("1"));
                if let Some(doc) = children.get("2") {
                    let refers = doc.ends_with(br#""p":"1"}"#);
                    assert_eq!(refers, parents.contains_key("1"), "{doc:?}");
                }
                assert!(came.is_ok() || !children.contains_key("2"));
                recount(tab, "c").await;
            }
            let refused = |error: &Error| assert_eq!(error.code(), Code::ConstraintViolation);
            came.as_ref().err().iter().for_each(|error| refused(error));
            gone.as_ref().err().iter().for_each(|error| refused(error));
            outcomes
                .borrow_mut()
                .insert((on_delete as u8, came.is_ok(), gone.is_ok()));
        });
    }
    let met = outcomes.into_inner();
    // The child came first, and was in the way, went along, or was let go; or it came too late.
    for outcome in [(0, true, false), (1, true, true), (2, true, true)] {
        assert!(met.contains(&outcome), "{met:?}");
    }
    assert!(met.iter().any(|(_, came, gone)| !came && *gone), "{met:?}");
}

#[test]
fn no_number_is_given_twice_and_what_fails_leaves_no_gap() {
    World::run_each(0..10, async |world| {
        let tabs = [
            world.open(Options::default()).await,
            world.open(Options::default()).await,
        ];
        let definition = numbered(Definition::default());
        define(&tabs[0], "c", &definition).await.unwrap();
        insert(&tabs[0], "c", &[r#"{"_id":"there"}"#.into()])
            .await
            .unwrap();
        insert(&tabs[1], "c", &[r#"{"_id":"too"}"#.into()])
            .await
            .unwrap();
        let mut calls = Vec::new();
        for n in 0..12 {
            for (at, tab) in tabs.iter().enumerate() {
                let mut docs = vec![format!(r#"{{"_id":"{at} {n}"}}"#)];
                // Numbered, and then refused.
                docs.extend((n % 3 == 0).then(|| r#"{"_id":"there"}"#.into()));
                calls.push(insert(tab, "c", &docs));
            }
        }
        let done = join_all(calls).await;
        assert_eq!(done.iter().filter(|done| done.is_err()).count(), 8);
        world.env.sleep_us(5_000_000).await;
        for tab in &tabs {
            let docs = all(tab, "c").await;
            let numbers: BTreeSet<_> = docs.values().map(|doc| number_of(doc).unwrap()).collect();
            assert_eq!(numbers, (1..=18).collect());
        }
    });
}

/// Tabs that make and remove documents that refer to each other, some of which die over it.
#[test]
fn tabs_that_die_leave_no_orphan_and_give_no_number_twice() {
    World::run_each(0..40, async |world| {
        let told = Rc::new(RefCell::new(Vec::new()));
        let first = world.open(Options::default()).await;
        let definitions = [
            ("c", numbered(referring(1, "p", OnDelete::Cascade))),
            ("d", referring(2, "p", OnDelete::Restrict)),
            ("e", referring(3, "c", OnDelete::SetNull)),
        ];
        for (name, definition) in &definitions {
            define(&first, name, definition).await.unwrap();
        }
        first.flush().await.unwrap();
        first.close().await;
        let mut tabs = [
            world.open_tab(Options::default()).await,
            world.open_tab(Options::default()).await,
            world.open_tab(Options::default()).await,
        ];
        for _ in 0..14 {
            for tab in &mut tabs {
                let dies = world.env.chance(12);
                let mut calls = Vec::new();
                for _ in 0..=world.env.random_below(3) {
                    calls.push(random_call(&world.env, &tab.1, &told));
                }
                if !dies {
                    // One tab is not waited for.
                    tab.0.spawn_all(calls);
                    continue;
                }
                world.env.sleep_us(world.env.random_below(2_000)).await;
                tab.0.kill();
                drop(calls);
                *tab = world.open_tab(Options::default()).await;
            }
            world.env.sleep_us(world.env.random_below(4_000)).await;
            if world.env.chance(5) {
                tabs.iter().for_each(|tab| tab.0.kill());
                world.database.cut_power();
                // Some of it may not have lasted.
                told.borrow_mut().clear();
                for tab in &mut tabs {
                    *tab = world.open_tab(Options::default()).await;
                }
            }
            if world.env.chance(20) {
                drop(tabs[0].1.compact().await);
            }
        }
        world.env.sleep_us(5_000_000).await;
        for tab in [&tabs[1].1, &world.open(Options::default()).await] {
            let mut docs = BTreeMap::new();
            for name in ["p", "c", "d", "e"] {
                docs.insert(name, all(tab, name).await);
            }
            for (name, to) in [("c", "p"), ("d", "p"), ("e", "c")] {
                for doc in docs[name].values() {
                    let found = field(Form::of(doc).unwrap(), &FieldName::new("p".into()));
                    let parent = found.unwrap().and_then(|value| value.string().unwrap());
                    let parent = parent.map(|parent| parent.as_js().to_display());
                    let is_there = parent.is_none_or(|parent| docs[to].contains_key(&parent));
                    assert!(is_there, "an orphan: {doc:?}");
                }
                recount(tab, name).await;
            }
            let left = docs["c"].values().map(|doc| number_of(doc).unwrap());
            let left: Vec<_> = left.collect();
            let different: BTreeSet<_> = left.iter().copied().collect();
            assert_eq!(different.len(), left.len(), "a number is there twice");
        }
        let told = told.borrow();
        let different: BTreeSet<_> = told.iter().copied().collect();
        assert_eq!(different.len(), told.len(), "a number was given twice");
    });
}

trait SpawnAll {
    fn spawn_all(&self, calls: Vec<LocalBoxFuture<'static, ()>>);
}

impl SpawnAll for SimEnv {
    fn spawn_all(&self, calls: Vec<LocalBoxFuture<'static, ()>>) {
        use patchstore::env::Env;
        calls.into_iter().for_each(|call| self.spawn(call));
    }
}

/// A call, which may be refused and nothing else.
fn random_call(
    env: &SimEnv,
    to: &Engine,
    told: &Rc<RefCell<Vec<u64>>>,
) -> LocalBoxFuture<'static, ()> {
    let id = || env.random_below(4).to_string();
    let may_fail = |done: Result<()>| {
        let error = done.err().map(|error| error.code());
        let expected = [None, Some(Code::ConstraintViolation), Some(Code::Exists)];
        assert!(expected.contains(&error), "{error:?}");
    };
    let (a, b) = (id(), id());
    match env.random_below(9) {
        0 | 1 => {
            let done = insert(to, "p", &[format!(r#"{{"_id":"{a}"}}"#)]);
            Box::pin(async move { may_fail(done.await) })
        }
        2 | 3 => {
            let (done, told) = (make(to, "c", &a, &b), told.clone());
            Box::pin(async move { may_fail(done.await.map(|made| told.borrow_mut().extend(made))) })
        }
        4 => {
            let done = insert(to, "d", &child(&a, &b));
            Box::pin(async move { may_fail(done.await) })
        }
        5 => {
            let done = insert(to, "e", &child(&a, &b));
            Box::pin(async move { may_fail(done.await) })
        }
        6 => {
            let name = ["p", "c", "d", "e"][env.random_below(4) as usize];
            let done = delete(to, name, &a);
            Box::pin(async move { may_fail(done.await.map(drop)) })
        }
        7 => {
            let changes = from_json(format!(r#"{{"p":"{b}"}}"#).as_bytes());
            let changes = Changes::new(changes, 3.0);
            let mut work = WriteMany::update(&of("e"), Query::all(), changes, None);
            let done = to.write(Box::new(move |w| work.step(w)));
            Box::pin(async move { may_fail(done.await.map(drop)) })
        }
        _ => {
            let mut work = WriteMany::delete(&of("p"), Query::all(), 3.0);
            let done = to.write(Box::new(move |w: &mut dyn Writes| work.step(w)));
            Box::pin(async move { may_fail(done.await.map(drop)) })
        }
    }
}

#[test]
fn each_call_of_a_transaction_is_asked_at_its_end() {
    World::run_each(0..4, async |world| {
        let tab = world.open(Options::default()).await;
        let definition = numbered(referring(1, "p", OnDelete::Cascade));
        define(&tab, "c", &definition).await.unwrap();
        let transaction = tab.begin().await.unwrap();
        let to = &transaction;
        // What is refused is taken back, and its number with it.
        let refused = insert(to, "c", &child("1", "1")).await.unwrap_err();
        assert_eq!(refused.code(), Code::ConstraintViolation);
        insert(to, "p", &[r#"{"_id":"1"}"#.into()]).await.unwrap();
        insert(to, "p", &[r#"{"_id":"2"}"#.into()]).await.unwrap();
        insert(to, "c", &child("1", "1")).await.unwrap();
        insert(to, "c", &child("2", "2")).await.unwrap();
        assert!(delete(to, "p", "1").await.unwrap());
        // In the batch of its own removals.
        insert(to, "c", &child("1", "2")).await.unwrap();
        assert!(transaction.commit().await.unwrap());
        let docs = all(&tab, "c").await;
        let numbers: Vec<_> = docs.values().map(|doc| number_of(doc).unwrap()).collect();
        assert_eq!(numbers, [3, 2]);
        recount(&tab, "c").await;
        // Of a collection that goes, nothing is left to ask for.
        let transaction = tab.begin().await.unwrap();
        let mut drop = Drop::new(&of("c"), 3.0);
        let dropped = transaction.write(Box::new(move |w| drop.step(w)));
        dropped.await.unwrap();
        insert(&transaction, "c", &child("1", "none"))
            .await
            .unwrap();
        assert!(delete(&transaction, "p", "2").await.unwrap());
        assert!(transaction.commit().await.unwrap());
        assert_eq!(number_of(&all(&tab, "c").await["1"]), None);
    });
}

#[test]
fn a_collection_goes_with_those_that_refer_to_it() {
    World::run_each(0..4, async |world| {
        let tab = world.open(Options::default()).await;
        define(&tab, "c", &referring(1, "p", OnDelete::SetNull))
            .await
            .unwrap();
        define(&tab, "d", &referring(2, "c", OnDelete::Restrict))
            .await
            .unwrap();
        insert(
            &tab,
            "p",
            &[r#"{"_id":"1"}"#.into(), r#"{"_id":"2"}"#.into()],
        )
        .await
        .unwrap();
        insert(&tab, "c", &child("1", "1")).await.unwrap();
        insert(&tab, "d", &child("1", "1")).await.unwrap();
        let drop = |name: &str| {
            let mut drop = Drop::new(&of(name), 3.0);
            tab.write(Box::new(move |w| drop.step(w)))
        };
        let refused = drop("c").await.unwrap_err();
        assert_eq!(refused.code(), Code::ConstraintViolation);
        drop("p").await.unwrap();
        let docs = all(&tab, "c").await;
        assert!(docs["1"].ends_with(br#""_updated":3,"p":null}"#));
        drop("d").await.unwrap();
        drop("c").await.unwrap();
        assert!(all(&tab, "c").await.is_empty());
    });
}

/// Many documents go in one commit with the one to which they refer.
#[test]
fn a_hundred_thousand_dependants_go_in_one_commit() {
    World::run(1, async |world| {
        let tab = world.open(Options::default()).await;
        define(&tab, "c", &referring(1, "p", OnDelete::Cascade))
            .await
            .unwrap();
        insert(&tab, "p", &[r#"{"_id":"1"}"#.into()]).await.unwrap();
        for part in 0..10 {
            let docs = (0..10_000).map(|n| format!(r#"{{"_id":"{part} {n}","p":"1"}}"#));
            insert(&tab, "c", &docs.collect::<Vec<_>>()).await.unwrap();
        }
        assert!(delete(&tab, "p", "1").await.unwrap());
        assert!(all(&tab, "c").await.is_empty());
        recount(&tab, "c").await;
    });
}
