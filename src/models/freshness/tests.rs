use super::*;
use crate::codec::batch::OpKey;
use crate::codec::cell::PieceRef;
use crate::codec::marks::Marks;
use crate::codec::order::Order;
use crate::codec::value::from_json;
use crate::models::Scope;
use crate::models::keys;
use crate::record::Id;
use bytes::Bytes;

const ORDER: Order = Order { frame: 7, slot: 1 };

fn pairs() -> (Kv, Freshness) {
    let kv = Kv::new(&Scope::Name("s".into())).unwrap();
    (kv.clone(), Freshness::of_pairs(kv))
}

fn documents() -> Freshness {
    Freshness::of_documents(Collection::new(&Scope::Name("s".into()), "c".into()).unwrap())
}

fn prefix(kind: u8) -> Bytes {
    keys::collection_prefix(kind, &Scope::Name("s".into()), "c".into()).unwrap()
}

fn key(prefix: Bytes, order: Option<Order>) -> OpKey {
    OpKey { prefix, order }
}

fn put(key: OpKey, value: OpValue) -> Op {
    Op::Put(key, value, Marks::NONE)
}

fn inline(json: &str) -> OpValue {
    OpValue::Inline(from_json(json.as_bytes()))
}

fn taken(freshness: &Freshness) -> Option<Vec<String>> {
    let keys = freshness.take()?;
    let text = |key: &JsString| key.as_js().as_str().unwrap().to_owned();
    Some(keys.iter().map(text).collect())
}

/// What one operation comes to; every one changes the stamp.
fn told(freshness: &Freshness, op: Op, is_new: bool) -> Option<Vec<String>> {
    let before = freshness.stamp();
    freshness.touched(&op, is_new);
    freshness.told();
    assert_ne!(freshness.stamp(), before);
    taken(freshness)
}

#[test]
fn pairs_are_told_by_their_keys() {
    let (kv, freshness) = pairs();
    let at = |text: &str| OpKey::plain(kv.key(text.into()).unwrap());
    let stored = put(at("a"), inline("1"));
    assert_eq!(told(&freshness, stored, false), Some(vec!["a".into()]));
    let delete = Op::Delete(at("b\0é"));
    assert_eq!(told(&freshness, delete, false), Some(vec!["b\0é".into()]));
    assert_eq!(taken(&freshness), Some(vec![]), "only what is new");
}

#[test]
fn documents_are_told_by_their_ids() {
    let freshness = documents();
    let doc = inline(r#"{"_id":"x","_created":1,"_updated":2,"a":1}"#);
    let place = |order| key(prefix(keys::DOCUMENT), order);
    let update = put(place(Some(ORDER)), doc.clone());
    assert_eq!(told(&freshness, update, false), Some(vec!["x".into()]));
    let whole = [&prefix(keys::DOCUMENT)[..], &ORDER.to_bytes()].concat();
    let copied = put(OpKey::plain(whole.into()), doc.clone());
    assert_eq!(told(&freshness, copied, false), Some(vec!["x".into()]));

    let entry = OpKey::plain(keys::with_string(&prefix(keys::ID), "x".into()));
    let removed = [Op::Delete(place(Some(ORDER))), Op::Delete(entry.clone())];
    removed.iter().for_each(|op| freshness.touched(op, false));
    assert_eq!(taken(&freshness), Some(vec!["x".into()]));

    let inserted = [
        (put(place(Some(ORDER)), doc), true),
        (put(entry, OpValue::Order(ORDER)), false),
    ];
    for (op, is_new) in inserted {
        assert_eq!(told(&freshness, op, is_new), Some(vec![]));
    }
}

#[test]
fn what_cannot_be_told_one_by_one_may_be_anything() {
    let freshness = documents();
    let place = || key(prefix(keys::DOCUMENT), Some(ORDER));
    let piece = OpValue::Piece(PieceRef {
        id: Id([1; 16]),
        len: 9,
        shared: false,
    });
    assert_eq!(told(&freshness, put(place(), piece), false), None);
    let broken = put(place(), inline("[1]"));
    assert_eq!(told(&freshness, broken, false), None);
    freshness.lost();
    assert_eq!(taken(&freshness), None);

    let (kv, freshness) = pairs();
    let nth = |n: usize| {
        put(
            OpKey::plain(kv.key((&*n.to_string()).into()).unwrap()),
            inline("1"),
        )
    };
    (0..MAX_CHANGED).for_each(|n| freshness.touched(&nth(n), false));
    assert_eq!(taken(&freshness).map(|keys| keys.len()), Some(MAX_CHANGED));
    (0..=MAX_CHANGED).for_each(|n| freshness.touched(&nth(n), false));
    assert_eq!(taken(&freshness), None);
}

#[test]
fn the_stamp_says_how_much_has_changed() {
    let collection = Collection::new(&Scope::Name("s".into()), "c".into()).unwrap();
    let freshness = Freshness::of_documents(collection.clone());
    let start = freshness.stamp();
    // What has been told of is one change, however many operations it has.
    freshness.blurred();
    let place = key(prefix(keys::DOCUMENT), Some(ORDER));
    freshness.touched(&Op::Delete(place), false);
    assert_eq!(freshness.stamp(), start);
    freshness.told();
    assert_eq!(freshness.stamp(), start + 1);
    assert_eq!(taken(&freshness), None);
    freshness.lost();
    assert!(
        freshness.stamp() > start + 3,
        "no two calls come to the same"
    );

    let defined = prefix(keys::DEFINITION);
    let meets =
        |range: &crate::engine::access::KeyRange| range.from <= defined && defined < range.until;
    assert!(freshness.ranges().iter().any(meets), "a definition");
    let other = keys::collection_prefix(keys::DEFINITION, &Scope::Name("s".into()), "c2".into());
    let other = other.unwrap();
    let meets =
        |range: &crate::engine::access::KeyRange| range.from <= other && other < range.until;
    assert!(!freshness.ranges().iter().any(meets), "another's");
}
