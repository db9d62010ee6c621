use super::apply::{Applied, Apply, Why};
use super::log::{Count, Mark, Prune, PruneSynced, Read, Which};
use super::merkle::{Look, Refresh};
use super::records::Records;
use super::remote::{Remote, record_of, stamp_of, text_of};
use super::tombstones::{Find, Forget, raise_floor};
use super::*;
use crate::codec::head::OpLog;
use crate::codec::marks::NEVER;
use crate::codec::stamp::Stamp;
use crate::codec::value::from_json;
use crate::models::documents::{self, Collection, Insert, NewDoc};
use crate::models::fake::Fake;
use crate::models::kv::{self, Clear, Kv, SetMany};
use crate::models::many::Many;
use crate::models::nodes;
use proptest::prelude::*;

const NOW: u64 = 1_700_000_000_000;

fn scope() -> Scope {
    Scope::Name("s".into())
}

fn named(name: &'static str) -> OpLog {
    let since = Stamp {
        ms: NOW - 1,
        counter: 0,
    };
    let next_stamp = Stamp::default();
    OpLog {
        device: Bytes::from_static(name.as_bytes()),
        next_stamp,
        since,
    }
}

fn device(name: &'static str, seed: u64) -> Fake {
    Fake {
        op_log: Some(named(name)),
        now_ms: NOW,
        ..Fake::disturbed(seed)
    }
}

fn pair(key: &str) -> Bytes {
    let key = JsString::from(key);
    Kv::new(&scope()).unwrap().key(key.as_js()).unwrap()
}

fn collection() -> Collection {
    Collection::new(&scope(), JsString::from("c").as_js()).unwrap()
}

fn set(fake: &mut Fake, key: &str, value: &str) {
    let (key, value) = (pair(key), from_json(value.as_bytes()));
    fake.write(|w| Ok(kv::set(w, &key, &value, NEVER)?))
        .unwrap();
}

fn delete(fake: &mut Fake, key: &str) -> bool {
    let key = pair(key);
    fake.write(|w| kv::delete(w, &key)).unwrap()
}

