use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use proptest::prelude::*;

use super::collect::{Bury, Fate, Judge, Trim, give_up};
use super::*;
use crate::codec::js_string::JsString;
use crate::codec::marks::NEVER;
use crate::codec::value::Value;
use crate::error::Code;
use crate::models::documents::{Cascade, Collection, Ids, Insert, NewDoc};
use crate::models::fake::Fake;
use crate::models::kv::{self, Kv};
use crate::models::many::Many;
use crate::models::{Scope, keys, nodes};
use crate::record::{ContentHash, Id};

mod between;
mod pieces;

const NOW_MS: u64 = 1_800_000_000_000;

fn hash(n: u8) -> ContentHash {
    [n; 32]
}

fn reference(n: u8) -> Value {
    Value::BlobRef {
        hash: hash(n),
        size: 10,
        media_type: "".into(),
    }
}

fn value(of: &BTreeSet<u8>) -> Bytes {
    let mut items: Vec<_> = of.iter().map(|n| reference(*n)).collect();
    items.push(Value::Null);
    Value::Array(items).encode().unwrap()
}

fn document(of: &BTreeSet<u8>) -> Value {
    Value::Object(vec![(
        "files".into(),
        Value::Array(of.iter().map(|n| reference(*n)).collect()),
    )])
}

fn scope() -> Scope {
    Scope::Node("n".into())
}

fn put(fake: &mut Fake, n: u8, upload: u8, now_ms: u64) {
    let id = Id([upload; 16]);
    let piece = Bytes::from_static(b"\0contentcon");
    fake.write(|w| put_piece(w, id, 0, &piece, now_ms)).unwrap();
    let finish = Finish {
        upload: id,
        hash: hash(n),
        size: 10,
        piece_bytes: PIECE_BYTES as u64,
        now_ms,
    };
    fake.write(|w| finish.step(w)).unwrap();
}

fn is_here(fake: &mut Fake, n: u8) -> bool {
    fake.read(|r| content(r, &hash(n))).unwrap().is_some()
}

