//! References and sequences, against a plain model of them.

use super::definition::{Definition, Index, OnDelete, Reference, Sequence, flag};
use super::indexing_tests::recount;
use super::tests::{json, prepare};
use super::*;
use crate::codec::head::OpLog;
use crate::codec::js_string::JsString;
use crate::codec::kinds::key::LOGGED;
use crate::codec::sort_key::SortKey;
use crate::codec::stamp::Stamp;
use crate::codec::value::{Form, Value};
use crate::error::Code;
use crate::models::fake::Fake;
use crate::models::many::Many;
use crate::models::query::Path;
use crate::models::{Scope, keys};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

const FIELDS: [&str; 2] = ["r", "d.r"];
const NUMBER: &str = "s.n";

fn of(name: &str) -> Collection {
    Collection::new(&Scope::Node("n".into()), name.into()).unwrap()
}

fn at(number: u8) -> Collection {
    of(["a", "b", "c"][usize::from(number)])
}

fn define(fake: &mut Fake, name: &str, definition: &Definition) {
    let (key, record) = (of(name).defined.clone(), definition.encode());
    fake.map.insert(key, record);
}

/// A definition of references, whose indexes have numbers from `number` on, and of sequences.
pub(super) fn referring(
    number: u64,
    references: &[(&str, &str, OnDelete)],
    sequences: &[(&str, Option<&str>)],
) -> Definition {
    let mut definition = Definition::default();
    for (number, (field, collection, on_delete)) in (number..).zip(references) {
        let field: JsString = (*field).into();
        definition.indexes.push(Index {
            number,
            flags: flag::OF_REFERENCE,
            fields: vec![field.clone()],
        });
        definition.references.push(Reference {
            field,
            collection: (*collection).into(),
            on_delete: *on_delete,
            flags: 0,
            index: number,
        });
    }
    for (field, per) in sequences {
        definition.sequences.push(Sequence {
            field: (*field).into(),
            flags: 0,
            per: per.map(Into::into),
        });
    }
    definition
}

fn insert(fake: &mut Fake, name: &str, docs: &[&str]) -> Result<()> {
    let docs = docs.iter().map(|doc| prepare(&json(doc), 1.0));
    let mut work = Insert::new(&of(name), docs.collect::<Result<_>>()?);
    fake.write(|w| work.step(w))
}

fn delete(fake: &mut Fake, name: &str, id: &str) -> Result<bool> {
    let mut cascade = Cascade::new(9.0);
    fake.write(|w| of(name).delete(w, id.into(), &mut cascade))
}

fn text(fake: &mut Fake, name: &str, id: &str) -> Option<String> {
    let doc = fake.read(|r| of(name).get(r, id.into())).unwrap()?;
    Some(String::from_utf8(doc[1..].to_vec()).unwrap())
}

fn refused(done: Result<impl Sized>, message: &str, ids: &[&str]) {
    let error = done.err().expect("refused");
    assert_eq!(error.code(), Code::ConstraintViolation);
    assert_eq!(error.message(), message);
    let expected: Vec<_> = ids.iter().map(|id| id.as_bytes().to_vec()).collect();
    assert_eq!(error.ids(), expected);
}

