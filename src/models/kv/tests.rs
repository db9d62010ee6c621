use super::*;
use crate::error::Code;
use crate::models::fake::Fake;
use crate::models::many::Many;
use proptest::prelude::*;
use std::collections::BTreeMap;

use crate::codec::js_string::tests::any_units;

fn kv(name: &str) -> Kv {
    Kv::new(&Scope::Name(name.into())).unwrap()
}

fn text(units: &[u16]) -> JsString {
    JsString::from_units(units)
}

#[derive(Debug, Clone)]
enum Op {
    Set(Vec<u16>, u8),
    Delete(Vec<u16>),
    SetMany(Vec<(Vec<u16>, u8)>),
    DeleteMany(Vec<Vec<u16>>),
    Update(Vec<u16>),
    Clear,
}

fn key() -> impl Strategy<Value = Vec<u16>> {
    prop::collection::vec(
        prop::sample::select(vec![0u16, 0x61, 0x62, 0xD83D, 0xDE00, 0xFFFF]),
        0..3,
    )
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (key(), any::<u8>()).prop_map(|(k, v)| Op::Set(k, v)),
        2 => key().prop_map(Op::Delete),
        2 => prop::collection::vec((key(), any::<u8>()), 0..80).prop_map(Op::SetMany),
        1 => prop::collection::vec(key(), 0..80).prop_map(Op::DeleteMany),
        2 => key().prop_map(Op::Update),
        1 => Just(Op::Clear),
    ]
}

type Model = BTreeMap<Vec<u16>, u8>;

fn apply(fake: &mut Fake, kv: &Kv, model: &mut Model, op: Op) {
    let at = |key: &[u16]| kv.key(text(key).as_js()).unwrap();
    let value = |v: u8| Bytes::from(vec![v]);
    match op {
        Op::Set(k, v) => {
            fake.write(|w| set(w, &at(&k), &value(v), NEVER)).unwrap();
            model.insert(k, v);
        }
        Op::Delete(k) => {
            let existed = fake.write(|w| delete(w, &at(&k))).unwrap();
            assert_eq!(existed, model.remove(&k).is_some());
        }
        Op::SetMany(entries) => {
            let records = entries
                .iter()
                .map(|(k, v)| (at(k), value(*v), NEVER))
                .collect();
            let mut work = SetMany::new(records);
            fake.write(|w| work.step(w)).unwrap();
            model.extend(entries);
        }
        Op::DeleteMany(keys) => {
            let mut work = DeleteMany::new(keys.iter().map(|k| at(k)).collect());
            let existed = fake.write(|w| work.step(w)).unwrap();
            let expected = keys.iter().filter(|k| model.remove(*k).is_some()).count();
            assert_eq!(existed, expected as u64);
        }
        Op::Update(k) => {
            // Up to 3, then away.
            let next = |old: Option<u8>| old.map_or(Some(0), |v| (v < 3).then(|| v + 1));
            let new = fake
                .write(|w| {
                    update(
                        w,
                        &at(&k),
                        &mut |old| Ok(next(old.map(|v| v[0])).map(value)),
                    )
                })
                .unwrap();
            let expected = next(model.remove(&k));
            assert_eq!(new, expected.map(value));
            if let Some(v) = expected {
                model.insert(k, v);
            }
        }
        Op::Clear => {
            let mut clear = Clear::new(kv);
            fake.write(|w| clear.step(w)).unwrap();
            model.clear();
        }
    }
}

fn entries(fake: &mut Fake, kv: &Kv, spec: &KeyRangeSpec) -> Vec<(JsString, u8)> {
    let mut scan = Scan::new(kv, spec).unwrap();
    let mut all = Vec::new();
    fake.read(|r| {
        scan.step(r, true, &mut |key, value| {
            all.push((kv.key_text(key)?, value[0]));
            Ok(())
        })
    })
    .unwrap();
    all
}