fn insert(fake: &mut Fake, id: &str, text: &str) {
    let stored = from_json(format!(r#"{{"_id":"{id}","text":"{text}"}}"#).as_bytes());
    let mut ids = documents::Ids::default();
    let doc = NewDoc::prepare(&stored, NOW as f64, &mut ids, &mut |_| {}).unwrap();
    let mut insert = Insert::new(&collection(), vec![doc]);
    fake.write(|w| insert.step(w)).unwrap();
}

/// What the log has: number, record, value (`None`: removal), stamp.
fn log(fake: &mut Fake, after: f64, with_synced: bool) -> Vec<(u64, Remote)> {
    let device = fake.op_log.clone().unwrap().device;
    let mut read = Read::new(after, f64::INFINITY, with_synced);
    let mut found = Vec::new();
    fake.read(|r| {
        read.step(r, &mut |id, entry, value| {
            let remote = Remote {
                record: entry.record.clone(),
                value: value.cloned(),
                expires_ms: entry.expires_ms,
                stamp: entry.stamp,
                device: device.clone(),
                has_version: false,
            };
            found.push((id, remote));
            Ok(())
        })
    })
    .unwrap();
    found
}

fn pending(fake: &mut Fake) -> Vec<(u64, Remote)> {
    log(fake, -1.0, false)
}

fn apply(fake: &mut Fake, entries: Vec<Remote>) -> Applied {
    let now_ms = fake.now_ms as f64;
    let mut apply = Apply::new(entries, now_ms).unwrap();
    fake.write(|w| apply.step(w)).unwrap()
}

fn entries(fake: &mut Fake) -> Vec<Remote> {
    let all = pending(fake).into_iter();
    all.map(|(_, entry)| entry).collect()
}

fn records(fake: &mut Fake, path: &str, after: Option<&str>, limit: f64) -> Vec<Remote> {
    let after = after.map(JsString::from);
    let after = after.as_ref().map(JsString::as_js);
    let mut records = Records::new(path, after, limit).unwrap();
    let mut found = Vec::new();
    fake.read(|r| {
        records.step(r, &mut |record| {
            found.push(record.clone());
            Ok(())
        })
    })
    .unwrap();
    found
}

fn look(fake: &mut Fake, path: &str) -> merkle::Found {
    let mut look = Look::new(path).unwrap();
    fake.read(|r| look.step(r)).unwrap().0
}

fn refresh(fake: &mut Fake) {
    let (_, nodes) = {
        let mut look = Look::new("").unwrap();
        fake.read(|r| look.step(r)).unwrap()
    };
    for node in nodes {
        let mut refresh = Refresh::new(node);
        fake.write(|w| refresh.step(w)).unwrap();
    }
}

fn root(fake: &mut Fake) -> String {
    merkle::text_of(look(fake, "").sum)
}

/// What users see, and what merging goes by.
fn state_of(fake: &Fake) -> Vec<(Bytes, Bytes)> {
    let is_data = |key: &Bytes| matches!(key[0], kinds::PAIR | kinds::STATE);
    let all = fake.map.iter().filter(|(key, _)| is_data(key));
    all.map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

#[test]
fn every_write_of_a_record_has_its_entry() {
    let mut fake = device("me", 1);
    set(&mut fake, "a", "1");
    set(&mut fake, "b", &format!("\"{}\"", "x".repeat(5_000)));
    assert!(delete(&mut fake, "a"));
    assert!(!delete(&mut fake, "a"));
    insert(&mut fake, "d", "one");
    let kv = Kv::new(&scope()).unwrap();
    let rows = ["e", "f"].map(|key| (pair(key), from_json(b"true"), NEVER));
    let mut many = SetMany::new(rows.into());
    fake.write(|w| many.step(w)).unwrap();
    let mut clear = Clear::new(&kv);
    fake.write(|w| clear.step(w)).unwrap();
    let mut drop = documents::Drop::new(&collection());
    fake.write(|w| drop.step(w)).unwrap();
    let found = pending(&mut fake);
    let id = record_of(&scope(), Some(&"c".into()), JsString::from("d").as_js()).unwrap();
    let said = |put: bool, record: Bytes| (record, put);
    let wanted = [
        said(true, pair("a")),
        said(true, pair("b")),
        said(false, pair("a")),
        said(true, id.clone()),
        said(true, pair("e")),
        said(true, pair("f")),
        said(false, pair("b")),
        said(false, pair("e")),
        said(false, pair("f")),
        said(false, id),
    ];
    let said: Vec<_> = (found.iter())
        .map(|(_, entry)| (entry.record.clone(), entry.value.is_some()))
        .collect();
    assert_eq!(said, wanted);
    assert_eq!(found[1].1.value.as_ref().unwrap().len(), 5_003);
    for pair in found.windows(2) {
        assert!(pair[0].0 < pair[1].0 && pair[0].1.stamp < pair[1].1.stamp);
    }
    let mut count = Count::default();
    assert_eq!(fake.read(|r| count.step(r)).unwrap(), 10);
    assert!(
        records(&mut fake, "", None, 99.0)
            .iter()
            .all(|record| record.value.is_none())
    );
}

#[test]
fn without_a_device_nothing_is_logged_and_ranges_stay_blind() {
    let mut fake = Fake::default();
    set(&mut fake, "a", "1");
    assert_eq!(fake.map.len(), 1);
    fake.reads = 0;
    let mut clear = Clear::new(&Kv::new(&scope()).unwrap());
    fake.write(|w| clear.step(w)).unwrap();
    assert!(fake.map.is_empty());
    assert_eq!(fake.reads, 0);
}

#[test]
fn a_node_is_removed_and_copied_record_by_record() {
    let mut fake = device("me", 5);
    let (from, to) = (Scope::Node("n".into()), Scope::Node("m".into()));
    let encoded = |scope: &Scope| keys::encoded_scope(scope).unwrap();
    let key = Kv::new(&from)
        .unwrap()
        .key(JsString::from("k").as_js())
        .unwrap();
    fake.write(|w| Ok(kv::set(w, &key, &from_json(b"1"), NEVER)?))
        .unwrap();
    let docs = Collection::new(&from, JsString::from("c").as_js()).unwrap();
    let doc = NewDoc::prepare(
        &from_json(b"{\"_id\":\"d\"}"),
        1.0,
        &mut documents::Ids::default(),
        &mut |_| {},
    )
    .unwrap();
    let mut insert = Insert::new(&docs, vec![doc]);
    fake.write(|w| insert.step(w)).unwrap();
    let mut copy = nodes::Copy::new(encoded(&from), encoded(&to));
    fake.write(|w| copy.step(w)).unwrap();
    let mut delete = nodes::Delete::new(encoded(&from));
    assert!(fake.write(|w| delete.step(w)).unwrap());
    let texts = |(_, entry): &(u64, Remote)| {
        let name = Name::of(&entry.record).unwrap();
        let (scope, collection, key) = name.texts().unwrap();
        (scope, collection.is_some(), key, entry.value.is_some())
    };
    let said: Vec<_> = pending(&mut fake).iter().map(texts).collect();
    let of = |scope: &Scope, is_doc: bool, put: bool| {
        let key = if is_doc { "d" } else { "k" };
        (scope.clone(), is_doc, JsString::from(key), put)
    };
    assert_eq!(
        said,
        [
            of(&from, false, true),
            of(&from, true, true),
            of(&to, false, true),
            of(&to, true, true),
            of(&from, false, false),
            of(&from, true, false),
        ]
    );
}

#[test]
fn what_is_marked_or_pruned_is_gone_from_what_is_pending() {
    let mut fake = device("me", 2);
    for key in ["a", "b", "c", "d", "e"] {
        set(&mut fake, key, &format!("\"{}\"", "y".repeat(2_000)));
    }
    let ids: Vec<f64> = pending(&mut fake)
        .iter()
        .map(|(id, _)| *id as f64)
        .collect();
    let left =
        |fake: &mut Fake| -> Vec<f64> { pending(fake).iter().map(|(id, _)| *id as f64).collect() };
    let mark = |fake: &mut Fake, which: Which| {
        let mut mark = Mark::new(which);
        fake.write(|w| mark.step(w)).unwrap()
    };
    let prune = |fake: &mut Fake, which: Which| {
        let mut prune = Prune::new(which);
        fake.write(|w| prune.step(w)).unwrap()
    };
    assert_eq!(
        mark(
            &mut fake,
            Which::These(vec![ids[2], ids[2], ids[3] + 0.5, -1.0, 1e300])
        ),
        2
    );
    assert_eq!(left(&mut fake), [ids[0], ids[1], ids[4]]);
    assert_eq!(mark(&mut fake, Which::UpTo(ids[0])), 1);
    assert_eq!(mark(&mut fake, Which::UpTo(ids[0])), 0);
    assert_eq!(left(&mut fake), [ids[1], ids[4]]);
    assert_eq!(log(&mut fake, ids[1], false).len(), 1);
    // Marked up to far ahead: what comes is pending all the same.
    assert_eq!(mark(&mut fake, Which::UpTo(ids[1] + 1e9)), 2);
    set(&mut fake, "f", "1");
    let last = left(&mut fake);
    assert_eq!(last.len(), 1);
    assert!(last[0] > ids[4]);
    assert_eq!(
        prune(&mut fake, Which::These(vec![ids[3], ids[3], ids[4]])),
        2
    );
    assert_eq!(prune(&mut fake, Which::UpTo(ids[1])), 2);
    let mut synced = PruneSynced::default();
    assert_eq!(fake.write(|w| synced.step(w)).unwrap(), 1);
    let of_log = |fake: &Fake, kind: u8| fake.map.keys().filter(|key| key[0] == kind).count();
    assert_eq!(of_log(&fake, kinds::LOGGED_VALUE), 0);
    assert_eq!(of_log(&fake, kinds::SYNCED), 0);
    assert_eq!(left(&mut fake), last);
    assert_eq!(prune(&mut fake, Which::UpTo(-1.0)), 0);
    assert_eq!(prune(&mut fake, Which::UpTo(f64::INFINITY)), 1);
    assert_eq!(of_log(&fake, kinds::LOGGED), 0);
    // Numbers are not used again.
    set(&mut fake, "g", "1");
    assert!(left(&mut fake)[0] > last[0]);
}

#[test]
fn what_is_refused_is_named_and_the_others_are_applied() {
    let mut fake = device("me", 3);
    let entry = |key: &str, ms: u64| Remote {
        record: pair(key),
        value: Some(from_json(b"1")),
        expires_ms: NEVER,
        stamp: Stamp { ms, counter: 0 },
        device: Bytes::from_static(b"other"),
        has_version: false,
    };
    let mut of_version = entry("v", NOW);
    of_version.has_version = true;
    let ahead = entry("ahead", NOW + apply::MAX_AHEAD_MS + 1);
    let just = entry("just", NOW + apply::MAX_AHEAD_MS);
    let found = apply(&mut fake, vec![ahead, of_version, just.clone()]);
    assert_eq!(found.applied, 1);
    assert_eq!(found.refused, [(0, Why::Clock), (1, Why::Version)]);
    // What is written here from now on is later.
    set(&mut fake, "just", "2");
    assert!(pending(&mut fake)[0].1.stamp > just.stamp);
    assert_eq!(apply(&mut fake, vec![just]).applied, 0);
}

#[test]
fn nothing_removed_comes_back_once_its_removal_is_forgotten() {
    let mut fake = device("me", 4);
    let mut other = device("other", 5);
    set(&mut other, "a", "1");
    let old = entries(&mut other);
    apply(&mut fake, old.clone());
    fake.now_ms = NOW + 10;
    assert!(delete(&mut fake, "a"));
    let floor = Stamp {
        ms: NOW + 20,
        counter: 0,
    };
    let me = Bytes::from_static(b"me");
    fake.write(|w| raise_floor(w, floor, &me)).unwrap();
    fake.write(|w| raise_floor(w, Stamp { ms: 5, counter: 0 }, &me))
        .unwrap();
    let mut find = Find::new(floor, me.clone(), Bytes::new(), 0.0);
    let (keys, next) = fake.read(|r| find.step(r)).unwrap();
    assert_eq!((keys.len(), next), (1, None));
    let mut forget = Forget::new(floor, me, keys, 0.0);
    assert_eq!(fake.write(|w| forget.step(w)).unwrap(), 1);
    let found = apply(&mut fake, old);
    assert_eq!(found.refused, [(0, Why::Floor)]);
    assert!(!fake.map.contains_key(&pair("a")));
    // What is known of is judged by its stamp, also below the floor.
    set(&mut other, "b", "1");
    fake.now_ms = NOW;
    let early = entries(&mut other).pop().unwrap();
    let mut known = early.clone();
    known.stamp.ms -= 1;
    fake.write(|w| {
        let name = Name::of(&known.record)?;
        journal::touch(w, &name, false, NEVER, b"other", known.stamp.to_bytes());
        Ok(())
    })
    .unwrap();
    assert_eq!(apply(&mut fake, vec![early]).applied, 1);
}

#[test]
fn what_is_written_between_finding_and_forgetting_keeps_its_state() {
    let mut fake = device("a", 5);
    for key in ["again", "gone"] {
        set(&mut fake, key, "1");
        delete(&mut fake, key);
    }
    let (floor, me) = (fake.next_stamp, Bytes::from_static(b"a"));
    let mut find = Find::new(floor, me.clone(), Bytes::new(), 0.0);
    let (keys, _) = fake.read(|r| find.step(r)).unwrap();
    assert_eq!(keys.len(), 2);
    set(&mut fake, "again", "2");
    let late = entries(&mut fake).pop().unwrap();
    let mut forget = Forget::new(floor, me, keys, 0.0);
    assert_eq!(fake.write(|w| forget.step(w)).unwrap(), 1);
    let found = records(&mut fake, "", None, f64::INFINITY);
    assert_eq!(found, std::slice::from_ref(&late));
    // An older entry of it loses still, without a floor to refuse it.
    let older = Remote {
        device: Bytes::from_static(b"b"),
        value: None,
        stamp: Stamp {
            ms: NOW,
            counter: 0,
        },
        ..late
    };
    assert_eq!(apply(&mut fake, vec![older]).applied, 0);
}

#[test]
fn records_without_a_state_count_as_written_at_the_switch() {
    let mut fake = Fake::disturbed(6);
    for n in 0..40 {
        set(&mut fake, &format!("k{n}"), "1");
    }
    insert(&mut fake, "d", "x");
    let pairs = fake.map.len();
    fake.op_log = Some(named("me"));
    fake.now_ms = NOW;
    set(&mut fake, "k7", "2");
    let written = entries(&mut fake)[0].stamp;
    fake.now_ms = NOW + 1;
    // (With stops, it would begin anew again and again.)
    fake.stop_in = 40;
    let mut seed = seed::Seed::default();
    assert!(fake.write(|w| seed.step(w)).unwrap());
    let all = records(&mut fake, "", None, f64::INFINITY);
    assert_eq!(all.len(), 41, "{pairs}");
    let of_k7 = all
        .iter()
        .find(|record| record.record == pair("k7"))
        .unwrap();
    assert_eq!(of_k7.stamp, written);
    assert!(
        all.iter()
            .filter(|record| record.stamp.ms == NOW - 1)
            .count()
            == 40
    );
    assert!(fake.read(|r| seed::is_done(r)).unwrap());
}

#[test]
fn pages_of_records_have_each_once() {
    let mut fake = device("me", 7);
    for n in 0..50 {
        set(&mut fake, &format!("k{n}"), "1");
        insert(&mut fake, &format!("k{n}"), "x");
    }
    let all = records(&mut fake, "", None, f64::INFINITY);
    assert_eq!(all.len(), 100);
    let mut paged: Vec<Remote> = Vec::new();
    loop {
        let after = paged
            .last()
            .map(|last| Name::of(&last.record).unwrap().texts().unwrap().2);
        let after = after.map(|key| key.as_js().to_display());
        let page = records(&mut fake, "", after.as_deref(), 7.0);
        if page.is_empty() {
            break;
        }
        // What has one key comes together.
        assert!((7..=8).contains(&page.len()) || paged.len() + page.len() == 100);
        paged.extend(page);
    }
    assert_eq!(paged, all);
    let below: Vec<Remote> = (0..16)
        .flat_map(|digit| records(&mut fake, &format!("{digit:x}"), None, f64::INFINITY))
        .collect();
    assert_eq!(below, all);
    assert!(records(&mut fake, "", None, 0.0).is_empty());
    for path in ["x", "0000", "A", "0x1"] {
        assert!(Records::new(path, None, 1.0).is_err(), "{path}");
    }
}

#[test]
fn digests_follow_the_writes_and_are_stored() {
    let mut fake = device("me", 8);
    assert_eq!(root(&mut fake), "0".repeat(32));
    for n in 0..300 {
        set(&mut fake, &format!("k{n}"), "1");
    }
    let before = look(&mut fake, "");
    refresh(&mut fake);
    assert!(!fake.map.keys().any(|key| key[0] == kinds::DIRTY));
    assert_eq!(look(&mut fake, ""), before);
    fake.reads = 0;
    let reads = {
        look(&mut fake, "");
        fake.reads
    };
    assert!(reads < 700, "{reads}");
    set(&mut fake, "k5", "1");
    assert_ne!(look(&mut fake, "").sum, before.sum);
    refresh(&mut fake);
    let after = look(&mut fake, "");
    let changed = |(a, b): &(&(String, u128), &(String, u128))| a != b;
    let differing: Vec<_> = before
        .children
        .iter()
        .zip(&after.children)
        .filter(changed)
        .collect();
    assert_eq!(differing.len(), 1);
    let (path, sum) = differing[0].1;
    let node = look(&mut fake, path);
    assert_eq!(node.sum, *sum);
    assert_eq!(
        node.children
            .iter()
            .fold(0u128, |all, (_, sum)| all.wrapping_add(*sum)),
        *sum
    );
    let leaf = look(&mut fake, &node.children[0].0);
    assert_eq!((leaf.sum, leaf.children.len()), (node.children[0].1, 0));
    // Removed, it counts no more.
    for n in 0..300 {
        delete(&mut fake, &format!("k{n}"));
    }
    assert_eq!(root(&mut fake), "0".repeat(32));
}

#[derive(Debug, Clone)]
enum Act {
    Set(u8, u8),
    Delete(u8),
    Insert(u8),
    Drop,
    /// This device gets what the other has pending, some of it twice, in another order.
    Send(u64),
    Clock(i64),
}

fn act() -> impl Strategy<Value = (usize, Act)> {
    let act = prop_oneof![
        5 => (0..6u8, any::<u8>()).prop_map(|(key, value)| Act::Set(key, value)),
        2 => (0..6u8).prop_map(Act::Delete),
        2 => (0..4u8).prop_map(Act::Insert),
        1 => Just(Act::Drop),
        3 => any::<u64>().prop_map(Act::Send),
        2 => (-50..50i64).prop_map(Act::Clock),
    ];
    (0..3usize, act)
}

fn shuffled<T: Clone>(items: &[T], mut seed: u64) -> Vec<T> {
    let mut out = Vec::new();
    for item in items {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let at = (seed >> 33) as usize % (out.len() + 1);
        out.insert(at, item.clone());
        if seed >> 62 == 0 {
            out.push(item.clone());
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn replicas_come_to_the_same_whatever_order_entries_come_in(
        acts in prop::collection::vec(act(), 1..60), orders in any::<[u64; 3]>(), cut in any::<u8>(),
    ) {
        let mut devices = [device("a", 1), device("b", 2), device("c", 3)];
        for (at, act) in acts {
            match act {
                Act::Set(key, value) => set(&mut devices[at], &format!("k{key}"), &value.to_string()),
                Act::Delete(key) => drop(delete(&mut devices[at], &format!("k{key}"))),
                Act::Insert(id) => {
                    let id = format!("d{id}");
                    let there = {
                        let key = JsString::from(id.as_str());
                        devices[at].read(|r| collection().get(r, key.as_js())).unwrap().is_some()
                    };
                    if !there { insert(&mut devices[at], &id, "x"); }
                }
                Act::Drop => {
                    let mut drop = documents::Drop::new(&collection());
                    devices[at].write(|w| drop.step(w)).unwrap();
                }
                Act::Send(seed) => {
                    let sent = entries(&mut devices[(at + 1) % 3]);
                    apply(&mut devices[at], shuffled(&sent, seed));
                }
                Act::Clock(by) => devices[at].now_ms = devices[at].now_ms.saturating_add_signed(by),
            }
        }
        let all: Vec<Remote> = devices.iter_mut().flat_map(entries).collect();
        for (device, seed) in devices.iter_mut().zip(orders) {
            let mut sent = shuffled(&all, seed);
            let rest = sent.split_off(sent.len() * usize::from(cut) / 256);
            apply(device, sent);
            apply(device, rest);
        }
        let [a, b, c] = &mut devices;
        prop_assert_eq!(state_of(a), state_of(b));
        prop_assert_eq!(state_of(b), state_of(c));
        prop_assert_eq!(root(a), root(b));
        // Again changes nothing, and a new device comes to the same by records alone.
        prop_assert_eq!(apply(c, all).applied, 0);
        let mut fresh = device("new", 9);
        let found = records(c, "", None, f64::INFINITY);
        apply(&mut fresh, found);
        prop_assert_eq!(state_of(c), state_of(&fresh));
        prop_assert_eq!(root(c), root(&mut fresh));
    }

    #[test]
    fn stamps_are_read_back(ms in 0u64..1 << 48, counter in 0u32..1 << 20, device in "[!-~]{1,64}") {
        let stamp = Stamp { ms, counter };
        let text = text_of(stamp, device.as_bytes());
        prop_assert_eq!(stamp_of(&text).unwrap(), (stamp, Bytes::from(device)));
    }
}