/// What a pass does of one content, as the care takes it.
fn collect(fake: &mut Fake, n: u8, now_ms: u64) {
    loop {
        let mut judge = Judge::of(hash(n), now_ms);
        let (fate, stale) = fake.read(|r| judge.step(r)).unwrap();
        if !stale.is_empty() {
            let mut trim = Trim::of(hash(n), stale);
            fake.write(|w| trim.step(w)).unwrap();
        }
        match fate {
            Fate::Kept => return,
            Fate::Unknown => {}
            Fate::Dead => {
                let mut bury = Bury::of(hash(n));
                fake.write(|w| bury.step(w, now_ms)).unwrap();
                return;
            }
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Put(u8),
    Set(u8, BTreeSet<u8>),
    Update(u8, BTreeSet<u8>),
    Delete(u8),
    Doc(u8, BTreeSet<u8>),
    DeleteDoc(u8),
    Later(u64),
    Collect,
    CopyNode,
    DeleteCopy,
}

fn step() -> impl Strategy<Value = Step> {
    let contents = || prop::collection::btree_set(0..5_u8, 0..3);
    prop_oneof![
        3 => (0..5_u8).prop_map(Step::Put),
        3 => (0..4_u8, contents()).prop_map(|(at, of)| Step::Set(at, of)),
        2 => (0..4_u8, contents()).prop_map(|(at, of)| Step::Update(at, of)),
        2 => (0..4_u8).prop_map(Step::Delete),
        3 => (0..4_u8, contents()).prop_map(|(at, of)| Step::Doc(at, of)),
        2 => (0..4_u8).prop_map(Step::DeleteDoc),
        1 => (1..2 * HOUR_MS).prop_map(Step::Later),
        3 => Just(Step::Collect),
        1 => Just(Step::CopyNode),
        1 => Just(Step::DeleteCopy),
    ]
}

/// What must be there: by record, which contents it holds.
#[derive(Default)]
struct Model {
    held: BTreeMap<(bool, String), BTreeSet<u8>>,
    put: BTreeMap<u8, u64>,
    here: BTreeSet<u8>,
}

impl Model {
    fn holds(&self, n: u8) -> bool {
        self.held.values().any(|of| of.contains(&n))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn what_is_held_stays_and_what_nothing_holds_goes(steps in prop::collection::vec(step(), 1..40), seed: u64) {
        let mut fake = Fake::disturbed(seed);
        let (kv, docs) = (Kv::new(&scope()).unwrap(), Collection::new(&scope(), "c".into()).unwrap());
        let key = |at: u8| kv.key(JsString::from(format!("k{at}").as_str()).as_js()).unwrap();
        let mut model = Model::default();
        let (mut now_ms, mut uploads) = (NOW_MS, 0);
        for step in steps {
            match step {
                Step::Put(n) => {
                    uploads += 1;
                    put(&mut fake, n, uploads, now_ms);
                    model.put.insert(n, now_ms);
                    model.here.insert(n);
                }
                Step::Set(at, of) => {
                    let done = fake.write(|w| kv::set(w, &key(at), &value(&of), NEVER));
                    note(&mut model, (false, format!("k{at}")), Some(of), done.map_err(|error| error.code()));
                }
                Step::Update(at, of) => {
                    let done = fake.write(|w| kv::update(w, &key(at), &mut |_| Ok(Some(value(&of)))));
                    note(&mut model, (false, format!("k{at}")), Some(of), done.map(drop).map_err(|error| error.code()));
                }
                Step::Delete(at) => {
                    fake.write(|w| kv::delete(w, &key(at))).unwrap();
                    model.held.remove(&(false, format!("k{at}")));
                }
                Step::Doc(at, of) => {
                    let id = JsString::from(format!("d{at}").as_str());
                    let name = (false, format!("d{at}"));
                    let object = document(&of);
                    let done = if model.held.contains_key(&name) {
                        let object = object.encode().unwrap();
                        fake.write(|w| docs.replace(w, id.as_js(), &object, 1.0)).map(drop)
                    } else {
                        let Value::Object(mut properties) = object else { panic!() };
                        properties.insert(0, ("_id".into(), Value::String(id)));
                        let object = Value::Object(properties).encode().unwrap();
                        let doc = NewDoc::prepare(&object, 1.0, &mut Ids::default(), &mut |_| {}).unwrap();
                        let mut insert = Insert::new(&docs, vec![doc]);
                        fake.write(|w| insert.step(w))
                    };
                    note(&mut model, name, Some(of), done.map_err(|error| error.code()));
                }
                Step::DeleteDoc(at) => {
                    let id = JsString::from(format!("d{at}").as_str());
                    let mut cascade = Cascade::new(1.0);
                    fake.write(|w| docs.delete(w, id.as_js(), &mut cascade)).unwrap();
                    model.held.remove(&(false, format!("d{at}")));
                }
                Step::Later(ms) => now_ms += ms,
                Step::CopyNode => {
                    let scoped = |name: &str| keys::encoded_scope(&Scope::Node(name.into())).unwrap();
                    let mut copy = nodes::Copy::new(scoped("n"), scoped("m"));
                    if fake.write(|w| copy.step(w)).is_ok() {
                        let copied: Vec<_> = model.held.iter().filter(|((copied, _), _)| !copied)
                            .map(|((_, name), of)| ((true, name.clone()), of.clone())).collect();
                        model.held.extend(copied);
                    }
                }
                Step::DeleteCopy => {
                    let mut delete = nodes::Delete::new(keys::encoded_scope(&Scope::Node("m".into())).unwrap());
                    fake.write(|w| delete.step(w)).unwrap();
                    model.held.retain(|(copied, _), _| !copied);
                }
                Step::Collect => {
                    for n in 0..5 {
                        collect(&mut fake, n, now_ms);
                        let recent = model.put.get(&n).is_some_and(|at| at + HOUR_MS > now_ms);
                        if model.holds(n) {
                            prop_assert!(is_here(&mut fake, n), "{n} is held");
                        } else if !recent {
                            prop_assert!(!is_here(&mut fake, n), "{n} is dead");
                            model.here.remove(&n);
                        } else if !is_here(&mut fake, n) {
                            // It was taken up and given up since.
                            model.here.remove(&n);
                        }
                    }
                }
            }
            for n in 0..5 {
                prop_assert!(!model.holds(n) || is_here(&mut fake, n), "{n} is held and gone");
            }
        }
        // Once nothing is held, nothing is left of anything.
        fake.write(|w| { w.delete_range(kv.all()); Ok(()) }).unwrap();
        for at in 0..4_u8 {
            let id = JsString::from(format!("d{at}").as_str());
            let mut cascade = Cascade::new(1.0);
            fake.write(|w| docs.delete(w, id.as_js(), &mut cascade)).unwrap();
        }
        let mut delete = nodes::Delete::new(keys::encoded_scope(&Scope::Node("m".into())).unwrap());
        fake.write(|w| delete.step(w)).unwrap();
        for n in 0..5 {
            collect(&mut fake, n, now_ms + 2 * HOUR_MS);
        }
        let left: Vec<_> = fake.map.keys().filter(|key| (0x60..=0x6F).contains(&key[0])).collect();
        prop_assert!(left.is_empty(), "{left:?}");
    }
}

fn note(model: &mut Model, name: (bool, String), of: Option<BTreeSet<u8>>, done: Result<(), Code>) {
    let of = of.unwrap_or_default();
    let known = model.held.get(&name).cloned().unwrap_or_default();
    let expected = of
        .iter()
        .all(|n| model.here.contains(n) || known.contains(n));
    match done {
        Ok(()) => {
            assert!(expected, "{of:?} were not all here");
            model.held.insert(name, of);
        }
        Err(code) => assert_eq!((code, expected), (Code::NotStorable, false)),
    }
}

#[test]
fn an_upload_without_progress_is_given_up_and_no_other() {
    let mut fake = Fake::disturbed(7);
    let (id, piece) = (Id([9; 16]), Bytes::from_static(b"\0abc"));
    fake.write(|w| put_piece(w, id, 0, &piece, NOW_MS)).unwrap();
    let later = NOW_MS + HOUR_MS;
    assert!(!fake.write(|w| give_up(w, id, later - 1)).unwrap());
    fake.write(|w| put_piece(w, id, 1, &piece, later - 1))
        .unwrap();
    assert!(!fake.write(|w| give_up(w, id, later)).unwrap());
    assert!(fake.write(|w| give_up(w, id, later + HOUR_MS)).unwrap());
    assert_eq!(fake.map.len(), 0);
    let refused = fake.write(|w| put_piece(w, id, 2, &piece, later));
    assert_eq!(refused.unwrap_err().code(), Code::Conflict);
    let finish = Finish {
        upload: id,
        hash: hash(1),
        size: 9,
        piece_bytes: PIECE_BYTES as u64,
        now_ms: later,
    };
    let refused = fake.write(|w| finish.step(w));
    assert_eq!(refused.unwrap_err().code(), Code::Conflict);
    assert_eq!(fake.map.len(), 0);
}

#[test]
fn giving_up_what_was_finished_takes_nothing() {
    let mut fake = Fake::default();
    put(&mut fake, 1, 1, NOW_MS);
    let before = fake.map.clone();
    fake.write(|w| abandon(w, Id([1; 16]))).unwrap();
    assert_eq!(fake.map, before);
    // Of what is put again, the pieces go, and not those of the first.
    put(&mut fake, 1, 2, NOW_MS);
    let pieces = fake.map.keys().filter(|key| key[0] == 0x61).count();
    assert_eq!(pieces, 1);
    let content = fake.read(|r| content(r, &hash(1))).unwrap().unwrap();
    assert_eq!(content.upload, Id([1; 16]));
}

#[test]
fn as_many_marks_are_taken_up_as_records_come_to_hold_it() {
    let mut fake = Fake::default();
    put(&mut fake, 1, 1, NOW_MS);
    put(&mut fake, 1, 2, NOW_MS);
    let kv = Kv::new(&scope()).unwrap();
    let key = kv.key("a".into()).unwrap();
    let of = BTreeSet::from([1]);
    fake.write(|w| kv::set(w, &key, &value(&of), NEVER))
        .unwrap();
    fake.write(|w| kv::delete(w, &key)).unwrap();
    collect(&mut fake, 1, NOW_MS);
    assert!(is_here(&mut fake, 1), "the other one has an hour still");
    collect(&mut fake, 1, NOW_MS + HOUR_MS);
    assert!(!is_here(&mut fake, 1));
}

#[test]
fn thousands_of_citations_that_are_left_over_go_bit_by_bit() {
    let mut fake = Fake::default();
    put(&mut fake, 1, 1, NOW_MS);
    let kv = Kv::new(&scope()).unwrap();
    let of = BTreeSet::from([1]);
    let key = |n: u32| {
        kv.key(JsString::from(format!("{n:05}").as_str()).as_js())
            .unwrap()
    };
    for n in 0..2_000 {
        fake.write(|w| kv::set(w, &key(n), &value(&of), NEVER))
            .unwrap();
    }
    for n in 0..1_999 {
        fake.write(|w| kv::delete(w, &key(n))).unwrap();
    }
    collect(&mut fake, 1, NOW_MS);
    assert!(is_here(&mut fake, 1));
    let left = fake.map.keys().filter(|key| key[0] == 0x64).count();
    assert_eq!(left, 1);
    fake.write(|w| kv::delete(w, &key(1_999))).unwrap();
    collect(&mut fake, 1, NOW_MS);
    assert!(!fake.map.keys().any(|key| (0x60..=0x6F).contains(&key[0])));
}