fn spec() -> impl Strategy<Value = KeyRangeSpec> {
    let bound = || prop::option::weighted(0.3, key().prop_map(|k| text(&k)));
    (
        bound(),
        bound(),
        bound(),
        bound(),
        bound(),
        any::<bool>(),
        prop::option::weighted(0.3, 0u64..6),
    )
        .prop_map(|(prefix, gt, gte, lt, lte, reverse, limit)| KeyRangeSpec {
            prefix,
            gt,
            gte,
            lt,
            lte,
            reverse,
            limit,
        })
}

/// The contract, said once more.
fn expected(model: &Model, spec: &KeyRangeSpec) -> Vec<(JsString, u8)> {
    let units = |bound: &JsString| bound.as_js().units().collect::<Vec<_>>();
    let holds = |key: &Vec<u16>| {
        spec.prefix
            .as_ref()
            .is_none_or(|b| key.starts_with(&units(b)))
            && spec.gt.as_ref().is_none_or(|b| *key > units(b))
            && spec.gte.as_ref().is_none_or(|b| *key >= units(b))
            && spec.lt.as_ref().is_none_or(|b| *key < units(b))
            && spec.lte.as_ref().is_none_or(|b| *key <= units(b))
    };
    let mut found: Vec<_> = model
        .iter()
        .filter(|(k, _)| holds(k))
        .map(|(k, v)| (text(k), *v))
        .collect();
    if spec.reverse {
        found.reverse();
    }
    found.truncate(spec.limit.map_or(usize::MAX, |limit| limit as usize));
    found
}

proptest! {
    #[test]
    fn a_store_is_a_map_whatever_stops_it(
        ops in prop::collection::vec(op(), 0..12), seed in any::<u64>(), spec in spec(),
    ) {
        let mut fake = Fake::disturbed(seed);
        let (kv, other) = (kv("x"), kv("x\0"));
        let kept = other.key("a".into()).unwrap();
        fake.map.insert(kept.clone(), Bytes::from_static(b"kept"));
        let mut model = Model::new();
        for op in ops {
            apply(&mut fake, &kv, &mut model, op);
            let all = KeyRangeSpec::default();
            prop_assert_eq!(entries(&mut fake, &kv, &all), expected(&model, &all));
        }
        prop_assert!(fake.map.contains_key(&kept), "the neighbour was touched");
        let expected = expected(&model, &spec);
        prop_assert_eq!(entries(&mut fake, &kv, &spec), expected.clone());
        let mut keys = Vec::new();
        let mut scan = Scan::new(&kv, &spec).unwrap();
        fake.read(|r| {
            scan.step(r, false, &mut |key, _| {
                keys.push(kv.key_text(key)?);
                Ok(())
            })
        })
        .unwrap();
        prop_assert_eq!(&keys, &expected.iter().map(|(k, _)| k.clone()).collect::<Vec<_>>());

        let wanted: Vec<_> = model.keys().cloned().chain([vec![0x7A]]).collect();
        let records: Vec<_> = wanted.iter().map(|k| kv.key(text(k).as_js()).unwrap()).collect();
        let mut get_many = GetMany::new(records.into());
        let mut got = Vec::new();
        fake.read(|r| {
            get_many.step(r, &mut |stored| {
                got.push(stored.map(Bytes::copy_from_slice));
                Ok(())
            })
        })
        .unwrap();
        let values: Vec<_> = wanted.iter().map(|k| model.get(k).map(|v| Bytes::from(vec![*v]))).collect();
        prop_assert_eq!(got, values);
    }

    #[test]
    fn going_on_after_a_key_loses_and_repeats_nothing(
        keys in prop::collection::btree_set(any_units(), 0..20), spec in spec(), page in 1u64..4,
    ) {
        let mut fake = Fake::default();
        let kv = kv("x");
        let model: Model = keys.into_iter().map(|k| (k, 1)).collect();
        for key in model.keys() {
            fake.map.insert(kv.key(text(key).as_js()).unwrap(), Bytes::from_static(&[1]));
        }
        let mut rest = spec.clone();
        let mut all = Vec::new();
        loop {
            let mut this = rest.clone();
            this.limit = Some(rest.limit.map_or(page, |limit| limit.min(page)));
            let found = entries(&mut fake, &kv, &this);
            let Some((last, _)) = found.last() else { break };
            rest = rest.after(last.clone(), found.len() as u64);
            all.extend(found);
        }
        prop_assert_eq!(all, expected(&model, &spec));
    }
}

