use super::*;
use crate::codec::js_string::JsString;
use crate::codec::value::compare::order;
use crate::codec::value::testing::stored;
use crate::codec::value::{Form, Value, fields, from_json};
use crate::error::Code;
use crate::models::fake::Fake;
use crate::models::many::Many;
use crate::models::scope::Scope;

pub(super) fn collection() -> Collection {
    Collection::new(&Scope::Node("n".into()), "notes".into()).unwrap()
}

pub(super) fn json(text: &str) -> Bytes {
    from_json(text.as_bytes())
}

pub(super) fn as_text(stored: &Bytes) -> String {
    assert_eq!(stored[0], 1, "stays JSON");
    String::from_utf8(stored[1..].to_vec()).unwrap()
}

pub(super) fn prepare(doc: &[u8], now: f64) -> Result<NewDoc> {
    let mut count = now as u8;
    let mut random = |bytes: &mut [u8]| {
        for byte in bytes {
            count = count.wrapping_mul(77).wrapping_add(41);
            *byte = count;
        }
    };
    NewDoc::prepare(doc, now, &mut Ids::default(), &mut random)
}

pub(super) fn insert(fake: &mut Fake, docs: &[Bytes], now: f64) -> Result<()> {
    let docs = docs
        .iter()
        .map(|doc| prepare(doc, now))
        .collect::<Result<Vec<_>>>()?;
    let mut work = Insert::new(&collection(), docs);
    fake.write(|w| work.step(w))
}

pub(super) fn find(fake: &mut Fake, query: &[u8], spec: FindSpec) -> Result<Vec<Bytes>> {
    let mut work = Find::new(
        &collection(),
        Query::compile(query, std::rc::Rc::new(()))?,
        spec,
    );
    let mut all = Vec::new();
    fake.read(|r| {
        work.step(r, &mut |doc| {
            all.push(Bytes::copy_from_slice(doc));
            Ok(())
        })
    })?;
    Ok(all)
}

pub(super) fn update(fake: &mut Fake, id: &str, changes: &[u8], now: f64) -> Result<bool> {
    let changes = Changes::new(Bytes::copy_from_slice(changes), now);
    fake.write(|w| collection().update(w, id.into(), &changes, &mut None))
}

pub(super) fn get(fake: &mut Fake, id: &str) -> Option<Bytes> {
    fake.read(|r| collection().get(r, id.into())).unwrap()
}

