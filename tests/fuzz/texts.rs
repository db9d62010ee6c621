//! Strings in their three spellings, keys, and places in the order of insertion.

use super::records;
use fastrand::Rng;
use patchstore::codec::js_string::{JsString, json};
use patchstore::codec::order::Order;
use patchstore::codec::tuple as tuples;
use patchstore::models::{Scope, keys, kv::Kv};

/// Code units that provoke: NUL, quotes, both kinds of surrogates and both sides of them.
const UNITS: [u16; 19] = [
    0, 1, 0x0A, 0x1F, 0x22, 0x2E, 0x5C, 0x61, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xD83D, 0xDBFF,
    0xDC00, 0xDE00, 0xE000, 0xFFFF,
];

/// Up to six code units, more often few.
pub fn units(rng: &mut Rng) -> Vec<u16> {
    let unit = |rng: &mut Rng| match rng.u8(..8) {
        0 => rng.u16(..),
        _ => UNITS[rng.usize(..UNITS.len())],
    };
    (0..rng.usize(..7)).map(|_| unit(rng)).collect()
}

pub fn string(rng: &mut Rng) -> JsString {
    JsString::from_units(&units(rng))
}

/// A place in the order of insertion.
pub fn place(rng: &mut Rng) -> Order {
    let (frame, slot) = (records::number(rng), rng.u32(..) >> rng.u32(..32));
    Order { frame, slot }
}

pub fn a_scope(rng: &mut Rng) -> Scope {
    let name = JsString::from_units(&[&[0x61], &units(rng)[..]].concat());
    if rng.bool() {
        Scope::Node(name)
    } else {
        Scope::Name(name)
    }
}

pub fn a_tuple(rng: &mut Rng) -> Vec<u8> {
    let mut key = Vec::new();
    for _ in 0..rng.usize(..4) {
        tuples::push_string(&mut key, string(rng).as_js());
    }
    key
}

/// A key of a key-value store.
pub fn a_key(rng: &mut Rng) -> Vec<u8> {
    let kv = Kv::new(&a_scope(rng)).unwrap();
    kv.key(string(rng).as_js()).unwrap().to_vec()
}

pub fn an_order(rng: &mut Rng) -> Vec<u8> {
    place(rng).to_bytes().to_vec()
}

pub fn a_quoted(rng: &mut Rng) -> Vec<u8> {
    let mut out = Vec::new();
    json::write_quoted(string(rng).as_js(), &mut out);
    out
}

pub fn a_wtf8(rng: &mut Rng) -> Vec<u8> {
    match rng.u8(..20) {
        // Long, and broken up everywhere: each part must be looked at once.
        0 => [0xED, 0xA0, 0x80].repeat(rng.usize(..1000)),
        _ => string(rng).as_bytes().to_vec(),
    }
}

pub fn tuple(input: &[u8]) -> Option<Vec<u8>> {
    let mut rest = input;
    let mut again = Vec::new();
    while !rest.is_empty() {
        let (text, left) = tuples::read_string(rest).ok()?;
        assert_eq!(
            left,
            tuples::split_string(rest).unwrap().1,
            "two ends of one string"
        );
        tuples::push_string(&mut again, text.as_js());
        rest = left;
    }
    assert_eq!(again, input, "a string has two spellings in keys");
    Some(again)
}

pub fn key(input: &[u8]) -> Option<Vec<u8>> {
    let scope = keys::scope_of(input)?;
    assert_eq!(
        keys::scopes_of([input, input]),
        std::slice::from_ref(&scope),
        "one key, one scope"
    );
    let kv = Kv::new(&scope).ok()?;
    let text = kv.key_text(input).ok()?;
    Some(kv.key(text.as_js()).ok()?.to_vec())
}

pub fn order(input: &[u8]) -> Option<Vec<u8>> {
    let order = Order::from_bytes(input)?;
    assert_eq!(order.is_provisional(), input[0] >= 0x80);
    Some(order.to_bytes().to_vec())
}

pub fn quoted(input: &[u8]) -> Option<Vec<u8>> {
    let text = json::read_quoted(input).ok()?;
    let mut out = Vec::new();
    json::write_quoted(text.as_js(), &mut out);
    assert!(std::str::from_utf8(&out).is_ok(), "JSON text is UTF-8");
    Some(out)
}

pub fn wtf8(input: &[u8]) -> Option<Vec<u8>> {
    let text = JsString::from_wtf8(input.to_vec()).ok()?;
    let units: Vec<u16> = text.as_js().units().collect();
    assert_eq!(units.len(), text.as_js().len_utf16());
    let again = JsString::from_units(&units).as_bytes().to_vec();
    assert_eq!(again, input, "a string has two spellings");
    Some(again)
}
