use super::*;
use crate::codec::value::from_json;
use crate::models::documents::{Cascade, Collection, Find, FindSpec, Ids, Insert, NewDoc, Query};
use crate::models::fake::Fake;
use crate::models::kv::{self, Kv};
use std::collections::BTreeMap;

fn node(id: &str) -> Scope {
    Scope::Node(id.into())
}

fn set(fake: &mut Fake, scope: &Scope, key: &str, json: &str) {
    let key = Kv::new(scope)
        .unwrap()
        .key(crate::codec::js_string::JsString::from(key).as_js())
        .unwrap();
    let value = from_json(json.as_bytes());
    fake.write(|w| {
        kv::set(w, &key, &value, NEVER)?;
        Ok(())
    })
    .unwrap();
}

fn collection(scope: &Scope, name: &str) -> Collection {
    Collection::new(scope, JsString::from(name).as_js()).unwrap()
}

fn insert(fake: &mut Fake, to: &Collection, doc: &str) -> JsString {
    let mut random = |bytes: &mut [u8]| bytes.fill(7);
    let stored = from_json(doc.as_bytes());
    let doc = NewDoc::prepare(&stored, 5.0, &mut Ids::default(), &mut random).unwrap();
    let id = doc.id().to_owned();
    let mut insert = Insert::new(to, vec![doc]);
    fake.write(|w| insert.step(w)).unwrap();
    id
}

fn docs(fake: &mut Fake, of: &Collection) -> Vec<Bytes> {
    let query = Query::compile(&from_json(b"{}"), std::rc::Rc::new(())).unwrap();
    let mut find = Find::new(of, query, FindSpec::default());
    let mut all = Vec::new();
    fake.read(|r| {
        find.step(r, &mut |doc| {
            all.push(Bytes::copy_from_slice(doc));
            Ok(())
        })
    })
    .unwrap();
    all
}

fn nodes(fake: &mut Fake) -> BTreeMap<String, u64> {
    let mut nodes = Nodes::default();
    let mut found = Vec::new();
    fake.read(|r| {
        while let Some(node) = nodes.step(r)? {
            found.push(node);
        }
        Ok(())
    })
    .unwrap();
    assert!(found.is_sorted());
    found
        .into_iter()
        .map(|(id, bytes)| (id.as_js().to_display().to_string(), bytes))
        .collect()
}

fn encoded(scope: &Scope) -> Bytes {
    keys::encoded_scope(scope).unwrap()
}

fn of_scope(fake: &Fake, scope: &Scope) -> Vec<(usize, Bytes, Bytes)> {
    let mut all = Vec::new();
    for (at, kind) in keys::OWNED.into_iter().enumerate() {
        let range = keys::range_of(kind, &encoded(scope));
        let found = fake.map.range(range.from.clone()..range.until);
        all.extend(found.map(|(k, v)| (at, k.slice(range.from.len()..), v.clone())));
    }
    all
}

/// Nodes of every kind, and named stores of the same names beside them.
fn furnished(seed: u64) -> Fake {
    let mut fake = Fake::disturbed(seed);
    for id in ["a", "a\0", "b", "b\u{ffff}", "keys only", "z"] {
        for scope in [node(id), Scope::Name(id.into())] {
            set(&mut fake, &scope, "", "1");
            set(&mut fake, &scope, "key", "\"value\"");
        }
    }
    for id in ["a", "b", "documents only", "z"] {
        for scope in [node(id), Scope::Name(id.into())] {
            for name in ["c", "c\0", "d"] {
                insert(
                    &mut fake,
                    &collection(&scope, name),
                    "{\"_id\":\"x\",\"n\":1}",
                );
                insert(&mut fake, &collection(&scope, name), "{\"n\":2}");
            }
        }
    }
    let emptied = collection(&node("emptied"), "c");
    let id = insert(&mut fake, &emptied, "{}");
    assert!(
        fake.write(|w| emptied.delete(w, id.as_js(), &mut Cascade::new(0.0)))
            .unwrap()
    );
    fake
}