#[test]
fn a_parent_has_to_be_there() {
    for seed in 0..20 {
        let mut fake = Fake::disturbed(seed);
        define(
            &mut fake,
            "c",
            &referring(1, &[("p", "c", OnDelete::Restrict)], &[]),
        );
        let lacks = "the document \"1\" refers by \"p\" to \"2\", which is no document of \"c\"";
        refused(
            insert(&mut fake, "c", &[r#"{"_id":"1","p":"2"}"#]),
            lacks,
            &["2"],
        );
        let no_id =
            "the document \"1\" has in \"p\", which names documents of \"c\", what is no id";
        refused(
            insert(&mut fake, "c", &[r#"{"_id":"1","p":2}"#]),
            no_id,
            &["1"],
        );
        // Of the same call, in any order; itself; nothing.
        let all = [
            r#"{"_id":"1","p":"2"}"#,
            r#"{"_id":"2","p":"2"}"#,
            r#"{"_id":"3","p":null}"#,
            r#"{"_id":"4"}"#,
        ];
        insert(&mut fake, "c", &all).unwrap();
        let mut upsert = |doc: &str| {
            let doc = prepare(&json(doc), 2.0).unwrap();
            fake.write(|w| of("c").upsert(w, &doc, &[], 2.0, &mut None))
        };
        assert!(upsert(r#"{"_id":"5","p":"5"}"#).unwrap().inserted);
        refused(
            upsert(r#"{"_id":"6","p":"2 "}"#),
            &lacks.replace("\"1\"", "\"6\"").replace("\"2\"", "\"2 \""),
            &["2 "],
        );
        refused(
            upsert(r#"{"_id":"1","p":"7"}"#),
            &lacks.replace("\"2\"", "\"7\""),
            &["7"],
        );
        recount(&fake);
    }
}

#[test]
fn the_same_parent_is_asked_for_once() {
    let mut fake = Fake::default();
    define(
        &mut fake,
        "c",
        &referring(1, &[("p", "c", OnDelete::Restrict)], &[]),
    );
    insert(&mut fake, "c", &[r#"{"_id":"1"}"#]).unwrap();
    fake.reads = 0;
    insert(&mut fake, "c", &[r#"{"p":"1"}"#; 1]).unwrap();
    assert_eq!(fake.reads, 1);
    let many = [
        r#"{"_id":"2","p":"1"}"#,
        r#"{"_id":"3","p":"1"}"#,
        r#"{"_id":"4","p":"1"}"#,
    ];
    insert(&mut fake, "c", &many).unwrap();
    // Three given ids, and one parent.
    assert_eq!(fake.reads, 1 + 4);
}

#[test]
fn of_what_nothing_is_defined_nothing_is_read() {
    let mut fake = Fake::default();
    define(
        &mut fake,
        "c",
        &referring(1, &[("p", "c", OnDelete::Restrict)], &[]),
    );
    insert(&mut fake, "x", &[r#"{"_id":"1"}"#]).unwrap();
    fake.reads = 0;
    assert!(delete(&mut fake, "x", "1").unwrap());
    assert_eq!(fake.reads, 1);
    insert(&mut fake, "x", &["{}"]).unwrap();
    let mut drop = Drop::new(&of("x"), 1.0);
    fake.write(|w| drop.step(w)).unwrap();
    assert_eq!(fake.reads, 1);
}

#[test]
fn what_cascades_goes_before_fields_become_null_and_all_before_anything_is_refused() {
    for seed in 0..30 {
        let mut fake = Fake::disturbed(seed);
        let all = [
            ("goes", "c", OnDelete::Cascade),
            ("lets.go", "c", OnDelete::SetNull),
            ("stays", "c", OnDelete::Restrict),
        ];
        define(&mut fake, "c", &referring(1, &all, &[]));
        let docs = [
            r#"{"_id":"0","goes":"4"}"#,
            r#"{"_id":"1","goes":"0"}"#,
            r#"{"_id":"2","goes":"1","lets":{"go":"0"},"stays":"0"}"#,
            r#"{"_id":"3","lets":{"go":"1","x":1},"stays":"5"}"#,
            r#"{"_id":"4","goes":"2","stays":"4"}"#,
            r#"{"_id":"5"}"#,
            r#"{"_id":"6","stays":"2"}"#,
        ];
        insert(&mut fake, "c", &docs).unwrap();
        let stays =
            "the document \"2\" cannot go: the document \"6\" of \"c\" refers to it by \"stays\"";
        refused(delete(&mut fake, "c", "0"), stays, &["2", "6"]);
        refused(
            delete(&mut fake, "c", "5"),
            &stays.replace("\"2\"", "\"5\"").replace("\"6\"", "\"3\""),
            &["5", "3"],
        );
        assert!(delete(&mut fake, "c", "6").unwrap());
        assert!(delete(&mut fake, "c", "0").unwrap());
        assert!(
            ["0", "1", "2", "4"]
                .iter()
                .all(|id| text(&mut fake, "c", id).is_none())
        );
        let left = r#"{"_id":"3","_created":1,"_updated":9,"lets":{"go":null,"x":1},"stays":"5"}"#;
        assert_eq!(text(&mut fake, "c", "3").unwrap(), left);
        assert_eq!(recount(&fake), 6);
    }
}

#[test]
fn each_document_that_goes_or_is_let_go_is_logged_once() {
    let stamp = |ms| Stamp { ms, counter: 0 };
    let mut fake = Fake {
        op_log: Some(OpLog {
            device: Bytes::from_static(b"me"),
            next_stamp: stamp(0),
            since: stamp(1),
        }),
        now_ms: 5,
        ..Fake::disturbed(7)
    };
    let all = [
        ("goes", "c", OnDelete::Cascade),
        ("stays", "c", OnDelete::SetNull),
    ];
    define(&mut fake, "c", &referring(1, &all, &[]));
    let docs = [
        r#"{"_id":"0"}"#,
        r#"{"_id":"1","goes":"0","stays":"0"}"#,
        r#"{"_id":"2","stays":"1"}"#,
        r#"{"_id":"3"}"#,
    ];
    insert(&mut fake, "c", &docs).unwrap();
    let logged = |fake: &Fake| fake.map.keys().filter(|key| key[0] == LOGGED).count();
    assert_eq!(logged(&fake), 4);
    assert!(delete(&mut fake, "c", "0").unwrap());
    // Two removals, and one that is let go.
    assert_eq!(logged(&fake), 4 + 3);
    recount(&fake);
}

#[test]
fn very_long_ids_are_compared_themselves() {
    let mut fake = Fake::default();
    define(
        &mut fake,
        "c",
        &referring(1, &[("p", "c", OnDelete::Cascade)], &[]),
    );
    let long = "x".repeat(900);
    let docs = [
        format!(r#"{{"_id":"{long}a"}}"#),
        format!(r#"{{"_id":"{long}b"}}"#),
        format!(r#"{{"_id":"1","p":"{long}a"}}"#),
        format!(r#"{{"_id":"2","p":"{long}b"}}"#),
    ];
    insert(&mut fake, "c", &docs.each_ref().map(String::as_str)).unwrap();
    assert!(delete(&mut fake, "c", &format!("{long}a")).unwrap());
    assert!(text(&mut fake, "c", "1").is_none() && text(&mut fake, "c", "2").is_some());
}

#[test]
fn what_is_given_for_a_number_is_one() {
    let mut fake = Fake::disturbed(3);
    define(&mut fake, "c", &referring(1, &[], &[("s.n", None)]));
    let no_number =
        "the document's \"s.n\" is numbered: what is given for it is a positive whole number";
    for given in ["0", "-1", "1.5", "null", "\"1\"", "1e300"] {
        let doc = format!(r#"{{"s":{{"n":{given}}}}}"#);
        refused(insert(&mut fake, "c", &[&doc]), no_number, &[]);
    }
    let in_the_way =
        "the document's \"s.n\" is numbered, but something else than an object is in the way";
    refused(insert(&mut fake, "c", &[r#"{"s":1}"#]), in_the_way, &[]);
    insert(
        &mut fake,
        "c",
        &[
            r#"{"_id":"1","s":{"x":1}}"#,
            r#"{"_id":"2","s.n":5}"#,
            r#"{"_id":"3"}"#,
        ],
    )
    .unwrap();
    let ends = |id: &str, end: &str, fake: &mut Fake| {
        let text = text(fake, "c", id).unwrap();
        assert!(text.ends_with(end), "{text}");
    };
    ends("1", r#""s":{"x":1,"n":1}}"#, &mut fake);
    ends("2", r#""s.n":5}"#, &mut fake);
    ends("3", r#""s":{"n":6}}"#, &mut fake);
    let mut update = |changes: &str| {
        let changes = Changes::new(json(changes), 2.0);
        fake.write(|w| of("c").update(w, "1".into(), &changes, &mut None))
    };
    refused(update(r#"{"s":2}"#), in_the_way, &[]);
    assert!(update(r#"{"s":{"n":7}}"#).unwrap());
    ends("1", r#""s":{"n":1}}"#, &mut fake);
    // A document that is made is told with its number.
    let mut cascade = Cascade::new(3.0);
    let made = fake.write(|w| {
        of("c").modify(
            w,
            "4".into(),
            3.0,
            &mut |_| Ok(Some(json("{}"))),
            &mut cascade,
        )
    });
    assert!(made.unwrap().unwrap().ends_with(br#""s":{"n":7}}"#));
    ends("4", r#""s":{"n":7}}"#, &mut fake);
}

#[test]
fn many_values_of_per_are_each_counted() {
    let mut fake = Fake::default();
    define(&mut fake, "c", &referring(1, &[], &[("n", Some("g"))]));
    for round in 1..=2 {
        let docs: Vec<_> = (0..3000)
            .map(|n| format!(r#"{{"g":{}}}"#, n % 1500))
            .collect();
        let docs: Vec<_> = docs.iter().map(String::as_str).collect();
        insert(&mut fake, "c", &docs).unwrap();
        let counters: Vec<_> = fake
            .map
            .iter()
            .filter(|(key, _)| key[0] == keys::SEQUENCE)
            .collect();
        assert_eq!(counters.len(), 1500);
        assert!(counters.iter().all(|(_, last)| last[..] == [2 * round]));
    }
}

// The model.

#[derive(Debug, Clone, Default, PartialEq)]
struct Doc {
    group: u8,
    /// Absent, null, or an id.
    refs: [Option<Option<u8>>; 2],
    number: Option<u64>,
    /// Holds what JSON does not.
    exact: bool,
}

impl Doc {
    fn value(&self) -> Value {
        let mut all = vec![("g".into(), Value::Number(f64::from(self.group)))];
        let id = |id: Option<u8>| id.map_or(Value::Null, |id| Value::String(id.to_string().into()));
        let [plain, dotted] = self.refs;
        all.extend(plain.map(|value| ("r".into(), id(value))));
        all.extend(dotted.map(|value| ("d".into(), Value::Object(vec![("r".into(), id(value))]))));
        let number = self
            .number
            .map(|n| Value::Object(vec![("n".into(), Value::Number(n as f64))]));
        all.extend(number.map(|number| ("s".into(), number)));
        all.extend(self.exact.then_some(("x".into(), Value::Undefined)));
        Value::Object(all)
    }

    fn ready(&self, id: Option<u8>) -> NewDoc {
        let Value::Object(mut all) = self.value() else {
            unreachable!()
        };
        all.extend(id.map(|id| ("_id".into(), Value::String(id.to_string().into()))));
        prepare(&Value::Object(all).encode().unwrap(), 1.0).unwrap()
    }

    fn read(doc: &[u8]) -> Self {
        let form = Form::of(doc).unwrap();
        let find = |path: &str| Path::from(&JsString::from(path)).find(form).unwrap();
        let id = |value: Form<'_>| {
            let id = value.string().unwrap();
            id.map(|id| id.as_js().to_display().parse().unwrap())
        };
        Self {
            group: find("g").unwrap().number().unwrap().unwrap() as u8,
            refs: FIELDS.map(|field| find(field).map(id)),
            number: find(NUMBER).map(|value| value.number().unwrap().unwrap() as u64),
            exact: find("x").is_some(),
        }
    }
}

#[derive(Debug, Clone, Default)]
struct Model {
    docs: BTreeMap<(u8, u8), Doc>,
    refs: BTreeMap<(u8, usize), (u8, OnDelete)>,
    /// Whether it counts for each group on its own.
    sequences: BTreeMap<u8, bool>,
    counters: BTreeMap<(u8, Option<u8>), u64>,
}

impl Model {
    fn follow(&mut self, of: u8, doc: &Doc) {
        if let (Some(per), Some(number)) = (self.sequences.get(&of), doc.number) {
            let last = self
                .counters
                .entry((of, per.then_some(doc.group)))
                .or_default();
            *last = number.max(*last);
        }
    }

    fn number(&mut self, of: u8, doc: &mut Doc) {
        let Some(per) = self.sequences.get(&of) else {
            return;
        };
        let last = self.counters.get(&(of, per.then_some(doc.group)));
        let next = last.copied().unwrap_or_default() + 1;
        doc.number.get_or_insert(next);
        self.follow(of, doc);
    }

    fn has_parents(&self, of: u8, doc: &Doc, old: Option<&Doc>) -> bool {
        let fields = doc.refs.iter().enumerate();
        let mut changed = fields.filter(|(at, id)| old.is_none_or(|old| old.refs[*at] != **id));
        changed.all(|(at, id)| match (self.refs.get(&(of, at)), id) {
            (Some((to, _)), Some(Some(id))) => self.docs.contains_key(&(*to, *id)),
            _ => true,
        })
    }

    fn delete(&mut self, first: Vec<(u8, u8)>) -> bool {
        let mut gone: BTreeSet<_> = first.into_iter().collect();
        let refs = self.refs.clone();
        let turn = |turn: OnDelete, gone: &BTreeSet<(u8, u8)>, docs: &BTreeMap<(u8, u8), Doc>| {
            let mut hit = Vec::new();
            for ((of, at), (to, on_delete)) in &refs {
                for (key, doc) in docs.iter().filter(|(key, _)| key.0 == *of) {
                    let id = doc.refs[*at].flatten();
                    if *on_delete == turn && id.is_some_and(|id| gone.contains(&(*to, id))) {
                        hit.push((*key, *at));
                    }
                }
            }
            hit
        };
        loop {
            self.docs.retain(|key, _| !gone.contains(key));
            let more = turn(OnDelete::Cascade, &gone, &self.docs);
            if more.is_empty() {
                break;
            }
            gone.extend(more.into_iter().map(|(key, _)| key));
        }
        for (key, at) in turn(OnDelete::SetNull, &gone, &self.docs) {
            self.docs.get_mut(&key).unwrap().refs[at] = Some(None);
        }
        turn(OnDelete::Restrict, &gone, &self.docs).is_empty()
    }
}

#[derive(Debug, Clone)]
enum Step {
    Insert(u8, Vec<(u8, Doc)>),
    Upsert(u8, u8, Doc),
    Update(u8, u8, Doc),
    UpdateMany(u8, u8, Doc),
    Replace(u8, u8, Doc),
    Delete(u8, u8),
    Modify(u8, u8, Option<Doc>),
    DeleteMany(u8, u8),
    Drop(u8),
    Apply(u8, u8, Option<Doc>),
}

fn any_doc() -> impl Strategy<Value = Doc> {
    let id = || prop::option::weighted(0.6, prop::option::weighted(0.8, 0u8..6));
    let number = prop::option::weighted(0.2, 1u64..20);
    (0u8..3, id(), id(), number, any::<bool>()).prop_map(|(group, a, b, number, exact)| Doc {
        group,
        refs: [a, b],
        number,
        exact,
    })
}

fn any_step() -> impl Strategy<Value = Step> {
    let key = || (0u8..3, 0u8..6);
    prop_oneof![
        6 => (0u8..3, prop::collection::vec((0u8..6, any_doc()), 1..5)).prop_map(|(of, docs)| Step::Insert(of, docs)),
        2 => (key(), any_doc()).prop_map(|((of, id), doc)| Step::Upsert(of, id, doc)),
        2 => (key(), any_doc()).prop_map(|((of, id), doc)| Step::Update(of, id, doc)),
        1 => (key(), any_doc()).prop_map(|((of, group), doc)| Step::UpdateMany(of, group % 3, doc)),
        2 => (key(), any_doc()).prop_map(|((of, id), doc)| Step::Replace(of, id, doc)),
        3 => key().prop_map(|(of, id)| Step::Delete(of, id)),
        2 => (key(), prop::option::of(any_doc())).prop_map(|((of, id), doc)| Step::Modify(of, id, doc)),
        2 => key().prop_map(|(of, group)| Step::DeleteMany(of, group % 3)),
        1 => (0u8..3).prop_map(Step::Drop),
        1 => (key(), prop::option::of(any_doc())).prop_map(|((of, id), doc)| Step::Apply(of, id, doc)),
    ]
}

fn group_query(group: u8) -> Query {
    Query::compile(&json(&format!(r#"{{"g":{group}}}"#)), Rc::new(())).unwrap()
}

/// What a merge (or, `whole`, a replacement) makes of a document.
fn changed(model: &Model, of: u8, old: &Doc, new: &Doc, whole: bool) -> Doc {
    let mut doc = new.clone();
    if !whole {
        let refs = old.refs.iter().zip(new.refs);
        for (at, (old, new)) in refs.enumerate() {
            doc.refs[at] = new.or(*old);
        }
        doc.number = new.number.or(old.number);
        doc.exact |= old.exact;
    }
    if model.sequences.contains_key(&of) {
        doc.number = old.number;
    }
    doc
}

/// Takes a step in both; whether it went well.
fn take(fake: &mut Fake, model: &mut Model, step: &Step) -> (bool, bool) {
    let before = model.clone();
    let id_of = |id: u8| JsString::from(id.to_string());
    let encoded = |doc: &Doc| doc.value().encode().unwrap();
    let put = |model: &mut Model, of: u8, id: u8, doc: &Doc, whole: bool| {
        let old = model.docs[&(of, id)].clone();
        let new = changed(model, of, &old, doc, whole);
        model.docs.insert((of, id), new.clone());
        model.has_parents(of, &new, Some(&old))
    };
    let add = |model: &mut Model, of: u8, id: u8, doc: &Doc| {
        let mut doc = doc.clone();
        model.number(of, &mut doc);
        model.docs.insert((of, id), doc.clone());
        model.has_parents(of, &doc, None)
    };
    let (done, is_fine) = match step {
        Step::Insert(of, docs) => {
            let prepared = docs.iter().map(|(id, doc)| doc.ready(Some(*id)));
            let mut work = Insert::new(&at(*of), prepared.collect());
            let done = fake.write(|w| work.step(w)).is_ok();
            let mut is_fine = true;
            for (id, doc) in docs {
                is_fine &= !model.docs.contains_key(&(*of, *id));
                add(model, *of, *id, doc);
            }
            let parents = docs
                .iter()
                .all(|(_, doc)| model.has_parents(*of, doc, None));
            (done, is_fine && parents)
        }
        Step::Upsert(of, id, doc) => {
            let new = doc.ready(Some(*id));
            let done = fake.write(|w| at(*of).upsert(w, &new, &[], 2.0, &mut None));
            let is_there = model.docs.contains_key(&(*of, *id));
            let is_fine = match is_there {
                true => put(model, *of, *id, doc, false),
                false => add(model, *of, *id, doc),
            };
            (done.is_ok(), is_fine)
        }
        Step::Update(of, id, doc) => {
            let changes = Changes::new(encoded(doc), 2.0);
            let done = fake.write(|w| at(*of).update(w, id_of(*id).as_js(), &changes, &mut None));
            let is_there = model.docs.contains_key(&(*of, *id));
            let is_fine = !is_there || put(model, *of, *id, doc, false);
            (
                done.inspect(|done| assert_eq!(*done, is_there)).is_ok(),
                is_fine,
            )
        }
        Step::UpdateMany(of, group, doc) => {
            let changes = Changes::new(encoded(doc), 2.0);
            let mut work = WriteMany::update(&at(*of), group_query(*group), changes, None);
            let done = fake.write(|w| work.step(w)).is_ok();
            let all = model
                .docs
                .iter()
                .filter(|(key, doc)| key.0 == *of && doc.group == *group);
            let ids: Vec<u8> = all.map(|(key, _)| key.1).collect();
            let mut is_fine = true;
            for id in ids {
                is_fine &= put(model, *of, id, doc, false);
            }
            (done, is_fine)
        }
        Step::Replace(of, id, doc) => {
            let new = encoded(doc);
            let done = fake.write(|w| at(*of).replace(w, id_of(*id).as_js(), &new, 2.0));
            let is_there = model.docs.contains_key(&(*of, *id));
            (done.is_ok(), !is_there || put(model, *of, *id, doc, true))
        }
        Step::Modify(of, id, Some(doc)) => {
            let new = encoded(doc);
            let mut change = |_: Option<&Bytes>| Ok(Some(new.clone()));
            let mut cascade = Cascade::new(2.0);
            let id_text = id_of(*id);
            let done =
                fake.write(|w| at(*of).modify(w, id_text.as_js(), 2.0, &mut change, &mut cascade));
            let is_fine = match model.docs.contains_key(&(*of, *id)) {
                true => put(model, *of, *id, doc, true),
                false => add(model, *of, *id, doc),
            };
            let told = done
                .as_ref()
                .ok()
                .map(|doc| Doc::read(doc.as_ref().unwrap()));
            assert!(told.is_none_or(|told| Some(&told) == model.docs.get(&(*of, *id))));
            (done.is_ok(), is_fine)
        }
        Step::Modify(of, id, None) => {
            let mut cascade = Cascade::new(2.0);
            let id_text = id_of(*id);
            let done = fake.write(|w| {
                at(*of).modify(w, id_text.as_js(), 2.0, &mut |_| Ok(None), &mut cascade)
            });
            let is_there = model.docs.contains_key(&(*of, *id));
            (done.is_ok(), !is_there || model.delete(vec![(*of, *id)]))
        }
        Step::Delete(of, id) => {
            let mut cascade = Cascade::new(2.0);
            let done = fake.write(|w| at(*of).delete(w, id_of(*id).as_js(), &mut cascade));
            let is_there = model.docs.contains_key(&(*of, *id));
            let done = done.inspect(|done| assert_eq!(*done, is_there));
            (done.is_ok(), !is_there || model.delete(vec![(*of, *id)]))
        }
        Step::DeleteMany(of, group) => {
            let mut work = WriteMany::delete(&at(*of), group_query(*group), 2.0);
            let done = fake.write(|w| work.step(w));
            let all = model
                .docs
                .iter()
                .filter(|(key, doc)| key.0 == *of && doc.group == *group);
            let all: Vec<_> = all.map(|(key, _)| *key).collect();
            let done = done.inspect(|count| assert_eq!(*count, all.len() as u64));
            (done.is_ok(), model.delete(all))
        }
        Step::Drop(of) => {
            let mut work = Drop::new(&at(*of), 2.0);
            let done = fake.write(|w| work.step(w)).is_ok();
            let all: Vec<_> = model
                .docs
                .keys()
                .filter(|key| key.0 == *of)
                .copied()
                .collect();
            model.docs.retain(|key, _| key.0 != *of);
            model.refs.retain(|(from, _), _| from != of);
            model.sequences.remove(of);
            model.counters.retain(|key, _| key.0 != *of);
            (done, model.delete(all))
        }
        Step::Apply(of, id, doc) => {
            let id_text = id_of(*id);
            let new = doc.as_ref().map(|doc| doc.ready(Some(*id)));
            let done = fake.write(|w| match &new {
                None => at(*of).remove(w, id_text.as_js()).map(drop),
                Some(doc) => {
                    let mut numbers = Numbers::default();
                    at(*of).follow(w, &mut numbers, doc.stored())?;
                    at(*of).put(w, id_text.as_js(), doc.stored().clone())?;
                    numbers.write(w);
                    Ok(())
                }
            });
            match doc {
                None => drop(model.docs.remove(&(*of, *id))),
                Some(doc) => {
                    model.follow(*of, doc);
                    model.docs.insert((*of, *id), doc.clone());
                }
            }
            (done.is_ok(), true)
        }
    };
    if !is_fine {
        *model = before;
    }
    (done, is_fine)
}

fn compare(fake: &Fake, model: &Model) {
    let mut docs = BTreeMap::new();
    let mut counters = BTreeMap::new();
    for number in 0..3 {
        let collection = at(number);
        let found = fake
            .map
            .iter()
            .filter(|(key, _)| collection.is_document(key));
        for (_, doc) in found {
            let id = Collection::id_of(doc)
                .unwrap()
                .as_js()
                .to_display()
                .to_string()
                .parse()
                .unwrap();
            docs.insert((number, id), Doc::read(doc));
        }
        let prefix = [&[keys::SEQUENCE], &collection.defined[1..], b"s.n\0"].concat();
        for (key, last) in &fake.map {
            if let Some(rest) = key.strip_prefix(&prefix[..]) {
                let group = (0u8..3).find(|group| {
                    let key = SortKey::of_value(&Value::Number(f64::from(*group)));
                    key.unwrap().bytes == rest
                });
                counters.insert((number, group), u64::from(last[0]));
            }
        }
    }
    assert_eq!(docs, model.docs);
    let moved = model.counters.iter().filter(|(_, last)| **last > 0);
    assert_eq!(counters, moved.map(|(key, last)| (*key, *last)).collect());
    recount(fake);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn constraints_do_what_a_plain_model_does(
        references in prop::collection::vec((0u8..3, 0usize..2, 0u8..3, 0u8..3), 0..5),
        sequences in prop::collection::vec((0u8..3, any::<bool>()), 0..3),
        steps in prop::collection::vec(any_step(), 1..30),
        seed: u64,
    ) {
        let mut fake = Fake::disturbed(seed);
        let mut model = Model::default();
        for (from, field, to, on_delete) in references {
            let on_delete = [OnDelete::Restrict, OnDelete::Cascade, OnDelete::SetNull][usize::from(on_delete)];
            model.refs.insert((from, field), (to, on_delete));
        }
        model.sequences.extend(sequences);
        let names = ["a", "b", "c"];
        for number in 0..3u8 {
            let of_it = model.refs.iter().filter(|((from, _), _)| *from == number);
            let references: Vec<_> = of_it
                .map(|((_, at), (to, on_delete))| (FIELDS[*at], names[usize::from(*to)], *on_delete))
                .collect();
            let sequences = model.sequences.get(&number).map(|per| (NUMBER, per.then_some("g")));
            let sequences: Vec<_> = sequences.into_iter().collect();
            let definition = referring(1 + 2 * u64::from(number), &references, &sequences);
            if !definition.is_empty() {
                define(&mut fake, names[usize::from(number)], &definition);
            }
        }
        for step in &steps {
            let (done, expected) = take(&mut fake, &mut model, step);
            prop_assert_eq!(done, expected, "{:?}", step);
            compare(&fake, &model);
        }
    }
}