#[test]
fn stores_of_other_kinds_lie_apart() {
    let mut fake = Fake::default();
    let stores = [
        kv("x"),
        Kv::of_kind(keys::META),
        Kv::of_kind(keys::ADAPTER_META),
    ];
    assert_eq!(
        stores.each_ref().map(Kv::kind),
        [keys::KV, keys::META, keys::ADAPTER_META]
    );
    for (value, kv) in (1u8..).zip(&stores) {
        let key = kv.key("k".into()).unwrap();
        fake.map.insert(key, Bytes::from(vec![value]));
    }
    for (value, kv) in (1u8..).zip(&stores) {
        let found = entries(&mut fake, kv, &KeyRangeSpec::default());
        assert_eq!(found, vec![("k".into(), value)]);
    }
    let [_, meta, _] = &stores;
    let mut clear = Clear::new(meta);
    fake.write(|w| clear.step(w)).unwrap();
    assert_eq!(fake.map.len(), 2);
}

#[test]
fn blind_writes_read_nothing() {
    let mut fake = Fake::default();
    let kv = kv("x");
    let key = kv.key("".into()).unwrap();
    let mut many = SetMany::new(vec![(key.clone(), Bytes::new(), NEVER); 100]);
    fake.write(|w| set(w, &key, &Bytes::new(), NEVER)).unwrap();
    fake.write(|w| many.step(w)).unwrap();
    let mut clear = Clear::new(&kv);
    fake.write(|w| clear.step(w)).unwrap();
    assert_eq!(fake.reads, 0);
}

#[test]
fn what_change_fails_with_is_told_and_nothing_is_written() {
    let mut fake = Fake::default();
    let key = kv("x").key("k".into()).unwrap();
    let error = fake
        .write(|w| update(w, &key, &mut |_| Err(Error::invalid("no"))))
        .unwrap_err();
    assert_eq!(error.message(), "no");
    assert!(fake.map.is_empty());
}

#[test]
fn keys_may_be_empty_but_not_longer_than_allowed() {
    let kv = kv("x");
    assert!(kv.key("".into()).is_ok());
    let long = "k".repeat(1001);
    assert_eq!(
        kv.key(long.as_str().into()).unwrap_err().code(),
        Code::InvalidArgument
    );
    let spec = KeyRangeSpec {
        lte: Some(long.into()),
        ..KeyRangeSpec::default()
    };
    assert!(Scan::new(&kv, &spec).is_err());
}

#[test]
fn what_is_added_leaves_what_is_there() {
    for seed in 0..50 {
        let mut fake = Fake::disturbed(seed);
        let kv = kv("s");
        let at = |n: u16| kv.key(text(&[n]).as_js()).unwrap();
        let there = [(at(3), Bytes::from_static(b"old"), NEVER)];
        let mut set = SetMany::new(there.to_vec());
        fake.write(|w| set.step(w)).unwrap();
        let mut entries: Vec<_> = (0..20)
            .map(|n| (at(n), Bytes::from(vec![1, n as u8]), NEVER))
            .collect();
        entries.push((at(5), Bytes::from_static(b"second"), NEVER));
        let mut add = AddMany::new(entries.clone());
        assert_eq!(fake.write(|w| add.step(w)).unwrap(), 19);
        assert_eq!(fake.map.len(), 20);
        assert_eq!(fake.map[&at(3)], "old");
        assert_eq!(fake.map[&at(5)], vec![1, 5]);
        let mut again = AddMany::new(entries);
        assert_eq!(fake.write(|w| again.step(w)).unwrap(), 0);
    }
}