#[test]
fn an_insert_puts_the_three_properties_first() {
    let mut fake = Fake::default();
    let doc = json(r#"{"b":1,"_updated":0,"_id":"é\n","a":{"_id":2},"_created":7}"#);
    insert(&mut fake, &[doc], 12.9).unwrap();
    let found = get(&mut fake, "é\n").unwrap();
    let expected = r#"{"_id":"é\n","_created":12,"_updated":12,"b":1,"a":{"_id":2}}"#;
    assert_eq!(as_text(&found), expected);
}

/// The stored text of a document inserted at 5.
fn inserted(doc: &Bytes) -> String {
    let mut fake = Fake::default();
    insert(&mut fake, std::slice::from_ref(doc), 5.0).unwrap();
    let found = find(&mut fake, &json("{}"), FindSpec::default()).unwrap();
    as_text(found.first().unwrap())
}

#[test]
fn the_three_properties_are_noticed_wherever_they_stand() {
    for pad in 0..20 {
        let before = "x".repeat(pad);
        let given = |name: &str| json(&format!(r#"{{"{before}":"a_b","{name}":"given","z":1}}"#));
        let doc = prepare(&given("_id"), 5.0).unwrap();
        assert_eq!(doc.id().as_str(), Some("given"));
        for name in ["_id", "_created", "_updated"] {
            let doc = prepare(&given(name), 5.0).unwrap();
            let id = doc.id().as_str().unwrap();
            let expected =
                format!(r#"{{"_id":"{id}","_created":5,"_updated":5,"{before}":"a_b","z":1}}"#);
            assert_eq!(inserted(&given(name)), expected);
        }
        assert!(inserted(&given("x_id")).ends_with(r#""x_id":"given","z":1}"#));
    }
    assert!(inserted(&json("{}")).ends_with(r#""_updated":5}"#));
}

#[test]
fn generated_ids_read_nothing_and_given_ones_do() {
    let mut fake = Fake::default();
    insert(&mut fake, &[json("{}"), json(r#"{"a":1}"#)][..1], 1.0).unwrap();
    assert_eq!(fake.reads, 0);
    insert(&mut fake, &[json(r#"{"_id":"x"}"#)], 1.0).unwrap();
    assert_eq!(fake.reads, 1);
    let exact = Value::Object(vec![("_id".into(), Value::Undefined)])
        .encode()
        .unwrap();
    assert_eq!(prepare(&exact, 3.0).unwrap().id().len_utf16(), 21);
}

#[test]
fn an_id_is_given_once() {
    let mut fake = Fake::default();
    insert(&mut fake, &[json(r#"{"_id":"x"}"#)], 1.0).unwrap();
    let before = fake.map.clone();
    for docs in [
        [r#"{"_id":"y"}"#, r#"{"_id":"x"}"#],
        [r#"{"_id":"y"}"#, r#"{"_id":"y"}"#],
    ] {
        let error = insert(&mut fake, &docs.map(json), 1.0).unwrap_err();
        assert_eq!(error.code(), Code::Exists);
        assert_eq!(fake.map, before);
    }
}

#[test]
fn what_is_no_document_is_refused() {
    for doc in ["[]", "1", r#"{"_id":5}"#, r#"{"_id":null}"#] {
        assert_eq!(
            prepare(&json(doc), 1.0).unwrap_err().code(),
            Code::InvalidArgument,
            "{doc}"
        );
    }
    let mut fake = Fake::default();
    insert(&mut fake, &[json(r#"{"_id":"x"}"#)], 1.0).unwrap();
    let refused = update(&mut fake, "x", &json("[]"), 2.0);
    assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument);
    let refused = fake.write(|w| collection().replace(w, "x".into(), &json("1"), 2.0));
    assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument);
}

#[test]
fn an_update_keeps_the_order_of_properties() {
    let mut fake = Fake::default();
    insert(&mut fake, &[json(r#"{"_id":"x","a":1,"b":2}"#)], 1.0).unwrap();
    let changes = json(r#"{"c":4,"a":[3],"_id":"y","_created":9,"_updated":9}"#);
    assert!(update(&mut fake, "x", &changes, 2.5).unwrap());
    let expected = r#"{"_id":"x","_created":1,"_updated":2,"a":[3],"b":2,"c":4}"#;
    assert_eq!(as_text(&get(&mut fake, "x").unwrap()), expected);
    assert!(!update(&mut fake, "y", &changes, 2.5).unwrap());

    assert!(
        fake.write(|w| collection().replace(w, "x".into(), &json(r#"{"z":1,"_id":"q"}"#), 3.0))
            .unwrap()
    );
    let expected = r#"{"_id":"x","_created":1,"_updated":3,"z":1}"#;
    assert_eq!(as_text(&get(&mut fake, "x").unwrap()), expected);
}

#[test]
fn a_clock_that_was_set_back_makes_no_change_older_than_what_is_changed() {
    let exact = [
        ("_id".into(), Value::String("x".into())),
        ("a".into(), Value::Undefined),
    ];
    let exact = stored(&Value::Object(exact.into()), true);
    for doc in [json(r#"{"_id":"x","a":1}"#), exact] {
        let mut fake = Fake::default();
        insert(&mut fake, &[doc], 7.0).unwrap();
        let times = |fake: &mut Fake| {
            let doc = get(fake, "x").unwrap();
            ["_created", "_updated"].map(|name| {
                let name = fields::FieldName::new(name.into());
                let time = fields::field(Form::of(&doc).unwrap(), &name).unwrap();
                time.unwrap().number().unwrap().unwrap()
            })
        };
        let change = json(r#"{"a":2}"#);
        for (now, updated) in [(5.0, 7.0), (9.0, 9.0), (3.0, 9.0)] {
            assert!(update(&mut fake, "x", &change, now).unwrap());
            assert_eq!(times(&mut fake), [7.0, updated]);
        }
        let done = fake.write(|w| collection().replace(w, "x".into(), &change, 4.0));
        assert!(done.unwrap());
        assert_eq!(times(&mut fake), [7.0, 9.0]);
    }
}

#[test]
fn fields_read_as_they_do_in_the_document() {
    let mut fake = Fake::default();
    let doc = r#"{"_id":"x","a":{"b":1,"c":2},"l":[1,{"p":2,"q":3},4],"a.c":5,"z":0}"#;
    insert(&mut fake, &[json(doc)], 1.0).unwrap();
    let mut chosen = |fields: &[&str]| {
        let fields = Some(fields.iter().map(|&f| f.into()).collect());
        let found = find(
            &mut fake,
            &json("{}"),
            FindSpec {
                fields,
                ..FindSpec::default()
            },
        );
        as_text(&found.unwrap()[0])
    };
    assert_eq!(chosen(&[]), r#"{"_id":"x"}"#);
    assert_eq!(chosen(&["z", "a.b"]), r#"{"_id":"x","a":{"b":1},"z":0}"#);
    assert_eq!(chosen(&["a.c"]), r#"{"_id":"x","a.c":5}"#);
    assert_eq!(
        chosen(&["l.1.q", "l.9", "z.y", "a.x"]),
        r#"{"_id":"x","l":[null,{"q":3}]}"#
    );
    assert_eq!(chosen(&["_created"]), r#"{"_id":"x","_created":1}"#);
}

#[test]
fn a_dropped_collection_leaves_nothing_and_its_neighbour_alone() {
    let mut fake = Fake::default();
    for (node, name) in [
        ("n", "notes2"),
        ("n", "notes\0"),
        ("n\0", "notes"),
        ("n\0", "x"),
    ] {
        let other = Collection::new(&Scope::Node(node.into()), name.into()).unwrap();
        let mut work = Insert::new(&other, vec![prepare(&json("{}"), 1.0).unwrap()]);
        fake.write(|w| work.step(w)).unwrap();
    }
    let neighbours = fake.map.clone();
    insert(&mut fake, &[json("{}"), json(r#"{"_id":"x"}"#)], 2.0).unwrap();
    let mut names = Collections::new(&Scope::Node("n".into())).unwrap();
    assert_eq!(
        fake.read(|r| names.step(r)).unwrap(),
        ["notes", "notes\0", "notes2"].map(JsString::from)
    );
    assert_eq!(
        find(&mut fake, &json("{}"), FindSpec::default())
            .unwrap()
            .len(),
        2
    );
    let mut drop = Drop::new(&collection(), 0.0);
    fake.write(|w| drop.step(w)).unwrap();
    assert_eq!(fake.map, neighbours);
    let mut names = Collections::new(&Scope::Name("n".into())).unwrap();
    assert!(fake.read(|r| names.step(r)).unwrap().is_empty());
}

#[test]
fn an_id_is_looked_up_and_not_searched_for() {
    let mut fake = Fake::default();
    let docs: Vec<_> = (0..50)
        .map(|n| json(&format!(r#"{{"_id":"{n}","n":{n}}}"#)))
        .collect();
    insert(&mut fake, &docs, 1.0).unwrap();
    fake.reads = 0;
    assert_eq!(
        find(
            &mut fake,
            &json(r#"{"_id":"7","n":7}"#),
            FindSpec::default()
        )
        .unwrap()
        .len(),
        1
    );
    assert_eq!(
        find(
            &mut fake,
            &json(r#"{"n":7,"_id":"8"}"#),
            FindSpec::default()
        )
        .unwrap()
        .len(),
        0
    );
    assert_eq!(fake.reads, 4);
}

pub(super) fn sort_value(value: &Value, name: &str) -> Value {
    let Value::Object(properties) = value else {
        panic!("no object")
    };
    properties
        .iter()
        .find(|(other, _)| *other == name.into())
        .map_or(Value::Undefined, |(_, value)| value.clone())
}

#[test]
fn many_documents_come_sorted_and_in_batches() {
    let mut fake = Fake::default();
    let docs: Vec<_> = (0..5000u32)
        .map(|n| {
            json(&format!(
                r#"{{"_id":"{n}","n":{},"g":{}}}"#,
                n * 7919 % 5000,
                n % 3
            ))
        })
        .collect();
    insert(&mut fake, &docs, 1.0).unwrap();
    let mut by = |limit: Option<u64>| {
        let sort = vec![("g".into(), true), ("n".into(), false)];
        let docs = find(
            &mut fake,
            &json("{}"),
            FindSpec {
                sort,
                limit,
                ..FindSpec::default()
            },
        )
        .unwrap();
        docs.iter()
            .map(|doc| {
                let value = Value::decode(doc).unwrap();
                (sort_value(&value, "g"), sort_value(&value, "n"))
            })
            .collect::<Vec<_>>()
    };
    let all = by(None);
    assert_eq!(all.len(), 5000);
    assert!(all.windows(2).all(|pair| {
        order(&pair[1].0, &pair[0].0)
            .then_with(|| order(&pair[0].1, &pair[1].1))
            .is_lt()
    }));
    assert_eq!(by(Some(10)), all[..10]);
    assert_eq!(by(Some(2000)), all[..2000]);
}
