//! Devices that have had the same entries come to the same, whatever order these came in.

use super::remote::{Remote, stamp_of, text_of};
use super::testing::*;
use super::*;
use crate::codec::stamp::Stamp;
use crate::models::documents;
use proptest::prelude::*;

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
                    let mut drop = documents::Drop::new(&collection(), 0.0);
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
