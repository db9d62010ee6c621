//! What is large, or asked for in great numbers, neither takes long in one piece nor comes out wrong.

use super::projection::Projection;
use super::*;
use crate::codec::js_string::JsString;
use crate::codec::value::testing::stored;
use crate::codec::value::{Form, Value, from_json};
use crate::engine::access::Reads;
use crate::models::fake::Fake;
use crate::models::many::Many;
use crate::models::query::Path;
use crate::models::scope::Scope;
use proptest::prelude::*;

const MIB: usize = 1 << 20;

fn collection() -> Collection {
    Collection::new(&Scope::Name("s".into()), JsStr::from("c")).unwrap()
}

fn filled(docs: &[Bytes]) -> Fake {
    let mut fake = Fake::default();
    let mut ids = Ids::default();
    let prepare = |doc: &Bytes| NewDoc::prepare(doc, 1.0, &mut ids, &mut |out| out.fill(7));
    let docs: Vec<_> = docs.iter().map(prepare).collect::<Result<_>>().unwrap();
    let mut insert = Insert::new(&collection(), docs);
    fake.write(|w| insert.step(w)).unwrap();
    fake
}

fn found(fake: &mut Fake, query: &str, spec: FindSpec) -> Vec<String> {
    let query = Query::compile(&from_json(query.as_bytes()), std::rc::Rc::new(())).unwrap();
    let mut find = Find::new(&collection(), query, spec);
    let mut out = Vec::new();
    let work = |r: &mut dyn Reads| {
        find.step(r, &mut |doc| {
            let id = Path::new("_id".into()).find(Form::of(doc)?)?;
            let id = id.map(Form::string).transpose()?.flatten().unwrap();
            out.push(id.as_js().to_display());
            Ok(())
        })
    };
    fake.read(work).unwrap();
    out
}

/// A document of many fields and about a MiB.
fn large(id: &str, n: usize) -> Bytes {
    let fields: String = (0..64).map(|at| format!("\"f{at}\":{at},")).collect();
    let text = "x".repeat(MIB);
    from_json(format!("{{\"_id\":\"{id}\",{fields}\"n\":{n},\"text\":\"{text}\"}}").as_bytes())
}

fn conditions(count: usize) -> String {
    let all: Vec<_> = (0..count).map(|at| format!("\"f{at}\":{at}")).collect();
    format!("{{{}}}", all.join(","))
}

#[test]
fn a_large_document_is_looked_at_in_slices() {
    let small = from_json(b"{\"_id\":\"small\",\"n\":1}");
    let mut fake = filled(&[large("b", 2), small, large("a", 1), large("c", 3)]);
    let spec = || FindSpec {
        sort: vec![("n".into(), true), ("text".into(), false)],
        limit: Some(2),
        fields: Some(vec!["n".into()]),
        ..FindSpec::default()
    };
    let too_large_to_sort_by =
        Query::compile(&from_json(conditions(64).as_bytes()), std::rc::Rc::new(())).unwrap();
    let mut find = Find::new(&collection(), too_large_to_sort_by, spec());
    assert!(fake.read(|r| find.step(r, &mut |_| Ok(()))).is_err());

    let spec = || FindSpec {
        sort: vec![("n".into(), true), ("f1".into(), false)],
        ..spec()
    };
    fake.breaths = 0;
    assert_eq!(found(&mut fake, &conditions(64), spec()), ["c", "b"]);
    // At least once for each condition and each field of the sort.
    assert!(fake.breaths >= 3 * (64 + 2), "{}", fake.breaths);
    assert_eq!(
        found(&mut fake, &conditions(64), FindSpec::default()),
        ["b", "a", "c"]
    );
    let by_id = conditions(64).replacen('{', "{\"_id\":\"a\",", 1);
    fake.breaths = 0;
    assert_eq!(found(&mut fake, &by_id, FindSpec::default()), ["a"]);
    assert!(fake.breaths >= 64, "{}", fake.breaths);
    let none = conditions(64).replacen("\"f7\":7", "\"f7\":8", 1);
    assert_eq!(found(&mut fake, &none, spec()), [""; 0]);
    fake.stop_in = 3;
    for seed in 0..20 {
        fake.seed = seed;
        assert_eq!(found(&mut fake, &conditions(64), spec()), ["c", "b"]);
        assert_eq!(found(&mut fake, &by_id, FindSpec::default()), ["a"]);
    }
}