#[test]
fn nodes_are_listed_with_the_bytes_of_their_records() {
    for seed in 0..40 {
        let mut fake = furnished(seed);
        let mut want = BTreeMap::new();
        for (key, value) in &fake.map {
            let Some(Scope::Node(id)) = keys::scope_of(key) else {
                continue;
            };
            let bytes = want
                .entry(id.as_js().to_display().to_string())
                .or_insert(0u64);
            if matches!(key[0], keys::KV | keys::DOCUMENT) {
                *bytes += (key.len() + value.len()) as u64;
            }
        }
        assert_eq!(want.len(), 8);
        assert_eq!(want["emptied"], 0);
        assert_eq!(nodes(&mut fake), want);
    }
}

#[test]
fn nodes_are_found_without_a_look_at_their_records() {
    let mut fake = Fake::default();
    for n in 0..1000 {
        set(&mut fake, &node("one"), &n.to_string(), "0");
    }
    fake.reads = 0;
    let nodes = Nodes::default();
    let found = fake.read(|r| nodes.next_scope(r)).unwrap();
    assert!(found.is_some() && fake.reads == 4);
}

#[test]
fn a_node_is_deleted_whole_and_nothing_else() {
    for seed in 0..40 {
        let mut fake = furnished(seed);
        for (id, owned) in [
            ("b", true),
            ("b", false),
            ("emptied", true),
            ("none", false),
        ] {
            let scope = node(id);
            let mut want = fake.map.clone();
            want.retain(|key, _| keys::scope_of(key).as_ref() != Some(&scope));
            let mut delete = Delete::new(encoded(&scope));
            assert_eq!(fake.write(|w| delete.step(w)).unwrap(), owned, "{id}");
            assert_eq!(fake.map, want);
        }
    }
}

#[test]
fn a_copy_has_the_same_records_and_order_and_is_apart() {
    for seed in 0..40 {
        let mut fake = furnished(seed);
        let before = fake.map.clone();
        let (from, to) = (node("b"), node("copy"));
        let mut copy = Copy::new(encoded(&from), encoded(&to));
        fake.write(|w| copy.step(w)).unwrap();
        let copied = of_scope(&fake, &to);
        assert_eq!(copied.len(), 2 + 3 * (2 + 2 + 1));
        assert_eq!(copied, of_scope(&fake, &from));
        assert_eq!(fake.map.len(), before.len() + copied.len());
        assert!(before.iter().all(|(k, v)| fake.map.get(k) == Some(v)));

        // What comes later comes last, and the copy goes its own way.
        let (old, new) = (collection(&from, "c"), collection(&to, "c"));
        insert(&mut fake, &new, "{\"_id\":\"later\"}");
        assert!(
            fake.write(|w| new.delete(w, JsString::from("x").as_js(), &mut Cascade::new(0.0)))
                .unwrap()
        );
        assert_eq!(docs(&mut fake, &old).len(), 2);
        let left = docs(&mut fake, &new);
        assert_eq!(left.len(), 2);
        assert!(left[1].ends_with(b"}") && left[1].windows(5).any(|it| it == b"later"));
    }
}

#[test]
fn a_copy_goes_to_a_node_that_owns_nothing() {
    for seed in 0..20 {
        let mut fake = furnished(seed);
        let before = fake.map.clone();
        for to in ["a", "emptied", "keys only", "documents only", "b"] {
            let mut copy = Copy::new(encoded(&node("b")), encoded(&node(to)));
            let refused = fake.write(|w| copy.step(w)).unwrap_err();
            assert_eq!(refused.code(), Code::Exists);
            assert_eq!(fake.map, before);
        }
        let mut copy = Copy::new(encoded(&node("none")), encoded(&node("other")));
        fake.write(|w| copy.step(w)).unwrap();
        assert_eq!(fake.map, before);
    }
}
