use super::*;
use proptest::prelude::*;

fn units() -> impl Strategy<Value = Vec<u16>> {
    super::super::js_string::tests::any_units()
}

fn key(parts: &[&Vec<u16>], tail: u8) -> Vec<u8> {
    let mut out = vec![0x10];
    for part in parts {
        push_string(&mut out, JsString::from_units(part).as_js());
    }
    out.push(tail);
    out
}

proptest! {
    #[test]
    fn tuples_sort_as_their_units(
        a in units(), b in units(), x in units(), y in units(), s in 0u8..255, t in 0u8..255,
    ) {
        let left = key(&[&a, &x], s);
        let right = key(&[&b, &y], t);
        prop_assert_eq!(left.cmp(&right), (&a, &x, s).cmp(&(&b, &y, t)));
    }

    #[test]
    fn strings_come_back(a in units(), b in units()) {
        let bytes = key(&[&a, &b], 7);
        let (first, rest) = read_string(&bytes[1..]).unwrap();
        let (second, rest) = read_string(rest).unwrap();
        prop_assert_eq!(first, JsString::from_units(&a));
        prop_assert_eq!(second, JsString::from_units(&b));
        prop_assert_eq!(rest, &[7][..]);
    }

    #[test]
    fn a_prefix_range_holds_what_begins_with_it(a in units(), b in units()) {
        let mut prefix = vec![0x10];
        push_prefix(&mut prefix, JsString::from_units(&a).as_js());
        let range = prefix_range(prefix.into());
        let inside = key(&[&b], 0);
        prop_assert_eq!(range.from <= inside && range.until > inside, b.starts_with(&a));
    }

    #[test]
    fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..24)) {
        if let Ok((text, rest)) = read_string(&bytes) {
            let mut again = Vec::new();
            push_string(&mut again, text.as_js());
            again.extend_from_slice(rest);
            prop_assert_eq!(again, bytes, "one form only");
        }
    }
}

#[test]
fn a_prefix_of_the_last_byte_has_an_end() {
    assert_eq!(&after_prefix(&[0x10, 0xFF])[..], &[0x11]);
}

#[test]
fn a_pair_in_four_bytes_is_refused() {
    // Four bytes of UTF-8 used to be read as the pair that keys encode in six bytes: a second encoding, which
    // sorts differently.
    assert!(read_string(b"\xF0\x9F\x98\x80\0").is_err());
    let mut key = Vec::new();
    push_string(&mut key, "\u{1F600}".into());
    assert_eq!(read_string(&key).unwrap().0, "\u{1F600}".into());
}

#[test]
fn a_range_within_a_string_holds_nothing_of_a_longer_one() {
    let beginning = |name: &str| {
        let mut key = vec![0x10];
        push_string(&mut key, name.into());
        key
    };
    let within = range_within(beginning("a").into());
    let holds = |key: Vec<u8>| within.from <= key && key[..] < within.until[..];
    for tail in [0x00, 0x01, 0x80, 0xFE] {
        let key = |name| [beginning(name), vec![tail, 0xFF]].concat();
        assert!(holds(key("a")));
        for other in ["", "a\0", "a\0b", "ab", "b"] {
            assert!(!holds(key(other)), "{other:?}");
        }
    }
}

proptest! {
    #[test]
    fn keys_are_compared_as_their_bytes_are(
        start in prop::collection::vec(any::<u8>(), 0..20),
        a in prop::collection::vec(0..3u8, 0..12), b in prop::collection::vec(0..3u8, 0..12),
    ) {
        let (a, b) = ([&start[..], &a].concat(), [&start[..], &b].concat());
        prop_assert_eq!(compare(&a, &b), a.cmp(&b));
    }
}