#[test]
fn documents_of_very_many_fields_are_merged_and_projected() {
    let object = |from: usize| {
        let fields: Vec<_> = (from..from + 100_000)
            .map(|at| format!("\"f{at}\":{at}"))
            .collect();
        from_json(format!("{{{}}}", fields.join(",")).as_bytes())
    };
    let doc = meta::created(
        Form::of(&object(0)).unwrap(),
        "x".into(),
        meta::Times::now(1.0),
    )
    .unwrap();
    let merged = meta::merged(&doc, &object(50_000), &[], 2.0).unwrap();
    let Value::Object(fields) = Value::decode(&merged).unwrap() else {
        panic!("no object");
    };
    let names = fields
        .iter()
        .skip(3)
        .map(|(name, _)| name.as_js().to_display());
    assert!(names.eq((0..150_000).map(|at| format!("f{at}"))));
    let chosen: Vec<JsString> = (0..1000)
        .map(|at| format!("f{}", at * 100).into())
        .collect();
    let chosen = Projection::new(&chosen).apply(&merged).unwrap();
    let Value::Object(fields) = Value::decode(&chosen).unwrap() else {
        panic!("no object");
    };
    assert_eq!(fields.len(), 1001);
}

#[test]
fn a_document_that_grows_too_large_is_refused() {
    let text = "x".repeat(130 * MIB);
    let object = |name: &str| from_json(format!("{{\"{name}\":\"{text}\"}}").as_bytes());
    let doc = meta::created(
        Form::of(&object("a")).unwrap(),
        "x".into(),
        meta::Times::now(1.0),
    )
    .unwrap();
    let error = meta::merged(&doc, &object("b"), &[], 2.0).unwrap_err();
    assert_eq!(error.code(), crate::Code::LimitExceeded);
    assert!(
        error.message().contains("the limit is 268435456"),
        "{error}"
    );
}

#[test]
fn an_element_far_out_is_refused_where_it_would_make_too_much() {
    let mut list = vec![b'['];
    list.extend(b"1,".repeat(60 * MIB));
    list.extend(b"7]");
    let doc = [&b"\x01{\"_id\":\"x\",\"l\":"[..], &list, b"}"].concat();
    let chosen = Projection::new(&[format!("l.{}", 60 * MIB).into()]).apply(&doc);
    assert_eq!(chosen.unwrap_err().code(), crate::Code::LimitExceeded);
    let chosen = Projection::new(&["l.1".into()]).apply(&doc).unwrap();
    assert_eq!(&chosen[..], b"\x01{\"_id\":\"x\",\"l\":[null,1]}");
}

/// Names that paths are made of.
fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "a", "b", "a.b", "0", "1", "01", "", ".", "\u{1}\"", "a.", "a-",
    ])
    .prop_map(Into::into)
}

fn tree() -> impl Strategy<Value = Value> {
    let leaf = (0i32..9).prop_map(|n| Value::Number(n.into()));
    leaf.prop_recursive(4, 30, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(name(), inner, 0..4).prop_map(object),
        ]
    })
}

fn object(properties: std::collections::BTreeMap<String, Value>) -> Value {
    Value::Object(
        properties
            .into_iter()
            .map(|(name, value)| (name.into(), value))
            .collect(),
    )
}

fn at(path: &str, doc: &[u8]) -> Option<Value> {
    let found = Path::new(path.into()).find(Form::of(doc).unwrap()).unwrap();
    found.map(|found| Value::of_form(found).unwrap())
}

proptest! {
    #[test]
    fn what_a_path_finds_it_finds_in_what_is_chosen(
        properties in prop::collection::btree_map(name(), tree(), 0..5),
        fields in prop::collection::vec(prop::collection::vec(name(), 1..4), 0..5),
        others in prop::collection::vec(name(), 0..3),
        exact: bool,
    ) {
        let doc = stored(&object(properties), exact);
        let fields: Vec<_> = fields.iter().map(|names| names.join(".")).collect();
        let chosen: Vec<JsString> = fields.iter().map(|field| field.as_str().into()).collect();
        let chosen = Projection::new(&chosen).apply(&doc).unwrap();
        for field in &fields {
            prop_assert_eq!(at(field, &chosen), at(field, &doc), "{}", field);
        }
        for other in others {
            let is_within = |inner: &str, outer: &str| inner.starts_with(&format!("{outer}."));
            let is_asked_for = fields.iter().any(|field| *field == other || is_within(field, &other) || is_within(&other, field));
            if !is_asked_for {
                prop_assert_eq!(at(&other, &chosen), None, "{}", other);
            }
        }
    }
}
